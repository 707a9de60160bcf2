#include "base/cleanup.h"
#include "base/memory.h"
#include "cli/diff_report.h"
#include "specs/spec_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

enum { MAX_OBJECTS = 8 };

/* A directory, an input and what a dry run has found. */
struct scene {
    struct spec_file *before, *after; /* NULL: there is no directory, no input */
    struct dry_run_object found[MAX_OBJECTS];
    size_t found_count;
};

static const struct object *find_in(const struct spec_file *file, const char *key)
{
    for (size_t i = 0; file != NULL && i < file->count; i++) {
        const struct object *object = file->documents[i].object;
        auto_free char *own = NULL;

        if (object == NULL) {
            fail_msg("%s", file->documents[i].errors[0].message);
            return NULL;
        }
        own = xasprintf("%s/%s", kind_name(object->kind), object->name);
        if (strcmp(own, key) == 0) {
            return object;
        }
    }
    return NULL;
}

static const struct object *find(const char *key, void *user)
{
    const struct scene *scene = user;

    return find_in(scene->before, key);
}

/* The lines that are printed. The caller's to free. */
static char *report(struct scene *scene, size_t *ret_changes)
{
    struct diff_object objects[MAX_OBJECTS];
    struct dry_run dry_run = {.objects = scene->found, .count = scene->found_count};
    struct diff_input input = {.dry_run = &dry_run, .find = find, .user = scene};
    auto_done(strbuf) out = {0};
    json_auto_t *items = NULL;
    size_t index;
    json_t *item;

    for (size_t i = 0; scene->after != NULL && i < scene->after->count; i++) {
        const struct object *object = scene->after->documents[i].object;
        auto_free char *key = xasprintf("%s/%s", kind_name(object->kind), object->name);

        objects[input.count++] =
            (struct diff_object){.before = find_in(scene->before, key), .after = object};
        input.objects = objects;
    }
    items = diff_report(&input);
    *ret_changes = 0;
    json_array_foreach(items, index, item) {
        *ret_changes += diff_item_is_change(item);
        diff_item_print(item, &out);
    }
    spec_file_free(scene->before);
    spec_file_free(scene->after);
    return strbuf_take(&out);
}

static void expect(struct scene *scene, size_t changes, const char *want)
{
    size_t found = 0;
    auto_free char *text = report(scene, &found);

    assert_string_equal(text, want);
    assert_int_equal(found, changes);
}

#define HEAD "apiVersion: berth.dev/v1\nkind: "
#define NEXT "---\n"
#define INSTANCE(name, spec) HEAD "Instance\nmetadata: {name: " name "}\nspec: {" spec "}\n"

static struct spec_file *parse(const char *text)
{
    return spec_file_parse("a.yaml", text, strlen(text));
}

static char text_update[] = "update", text_nothing[] = "";

static void without_an_input_causes_are_those_of_the_plan(void **state)
{
    char web[] = "Instance/web", db[] = "Instance/db", mirror[] = "Mirror/x", other[] = "Mirror/y";
    char cause[] = "changed: env, image", old[] = "a:1", new[] = "a:2", gone[] = "its spec is gone";
    struct scene scene = {
        .before = parse(INSTANCE("web", "image: 'a:2'") "---\n" INSTANCE("idle", "")),
        .found = {{.key = db,
                   .operation = "delete",
                   .cause = gone,
                   .actions = text_nothing,
                   .is_gone = true},
                  {.key = web,
                   .operation = text_update,
                   .cause = cause,
                   .actions = text_nothing,
                   .image = old,
                   .wanted_image = new},
                  {.key = mirror, .actions = text_nothing},
                  {.key = other, .operation = "clone", .cause = gone, .actions = text_nothing}},
        .found_count = 4,
    };

    (void)state;
    expect(&scene, 3,
           "instance/db: delete (its spec is gone)\n"
           "instance/web: update (changed: env, image a:1 -> a:2)\n"
           "mirror/y: clone (its spec is gone)\n");
}

static void what_hinders_and_what_waits_is_told(void **state)
{
    char web[] = "Instance/web", task[] = "Task/t", why[] = "PortConflict: taken",
         turn[] = "place 3";
    char idle[] = "Instance/idle";
    struct scene scene = {
        .before = parse(INSTANCE("web", "") "---\n" INSTANCE(
            "idle", "") "---\n" HEAD
                        "Task\nmetadata: {name: t}\nspec: {repository: 'https://h/o/r'}\n"),
        .found = {{.key = idle, .actions = text_nothing},
                  {.key = web, .actions = text_nothing, .hindrance = why},
                  {.key = task, .actions = text_nothing, .waits_for = turn}},
        .found_count = 3,
    };

    (void)state;
    expect(&scene, 1,
           "instance/idle: nothing\n"
           "instance/web: blocked (PortConflict: taken)\n"
           "task/t: wait (place 3)\n");
}

static void an_input_is_compared_field_by_field(void **state)
{
    static const char directory[] =
        INSTANCE("web", "image: 'a:1', restartPolicy: Always, env: [{name: A, value: secret}]")
            NEXT INSTANCE("same", "image: 'a:1'") NEXT INSTANCE("beside", "")
                NEXT INSTANCE("live", "restartPolicy: Always");
    static const char given[] =
        INSTANCE("web", "image: 'a:2', resources: {pids: 5}, env: [{name: A, value: hidden}]")
            NEXT INSTANCE("same", "image: \"a:1\"") NEXT INSTANCE("live", "restartPolicy: Never")
                NEXT INSTANCE("new", "");
    char web[] = "Instance/web", same[] = "Instance/same", beside[] = "Instance/beside";
    char cause[] = "changed: image";
    struct scene scene = {
        .before = parse(directory),
        .after = parse(given),
        .found = {{.key = beside, .actions = text_nothing},
                  {.key = same, .actions = text_nothing},
                  {.key = web, .operation = text_update, .cause = cause, .actions = text_nothing}},
        .found_count = 3,
    };

    (void)state;
    expect(&scene, 3,
           "instance/same: nothing\n"
           "instance/web: update (changed: image a:1 -> a:2, env, resources.pids nothing -> 5)\n"
           "instance/live: update (changed: restartPolicy Always -> Never)\n"
           "instance/new: create (its spec is new)\n");
}

static void a_pool_tells_of_its_members(void **state)
{
    char pool[] = "InstancePool/p", first[] = "Instance/p-0", second[] = "Instance/p-1";
    char third[] = "Instance/p-2", name[] = "p", cause[] = "container does not exist";
    struct scene scene = {
        .before = parse(HEAD "InstancePool\nmetadata: {name: p}\nspec: {template: {spec: {}}}\n"),
        .found = {{.key = first, .actions = text_nothing, .pool = name},
                  {.key = second,
                   .operation = "create",
                   .cause = cause,
                   .actions = text_nothing,
                   .pool = name},
                  {.key = third,
                   .operation = "repair",
                   .cause = cause,
                   .actions = text_nothing,
                   .pool = name},
                  {.key = pool, .actions = text_nothing}},
        .found_count = 4,
    };

    (void)state;
    expect(&scene, 3,
           "instance/p-0: nothing\n"
           "instance/p-1: create (container does not exist)\n"
           "instance/p-2: repair (container does not exist)\n"
           "instancepool/p: update (members: 1 to create, 1 to change)\n");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_an_input_causes_are_those_of_the_plan),
        cmocka_unit_test(what_hinders_and_what_waits_is_told),
        cmocka_unit_test(an_input_is_compared_field_by_field),
        cmocka_unit_test(a_pool_tells_of_its_members),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
