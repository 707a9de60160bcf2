#include "controller/trash.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* after its friends, which it needs */
#include <cmocka.h>

enum { MANY = 30 };

struct scene {
    uv_loop_t loop;
    char folder[32];
    char *program;
    uv_timer_t hold; /* children do not hold the loop */
    unsigned done, wanted;
};

static void on_done(void *user)
{
    struct scene *scene = user;

    if (++scene->done == scene->wanted) {
        uv_close((uv_handle_t *)&scene->hold, NULL);
    }
}

static void on_late(uv_timer_t *hold)
{
    (void)hold;
    fail_msg("somebody was not told");
}

/* A program that is not ours: it notes when it begins and ends, and removes what it is given. */
static void begin(struct scene *scene, const char *body)
{
    FILE *file;

    memset(scene, 0, sizeof(*scene));
    snprintf(scene->folder, sizeof(scene->folder), "/tmp/berth-test-XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    scene->program = xasprintf("%s/program", scene->folder);
    file = fopen(scene->program, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\nfolder=%s\n%s\n", scene->folder, body);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(scene->program, 0700), 0);
    uv_loop_init(&scene->loop);
    uv_timer_init(&scene->loop, &scene->hold);
    uv_timer_start(&scene->hold, on_late, 30000, 0);
}

static void end(struct scene *scene)
{
    struct error err = {0};

    uv_run(&scene->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&scene->loop), 0);
    assert_int_equal(tree_remove(scene->folder, &err), 0);
    free(scene->program);
}

static char *make_folder(const struct scene *scene, unsigned number)
{
    char *path = xasprintf("%s/trash-%u", scene->folder, number);

    assert_int_equal(mkdir(path, 0700), 0);
    return path;
}

static void add_many(struct scene *scene, struct trash *trash)
{
    scene->wanted = MANY;
    for (unsigned i = 0; i < MANY; i++) {
        auto_free char *path = make_folder(scene, i);

        trash_add(trash, path);
    }
}

static unsigned count_left(const struct scene *scene)
{
    unsigned count = 0;

    for (unsigned i = 0; i < MANY; i++) {
        auto_free char *path = xasprintf("%s/trash-%u", scene->folder, i);

        count += path_exists(path) ? 1 : 0;
    }
    return count;
}

static void only_a_few_work_at_once(void **state)
{
    struct trash *trash;
    struct scene scene;
    auto_free char *log = NULL;
    int now = 0, most = 0, character;
    FILE *file;

    (void)state;
    begin(&scene, "printf + >>$folder/log; sleep 0.05; rm -r \"$2\"; printf - >>$folder/log");
    trash = trash_new(&scene.loop, scene.program, on_done, &scene);
    add_many(&scene, trash);
    uv_run(&scene.loop, UV_RUN_DEFAULT);
    assert_int_equal(scene.done, MANY);
    assert_int_equal(count_left(&scene), 0);
    log = xasprintf("%s/log", scene.folder);
    file = fopen(log, "r");
    assert_non_null(file);
    while ((character = fgetc(file)) != EOF) {
        now += character == '+' ? 1 : -1;
        most = now > most ? now : most;
    }
    fclose(file);
    assert_int_equal(most, TRASH_AT_ONCE);
    trash_close(trash);
    end(&scene);
}

static void one_that_is_killed_is_tried_again(void **state)
{
    struct trash *trash;
    struct scene scene;
    auto_free char *path = NULL;

    (void)state;
    begin(&scene, "mkdir $folder/once 2>/dev/null && kill -KILL $$; rm -r \"$2\"");
    trash = trash_new(&scene.loop, scene.program, on_done, &scene);
    path = make_folder(&scene, 0);
    scene.wanted = 1;
    trash_add(trash, path);
    uv_run(&scene.loop, UV_RUN_DEFAULT);
    assert_int_equal(scene.done, 1);
    assert_false(path_exists(path));
    trash_close(trash);
    end(&scene);
}

static void without_a_program_it_is_done_here(void **state)
{
    struct trash *trash;
    struct scene scene;
    auto_free char *path = NULL;

    (void)state;
    begin(&scene, "");
    trash = trash_new(&scene.loop, "/nonexistent/program", on_done, &scene);
    path = make_folder(&scene, 0);
    scene.wanted = 1;
    trash_add(trash, path);
    uv_run(&scene.loop, UV_RUN_DEFAULT);
    assert_false(path_exists(path));
    trash_close(trash);
    end(&scene);
}

/* As a controller that ends at once: `berth run --once`. */
static void what_waits_is_handed_to_one_child_in_the_end(void **state)
{
    struct trash *trash;
    struct scene scene;

    (void)state;
    begin(&scene, "shift; rm -r \"$@\"");
    trash = trash_new(&scene.loop, scene.program, on_done, &scene);
    add_many(&scene, trash);
    trash_close(trash);
    uv_close((uv_handle_t *)&scene.hold, NULL);
    uv_run(&scene.loop, UV_RUN_DEFAULT);
    assert_int_equal(scene.done, 0);
    for (unsigned i = 0; i < 1000 && count_left(&scene) > 0; i++) {
        usleep(10000);
    }
    assert_int_equal(count_left(&scene), 0);
    end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_few_work_at_once),
        cmocka_unit_test(one_that_is_killed_is_tried_again),
        cmocka_unit_test(without_a_program_it_is_done_here),
        cmocka_unit_test(what_waits_is_handed_to_one_child_in_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
