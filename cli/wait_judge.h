/*
 * Whether what is waited for has come: from a status document, and the hash of the spec that it
 * must speak of.
 *
 * Pure, and the same for `apply --wait`, `delete --wait` and `wait`. A status that speaks of
 * another version of the spec says nothing. What cannot come any more is told at once.
 */
#ifndef BERTH_CLI_WAIT_JUDGE_H
#define BERTH_CLI_WAIT_JUDGE_H

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/jsonpath.h"
#include "specs/types.h"

#include <jansson.h>
#include <stdbool.h>

enum wait_kind {
    WAIT_SETTLED,   /* as its spec says: Ready, or over and well */
    WAIT_CONDITION, /* a condition has a value */
    WAIT_PHASE,
    WAIT_VALUE, /* a field, by a jsonpath, has a value */
    WAIT_DELETION,
};

struct wait_goal {
    enum wait_kind kind;
    char *what;  /* "Ready"; the phase; the jsonpath */
    char *value; /* "True"; of a jsonpath, NULL: any */
    struct jsonpath *path;
};

void wait_goal_done(struct wait_goal *goal);

/*
 * "condition=Ready", "condition=Ready=False", "phase=Succeeded", "delete",
 * "jsonpath={.status.task.exitCode}=0". ERROR_INVALID: it is none of these, with the nearest word.
 */
int wait_goal_parse(const char *text, struct wait_goal *ret_goal, struct error *err);

/* What is known of one object at one look. */
struct wait_view {
    enum kind kind;
    const json_t *document; /* as in its status file; NULL: there is none */
    bool has_spec;          /* a spec file has it */
    const char *hash;       /* of that spec; NULL: faulty, or a member of a pool, which has none */
    const char *spec_error; /* what is wrong with that spec; NULL: nothing */
    bool is_unknown;        /* it could not be found out just now: nothing else counts */
    bool is_fresh;          /* the document cannot be from before the spec was written */
};

enum wait_verdict {
    WAIT_PENDING,
    WAIT_MET,
    WAIT_ENDED,    /* it is over, and not well */
    WAIT_HOPELESS, /* it will not come by itself */
};

struct wait_judgement {
    enum wait_verdict verdict;
    char *reason; /* a word: "Ready", "Succeeded", "ImagePullFailed", "PROVISIONING" */
    char *text;   /* more words, or "" */
};

void wait_judgement_done(struct wait_judgement *judgement);

void wait_judge(const struct wait_goal *goal, const struct wait_view *view,
                struct wait_judgement *ret);

#endif
