#include "tests/model/world.h"

#include "base/cleanup.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void world_say(struct world *world, const char *format, ...)
{
    va_list args;

    fprintf(world->journal_stream, "# %3u ", world->step);
    va_start(args, format);
    vfprintf(world->journal_stream, format, args);
    va_end(args);
    fputc('\n', world->journal_stream);
    if (world->is_verbose) {
        printf("# %3u ", world->step);
        va_start(args, format);
        vprintf(format, args);
        va_end(args);
        putchar('\n');
        fflush(stdout);
    }
}

void world_abort(struct world *world, const char *format, ...)
{
    va_list args;

    fflush(world->journal_stream);
    fputs(world->journal, stderr);
    fprintf(stderr, "seed %lu, after step %u: ", world->seed, world->step);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(3);
}

static void add_possible(struct world *world, struct world_object *object, const struct spec *spec)
{
    for (unsigned i = 0; i < object->possible_count; i++) {
        if (spec_equal(&object->possible[i], spec)) {
            return;
        }
    }
    if (object->possible_count == WORLD_POSSIBLE) {
        world_abort(world, "too many versions of %s", object->name);
    }
    object->possible[object->possible_count++] = *spec;
    object->was_retained = object->was_retained || spec->is_retained;
    for (unsigned p = 0; p < spec->port_count; p++) {
        object->had_fixed_port = object->had_fixed_port || spec->ports[p].host_port != 0;
    }
}

/* Documents that say something about an object, and files that cannot be read and may. */
struct claims {
    unsigned good, bad;
};

static struct claims count_claims(const struct world *world, unsigned number)
{
    struct claims claims = {0};

    for (unsigned f = 0; f < WORLD_FILES; f++) {
        const struct world_file *file = &world->files[f];
        bool is_named = false, is_good = false;

        for (unsigned d = 0; file->exists && d < file->doc_count; d++) {
            if (file->docs[d].object == number) {
                is_named = true;
                is_good = !file->docs[d].is_faulty;
            }
        }
        if (!file->exists) {
            continue;
        }
        if (file->is_broken) {
            claims.bad += is_named || file->named[number];
        } else if (is_named) {
            claims.good += is_good;
            claims.bad += !is_good;
        }
    }
    return claims;
}

void world_note_files(struct world *world)
{
    for (unsigned i = 0; i < WORLD_OBJECTS; i++) {
        struct world_object *object = &world->objects[i];
        struct claims claims = count_claims(world, i);

        if (claims.good + claims.bad == 0 && !object->may_be_absent) {
            object->may_be_absent = true;
            world->absent_since_quiet++;
        }
        for (unsigned f = 0; f < WORLD_FILES; f++) {
            struct world_file *file = &world->files[f];

            for (unsigned d = 0; file->exists && !file->is_broken && d < file->doc_count; d++) {
                if (file->docs[d].object == i && !file->docs[d].is_faulty) {
                    add_possible(world, object, &file->docs[d].spec);
                }
                file->named[file->docs[d].object] = true;
            }
        }
    }
}

static void expect_spec(struct world_expectation *expectation, const struct spec *spec)
{
    for (unsigned i = 0; i < expectation->count; i++) {
        if (spec_equal(expectation->specs[i], spec)) {
            return;
        }
    }
    expectation->specs[expectation->count++] = spec;
}

static void expect_possible(const struct world_object *object,
                            struct world_expectation *expectation)
{
    for (unsigned i = 0; i < object->possible_count; i++) {
        expect_spec(expectation, &object->possible[i]);
    }
}

static void expect_documents(const struct world *world, unsigned number, int only_file,
                             struct world_expectation *expectation)
{
    for (int f = 0; f < WORLD_FILES; f++) {
        const struct world_file *file = &world->files[f];

        for (unsigned d = 0; file->exists && !file->is_broken && d < file->doc_count; d++) {
            const struct world_doc *doc = &file->docs[d];

            if (doc->object == number && !doc->is_faulty && (only_file < 0 || only_file == f)) {
                expect_spec(expectation, &doc->spec);
            }
        }
    }
}

void world_expect(const struct world *world, const struct world_object *object,
                  struct world_expectation *expectation)
{
    unsigned number = (unsigned)(object - world->objects);
    struct claims claims = count_claims(world, number);

    *expectation = (struct world_expectation){.is_claimed = claims.good + claims.bad > 0};
    if (claims.good == 1 && claims.bad == 0) {
        expect_documents(world, number, -1, expectation);
    } else if (claims.good == 0) {
        expectation->may_be_absent = claims.bad == 0 || object->may_be_absent;
        if (claims.bad > 0) {
            expect_possible(object, expectation);
        }
    } else if (object->owner >= 0) {
        expect_documents(world, number, object->owner, expectation);
        if (expectation->count == 0) {
            expect_possible(object, expectation); /* its owner has errors now */
        }
    } else {
        expect_documents(world, number, -1, expectation);
        expect_possible(object, expectation);
        expectation->may_be_absent = claims.bad > 0 && object->may_be_absent;
    }
}

void world_settle(struct world *world, struct world_object *object, const struct spec *spec,
                  int owner, bool is_ambiguous)
{
    unsigned number = (unsigned)(object - world->objects);

    object->was_there = spec != NULL;
    if (spec != NULL) {
        object->settled = *spec;
    }
    if (!is_ambiguous) {
        object->possible_count = 0;
    }
    if (spec != NULL) {
        add_possible(world, object, &object->settled);
    }
    object->may_be_absent = spec == NULL;
    object->may_be_new = false;
    object->was_ever_disturbed = object->was_ever_disturbed || object->was_disturbed;
    object->was_disturbed = object->may_move_ports = false;
    object->owner = owner;
    for (unsigned f = 0; f < WORLD_FILES; f++) {
        struct world_file *file = &world->files[f];

        file->named[number] = file->is_broken && spec != NULL && (owner < 0 || owner == (int)f) &&
                              file->named[number];
        for (unsigned d = 0; d < file->doc_count; d++) {
            file->named[number] = file->named[number] || file->docs[d].object == number;
        }
    }
}

struct world_file *world_pick_file(struct world *world)
{
    unsigned start = dice_roll(&world->dice, WORLD_FILES);

    for (unsigned i = 0; i < WORLD_FILES; i++) {
        struct world_file *file = &world->files[(start + i) % WORLD_FILES];

        if (file->exists) {
            return file;
        }
    }
    return NULL;
}

struct world_object *world_pick_object(struct world *world)
{
    unsigned start = dice_roll(&world->dice, WORLD_OBJECTS);

    for (unsigned i = 0; i < WORLD_OBJECTS; i++) {
        unsigned number = (start + i) % WORLD_OBJECTS;
        struct claims claims = count_claims(world, number);

        if (claims.good + claims.bad > 0) {
            return &world->objects[number];
        }
    }
    return NULL;
}
