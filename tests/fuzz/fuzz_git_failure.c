/*
 * What libgit2 says of a failure, with texts of servers in it: it becomes an error with a reason
 * that can be sent on as a line and comes out the same. The input is a stage, a class, a code, and
 * the text.
 */
#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "clients/git_failure.h"
#include "clients/git_protocol.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

enum { HEAD = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *text = size > HEAD ? xstrndup((const char *)data + HEAD, size - HEAD) : NULL;
    auto_free char *line = NULL;
    struct error err = {0}, again = {0}, bad = {0};
    enum git_line type;

    if (size < HEAD) {
        return 0;
    }
    const struct git_failure_source source = {
        .url = data[0] & 4 ? "https://h/o/r" : "ssh://git@h/o/r",
        .stage = (enum git_stage)(data[0] % 3),
        .has_credentials = data[0] & 8,
        .has_rsa_key = data[0] & 16,
        .proxy = data[0] & 32 ? "http://proxy:3128" : NULL,
        .class = data[1] % 40,
        .code = -(int)(data[2] % 50),
        .message = text,
    };

    assert(git_failure_set(&err, &source) == -1);
    assert(err.kind != ERROR_NONE && err.message[0] != '\0');
    git_failure_is_damage(&source);
    line = git_failure_to_line(&err);
    assert(strchr(line, '\n') == line + strlen(line) - 1);
    line[strlen(line) - 1] = '\0';
    assert(strlen(line) <= GIT_LINE_MAX && text_is_clean_utf8(line, strlen(line)));
    assert(git_line_parse(line, &type, NULL, NULL, &again, &bad) == 0 && type == GIT_LINE_ERROR);
    return 0;
}
