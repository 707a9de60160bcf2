#include "reconcilers/values.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"

#include <string.h>

char *values_label(const struct observed_values *values)
{
    auto_done(strbuf) out = {0};

    if (values->count == 0) {
        return NULL;
    }
    strbuf_add(&out, values->key_id);
    for (size_t i = 0; i < values->count; i++) {
        strbuf_addf(&out, " %s=%s", values->items[i].name, values->items[i].digest);
    }
    return strbuf_take(&out);
}

/* The label is the engine's to keep: whatever it says is only compared. */
static bool has_digest(const char *label, const struct observed_value *value)
{
    auto_free char *part = xasprintf(" %s=%s", value->name, value->digest);
    const char *at = strstr(label, part);

    return at != NULL && (at[strlen(part)] == ' ' || at[strlen(part)] == '\0');
}

static bool is_of_key(const char *label, const char *key_id)
{
    size_t len = strlen(key_id);

    return len > 0 && strncmp(label, key_id, len) == 0 && label[len] == ' ';
}

char *values_difference(const struct observed_values *values, const char *label)
{
    auto_done(strbuf) out = {0};

    if (values->count == 0 || label == NULL || !is_of_key(label, values->key_id)) {
        return NULL;
    }
    for (size_t i = 0; i < values->count; i++) {
        const struct observed_value *value = &values->items[i];

        if (!has_digest(label, value)) {
            strbuf_addf(&out, "%s%s from %s", out.len == 0 ? "changed: env (" : ", ", value->name,
                        value->source);
        }
    }
    if (out.len == 0) {
        return NULL;
    }
    strbuf_add(&out, ")");
    return strbuf_take(&out);
}
