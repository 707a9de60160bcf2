/*
 * Records of a runner, as a container could write them: no crash, no failure without a reason, and
 * what is accepted is within the limits that the rest of the program relies on.
 */
#include "clients/runner_record.h"

#include "base/parse.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse_start(const char *text, size_t size)
{
    struct runner_start start;
    struct error err = {0};
    int result = runner_start_parse(text, size, &start, &err);

    assert((result == 0) == (err.kind == ERROR_NONE));
    if (result < 0) {
        assert(err.kind == ERROR_INVALID && err.message[0] != '\0');
        return;
    }
    assert(start.pid > 0 && start.pid <= INT32_MAX && start.started_wall_ms >= 0);
}

static void parse_exit(const char *text, size_t size)
{
    struct runner_exit record;
    struct error err = {0};
    int result = runner_exit_parse(text, size, &record, &err);

    assert((result == 0) == (err.kind == ERROR_NONE));
    if (result < 0) {
        assert(err.kind == ERROR_INVALID && err.message[0] != '\0');
        return;
    }
    assert(record.outcome >= RUNNER_EXITED && record.outcome <= RUNNER_NOT_STARTED);
    assert(record.exit_code >= 0 && record.exit_code <= 255);
    assert(record.signal >= 0 && record.signal <= 127);
    assert(memchr(record.message, '\0', sizeof(record.message)) != NULL);
    assert(text_is_clean_utf8(record.message, strlen(record.message)));
    assert(strpbrk(record.message, "\r\n\t") == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    parse_start((const char *)data, size);
    parse_exit((const char *)data, size);
    return 0;
}
