/*
 * Working trees of tasks, as jobs for a child process of our own binary (`berth tree-worker`).
 *
 * A tree is what a task works in: a snapshot of a commit (immutable, clients/git_protocol.h),
 * perhaps with the frozen result of a setup command on it, and a writable layer of its own on top.
 * It appears as <trees>/<name>, and <trees> is a folder that the repository's container has mounted
 * at /workspace. Two methods, with the same result for whoever works in the tree:
 *
 *     overlay   <trees> is a shared mount, and an overlay mount is made on <trees>/<name>:
 *     milliseconds and no
 *               disk, also while the container runs (which has <trees> as a slave)
 *     copy      <trees>/<name> is a complete copy; where mounts cannot be had
 *
 * Beside the tree each has a scratch home <trees>/.home/<name> and <trees>/.tmp/<name>. All belong
 * to the user of the container. What must outlive the mount is in <layers>/<name>/: upper, work,
 * and the file "made", which says that the tree was made completely.
 *
 * Danger: who is root in the container can put anything into <trees>, also while a job runs: a job
 * goes from descriptor to descriptor, follows no link below <trees>, and mounts on descriptors.
 * Whatever reads git's files of a tree does it in a jail: as the container's user, without
 * capabilities, with nothing of the host to be seen but that tree.
 */
#ifndef BERTH_CLIENTS_TREE_JOB_H
#define BERTH_CLIENTS_TREE_JOB_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum tree_method { TREE_OVERLAY, TREE_COPY };

enum tree_verb {
    TREE_PROBE, /* which method works for trees; tried in <trees>, of which nothing stays mounted */
    TREE_SHARE, /* makes <trees> a shared mount, before its container starts. trees */
    TREE_MAKE,  /* makes the tree, or mounts one again that was made before (after a reboot) */
    TREE_FREEZE,  /* takes the tree away and makes what was written into it a layer at `to` */
    TREE_INSPECT, /* where its HEAD is, and whether it has work that exists nowhere else */
    TREE_EXPORT,  /* a pack with what its HEAD has beyond `have`, at `to` */
    TREE_REMOVE,  /* unmounts it and removes all of it */
    /* unmounts everything at and below <trees> and removes it and <layers>. trees, layers */
    TREE_CLEAR,
    TREE_MEASURE, /* how much disk the folders of `lowers` take. lowers */
};

const char *tree_verb_name(enum tree_verb verb); /* "make" */

enum { TREE_LOWERS_MAX = 8 };

struct tree_job {
    enum tree_verb verb;
    enum tree_method method;
    const char *trees;  /* absolute, like all paths here */
    const char *layers; /* folder of layers; same file system as trees */
    const char *name;   /* of the tree: [a-z0-9][-a-z0-9]{0,79} */
    uid_t uid, gid;     /* who the container's processes are */

    /*
     * TREE_MAKE: read-only, the topmost first: frozen setup (optional), snapshot. A layer that
     * FREEZE made with the method copy is complete by itself and is then the only one.
     * TREE_MEASURE: any folders.
     */
    const char *lowers[TREE_LOWERS_MAX];
    size_t lower_count;

    const char
        *branch; /* MAKE: local branch to create at commit and to be on; NULL: detached HEAD */
    const char *upstream; /* MAKE: branch of origin that it follows; NULL: none */
    const char *commit;   /* MAKE: 40 hex; INSPECT: where the tree began */
    const char *person,
        *mail; /* MAKE: user.name and user.email in the scratch home's .gitconfig; NULL: none */
    const char *to;   /* FREEZE: folder that must not exist; EXPORT: file that must not exist */
    const char *have; /* EXPORT: 40 hex, a commit that need not be packed; NULL: none */
};

/* What is not asked for is zero. */
struct tree_result {
    enum tree_method method; /* PROBE, SHARE */
    char message[256];       /* PROBE: why not overlay; "" where it is */
    bool was_there;          /* MAKE: it had been made before, and was only mounted, if that */
    char commit[41];         /* INSPECT, EXPORT: where HEAD is; "": nowhere, or not to be read */
    char branch[256];        /* INSPECT, EXPORT: "" for a detached HEAD */
    char changes[65]; /* INSPECT: digest of what makes it dirty; "": nothing, or not to be told */
    bool is_dirty;    /* INSPECT: changed, added, deleted, or untracked and not ignored files */
    /* INSPECT: some local branch or HEAD has commits that no remote branch, tag or `commit` has */
    bool is_unpushed;
    uint64_t bytes, files; /* MEASURE, FREEZE: disk in use, hard links counted once */
};

/* ERROR_INVALID: a text is not UTF-8. */
int tree_job_to_json(const struct tree_job *job, json_t **ret_json, struct error *err);
/*
 * The texts of ret_job point into json. ERROR_INVALID: missing, unknown, of a wrong type or form.
 */
int tree_job_from_json(const json_t *json, struct tree_job *ret_job, struct error *err);

/* One line with its newline each, "R <json>" or "E <reason> <text>"; the caller's to free. */
char *tree_result_to_line(const struct tree_result *result);
char *tree_failure_to_line(const struct error *failure);
/*
 * A line without its newline: 0 with *ret_is_result telling which of ret_result and ret_failure was
 * set. ERROR_INTERNAL: no such line.
 */
int tree_line_parse(const char *line, bool *ret_is_result, struct tree_result *ret_result,
                    struct error *ret_failure, struct error *err);

/*
 * Does the job in this process; blocks. Errors have reason WorkspaceFailed; a failed MAKE leaves
 * nothing behind.
 */
int tree_job_run(const struct tree_job *job, struct tree_result *ret_result, struct error *err);

#endif
