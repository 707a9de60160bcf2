/*
 * A report that CI systems read: JUnit's XML, with one case for each object.
 */
#ifndef BERTH_CLI_JUNIT_H
#define BERTH_CLI_JUNIT_H

#include "base/cleanup.h"
#include "base/error.h"
#include "base/strbuf.h"

#include <stddef.h>
#include <stdint.h>

enum junit_outcome { JUNIT_PASSED, JUNIT_FAILED, JUNIT_SKIPPED };

struct junit_case {
    char *class_name, *name;
    int64_t took_ms;
    enum junit_outcome outcome;
    char *type;    /* a word: "ImagePullFailed" */
    char *message; /* why it failed or was skipped */
};

struct junit {
    const char *suite;
    struct junit_case *cases;
    size_t count, capacity;
    int64_t took_ms;
};

void junit_done(struct junit *junit);
void junit_add(struct junit *junit, const char *class_name, const char *name, int64_t took_ms,
               enum junit_outcome outcome, const char *type, const char *message);

/* Characters that XML cannot have become '?'. */
void junit_print(const struct junit *junit, struct strbuf *out);

/* Replaces the file. */
int junit_write(const struct junit *junit, const char *path, struct error *err);

#endif
