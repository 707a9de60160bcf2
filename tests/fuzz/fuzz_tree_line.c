#include "clients/tree_job.h"

#include "base/memory.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Whatever was taken as a result can be sent on, and says the same. */
static void check_result(const struct tree_result *result)
{
    char *line = tree_result_to_line(result);
    struct tree_result again;
    struct error err = {0};
    bool is_result;

    line[strlen(line) - 1] = '\0';
    assert(tree_line_parse(line, &is_result, &again, NULL, &err) == 0 && is_result);
    assert(again.method == result->method && again.was_there == result->was_there);
    assert(strcmp(again.message, result->message) == 0);
    assert(strcmp(again.commit, result->commit) == 0);
    assert(strcmp(again.branch, result->branch) == 0);
    assert(strcmp(again.changes, result->changes) == 0);
    assert(again.is_dirty == result->is_dirty && again.is_unpushed == result->is_unpushed);
    assert(again.bytes == result->bytes && again.files == result->files);
    free(line);
}

static void check_failure(const struct error *failure)
{
    char *line = tree_failure_to_line(failure);
    struct error again = {0}, err = {0};
    bool is_result;

    assert(failure->kind != ERROR_NONE && failure->reason != NULL && failure->message[0] != '\0');
    line[strlen(line) - 1] = '\0';
    assert(tree_line_parse(line, &is_result, NULL, &again, &err) == 0 && !is_result);
    assert(again.reason == failure->reason && strcmp(again.message, failure->message) == 0);
    free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *line = xstrndup((const char *)data, size);
    struct tree_result result;
    struct error failure = {0}, err = {0};
    bool is_result;

    if (tree_line_parse(line, &is_result, &result, &failure, &err) < 0) {
        assert(err.kind == ERROR_INTERNAL && err.message[0] != '\0');
        assert(failure.kind == ERROR_NONE);
    } else if (is_result) {
        check_result(&result);
    } else {
        check_failure(&failure);
    }
    free(line);
    return 0;
}
