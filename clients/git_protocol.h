/*
 * What the controller and its git child say to each other.
 *
 * The job goes to the child's standard input as one JSON object (so that no credential is on a
 * command line or in an environment); the child answers on its standard output in lines: "P
 * <percent> <bytes> <phase>" for progress, then one "R <json>" for the result or "E <reason>
 * <text>" for the failure. The child parses what strangers wrote, so its lines are taken with care.
 */
#ifndef BERTH_CLIENTS_GIT_PROTOCOL_H
#define BERTH_CLIENTS_GIT_PROTOCOL_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    GIT_LINE_MAX = 64 * 1024, /* of a line, without its newline */
    GIT_JOB_MAX = 512 * 1024, /* of a job as JSON */
    GIT_REVISIONS_MAX = 64,   /* of one job */
};

enum git_revision_kind {
    GIT_REVISION_HEAD,   /* what the server's HEAD names */
    GIT_REVISION_BRANCH, /* exactly that branch */
    GIT_REVISION_REF, /* a tag, or a commit: its id, or 7 and more hex digits that no other has */
};

struct git_revision {
    enum git_revision_kind kind;
    const char *name; /* NULL for HEAD; 1024 bytes at most, looked for as it is */
};

/*
 * Two kinds of work, each in a job of its own or, in this order, both in one:
 *
 *     fetch     the mirror is made, or brought up to date (unless is_offline), and the revisions
 *               are looked up in it
 *     snapshot  where tree is given: commit, which must be in the mirror then, as an immutable tree
 */
struct git_job {
    const char *url;         /* as to be asked from the server; no credentials inside */
    const char *mirror;      /* absolute path of the bare mirror, in a directory of its own */
    const char *username;    /* for http(s); NULL: "x-access-token" where there is a token */
    const char *token;       /* secret text, or NULL */
    const char *ssh_key;     /* private key text, or NULL */
    const char *known_hosts; /* path for ssh, or NULL */
    const char *proxy;       /* "http://host:port" for http and https; NULL: none is used */
    uint64_t max_bytes;      /* of the mirror, and of the snapshot's files; 0: no ceiling */
    bool is_offline;         /* use the mirror as it is: no network */
    uid_t run_as;            /* the child's own user while it uses libgit2; 0: stay who we are */

    struct git_revision revisions[GIT_REVISIONS_MAX];
    size_t revision_count;

    /*
     * Absolute path of the snapshot; NULL: none. On the mirror's file system, since packs are
     * shared by hard links, and outside of the mirror's directory, where the child's user can
     * write. One that is there already was complete when it came, and is left alone.
     */
    const char *tree;
    const char *commit; /* 40 hex; with tree, and only then */
    uid_t owner;        /* of the snapshot's files */
    gid_t owner_group;
};

/* What became of a revision. */
struct git_found {
    char commit[41];   /* "": not found */
    char message[256]; /* why not, with what is near; "" where it was found */
};

struct git_result {
    char head_branch[256];   /* of the server; "": it names none, or not in UTF-8 */
    char head_commit[41];    /* "": none, or the branch has no commit yet */
    uint64_t received_bytes; /* over the network; 0: the mirror was up to date */

    struct git_found found[GIT_REVISIONS_MAX]; /* as the job's revisions */
    size_t found_count;

    /*
     * The commit of revisions[0], where that was found: what it has as
     * .devcontainer/devcontainer.json or .devcontainer.json is now devcontainer.json beside the
     * mirror, and that file is gone where it has neither. "": nothing was looked at, and the file
     * is as it was.
     */
    char config_commit[41];

    uint64_t tree_files, tree_bytes; /* of the snapshot's commit, like the next */
    bool has_submodules;             /* a file .gitmodules at its top */
    bool has_lfs;                    /* a .gitattributes at its top that has filter=lfs */
};

struct git_progress {
    unsigned percent; /* 0..100 within the phase */
    uint64_t bytes;   /* received so far in this job */
    /* "connecting", "receiving", "resolving", "copying", "checking out", "syncing" */
    char phase[32];
};

/* ERROR_INVALID: a text, such as a token, is not valid UTF-8. */
int git_job_to_json(const struct git_job *job, json_t **ret_json, struct error *err);

/*
 * The texts of ret_job point into json. ERROR_INVALID: a field is missing, unknown, of the wrong
 * type or out of range; a path is not absolute and plain (no ".", "..", "//"); the mirror has no
 * directory of its own, or the tree lies in it or above it; tree or commit without the other.
 */
int git_job_from_json(const json_t *json, struct git_job *ret_job, struct error *err);

/* Overwrites with '*' whatever of the job's token and ssh key occurs in text. */
void git_job_hide_secrets(const struct git_job *job, char *text);

/*
 * Each is one line with its newline; the caller's to free. In the text of a failure, and of what
 * was not found, everything that is not clean UTF-8 becomes '?', line ends become blanks, and what
 * is too long is cut. A failure without a reason, or with one that is not for this protocol, is
 * sent as CloneFailed.
 */
char *git_progress_to_line(const struct git_progress *progress);
char *git_result_to_line(const struct git_result *result);
char *git_failure_to_line(const struct error *failure);

enum git_line { GIT_LINE_PROGRESS, GIT_LINE_RESULT, GIT_LINE_ERROR };

/*
 * One line without its newline; the one of the three outputs that belongs to the type is set. The
 * kind of ret_failure follows from the reason:
 *
 *     TRANSIENT   CloneFailed CloneStalled
 *     NOT_FOUND   RepositoryNotFound
 *     CONFLICT    WorkspaceFailed
 *     INVALID     AuthenticationFailed BranchNotFound CertificateInvalid CloneTooLarge InvalidURL
 *                 SchemeRefused
 *
 * ERROR_INTERNAL in err: no such line.
 */
int git_line_parse(const char *line, enum git_line *ret_type, struct git_progress *ret_progress,
                   struct git_result *ret_result, struct error *ret_failure, struct error *err);

#endif
