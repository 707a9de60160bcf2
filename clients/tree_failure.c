#define BERTH_CLIENTS_TREE_FAILURE_C
#include "clients/tree_failure.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <stdarg.h>
#include <string.h>

int tree_refuse(struct error *err, const char *format, ...)
{
    auto_free char *text = NULL;
    va_list args;

    va_start(args, format);
    text = xvasprintf(format, args);
    va_end(args);
    return error_set_reason(err, ERROR_CONFLICT, "WorkspaceFailed", "%s", text);
}

int tree_fail(struct error *err, int number, const char *what, const char *name)
{
    return tree_refuse(err, "%s \"%s\": %s", what, name, strerror(number));
}

int tree_blame(struct error *err)
{
    err->kind = ERROR_CONFLICT;
    err->reason = "WorkspaceFailed";
    return -1;
}
