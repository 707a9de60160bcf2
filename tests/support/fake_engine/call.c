#include "tests/support/fake_engine/call.h"

#include "base/memory.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

static int hex_value(char digit)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = digit != '\0' ? strchr(digits, digit) : NULL;

    return at != NULL ? (int)((at - digits) % 16) : -1;
}

char *call_decode(const char *text, size_t len)
{
    char *decoded = xcalloc(1, len + 1);
    size_t at = 0;

    for (size_t i = 0; i < len; i++) {
        if (text[i] == '%' && i + 2 < len && hex_value(text[i + 1]) >= 0 &&
            hex_value(text[i + 2]) >= 0) {
            decoded[at++] = (char)(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
            i += 2;
        } else {
            decoded[at++] = text[i] == '+' ? ' ' : text[i];
        }
    }
    return decoded;
}

char *call_parameter(const struct call *call, const char *name)
{
    size_t name_len = strlen(name);

    for (const char *at = call->query; *at != '\0';) {
        size_t len = strcspn(at, "&");

        if (len > name_len && at[name_len] == '=' && strncmp(at, name, name_len) == 0) {
            return call_decode(at + name_len + 1, len - name_len - 1);
        }
        at += len + (at[len] == '&');
    }
    return NULL;
}

bool call_has_flag(const struct call *call, const char *name)
{
    auto_free char *value = call_parameter(call, name);

    return value != NULL && value[0] != '\0' && strcmp(value, "0") != 0 &&
           strcmp(value, "false") != 0 && strcmp(value, "False") != 0;
}

bool call_is_events(const struct call *call)
{
    return strcmp(call->path, "/events") == 0;
}

bool call_is_stream(const struct call *call)
{
    static const char *const patterns[] = {
        "/containers/*/attach",
        "/containers/*/wait",
        "/containers/*/stats",
        "/exec/*/start",
        "/containers/*/logs",
        "/images/create",
        "/images/load",
        "/images/*/get",
        "/containers/*/archive",
        "/containers/*/export",
        "/build",
        "/events",
    };

    for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
        if (fnmatch(patterns[i], call->path, 0) == 0) {
            return true;
        }
    }
    return false;
}
