#include "clients/tree_job.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "89abcdef0123456789abcdef0123456789abcdef"

static const struct tree_job full_job = {
    .verb = TREE_MAKE,
    .method = TREE_COPY,
    .trees = "/state/repos/x/trees",
    .layers = "/state/repos/x/layers",
    .name = "fix-7",
    .uid = 1000,
    .gid = 4294967294,
    .lowers = {"/state/setup/a", "/state/snapshots/b"},
    .lower_count = 2,
    .branch = "task/fix-7",
    .upstream = "release/2.0",
    .commit = COMMIT,
    .person = "Ann \"Q\" O\\Neil",
    .mail = "ann@example.org",
    .to = "/state/setup/c",
    .have = OTHER,
};

/* --- the job ---------------------------------------------------------------------------------- */

static void a_job_comes_out_as_it_went_in(void **state)
{
    json_auto_t *json = NULL;
    struct tree_job job;
    struct error err = {0};

    (void)state;
    assert_int_equal(tree_job_to_json(&full_job, &json, &err), 0);
    assert_int_equal(tree_job_from_json(json, &job, &err), 0);
    assert_int_equal(job.verb, TREE_MAKE);
    assert_int_equal(job.method, TREE_COPY);
    assert_string_equal(job.trees, full_job.trees);
    assert_string_equal(job.layers, full_job.layers);
    assert_string_equal(job.name, full_job.name);
    assert_int_equal(job.uid, 1000);
    assert_int_equal(job.gid, 4294967294);
    assert_int_equal(job.lower_count, 2);
    assert_string_equal(job.lowers[0], full_job.lowers[0]);
    assert_string_equal(job.lowers[1], full_job.lowers[1]);
    assert_string_equal(job.branch, full_job.branch);
    assert_string_equal(job.upstream, full_job.upstream);
    assert_string_equal(job.commit, full_job.commit);
    assert_string_equal(job.person, full_job.person);
    assert_string_equal(job.mail, full_job.mail);
    assert_string_equal(job.to, full_job.to);
    assert_string_equal(job.have, full_job.have);
}

static void every_verb_comes_out_as_it_went_in(void **state)
{
    (void)state;
    for (int verb = TREE_PROBE; verb <= TREE_MEASURE; verb++) {
        struct tree_job in = full_job, out;
        json_auto_t *json = NULL;
        struct error err = {0};

        in.verb = (enum tree_verb)verb;
        assert_int_equal(tree_job_to_json(&in, &json, &err), 0);
        assert_int_equal(tree_job_from_json(json, &out, &err), 0);
        assert_int_equal(out.verb, verb);
    }
}

static void what_a_job_leaves_out_stays_out(void **state)
{
    const struct tree_job small = {.verb = TREE_PROBE, .trees = "/t"};
    json_auto_t *json = NULL;
    struct tree_job job = full_job;
    struct error err = {0};

    (void)state;
    assert_int_equal(tree_job_to_json(&small, &json, &err), 0);
    assert_int_equal(tree_job_from_json(json, &job, &err), 0);
    assert_null(job.layers);
    assert_null(job.name);
    assert_int_equal(job.lower_count, 0);
    assert_null(job.branch);
    assert_null(job.upstream);
    assert_null(job.commit);
    assert_null(job.person);
    assert_null(job.mail);
    assert_null(job.to);
    assert_null(job.have);
}

static void a_text_that_is_not_utf8_is_an_error_and_not_forgotten(void **state)
{
    struct tree_job bad = full_job;
    json_t *json = NULL;
    struct error err = {0};

    (void)state;
    bad.person = "caf\xe9";
    assert_int_equal(tree_job_to_json(&bad, &json, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_non_null(strstr(err.message, "person"));
    assert_null(json);
}

/* The whole job with one field set to something else; NULL: without it. */
static json_t *job_with(const char *key, json_t *value)
{
    json_t *json = NULL;
    struct error err = {0};

    assert_int_equal(tree_job_to_json(&full_job, &json, &err), 0);
    if (value == NULL) {
        json_object_del(json, key);
    } else {
        json_object_set_new(json, key, value);
    }
    return json;
}

static void assert_refused(json_t *json, const char *names)
{
    struct tree_job job = {.name = "untouched"};
    struct error err = {0};

    assert_non_null(json);
    if (tree_job_from_json(json, &job, &err) == 0) {
        fail_msg("taken, but for %s", names);
    }
    assert_int_equal(err.kind, ERROR_INVALID);
    if (strstr(err.message, names) == NULL) {
        fail_msg("%s: %s", names, err.message);
    }
    assert_string_equal(job.name, "untouched");
    json_decref(json);
}

static void a_job_whose_texts_have_a_wrong_form_is_refused(void **state)
{
    static const struct {
        const char *key, *value;
    } rows[] = {
        {"verb", "destroy"},
        {"method", "zfs"},
        {"trees", ""},
        {"trees", "relative"},
        {"trees", "/"},
        {"trees", "/a/../b"},
        {"layers", "/a//b"},
        {"to", "/a/"},
        {"name", ""},
        {"name", "-x"},
        {"name", "."},
        {"name", ".."},
        {"name", "a/b"},
        {"name", "Upper"},
        {"name", "dot.ted"},
        {"name",
         "a23456789012345678901234567890123456789012345678901234567890123456789012345678901"},
        {"commit", "main"},
        {"commit", COMMIT "0"},
        {"have", "0123456789ABCDEF0123456789abcdef01234567"},
        {"branch", ""},
        {"branch", "/x"},
        {"branch", "x/"},
        {"branch", "a//b"},
        {"branch", "../x"},
        {"branch", "a/../b"},
        {"branch", "a/.b"},
        {"branch", "a.lock/b"},
        {"branch", "a.lock"},
        {"branch", "a."},
        {"branch", "-a"},
        {"branch", "a b"},
        {"branch", "a\nb"},
        {"branch", "a~1"},
        {"branch", "a:b"},
        {"branch", "a@{b"},
        {"branch", "@"},
        {"branch", "a\\b"},
        {"upstream", "a*"},
        {"person", ""},
        {"person", "two\nlines"},
        {"mail", "a\x01"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_refused(job_with(rows[i].key, json_string(rows[i].value)), rows[i].key);
    }
}

static void a_job_whose_values_have_a_wrong_type_is_refused(void **state)
{
    (void)state;
    assert_refused(json_array(), "object");
    assert_refused(job_with("color", json_string("red")), "color");
    assert_refused(job_with("name", json_integer(1)), "name");
    assert_refused(job_with("uid", json_integer(-1)), "uid");
    assert_refused(job_with("gid", json_integer(UINT32_MAX)), "gid"); /* "leave it as it is" */
    assert_refused(job_with("gid", json_string("0")), "gid");
    assert_refused(job_with("lowers", json_string("/a")), "lowers");
    assert_refused(job_with("lowers", json_array()), "lowers");
    assert_refused(job_with("lowers", json_pack("[s, i]", "/a", 1)), "lowers");
    assert_refused(job_with("lowers", json_pack("[s]", "a")), "lowers");
    assert_refused(job_with("lowers", json_pack("[s,s,s,s,s,s,s,s,s]", "/1", "/2", "/3", "/4", "/5",
                                                "/6", "/7", "/8", "/9")),
                   "lowers");
    assert_refused(job_with("layers", json_string("/state/repos/x/trees/l")), "in each other");
    assert_refused(job_with("layers", json_string("/state/repos/x")), "in each other");
}

static void a_job_without_what_its_verb_needs_is_refused(void **state)
{
    static const struct {
        const char *verb, *key;
    } rows[] = {
        {"probe", "trees"}, {"share", "trees"},   {"make", "trees"},     {"make", "layers"},
        {"make", "name"},   {"make", "lowers"},   {"make", "commit"},    {"freeze", "layers"},
        {"freeze", "name"}, {"freeze", "to"},     {"inspect", "trees"},  {"inspect", "name"},
        {"export", "name"}, {"export", "to"},     {"remove", "layers"},  {"remove", "name"},
        {"clear", "trees"}, {"clear", "layers"},  {"measure", "lowers"}, {"remove", "uid"},
        {"remove", "gid"},  {"remove", "method"}, {"remove", "verb"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        json_t *json = job_with("verb", json_string(rows[i].verb));

        json_object_del(json, rows[i].key);
        assert_refused(json, rows[i].key);
    }
}

static void names_of_branches_may_have_what_git_allows(void **state)
{
    static const char *const rows[] = {"main", "task/fix-7", "a/b/c.d", "caf\xc3\xa9",
                                       "a\"b", "a@b",        "x-",      "a.lock.d"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        json_auto_t *json = job_with("branch", json_string(rows[i]));
        struct tree_job job;
        struct error err = {0};

        if (tree_job_from_json(json, &job, &err) < 0) {
            fail_msg("%s: %s", rows[i], err.message);
        }
    }
}

/* --- the answer ------------------------------------------------------------------------------- */

/* Parses the line after taking its newline away; fails the test when it has no meaning. */
static void must_parse(char *line, bool is_result, struct tree_result *result,
                       struct error *failure)
{
    struct error err = {0};
    bool found;

    assert_int_equal(line[strlen(line) - 1], '\n');
    line[strlen(line) - 1] = '\0';
    assert_null(strchr(line, '\n'));
    if (tree_line_parse(line, &found, result, failure, &err) < 0) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(found, is_result);
}

static void a_result_comes_out_as_it_went_in(void **state)
{
    const struct tree_result in = {
        .method = TREE_COPY,
        .message = "not root; \"quoted\"",
        .was_there = true,
        .commit = COMMIT,
        .branch = "task/caf\xc3\xa9",
        .changes = DIGEST,
        .is_dirty = true,
        .is_unpushed = true,
        .bytes = 12345678901,
        .files = 7,
    };
    auto_free char *line = tree_result_to_line(&in);
    struct tree_result out;

    (void)state;
    must_parse(line, true, &out, NULL);
    assert_int_equal(out.method, TREE_COPY);
    assert_string_equal(out.message, in.message);
    assert_true(out.was_there);
    assert_string_equal(out.commit, COMMIT);
    assert_string_equal(out.branch, in.branch);
    assert_string_equal(out.changes, DIGEST);
    assert_true(out.is_dirty);
    assert_true(out.is_unpushed);
    assert_int_equal(out.bytes, 12345678901);
    assert_int_equal(out.files, 7);
}

static void an_empty_result_comes_out_empty(void **state)
{
    const struct tree_result in = {0};
    auto_free char *line = tree_result_to_line(&in);
    struct tree_result out = {.method = TREE_COPY, .was_there = true, .is_dirty = true};

    (void)state;
    must_parse(line, true, &out, NULL);
    assert_int_equal(out.method, TREE_OVERLAY);
    assert_false(out.was_there || out.is_dirty || out.is_unpushed);
    assert_string_equal(out.message, "");
    assert_string_equal(out.commit, "");
    assert_string_equal(out.branch, "");
    assert_string_equal(out.changes, "");
}

static void a_branch_that_cannot_be_told_is_none(void **state)
{
    static const char *const rows[] = {"caf\xe9", "a\nb", "../../x"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct tree_result in = {.commit = COMMIT}, out;
        auto_free char *line = NULL;

        snprintf(in.branch, sizeof(in.branch), "%s", rows[i]);
        line = tree_result_to_line(&in);
        must_parse(line, true, &out, NULL);
        assert_string_equal(out.branch, "");
        assert_string_equal(out.commit, COMMIT);
    }
}

static void any_message_makes_a_clean_line(void **state)
{
    struct tree_result in = {0}, out;
    auto_free char *line = NULL;

    (void)state;
    memset(in.message, '\xff', sizeof(in.message) - 1);
    in.message[3] = '\n';
    line = tree_result_to_line(&in);
    must_parse(line, true, &out, NULL);
    assert_int_equal(strlen(out.message), sizeof(in.message) - 1);
    assert_memory_equal(out.message, "??? ??", 6);
}

static void a_failure_is_always_one_of_the_workspace(void **state)
{
    static const struct {
        const char *reason, *message, *expected;
    } rows[] = {
        {"WorkspaceFailed", "no space", "no space"},
        {NULL, "two\nlines\tand\rmore", "two lines and more"},
        {"NoSuchReason", "caf\xe9", "caf?"},
        {NULL, "", "the work on the tree failed without a word"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct error in = {0}, out = {0};
        auto_free char *line = NULL;

        error_set_reason(&in, ERROR_INTERNAL, rows[i].reason, "%s", rows[i].message);
        line = tree_failure_to_line(&in);
        must_parse(line, false, NULL, &out);
        assert_int_equal(out.kind, ERROR_CONFLICT);
        assert_string_equal(out.reason, "WorkspaceFailed");
        assert_string_equal(out.message, rows[i].expected);
    }
}

static void the_longest_failure_still_makes_a_line(void **state)
{
    struct error in = {.kind = ERROR_INVALID}, out = {0};
    auto_free char *line = NULL;

    (void)state;
    memset(in.message, 'x', sizeof(in.message) - 1);
    line = tree_failure_to_line(&in);
    must_parse(line, false, NULL, &out);
    assert_string_equal(out.message, in.message);
}

#define REST "\"isDirty\":false,\"isUnpushed\":false,\"bytes\":0,\"files\":0}"
#define RESULT(method, message, commit, branch)                                                    \
    "R {\"method\":\"" method "\",\"message\":\"" message                                          \
    "\",\"wasThere\":false,\"commit\":\"" commit "\",\"branch\":\"" branch "\",\"changes\":\"\","

static void a_line_that_has_no_meaning_is_an_error(void **state)
{
    static const char *const rows[] = {
        "",
        "R",
        "R ",
        "R []",
        "R {}",
        "r {}",
        RESULT("overlay", "", "", ""),
        RESULT("overlay", "", "", "") REST " x",
        RESULT("overlay", "", "", "") "\"more\":1," REST,
        RESULT("none", "", "", "") REST,
        RESULT("overlay", "a\\nb", "", "") REST,
        RESULT("overlay", "", "short", "") REST,
        RESULT("overlay", "", "", "a b") REST,
        RESULT("overlay", "", "", "../x") REST,
        "R {\"method\":\"overlay\",\"message\":\"\",\"wasThere\":false,\"commit\":\"\",\"branch\":"
        "\"\",\"changes\":\"" COMMIT "\"," REST,
        RESULT("overlay", "", "", "") "\"isDirty\":0,\"isUnpushed\":false,\"bytes\":0,\"files\":0}",
        RESULT("overlay", "", "", "") "\"isDirty\":false,\"isUnpushed\":false,\"bytes\":-1,"
                                      "\"files\":0}",
        "R "
        "{\"method\":\"copy\",\"message\":\"\",\"wasThere\":false,\"commit\":\"\",\"branch\":\"\","
        "\"changes\":\"0123\"," REST,
        "E",
        "E WorkspaceFailed",
        "E WorkspaceFailed ",
        "E  text",
        "E CloneFailed text",
        "E WorkspaceFailed bad \x01 byte",
        "E WorkspaceFailed bad \xff byte",
        "E WorkspaceFailed two\nlines",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct tree_result result = {.files = 77};
        struct error failure = {0}, err = {0};
        bool is_result;

        if (tree_line_parse(rows[i], &is_result, &result, &failure, &err) == 0) {
            fail_msg("taken: %s", rows[i]);
        }
        assert_int_equal(err.kind, ERROR_INTERNAL);
        assert_int_equal(result.files, 77);
        assert_int_equal(failure.kind, ERROR_NONE);
    }
}

static void a_line_with_all_that_it_may_have_is_taken(void **state)
{
    struct tree_result result;
    struct error err = {0};
    bool is_result = false;

    (void)state;
    assert_int_equal(
        tree_line_parse(RESULT("copy", "why", COMMIT, "a/b") REST, &is_result, &result, NULL, &err),
        0);
    assert_true(is_result);
    assert_string_equal(result.branch, "a/b");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_comes_out_as_it_went_in),
        cmocka_unit_test(every_verb_comes_out_as_it_went_in),
        cmocka_unit_test(what_a_job_leaves_out_stays_out),
        cmocka_unit_test(a_text_that_is_not_utf8_is_an_error_and_not_forgotten),
        cmocka_unit_test(a_job_whose_texts_have_a_wrong_form_is_refused),
        cmocka_unit_test(a_job_whose_values_have_a_wrong_type_is_refused),
        cmocka_unit_test(a_job_without_what_its_verb_needs_is_refused),
        cmocka_unit_test(names_of_branches_may_have_what_git_allows),
        cmocka_unit_test(a_result_comes_out_as_it_went_in),
        cmocka_unit_test(an_empty_result_comes_out_empty),
        cmocka_unit_test(a_branch_that_cannot_be_told_is_none),
        cmocka_unit_test(any_message_makes_a_clean_line),
        cmocka_unit_test(a_failure_is_always_one_of_the_workspace),
        cmocka_unit_test(the_longest_failure_still_makes_a_line),
        cmocka_unit_test(a_line_that_has_no_meaning_is_an_error),
        cmocka_unit_test(a_line_with_all_that_it_may_have_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
