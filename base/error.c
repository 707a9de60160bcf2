#define BERTH_BASE_ERROR_C
#include "base/error.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int error_set(struct error *err, enum error_kind kind, const char *format, ...)
{
    va_list args;

    assert(err->kind == ERROR_NONE && kind != ERROR_NONE);
    err->kind = kind;
    va_start(args, format);
    vsnprintf(err->message, sizeof(err->message), format, args);
    va_end(args);
    return -1;
}

int error_set_reason(struct error *err, enum error_kind kind, const char *reason,
                     const char *format, ...)
{
    va_list args;

    assert(err->kind == ERROR_NONE && kind != ERROR_NONE);
    err->kind = kind;
    err->reason = reason;
    va_start(args, format);
    vsnprintf(err->message, sizeof(err->message), format, args);
    va_end(args);
    return -1;
}

static enum error_kind kind_of_errno(int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR: return ERROR_NOT_FOUND;
    case EEXIST: return ERROR_CONFLICT;
    case EACCES:
    case EPERM:
    case EINVAL:
    case ELOOP:
    case ENAMETOOLONG:
    case EISDIR: return ERROR_INVALID;
    default: return ERROR_TRANSIENT;
    }
}

int error_set_errno(struct error *err, int number, const char *format, ...)
{
    va_list args;
    size_t len;

    assert(err->kind == ERROR_NONE);
    err->kind = kind_of_errno(number);
    va_start(args, format);
    vsnprintf(err->message, sizeof(err->message), format, args);
    va_end(args);
    len = strlen(err->message);
    snprintf(err->message + len, sizeof(err->message) - len, ": %s", strerror(number));
    return -1;
}

int error_wrap(struct error *err, const char *format, ...)
{
    char inner[sizeof(err->message)];
    va_list args;
    size_t len;

    assert(err->kind != ERROR_NONE);
    memcpy(inner, err->message, sizeof(inner));
    va_start(args, format);
    vsnprintf(err->message, sizeof(err->message), format, args);
    va_end(args);
    len = strlen(err->message);
    snprintf(err->message + len, sizeof(err->message) - len, ": %s", inner);
    return -1;
}

void error_clear(struct error *err)
{
    *err = (struct error){0};
}

const char *error_kind_name(enum error_kind kind)
{
    switch (kind) { /* no default: a kind without a name does not compile */
    case ERROR_NONE: return "none";
    case ERROR_TRANSIENT: return "transient";
    case ERROR_CONFLICT: return "conflict";
    case ERROR_NOT_FOUND: return "not-found";
    case ERROR_INVALID: return "invalid";
    case ERROR_INTERNAL: return "internal";
    }
    abort(); /* not a kind at all: memory is damaged */
}
