#include "cli/apply_plan.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "cli/name_prefix.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

#define INSTANCE(name, type)                                                                       \
    "apiVersion: berth.dev/v1\nkind: Instance\nmetadata: {name: " name ", labels: {app: " name     \
    "}}\nspec:\n  machineType: " type "   # how big\n"
#define REPOSITORY(name, url)                                                                      \
    "apiVersion: berth.dev/v1\nkind: Repository\nmetadata: {name: " name "}\nspec: {url: " url "}" \
    "\n"
#define MORE "---\n"
#define POOL(name)                                                                                 \
    "apiVersion: berth.dev/v1\nkind: InstancePool\nmetadata: {name: " name                         \
    "}\nspec: {minInstances: 1, maxInstances: 1, template: {spec: {machineType: e2-small}}}\n"

enum { MAX_FILES = 4 };

/* A spec directory and an input, both in memory. */
struct scene {
    struct spec_store_file stored[MAX_FILES];
    struct spec_store store;
    struct spec_input input;
    struct apply_plan plan;
};

static void scene_init(struct scene *scene)
{
    *scene = (struct scene){.store.directory = xstrdup("/specs")};
    scene->store.files = scene->stored;
    scene->input.set = spec_set_new();
    apply_plan_init(&scene->plan, &scene->store);
}

static void scene_done(struct scene *scene)
{
    apply_plan_done(&scene->plan);
    scene->store.files = NULL;
    for (size_t i = 0; i < scene->store.count; i++) {
        spec_file_free(scene->stored[i].parsed);
        free(scene->stored[i].name);
        free(scene->stored[i].text);
    }
    scene->store.count = 0;
    spec_store_done(&scene->store);
    spec_input_done(&scene->input);
}

static void store_file(struct scene *scene, const char *name, const char *text)
{
    assert_true(scene->store.count < MAX_FILES);
    scene->stored[scene->store.count++] = (struct spec_store_file){
        .name = xstrdup(name),
        .text = xstrdup(text),
        .len = strlen(text),
        .parsed = spec_file_parse(name, text, strlen(text)),
    };
}

/* target NULL: standard input */
static void give(struct scene *scene, const char *target, const char *text)
{
    struct spec_input *input = &scene->input;
    const char *label = target != NULL ? target : "(standard input)";
    struct spec_set_file *seen;

    spec_set_file_put(input->set, label, "", text, strlen(text));
    seen = map_get(&input->set->files, label);
    assert_false(spec_file_has_errors(seen->parsed));
    array_grow(&input->files, input->count, &input->capacity, sizeof(*input->files));
    input->files[input->count++] = (struct spec_input_file){
        .label = xstrdup(label),
        .target = xstrdup_or_null(target),
        .text = xstrdup(text),
        .len = strlen(text),
        .parsed = seen->parsed,
    };
}

static void plan_all(struct scene *scene)
{
    struct error err = {0};

    if (apply_plan_add_input(&scene->plan, &scene->input, &err) < 0 ||
        apply_plan_verify(&scene->plan, &err) < 0) {
        fail_msg("%s", err.message);
    }
}

/* "Instance/web created, ..." */
static void assert_results(const struct scene *scene, const char *expected)
{
    auto_done(strbuf) text = {0};

    for (size_t i = 0; i < scene->plan.object_count; i++) {
        auto_free char *spelling =
            object_spelling(scene->plan.objects[i].kind, scene->plan.objects[i].name);

        strbuf_addf(&text, "%s%s %s", i > 0 ? ", " : "", spelling,
                    apply_result_word(scene->plan.objects[i].result));
    }
    assert_string_equal(strbuf_text(&text), expected);
}

static const struct apply_file *changed_file(const struct scene *scene, const char *name)
{
    for (size_t i = 0; i < scene->plan.file_count; i++) {
        if (strcmp(scene->plan.files[i].name, name) == 0 && scene->plan.files[i].is_changed) {
            return &scene->plan.files[i];
        }
    }
    return NULL;
}

static void assert_text(const struct scene *scene, const char *name, const char *text)
{
    const struct apply_file *file = changed_file(scene, name);

    assert_non_null(file);
    assert_non_null(file->text);
    assert_string_equal(file->text, text);
}

static void a_new_file_is_the_given_text(void **state)
{
    static const char text[] =
        "# two\n\n" INSTANCE("a", "e2-small") "---\n# b\n" INSTANCE("b", "e2-small");
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    give(&scene, "team/two.yaml", text);
    plan_all(&scene);
    assert_results(&scene, "instance/a created, instance/b created");
    assert_text(&scene, "team/two.yaml", text);
}

static void an_object_is_replaced_where_it_is_and_its_neighbours_stay(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    store_file(&scene, "all.yaml",
               "# first\n" INSTANCE("a", "e2-small") MORE INSTANCE(
                   "b", "e2-small") "# behind b\n---\n# c\n" INSTANCE("c", "e2-small"));
    give(&scene, "b.yaml", "# mine\n" INSTANCE("b", "e2-medium"));
    plan_all(&scene);
    assert_results(&scene, "instance/b configured");
    assert_int_equal(scene.plan.file_count, 1);
    assert_text(&scene, "all.yaml",
                "# first\n" INSTANCE("a", "e2-small") "---\n# mine\n" INSTANCE(
                    "b", "e2-medium") "---\n# c\n" INSTANCE("c", "e2-small"));
}

static void the_same_again_is_unchanged_and_not_written(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    store_file(&scene, "all.yaml", INSTANCE("a", "e2-small") MORE INSTANCE("b", "e2-small"));
    give(&scene, "all.yaml", INSTANCE("a", "e2-small") MORE INSTANCE("b", "e2-small"));
    give(&scene, NULL, INSTANCE("b", "e2-small") "\n\n");
    plan_all(&scene);
    assert_results(&scene, "instance/a unchanged, instance/b unchanged, instance/b unchanged");
    assert_null(changed_file(&scene, "all.yaml"));
}

static void the_next_version_of_a_file_is_taken_whole(void **state)
{
    static const char text[] = "# new head\n" INSTANCE("b", "e2-small")
        MORE INSTANCE("c", "e2-small") MORE INSTANCE("a", "e2-medium");
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    store_file(&scene, "all.yaml", INSTANCE("a", "e2-small") MORE INSTANCE("b", "e2-small"));
    give(&scene, "all.yaml", text);
    plan_all(&scene);
    assert_results(&scene, "instance/b configured, instance/c created, instance/a configured");
    assert_text(&scene, "all.yaml", text);
}

static void a_file_of_the_same_name_with_other_objects_gets_the_new_ones_too(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    store_file(&scene, "web.yaml", INSTANCE("a", "e2-small"));
    give(&scene, "web.yaml", INSTANCE("b", "e2-small"));
    plan_all(&scene);
    assert_results(&scene, "instance/b created");
    assert_text(&scene, "web.yaml", INSTANCE("a", "e2-small") MORE INSTANCE("b", "e2-small"));
}

static void new_objects_of_standard_input_have_files_of_their_own(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    give(&scene, NULL, INSTANCE("a", "e2-small") "---\n# pool\n" POOL("p"));
    plan_all(&scene);
    assert_results(&scene, "instance/a created, instancepool/p created");
    assert_text(&scene, "instance-a.yaml", INSTANCE("a", "e2-small"));
    assert_text(&scene, "instancepool-p.yaml", "# pool\n" POOL("p"));
}

static void a_name_that_is_there_twice_is_refused(void **state)
{
    auto_done(scene) scene;
    struct error err = {0};

    (void)state;
    scene_init(&scene);
    store_file(&scene, "a.yaml", INSTANCE("a", "e2-small"));
    store_file(&scene, "b.yaml", "# no\n" INSTANCE("a", "e2-small"));
    give(&scene, NULL, INSTANCE("a", "e2-medium"));
    assert_int_equal(apply_plan_add_input(&scene.plan, &scene.input, &err), -1);
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_string_equal(err.message, "Instance \"a\" is in a.yaml and again in b.yaml, line 2; "
                                     "remove one of them");
}

static void a_second_repository_with_one_url_is_refused(void **state)
{
    auto_done(scene) scene;
    struct error err = {0};

    (void)state;
    scene_init(&scene);
    store_file(&scene, "a.yaml", REPOSITORY("a", "https://host/org/x.git"));
    give(&scene, NULL, REPOSITORY("b", "git@host:org/x"));
    assert_int_equal(apply_plan_add_input(&scene.plan, &scene.input, &err), -1);
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_non_null(strstr(err.message, "has the URL of Repository \"a\" in a.yaml"));
}

static void a_hash_guards_what_is_there(void **state)
{
    auto_done(scene) scene;
    const char *hash;
    struct error err = {0};

    (void)state;
    scene_init(&scene);
    store_file(&scene, "a.yaml", INSTANCE("a", "e2-small"));
    hash = scene.stored[0].parsed->documents[0].object->hash;
    assert_int_equal(apply_plan_check_hash(&scene.store, KIND_INSTANCE, "a", hash, &err), 0);
    assert_int_equal(
        apply_plan_check_hash(&scene.store, KIND_INSTANCE, "a", "v1-0000000000000000", &err), -1);
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_non_null(strstr(err.message, hash));
    error_clear(&err);
    assert_int_equal(apply_plan_check_hash(&scene.store, KIND_INSTANCE, "b", hash, &err), -1);
}

static void what_is_removed_leaves_its_neighbours_or_no_file(void **state)
{
    auto_done(scene) scene;
    struct error err = {0};
    bool was_there;

    (void)state;
    scene_init(&scene);
    store_file(&scene, "a.yaml", INSTANCE("a", "e2-small"));
    store_file(&scene, "two.yaml", INSTANCE("b", "e2-small") MORE INSTANCE("c", "e2-small"));
    assert_int_equal(
        apply_plan_remove(&scene.plan, KIND_INSTANCE, "a", APPLY_DELETED, &was_there, &err), 0);
    assert_true(was_there);
    assert_int_equal(
        apply_plan_remove(&scene.plan, KIND_INSTANCE, "b", APPLY_DELETED, &was_there, &err), 0);
    assert_int_equal(
        apply_plan_remove(&scene.plan, KIND_TASK, "c", APPLY_DELETED, &was_there, &err), 0);
    assert_false(was_there);
    assert_int_equal(apply_plan_verify(&scene.plan, &err), 0);
    assert_results(&scene, "instance/a deleted, instance/b deleted");
    assert_non_null(changed_file(&scene, "a.yaml"));
    assert_null(changed_file(&scene, "a.yaml")->text);
    assert_non_null(strstr(changed_file(&scene, "two.yaml")->text, INSTANCE("c", "e2-small")));
    assert_null(strstr(changed_file(&scene, "two.yaml")->text, "name: b"));
}

static void pruning_takes_what_the_selector_chooses_and_the_input_has_not(void **state)
{
    auto_done(scene) scene;
    auto_done(object_names) kept = {0};
    auto_owned(selector) *selector = NULL;
    struct error err = {0};

    (void)state;
    scene_init(&scene);
    store_file(&scene, "a.yaml", INSTANCE("a", "e2-small"));
    store_file(&scene, "b.yaml", INSTANCE("b", "e2-small"));
    store_file(&scene, "c.yaml", INSTANCE("c", "e2-small"));
    object_names_add(&kept, KIND_INSTANCE, "a");
    assert_int_equal(selector_parse("app in (a,b)", &selector, &err), 0);
    assert_int_equal(apply_plan_prune(&scene.plan, selector, &kept, &err), 0);
    assert_results(&scene, "instance/b pruned");
}

static void a_prefix_goes_before_names_and_references_between_them(void **state)
{
    static const char text[] = "# head\n"
                               "apiVersion: berth.dev/v1\nkind: Task\nmetadata:\n  name: t # t\n"
                               "spec: {repository: {name: r}, pool: p}\n"
                               "---\n"
                               "apiVersion: berth.dev/v1\nkind: Task\nmetadata: {name: 'u'}\n"
                               "spec:\n  repository: {name: other}\n  pool: default\n"
                               "---\n"
                               "apiVersion: berth.dev/v1\nkind: Repository\nmetadata: {name: r}\n"
                               "spec: {url: https://host/x, pool: \"p\"}\n"
                               "---\n" POOL("p");
    static const char expected[] =
        "# head\n"
        "apiVersion: berth.dev/v1\nkind: Task\nmetadata:\n  name: ci-t # t\n"
        "spec: {repository: {name: ci-r}, pool: ci-p}\n"
        "---\n"
        "apiVersion: berth.dev/v1\nkind: Task\nmetadata: {name: ci-u}\n"
        "spec:\n  repository: {name: other}\n  pool: default\n"
        "---\n"
        "apiVersion: berth.dev/v1\nkind: Repository\nmetadata: {name: ci-r}\n"
        "spec: {url: https://host/x, pool: ci-p}\n"
        "---\n" POOL("ci-p");
    auto_done(object_names) own = {0};
    auto_owned(spec_file) *parsed = spec_file_parse("x.yaml", text, strlen(text));
    auto_free char *renamed = NULL;
    struct error err = {0};

    (void)state;
    assert_false(spec_file_has_errors(parsed));
    for (size_t i = 0; i < parsed->count; i++) {
        object_names_add(&own, parsed->documents[i].object->kind, parsed->documents[i].name);
    }
    assert_int_equal(name_prefix_apply(text, strlen(text), parsed, &own, "ci-", &renamed, &err), 0);
    assert_string_equal(renamed, expected);
}

static void names_that_begin_with_the_prefix_already_get_it_too(void **state)
{
    static const char text[] = INSTANCE("a", "e2-small") MORE INSTANCE("x-a", "e2-small")
        MORE INSTANCE("x-x-a", "e2-small");
    static const char expected[] = "name: x-a,";
    auto_done(object_names) own = {0};
    auto_owned(spec_file) *parsed = spec_file_parse("x.yaml", text, strlen(text));
    auto_owned(spec_file) *again = NULL;
    auto_free char *renamed = NULL;
    struct error err = {0};

    (void)state;
    assert_int_equal(name_prefix_apply(text, strlen(text), parsed, &own, "x-", &renamed, &err), 0);
    again = spec_file_parse("x.yaml", renamed, strlen(renamed));
    assert_int_equal(again->count, 3);
    assert_string_equal(again->documents[0].name, "x-a");
    assert_string_equal(again->documents[1].name, "x-x-a");
    assert_string_equal(again->documents[2].name, "x-x-x-a");
    assert_non_null(strstr(renamed, expected));
    assert_true(name_prefix_is_valid("x-") && name_prefix_is_valid("x"));
    assert_false(name_prefix_is_valid("") || name_prefix_is_valid("X-") ||
                 name_prefix_is_valid("1") || name_prefix_is_valid("a_b") ||
                 name_prefix_is_valid("-"));
}

/* --- a try after somebody else was faster ----------------------------------------------------- */

static void put_file(const char *directory, const char *name, const char *text)
{
    auto_free char *path = path_join(directory, name);
    struct error err = {0};

    assert_int_equal(file_replace(AT_FDCWD, path, text, strlen(text), 0644, FILE_VISIBLE, &err), 0);
}

static void reread(struct scene *scene, const char *directory, struct spec_store *store)
{
    struct error err = {0};

    spec_store_done(store);
    assert_int_equal(spec_store_read(directory, stderr, store, &err), 0);
    apply_plan_init(&scene->plan, store);
}

static enum apply_result result_of(const struct apply_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->object_count; i++) {
        if (strcmp(plan->objects[i].name, name) == 0) {
            return plan->objects[i].result;
        }
    }
    fail_msg("no %s", name);
    return APPLY_UNCHANGED;
}

static void what_an_earlier_try_wrote_is_told_as_that(void **state)
{
    char directory[] = "/tmp/berth-apply-XXXXXX";
    auto_done(spec_store) store = {0};
    struct scene scene;
    struct apply_plan first;
    struct error err = {0};
    bool was_there;

    (void)state;
    scene_init(&scene);
    assert_non_null(mkdtemp(directory));
    put_file(directory, "b.yaml", INSTANCE("b", "e2-small"));
    put_file(directory, "c.yaml", INSTANCE("c", "e2-small"));
    reread(&scene, directory, &store);
    give(&scene, "a.yaml", INSTANCE("a", "e2-small"));
    assert_int_equal(apply_plan_add_input(&scene.plan, &scene.input, &err), 0);
    for (const char *name = "b"; name != NULL; name = strcmp(name, "b") == 0 ? "c" : NULL) {
        assert_int_equal(
            apply_plan_remove(&scene.plan, KIND_INSTANCE, name, APPLY_DELETED, &was_there, &err),
            0);
    }
    put_file(directory, "c.yaml", INSTANCE("c", "e2-medium"));
    assert_int_equal(apply_plan_write(&scene.plan, &err), -1);
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_true(apply_plan_has_written(&scene.plan, KIND_INSTANCE, "a"));
    assert_false(apply_plan_has_written(&scene.plan, KIND_INSTANCE, "c"));

    first = scene.plan;
    error_clear(&err);
    reread(&scene, directory, &store);
    assert_int_equal(apply_plan_add_input(&scene.plan, &scene.input, &err), 0);
    assert_int_equal(result_of(&scene.plan, "a"), APPLY_UNCHANGED);
    apply_plan_take_written(&scene.plan, &first);
    apply_plan_done(&first);
    assert_int_equal(scene.plan.object_count, 2);
    assert_int_equal(result_of(&scene.plan, "a"), APPLY_CREATED);
    assert_int_equal(result_of(&scene.plan, "b"), APPLY_DELETED);
    scene_done(&scene);
    assert_int_equal(tree_remove(directory, &err), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_file_is_the_given_text),
        cmocka_unit_test(an_object_is_replaced_where_it_is_and_its_neighbours_stay),
        cmocka_unit_test(the_same_again_is_unchanged_and_not_written),
        cmocka_unit_test(the_next_version_of_a_file_is_taken_whole),
        cmocka_unit_test(a_file_of_the_same_name_with_other_objects_gets_the_new_ones_too),
        cmocka_unit_test(new_objects_of_standard_input_have_files_of_their_own),
        cmocka_unit_test(a_name_that_is_there_twice_is_refused),
        cmocka_unit_test(a_second_repository_with_one_url_is_refused),
        cmocka_unit_test(a_hash_guards_what_is_there),
        cmocka_unit_test(what_is_removed_leaves_its_neighbours_or_no_file),
        cmocka_unit_test(pruning_takes_what_the_selector_chooses_and_the_input_has_not),
        cmocka_unit_test(a_prefix_goes_before_names_and_references_between_them),
        cmocka_unit_test(names_that_begin_with_the_prefix_already_get_it_too),
        cmocka_unit_test(what_an_earlier_try_wrote_is_told_as_that),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
