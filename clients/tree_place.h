/*
 * Where a tree is: the folders of a job, held by descriptor, and what is moved and removed there.
 *
 * <trees> is usually a mount of its own, and nothing can be renamed out of a mount. So both folders
 * are opened twice: as everybody sees them, for mounting and reading, and "raw", in a private copy
 * of the file system's mount, where they are plain neighbours and what is mounted on them is not to
 * be seen.
 */
#ifndef BERTH_CLIENTS_TREE_PLACE_H
#define BERTH_CLIENTS_TREE_PLACE_H

#include "clients/tree_job.h"

struct tree_place {
    const struct tree_job *job;
    int trees, layers;         /* as everybody sees them */
    int raw_trees, raw_layers; /* for renaming between them */
};

#define TREE_PLACE_NONE                                                                            \
    {                                                                                              \
        .trees = -1, .layers = -1, .raw_trees = -1, .raw_layers = -1                               \
    }

/*
 * Makes what is missing: <trees> (0755) and <layers> (0700, since it can hold set-user-id files of
 * a container), both ours. trees alone is opened for a job without layers. place is TREE_PLACE_NONE
 * before.
 */
int tree_place_open(struct tree_place *place, const struct tree_job *job, struct error *err);
void tree_place_done(struct tree_place *place);

/* A name in <layers> that belongs to the tree, such as ".copy-<name>". The caller's to free. */
char *tree_place_hidden_name(const struct tree_place *place, const char *prefix);

/* The path <layers>/<name>, or <layers>/<name>/<part>. The caller's to free. */
char *tree_place_layer_path(const struct tree_place *place, const char *part);

/*
 * Puts raw_fd/name away under a hidden name in <layers>: it is gone at once, whatever it is, and
 * tree_place_empty_trash() removes it. raw_fd is on the same mount as raw_layers. Missing is
 * success.
 */
int tree_place_put_away(const struct tree_place *place, int raw_fd, const char *name,
                        struct error *err);
int tree_place_empty_trash(const struct tree_place *place, struct error *err);

/*
 * Everything of the tree goes, wherever it stands: mounted, half made, half removed, or not there
 * at all.
 */
int tree_place_clear(const struct tree_place *place, struct error *err);

#endif
