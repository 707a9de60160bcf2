#include "base/strbuf.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void strbuf_init(struct strbuf *buf, size_t max_len)
{
    *buf = (struct strbuf){.max_len = max_len};
}

void strbuf_done(struct strbuf *buf)
{
    free(buf->text);
    *buf = (struct strbuf){0};
}

void strbuf_reset(struct strbuf *buf)
{
    buf->len = 0;
    if (buf->text != NULL) {
        buf->text[0] = '\0';
    }
}

static int make_room(struct strbuf *buf, size_t more)
{
    size_t max = buf->max_len > 0 ? buf->max_len : STRBUF_DEFAULT_MAX;

    if (more > max || buf->len > max - more) {
        return -1;
    }
    if (buf->len + more + 1 > buf->capacity) {
        size_t capacity = buf->capacity > 0 ? buf->capacity : 64;

        while (capacity < buf->len + more + 1) {
            capacity *= 2;
        }
        buf->text = xrealloc_array(buf->text, capacity, 1);
        buf->capacity = capacity;
    }
    return 0;
}

int strbuf_append(struct strbuf *buf, const void *bytes, size_t len)
{
    if (make_room(buf, len) < 0) {
        return -1;
    }
    if (len > 0) {
        memcpy(buf->text + buf->len, bytes, len);
    }
    buf->len += len;
    buf->text[buf->len] = '\0';
    return 0;
}

int strbuf_add(struct strbuf *buf, const char *text)
{
    return strbuf_append(buf, text, strlen(text));
}

int strbuf_addf(struct strbuf *buf, const char *format, ...)
{
    char small[256];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(small, sizeof(small), format, args);
    va_end(args);
    if (len < 0) {
        return -1;
    }
    if ((size_t)len < sizeof(small)) {
        return strbuf_append(buf, small, (size_t)len);
    }
    if (make_room(buf, (size_t)len) < 0) {
        return -1;
    }
    va_start(args, format);
    vsnprintf(buf->text + buf->len, (size_t)len + 1, format, args);
    va_end(args);
    buf->len += (size_t)len;
    return 0;
}

void strbuf_consume(struct strbuf *buf, size_t len)
{
    if (len >= buf->len) {
        strbuf_reset(buf);
        return;
    }
    memmove(buf->text, buf->text + len, buf->len - len + 1);
    buf->len -= len;
}

const char *strbuf_text(const struct strbuf *buf)
{
    return buf->text != NULL ? buf->text : "";
}

char *strbuf_take(struct strbuf *buf)
{
    char *text = buf->text != NULL ? buf->text : xstrdup("");

    buf->text = NULL;
    buf->len = 0;
    buf->capacity = 0;
    return text;
}
