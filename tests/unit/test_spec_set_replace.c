/* One file between scans: what comes of it is what a scan of all files would have come to. */
#include "tests/unit/spec_set_scans.h"

#include "base/memory.h"
#include "base/parse.h"
#include "base/sha256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

enum { FILES = 5, WORLDS = 300, STEPS = 60 };

/* Good ones more often than others, as in life: only those can be taken without a scan. */
static const char *const texts[] = {
    OBJECT("a", "x:1"),
    OBJECT("a", "x:2"),
    "# said before\n" OBJECT("a", "x:2"),
    OBJECT("b", "x:1"),
    OBJECT("b", "x:2"),
    OBJECT("c", "x:1"),
    OBJECT("d", "x:1"),
    OBJECT("e", "x:1"),
    OBJECT("a", "x:1") "---\n" OBJECT("b", "x:1"),
    OBJECT("b", "x:2") "---\n" OBJECT("a", "x:1"),
    OBJECT("d", "x:1") "---\n" OBJECT("d", "x:2"), /* twice */
    OBJECT("e", "x:1") "---\nkind: Instance\n",    /* nameless */
    "apiVersion: berth.dev/v1\nkind: Instance\nmetadata: {name: a}\nspec: {imagge: x}\n",
    "apiVersion: berth.dev/v1\nkind: Instance\nmeta",
    "\xff\xfe\n",
    "# nothing\n",
    NULL, /* it is gone */
};

struct world {
    uint64_t random;
    const char *names[FILES], *texts[FILES];
    uint64_t now_ms;
    unsigned replaced;
};

static uint32_t draw(struct world *world, uint32_t below)
{
    world->random = world->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(world->random >> 33) % below;
}

static void scan(struct spec_set *set, const struct world *world)
{
    spec_set_scan_begin(set);
    for (size_t i = 0; i < FILES; i++) {
        char digest[SHA256_HEX_SIZE];
        const char *text = world->texts[i];

        if (text != NULL) {
            sha256_hex(text, strlen(text), digest);
            if (!spec_set_file_is_known(set, world->names[i], digest)) {
                spec_set_file_put(set, world->names[i], digest, text, strlen(text));
            }
        }
    }
    spec_set_scan_end(set, world->now_ms, false);
}

/* As the controller does it: with what is waited for there is a scan to come. */
static void look(struct spec_set *set, struct world *world, size_t changed)
{
    const char *name = world->names[changed], *text = world->texts[changed];
    char digest[SHA256_HEX_SIZE];

    if (text != NULL && !set->is_waiting) {
        sha256_hex(text, strlen(text), digest);
        if (spec_set_file_is_known(set, name, digest)) {
            return;
        }
        if (spec_set_file_replace(set, name, digest, text, strlen(text), world->now_ms)) {
            world->replaced++;
            return;
        }
    }
    scan(set, world);
}

static void print_text(char *into, size_t size, const char *name, const char *text)
{
    snprintf(into + strlen(into), size - strlen(into), "%s=%s\n", name,
             text != NULL ? text : "(none)");
}

/* All that there is to know of a set, in one order. */
static char *describe(struct spec_set *set)
{
    enum { SIZE = 16384 };
    char *text = xcalloc(1, SIZE);

    map_sort(&set->files);
    map_sort(&set->entries);
    map_sort(&set->changes);
    for (struct map_entry *at = map_first(&set->files); at != NULL; at = map_next(at)) {
        const struct spec_set_file *file = map_value(at);
        auto_free char *good =
            file->good_text != NULL ? xstrndup(file->good_text, file->good_len) : NULL;
        auto_free char *flags =
            xasprintf("%d%d%d%d%d%s", file->is_seen, file->is_changed, file->has_missing,
                      file->has_hidden, file->has_good, file->digest);

        print_text(text, SIZE, file->name, flags);
        print_text(text, SIZE, "good", good);
    }
    for (struct map_entry *at = map_first(&set->entries); at != NULL; at = map_next(at)) {
        const struct spec_entry *entry = map_value(at);
        auto_free char *facts =
            xasprintf("%s %s %u %d%d%d%d %llu", entry->file, entry->object->hash,
                      entry->object->line, entry->is_valid, entry->is_held, entry->is_doubted,
                      entry->is_seen, (unsigned long long)entry->missing_since_ms);

        print_text(text, SIZE, entry->key, facts);
    }
    for (struct map_entry *at = map_first(&set->changes); at != NULL; at = map_next(at)) {
        print_text(text, SIZE, "changed", map_key(at));
    }
    {
        auto_free char *rest =
            xasprintf("%zu %zu %d%d %llu %llu", set->held_count, set->hold_total, set->is_waiting,
                      set->has_doubts, (unsigned long long)set->stirred_at_ms,
                      (unsigned long long)set->moved_at_ms);

        print_text(text, SIZE, "set", rest);
    }
    return text;
}

static unsigned play(uint64_t seed)
{
    static const unsigned pauses_ms[] = {10, 300, 1100, 6000, 40000};
    struct world world = {.random = seed,
                          .names = {"a.yaml", "b.yaml", "c.yaml", "d/a.yaml", "e.yaml"},
                          .now_ms = 1000};
    struct spec_set *one = spec_set_new(), *all = spec_set_new();

    scan(one, &world);
    scan(all, &world);
    for (unsigned step = 0; step < STEPS; step++) {
        size_t changed = draw(&world, FILES);
        auto_free char *by_one = NULL, *by_all = NULL;

        world.now_ms += pauses_ms[draw(&world, ARRAY_SIZE(pauses_ms))];
        world.texts[changed] = texts[draw(&world, ARRAY_SIZE(texts))];
        look(one, &world, changed);
        scan(all, &world);
        by_one = describe(one);
        by_all = describe(all);
        if (strcmp(by_one, by_all) != 0) {
            fail_msg("seed %llu, step %u: one file:\n%s\nall files:\n%s", (unsigned long long)seed,
                     step, by_one, by_all);
        }
        spec_set_clear_changes(one);
        spec_set_clear_changes(all);
    }
    spec_set_free(one);
    spec_set_free(all);
    return world.replaced;
}

static void one_file_is_taken_as_a_scan_would_take_it(void **state)
{
    unsigned replaced = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        replaced += play(seed);
    }
    if (replaced < WORLDS) {
        fail_msg("only %u files were taken without a scan", replaced);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_file_is_taken_as_a_scan_would_take_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
