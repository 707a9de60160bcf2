#include "cli/junit.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

void junit_done(struct junit *junit)
{
    for (size_t i = 0; i < junit->count; i++) {
        free(junit->cases[i].class_name);
        free(junit->cases[i].name);
        free(junit->cases[i].type);
        free(junit->cases[i].message);
    }
    free(junit->cases);
    *junit = (struct junit){0};
}

void junit_add(struct junit *junit, const char *class_name, const char *name, int64_t took_ms,
               enum junit_outcome outcome, const char *type, const char *message)
{
    array_grow(&junit->cases, junit->count, &junit->capacity, sizeof(*junit->cases));
    junit->cases[junit->count++] = (struct junit_case){
        .class_name = xstrdup(class_name),
        .name = xstrdup(name),
        .took_ms = took_ms,
        .outcome = outcome,
        .type = xstrdup(type != NULL ? type : ""),
        .message = xstrdup(message != NULL ? message : ""),
    };
}

/* Of an attribute. Texts are clean UTF-8 but for control characters. */
static void add_escaped(struct strbuf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&': strbuf_add(out, "&amp;"); break;
        case '<': strbuf_add(out, "&lt;"); break;
        case '>': strbuf_add(out, "&gt;"); break;
        case '"': strbuf_add(out, "&quot;"); break;
        case '\n': strbuf_add(out, "&#10;"); break;
        case '\t': strbuf_add(out, "&#9;"); break;
        default: strbuf_append(out, (unsigned char)*text < ' ' ? "?" : text, 1);
        }
    }
}

static void add_attribute(struct strbuf *out, const char *name, const char *value)
{
    strbuf_addf(out, " %s=\"", name);
    add_escaped(out, value);
    strbuf_add(out, "\"");
}

static void add_case(struct strbuf *out, const struct junit_case *item)
{
    strbuf_add(out, "  <testcase");
    add_attribute(out, "classname", item->class_name);
    add_attribute(out, "name", item->name);
    strbuf_addf(out, " time=\"%.3f\"", (double)item->took_ms / MS_PER_SECOND);
    switch (item->outcome) { /* no default: an outcome without an element does not compile */
    case JUNIT_PASSED: strbuf_add(out, "/>\n"); return;
    case JUNIT_FAILED:
        strbuf_add(out, ">\n    <failure");
        add_attribute(out, "type", item->type);
        break;
    case JUNIT_SKIPPED: strbuf_add(out, ">\n    <skipped"); break;
    }
    add_attribute(out, "message", item->message);
    strbuf_add(out, "/>\n  </testcase>\n");
}

static size_t count_outcomes(const struct junit *junit, enum junit_outcome outcome)
{
    size_t count = 0;

    for (size_t i = 0; i < junit->count; i++) {
        count += junit->cases[i].outcome == outcome;
    }
    return count;
}

void junit_print(const struct junit *junit, struct strbuf *out)
{
    strbuf_add(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite");
    add_attribute(out, "name", junit->suite);
    strbuf_addf(out,
                " tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\" time=\"%.3f\">\n",
                junit->count, count_outcomes(junit, JUNIT_FAILED),
                count_outcomes(junit, JUNIT_SKIPPED), (double)junit->took_ms / MS_PER_SECOND);
    for (size_t i = 0; i < junit->count; i++) {
        add_case(out, &junit->cases[i]);
    }
    strbuf_add(out, "</testsuite>\n");
}

int junit_write(const struct junit *junit, const char *path, struct error *err)
{
    auto_done(strbuf) text = {0};

    junit_print(junit, &text);
    return file_replace(AT_FDCWD, path, text.text, text.len, 0644, FILE_VISIBLE, err);
}
