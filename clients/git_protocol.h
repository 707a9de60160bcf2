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
    GIT_LINE_MAX = 4096,        /* of a line, without its newline */
    GIT_JOB_MAX = 256 * 1024,   /* of a job as JSON */
    GIT_STDERR_MAX = 16 * 1024, /* of what is kept of the child's complaints */
};

struct git_job {
    const char *url;    /* as to be asked from the server; no credentials inside */
    const char *mirror; /* absolute path of the bare mirror: created, or updated */
    const char *tree;   /* absolute path of a working tree to make from it; NULL: only the mirror */
    const char *branch; /* of the tree; NULL: the remote's HEAD */
    const char *username;    /* for http(s); NULL: "x-access-token" where there is a token */
    const char *token;       /* secret text, or NULL */
    const char *ssh_key;     /* private key text, or NULL */
    const char *known_hosts; /* path for ssh, or NULL */
    uint64_t max_bytes;      /* of the mirror, and of the tree; 0: no ceiling */
    bool is_offline;         /* use the mirror as it is: no network */
    uid_t run_as;            /* the child's own user while it uses libgit2; 0: stay who we are */
    uid_t owner;             /* user and group of the finished tree */
};

struct git_result {
    char commit[41]; /* that branch is at, also where no tree was asked for */
    char branch[256];
    uint64_t received_bytes; /* over the network; 0: the mirror was up to date */
    uint64_t tree_files, tree_bytes;
};

struct git_progress {
    unsigned percent; /* 0..100 within the phase */
    uint64_t bytes;   /* received so far in this job */
    char phase[32];   /* "connecting", "receiving", "resolving", "copying", "checking out" */
};

/* ERROR_INVALID: a text, such as a token, is not valid UTF-8. */
int git_job_to_json(const struct git_job *job, json_t **ret_json, struct error *err);

/*
 * The texts of ret_job point into json. ERROR_INVALID: a field is missing, unknown, of the wrong
 * type or out of range; a path is not absolute and plain (no ".", "..", "//"), or tree and mirror
 * lie in each other.
 */
int git_job_from_json(const json_t *json, struct git_job *ret_job, struct error *err);

/* Overwrites with '*' whatever of the job's token and ssh key occurs in text. */
void git_job_hide_secrets(const struct git_job *job, char *text);

/*
 * Each is one line with its newline; the caller's to free. In a failure's text everything that is
 * not clean UTF-8 becomes '?', line ends become blanks, and what is too long is cut. A failure
 * without a reason, or with one that is not for this protocol, is sent as CloneFailed.
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
