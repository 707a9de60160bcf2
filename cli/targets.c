#include "cli/targets.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/documents.h"
#include "cli/status_store.h"
#include "controller/options.h"
#include "specs/reason.h"

#include <stdlib.h>
#include <string.h>

/* The kinds that have something running, in the order in which they are named. */
static const struct {
    enum kind kind;
    const char *word;
} kinds[] = {
    {KIND_TASK, "task"},
    {KIND_REPOSITORY, "repository"},
    {KIND_INSTANCE, "instance"},
};

static const char *kind_word(enum kind kind)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (kinds[i].kind == kind) {
            return kinds[i].word;
        }
    }
    return NULL;
}

/* Borrowed, or NULL. */
static json_t *find_document(const json_t *documents, enum kind kind, const char *name)
{
    size_t index;
    json_t *document;

    json_array_foreach(documents, index, document) {
        if (text_equal(document_text(document, "kind"), kind_name(kind)) &&
            text_equal(document_name(document), name) && !document_is_duplicate(document)) {
            return document;
        }
    }
    return NULL;
}

/* What the user asked for, in its parts. */
struct wish {
    bool has_kind;
    enum kind kind;
    const char *name; /* a part of the argument */
};

static int parse_wish(const char *text, struct wish *wish, struct error *err)
{
    const char *slash = strchr(text, '/');
    auto_free char *word = slash == NULL ? NULL : xstrndup(text, (size_t)(slash - text));

    *wish = (struct wish){.has_kind = slash != NULL, .name = slash == NULL ? text : slash + 1};
    if (slash != NULL && kind_from_argument(word, &wish->kind) < 0) {
        return error_set(err, ERROR_INVALID,
                         "\"%s\": \"%s\" is no kind; write task/NAME, repository/NAME or "
                         "instance/NAME",
                         text, word);
    }
    if (wish->has_kind && kind_word(wish->kind) == NULL) {
        return error_set(err, ERROR_INVALID,
                         "\"%s\": nothing runs in an %s itself; name one of its members, which are "
                         "instances (berth get instances)",
                         text, kind_name(wish->kind));
    }
    return 0;
}

static int not_found(const json_t *documents, const struct wish *wish, const char *status_dir,
                     struct error *err)
{
    auto_free char *nearest =
        documents_suggest(documents, wish->has_kind ? kind_name(wish->kind) : NULL, wish->name);

    return error_set(err, ERROR_NOT_FOUND, "there is no %s \"%s\" in %s%s",
                     wish->has_kind ? kind_name(wish->kind) : "task, repository or instance",
                     wish->name, status_dir, nearest);
}

/* Borrowed. */
static json_t *choose(const json_t *documents, const struct wish *wish, const char *status_dir,
                      enum kind *ret_kind, struct error *err)
{
    auto_done(strbuf) spellings = {0};
    json_t *found = NULL;
    unsigned count = 0;

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        json_t *document;

        if (wish->has_kind && wish->kind != kinds[i].kind) {
            continue;
        }
        document = find_document(documents, kinds[i].kind, wish->name);
        if (document != NULL) {
            strbuf_addf(&spellings, "%s%s/%s", count > 0 ? " or " : "", kinds[i].word, wish->name);
            found = document;
            *ret_kind = kinds[i].kind;
            count++;
        }
    }
    if (count > 1) {
        error_set(err, ERROR_INVALID, "several objects are named \"%s\"; write %s", wish->name,
                  strbuf_text(&spellings));
        return NULL;
    }
    if (found == NULL) {
        not_found(documents, wish, status_dir, err);
    }
    return found;
}

static void take_document(struct target *target, json_t *document)
{
    json_incref(document);
    json_decref(target->document);
    target->document = document;
    target->name = document_name(document);
    target->pool = document_text(document, "pool");
}

int target_find(const char *text, const struct places *places, struct target *ret,
                struct error *err)
{
    auto_free char *state = directory_option(places->state, "BERTH_STATE", DEFAULT_STATE_DIR);
    json_auto_t *heartbeat = status_store_heartbeat(state), *documents = NULL;
    auto_done(target) target = {0};
    struct wish wish;
    const char *engine;
    json_t *document;

    if (parse_wish(text, &wish, err) < 0) {
        return -1;
    }
    target.status_dir = status_store_directory(places->specs, places->status_dir, heartbeat);
    if (status_store_read(target.status_dir, &documents, err) < 0) {
        return -1;
    }
    document = choose(documents, &wish, target.status_dir, &target.kind, err);
    if (document == NULL) {
        return -1;
    }
    take_document(&target, document);
    engine = document_text(json_object_get(heartbeat, "engine"), "address");
    target.engine = engine != NULL ? xstrdup(engine) : NULL;
    *ret = target;
    target = (struct target){0};
    return 0;
}

int target_refresh(struct target *target, struct error *err)
{
    const char *file = document_text(target->document, "file");
    json_auto_t *documents = status_store_read_file(target->status_dir, file);
    json_t *document = find_document(documents, target->kind, target->name);

    if (document == NULL) {
        auto_free char *spelling = target_spelling(target);

        return error_set(err, ERROR_NOT_FOUND, "%s is gone: its spec was removed", spelling);
    }
    take_document(target, document);
    return 0;
}

void target_done(struct target *target)
{
    json_decref(target->document);
    free(target->status_dir);
    free(target->engine);
    *target = (struct target){0};
}

char *target_spelling(const struct target *target)
{
    return xasprintf("%s/%s", kind_word(target->kind), target->name);
}

const json_t *target_value(const struct target *target, const char *part, const char *key)
{
    const json_t *status = json_object_get(target->document, "status");

    return json_object_get(part == NULL ? status : json_object_get(status, part), key);
}

const char *target_text(const struct target *target, const char *part, const char *key)
{
    return json_string_value(target_value(target, part, key));
}

char *target_reason(const struct target *target)
{
    size_t index;
    json_t *condition;

    json_array_foreach(target_value(target, NULL, "conditions"), index, condition) {
        const char *message = document_text(condition, "message"),
                   *reason = document_text(condition, "reason");

        if (text_equal(document_text(condition, "type"), "Ready") &&
            (message != NULL || reason != NULL)) {
            return xasprintf(": %s", message != NULL ? message : reason);
        }
    }
    return xstrdup("");
}
