#include "tests/support/fake_engine/memory_world.h"

#include "base/memory.h"
#include "base/sha256.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NS_PER_SECOND = 1000000000 };

/* --- replies --- */

static void reply_text(struct call *call, int status, const char *text)
{
    back_end_reply_head(call, status, "Content-Type: application/json\r\n");
    back_end_reply_bytes(call, text, strlen(text));
    back_end_reply_end(call);
}

void reply_json(struct call *call, int status, json_t *json)
{
    auto_free char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    auto_free char *line = xasprintf("%s\n", text);

    json_decref(json);
    reply_text(call, status, line);
}

void reply_message(struct call *call, int status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    auto_free char *text = xvasprintf(format, args);
    va_end(args);
    reply_json(call, status, json_pack("{s:s}", "message", text));
}

void reply_status(struct call *call, int status)
{
    back_end_reply_head(call, status, "");
    back_end_reply_end(call);
}

json_t *request_object(struct call *call)
{
    json_t *json = json_loadb(strbuf_text(&call->body), call->body.len, 0, NULL);

    if (!json_is_object(json)) {
        json_decref(json);
        reply_message(call, 400, "invalid JSON: unexpected EOF");
        return NULL;
    }
    return json;
}

struct open_reply *open_reply_new(struct memory *memory, struct call *call, int kind, int status,
                                  const char *type)
{
    auto_free char *fields = xasprintf("Content-Type: %s\r\n", type);
    struct open_reply *open;

    back_end_reply_head(call, status, fields);
    if (call->is_ended) {
        return NULL;
    }
    open = xcalloc(1, sizeof(*open));
    open->call = call;
    open->kind = kind;
    open->next = memory->open;
    memory->open = open;
    return open;
}

/* --- texts --- */

/* 64 digits that no other thing has. */
void new_id(struct memory *memory, char id[ID_SIZE])
{
    auto_free char *seed = xasprintf("%d/%llu", getpid(), (unsigned long long)++memory->id_count);

    sha256_hex(seed, strlen(seed), id);
}

int64_t wall_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

json_t *time_text(int64_t ns)
{
    time_t seconds = (time_t)(ns / NS_PER_SECOND);
    struct tm parts;
    char text[32];

    if (ns == 0) {
        return json_string("0001-01-01T00:00:00Z");
    }
    gmtime_r(&seconds, &parts);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
    return json_sprintf("%s.%09lldZ", text, (long long)(ns % NS_PER_SECOND));
}

const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL ? text : "";
}

unsigned api_minor(const struct memory *memory)
{
    const char *dot = strchr(memory->api, '.');

    return dot != NULL ? (unsigned)strtoul(dot + 1, NULL, 10) : 0;
}
