/*
 * What a repository's own devcontainer.json adds to its settings, where the controller's policy
 * allows it.
 *
 * The git child takes the file out of the commit that the repository's settings name and puts it
 * beside the mirror. Only images that --devcontainer-image allows are taken; a file that names
 * another one is not used at all, and the status says so.
 */
#ifndef BERTH_CONTROLLER_DEVCONTAINER_USE_H
#define BERTH_CONTROLLER_DEVCONTAINER_USE_H

#include "controller/controller.h"

struct devcontainer_use {
    char *commit;            /* at which the file was looked at; NULL: not yet */
    struct object *settings; /* with what it adds; NULL: nothing is added */
    char *error;             /* why it is not used, or NULL */
    char **unsupported;      /* what is in it and not taken */
    size_t unsupported_count;
};

bool devcontainer_is_allowed(const struct controller *controller);

/* The file of this commit is there now, or there is none. */
void devcontainer_use_take(struct entry *mirror, const char *commit);
/* The same at the start of a controller; commit NULL: not looked at yet. */
void devcontainer_use_recall(struct entry *mirror, const char *commit);
/* The Repository object changed. */
void devcontainer_use_apply(struct entry *mirror);
void devcontainer_use_done(struct devcontainer_use *use);

#endif
