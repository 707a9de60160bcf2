#include "cli/engine_head.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"

#include <string.h>
#include <strings.h>

size_t engine_head_len(const char *text)
{
    static const char blank[] = "\r\n\r\n";
    const char *end = strstr(text, blank);

    return end != NULL ? (size_t)(end - text) + strlen(blank) : 0;
}

int engine_head_status(const char *head)
{
    const char *space = strchr(head, ' ');
    auto_free char *digits = space == NULL ? NULL : xstrndup(space + 1, 3);
    uint64_t status;

    return digits != NULL && text_has_prefix(head, "HTTP/1.") && parse_u64(digits, &status) == 0
               ? (int)status
               : 0;
}

size_t engine_head_body_len(const char *head)
{
    static const char name[] = "\r\nContent-Length:";
    const char *at = strcasestr(head, name);
    auto_free char *digits = NULL;
    uint64_t len;

    if (at == NULL) {
        return 0;
    }
    at += strlen(name);
    at += strspn(at, " \t");
    digits = xstrndup(at, strspn(at, "0123456789"));
    return parse_u64(digits, &len) == 0 && len <= ENGINE_HEAD_MAX ? (size_t)len : 0;
}
