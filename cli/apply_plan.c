#include "cli/apply_plan.h"

#include "base/memory.h"
#include "base/parse.h"
#include "cli/repository_users.h"
#include "cli/spec_edit.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void apply_plan_init(struct apply_plan *plan, const struct spec_store *store)
{
    *plan = (struct apply_plan){.store = store};
}

void apply_plan_done(struct apply_plan *plan)
{
    for (size_t i = 0; i < plan->object_count; i++) {
        free(plan->objects[i].name);
        free(plan->objects[i].hash);
        free(plan->objects[i].file);
    }
    for (size_t i = 0; i < plan->file_count; i++) {
        free(plan->files[i].name);
        free(plan->files[i].text);
    }
    free(plan->objects);
    free(plan->files);
    *plan = (struct apply_plan){0};
}

struct apply_object *apply_plan_add(struct apply_plan *plan, enum kind kind, const char *name,
                                    const char *hash, const char *file, enum apply_result result)
{
    array_grow(&plan->objects, plan->object_count, &plan->object_capacity, sizeof(*plan->objects));
    plan->objects[plan->object_count] = (struct apply_object){
        .kind = kind,
        .name = xstrdup(name),
        .hash = xstrdup_or_null(hash),
        .file = xstrdup(file),
        .result = result,
    };
    return &plan->objects[plan->object_count++];
}

/* --- files ------------------------------------------------------------------------------------ */

static const struct spec_store_file *find_stored(const struct spec_store *store, const char *name)
{
    for (size_t i = 0; i < store->count; i++) {
        if (strcmp(store->files[i].name, name) == 0) {
            return &store->files[i];
        }
    }
    return NULL;
}

/* With the text that it has by now; text NULL: it is to be. Valid until the next call. */
static struct apply_file *open_file(struct apply_plan *plan, const char *name)
{
    const struct spec_store_file *before = find_stored(plan->store, name);

    for (size_t i = 0; i < plan->file_count; i++) {
        if (strcmp(plan->files[i].name, name) == 0) {
            return &plan->files[i];
        }
    }
    array_grow(&plan->files, plan->file_count, &plan->file_capacity, sizeof(*plan->files));
    plan->files[plan->file_count] = (struct apply_file){
        .name = xstrdup(name),
        .before = before,
        .text = before != NULL ? xmemdup(before->text, before->len) : NULL,
    };
    return &plan->files[plan->file_count++];
}

/* By an input before this one. */
static bool is_changed(const struct apply_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->file_count; i++) {
        if (strcmp(plan->files[i].name, name) == 0) {
            return plan->files[i].is_changed;
        }
    }
    return false;
}

static void set_text(struct apply_file *file, char *text)
{
    free(file->text);
    file->text = text;
    file->is_changed = true;
}

/* --- one object ------------------------------------------------------------------------------- */

static bool is_same_text(const char *a, const char *b)
{
    size_t a_len = strlen(a), b_len = strlen(b);

    while (a_len > 0 && isspace((unsigned char)a[a_len - 1])) {
        a_len--;
    }
    while (b_len > 0 && isspace((unsigned char)b[b_len - 1])) {
        b_len--;
    }
    return a_len == b_len && memcmp(a, b, a_len) == 0;
}

/* The lines of one document. The caller's to free. */
static char *cut_document(const char *text, size_t len, enum kind kind, const char *name,
                          struct spec_place *ret_place, struct error *err)
{
    return spec_edit_find(text, len, kind, name, ret_place, err) < 0
               ? NULL
               : xstrndup(text + ret_place->start, ret_place->end - ret_place->start);
}

static int replace_object(struct apply_plan *plan, const char *file_name,
                          const struct object *object, const char *document, struct error *err)
{
    struct apply_file *file = open_file(plan, file_name);
    struct spec_place place;
    auto_free char *present =
        cut_document(file->text, strlen(file->text), object->kind, object->name, &place, err);
    bool is_same = present != NULL && is_same_text(present, document);

    if (present == NULL) {
        return error_wrap(err, "%s", file_name);
    }
    if (!is_same) {
        set_text(file, spec_edit_replace(file->text, strlen(file->text), &place, document));
    }
    apply_plan_add(plan, object->kind, object->name, object->hash, file_name,
                   is_same ? APPLY_UNCHANGED : APPLY_CONFIGURED);
    return 0;
}

static void append_object(struct apply_plan *plan, const char *file_name,
                          const struct object *object, const char *document)
{
    struct apply_file *file = open_file(plan, file_name);

    set_text(file, file->text == NULL ? xstrdup(document)
                                      : spec_edit_append(file->text, strlen(file->text), document));
    apply_plan_add(plan, object->kind, object->name, object->hash, file_name, APPLY_CREATED);
}

/*
 * Where a new object goes: the file that it comes from, else one of its own. The caller's to free.
 */
static char *target_of(const struct spec_input_file *file, const struct object *object)
{
    auto_free char *spelling = NULL;

    if (file->target != NULL) {
        return xstrdup(file->target);
    }
    spelling = object_spelling(object->kind, object->name);
    *strchr(spelling, '/') = '-';
    return xasprintf("%s.yaml", spelling);
}

/* --- a whole file ----------------------------------------------------------------------------- */

/*
 * The input has all that the file of its name has, and nothing that is elsewhere: then it is the
 * next version of that file, with what stands between its objects and in their order.
 */
static bool is_next_version(const struct apply_plan *plan, const struct spec_input_file *input)
{
    const struct spec_store_file *file =
        input->target != NULL ? find_stored(plan->store, input->target) : NULL;

    for (size_t i = 0; i < input->parsed->count; i++) {
        const struct object *object = input->parsed->documents[i].object;
        struct spec_store_entry entry = spec_store_find(plan->store, object->kind, object->name);

        if (entry.file != NULL && entry.file != file) {
            return false;
        }
    }
    if (input->target == NULL || input->parsed->count == 0 || is_changed(plan, input->target) ||
        (file != NULL && !file->parsed->is_complete)) {
        return false;
    }
    for (size_t i = 0; file != NULL && i < file->parsed->count; i++) {
        const struct spec_document *document = &file->parsed->documents[i];
        bool is_there = false;

        for (size_t d = 0; d < input->parsed->count && !is_there; d++) {
            is_there = text_equal(document->kind, input->parsed->documents[d].kind) &&
                       text_equal(document->name, input->parsed->documents[d].name);
        }
        if (!is_there) {
            return false;
        }
    }
    return true;
}

static int take_whole_file(struct apply_plan *plan, const struct spec_input_file *input,
                           struct error *err)
{
    struct apply_file *file = open_file(plan, input->target);
    const struct spec_store_file *before = file->before;

    for (size_t i = 0; i < input->parsed->count; i++) {
        const struct object *object = input->parsed->documents[i].object;
        auto_free char *document = NULL, *present = NULL;
        struct error none = {0};
        struct spec_place place;

        document = cut_document(input->text, input->len, object->kind, object->name, &place, err);
        if (document == NULL) {
            return error_wrap(err, "%s", input->label);
        }
        present = before == NULL ? NULL
                                 : cut_document(before->text, before->len, object->kind,
                                                object->name, &place, &none);
        apply_plan_add(plan, object->kind, object->name, object->hash, input->target,
                       present == NULL                   ? APPLY_CREATED
                       : is_same_text(present, document) ? APPLY_UNCHANGED
                                                         : APPLY_CONFIGURED);
    }
    if (before == NULL || !is_same_text(file->text, input->text)) {
        set_text(file, xmemdup(input->text, input->len));
    }
    return 0;
}

static int take_objects(struct apply_plan *plan, const struct spec_input_file *input,
                        struct error *err)
{
    for (size_t i = 0; i < input->parsed->count; i++) {
        const struct object *object = input->parsed->documents[i].object;
        struct spec_store_entry entry = spec_store_find(plan->store, object->kind, object->name);
        auto_free char *target = target_of(input, object);
        struct spec_place place;
        auto_free char *document =
            cut_document(input->text, input->len, object->kind, object->name, &place, err);

        if (document == NULL) {
            return error_wrap(err, "%s", input->label);
        }
        if (entry.file == NULL) {
            append_object(plan, target, object, document);
        } else if (replace_object(plan, entry.file->name, object, document, err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* --- collisions ------------------------------------------------------------------------------- */

static int check_single(const struct spec_store *store, const struct object *object,
                        struct error *err)
{
    const char *first = NULL;

    for (size_t i = 0; i < store->count; i++) {
        const struct spec_file *parsed = store->files[i].parsed;

        for (size_t d = 0; d < parsed->count; d++) {
            if (!text_equal(parsed->documents[d].kind, kind_name(object->kind)) ||
                !text_equal(parsed->documents[d].name, object->name)) {
                continue;
            }
            if (first != NULL) {
                return error_set(err, ERROR_CONFLICT,
                                 "%s \"%s\" is in %s and again in %s, line %u; remove one of them",
                                 kind_name(object->kind), object->name, first, store->files[i].name,
                                 parsed->documents[d].line);
            }
            first = store->files[i].name;
        }
    }
    return 0;
}

/* Only one Repository object can set up a URL. */
static int check_url(const struct spec_store *store, const struct object *object, struct error *err)
{
    for (size_t i = 0; object->kind == KIND_REPOSITORY && i < store->count; i++) {
        const struct spec_file *parsed = store->files[i].parsed;

        for (size_t d = 0; d < parsed->count; d++) {
            const struct object *other = parsed->documents[d].object;

            if (other != NULL && other->kind == KIND_REPOSITORY &&
                strcmp(other->name, object->name) != 0 &&
                repository_urls_are_same(other->repository.url, object->repository.url)) {
                return error_set(err, ERROR_CONFLICT,
                                 "Repository \"%s\" has the URL of Repository \"%s\" in %s; let "
                                 "tasks name that one, or change its spec",
                                 object->name, other->name, store->files[i].name);
            }
        }
    }
    return 0;
}

int apply_plan_add_input(struct apply_plan *plan, const struct spec_input *input, struct error *err)
{
    for (size_t i = 0; i < input->count; i++) {
        const struct spec_input_file *file = &input->files[i];

        for (size_t d = 0; d < file->parsed->count; d++) {
            const struct object *object = file->parsed->documents[d].object;

            if (check_single(plan->store, object, err) < 0 ||
                check_url(plan->store, object, err) < 0) {
                return -1;
            }
        }
        if ((is_next_version(plan, file) ? take_whole_file(plan, file, err)
                                         : take_objects(plan, file, err)) < 0) {
            return -1;
        }
    }
    return 0;
}

int apply_plan_check_hash(const struct spec_store *store, enum kind kind, const char *name,
                          const char *hash, struct error *err)
{
    struct spec_store_entry entry = spec_store_find(store, kind, name);

    if (entry.file == NULL) {
        return error_set(err, ERROR_CONFLICT, "--if-hash: there is no %s \"%s\" in %s",
                         kind_name(kind), name, store->directory);
    }
    if (entry.document->object == NULL) {
        return error_set(err, ERROR_CONFLICT, "--if-hash: %s \"%s\" has errors in %s",
                         kind_name(kind), name, entry.file->name);
    }
    if (strcmp(entry.document->object->hash, hash) != 0) {
        return error_set(err, ERROR_CONFLICT,
                         "--if-hash: the spec of %s \"%s\" is not the one of %s any more: it has "
                         "%s; look at it again",
                         kind_name(kind), name, hash, entry.document->object->hash);
    }
    return 0;
}

/* --- removing --------------------------------------------------------------------------------- */

static int remove_from(struct apply_plan *plan, const char *file_name, enum kind kind,
                       const char *name, struct error *err)
{
    struct apply_file *file = open_file(plan, file_name);
    struct spec_place place;

    if (file->text == NULL ||
        spec_edit_find(file->text, strlen(file->text), kind, name, &place, err) < 0) {
        return error_wrap(err, "%s", file_name);
    }
    set_text(file, spec_edit_remove(file->text, strlen(file->text), &place));
    return 0;
}

int apply_plan_remove(struct apply_plan *plan, enum kind kind, const char *name,
                      enum apply_result result, bool *ret_was_there, struct error *err)
{
    bool was_there = false;

    for (size_t i = 0; i < plan->store->count; i++) {
        const struct spec_store_file *file = &plan->store->files[i];

        for (size_t d = 0; d < file->parsed->count; d++) {
            if (!text_equal(file->parsed->documents[d].kind, kind_name(kind)) ||
                !text_equal(file->parsed->documents[d].name, name)) {
                continue;
            }
            if (remove_from(plan, file->name, kind, name, err) < 0) {
                return -1;
            }
            if (!was_there) {
                apply_plan_add(plan, kind, name, NULL, file->name, result);
            }
            was_there = true;
        }
    }
    *ret_was_there = was_there;
    return 0;
}

struct apply_object *apply_plan_find(const struct apply_plan *plan, const char *kind,
                                     const char *name)
{
    for (size_t i = 0; i < plan->object_count; i++) {
        if (text_equal(kind_name(plan->objects[i].kind), kind) &&
            text_equal(plan->objects[i].name, name)) {
            return &plan->objects[i];
        }
    }
    return NULL;
}

static bool is_chosen(const struct object *object, const struct selector *selector)
{
    json_auto_t *labels = json_object();

    for (size_t i = 0; i < object->labels.count; i++) {
        json_object_set_new(labels, object->labels.items[i].key,
                            json_string(object->labels.items[i].value));
    }
    return selector_matches(selector, labels);
}

int apply_plan_prune(struct apply_plan *plan, const struct selector *selector,
                     const struct object_names *kept, struct error *err)
{
    for (size_t i = 0; i < plan->store->count; i++) {
        const struct spec_file *parsed = plan->store->files[i].parsed;

        for (size_t d = 0; d < parsed->count; d++) {
            const struct object *object = parsed->documents[d].object;
            bool was_there;

            if (object == NULL || object_names_have(kept, object->kind, object->name) ||
                !is_chosen(object, selector) ||
                apply_plan_find(plan, kind_name(object->kind), object->name) != NULL) {
                continue;
            }
            if (apply_plan_remove(plan, object->kind, object->name, APPLY_PRUNED, &was_there, err) <
                0) {
                return -1;
            }
        }
    }
    return 0;
}

/* --- the result ------------------------------------------------------------------------------- */

static const struct spec_document *find_document(const struct spec_file *parsed, const char *kind,
                                                 const char *name)
{
    for (size_t i = 0; i < parsed->count; i++) {
        if (text_equal(parsed->documents[i].kind, kind) &&
            text_equal(parsed->documents[i].name, name)) {
            return &parsed->documents[i];
        }
    }
    return NULL;
}

static bool is_planned(const void *user, const struct spec_document *document)
{
    return apply_plan_find(user, document->kind, document->name) != NULL;
}

/* Neighbours are what they were; those of before that are planned are the plan's affair. */
static int verify_neighbours(const struct apply_plan *plan, const struct apply_file *file,
                             const struct spec_file *parsed, struct error *err)
{
    const struct spec_document *harmed =
        file->before != NULL ? spec_store_find_harm(file->before, parsed, is_planned, plan) : NULL;

    return harmed == NULL ? 0
                          : error_set(err, ERROR_INVALID,
                                      "%s: this cannot be done without a change of %s \"%s\" "
                                      "beside it; edit the file by hand",
                                      file->name, harmed->kind, harmed->name);
}

static int verify_object(const struct apply_object *object, const struct spec_file *parsed,
                         struct error *err)
{
    const struct spec_document *is = find_document(parsed, kind_name(object->kind), object->name);
    bool is_right = object->hash == NULL ? is == NULL
                                         : is != NULL && is->object != NULL &&
                                               strcmp(is->object->hash, object->hash) == 0;

    return is_right ? 0
                    : error_set(err, ERROR_INVALID,
                                "%s: %s \"%s\" cannot be put there or taken away as the file is; "
                                "edit it by hand",
                                object->file, kind_name(object->kind), object->name);
}

int apply_plan_verify(const struct apply_plan *plan, struct error *err)
{
    for (size_t i = 0; i < plan->file_count; i++) {
        const struct apply_file *file = &plan->files[i];
        const char *text = file->text != NULL ? file->text : "";
        auto_owned(spec_file) *parsed = NULL;

        if (!file->is_changed) {
            continue;
        }
        if (file->before != NULL && strlen(file->before->text) != file->before->len) {
            return error_set(err, ERROR_INVALID, "%s: it has NUL bytes in it; edit it by hand",
                             file->name);
        }
        parsed = spec_file_parse(file->name, text, strlen(text));
        if (verify_neighbours(plan, file, parsed, err) < 0) {
            return -1;
        }
        for (size_t o = 0; o < plan->object_count; o++) {
            if (strcmp(plan->objects[o].file, file->name) == 0 &&
                verify_object(&plan->objects[o], parsed, err) < 0) {
                return -1;
            }
        }
    }
    return 0;
}
