#include "controller/disk_survey.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "specs/repo_url.h"

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

#define URL "https://git.example/org/project.git"
#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define OTHER "fedcba9876543210fedcba9876543210fedcba98"
#define LAYER "0123456789ab-0-00112233aabb"
#define IDLE "{\"version\": 2, \"url\": \"" URL "\", \"idleSince\": \"2026-01-02T03:04:05Z\"}"

static char top[64];
static char base[REPO_CONTAINER_NAME_SIZE], branch[REPO_CONTAINER_NAME_SIZE];

static int setup(void **state)
{
    auto_done(repo_url) url = {0};
    struct error err = {0};

    (void)state;
    repo_url_parse(URL, &url, &err);
    repo_url_container_name(&url, base);
    repo_url_branch_container_name(&url, "next", branch);
    snprintf(top, sizeof(top), "/tmp/berth-disk-XXXXXX");
    return mkdtemp(top) != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    struct error err = {0};

    (void)state;
    return tree_remove(top, &err);
}

static char *path_below(const char *container, const char *name)
{
    return xasprintf("%s/repos/%s/%s", top, container, name);
}

static void put_folder(const char *container, const char *name)
{
    auto_free char *path = path_below(container, name);
    struct error err = {0};

    assert_int_equal(dir_make(path, 0755, &err), 0);
}

static void put_file(const char *container, const char *name, const char *text)
{
    auto_free char *path = path_below(container, name);
    auto_free char *folder = xstrndup(path, (size_t)(strrchr(path, '/') - path));
    struct error err = {0};

    assert_int_equal(dir_make(folder, 0755, &err), 0);
    assert_int_equal(file_replace(AT_FDCWD, path, text, strlen(text), 0644, FILE_VISIBLE, &err), 0);
}

static void set_time(const char *container, const char *name, int64_t wall_ms)
{
    auto_free char *path = path_below(container, name);
    struct timespec times[2] = {{.tv_sec = wall_ms / 1000}, {.tv_sec = wall_ms / 1000}};

    assert_int_equal(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

static void read_survey(struct disk_survey *survey)
{
    const struct disk_notes none = {0};

    disk_survey_read(top, &none, false, clock_wall_ms(), survey);
}

/* By its id below a container's folder; it must be there. */
static const struct disk_thing *find(const struct disk_survey *survey, const char *container,
                                     const char *part)
{
    auto_free char *id = xasprintf("%s/%s", container, part);

    for (size_t i = 0; i < survey->count; i++) {
        if (strcmp(survey->things[i].id, id) == 0) {
            return &survey->things[i];
        }
    }
    fail_msg("there is no %s", id);
    return NULL;
}

static void no_directory_has_no_things(void **state)
{
    auto_done(disk_survey) survey;
    struct disk_notes none = {0};

    (void)state;
    disk_survey_read("/nowhere", &none, false, 0, &survey);
    assert_int_equal(survey.count, 0);
}

static void things_are_what_is_complete(void **state)
{
    static const char *const folders[] = {
        "git/mirror.git",
        "snap/" COMMIT "-0",
        "snap/." OTHER "-0.staging",
        "snap/" OTHER,
        "snap/lost+found",
        "setup/" LAYER,
        "trees",
        "layers",
    };
    auto_done(disk_survey) survey;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        put_folder(base, folders[i]);
    }
    put_file(base, "setup/" LAYER ".changes", "");
    put_file(base, "repository.json", IDLE);
    put_folder("trash-x-snap-1", "snap/" COMMIT "-0");
    read_survey(&survey);
    assert_int_equal(survey.count, 4);
    assert_int_equal(find(&survey, base, "git")->kind, DISK_MIRROR);
    assert_int_equal(find(&survey, base, "snap/" COMMIT "-0")->kind, DISK_SNAPSHOT);
    assert_string_equal(find(&survey, base, "snap/" COMMIT "-0")->commit, COMMIT);
    assert_int_equal(find(&survey, base, "setup/" LAYER)->kind, DISK_SETUP_LAYER);
    assert_string_equal(find(&survey, base, "setup/" LAYER)->commit, "0123456789ab");
    assert_int_equal(find(&survey, base, "trees")->kind, DISK_IDLE_WORKSPACE);
    assert_int_equal(find(&survey, base, "trees")->folder_count, 2);
    for (size_t i = 0; i < survey.count; i++) {
        assert_null(survey.things[i].use);
        assert_string_equal(survey.things[i].repository, base);
    }
}

static void a_tree_of_any_container_holds_what_lies_below_it(void **state)
{
    auto_done(disk_survey) survey;

    (void)state;
    put_folder(base, "snap/" COMMIT "-0");
    put_folder(base, "snap/" COMMIT "-1000");
    put_folder(base, "snap/" OTHER "-0");
    put_folder(base, "setup/" LAYER);
    put_file(branch, "repository.json", IDLE);
    put_folder(branch, "trees");
    put_file(branch, "records/fix.json",
             "{\"task\": \"fix\", \"commit\": \"" COMMIT "\", \"uid\": 0, \"layer\": \"" LAYER
             "\", \"method\": \"overlay\", \"dirty\": false, \"unpushed\": false}");
    read_survey(&survey);
    assert_non_null(find(&survey, base, "snap/" COMMIT "-0")->use);
    assert_non_null(strstr(find(&survey, base, "snap/" COMMIT "-0")->use, "task fix"));
    assert_non_null(find(&survey, base, "setup/" LAYER)->use);
    assert_null(find(&survey, base, "snap/" COMMIT "-1000")->use);
    assert_null(find(&survey, base, "snap/" OTHER "-0")->use);
    assert_string_equal(find(&survey, branch, "trees")->repository, base);
}

static void a_tree_may_go_when_its_task_has_ended_and_its_work_when_its_time_is_over(void **state)
{
    auto_done(disk_survey) survey;
    const struct disk_thing *done, *work, *unknown;

    (void)state;
    put_file(base, "repository.json", IDLE);
    put_folder(base, "trees/done");
    put_folder(base, "layers/done");
    put_file(base, "records/done.json",
             "{\"task\": \"done\", \"commit\": \"" COMMIT "\", \"uid\": 0, \"method\": \"copy\", "
             "\"dirty\": false, \"unpushed\": false, \"usedAtMs\": 7000, \"removeAtMs\": 9000}");
    put_file(base, "records/work.json",
             "{\"task\": \"work\", \"commit\": \"" COMMIT
             "\", \"uid\": 0, \"method\": \"overlay\", "
             "\"dirty\": false, \"unpushed\": true, \"endBranch\": \"task/work\", \"endCommit\": "
             "\"" OTHER "\", \"removeAtMs\": 9000}");
    put_file(base, "records/unknown.json",
             "{\"task\": \"unknown\", \"commit\": \"" COMMIT "\", \"dirty\": true}");
    put_file(base, "records/shared.json", "{\"commit\": \"" COMMIT "\", \"dirty\": false}");
    put_file(base, "records/setup-x.json", "{\"commit\": \"" COMMIT "\"}");
    read_survey(&survey);
    assert_int_equal(survey.count, 4); /* and the workspace */
    done = find(&survey, base, "trees/done");
    work = find(&survey, base, "trees/work");
    unknown = find(&survey, base, "trees/unknown");
    assert_null(done->use);
    assert_int_equal(done->kept_until_wall_ms, 0);
    assert_int_equal(done->last_used_wall_ms, 7000);
    assert_int_equal(done->folder_count, 2);
    assert_true(work->has_work);
    assert_null(work->use);
    assert_int_equal(work->kept_until_wall_ms, 9000);
    assert_string_equal(work->branch, "task/work");
    assert_string_equal(work->commit, OTHER);
    assert_non_null(unknown->use); /* nobody knows until when it is kept */
    assert_int_equal(find(&survey, base, "trees")->kept_until_wall_ms, 9000);
    assert_non_null(find(&survey, base, "trees")->use);
}

static void what_is_not_idle_is_in_use_with_its_mirror(void **state)
{
    static const struct {
        const char *repository, *record;
        bool is_used;
    } rows[] = {
        {IDLE, NULL, false},
        {"{\"url\": \"" URL "\"}", NULL, true},
        {"damaged", NULL, true},
        {IDLE, "{\"task\": \"fix\", \"commit\": \"" COMMIT "\"}", true},
        {IDLE, "{\"commit\": \"" COMMIT "\"}", true},
        {IDLE, "{\"commit\": \"" COMMIT "\", \"dirty\": true}", true},
        {IDLE, "{\"commit\": \"" COMMIT "\", \"dirty\": false}", false},
    };

    (void)state;
    put_folder(base, "git/mirror.git");
    put_folder(base, "layers");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(disk_survey) survey;

        put_file(base, "repository.json", rows[i].repository);
        put_file(base, "records/x.json", rows[i].record != NULL ? rows[i].record : "");
        read_survey(&survey);
        assert_int_equal(find(&survey, base, "trees")->use != NULL, rows[i].is_used);
        assert_int_equal(find(&survey, base, "git")->use != NULL, rows[i].is_used);
    }
}

static void a_layer_is_as_old_as_its_folder_and_no_younger_than_now(void **state)
{
    auto_done(disk_survey) survey;
    int64_t now_wall_ms = clock_wall_ms(), hour_ms = 3600000;

    (void)state;
    put_folder(base, "snap/" COMMIT "-0");
    put_folder(base, "snap/" OTHER "-0");
    set_time(base, "snap/" COMMIT "-0", now_wall_ms - 2 * hour_ms);
    set_time(base, "snap/" OTHER "-0", now_wall_ms + 2 * hour_ms);
    read_survey(&survey);
    assert_int_equal(find(&survey, base, "snap/" COMMIT "-0")->last_used_wall_ms / 1000,
                     (now_wall_ms - 2 * hour_ms) / 1000);
    assert_in_range(find(&survey, base, "snap/" OTHER "-0")->last_used_wall_ms,
                    now_wall_ms - hour_ms, now_wall_ms + hour_ms);
}

static void notes_say_what_files_do_not(void **state)
{
    auto_free char *used_id = xasprintf("%s/snap/" COMMIT "-0", base);
    auto_free char *newest_id = xasprintf("%s/snap/" OTHER "-0", base);
    struct disk_notes written = {0}, notes = {0};
    json_auto_t *json = NULL;
    struct disk_note *note;
    auto_done(disk_survey) valid, stale;

    (void)state;
    put_folder(base, "snap/" COMMIT "-0");
    put_folder(base, "snap/" OTHER "-0");
    note = disk_notes_of(&written, used_id);
    *note = (struct disk_note){.bytes = 11, .files = 2, .last_used_wall_ms = INT64_C(1) << 50};
    note->use = xstrdup("a task is to work on it");
    disk_notes_of(&written, newest_id)->is_newest = true;
    written.pressing = DISK_FULL;
    json = disk_notes_to_json(&written);
    disk_notes_from_json(&notes, json);
    assert_int_equal(notes.pressing, DISK_FULL);
    disk_survey_read(top, &notes, true, clock_wall_ms(), &valid);
    disk_survey_read(top, &notes, false, clock_wall_ms(), &stale);
    assert_string_equal(find(&valid, base, "snap/" COMMIT "-0")->use, "a task is to work on it");
    assert_null(find(&stale, base, "snap/" COMMIT "-0")->use);
    assert_int_equal(find(&stale, base, "snap/" COMMIT "-0")->bytes, 11);
    assert_int_equal(find(&stale, base, "snap/" COMMIT "-0")->last_used_wall_ms, INT64_C(1) << 50);
    assert_true(find(&stale, base, "snap/" OTHER "-0")->is_newest);
    disk_notes_done(&written);
    disk_notes_done(&notes);
}

static void notes_that_make_no_sense_read_as_absent(void **state)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "{\"things\": 7}",
        "{\"things\": {\"x\": 7}}",
        "{\"things\": {\"x\": {\"bytes\": -5, \"files\": \"many\", \"use\": 1, \"newest\": 1}}}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct disk_notes notes = {0};
        json_auto_t *json = json_loads(texts[i], 0, NULL);
        const struct disk_note *note;

        disk_notes_from_json(&notes, json);
        note = disk_notes_find(&notes, "x");
        assert_true(note == NULL || (note->bytes == 0 && note->files == 0 && note->use == NULL &&
                                     !note->is_newest));
        disk_notes_done(&notes);
    }
}

static void nothing_is_counted_twice(void **state)
{
    auto_free char *workspace_id = xasprintf("%s/trees", base);
    auto_free char *tree_id = xasprintf("%s/trees/done", base);
    struct disk_usage usage = {.total_bytes = 100, .free_bytes = 99};
    struct disk_policy policy = disk_policy_with(85, 70, 0);
    struct disk_notes notes = {0};
    struct disk_decision decision;
    struct disk_survey survey;
    uint64_t bytes = 0;

    (void)state;
    put_file(base, "repository.json", IDLE);
    put_folder(base, "trees/done");
    put_file(base, "records/done.json",
             "{\"task\": \"done\", \"commit\": \"" COMMIT "\", \"dirty\": false}");
    disk_notes_of(&notes, workspace_id)->bytes = 1000;
    disk_notes_of(&notes, tree_id)->bytes = 300;
    disk_survey_read(top, &notes, false, clock_wall_ms(), &survey);
    disk_survey_decide(&survey, &usage, &policy, clock_wall_ms(), &decision);
    for (size_t i = 0; i < survey.count; i++) {
        bytes += survey.items[i].bytes;
        assert_ptr_equal(disk_survey_thing(&survey, &survey.items[i]), &survey.things[i]);
    }
    assert_int_equal(survey.count, 2);
    assert_int_equal(bytes, 1000);
    assert_int_equal(disk_survey_bytes(&survey, base), 1000);
    assert_int_equal(disk_survey_bytes(&survey, "repo-other"), 0);
    disk_decision_done(&decision);
    disk_survey_done(&survey);
    disk_notes_done(&notes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_directory_has_no_things),
        cmocka_unit_test_setup_teardown(things_are_what_is_complete, setup, teardown),
        cmocka_unit_test_setup_teardown(a_tree_of_any_container_holds_what_lies_below_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            a_tree_may_go_when_its_task_has_ended_and_its_work_when_its_time_is_over, setup,
            teardown),
        cmocka_unit_test_setup_teardown(what_is_not_idle_is_in_use_with_its_mirror, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_layer_is_as_old_as_its_folder_and_no_younger_than_now,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(notes_say_what_files_do_not, setup, teardown),
        cmocka_unit_test(notes_that_make_no_sense_read_as_absent),
        cmocka_unit_test_setup_teardown(nothing_is_counted_twice, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
