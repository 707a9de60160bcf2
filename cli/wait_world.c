#include "cli/wait_world.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "cli/documents.h"
#include "cli/spec_store.h"
#include "cli/status_store.h"
#include "controller/status_path.h"
#include "specs/spec_set.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    READ_AGAIN_MS = 500, /* whole directories, at the earliest */
    FRESH_MS = 3000,     /* a controller that looks has seen a change by then */
};

/* By what one sees that a file is another one. All zero: there is none. */
struct file_stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

/* One file, as it was when it had that stamp. */
struct file_cache {
    struct file_stamp stamp;
    struct spec_file *spec; /* NULL: it is none, or not there */
    json_t *documents;      /* of a status file */
};

static struct file_stamp stamp_of(const char *directory, const char *name)
{
    auto_free char *path = path_join(directory, name);
    struct stat info;

    if (stat(path, &info) < 0) {
        return (struct file_stamp){0};
    }
    return (struct file_stamp){
        .device = info.st_dev, .inode = info.st_ino, .size = info.st_size, .changed = info.st_ctim};
}

static bool is_same_stamp(const struct file_stamp *a, const struct file_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

/* The kernel's clock has ticks: what changed just now may change again without another stamp. */
static bool is_older_than(const struct file_stamp *stamp, int64_t age_ms)
{
    int64_t changed_ms =
        (int64_t)stamp->changed.tv_sec * MS_PER_SECOND + stamp->changed.tv_nsec / NS_PER_MS;

    return clock_wall_ms() - changed_ms > age_ms;
}

void wait_world_init(struct wait_world *world, const char *specs, const char *status_dir)
{
    *world = (struct wait_world){.specs = specs, .status_dir = status_dir};
}

static void free_caches(struct map *map)
{
    for (struct map_entry *at = map_first(map); at != NULL; at = map_next(at)) {
        struct file_cache *cache = map_value(at);

        spec_file_free(cache->spec);
        json_decref(cache->documents);
        free(cache);
    }
    map_done(map);
}

static void free_texts(struct map *map)
{
    for (struct map_entry *at = map_first(map); at != NULL; at = map_next(at)) {
        free(map_value(at));
    }
    map_done(map);
}

void wait_world_done(struct wait_world *world)
{
    free_caches(&world->specs_read);
    free_caches(&world->statuses_read);
    free_texts(&world->spec_places);
    free_texts(&world->status_places);
}

static void set_place(struct map *places, const char *key, const char *name)
{
    free(map_put(places, key, xstrdup(name)));
}

/* The cache of a file; *ret_is_current: it need not be read. */
static struct file_cache *open_cache(struct map *caches, const char *directory, const char *name,
                                     bool *ret_is_current)
{
    struct file_cache *cache = map_get(caches, name);
    struct file_stamp stamp = stamp_of(directory, name);

    if (cache == NULL) {
        cache = xcalloc(1, sizeof(*cache));
        map_put(caches, name, cache);
    } else if (is_same_stamp(&cache->stamp, &stamp) && is_older_than(&stamp, 100)) {
        *ret_is_current = true;
        return cache;
    }
    cache->stamp = stamp;
    *ret_is_current = false;
    return cache;
}

/* --- specs ------------------------------------------------------------------------------------ */

static const struct spec_document *find_in(const struct spec_file *file, enum kind kind,
                                           const char *name)
{
    for (size_t i = 0; file != NULL && i < file->count; i++) {
        if (text_equal(file->documents[i].kind, kind_name(kind)) &&
            text_equal(file->documents[i].name, name)) {
            return &file->documents[i];
        }
    }
    return NULL;
}

static const struct file_cache *read_spec(struct wait_world *world, const char *name)
{
    bool is_current;
    struct file_cache *cache = open_cache(&world->specs_read, world->specs, name, &is_current);
    auto_free char *text = NULL;
    struct error err = {0};
    size_t len;

    if (!is_current) {
        spec_file_free(TAKE(cache->spec));
        if (spec_store_read_file(world->specs, name, &text, &len, &err) == 0) {
            cache->spec = spec_file_parse(name, text, len);
        }
    }
    return cache;
}

/* The first file by name keeps an object. */
static int find_spec_places(struct wait_world *world, struct error *err)
{
    auto_done(spec_store) store = {0};

    if (spec_store_read(world->specs, NULL, &store, err) < 0) {
        return -1;
    }
    free_texts(&world->spec_places);
    for (size_t i = store.count; i > 0; i--) {
        const struct spec_store_file *file = &store.files[i - 1];

        for (size_t d = 0; d < file->parsed->count; d++) {
            const struct spec_document *document = &file->parsed->documents[d];

            if (document->kind != NULL && document->name != NULL) {
                auto_free char *key = object_key(document->kind, document->name);

                set_place(&world->spec_places, key, file->name);
            }
        }
    }
    return 0;
}

/* NULL: there is none, or it is not known just now. */
static const struct spec_document *look_for_spec(struct wait_world *world, enum kind kind,
                                                 const char *name, const char *key,
                                                 const struct file_cache **ret_cache)
{
    const char *place = map_get(&world->spec_places, key);

    *ret_cache = place != NULL ? read_spec(world, place) : NULL;
    return *ret_cache != NULL ? find_in((*ret_cache)->spec, kind, name) : NULL;
}

static void take_spec(const struct spec_document *document, const struct file_cache *cache,
                      struct wait_view *view)
{
    view->has_spec = true;
    view->is_fresh = is_older_than(&cache->stamp, FRESH_MS);
    if (document->object != NULL) {
        view->hash = document->object->hash;
    } else {
        view->spec_error = document->error_count > 0 ? document->errors[0].message : "it is faulty";
    }
}

/* --- statuses --------------------------------------------------------------------------------- */

static const json_t *find_document(const json_t *documents, enum kind kind, const char *name)
{
    size_t index;
    json_t *document;

    json_array_foreach(documents, index, document) {
        if (text_equal(document_kind(document), kind_name(kind)) &&
            text_equal(document_name(document), name) && !document_is_duplicate(document)) {
            return document;
        }
    }
    return NULL;
}

static const json_t *read_status(struct wait_world *world, const char *name)
{
    bool is_current;
    struct file_cache *cache =
        open_cache(&world->statuses_read, world->status_dir, name, &is_current);

    if (!is_current) {
        json_decref(cache->documents);
        cache->documents = status_store_read_file(world->status_dir, name);
    }
    return cache->documents;
}

static int find_status_places(struct wait_world *world, struct error *err)
{
    json_auto_t *documents = NULL;
    size_t index;
    json_t *document;

    if (status_store_read(world->status_dir, &documents, err) < 0) {
        return -1;
    }
    free_texts(&world->status_places);
    json_array_foreach(documents, index, document) {
        const char *kind = document_kind(document), *name = document_name(document);

        if (kind != NULL && name != NULL && !document_is_duplicate(document)) {
            auto_free char *key = object_key(kind, name);

            set_place(&world->status_places, key, document_text(document, "file"));
        }
    }
    return 0;
}

/* Beside its spec, where it has one. */
static const json_t *look_for_status(struct wait_world *world, enum kind kind, const char *name,
                                     const char *key)
{
    const char *spec_place = map_get(&world->spec_places, key);
    auto_free char *beside = spec_place != NULL ? status_path("", spec_place) : NULL;
    const char *place = beside != NULL ? beside + 1 : map_get(&world->status_places, key);
    const json_t *document =
        place != NULL ? find_document(read_status(world, place), kind, name) : NULL;

    if (document != NULL && beside != NULL) {
        set_place(&world->status_places, key, place); /* it may outlive the spec */
    }
    return document;
}

/* Both together: an object that is in neither was in neither at one time. */
static int find_places(struct wait_world *world, struct error *err)
{
    world->places_at_ms = clock_monotonic_ms();
    return find_spec_places(world, err) < 0 ? -1 : find_status_places(world, err);
}

/*
 * Where its file is not known, or has it no more, it may be in another one. The whole directories
 * are not read all the time: until then it is unknown, or what they said a moment ago.
 */
static int find_anew(struct wait_world *world, const char *key, bool *ret_is_unknown,
                     struct error *err)
{
    bool was_read =
        world->places_at_ms != 0 && clock_monotonic_ms() - world->places_at_ms < READ_AGAIN_MS;

    *ret_is_unknown = was_read && map_get(&world->spec_places, key) != NULL;
    return was_read ? 0 : find_places(world, err);
}

int wait_world_look(struct wait_world *world, enum kind kind, const char *name,
                    struct wait_view *ret, struct error *err)
{
    auto_free char *key = object_key(kind_name(kind), name);
    const struct file_cache *cache;
    const struct spec_document *spec = look_for_spec(world, kind, name, key, &cache);
    struct wait_view view = {.kind = kind};

    if (spec == NULL) {
        if (find_anew(world, key, &view.is_unknown, err) < 0) {
            return -1;
        }
        spec = look_for_spec(world, kind, name, key, &cache);
    }
    if (spec != NULL) {
        take_spec(spec, cache, &view);
    }
    view.document = look_for_status(world, kind, name, key);
    *ret = view;
    return 0;
}
