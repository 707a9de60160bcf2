/*
 * From libgit2's errors to ours: which reason, and a text that says what to do.
 *
 * libgit2 tells little by number and much by text, so this is the one place that reads its texts.
 * What is not recognised is CloneFailed with libgit2's own words.
 */
#ifndef BERTH_CLIENTS_GIT_FAILURE_H
#define BERTH_CLIENTS_GIT_FAILURE_H

#include "base/error.h"

enum git_stage {
    GIT_STAGE_CONNECT, /* until the server has listed its branches */
    GIT_STAGE_RECEIVE,
    GIT_STAGE_LOCAL, /* nothing but our own disk is involved */
};

struct git_failure_source {
    const char *url;
    enum git_stage stage;
    bool has_credentials; /* the server was offered some */
    int code;             /* what libgit2 returned */
    int class;            /* git_error.klass */
    const char *message;  /* git_error.message, or NULL */
    const char *proxy;    /* that http and https go through, or NULL */
    bool has_rsa_key;     /* credentials are, or would be, an RSA key for ssh */
};

/* Returns -1. */
int git_failure_set(struct error *err, const struct git_failure_source *source);

/* True when the mirror itself is to blame, so that making it anew may help. */
bool git_failure_is_damage(const struct git_failure_source *source);

#endif
