/*
 * Objects as people name them on a command line: "task fix-7 fix-8", or "task/fix-7 instance/web".
 */
#ifndef BERTH_CLI_OBJECT_NAMES_H
#define BERTH_CLI_OBJECT_NAMES_H

#include "base/cleanup.h"
#include "cli/arguments.h"
#include "specs/types.h"

#include <stddef.h>

struct object_name {
    enum kind kind;
    char *name;
};

/* Each of them once, in the order in which they came. */
struct object_names {
    struct object_name *items;
    size_t count, capacity;
};

void object_names_done(struct object_names *names);
bool object_names_have(const struct object_names *names, enum kind kind, const char *name);
void object_names_add(struct object_names *names, enum kind kind, const char *name);

/* Takes the operands, "KIND NAME..." or "KIND/NAME...": 0, or arguments_wrong(). */
int object_names_take(struct object_names *names, struct arguments *args);

/* "task/fix-7": how messages spell it. The caller's to free. */
char *object_spelling(enum kind kind, const char *name);

#endif
