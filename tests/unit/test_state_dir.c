#include "controller/state_dir.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"

#include <fcntl.h>
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

static char top[64];

static int setup(void **state)
{
    (void)state;
    snprintf(top, sizeof(top), "/tmp/berth-state-dir-XXXXXX");
    return mkdtemp(top) != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    struct error err = {0};

    (void)state;
    return tree_remove(top, &err);
}

static char *directory(void)
{
    return path_join(top, "deep/state");
}

static void put_file(const char *name, const char *text)
{
    auto_free char *state_directory = directory();
    auto_free char *path = path_join(state_directory, name);
    struct error err = {0};

    assert_int_equal(file_replace(AT_FDCWD, path, text, strlen(text), 0644, FILE_VISIBLE, &err), 0);
}

static bool has_file(const char *name)
{
    auto_free char *state_directory = directory();
    auto_free char *path = path_join(state_directory, name);

    return path_exists(path);
}

static void put_file_with_folder(const char *name, const char *text)
{
    auto_free char *state_directory = directory();
    auto_free char *path = path_join(state_directory, name);
    auto_free char *folder = xstrndup(path, (size_t)(strrchr(path, '/') - path));
    struct error err = {0};

    assert_int_equal(dir_make(folder, 0755, &err), 0);
    put_file(name, text);
}

static void who_we_are_is_made_up_once(void **state)
{
    auto_free char *path = directory();
    struct state_dir first, second;
    struct error err = {0};

    (void)state;
    assert_int_equal(state_dir_open(&first, path, NULL, false, &err), 0);
    assert_int_equal(strlen(first.id), CONTROLLER_ID_SIZE - 1);
    assert_int_equal(strspn(first.id, "0123456789abcdef"), CONTROLLER_ID_SIZE - 1);
    state_dir_close(&first);
    assert_int_equal(state_dir_open(&second, path, NULL, false, &err), 0);
    assert_string_equal(second.id, first.id);
    state_dir_close(&second);
}

static void two_directories_are_two_controllers(void **state)
{
    auto_free char *path = directory(), *other_path = path_join(top, "other");
    struct state_dir one, other;
    struct error err = {0};

    (void)state;
    assert_int_equal(state_dir_open(&one, path, NULL, false, &err), 0);
    assert_int_equal(state_dir_open(&other, other_path, NULL, false, &err), 0);
    assert_string_not_equal(one.id, other.id);
    state_dir_close(&one);
    state_dir_close(&other);
}

static void only_one_controller_has_it(void **state)
{
    auto_free char *path = directory();
    struct state_dir first, second;
    struct error err = {0};
    char pid[32];

    (void)state;
    assert_int_equal(state_dir_open(&first, path, NULL, false, &err), 0);
    assert_int_equal(state_dir_open(&second, path, NULL, false, &err), -1);
    assert_int_equal(err.kind, ERROR_CONFLICT);
    snprintf(pid, sizeof(pid), "pid %d", (int)getpid());
    assert_non_null(strstr(err.message, pid));
    state_dir_close(&second);
    state_dir_close(&first);
    error_clear(&err);
    assert_int_equal(state_dir_open(&second, path, NULL, false, &err),
                     0); /* it went with its holder */
    state_dir_close(&second);
}

static void a_damaged_id_is_not_replaced(void **state)
{
    static const char *const texts[] = {
        "", "\n", "0123", "0123456789abcdeg\n", "0123456789abcdef0\n", "0123456789ABCDEF\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        auto_free char *path = directory();
        struct state_dir dir;
        struct error err = {0};

        assert_int_equal(dir_make(path, 0755, &err), 0);
        put_file("controller-id", texts[i]);
        assert_int_equal(state_dir_open(&dir, path, NULL, false, &err), -1);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_non_null(strstr(err.message, "controller-id"));
        state_dir_close(&dir);
    }
}

static void an_id_needs_no_end_of_line(void **state)
{
    auto_free char *path = directory();
    struct state_dir dir;
    struct error err = {0};

    (void)state;
    assert_int_equal(dir_make(path, 0755, &err), 0);
    put_file("controller-id", "0123456789abcdef");
    assert_int_equal(state_dir_open(&dir, path, NULL, false, &err), 0);
    assert_string_equal(dir.id, "0123456789abcdef");
    state_dir_close(&dir);
}

static void a_dry_run_writes_nothing(void **state)
{
    auto_free char *path = directory();
    json_auto_t *json = json_pack("{s:i}", "version", 1);
    struct state_dir dir;
    struct error err = {0};

    (void)state;
    assert_int_equal(state_dir_open(&dir, path, NULL, true, &err), 0);
    assert_int_equal(strlen(dir.id), CONTROLLER_ID_SIZE - 1);
    assert_int_equal(state_write_json(&dir, "leases.json", json, &err), 0);
    state_remove(&dir, "leases.json");
    assert_false(path_exists(path));
    state_dir_close(&dir);
}

static void a_dry_run_looks_beside_a_running_controller(void **state)
{
    auto_free char *path = directory();
    json_auto_t *json = json_pack("{s:i}", "version", 1), *back = NULL;
    struct state_dir running, dry;
    struct error err = {0};

    (void)state;
    assert_int_equal(state_dir_open(&running, path, NULL, false, &err), 0);
    assert_int_equal(state_write_json(&running, "leases.json", json, &err), 0);
    assert_int_equal(state_dir_open(&dry, path, NULL, true, &err), 0);
    assert_string_equal(dry.id, running.id);
    state_remove(&dry, "leases.json");
    back = state_read_json(&dry, "leases.json");
    assert_true(json_equal(back, json));
    state_dir_close(&dry);
    state_dir_close(&running);
}

static void what_is_written_is_read_back_and_removed(void **state)
{
    auto_free char *path = directory();
    auto_free char *file = NULL;
    json_auto_t *json = json_pack("{s:s, s:[i, i]}", "a", "\xc3\xa4 \"x\"", "b", 1, 2),
                *back = NULL;
    struct state_dir dir;
    struct error err = {0};
    struct stat info;

    (void)state;
    assert_int_equal(state_dir_open(&dir, path, NULL, false, &err), 0);
    assert_int_equal(state_write_json(&dir, "tasks/x.json", json, &err), 0);
    back = state_read_json(&dir, "tasks/x.json");
    assert_true(json_equal(back, json));
    file = state_path(&dir, "tasks/%s.json", "x");
    assert_int_equal(stat(file, &info), 0);
    assert_int_equal(info.st_mode & 077, 0); /* nobody else's business */
    state_remove(&dir, "tasks/x.json");
    assert_false(path_exists(file));
    state_remove(&dir, "tasks/x.json"); /* what is gone is gone */
    state_dir_close(&dir);
}

static void a_damaged_file_reads_as_missing(void **state)
{
    static const char *const texts[] = {"",     "{",  "{\"a\": 1} x", "{\"a\": 1, \"a\": 2}",
                                        "\xff", "nul"};
    auto_free char *path = directory();
    struct state_dir dir;
    struct error err = {0};

    (void)state;
    assert_int_equal(state_dir_open(&dir, path, NULL, false, &err), 0);
    assert_null(state_read_json(&dir, "leases.json"));
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        put_file("leases.json", texts[i]);
        assert_null(state_read_json(&dir, "leases.json"));
    }
    assert_null(state_read_json(&dir, "tasks")); /* a directory */
    state_dir_close(&dir);
}

static void writing_where_nothing_can_be_is_an_error(void **state)
{
    auto_free char *path = directory();
    json_auto_t *json = json_object();
    struct state_dir dir;
    struct error err = {0};

    (void)state;
    assert_int_equal(state_dir_open(&dir, path, NULL, false, &err), 0);
    assert_int_equal(state_write_json(&dir, "nosuch/x.json", json, &err), -1);
    assert_true(err.message[0] != '\0');
    state_dir_close(&dir);
}

/* A folder in the way of a file stands for a full disk: root is refused by nothing else. */
static char *block(const char *name)
{
    auto_free char *state_directory = directory();
    char *path = path_join(state_directory, name);

    assert_int_equal(mkdir(path, 0755), 0);
    return path;
}

static void what_cannot_be_written_is_kept_until_it_can(void **state)
{
    auto_free char *path = directory(), *blocked = NULL;
    json_auto_t *old = json_pack("{s:i}", "a", 1), *new = json_pack("{s:i}", "a", 2), *back = NULL;
    struct state_dir dir;
    struct error err = {0};
    size_t count;

    (void)state;
    assert_int_equal(state_dir_open(&dir, path, NULL, false, &err), 0);
    assert_null(state_unwritten(&dir, &count));
    blocked = block("leases.json");
    state_keep_json(&dir, "leases.json", old);
    state_keep_json(&dir, "leases.json", new); /* the newest counts */
    assert_non_null(strstr(state_unwritten(&dir, &count), "leases.json"));
    assert_int_equal(count, 1);
    assert_int_equal(state_retry(&dir, &err), 0);
    assert_int_equal(count, 1);
    assert_int_equal(rmdir(blocked), 0);
    assert_int_equal(state_retry(&dir, &err), 0);
    assert_null(state_unwritten(&dir, &count));
    back = state_read_json(&dir, "leases.json");
    assert_true(json_equal(back, new));
    state_dir_close(&dir);
}

static void what_is_written_or_removed_meanwhile_is_not_written_again(void **state)
{
    auto_free char *path = directory(), *blocked = NULL, *other = NULL;
    json_auto_t *old = json_pack("{s:i}", "a", 1), *new = json_pack("{s:i}", "a", 2), *back = NULL;
    struct state_dir dir;
    struct error err = {0};
    size_t count;

    (void)state;
    assert_int_equal(state_dir_open(&dir, path, NULL, false, &err), 0);
    blocked = block("leases.json");
    other = block("tasks/x.json");
    state_keep_json(&dir, "leases.json", old);
    state_keep_json(&dir, "tasks/x.json", old);
    state_keep_json(&dir, "repos/gone/mirror.json", old); /* its folder was removed */
    state_unwritten(&dir, &count);
    assert_int_equal(count, 3);
    assert_int_equal(rmdir(blocked), 0);
    assert_int_equal(rmdir(other), 0);
    assert_int_equal(state_write_json(&dir, "leases.json", new, &err), 0);
    state_remove(&dir, "tasks/x.json");
    assert_int_equal(state_retry(&dir, &err), 0);
    assert_null(state_unwritten(&dir, &count));
    assert_false(path_exists(other));
    back = state_read_json(&dir, "leases.json");
    assert_true(json_equal(back, new));
    state_dir_close(&dir);
}

static void one_that_is_removed_is_made_again_unless_somebody_else_has_it(void **state)
{
    auto_free char *path = directory();
    json_auto_t *json = json_pack("{s:i}", "a", 1), *back = NULL;
    struct state_dir dir, other;
    struct error err = {0};

    (void)state;
    assert_int_equal(state_dir_open(&dir, path, NULL, false, &err), 0);
    assert_int_equal(tree_remove(path, &err), 0);
    state_keep_json(&dir, "leases.json", json);
    assert_int_equal(state_retry(&dir, &err), 0);
    back = state_read_json(&dir, "leases.json");
    assert_true(json_equal(back, json));
    assert_int_equal(state_dir_open(&other, path, NULL, false, &err), -1); /* the lock too */
    assert_int_equal(err.kind, ERROR_CONFLICT);
    state_dir_close(&other);
    error_clear(&err);
    assert_int_equal(tree_remove(path, &err), 0);
    assert_int_equal(state_dir_open(&other, path, NULL, false, &err), 0);
    assert_string_not_equal(other.id, dir.id);
    assert_int_equal(state_retry(&dir, &err), -1);
    assert_int_equal(err.kind, ERROR_CONFLICT);
    state_keep_json(&dir, "leases.json", json); /* what is there is the other one's */
    assert_null(state_read_json(&other, "leases.json"));
    state_dir_close(&other);
    state_dir_close(&dir);
}

static void a_lost_or_damaged_id_is_recalled_from_its_copy(void **state)
{
    static const char *const texts[] = {NULL, "", "garbage\n",
                                        "0123456789abcdef0123456789abcdef"
                                        "0123456789abcdef0123456789abcdef0"};
    auto_free char *path = directory(), *id_path = NULL;
    char id[CONTROLLER_ID_SIZE];
    struct state_dir dir;
    struct error err = {0};
    struct id_copy copy = {.lock_fd = -1};

    (void)state;
    assert_int_equal(state_dir_open(&dir, path, top, false, &err), 0);
    assert_int_equal(id_copy_hold(&copy, top, path, dir.id, &err), 0);
    id_copy_release(&copy);
    memcpy(id, dir.id, sizeof(id));
    id_path = state_path(&dir, "controller-id");
    state_dir_close(&dir);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        if (texts[i] == NULL) {
            assert_int_equal(tree_remove(path, &err), 0);
        } else {
            put_file("controller-id", texts[i]);
        }
        for (int run = 0; run < 2; run++) {
            assert_int_equal(state_dir_open(&dir, path, top, false, &err), 0);
            assert_string_equal(dir.id, id);
            assert_int_equal(dir.is_recalled, run == 0); /* it is on disk again */
            state_dir_close(&dir);
        }
    }
}

static void a_fifo_in_the_place_of_the_lock_holds_nobody_up(void **state)
{
    auto_free char *path = directory(), *lock = NULL;
    struct state_dir dir;
    struct error err = {0};

    (void)state;
    assert_int_equal(dir_make(path, 0755, &err), 0);
    lock = path_join(path, "lock");
    assert_int_equal(mkfifo(lock, 0644), 0);
    assert_int_equal(state_dir_open(&dir, path, NULL, false, &err), 0);
    state_dir_close(&dir);
}

static void a_file_in_its_place_is_an_error(void **state)
{
    auto_free char *path = path_join(top, "file");
    struct state_dir dir;
    struct error err = {0};

    (void)state;
    assert_int_equal(file_replace(AT_FDCWD, path, "x", 1, 0644, FILE_VISIBLE, &err), 0);
    assert_int_equal(state_dir_open(&dir, path, NULL, false, &err), -1);
    assert_true(err.message[0] != '\0');
    state_dir_close(&dir);
}

/* {"a": "xxx..."} of so many bytes on disk. */
static json_t *of_size(size_t bytes)
{
    size_t len = bytes - strlen("{\n \"a\": \"\"\n}");
    auto_free char *text = xmalloc(len);

    memset(text, 'x', len);
    return json_pack("{s:s#}", "a", text, (int)len);
}

static void a_file_has_a_ceiling(void **state)
{
    auto_free char *path = directory();
    auto_free char *file = path_join(path, "leases.json");
    json_auto_t *largest = of_size(STATE_FILE_MAX), *too_large = of_size(STATE_FILE_MAX + 1);
    json_auto_t *back = NULL, *kept = NULL;
    struct state_dir dir;
    struct error err = {0};
    struct stat info;

    (void)state;
    assert_int_equal(state_dir_open(&dir, path, NULL, false, &err), 0);
    assert_int_equal(state_write_json(&dir, "leases.json", largest, &err), 0);
    assert_int_equal(stat(file, &info), 0);
    assert_int_equal(info.st_size, STATE_FILE_MAX);
    back = state_read_json(&dir, "leases.json");
    assert_true(json_equal(back, largest));
    assert_int_equal(state_write_json(&dir, "leases.json", too_large, &err), -1);
    assert_non_null(strstr(err.message, "would be larger than 16777216 bytes"));
    kept = state_read_json(&dir, "leases.json"); /* what was there still is */
    assert_true(json_equal(kept, largest));
    assert_int_equal(truncate(file, STATE_FILE_MAX + 1), 0);
    assert_null(state_read_json(&dir, "leases.json"));
    state_dir_close(&dir);
}

static void what_is_no_utf8_is_an_error_and_no_crash(void **state)
{
    auto_free char *path = directory();
    json_auto_t *json = json_pack("{s:s}", "file", "\xff.yaml"); /* NULL */
    struct state_dir dir;
    struct error err = {0};

    (void)state;
    assert_int_equal(state_dir_open(&dir, path, NULL, false, &err), 0);
    assert_int_equal(state_write_json(&dir, "specs/x.json", json, &err), -1);
    assert_non_null(strstr(err.message, "no UTF-8"));
    state_dir_close(&dir);
}

static void add_name(void *user, const char *name)
{
    strbuf_addf(user, "<%s>", name);
}

static void a_listing_has_what_is_not_hidden(void **state)
{
    auto_free char *path = directory();
    auto_done(strbuf) names = {0};
    struct state_dir dir;
    struct error err = {0};

    (void)state;
    assert_int_equal(state_dir_open(&dir, path, NULL, false, &err), 0);
    state_list(&dir, "tasks", add_name, &names);
    state_list(&dir, "nosuch", add_name, &names);
    assert_string_equal(strbuf_text(&names), "");
    put_file("tasks/.x.json.tmp", "{}");
    put_file("tasks/x.json", "{}");
    state_list(&dir, "tasks", add_name, &names);
    assert_string_equal(strbuf_text(&names), "<x.json>");
    state_dir_close(&dir);
}

static void what_a_killed_controller_left_of_a_replacement_goes_when_it_is_opened(void **state)
{
    static const char *const ours[] = {".leases.json.tmp",
                                       "tasks/.one.json.tmp",
                                       "specs/.0123.json.tmp",
                                       "retired/.a.json.tmp",
                                       "repos/repo-a/.mirror.json.tmp",
                                       "repos/repo-a/records/.t.json.tmp",
                                       "released/.id.json.tmp",
                                       "repos/repo-a/setup/.k.changes.tmp"};
    /* A command may be writing the first one just now; the second one is in somebody's tree. */
    static const char *const others[] = {"requests/.r.json.tmp", "repos/repo-a/trees/t/.x.tmp"};
    auto_free char *path = directory();
    struct state_dir dir;
    struct error err = {0};

    (void)state;
    assert_int_equal(state_dir_open(&dir, path, NULL, false, &err), 0);
    state_dir_close(&dir);
    for (size_t i = 0; i < ARRAY_SIZE(ours); i++) {
        put_file_with_folder(ours[i], "half");
    }
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        put_file_with_folder(others[i], "half");
    }
    assert_int_equal(state_dir_open(&dir, path, NULL, true, &err),
                     0); /* a dry run changes nothing */
    assert_true(has_file(ours[0]));
    state_dir_close(&dir);
    assert_int_equal(state_dir_open(&dir, path, NULL, false, &err), 0);
    for (size_t i = 0; i < ARRAY_SIZE(ours); i++) {
        assert_false(has_file(ours[i]));
    }
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        assert_true(has_file(others[i]));
    }
    state_dir_close(&dir);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(who_we_are_is_made_up_once),
        TEST(two_directories_are_two_controllers),
        TEST(only_one_controller_has_it),
        TEST(a_damaged_id_is_not_replaced),
        TEST(an_id_needs_no_end_of_line),
        TEST(a_dry_run_writes_nothing),
        TEST(a_dry_run_looks_beside_a_running_controller),
        TEST(what_is_written_is_read_back_and_removed),
        TEST(a_damaged_file_reads_as_missing),
        TEST(writing_where_nothing_can_be_is_an_error),
        TEST(what_cannot_be_written_is_kept_until_it_can),
        TEST(what_is_written_or_removed_meanwhile_is_not_written_again),
        TEST(one_that_is_removed_is_made_again_unless_somebody_else_has_it),
        TEST(a_lost_or_damaged_id_is_recalled_from_its_copy),
        TEST(a_fifo_in_the_place_of_the_lock_holds_nobody_up),
        TEST(a_file_in_its_place_is_an_error),
        TEST(a_file_has_a_ceiling),
        TEST(what_is_no_utf8_is_an_error_and_no_crash),
        TEST(a_listing_has_what_is_not_hidden),
        TEST(what_a_killed_controller_left_of_a_replacement_goes_when_it_is_opened),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
