#include "clients/git_protocol.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the job ---------------------------------------------------------------------------------- */

enum job_field_type { FIELD_TEXT, FIELD_PATH, FIELD_U64, FIELD_UID, FIELD_BOOL };

static const struct job_field {
    const char *key;
    enum job_field_type type;
    size_t offset;
    size_t max_len; /* of texts */
    bool is_required;
} job_fields[] = {
    {"url", FIELD_TEXT, offsetof(struct git_job, url), 2048, true},
    {"mirror", FIELD_PATH, offsetof(struct git_job, mirror), 3072, true},
    {"tree", FIELD_PATH, offsetof(struct git_job, tree), 3072, false},
    {"branch", FIELD_TEXT, offsetof(struct git_job, branch), 255, false},
    {"username", FIELD_TEXT, offsetof(struct git_job, username), 1024, false},
    {"token", FIELD_TEXT, offsetof(struct git_job, token), 65536, false},
    {"sshKey", FIELD_TEXT, offsetof(struct git_job, ssh_key), 65536, false},
    {"knownHosts", FIELD_PATH, offsetof(struct git_job, known_hosts), 3072, false},
    {"maxBytes", FIELD_U64, offsetof(struct git_job, max_bytes), 0, true},
    {"isOffline", FIELD_BOOL, offsetof(struct git_job, is_offline), 0, true},
    {"runAs", FIELD_UID, offsetof(struct git_job, run_as), 0, true},
    {"owner", FIELD_UID, offsetof(struct git_job, owner), 0, true},
};

static json_t *field_to_json(const struct job_field *field, const struct git_job *job)
{
    const char *at = (const char *)job + field->offset;
    const char *text;

    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_PATH: memcpy(&text, at, sizeof(text)); return json_string(text);
    case FIELD_U64: {
        uint64_t value;

        memcpy(&value, at, sizeof(value));
        return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
    }
    case FIELD_UID: {
        uid_t value;

        memcpy(&value, at, sizeof(value));
        return json_integer((json_int_t)value);
    }
    case FIELD_BOOL: {
        bool value;

        memcpy(&value, at, sizeof(value));
        return json_boolean(value);
    }
    }
    abort(); /* not a type at all: memory is damaged */
}

static bool field_is_unset(const struct job_field *field, const struct git_job *job)
{
    const char *text = "";

    if (field->type == FIELD_TEXT || field->type == FIELD_PATH) {
        memcpy(&text, (const char *)job + field->offset, sizeof(text));
    }
    return text == NULL;
}

int git_job_to_json(const struct git_job *job, json_t **ret_json, struct error *err)
{
    json_auto_t *json = json_object();

    for (size_t i = 0; i < ARRAY_SIZE(job_fields); i++) {
        if (!field_is_unset(&job_fields[i], job) &&
            json_object_set_new(json, job_fields[i].key, field_to_json(&job_fields[i], job)) < 0) {
            return error_set(err, ERROR_INVALID, "git job: \"%s\" is not valid UTF-8",
                             job_fields[i].key);
        }
    }
    *ret_json = TAKE(json);
    return 0;
}

static bool path_is_plain(const char *path)
{
    auto_free char *plain = path[0] == '/' ? path_absolute(path) : NULL;

    return plain != NULL && strcmp(plain, path) == 0 && strcmp(path, "/") != 0;
}

static int text_from_json(const struct job_field *field, const json_t *value, char *at,
                          struct error *err)
{
    const char *text = json_string_value(value);

    if (text == NULL || text[0] == '\0' || strlen(text) > field->max_len) {
        return error_set(err, ERROR_INVALID, "git job: \"%s\" is not a text of 1 to %zu bytes",
                         field->key, field->max_len);
    }
    if (field->type == FIELD_PATH && !path_is_plain(text)) {
        return error_set(err, ERROR_INVALID, "git job: \"%s\" is not a plain absolute path",
                         field->key);
    }
    memcpy(at, &text, sizeof(text));
    return 0;
}

static int field_from_json(const struct job_field *field, const json_t *value, struct git_job *job,
                           struct error *err)
{
    char *at = (char *)job + field->offset;
    json_int_t number = json_integer_value(value);

    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_PATH: return text_from_json(field, value, at, err);
    case FIELD_U64:
        if (json_is_integer(value) && number >= 0) {
            memcpy(at, &(uint64_t){(uint64_t)number}, sizeof(uint64_t));
            return 0;
        }
        break;
    case FIELD_UID:
        /* (uid_t)-1 means "leave as it is" to chown() and setresuid() */
        if (json_is_integer(value) && number >= 0 && number < UINT32_MAX) {
            memcpy(at, &(uid_t){(uid_t)number}, sizeof(uid_t));
            return 0;
        }
        break;
    case FIELD_BOOL:
        if (json_is_boolean(value)) {
            memcpy(at, &(bool){json_is_true(value)}, sizeof(bool));
            return 0;
        }
        break;
    }
    return error_set(err, ERROR_INVALID, "git job: \"%s\" is not what it should be", field->key);
}

static const struct job_field *job_field_find(const char *key)
{
    for (size_t i = 0; i < ARRAY_SIZE(job_fields); i++) {
        if (strcmp(job_fields[i].key, key) == 0) {
            return &job_fields[i];
        }
    }
    return NULL;
}

static int check_keys_are_known(const json_t *json, struct error *err)
{
    /* jansson iterates over objects that are not const only, but changes nothing */
    for (void *at = json_object_iter((json_t *)(uintptr_t)json); at != NULL;
         at = json_object_iter_next((json_t *)(uintptr_t)json, at)) {
        if (job_field_find(json_object_iter_key(at)) == NULL) {
            return error_set(err, ERROR_INVALID, "git job: unknown field \"%.64s\"",
                             json_object_iter_key(at));
        }
    }
    return 0;
}

int git_job_from_json(const json_t *json, struct git_job *ret_job, struct error *err)
{
    struct git_job job = {0};

    if (!json_is_object(json)) {
        return error_set(err, ERROR_INVALID, "git job: not a JSON object");
    }
    if (check_keys_are_known(json, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < ARRAY_SIZE(job_fields); i++) {
        const json_t *value = json_object_get(json, job_fields[i].key);

        if (value == NULL && job_fields[i].is_required) {
            return error_set(err, ERROR_INVALID, "git job: \"%s\" is missing", job_fields[i].key);
        }
        if (value != NULL && field_from_json(&job_fields[i], value, &job, err) < 0) {
            return -1;
        }
    }
    if (job.tree != NULL &&
        (path_is_below(job.tree, job.mirror) || path_is_below(job.mirror, job.tree))) {
        return error_set(err, ERROR_INVALID, "git job: mirror and tree lie in each other");
    }
    *ret_job = job;
    return 0;
}

static void hide(const char *secret, size_t len, char *text)
{
    enum { SHORTEST_SECRET = 4 }; /* less would blot out ordinary words and hide nothing */
    char *at;

    if (len < SHORTEST_SECRET) {
        return;
    }
    while ((at = memmem(text, strlen(text), secret, len)) != NULL) {
        memset(at, '*', len);
    }
}

void git_job_hide_secrets(const struct git_job *job, char *text)
{
    if (job->token != NULL && strspn(job->token, "*") < strlen(job->token)) {
        hide(job->token, strlen(job->token), text);
    }
    for (const char *line = job->ssh_key; line != NULL && *line != '\0';) {
        size_t len = strcspn(line, "\n");

        if (strspn(line, "*") < len && line[0] != '-') {
            hide(line, len, text);
        }
        line += len + (line[len] == '\n');
    }
}

/* --- lines of the child ----------------------------------------------------------------------- */

/* The words of specs/reason.h that a child may use. */
static const struct line_reason {
    const char *name;
    enum error_kind kind;
} line_reasons[] = {
    {"AuthenticationFailed", ERROR_INVALID}, {"BranchNotFound", ERROR_INVALID},
    {"CertificateInvalid", ERROR_INVALID},   {"CloneFailed", ERROR_TRANSIENT},
    {"CloneStalled", ERROR_TRANSIENT},       {"CloneTooLarge", ERROR_INVALID},
    {"InvalidURL", ERROR_INVALID},           {"RepositoryNotFound", ERROR_NOT_FOUND},
    {"SchemeRefused", ERROR_INVALID},        {"WorkspaceFailed", ERROR_CONFLICT},
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

char *git_progress_to_line(const struct git_progress *progress)
{
    return xasprintf("P %u %" PRIu64 " %s\n", progress->percent, progress->bytes, progress->phase);
}

char *git_result_to_line(const struct git_result *result)
{
    json_auto_t *json =
        json_pack("{s:s, s:s, s:I, s:I, s:I}", "commit", result->commit, "branch", result->branch,
                  "receivedBytes", (json_int_t)result->received_bytes, "treeFiles",
                  (json_int_t)result->tree_files, "treeBytes", (json_int_t)result->tree_bytes);
    auto_free char *text = json_dumps(json, JSON_COMPACT);

    if (text == NULL) { /* the branch's name is not UTF-8, so it is no name for us */
        return xasprintf("E BranchNotFound the branch's name is not valid UTF-8\n");
    }
    return xasprintf("R %s\n", text);
}

char *git_failure_to_line(const struct error *failure)
{
    const char *reason = failure->reason != NULL ? failure->reason : "";
    const struct line_reason *known = line_reason_find(reason, strlen(reason));
    auto_free char *text = xstrdup(failure->message);

    text_make_clean_line(text, sizeof(failure->message) - 1);
    return xasprintf("E %s %s\n", known != NULL ? known->name : "CloneFailed",
                     text[0] != '\0' ? text : "git failed without a word");
}

static int refuse_line(const char *line, struct error *err)
{
    char start[81];

    snprintf(start, sizeof(start), "%.80s", line);
    text_make_clean_line(start, sizeof(start) - 1);
    return error_set(err, ERROR_INTERNAL, "the git child wrote a line that has no meaning: \"%s\"",
                     start);
}

static int parse_progress(const char *text, struct git_progress *ret_progress)
{
    struct git_progress progress = {0};
    char words[2][21]; /* 20 digits are enough for any number */
    uint64_t percent;

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        size_t len = strcspn(text, " ");

        if (len >= sizeof(words[i]) || text[len] == '\0') {
            return -1;
        }
        snprintf(words[i], sizeof(words[i]), "%.*s", (int)len, text);
        text += len + 1;
    }
    if (parse_u64(words[0], &percent) < 0 || percent > 100 ||
        parse_u64(words[1], &progress.bytes) < 0) {
        return -1;
    }
    if (text[0] == '\0' || strlen(text) >= sizeof(progress.phase) ||
        text[strspn(text, "abcdefghijklmnopqrstuvwxyz ")] != '\0') {
        return -1;
    }
    progress.percent = (unsigned)percent;
    snprintf(progress.phase, sizeof(progress.phase), "%s", text);
    *ret_progress = progress;
    return 0;
}

static int parse_result(const char *text, struct git_result *ret_result)
{
    json_auto_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const char *commit, *branch;
    json_int_t received, files, bytes;
    struct git_result result = {0};

    if (json_unpack(json, "{s:s, s:s, s:I, s:I, s:I !}", "commit", &commit, "branch", &branch,
                    "receivedBytes", &received, "treeFiles", &files, "treeBytes", &bytes) < 0) {
        return -1;
    }
    if (strlen(commit) != 40 || strspn(commit, "0123456789abcdef") != 40 || branch[0] == '\0' ||
        strlen(branch) >= sizeof(result.branch) || strpbrk(branch, "\t\r\n") != NULL ||
        !text_is_clean_utf8(branch, strlen(branch)) || received < 0 || files < 0 || bytes < 0) {
        return -1;
    }
    snprintf(result.commit, sizeof(result.commit), "%s", commit);
    snprintf(result.branch, sizeof(result.branch), "%s", branch);
    result.received_bytes = (uint64_t)received;
    result.tree_files = (uint64_t)files;
    result.tree_bytes = (uint64_t)bytes;
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
    if (strlen(text) >= sizeof(failure.message) || !text_is_clean_utf8(text, strlen(text))) {
        return -1;
    }
    error_set_reason(&failure, reason->kind, reason->name, "%s", text);
    *ret_failure = failure;
    return 0;
}

int git_line_parse(const char *line, enum git_line *ret_type, struct git_progress *ret_progress,
                   struct git_result *ret_result, struct error *ret_failure, struct error *err)
{
    enum git_line type;
    int result = -1;

    if (strlen(line) > GIT_LINE_MAX || line[0] == '\0' || line[1] != ' ') {
        return refuse_line(line, err);
    }
    switch (line[0]) {
    case 'P':
        type = GIT_LINE_PROGRESS;
        result = parse_progress(line + 2, ret_progress);
        break;
    case 'R':
        type = GIT_LINE_RESULT;
        result = parse_result(line + 2, ret_result);
        break;
    case 'E':
        type = GIT_LINE_ERROR;
        result = parse_failure(line + 2, ret_failure);
        break;
    default: return refuse_line(line, err);
    }
    if (result < 0) {
        return refuse_line(line, err);
    }
    *ret_type = type;
    return 0;
}
