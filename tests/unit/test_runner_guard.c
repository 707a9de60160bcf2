/*
 * The runner is a program of its own and no part of the library that tests are linked with. Where
 * this kernel has no Landlock there is no guard, and that alone is tested;
 * tests/integration/runner_guard.bats has the guard in a container.
 */
#include "controller/runner/guard.c"
#include "controller/runner/util.c"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/wait.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void places_follow_from_the_guarded_paths(void **state)
{
    static const struct {
        const char *path;
        enum place place;
    } rows[] = {
        {"/", PLACE_ON_THE_WAY},
        {"/usr", PLACE_FREE},
        {"/data", PLACE_ON_THE_WAY},
        {"/data/trees", PLACE_GUARDED},
        {"/data/trees/a", PLACE_GUARDED},
        {"/data/trees2", PLACE_FREE},
        {"/data/caches", PLACE_FREE},
        {"/workspace", PLACE_GUARDED},
        {"/work", PLACE_FREE},
    };
    static char workspace[] = "/workspace", trees[] = "/data/trees";
    struct guard guard = {.guarded = {workspace, trees}, .guarded_count = 2};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(find_place(&guard, rows[i].path), rows[i].place);
    }
}

/* A folder with own/, other/ and deep/inside/; the caller's, as all paths in it. */
struct scene {
    char root[64];
    char *own, *other, *inside, *beside;
};

static void scene_make(struct scene *scene)
{
    struct error err = {0};

    snprintf(scene->root, sizeof(scene->root), "/tmp/guard-XXXXXX");
    assert_non_null(mkdtemp(scene->root));
    scene->own = xasprintf("%s/trees/own", scene->root);
    scene->other = xasprintf("%s/trees/other", scene->root);
    scene->inside = xasprintf("%s/deep/inside", scene->root);
    scene->beside = xasprintf("%s/deep/beside", scene->root);
    assert_int_equal(dir_make(scene->own, 0755, &err), 0);
    assert_int_equal(dir_make(scene->other, 0755, &err), 0);
    assert_int_equal(dir_make(scene->inside, 0755, &err), 0);
    assert_int_equal(dir_make(scene->beside, 0755, &err), 0);
}

static void scene_remove(struct scene *scene)
{
    struct error err = {0};

    assert_int_equal(tree_remove(scene->root, &err), 0);
    free(scene->own);
    free(scene->other);
    free(scene->inside);
    free(scene->beside);
}

static int make_file(const char *directory)
{
    auto_free char *path = path_join(directory, "file");
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

    if (fd >= 0) {
        close(fd);
    }
    return fd < 0 ? -1 : 0;
}

/* In a child with the guard on: bit i is set when a file could be made in directory i. */
static int writable_under(int guard_fd, const char *const *directories, size_t count)
{
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0) {
        int bits = 0;

        if (guard_enter(guard_fd) < 0) {
            _exit(255);
        }
        for (size_t i = 0; i < count; i++) {
            bits |= make_file(directories[i]) == 0 ? 1 << i : 0;
        }
        _exit(bits);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void what_is_guarded_cannot_be_written_to_and_all_else_can(void **state)
{
    struct scene scene;
    char message[256] = "";
    enum guard_answer answer;
    int fd = -1;

    (void)state;
    scene_make(&scene);
    auto_free char *trees = xasprintf("%s/trees", scene.root);
    auto_free char *deep = xasprintf("%s/deep", scene.root);
    struct option_list guarded = {.items = {trees, scene.inside}, .count = 2};
    struct option_list allowed = {.items = {scene.own}, .count = 1};
    const char *const directories[] = {scene.own,    scene.other,  trees, scene.root,
                                       scene.inside, scene.beside, "/tmp"};

    answer = guard_make(&guarded, &allowed, &fd, message, sizeof(message));
    if (known_rights() == 0) {
        assert_int_equal(answer, GUARD_NONE);
    } else {
        assert_int_equal(answer, GUARD_READY);
        /* own and beside; not the root and /tmp, which lead to what is guarded */
        assert_int_equal(writable_under(fd, directories, ARRAY_SIZE(directories)), 1 << 0 | 1 << 5);
        close(fd);
    }
    scene_remove(&scene);
}

static void links_in_the_paths_are_followed(void **state)
{
    struct scene scene;
    char message[256] = "";
    int fd = -1;

    (void)state;
    scene_make(&scene);
    auto_free char *link = xasprintf("%s/deep/link", scene.root);
    auto_free char *trees = xasprintf("%s/trees", scene.root);
    auto_free char *own = xasprintf("%s/own", link);
    struct option_list guarded = {.items = {link}, .count = 1};
    struct option_list allowed = {.items = {own}, .count = 1};
    const char *const directories[] = {scene.own, scene.other, scene.beside};

    assert_int_equal(symlink(trees, link), 0);
    if (guard_make(&guarded, &allowed, &fd, message, sizeof(message)) == GUARD_READY) {
        assert_int_equal(writable_under(fd, directories, ARRAY_SIZE(directories)), 1 << 0 | 1 << 2);
        close(fd);
    }
    scene_remove(&scene);
}

static void what_cannot_be_allowed_is_said(void **state)
{
    struct option_list guarded = {.items = {"/no/such/place"}, .count = 1};
    struct option_list allowed = {.items = {"/no/such/tree"}, .count = 1};
    struct option_list nothing = {.count = 0};
    char message[256] = "";
    int fd = -1;

    (void)state;
    assert_int_equal(guard_make(&nothing, &allowed, &fd, message, sizeof(message)), GUARD_NONE);
    if (guard_make(&guarded, &allowed, &fd, message, sizeof(message)) != GUARD_NONE) {
        assert_string_equal(message, "guard: open \"/no/such/tree\": no such file or directory");
        assert_int_equal(guard_make(&guarded, &nothing, &fd, message, sizeof(message)),
                         GUARD_READY);
        close(fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_follow_from_the_guarded_paths),
        cmocka_unit_test(what_is_guarded_cannot_be_written_to_and_all_else_can),
        cmocka_unit_test(links_in_the_paths_are_followed),
        cmocka_unit_test(what_cannot_be_allowed_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
