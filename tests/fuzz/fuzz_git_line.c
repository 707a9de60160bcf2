#include "clients/git_protocol.h"

#include "base/memory.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void check_result(const struct git_result *result)
{
    char *line = git_result_to_line(result);
    struct git_result again;
    struct error err = {0};
    enum git_line type;

    line[strlen(line) - 1] = '\0';
    assert(git_line_parse(line, &type, NULL, &again, NULL, &err) == 0 && type == GIT_LINE_RESULT);
    assert(strcmp(result->head_branch, again.head_branch) == 0 &&
           strcmp(result->head_commit, again.head_commit) == 0 &&
           strcmp(result->config_commit, again.config_commit) == 0);
    assert(result->found_count == again.found_count);
    for (size_t i = 0; i < result->found_count; i++) {
        assert(strcmp(result->found[i].commit, again.found[i].commit) == 0 &&
               strcmp(result->found[i].message, again.found[i].message) == 0);
        assert((result->found[i].commit[0] == '\0') != (result->found[i].message[0] == '\0'));
    }
    free(line);
}

/* Whatever was taken as a failure can be sent on, and says the same. */
static void check_failure(const struct error *failure)
{
    char *line = git_failure_to_line(failure);
    struct error again = {0}, err = {0};
    enum git_line type;

    assert(failure->kind != ERROR_NONE && failure->reason != NULL && failure->message[0] != '\0');
    line[strlen(line) - 1] = '\0';
    assert(git_line_parse(line, &type, NULL, NULL, &again, &err) == 0 && type == GIT_LINE_ERROR);
    assert(again.reason == failure->reason);
    free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *line = xstrndup((const char *)data, size);
    struct git_progress progress;
    struct git_result result;
    struct error failure = {0}, err = {0};
    enum git_line type;

    if (git_line_parse(line, &type, &progress, &result, &failure, &err) < 0) {
        assert(err.kind == ERROR_INTERNAL && err.message[0] != '\0');
        assert(failure.kind == ERROR_NONE);
        free(line);
        return 0;
    }
    switch (type) {
    case GIT_LINE_PROGRESS: assert(progress.percent <= 100 && progress.phase[0] != '\0'); break;
    case GIT_LINE_RESULT: check_result(&result); break;
    case GIT_LINE_ERROR: check_failure(&failure); break;
    }
    free(line);
    return 0;
}
