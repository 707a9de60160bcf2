#include "clients/git_protocol.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

static json_t *found_to_json(const struct git_result *result)
{
    json_t *list = json_array();

    assert(result->found_count <= GIT_REVISIONS_MAX);
    for (size_t i = 0; i < result->found_count; i++) {
        struct git_found found = result->found[i];

        text_make_clean_line(found.message, sizeof(found.message) - 1);
        json_array_append_new(
            list, json_pack("{s:s, s:s}", "commit", found.commit, "message", found.message));
    }
    return list;
}

char *git_result_to_line(const struct git_result *result)
{
    const char *branch = result->head_branch;
    bool is_clean = text_is_clean_utf8(branch, strlen(branch));
    json_auto_t *json = json_pack(
        "{s:s, s:s, s:I, s:o, s:s, s:I, s:I, s:b, s:b}", "headBranch", is_clean ? branch : "",
        "headCommit", result->head_commit, "receivedBytes", (json_int_t)result->received_bytes,
        "found", found_to_json(result), "configCommit", result->config_commit, "treeFiles",
        (json_int_t)result->tree_files, "treeBytes", (json_int_t)result->tree_bytes,
        "hasSubmodules", result->has_submodules, "hasLfs", result->has_lfs);
    auto_free char *text = json_dumps(json, JSON_COMPACT);

    assert(text != NULL && strlen(text) + strlen("R ") <= GIT_LINE_MAX);
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

static bool is_commit_or_empty(const char *text)
{
    return text[0] == '\0' || (strlen(text) == 40 && strspn(text, "0123456789abcdef") == 40);
}

static bool is_line_of_text(const char *text, size_t size)
{
    return strlen(text) < size && strpbrk(text, "\t\r\n") == NULL &&
           text_is_clean_utf8(text, strlen(text));
}

/* Either a commit or a reason why there is none. */
static int parse_found(json_t *json, struct git_found *ret_found)
{
    const char *commit, *message;

    if (json_unpack(json, "{s:s, s:s !}", "commit", &commit, "message", &message) < 0 ||
        !is_commit_or_empty(commit) || !is_line_of_text(message, sizeof(ret_found->message)) ||
        (commit[0] == '\0') == (message[0] == '\0')) {
        return -1;
    }
    snprintf(ret_found->commit, sizeof(ret_found->commit), "%s", commit);
    snprintf(ret_found->message, sizeof(ret_found->message), "%s", message);
    return 0;
}

static int parse_result_texts(const char *branch, const char *head, const char *config,
                              json_t *found, struct git_result *result)
{
    if (!is_line_of_text(branch, sizeof(result->head_branch)) || !is_commit_or_empty(head) ||
        !is_commit_or_empty(config) || json_array_size(found) > GIT_REVISIONS_MAX) {
        return -1;
    }
    snprintf(result->head_branch, sizeof(result->head_branch), "%s", branch);
    snprintf(result->head_commit, sizeof(result->head_commit), "%s", head);
    snprintf(result->config_commit, sizeof(result->config_commit), "%s", config);
    for (; result->found_count < json_array_size(found); result->found_count++) {
        if (parse_found(json_array_get(found, result->found_count),
                        &result->found[result->found_count]) < 0) {
            return -1;
        }
    }
    return 0;
}

static int parse_result(const char *text, struct git_result *ret_result)
{
    json_auto_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const char *branch, *head, *config;
    json_int_t received, files, bytes;
    json_t *found;
    int has_submodules, has_lfs;
    struct git_result result = {0};

    if (json_unpack(json, "{s:s, s:s, s:I, s:o, s:s, s:I, s:I, s:b, s:b !}", "headBranch", &branch,
                    "headCommit", &head, "receivedBytes", &received, "found", &found,
                    "configCommit", &config, "treeFiles", &files, "treeBytes", &bytes,
                    "hasSubmodules", &has_submodules, "hasLfs", &has_lfs) < 0) {
        return -1;
    }
    if (received < 0 || files < 0 || bytes < 0 || !json_is_array(found) ||
        parse_result_texts(branch, head, config, found, &result) < 0) {
        return -1;
    }
    result.received_bytes = (uint64_t)received;
    result.tree_files = (uint64_t)files;
    result.tree_bytes = (uint64_t)bytes;
    result.has_submodules = has_submodules != 0;
    result.has_lfs = has_lfs != 0;
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
