#include "clients/tree_job.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/sha256.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_LEN = 4096 }; /* of an answer, without its newline */

/* --- words ------------------------------------------------------------------------------------ */

const char *tree_verb_name(enum tree_verb verb)
{
    switch (verb) {
    case TREE_PROBE: return "probe";
    case TREE_SHARE: return "share";
    case TREE_MAKE: return "make";
    case TREE_FREEZE: return "freeze";
    case TREE_INSPECT: return "inspect";
    case TREE_EXPORT: return "export";
    case TREE_REMOVE: return "remove";
    case TREE_CLEAR: return "clear";
    case TREE_MEASURE: return "measure";
    }
    abort(); /* not a verb at all: memory is damaged */
}

/* The fields that a verb cannot do without, beside those that all jobs have. */
static const char *verb_needs(enum tree_verb verb)
{
    switch (verb) {
    case TREE_PROBE:
    case TREE_SHARE: return "trees";
    case TREE_MAKE: return "trees layers name lowers commit";
    case TREE_FREEZE: return "trees layers name to";
    case TREE_INSPECT: return "trees name";
    case TREE_EXPORT: return "trees name to";
    case TREE_REMOVE: return "trees layers name";
    case TREE_CLEAR: return "trees layers";
    case TREE_MEASURE: return "lowers";
    }
    abort();
}

static const char *method_name(enum tree_method method)
{
    switch (method) {
    case TREE_OVERLAY: return "overlay";
    case TREE_COPY: return "copy";
    }
    abort();
}

static int verb_from_name(const char *name, enum tree_verb *ret_verb)
{
    for (int verb = TREE_PROBE; verb <= TREE_MEASURE; verb++) {
        if (text_equal(name, tree_verb_name((enum tree_verb)verb))) {
            *ret_verb = (enum tree_verb)verb;
            return 0;
        }
    }
    return -1;
}

static int method_from_name(const char *name, enum tree_method *ret_method)
{
    for (int method = TREE_OVERLAY; method <= TREE_COPY; method++) {
        if (text_equal(name, method_name((enum tree_method)method))) {
            *ret_method = (enum tree_method)method;
            return 0;
        }
    }
    return -1;
}

/* --- forms of texts --------------------------------------------------------------------------- */

static bool is_path(const char *text)
{
    auto_free char *plain = text[0] == '/' ? path_absolute(text) : NULL;

    return plain != NULL && strcmp(plain, text) == 0 && strcmp(text, "/") != 0 &&
           strlen(text) <= 3072;
}

static bool is_tree_name(const char *text)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    static const char others[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

    return text[0] != '\0' && strchr(first, text[0]) != NULL && strlen(text) <= 80 &&
           text[strspn(text, others)] == '\0';
}

static bool is_commit(const char *text)
{
    return strlen(text) == 40 && strspn(text, "0123456789abcdef") == 40;
}

static bool is_branch_part(const char *part, size_t len)
{
    return len > 0 && part[0] != '.' && part[len - 1] != '.' &&
           !(len >= 5 && memcmp(part + len - 5, ".lock", 5) == 0);
}

/*
 * The rules of git-check-ref-format; a name that passes stays inside of refs/heads as a path too.
 */
static bool is_branch(const char *text)
{
    if (strlen(text) > 255 || text[0] == '-' || strpbrk(text, " ~^:?*[\\\t\r\n") != NULL ||
        strstr(text, "..") != NULL || strstr(text, "@{") != NULL || strcmp(text, "@") == 0) {
        return false;
    }
    for (const char *part = text;; part += strcspn(part, "/") + 1) {
        size_t len = strcspn(part, "/");

        if (!is_branch_part(part, len)) {
            return false;
        }
        if (part[len] == '\0') {
            return text_is_clean_utf8(text, strlen(text));
        }
    }
}

static bool is_one_line(const char *text)
{
    return text[0] != '\0' && strlen(text) <= 255 && strpbrk(text, "\t\r\n") == NULL &&
           text_is_clean_utf8(text, strlen(text));
}

/* --- the job ---------------------------------------------------------------------------------- */

static const struct job_text {
    const char *key;
    size_t offset;
    bool (*is_valid)(const char *text);
    const char *form;
} job_texts[] = {
    {"trees", offsetof(struct tree_job, trees), is_path, "a plain absolute path"},
    {"layers", offsetof(struct tree_job, layers), is_path, "a plain absolute path"},
    {"to", offsetof(struct tree_job, to), is_path, "a plain absolute path"},
    {"name", offsetof(struct tree_job, name), is_tree_name, "a name like \"fix-7\""},
    {"branch", offsetof(struct tree_job, branch), is_branch, "a name of a branch"},
    {"upstream", offsetof(struct tree_job, upstream), is_branch, "a name of a branch"},
    {"commit", offsetof(struct tree_job, commit), is_commit, "a commit of 40 digits"},
    {"have", offsetof(struct tree_job, have), is_commit, "a commit of 40 digits"},
    {"person", offsetof(struct tree_job, person), is_one_line, "a line of up to 255 bytes"},
    {"mail", offsetof(struct tree_job, mail), is_one_line, "a line of up to 255 bytes"},
};

static const char *text_of(const struct job_text *field, const struct tree_job *job)
{
    const char *text;

    memcpy(&text, (const char *)job + field->offset, sizeof(text));
    return text;
}

int tree_job_to_json(const struct tree_job *job, json_t **ret_json, struct error *err)
{
    json_auto_t *json = json_pack("{s:s, s:s, s:I, s:I}", "verb", tree_verb_name(job->verb),
                                  "method", method_name(job->method), "uid", (json_int_t)job->uid,
                                  "gid", (json_int_t)job->gid);

    for (size_t i = 0; i < ARRAY_SIZE(job_texts); i++) {
        const char *text = text_of(&job_texts[i], job);

        if (text != NULL && json_object_set_new(json, job_texts[i].key, json_string(text)) < 0) {
            return error_set(err, ERROR_INVALID, "tree job: \"%s\" is not valid UTF-8",
                             job_texts[i].key);
        }
    }
    if (job->lower_count > 0) {
        json_t *lowers = json_array();

        json_object_set_new(json, "lowers", lowers);
        for (size_t i = 0; i < job->lower_count; i++) {
            if (json_array_append_new(lowers, json_string(job->lowers[i])) < 0) {
                return error_set(err, ERROR_INVALID, "tree job: \"lowers\" is not valid UTF-8");
            }
        }
    }
    *ret_json = TAKE(json);
    return 0;
}

static int texts_from_json(const json_t *json, struct tree_job *job, struct error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(job_texts); i++) {
        const json_t *value = json_object_get(json, job_texts[i].key);
        const char *text = json_string_value(value);

        if (value == NULL) {
            continue;
        }
        if (text == NULL || !job_texts[i].is_valid(text)) {
            return error_set(err, ERROR_INVALID, "tree job: \"%s\" is not %s", job_texts[i].key,
                             job_texts[i].form);
        }
        memcpy((char *)job + job_texts[i].offset, &text, sizeof(text));
    }
    return 0;
}

static int lowers_from_json(const json_t *json, struct tree_job *job, struct error *err)
{
    const json_t *lowers = json_object_get(json, "lowers");

    if (lowers == NULL) {
        return 0;
    }
    if (!json_is_array(lowers) || json_array_size(lowers) == 0 ||
        json_array_size(lowers) > TREE_LOWERS_MAX) {
        return error_set(err, ERROR_INVALID, "tree job: \"lowers\" is not a list of 1 to %d paths",
                         TREE_LOWERS_MAX);
    }
    for (size_t i = 0; i < json_array_size(lowers); i++) {
        const char *path = json_string_value(json_array_get(lowers, i));

        if (path == NULL || !is_path(path)) {
            return error_set(err, ERROR_INVALID,
                             "tree job: \"lowers\" has something that is no plain absolute path");
        }
        job->lowers[job->lower_count++] = path;
    }
    return 0;
}

static int id_from_json(const json_t *json, const char *key, uint32_t *ret_id, struct error *err)
{
    const json_t *value = json_object_get(json, key);
    json_int_t number = json_integer_value(value);

    /* the largest one means "leave as it is" to chown() and setresuid() */
    if (!json_is_integer(value) || number < 0 || number >= UINT32_MAX) {
        return error_set(err, ERROR_INVALID, "tree job: \"%s\" is not the number of a user", key);
    }
    *ret_id = (uint32_t)number;
    return 0;
}

static bool is_known_key(const char *key)
{
    static const char *const others[] = {"verb", "method", "uid", "gid", "lowers"};

    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        if (strcmp(key, others[i]) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(job_texts); i++) {
        if (strcmp(key, job_texts[i].key) == 0) {
            return true;
        }
    }
    return false;
}

static int check_keys_are_known(const json_t *json, struct error *err)
{
    /* jansson iterates over objects that are not const only, but changes nothing */
    json_t *object = (json_t *)(uintptr_t)json;

    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at)) {
        if (!is_known_key(json_object_iter_key(at))) {
            return error_set(err, ERROR_INVALID, "tree job: unknown field \"%.64s\"",
                             json_object_iter_key(at));
        }
    }
    return 0;
}

static int check_nothing_is_missing(const json_t *json, enum tree_verb verb, struct error *err)
{
    for (const char *word = verb_needs(verb); *word != '\0';) {
        size_t len = strcspn(word, " ");
        auto_free char *key = xstrndup(word, len);

        if (json_object_get(json, key) == NULL) {
            return error_set(err, ERROR_INVALID, "tree job: \"%s\" is missing", key);
        }
        word += len + (word[len] == ' ');
    }
    return 0;
}

int tree_job_from_json(const json_t *json, struct tree_job *ret_job, struct error *err)
{
    struct tree_job job = {0};

    if (!json_is_object(json)) {
        return error_set(err, ERROR_INVALID, "tree job: not a JSON object");
    }
    if (verb_from_name(json_string_value(json_object_get(json, "verb")), &job.verb) < 0) {
        return error_set(err, ERROR_INVALID, "tree job: \"verb\" is none");
    }
    if (method_from_name(json_string_value(json_object_get(json, "method")), &job.method) < 0) {
        return error_set(err, ERROR_INVALID, "tree job: \"method\" is neither overlay nor copy");
    }
    if (check_keys_are_known(json, err) < 0 || check_nothing_is_missing(json, job.verb, err) < 0 ||
        id_from_json(json, "uid", &job.uid, err) < 0 ||
        id_from_json(json, "gid", &job.gid, err) < 0 || texts_from_json(json, &job, err) < 0 ||
        lowers_from_json(json, &job, err) < 0) {
        return -1;
    }
    if (job.trees != NULL && job.layers != NULL &&
        (path_is_below(job.trees, job.layers) || path_is_below(job.layers, job.trees))) {
        return error_set(err, ERROR_INVALID, "tree job: trees and layers lie in each other");
    }
    *ret_job = job;
    return 0;
}

/* --- the answer ------------------------------------------------------------------------------- */

/* The words of specs/reason.h that a child may use. */
static const struct line_reason {
    const char *name;
    enum error_kind kind;
} line_reasons[] = {
    {"WorkspaceFailed", ERROR_CONFLICT},
};

static const struct line_reason *line_reason_find(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_SIZE(line_reasons); i++) {
        if (strlen(line_reasons[i].name) == len && memcmp(line_reasons[i].name, name, len) == 0) {
            return &line_reasons[i];
        }
    }
    return NULL;
}

char *tree_result_to_line(const struct tree_result *result)
{
    char message[sizeof(result->message)];
    /* a branch whose name cannot be told is none: another name would be a wrong one */
    const char *branch = is_branch(result->branch) ? result->branch : "";
    json_auto_t *json = NULL;
    auto_free char *text = NULL;

    memcpy(message, result->message, sizeof(message));
    text_make_clean_line(message, sizeof(message) - 1);
    json = json_pack("{s:s, s:s, s:b, s:s, s:s, s:s, s:b, s:b, s:I, s:I}", "method",
                     method_name(result->method), "message", message, "wasThere", result->was_there,
                     "commit", result->commit, "branch", branch, "changes", result->changes,
                     "isDirty", result->is_dirty, "isUnpushed", result->is_unpushed, "bytes",
                     (json_int_t)result->bytes, "files", (json_int_t)result->files);
    text = json_dumps(json, JSON_COMPACT);
    return xasprintf("R %s\n", text);
}

char *tree_failure_to_line(const struct error *failure)
{
    const char *reason = failure->reason != NULL ? failure->reason : "";
    const struct line_reason *known = line_reason_find(reason, strlen(reason));
    auto_free char *text = xstrdup(failure->message);

    text_make_clean_line(text, sizeof(failure->message) - 1);
    return xasprintf("E %s %s\n", known != NULL ? known->name : line_reasons[0].name,
                     text[0] != '\0' ? text : "the work on the tree failed without a word");
}

static bool is_digest(const char *text)
{
    return strlen(text) == SHA256_HEX_SIZE - 1 && strspn(text, "0123456789abcdef") == strlen(text);
}

static int parse_result(const char *text, struct tree_result *ret_result)
{
    json_auto_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const char *method, *message, *commit, *branch, *changes;
    int was_there, is_dirty, is_unpushed;
    json_int_t bytes, files;
    struct tree_result result = {0};

    if (json_unpack(json, "{s:s, s:s, s:b, s:s, s:s, s:s, s:b, s:b, s:I, s:I !}", "method", &method,
                    "message", &message, "wasThere", &was_there, "commit", &commit, "branch",
                    &branch, "changes", &changes, "isDirty", &is_dirty, "isUnpushed", &is_unpushed,
                    "bytes", &bytes, "files", &files) < 0) {
        return -1;
    }
    if (method_from_name(method, &result.method) < 0 || strlen(message) >= sizeof(result.message) ||
        (message[0] != '\0' && !is_one_line(message)) ||
        (commit[0] != '\0' && !is_commit(commit)) || strlen(branch) >= sizeof(result.branch) ||
        (branch[0] != '\0' && !is_branch(branch)) || (changes[0] != '\0' && !is_digest(changes)) ||
        bytes < 0 || files < 0) {
        return -1;
    }
    snprintf(result.message, sizeof(result.message), "%s", message);
    snprintf(result.commit, sizeof(result.commit), "%s", commit);
    snprintf(result.branch, sizeof(result.branch), "%s", branch);
    snprintf(result.changes, sizeof(result.changes), "%s", changes);
    result.was_there = was_there;
    result.is_dirty = is_dirty;
    result.is_unpushed = is_unpushed;
    result.bytes = (uint64_t)bytes;
    result.files = (uint64_t)files;
    *ret_result = result;
    return 0;
}

static int parse_failure(const char *text, struct error *ret_failure)
{
    size_t len = strcspn(text, " ");
    const struct line_reason *reason = line_reason_find(text, len);
    struct error failure = {0};

    if (reason == NULL || text[len] == '\0' || text[len + 1] == '\0') {
        return -1;
    }
    text += len + 1;
    if (strlen(text) >= sizeof(failure.message) || strpbrk(text, "\t\r\n") != NULL ||
        !text_is_clean_utf8(text, strlen(text))) {
        return -1;
    }
    error_set_reason(&failure, reason->kind, reason->name, "%s", text);
    *ret_failure = failure;
    return 0;
}

static int refuse_line(const char *line, struct error *err)
{
    char start[81];

    snprintf(start, sizeof(start), "%.80s", line);
    text_make_clean_line(start, sizeof(start) - 1);
    return error_set(err, ERROR_INTERNAL, "the tree child wrote a line that has no meaning: \"%s\"",
                     start);
}

int tree_line_parse(const char *line, bool *ret_is_result, struct tree_result *ret_result,
                    struct error *ret_failure, struct error *err)
{
    bool is_result = text_has_prefix(line, "R ");

    if (strlen(line) > LINE_MAX_LEN || (!is_result && !text_has_prefix(line, "E "))) {
        return refuse_line(line, err);
    }
    if ((is_result ? parse_result(line + 2, ret_result) : parse_failure(line + 2, ret_failure)) <
        0) {
        return refuse_line(line, err);
    }
    *ret_is_result = is_result;
    return 0;
}
