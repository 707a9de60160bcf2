/*
 * What the controller and its git child say to each other.
 *
 * The job goes to the child's standard input as one JSON object (so that no credential is on a command line or in an environment);
 * the child answers on its standard output in lines: "P <percent> <bytes> <phase>" for progress, then one "R <json>" for the result or
 * "E <reason> <text>" for the failure. The child parses what strangers wrote, so its lines are taken with care.
 */
#ifndef BERTH_CLIENTS_GIT_PROTOCOL_H
#define BERTH_CLIENTS_GIT_PROTOCOL_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct git_job {
    const char *url;          /* as to be asked from the server; no credentials inside */
    const char *mirror;       /* absolute path of the bare mirror: created, or updated */
    const char *tree;         /* absolute path of a working tree to make from it, or NULL: only the mirror */
    const char *branch;       /* of the tree; NULL: the remote's HEAD */
    const char *username;     /* for http(s); NULL: "x-access-token" where there is a token */
    const char *token;        /* secret text, or NULL */
    const char *ssh_key;      /* private key text, or NULL */
    const char *known_hosts;  /* path for ssh, or NULL */
    uint64_t max_bytes;       /* of the mirror, and of the tree */
    bool is_offline;          /* use the mirror as it is: no network */
    uid_t run_as;             /* the child's own user while it uses libgit2; 0: stay who we are */
    uid_t owner;              /* user and group of the finished tree */
};

struct git_result {
    char commit[41];
    char branch[256];
    uint64_t received_bytes;
    uint64_t tree_files, tree_bytes;
};

struct git_progress {
    unsigned percent;       /* 0..100 within the phase */
    uint64_t bytes;
    char phase[32];         /* "connecting", "receiving", "resolving", "checking out" */
};

json_t *git_job_to_json(const struct git_job *job);
/* The texts of ret point into json. */
int git_job_from_json(const json_t *json, struct git_job *ret, struct error *err);

enum git_line { GIT_LINE_PROGRESS, GIT_LINE_RESULT, GIT_LINE_ERROR };

/* One line without its newline. For GIT_LINE_ERROR ret_failure is set as the error (kind by reason: AuthenticationFailed, BranchNotFound, ... INVALID;
 * RepositoryNotFound NOT_FOUND; CloneFailed, CloneStalled TRANSIENT). ERROR_INTERNAL in err: no such line. */
int git_line_parse(const char *line, enum git_line *ret_type, struct git_progress *ret_progress,
                   struct git_result *ret_result, struct error *ret_failure, struct error *err);

#endif
