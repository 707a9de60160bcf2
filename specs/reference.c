#include "specs/reference.h"

#include "base/cleanup.h"
#include "specs/quantity.h"
#include "specs/text_check.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_PATH = 256 };

struct walk {
    reference_visit_fn *visit;
    void *user;
};

static bool is_list_of_objects(const struct field *field)
{
    return field->type == FIELD_OBJECT_LIST;
}

static void walk_table(const struct walk *walk, const struct field *fields, const char *parent,
                       unsigned depth, bool is_live)
{
    for (const struct field *field = fields; field->name != NULL; field++) {
        auto_done(strbuf) path = {.max_len = MAX_PATH};
        struct reference_field at = {
            .depth = depth,
            .field = field,
            .is_live = depth == 0 ? (field->flags & FIELD_LIVE) != 0 : is_live,
        };

        strbuf_addf(&path, "%s.%s", parent, field->name);
        at.path = strbuf_text(&path);
        if (walk->visit(&at, walk->user) && field->fields != NULL) {
            strbuf_add(&path, is_list_of_objects(field) ? "[]" : "");
            walk_table(walk, field->fields, strbuf_text(&path), depth + 1, at.is_live);
        }
    }
}

void reference_walk(enum kind kind, reference_visit_fn *visit, void *user)
{
    struct walk walk = {.visit = visit, .user = user};

    walk_table(&walk, schema_of_metadata(), "metadata", 0, true);
    walk_table(&walk, schema_of_kind(kind), "spec", 0, true);
}

bool reference_is_instance_spec(const struct reference_field *at)
{
    return at->field->fields == schema_of_kind(KIND_INSTANCE);
}

/* What a text must look like, in words; the checks themselves are in text_check.c. */
struct text_form {
    int (*check)(const char *text, struct error *err);
    const char *word, *words, *example;
};

static const struct text_form *form_of(const struct field *field)
{
    static const struct text_form any = {NULL, "text", "text", "text"};
    static const struct text_form forms[] = {
        {check_object_name, "name", "names", "name"},
        {check_absolute_path, "absolute path", "absolute paths", "/path"},
        {check_secret_file, "absolute path", "absolute paths", "/path"},
        {check_mount_path, "absolute path", "absolute paths", "/data"},
        {check_repository_mount_path, "absolute path", "absolute paths", "/data"},
        {check_image, "image", "images", "debian:12"},
        {check_machine_type, "machine type", "machine types", "e2-medium"},
        {check_repository_url, "repository URL", "repository URLs", "https://host/org/repo.git"},
        {check_branch, "branch", "branches", "main"},
        {check_ref, "tag or commit", "tags or commits", "v1.2"},
        {check_env_name, "variable name", "variable names", "NAME"},
        {check_env_source, "variable name", "variable names", "NAME"},
        {check_hostname, "host name", "host names", "example.com"},
        {check_ip_address, "IP address", "IP addresses", "10.0.0.10"},
        {check_capability, "capability", "capabilities", "NET_RAW"},
        {check_volume_name, "volume name", "volume names", "data"},
        {check_user, "user or user:group", "users", "\"1000:1000\""},
        {check_port_or_name, "port number or name", "ports", "8080"},
        {check_http_path, "path of a URL", "paths of URLs", "/"},
        {check_http_header_name, "header name", "header names", "Accept"},
        {check_http_header_value, "header value", "header values", "text/html"},
        {check_person, "login name or e-mail address", "login names", "alice"},
    };

    for (size_t i = 0; field->check != NULL && i < ARRAY_SIZE(forms); i++) {
        if (forms[i].check == field->check) {
            return &forms[i];
        }
    }
    return &any;
}

static const char *format_amount(const struct field *field, int64_t amount,
                                 char text[QUANTITY_TEXT_SIZE])
{
    return field->type == FIELD_BYTES      ? quantity_format_bytes(amount, text)
           : field->type == FIELD_FRACTION ? quantity_format_fraction(amount, text)
                                           : quantity_format_cpu(amount, text);
}

static void add_amount_type(struct strbuf *out, const struct field *field, const char *noun)
{
    char min[QUANTITY_TEXT_SIZE], max[QUANTITY_TEXT_SIZE];

    strbuf_addf(out, "%s, %s to %s", noun, format_amount(field, field->min, min),
                format_amount(field, field->max, max));
}

static void add_words(struct strbuf *out, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        strbuf_addf(out, "%s%s", i > 0 ? ", " : "", words[i]);
    }
}

void reference_add_type(struct strbuf *out, const struct field *field)
{
    switch (field->type) { /* no default: a type without a word does not compile */
    case FIELD_STRING: strbuf_add(out, form_of(field)->word); break;
    case FIELD_INTEGER:
        strbuf_addf(out, "whole number, %lld to %lld", (long long)field->min,
                    (long long)field->max);
        break;
    case FIELD_BOOLEAN: strbuf_add(out, "true or false"); break;
    case FIELD_ENUM:
        strbuf_add(out, "one of ");
        add_words(out, field->words);
        break;
    case FIELD_BYTES: add_amount_type(out, field, "size such as 512Mi"); break;
    case FIELD_CPU: add_amount_type(out, field, "processors such as 1.5 or 250m"); break;
    case FIELD_FRACTION: add_amount_type(out, field, "fraction such as 0.8"); break;
    case FIELD_STRING_LIST: strbuf_addf(out, "list of %s", form_of(field)->words); break;
    case FIELD_LABELS: strbuf_add(out, "map of text to text"); break;
    case FIELD_OBJECT:
    case FIELD_OPTIONAL_OBJECT: strbuf_add(out, "map"); break;
    case FIELD_OBJECT_LIST: strbuf_add(out, "list of maps"); break;
    case FIELD_REPOSITORY_REF: strbuf_addf(out, "%s, or map", form_of(field)->word); break;
    }
    if ((field->flags & FIELD_NON_EMPTY) != 0) {
        strbuf_add(out, ", not empty");
    }
    if ((field->flags & FIELD_UNIQUE) != 0) {
        strbuf_add(out, ", unique in its list");
    }
}

const char *reference_change(enum kind kind, bool is_live)
{
    switch (kind) { /* no default: a kind without words does not compile */
    case KIND_INSTANCE: return is_live ? "in place" : "new container";
    case KIND_INSTANCE_POOL: return NULL;
    case KIND_REPOSITORY: return is_live ? "in place" : "new container, once no task is active";
    case KIND_TASK: return is_live ? "at any time" : "only before the start";
    }
    abort(); /* not a kind at all: memory is damaged */
}

static void add_example(struct strbuf *out, const struct field *field)
{
    switch (field->type) { /* no default: a type without an example does not compile */
    case FIELD_STRING:
    case FIELD_REPOSITORY_REF: strbuf_add(out, form_of(field)->example); break;
    case FIELD_STRING_LIST: strbuf_addf(out, "[%s]", form_of(field)->example); break;
    case FIELD_LABELS: strbuf_add(out, "{key: value}"); break;
    case FIELD_INTEGER: strbuf_addf(out, "%lld", (long long)field->min); break;
    case FIELD_BYTES: strbuf_add(out, "512Mi"); break;
    case FIELD_CPU: strbuf_add(out, "0.5"); break;
    case FIELD_FRACTION: strbuf_add(out, "0.8"); break;
    case FIELD_BOOLEAN: strbuf_add(out, "true"); break;
    case FIELD_ENUM: strbuf_add(out, field->words[0]); break;
    case FIELD_OBJECT:
    case FIELD_OPTIONAL_OBJECT: strbuf_add(out, "{}"); break;
    case FIELD_OBJECT_LIST: strbuf_add(out, "[]"); break;
    }
}

void reference_add_value(struct strbuf *out, const struct field *field)
{
    if (field->default_text != NULL) {
        strbuf_add(out, field->default_text[0] != '\0' ? field->default_text : "\"\"");
    } else if (field->example != NULL) {
        strbuf_add(out, field->example);
    } else {
        add_example(out, field);
    }
}
