#include "controller/status_path.h"

#include "base/memory.h"
#include "base/parse.h"
#include "base/sha256.h"

#include <limits.h>
#include <string.h>

enum { DIGEST_LEN = 16, LONGEST_STEM = NAME_MAX - 12 /* ".status.yaml" */ };

/* Where a name may be cut: not within a character. */
static size_t cut(const char *name, size_t len)
{
    while (len > 0 && ((unsigned char)name[len] & 0xc0) == 0x80) {
        len--;
    }
    return len;
}

char *status_path(const char *directory, const char *spec_file)
{
    /* .yml keeps its ending in the name, so that a.yaml and a.yml do not share a status file */
    size_t stem = text_has_suffix(spec_file, ".yaml") ? strlen(spec_file) - strlen(".yaml")
                                                      : strlen(spec_file);
    const char *slash = strrchr(spec_file, '/'), *name = slash != NULL ? slash + 1 : spec_file;
    size_t folder = (size_t)(name - spec_file);
    char digest[SHA256_HEX_SIZE];

    if (stem - folder <= LONGEST_STEM) {
        return xasprintf("%s/%.*s.status.yaml", directory, (int)stem, spec_file);
    }
    sha256_hex(name, strlen(name), digest);
    return xasprintf("%s/%.*s%.*s~%.*s.status.yaml", directory, (int)folder, spec_file,
                     (int)cut(name, LONGEST_STEM - DIGEST_LEN - 1), name, DIGEST_LEN, digest);
}
