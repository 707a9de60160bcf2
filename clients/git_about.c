#include "clients/git_about.h"

#include "base/cleanup.h"

#include <git2.h>
#include <unistd.h>

/* Where systems keep them: Debian, Fedora, Alpine. The library looks at its system's. */
static const char *const ca_files[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
};

struct git_about git_about(void)
{
    struct git_about about = {0};
    int features = git_libgit2_features();

    git_libgit2_version(&about.major, &about.minor, &about.revision);
    about.has_https = (features & GIT_FEATURE_HTTPS) != 0;
    about.has_ssh = (features & GIT_FEATURE_SSH) != 0;
    for (size_t i = 0; i < ARRAY_SIZE(ca_files) && about.ca_file == NULL; i++) {
        if (access(ca_files[i], R_OK) == 0) {
            about.ca_file = ca_files[i];
        }
    }
    return about;
}
