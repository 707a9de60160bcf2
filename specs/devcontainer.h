/*
 * devcontainer.json: what a repository itself says about the container that it wants.
 *
 * Pure, and for text from strangers. Of the development container format that is taken which
 * means the same to a container shared by tasks; all else that is there is named, so that a status
 * can tell what was left out. Properties that are only for editors are neither taken nor named.
 * ${...} is never expanded: what has it is named and not taken.
 */
#ifndef BERTH_SPECS_DEVCONTAINER_H
#define BERTH_SPECS_DEVCONTAINER_H

#include "specs/spec_file.h"
#include "specs/types.h"

enum {
    DEVCONTAINER_MAX_PORTS = 32,
    DEVCONTAINER_MAX_MOUNTS = 32,
    DEVCONTAINER_MAX_VARIABLES = 500,
    DEVCONTAINER_MAX_VOLUME_NAME = 128,
    DEVCONTAINER_MAX_UNSUPPORTED = 50, /* more are not named */
};

struct forward_ports {
    int64_t *items; /* each once */
    size_t count;
};

struct devcontainer {
    const char *image;                    /* NULL: it names none */
    struct text_list post_create_command; /* for exec; a text is ["sh", "-c", text]. Empty: none */
    struct env_list container_env;
    struct env_list remote_env;
    struct forward_ports forward_ports;
    const char *remote_user;      /* name or number, or user:group; NULL: the image's */
    struct volume_list mounts;    /* named volumes; mount paths are neither twice nor reserved */
    struct text_list unsupported; /* "features", "mounts[1]", "remoteEnv.PATH" ... */

    struct spec_error *errors; /* in order of position; with any of them nothing above counts */
    size_t error_count;
    struct arena arena;
};

/* Never NULL. Errors have the reason InvalidDevcontainer. */
struct devcontainer *devcontainer_parse(const char *text, size_t len);
void devcontainer_free(struct devcontainer *devcontainer); /* accepts NULL */
DEFINE_AUTO_FREE(devcontainer);

/*
 * A new Repository object whose left-out fields (no image, empty lists, no setup, no runAsUser) are
 * filled from the devcontainer, which must be without errors; it has hashes of its own. It borrows
 * from the repository and holds it; of the devcontainer it keeps nothing. The caller's reference.
 *
 * Who may write to the repository may write the devcontainer. So its volumes are the repository's
 * own, named "<container>-<source>", whatever other volumes are called.
 */
struct object *devcontainer_apply(const struct devcontainer *devcontainer,
                                  struct object *repository);

#endif
