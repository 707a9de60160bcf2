#include "cli/wait_judge.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/suggest.h"
#include "cli/documents.h"
#include "specs/reason.h"
#include "specs/status.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- goals ------------------------------------------------------------------------------------ */

void wait_goal_done(struct wait_goal *goal)
{
    free(goal->what);
    free(goal->value);
    jsonpath_free(goal->path);
    *goal = (struct wait_goal){0};
}

static int unknown_word(const char *kind, const char *word, const char *const *words, size_t count,
                        struct error *err)
{
    auto_free char *hint = suggest_hint(word, words, count);

    return error_set(err, ERROR_INVALID, "there is no %s \"%s\"%s", kind, word, hint);
}

/* The word as it is spelled, whatever the case; NULL: there is no such one. */
static const char *find_word(const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(words[i], word) == 0) {
            return words[i];
        }
    }
    return NULL;
}

/* "Ready" or "Ready=False". */
static int parse_condition(const char *text, struct wait_goal *goal, struct error *err)
{
    static const char *const values[] = {"True", "False", "Unknown"};
    const char *types[CONDITION_COUNT], *type, *value = "True";
    size_t len = strcspn(text, "=");
    auto_free char *word = xstrndup(text, len);

    for (unsigned i = 0; i < CONDITION_COUNT; i++) {
        types[i] = condition_type_name((enum condition_type)i);
    }
    type = find_word(word, types, CONDITION_COUNT);
    if (type == NULL) {
        return unknown_word("condition", word, types, CONDITION_COUNT, err);
    }
    if (text[len] == '=') {
        value = find_word(text + len + 1, values, ARRAY_SIZE(values));
        if (value == NULL) {
            return error_set(err, ERROR_INVALID, "\"%s\": a condition is True, False or Unknown",
                             text);
        }
    }
    *goal =
        (struct wait_goal){.kind = WAIT_CONDITION, .what = xstrdup(type), .value = xstrdup(value)};
    return 0;
}

static int parse_phase(const char *text, struct wait_goal *goal, struct error *err)
{
    const char *phases[PHASE_INVALID + 1], *phase;

    for (unsigned i = 0; i <= PHASE_INVALID; i++) {
        phases[i] = phase_name((enum phase)i);
    }
    phase = find_word(text, phases, ARRAY_SIZE(phases));
    if (phase == NULL) {
        return unknown_word("phase", text, phases, ARRAY_SIZE(phases), err);
    }
    *goal = (struct wait_goal){.kind = WAIT_PHASE, .what = xstrdup(phase)};
    return 0;
}

/* "{.status.phase}=Running", ".status.phase=Running", or "{.status.container}": it has any. */
static int parse_value(const char *text, struct wait_goal *goal, struct error *err)
{
    const char *brace = strrchr(text, '}');
    const char *equals = brace == NULL ? strrchr(text, '=') : brace[1] == '=' ? brace + 1 : NULL;
    auto_free char *path = equals != NULL ? xstrndup(text, (size_t)(equals - text)) : xstrdup(text);
    struct jsonpath *compiled;

    if ((brace != NULL ? jsonpath_compile(path, &compiled, err)
                       : jsonpath_compile_field(path, &compiled, err)) < 0) {
        return error_wrap(err, "jsonpath=%s", path);
    }
    *goal = (struct wait_goal){.kind = WAIT_VALUE,
                               .what = TAKE(path),
                               .value = equals != NULL ? xstrdup(equals + 1) : NULL,
                               .path = compiled};
    return 0;
}

int wait_goal_parse(const char *text, struct wait_goal *ret_goal, struct error *err)
{
    static const char *const kinds[] = {"condition=Ready", "phase=Succeeded", "delete",
                                        "jsonpath={.status.phase}=RUNNING"};
    auto_free char *hint = NULL;

    if (text_has_prefix(text, "condition=")) {
        return parse_condition(text + strlen("condition="), ret_goal, err);
    }
    if (text_has_prefix(text, "phase=")) {
        return parse_phase(text + strlen("phase="), ret_goal, err);
    }
    if (text_has_prefix(text, "jsonpath=")) {
        return parse_value(text + strlen("jsonpath="), ret_goal, err);
    }
    if (strcmp(text, "delete") == 0) {
        *ret_goal = (struct wait_goal){.kind = WAIT_DELETION};
        return 0;
    }
    hint = suggest_hint(text, kinds, ARRAY_SIZE(kinds));
    return error_set(err, ERROR_INVALID,
                     "\"%s\" is none of condition=TYPE, phase=PHASE, delete and "
                     "jsonpath=PATH=VALUE%s",
                     text, hint);
}

/* --- judging ---------------------------------------------------------------------------------- */

void wait_judgement_done(struct wait_judgement *judgement)
{
    free(judgement->reason);
    free(judgement->text);
    *judgement = (struct wait_judgement){0};
}

static void decide(struct wait_judgement *ret, enum wait_verdict verdict, const char *reason,
                   const char *text)
{
    *ret = (struct wait_judgement){verdict, xstrdup(reason != NULL ? reason : ""),
                                   xstrdup(text != NULL ? text : "")};
}

static bool has_value(const json_t *document, const char *condition, const char *value)
{
    return text_equal(document_text(document_condition(document, condition), "status"), value);
}

static const char *reason_of(const json_t *document, const char *condition)
{
    return document_text(document_condition(document, condition), "reason");
}

static const char *message_of(const json_t *document, const char *condition)
{
    return document_text(document_condition(document, condition), "message");
}

/* What it does, or waits for: the operation under way, else what Ready says. */
static char *describe_progress(const json_t *document)
{
    const json_t *operation = json_object_get(document_status(document), "operation");
    const char *message = message_of(document, "Ready");
    json_int_t progress = json_integer_value(json_object_get(operation, "progress"));

    if (text_equal(document_text(operation, "state"), "RUNNING") &&
        document_text(operation, "message") != NULL) {
        return progress > 0 ? xasprintf("%s, %lld %%", document_text(operation, "message"),
                                        (long long)progress)
                            : xstrdup(document_text(operation, "message"));
    }
    if (message == NULL) {
        message = reason_of(document, "Ready");
    }
    return xstrdup(message != NULL ? message : "");
}

static void decide_pending(struct wait_judgement *ret, const json_t *document)
{
    auto_free char *text = describe_progress(document);
    const char *phase = document_phase(document);

    decide(ret, WAIT_PENDING, phase != NULL ? phase : "Unknown", text);
}

static bool is_over(const json_t *document)
{
    const char *phase = document_phase(document);

    return text_equal(phase, phase_name(PHASE_SUCCEEDED)) ||
           text_equal(phase, phase_name(PHASE_FAILED));
}

/* Nothing is done about it any more, and nothing is wrong with it. */
static bool is_at_rest(const json_t *document)
{
    return has_value(document, "Ready", "False") && has_value(document, "Reconciling", "False") &&
           has_value(document, "Stalled", "False");
}

/* A change of the spec that has come too late, or waits for tasks or for somebody's help. */
static bool judge_update(const struct wait_view *view, struct wait_judgement *ret)
{
    const json_t *document = view->document;
    const json_t *error = json_object_get(document_status(document), "error");
    const char *reason = reason_of(document, "UpdatePending");

    if (!document_is_true(document, "UpdatePending")) {
        return false;
    }
    if (text_equal(reason, REASON_CHANGED_AFTER_START)) {
        decide(ret, WAIT_HOPELESS, reason, message_of(document, "UpdatePending"));
        return true;
    }
    if (view->kind == KIND_INSTANCE_POOL || !document_is_true(document, "Ready")) {
        return false; /* a rolling update is not Ready by itself; one on deletion is as wanted */
    }
    if (error != NULL) {
        decide(ret, WAIT_HOPELESS, document_text(error, "reason"), document_text(error, "message"));
    } else {
        decide(ret, WAIT_PENDING, "UpdatePending", message_of(document, "UpdatePending"));
    }
    return true;
}

static bool judge_settled(const struct wait_view *view, struct wait_judgement *ret)
{
    const json_t *document = view->document;
    const char *reason = reason_of(document, "Ready");

    if (judge_update(view, ret)) {
        return true;
    }
    if (is_over(document)) {
        bool is_well = text_equal(document_phase(document), phase_name(PHASE_SUCCEEDED));

        decide(ret, is_well ? WAIT_MET : WAIT_ENDED, is_well ? document_phase(document) : reason,
               is_well ? "" : message_of(document, "Ready"));
        return true;
    }
    if (document_is_true(document, "Ready") && !document_is_true(document, "Reconciling")) {
        decide(ret, WAIT_MET, "Ready", "");
        return true;
    }
    if (is_at_rest(document) &&
        (text_equal(reason, "Completed") || text_equal(reason, REASON_SUSPENDED))) {
        decide(ret, WAIT_MET, reason, message_of(document, "Ready"));
        return true;
    }
    return false;
}

static bool is_value_there(const struct wait_goal *goal, const json_t *document)
{
    auto_done(strbuf) text = {0};
    struct error ignored = {0};

    if (jsonpath_print(goal->path, document, &text, &ignored) < 0) {
        return false;
    }
    return goal->value != NULL ? strcmp(strbuf_text(&text), goal->value) == 0 : text.len > 0;
}

static bool is_met(const struct wait_goal *goal, const json_t *document)
{
    const char *phase = document_phase(document);

    switch (goal->kind) {
    case WAIT_CONDITION: return has_value(document, goal->what, goal->value);
    case WAIT_PHASE: /* an instance is RUNNING, a task Running */
        return phase != NULL && strcasecmp(phase, goal->what) == 0;
    case WAIT_VALUE: return is_value_there(goal, document);
    case WAIT_SETTLED:
    case WAIT_DELETION: return false;
    }
    return false;
}

/* What a faulty spec can be waited for to become. */
static bool is_about_faults(const struct wait_goal *goal)
{
    return (goal->kind == WAIT_PHASE && text_equal(goal->what, phase_name(PHASE_INVALID))) ||
           (goal->kind == WAIT_CONDITION &&
            (text_equal(goal->what, "SpecValid") || text_equal(goal->what, "Stalled")));
}

static void judge_faulty(const struct wait_goal *goal, const struct wait_view *view,
                         struct wait_judgement *ret)
{
    if (is_about_faults(goal) && is_met(goal, view->document)) {
        decide(ret, WAIT_MET, goal->what, "");
    } else if (view->spec_error != NULL) {
        /* Who looks at the status next finds the error there, with its place. */
        bool is_told = view->is_fresh || has_value(view->document, "SpecValid", "False");

        decide(ret, is_told ? WAIT_HOPELESS : WAIT_PENDING, REASON_INVALID_SPEC, view->spec_error);
    } else if (view->is_fresh) {
        decide(ret, WAIT_HOPELESS, document_reason(view->document),
               document_message(view->document));
    } else {
        decide(ret, WAIT_PENDING, document_reason(view->document),
               document_message(view->document));
    }
}

static void judge_current(const struct wait_goal *goal, const struct wait_view *view,
                          struct wait_judgement *ret)
{
    const json_t *document = view->document;
    bool is_stall_wanted = goal->kind == WAIT_CONDITION && text_equal(goal->what, "Stalled");

    if (goal->kind == WAIT_SETTLED ? judge_settled(view, ret) : is_met(goal, document)) {
        if (goal->kind != WAIT_SETTLED) {
            decide(ret, WAIT_MET, goal->what, "");
        }
        return;
    }
    if (document_is_true(document, "Stalled") && !is_stall_wanted) {
        decide(ret, WAIT_HOPELESS, document_reason(document), document_message(document));
    } else if (goal->kind != WAIT_SETTLED && (is_over(document) || is_at_rest(document))) {
        decide(ret, is_over(document) ? WAIT_ENDED : WAIT_HOPELESS, document_reason(document),
               document_message(document));
    } else {
        decide_pending(ret, document);
    }
}

static void judge_deletion(const struct wait_view *view, struct wait_judgement *ret)
{
    if (view->document == NULL && !view->has_spec) {
        decide(ret, WAIT_MET, "deleted", "");
    } else if (view->has_spec) {
        decide(ret, WAIT_PENDING, "Present", "its spec is still there");
    } else if (text_equal(document_reason(view->document), REASON_DELETIONS_HELD)) {
        decide(ret, WAIT_HOPELESS, REASON_DELETIONS_HELD, document_message(view->document));
    } else {
        decide(ret, WAIT_PENDING, document_phase(view->document), "its spec is gone");
    }
}

void wait_judge(const struct wait_goal *goal, const struct wait_view *view,
                struct wait_judgement *ret)
{
    const char *observed = document_text(document_status(view->document), "observedHash");

    if (goal->kind == WAIT_DELETION) {
        judge_deletion(view, ret);
    } else if (view->spec_error != NULL && view->document == NULL) {
        decide(ret, WAIT_HOPELESS, REASON_INVALID_SPEC, view->spec_error);
    } else if (view->document == NULL) {
        decide(ret, view->has_spec ? WAIT_PENDING : WAIT_HOPELESS,
               view->has_spec ? "Unseen" : "NotFound",
               view->has_spec ? "the controller has not seen its spec yet" : "there is none");
    } else if (view->spec_error != NULL || has_value(view->document, "SpecValid", "False")) {
        judge_faulty(goal, view, ret);
    } else if (view->hash != NULL && !text_equal(observed, view->hash)) {
        decide(ret, WAIT_PENDING, "Unseen",
               "the controller has not taken up this version of its spec yet");
    } else {
        judge_current(goal, view, ret);
    }
}
