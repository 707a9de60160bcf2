#include "controller/spec_scan.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* after its friends, which it needs */
#include <cmocka.h>

/* A user without rights, for what root could read all the same. */
enum { NOBODY = 65534 };

/* A real directory, and the set that its scans feed. */
struct fixture {
    char path[64];
    struct spec_scan scan;
    struct spec_set *set;
    uint64_t now_ms;
};

static int setup(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));

    snprintf(fixture->path, sizeof(fixture->path), "/tmp/berth-spec-scan-XXXXXX");
    if (mkdtemp(fixture->path) == NULL || chmod(fixture->path, 0755) < 0) {
        return -1;
    }
    spec_scan_init(&fixture->scan, fixture->path);
    fixture->set = spec_set_new();
    fixture->now_ms = 1000;
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};
    int result = tree_remove(fixture->path, &err);

    spec_scan_done(&fixture->scan);
    spec_set_free(fixture->set);
    free(fixture);
    return result;
}

static char *in(const struct fixture *fixture, const char *name)
{
    return path_join(fixture->path, name);
}

static char *spec_of(const char *name, const char *image)
{
    return xasprintf("apiVersion: berth.dev/v1\nkind: Instance\nmetadata: {name: %s}\n"
                     "spec: {image: \"%s\"}\n",
                     name, image);
}

static void write_text(const struct fixture *fixture, const char *name, const char *text)
{
    auto_free char *path = in(fixture, name);
    auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void drop(const struct fixture *fixture, const char *name, const char *object,
                 const char *image)
{
    auto_free char *text = spec_of(object, image);

    write_text(fixture, name, text);
}

static void make_directory(const struct fixture *fixture, const char *name)
{
    auto_free char *path = in(fixture, name);
    struct error err = {0};

    assert_int_equal(dir_make(path, 0755, &err), 0);
}

static void make_link(const struct fixture *fixture, const char *name, const char *target)
{
    auto_free char *path = in(fixture, name);

    assert_int_equal(symlink(target, path), 0);
}

static void remove_file(const struct fixture *fixture, const char *name)
{
    auto_free char *path = in(fixture, name);

    assert_int_equal(unlink(path), 0);
}

static int scan(struct fixture *fixture)
{
    struct error err = {0};

    fixture->now_ms += 1000;
    spec_set_clear_changes(fixture->set);
    return spec_scan_run(&fixture->scan, fixture->set, fixture->now_ms, false, &err);
}

static void scan_well(struct fixture *fixture)
{
    assert_int_equal(scan(fixture), 0);
}

/* As a user who may read only what everybody may. */
static int scan_as_nobody(struct fixture *fixture)
{
    bool is_root = geteuid() == 0;
    int result;

    if (is_root) {
        assert_int_equal(seteuid(NOBODY), 0);
    }
    result = scan(fixture);
    if (is_root) {
        assert_int_equal(seteuid(0), 0);
    }
    return result;
}

static const char *image_of(const struct fixture *fixture, const char *object)
{
    auto_free char *key = object_key("Instance", object);
    const struct spec_entry *entry = spec_set_find(fixture->set, key);

    return entry != NULL ? entry->object->instance.image : NULL;
}

static const struct spec_set_file *file_of(const struct fixture *fixture, const char *name)
{
    return map_get(&fixture->set->files, name);
}

static void names_tell_what_can_be_a_spec(void **state)
{
    static const struct {
        const char *name;
        bool is_relevant;
    } rows[] = {
        {"web.yaml", true},
        {"web.yml", true},
        {"a.b.yaml", true},
        {"WEB.yaml", true},
        {"\xc3\xa4.yaml", true},
        {"status.yaml", true},
        {"my-status.yaml", true},
        {"web.status.yml", true},
        {"web.YAML", false},
        {"web.json", false},
        {"web.yaml~", false},
        {"web.yaml.swp", false},
        {".web.yaml", false},
        {".web.yaml.tmp", false},
        {"web.status.yaml", false},
        {".yaml", false},
        {"", false},
        {"web.yaml.tmp", false},
        {"#web.yaml#", false},
        {"webyaml", false},
        {"4913", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (spec_name_is_relevant(rows[i].name) != rows[i].is_relevant) {
            fail_msg("\"%s\"", rows[i].name);
        }
    }
}

static void only_specs_are_read(void **state)
{
    struct fixture *fixture = *state;

    drop(fixture, "a.yaml", "a", "x:1");
    drop(fixture, "b.yml", "b", "x:1");
    drop(fixture, ".c.yaml", "c", "x:1");
    drop(fixture, "d.status.yaml", "d", "x:1");
    drop(fixture, "e.yaml.tmp", "e", "x:1");
    drop(fixture, "f.txt", "f", "x:1");
    make_directory(fixture, ".git");
    drop(fixture, ".git/g.yaml", "g", "x:1");
    scan_well(fixture);
    assert_int_equal(map_count(&fixture->set->files), 2);
    assert_string_equal(image_of(fixture, "a"), "x:1");
    assert_string_equal(image_of(fixture, "b"), "x:1");
}

static void sub_directories_are_read_and_named(void **state)
{
    struct fixture *fixture = *state;

    make_directory(fixture, "team/eu");
    make_directory(fixture, "strange.yaml"); /* a directory all the same */
    drop(fixture, "team/eu/a.yaml", "a", "x:1");
    drop(fixture, "strange.yaml/b.yaml", "b", "x:1");
    scan_well(fixture);
    assert_non_null(file_of(fixture, "team/eu/a.yaml"));
    assert_non_null(file_of(fixture, "strange.yaml/b.yaml"));
    assert_int_equal(map_count(&fixture->scan.directories), 4);
    assert_non_null(map_get(&fixture->scan.directories, ""));
    assert_non_null(map_get(&fixture->scan.directories, "team/eu"));
}

static void what_changed_is_read_again_and_nothing_else(void **state)
{
    struct fixture *fixture = *state;

    drop(fixture, "a.yaml", "a", "x:1");
    drop(fixture, "b.yaml", "b", "x:1");
    scan_well(fixture);
    scan_well(fixture);
    assert_false(file_of(fixture, "a.yaml")->is_changed);
    drop(fixture, "a.yaml", "a", "x:22");
    scan_well(fixture);
    assert_string_equal(image_of(fixture, "a"), "x:22");
    assert_true(file_of(fixture, "a.yaml")->is_changed);
    assert_false(file_of(fixture, "b.yaml")->is_changed);
}

/* Until its last change lies so far back that another one would show in its times. */
static void wait_until_settled(const struct fixture *fixture, const char *name)
{
    const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
    auto_free char *path = in(fixture, name);
    struct stat info;
    int64_t changed_ms;

    assert_int_equal(stat(path, &info), 0);
    changed_ms = (int64_t)info.st_ctim.tv_sec * MS_PER_SECOND + info.st_ctim.tv_nsec / NS_PER_MS;
    while (clock_wall_ms() - changed_ms < 100) {
        nanosleep(&pause, NULL);
    }
}

/*
 * Somebody has it open for writing and has not written: who read it again would have to wait for
 * that.
 */
static void an_unchanged_file_is_not_read_again(void **state)
{
    struct fixture *fixture = *state;
    auto_free char *path = in(fixture, "a.yaml");
    auto_close int fd = -1;

    drop(fixture, "a.yaml", "a", "x:1");
    wait_until_settled(fixture, "a.yaml");
    scan_well(fixture);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    scan_well(fixture);
    assert_false(fixture->scan.is_being_written);
    assert_string_equal(image_of(fixture, "a"), "x:1");
    close(TAKE_FD(fd));
    drop(fixture, "a.yaml", "a", "x:2"); /* of the same size */
    scan_well(fixture);
    assert_string_equal(image_of(fixture, "a"), "x:2");
    wait_until_settled(fixture, "a.yaml");
    scan_well(fixture);
    remove_file(fixture, "a.yaml");
    scan_well(fixture);
    scan_well(fixture);
    assert_null(image_of(fixture, "a"));
    assert_int_equal(map_count(&fixture->scan.known), 0);
}

/*
 * Twice within one tick of the file system's clock, with the same size: its times may not show it.
 */
static void a_file_that_changed_a_moment_ago_is_read_again(void **state)
{
    struct fixture *fixture = *state;

    for (int i = 0; i < 50; i++) {
        drop(fixture, "a.yaml", "a", i % 2 == 0 ? "x:1" : "x:2");
        scan_well(fixture);
        assert_string_equal(image_of(fixture, "a"), i % 2 == 0 ? "x:1" : "x:2");
    }
}

/* Editors and git write a new file and rename it over the old one. */
static void a_file_that_was_replaced_is_read_again(void **state)
{
    struct fixture *fixture = *state;
    auto_free char *from = in(fixture, ".a.yaml.swp"), *to = in(fixture, "a.yaml");

    drop(fixture, "a.yaml", "a", "x:1");
    scan_well(fixture);
    drop(fixture, ".a.yaml.swp", "a", "x:2");
    assert_int_equal(rename(from, to), 0);
    scan_well(fixture);
    assert_string_equal(image_of(fixture, "a"), "x:2");
}

static void a_file_that_went_is_gone_after_two_looks(void **state)
{
    struct fixture *fixture = *state;

    drop(fixture, "a.yaml", "a", "x:1");
    drop(fixture, "b.yaml", "b", "x:1");
    scan_well(fixture);
    remove_file(fixture, "a.yaml");
    scan_well(fixture);
    assert_non_null(image_of(fixture, "a"));
    scan_well(fixture);
    assert_null(image_of(fixture, "a"));
    assert_non_null(image_of(fixture, "b"));
    drop(fixture, "a.yaml", "a", "x:1"); /* the same bytes again */
    scan_well(fixture);
    assert_non_null(image_of(fixture, "a"));
}

static void a_missing_directory_is_unknown_and_not_empty(void **state)
{
    struct fixture *fixture = *state;
    auto_free char *away = xasprintf("%s-away", fixture->path);

    drop(fixture, "a.yaml", "a", "x:1");
    scan_well(fixture);
    assert_int_equal(rename(fixture->path, away), 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(scan(fixture), -1);
    }
    assert_string_equal(image_of(fixture, "a"), "x:1");
    assert_int_equal(rename(away, fixture->path), 0);
    scan_well(fixture);
    assert_string_equal(image_of(fixture, "a"), "x:1");
    assert_int_equal(map_count(&fixture->set->changes), 0);
}

static void an_unreadable_directory_is_unknown_and_not_empty(void **state)
{
    struct fixture *fixture = *state;
    auto_free char *sub = NULL;

    make_directory(fixture, "sub");
    sub = in(fixture, "sub");
    drop(fixture, "sub/a.yaml", "a", "x:1");
    drop(fixture, "b.yaml", "b", "x:1");
    scan_well(fixture);
    assert_int_equal(chmod(sub, 0), 0);
    drop(fixture, "b.yaml", "b", "x:22");
    for (int i = 0; i < 5; i++) {
        assert_int_equal(scan_as_nobody(fixture), 0);
    }
    assert_string_equal(image_of(fixture, "a"), "x:1");
    assert_string_equal(image_of(fixture, "b"), "x:22"); /* and the others go on */
    assert_int_equal(chmod(fixture->path, 0700), 0);
    if (geteuid() == 0) {
        assert_int_equal(scan_as_nobody(fixture), -1);
    }
    assert_int_equal(chmod(fixture->path, 0755), 0);
    assert_int_equal(chmod(sub, 0755), 0);
    scan_well(fixture);
    assert_string_equal(image_of(fixture, "a"), "x:1");
}

static void an_unreadable_file_keeps_its_version_and_says_why(void **state)
{
    struct fixture *fixture = *state;
    auto_free char *path = in(fixture, "a.yaml");

    drop(fixture, "a.yaml", "a", "x:1");
    scan_well(fixture);
    assert_int_equal(chmod(path, 0), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(scan_as_nobody(fixture), 0);
    }
    assert_string_equal(image_of(fixture, "a"), "x:1");
    assert_string_equal(file_of(fixture, "a.yaml")->unreadable,
                        "cannot be read: Permission denied");
    assert_int_equal(chmod(path, 0644), 0);
    for (int i = 0; i < 3; i++) { /* who cannot see writers waits until it rests */
        assert_int_equal(scan_as_nobody(fixture), 0);
    }
    assert_null(file_of(fixture, "a.yaml")->unreadable);
    assert_string_equal(image_of(fixture, "a"), "x:1");
}

/* kubelet's and git-sync's way: a link to a directory is switched, and all files change at once. */
static void links_inside_the_directory_are_followed(void **state)
{
    struct fixture *fixture = *state;
    auto_free char *from = NULL, *to = NULL;

    make_directory(fixture, "..2026_01");
    make_directory(fixture, "..2026_02");
    drop(fixture, "..2026_01/a.yaml", "a", "x:1");
    drop(fixture, "..2026_02/a.yaml", "a", "x:2");
    make_link(fixture, "..data", "..2026_01");
    make_link(fixture, "a.yaml", "..data/a.yaml");
    scan_well(fixture);
    assert_string_equal(image_of(fixture, "a"), "x:1");
    assert_int_equal(map_count(&fixture->set->files), 1);
    make_link(fixture, "..data_tmp", "..2026_02");
    from = in(fixture, "..data_tmp");
    to = in(fixture, "..data");
    assert_int_equal(rename(from, to), 0);
    scan_well(fixture);
    assert_string_equal(image_of(fixture, "a"), "x:2");
}

static void links_out_of_the_directory_are_not_followed(void **state)
{
    struct fixture *fixture = *state;
    auto_free char *outside = xasprintf("%s.outside.yaml", fixture->path);
    auto_free char *relative = xasprintf("../%s", strrchr(outside, '/') + 1);
    auto_free char *text = spec_of("a", "x:1");
    static const char *const names[] = {"absolute.yaml", "relative.yaml", "sub/up.yaml"};
    struct error err = {0};

    assert_int_equal(file_replace(AT_FDCWD, outside, text, strlen(text), 0644, FILE_VISIBLE, &err),
                     0);
    make_link(fixture, "absolute.yaml", outside);
    make_link(fixture, "relative.yaml", relative);
    make_directory(fixture, "sub");
    make_link(fixture, "sub/up.yaml", "../../../../../../etc/hostname");
    scan_well(fixture);
    unlink(outside);
    assert_null(image_of(fixture, "a"));
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) { /* and their statuses tell */
        assert_string_equal(file_of(fixture, names[i])->unreadable,
                            "is a link that leads out of the spec directory");
    }
    assert_null(file_of(fixture, "sub/up.yaml")->parsed);
}

static void a_link_to_nothing_is_no_file(void **state)
{
    struct fixture *fixture = *state;

    make_link(fixture, "a.yaml", "nothing.yaml");
    make_link(fixture, "loop.yaml", "loop.yaml");
    make_directory(fixture, "sub");
    make_link(fixture, "sub/back", "..");
    scan_well(fixture);
    assert_null(file_of(fixture, "a.yaml"));
    assert_int_equal(map_count(&fixture->set->entries), 0);
    assert_int_equal(map_count(&fixture->scan.directories),
                     2); /* a linked directory is not entered */
}

static void what_is_no_regular_file_is_passed_over(void **state)
{
    struct fixture *fixture = *state;
    auto_free char *fifo = in(fixture, "fifo.yaml");

    assert_int_equal(mkfifo(fifo, 0644), 0);
    make_link(fixture, "null.yaml", "/dev/null");
    drop(fixture, "a.yaml", "a", "x:1");
    scan_well(fixture); /* and does not wait for somebody to write */
    assert_non_null(image_of(fixture, "a"));
    assert_null(file_of(fixture, "fifo.yaml"));
}

static void a_file_that_is_being_written_keeps_its_version(void **state)
{
    struct fixture *fixture = *state;
    auto_free char *path = in(fixture, "a.yaml");
    auto_free char *text = spec_of("a", "x:22");
    auto_close int fd = -1;

    drop(fixture, "a.yaml", "a", "x:1");
    scan_well(fixture);
    assert_false(fixture->scan.is_being_written);
    fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(write(fd, text, 40) == 40);
    for (int i = 0; i < 5; i++) {
        scan_well(fixture);
        assert_true(fixture->scan.is_being_written); /* look again soon */
        assert_string_equal(image_of(fixture, "a"), "x:1");
        assert_true(spec_set_find(fixture->set, "Instance/a")->is_valid);
    }
    assert_true(write(fd, text + 40, strlen(text) - 40) == (ssize_t)strlen(text) - 40);
    close(TAKE_FD(fd));
    scan_well(fixture);
    assert_false(fixture->scan.is_being_written);
    assert_string_equal(image_of(fixture, "a"), "x:22");
}

static void a_new_file_waits_until_it_is_written(void **state)
{
    struct fixture *fixture = *state;
    auto_free char *path = in(fixture, "a.yaml");
    auto_free char *text = spec_of("a", "x:1");
    auto_close int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    scan_well(fixture);
    assert_true(fixture->scan.is_being_written);
    assert_null(file_of(fixture, "a.yaml")); /* no error is shown for half a file */
    assert_true(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(TAKE_FD(fd));
    scan_well(fixture);
    assert_string_equal(image_of(fixture, "a"), "x:1");
}

static void long_and_foreign_names_are_names(void **state)
{
    struct fixture *fixture = *state;
    auto_free char *longest = xmalloc(256);

    memset(longest, 'n', 250);
    memcpy(longest + 250, ".yaml", 6);
    drop(fixture, longest, "a", "x:1");
    drop(fixture, "\xe6\x97\xa5\xe6\x9c\xac \xc3\xa4.yaml", "b", "x:1");
    drop(fixture, "new\nline.yaml", "c", "x:1");
    drop(fixture, "-rf *.yaml", "d", "x:1");
    drop(fixture, "tab\t.yaml", "e", "x:1");
    scan_well(fixture);
    for (char name[] = "a"; name[0] <= 'e'; name[0]++) {
        assert_non_null(image_of(fixture, name));
    }
    assert_non_null(file_of(fixture, longest));
    assert_non_null(file_of(fixture, "\xe6\x97\xa5\xe6\x9c\xac \xc3\xa4.yaml"));
}

static void names_that_nothing_could_say_are_refused(void **state)
{
    static const char *const names[] = {"\xff\xfe.yaml", "bell\a.yaml", "\x1b[31mred.yaml",
                                        "bad\xc3/a.yaml"};
    struct fixture *fixture = *state;

    make_directory(fixture, "bad\xc3");
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        drop(fixture, names[i], "a", "x:1");
    }
    scan_well(fixture);
    assert_null(image_of(fixture, "a"));
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        assert_non_null(strstr(file_of(fixture, names[i])->unreadable, "not UTF-8"));
    }
}

/* Half of it looks as good as all of it: without a lease only time tells. */
static void where_nobody_tells_who_writes_a_file_must_rest(void **state)
{
    struct fixture *fixture = *state;

    if (geteuid() != 0) {
        return; /* who owns the files can always tell */
    }
    drop(fixture, "a.yaml", "a", "x:1");
    for (int i = 0; i < 3; i++) { /* somebody writes between the looks */
        assert_int_equal(scan_as_nobody(fixture), 0);
        assert_true(fixture->scan.is_being_written);
        assert_null(file_of(fixture, "a.yaml"));
        drop(fixture, "a.yaml", "a", "x:22");
    }
    assert_int_equal(scan_as_nobody(fixture), 0);
    assert_null(file_of(fixture, "a.yaml"));
    assert_int_equal(scan_as_nobody(fixture), 0);
    assert_int_equal(scan_as_nobody(fixture), 0);
    assert_string_equal(image_of(fixture, "a"), "x:22");
    assert_false(fixture->scan.is_being_written);
    drop(fixture, "a.yaml", "a", "x:333");
    fixture->scan.is_single = true; /* as berth validate looks */
    assert_int_equal(scan_as_nobody(fixture), 0);
    assert_string_equal(image_of(fixture, "a"), "x:333");
}

static void file_systems_of_others_are_known(void **state)
{
    (void)state;
    assert_true(spec_file_system_is_remote(0x6969));     /* NFS */
    assert_true(spec_file_system_is_remote(0xff534d42)); /* CIFS; negative where long has 32 bits */
    assert_true(spec_file_system_is_remote(0x65735546)); /* FUSE, virtiofs */
    assert_false(spec_file_system_is_remote(0xef53));    /* ext4 */
    assert_false(spec_file_system_is_remote(0x01021994)); /* tmpfs */
    assert_false(spec_file_system_is_remote(0x794c7630)); /* overlay */
}

static void an_emptied_file_does_not_speak_for_its_objects(void **state)
{
    struct fixture *fixture = *state;

    drop(fixture, "a.yaml", "a", "x:1");
    scan_well(fixture);
    write_text(fixture, "a.yaml", "");
    for (int i = 0; i < 5; i++) {
        scan_well(fixture);
    }
    assert_string_equal(image_of(fixture, "a"), "x:1");
    assert_non_null(strstr(file_of(fixture, "a.yaml")->unreadable, "is empty"));
    write_text(fixture, "a.yaml", "# nothing any more\n"); /* somebody's will */
    for (int i = 0; i < 3; i++) {
        scan_well(fixture);
    }
    assert_null(image_of(fixture, "a"));
    write_text(fixture, "a.yaml", "");
    scan_well(fixture);
    assert_null(file_of(fixture, "a.yaml")->unreadable); /* nothing to keep */
}

/* Another directory at the same path, as when the right one is not mounted. */
static void replace_by_empty(const struct fixture *fixture, const char *away)
{
    assert_int_equal(rename(fixture->path, away), 0);
    assert_int_equal(mkdir(fixture->path, 0755), 0);
}

static void an_empty_directory_in_the_place_of_another_deletes_nothing(void **state)
{
    struct fixture *fixture = *state;
    auto_free char *away = xasprintf("%s-away", fixture->path);
    json_auto_t *places = NULL;
    struct error err = {0};

    drop(fixture, "a.yaml", "a", "x:1"); /* one alone is below every number that is held */
    scan_well(fixture);
    assert_true(fixture->scan.are_places_changed);
    places = spec_scan_places(&fixture->scan);
    replace_by_empty(fixture, away);
    for (int i = 0; i < 5; i++) {
        scan_well(fixture);
    }
    assert_non_null(image_of(fixture, "a"));
    assert_int_equal(fixture->set->held_count, 1);
    assert_true(fixture->set->has_doubts);
    spec_scan_done(&fixture->scan); /* the next controller knows it too */
    spec_scan_init(&fixture->scan, fixture->path);
    spec_scan_recall_places(&fixture->scan, places);
    for (int i = 0; i < 5; i++) {
        scan_well(fixture);
    }
    assert_int_equal(fixture->set->held_count, 1);
    assert_int_equal(rmdir(fixture->path), 0);
    assert_int_equal(rename(away, fixture->path), 0);
    scan_well(fixture);
    assert_int_equal(fixture->set->held_count, 0);
    assert_false(fixture->set->has_doubts);
    replace_by_empty(fixture, away);
    scan_well(fixture);
    scan_well(fixture);
    assert_int_equal(fixture->set->held_count, 1);
    assert_int_equal(
        spec_scan_run(&fixture->scan, fixture->set, fixture->now_ms += 1000, true, &err),
        0); /* somebody confirms */
    assert_null(image_of(fixture, "a"));
    assert_int_equal(tree_remove(away, &err), 0);
}

static void another_directory_with_files_in_it_is_as_good(void **state)
{
    struct fixture *fixture = *state;
    auto_free char *away = xasprintf("%s-away", fixture->path);
    struct error err = {0};

    drop(fixture, "a.yaml", "a", "x:1");
    drop(fixture, "b.yaml", "b", "x:1");
    scan_well(fixture);
    replace_by_empty(fixture, away);
    drop(fixture, "b.yaml", "b", "x:1");
    for (int i = 0; i < 3; i++) {
        scan_well(fixture);
    }
    assert_null(image_of(fixture, "a"));
    assert_non_null(image_of(fixture, "b"));
    remove_file(fixture, "b.yaml"); /* and the same one, emptied, is believed */
    scan_well(fixture);
    scan_well(fixture);
    assert_null(image_of(fixture, "b"));
    assert_int_equal(tree_remove(away, &err), 0);
}

enum { MANY = 10000 };

static double seconds_of(const struct timespec *from)
{
    struct timespec to;

    clock_gettime(CLOCK_MONOTONIC, &to);
    return (double)(to.tv_sec - from->tv_sec) + (double)(to.tv_nsec - from->tv_nsec) / 1e9;
}

/*
 * All of them at once, and then nearly all of them gone: nothing in it grows with the square of
 * their number.
 */
static void ten_thousand_files_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct timespec from;
    double all, again, gone;

    for (int i = 0; i < MANY; i++) {
        auto_free char *name = xasprintf("d%d/f%d.yaml", i % 100, i);
        auto_free char *directory = xasprintf("d%d", i % 100), *object = xasprintf("o%d", i);

        if (i < 100) {
            make_directory(fixture, directory);
        }
        drop(fixture, name, object, "x:1");
    }
    clock_gettime(CLOCK_MONOTONIC, &from);
    scan_well(fixture);
    all = seconds_of(&from);
    assert_int_equal(map_count(&fixture->set->entries), MANY);
    clock_gettime(CLOCK_MONOTONIC, &from);
    scan_well(fixture);
    again = seconds_of(&from);
    for (int i = 0; i < MANY - 1; i++) {
        auto_free char *name = xasprintf("d%d/f%d.yaml", i % 100, i);

        remove_file(fixture, name);
    }
    clock_gettime(CLOCK_MONOTONIC, &from);
    scan_well(fixture);
    scan_well(fixture);
    gone = seconds_of(&from);
    assert_int_equal(fixture->set->held_count, MANY - 1);
    print_message("# 10000 files: %.2f s, again %.2f s, gone %.2f s\n", all, again, gone);
    assert_true(all < 20 && again < 5 && gone < 5); /* about a tenth of that on an idle machine */
}

static void directories_are_entered_to_a_depth(void **state)
{
    struct fixture *fixture = *state;
    auto_done(strbuf) path = {0};
    auto_free char *near = NULL, *far = NULL;

    for (int depth = 1; depth <= 30; depth++) {
        strbuf_addf(&path, "%sd%d", depth > 1 ? "/" : "", depth);
        if (depth == 10) {
            near = xasprintf("%s/a.yaml", strbuf_text(&path));
        }
    }
    make_directory(fixture, strbuf_text(&path));
    far = xasprintf("%s/b.yaml", strbuf_text(&path));
    drop(fixture, near, "a", "x:1");
    drop(fixture, far, "b", "x:1");
    scan_well(fixture);
    assert_non_null(image_of(fixture, "a"));
    assert_null(image_of(fixture, "b"));
}

static void a_file_that_is_too_large_is_one_error(void **state)
{
    struct fixture *fixture = *state;
    auto_free char *path = in(fixture, "a.yaml");
    auto_close int fd = -1;

    drop(fixture, "a.yaml", "a", "x:1");
    scan_well(fixture);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)1 << 30), 0); /* a hole: no disk is used */
    close(TAKE_FD(fd));
    scan_well(fixture);
    assert_int_equal(file_of(fixture, "a.yaml")->parsed->error_count, 1);
    assert_string_equal(image_of(fixture, "a"), "x:1"); /* the last good version */
}

static void an_empty_directory_is_empty(void **state)
{
    struct fixture *fixture = *state;

    scan_well(fixture);
    assert_int_equal(map_count(&fixture->set->files), 0);
    write_text(fixture, "empty.yaml", "");
    scan_well(fixture);
    assert_int_equal(map_count(&fixture->set->files), 1);
    assert_int_equal(map_count(&fixture->set->entries), 0);
}

static void a_directory_that_holds_too_much_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    auto_free char *one = spec_of("one", "a:1"), *changed = spec_of("one", "a:2");
    auto_free char *two = spec_of("two", "a:1"), *three = spec_of("three", "a:1");
    auto_free char *folder = in(fixture, "folder"), *last = in(fixture, "three.yaml");
    struct error err = {0};

    fixture->scan.max_items = 3;
    write_text(fixture, "one.yaml", one);
    write_text(fixture, "notes.txt", "this does not count");
    assert_int_equal(mkdir(folder, 0755), 0);
    write_text(fixture, "folder/two.yaml", two);
    assert_int_equal(spec_scan_run(&fixture->scan, fixture->set, 1000, false, &err), 0);
    assert_int_equal(map_count(&fixture->set->files), 2); /* at the ceiling */
    spec_set_clear_changes(fixture->set);

    write_text(fixture, "three.yaml", three);
    write_text(fixture, "one.yaml", changed);
    for (uint64_t now_ms = 2000; now_ms < 9000; now_ms += 3000) {
        assert_int_equal(spec_scan_run(&fixture->scan, fixture->set, now_ms, true, &err), -1);
        assert_non_null(strstr(err.message, "holds more than 3 spec files and folders"));
        assert_int_equal(map_count(&fixture->set->files), 2);
        assert_int_equal(map_count(&fixture->set->changes), 0);
        error_clear(&err);
    }
    assert_int_equal(unlink(last), 0);
    assert_int_equal(spec_scan_run(&fixture->scan, fixture->set, 9000, false, &err), 0);
    assert_int_equal(map_count(&fixture->set->changes), 1);
}

static void files_that_are_too_much_together_keep_their_last_version(void **state)
{
    struct fixture *fixture = *state;
    auto_free char *text = spec_of("a", "a:1"), *longer = NULL;
    const struct spec_set_file *file;
    size_t unreadable = 0;

    fixture->scan.max_bytes = 2 * strlen(text);
    write_text(fixture, "a.yaml", text);
    drop(fixture, "b.yaml", "b", "a:1");
    scan_well(fixture); /* both just fit */
    assert_non_null(spec_set_find(fixture->set, "Instance/a"));
    assert_non_null(spec_set_find(fixture->set, "Instance/b"));
    longer = xasprintf("%s ", text);
    write_text(fixture, "a.yaml", longer);
    scan_well(fixture);
    for (struct map_entry *at = map_first(&fixture->set->files); at != NULL; at = map_next(at)) {
        file = map_value(at);
        unreadable += file->unreadable != NULL;
        assert_true(file->unreadable == NULL || strstr(file->unreadable, "is left out") != NULL);
    }
    assert_int_equal(unreadable, 1); /* whichever comes second */
    assert_non_null(spec_set_find(fixture->set, "Instance/a"));
    assert_non_null(spec_set_find(fixture->set, "Instance/b"));
    assert_int_equal(map_count(&fixture->set->changes), 0);
    write_text(fixture, "a.yaml", text);
    scan_well(fixture);
    file = map_get(&fixture->set->files, "a.yaml");
    assert_null(file->unreadable);
    file = map_get(&fixture->set->files, "b.yaml");
    assert_null(file->unreadable);
}

/* --- single files --- */

/* As the watch names them. */
static bool take(struct fixture *fixture, const char *name)
{
    auto_done(map) names = {0};

    fixture->now_ms += 1000;
    spec_set_clear_changes(fixture->set);
    map_put(&names, name, fixture);
    return spec_scan_files(&fixture->scan, fixture->set, &names, fixture->now_ms);
}

static void a_file_that_is_named_is_read_and_no_other_one(void **state)
{
    struct fixture *fixture = *state;

    make_directory(fixture, "team");
    drop(fixture, "a.yaml", "a", "x:1");
    drop(fixture, "team/b.yaml", "b", "x:1");
    scan_well(fixture);
    drop(fixture, "a.yaml", "a", "x:2");
    drop(fixture, "team/b.yaml", "b", "x:2");
    assert_true(take(fixture, "team/b.yaml"));
    assert_string_equal(image_of(fixture, "a"), "x:1");
    assert_string_equal(image_of(fixture, "b"), "x:2");
    assert_true(take(fixture, "team/b.yaml")); /* nothing new in it */
    assert_int_equal(map_count(&fixture->set->changes), 0);
    drop(fixture, "team/c.yaml", "c", "x:1");
    assert_true(take(fixture, "team/c.yaml"));
    assert_string_equal(image_of(fixture, "c"), "x:1");
    scan_well(fixture);
    assert_string_equal(image_of(fixture, "a"), "x:2");
    assert_int_equal(map_count(&fixture->set->changes), 1);
}

static void what_one_name_does_not_tell_wants_a_scan(void **state)
{
    struct fixture *fixture = *state;
    auto_free char *from = in(fixture, "a.yaml"), *to = in(fixture, "other.yaml");

    make_directory(fixture, ".hidden");
    drop(fixture, "a.yaml", "a", "x:1");
    scan_well(fixture);
    assert_false(take(fixture, "gone.yaml"));
    drop(fixture, ".hidden/b.yaml", "b", "x:1");
    assert_false(take(fixture, ".hidden/b.yaml"));
    make_directory(fixture, "new");
    drop(fixture, "new/b.yaml", "b", "x:1");
    assert_false(take(fixture, "new/b.yaml"));
    write_text(fixture, "a.yaml", "");
    assert_false(take(fixture, "a.yaml"));
    write_text(fixture, "a.yaml", "kind: [");
    assert_false(take(fixture, "a.yaml"));
    assert_string_equal(image_of(fixture, "a"), "x:1");
    drop(fixture, "a.yaml", "a", "x:2");
    assert_int_equal(link(from, to), 0);
    assert_false(take(fixture, "a.yaml")); /* the other name shows the same */
    remove_file(fixture, "other.yaml");
    assert_true(take(fixture, "a.yaml"));
    make_link(fixture, "link.yaml", "a.yaml");
    assert_false(take(fixture, "link.yaml"));
    scan_well(fixture);
    drop(fixture, "a.yaml", "a", "x:3");
    assert_false(take(fixture, "a.yaml")); /* what the link shows has changed as well */
}

static void a_file_that_is_named_counts_with_all_others(void **state)
{
    struct fixture *fixture = *state;

    fixture->scan.max_items = 2;
    drop(fixture, "a.yaml", "a", "x:1");
    scan_well(fixture);
    drop(fixture, "b.yaml", "b", "x:1");
    assert_true(take(fixture, "b.yaml"));
    drop(fixture, "c.yaml", "c", "x:1");
    assert_false(take(fixture, "c.yaml"));
    fixture->scan.max_bytes = fixture->scan.bytes + 10;
    drop(fixture, "a.yaml", "a", "x:2");
    assert_false(take(fixture, "a.yaml"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_tell_what_can_be_a_spec),
        cmocka_unit_test_setup_teardown(only_specs_are_read, setup, teardown),
        cmocka_unit_test_setup_teardown(sub_directories_are_read_and_named, setup, teardown),
        cmocka_unit_test_setup_teardown(what_changed_is_read_again_and_nothing_else, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_unchanged_file_is_not_read_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_changed_a_moment_ago_is_read_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_file_that_was_replaced_is_read_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_went_is_gone_after_two_looks, setup, teardown),
        cmocka_unit_test_setup_teardown(a_missing_directory_is_unknown_and_not_empty, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_unreadable_directory_is_unknown_and_not_empty, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_unreadable_file_keeps_its_version_and_says_why, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(links_inside_the_directory_are_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(links_out_of_the_directory_are_not_followed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_link_to_nothing_is_no_file, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_regular_file_is_passed_over, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_being_written_keeps_its_version, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_new_file_waits_until_it_is_written, setup, teardown),
        cmocka_unit_test_setup_teardown(long_and_foreign_names_are_names, setup, teardown),
        cmocka_unit_test_setup_teardown(names_that_nothing_could_say_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(where_nobody_tells_who_writes_a_file_must_rest, setup,
                                        teardown),
        cmocka_unit_test(file_systems_of_others_are_known),
        cmocka_unit_test_setup_teardown(an_emptied_file_does_not_speak_for_its_objects, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_empty_directory_in_the_place_of_another_deletes_nothing,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(another_directory_with_files_in_it_is_as_good, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ten_thousand_files_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(directories_are_entered_to_a_depth, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_too_large_is_one_error, setup, teardown),
        cmocka_unit_test_setup_teardown(a_directory_that_holds_too_much_changes_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(files_that_are_too_much_together_keep_their_last_version,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_directory_is_empty, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_named_is_read_and_no_other_one, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_one_name_does_not_tell_wants_a_scan, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_named_counts_with_all_others, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
