#include "clients/git_protocol.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static const struct git_job full_job = {
    .url = "https://host/o/r.git",
    .mirror = "/state/git/x/mirror.git",
    .tree = "/state/trees/x",
    .branch = "main",
    .username = "alice",
    .token = "s3cret\"\\token",
    .ssh_key = "-----BEGIN KEY-----\nabcdefgh\nijklmnop\n-----END KEY-----\n",
    .known_hosts = "/etc/ssh/known_hosts",
    .max_bytes = 5000000000,
    .is_offline = true,
    .run_as = 991,
    .owner = 1000,
};

/* --- the job ------------------------------------------------------------------------------------ */

static void a_job_comes_out_as_it_went_in(void **state)
{
    json_auto_t *json = NULL;
    struct git_job job;
    struct error err = {0};

    (void)state;
    assert_int_equal(git_job_to_json(&full_job, &json, &err), 0);
    assert_int_equal(git_job_from_json(json, &job, &err), 0);
    assert_string_equal(job.url, full_job.url);
    assert_string_equal(job.mirror, full_job.mirror);
    assert_string_equal(job.tree, full_job.tree);
    assert_string_equal(job.branch, full_job.branch);
    assert_string_equal(job.username, full_job.username);
    assert_string_equal(job.token, full_job.token);
    assert_string_equal(job.ssh_key, full_job.ssh_key);
    assert_string_equal(job.known_hosts, full_job.known_hosts);
    assert_int_equal(job.max_bytes, full_job.max_bytes);
    assert_true(job.is_offline);
    assert_int_equal(job.run_as, full_job.run_as);
    assert_int_equal(job.owner, full_job.owner);
}

static void what_a_job_leaves_out_stays_out(void **state)
{
    const struct git_job small = {.url = "git://h/r", .mirror = "/m/r.git"};
    json_auto_t *json = NULL;
    struct git_job job = full_job;
    struct error err = {0};

    (void)state;
    assert_int_equal(git_job_to_json(&small, &json, &err), 0);
    assert_int_equal(git_job_from_json(json, &job, &err), 0);
    assert_null(job.tree);
    assert_null(job.branch);
    assert_null(job.username);
    assert_null(job.token);
    assert_null(job.ssh_key);
    assert_null(job.known_hosts);
    assert_int_equal(job.max_bytes, 0);
    assert_false(job.is_offline);
}

static void a_token_that_is_not_utf8_is_an_error_and_not_forgotten(void **state)
{
    const struct git_job bad = {.url = "git://h/r",
                                .mirror = "/m/r.git",
                                .token = "a\xff"
                                         "b"};
    json_t *json = NULL;
    struct error err = {0};

    (void)state;
    assert_int_equal(git_job_to_json(&bad, &json, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_non_null(strstr(err.message, "token"));
    assert_null(json);
}

static void a_job_that_is_none_is_refused(void **state)
{
    static const struct {
        const char *text, *names;
    } rows[] = {
        {"[]", "object"},
        {"{}", "\"url\" is missing"},
        {"{'url':'u','maxBytes':1,'isOffline':false,'runAs':0,'owner':0}", "\"mirror\" is missing"},
        {"{'url':1}", "url"},
        {"{'url':''}", "url"},
        {"{'url':'u','mirror':'m'}", "mirror"},
        {"{'url':'u','mirror':'/'}", "mirror"},
        {"{'url':'u','mirror':'/a/../b'}", "mirror"},
        {"{'url':'u','mirror':'/a//b'}", "mirror"},
        {"{'url':'u','mirror':'/a/'}", "mirror"},
        {"{'url':'u','mirror':'/a','tree':'/a/b','maxBytes':1,'isOffline':false,'runAs':0,"
         "'owner':0}",
         "in each other"},
        {"{'url':'u','mirror':'/a/b','tree':'/a','maxBytes':1,'isOffline':false,'runAs':0,"
         "'owner':0}",
         "in each other"},
        {"{'url':'u','mirror':'/a','maxBytes':-1}", "maxBytes"},
        {"{'url':'u','mirror':'/a','maxBytes':1.5}", "maxBytes"},
        {"{'url':'u','mirror':'/a','maxBytes':1,'isOffline':0}", "isOffline"},
        {"{'url':'u','mirror':'/a','maxBytes':1,'isOffline':false,'runAs':-1}", "runAs"},
        {"{'url':'u','mirror':'/a','maxBytes':1,'isOffline':false,'runAs':4294967295}", "runAs"},
        {"{'url':'u','mirror':'/a','maxBytes':1,'isOffline':false,'runAs':0,'owner':'x'}", "owner"},
        {"{'url':'u','mirror':'/a','color':'red'}", "color"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *text = xstrdup(rows[i].text);
        json_auto_t *json = NULL;
        struct git_job job = {.url = "untouched"};
        struct error err = {0};

        for (char *at = text; *at != '\0'; at++) {
            *at = *at == '\'' ? '"' : *at;
        }
        json = json_loads(text, 0, NULL);
        assert_non_null(json);
        assert_int_equal(git_job_from_json(json, &job, &err), -1);
        assert_int_equal(err.kind, ERROR_INVALID);
        if (strstr(err.message, rows[i].names) == NULL) {
            fail_msg("%s: %s", rows[i].text, err.message);
        }
        assert_string_equal(job.url, "untouched");
    }
}

static void no_secret_of_the_job_stays_in_a_text(void **state)
{
    const struct git_job job = {.token = "tok3n", .ssh_key = full_job.ssh_key};
    char text[] = "got tok3n, tok3ntok3n and abcdefgh, ijklmnop but -----BEGIN KEY-----";
    char stars[] = "a**** b";

    (void)state;
    git_job_hide_secrets(&job, text);
    assert_string_equal(text,
                        "got *****, ********** and ********, ******** but -----BEGIN KEY-----");
    git_job_hide_secrets(&(const struct git_job){.token = "****"}, stars); /* ends at all */
    assert_string_equal(stars, "a**** b");
    git_job_hide_secrets(&(const struct git_job){0}, stars);
}

/* --- lines of the child ------------------------------------------------------------------------- */

/* Parses the line after taking its newline away; fails the test when it is none of the type. */
static void must_parse(char *line, enum git_line type, struct git_progress *progress,
                       struct git_result *result, struct error *failure)
{
    struct error err = {0};
    enum git_line found;

    assert_int_equal(line[strlen(line) - 1], '\n');
    line[strlen(line) - 1] = '\0';
    assert_null(strchr(line, '\n'));
    if (git_line_parse(line, &found, progress, result, failure, &err) < 0) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(found, type);
}

static void progress_comes_out_as_it_went_in(void **state)
{
    const struct git_progress in = {.percent = 42, .bytes = 12345678901, .phase = "checking out"};
    auto_free char *line = git_progress_to_line(&in);
    struct git_progress out;

    (void)state;
    must_parse(line, GIT_LINE_PROGRESS, &out, NULL, NULL);
    assert_int_equal(out.percent, 42);
    assert_int_equal(out.bytes, 12345678901);
    assert_string_equal(out.phase, "checking out");
}

static void a_result_comes_out_as_it_went_in(void **state)
{
    const struct git_result in = {.commit = COMMIT,
                                  .branch = "feature/\"quoted\"-\xc3\xa4",
                                  .received_bytes = 7,
                                  .tree_files = 8,
                                  .tree_bytes = 9};
    auto_free char *line = git_result_to_line(&in);
    struct git_result out;

    (void)state;
    must_parse(line, GIT_LINE_RESULT, NULL, &out, NULL);
    assert_string_equal(out.commit, in.commit);
    assert_string_equal(out.branch, in.branch);
    assert_int_equal(out.received_bytes, 7);
    assert_int_equal(out.tree_files, 8);
    assert_int_equal(out.tree_bytes, 9);
}

static void a_branch_that_is_not_utf8_becomes_a_failure(void **state)
{
    const struct git_result in = {.commit = COMMIT, .branch = "caf\xe9"};
    auto_free char *line = git_result_to_line(&in);
    struct error failure = {0};

    (void)state;
    must_parse(line, GIT_LINE_ERROR, NULL, NULL, &failure);
    assert_string_equal(failure.reason, "BranchNotFound");
}

static void the_kind_of_a_failure_follows_from_its_reason(void **state)
{
    static const struct {
        const char *reason;
        enum error_kind kind;
    } rows[] = {
        {"AuthenticationFailed", ERROR_INVALID}, {"BranchNotFound", ERROR_INVALID},
        {"CertificateInvalid", ERROR_INVALID},   {"CloneFailed", ERROR_TRANSIENT},
        {"CloneStalled", ERROR_TRANSIENT},       {"CloneTooLarge", ERROR_INVALID},
        {"InvalidURL", ERROR_INVALID},           {"RepositoryNotFound", ERROR_NOT_FOUND},
        {"SchemeRefused", ERROR_INVALID},        {"WorkspaceFailed", ERROR_CONFLICT},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct error in = {0}, out = {0};
        auto_free char *line = NULL;

        error_set_reason(&in, ERROR_INTERNAL, rows[i].reason, "what went wrong");
        line = git_failure_to_line(&in);
        must_parse(line, GIT_LINE_ERROR, NULL, NULL, &out);
        assert_int_equal(out.kind, rows[i].kind);
        assert_string_equal(out.reason, rows[i].reason);
        assert_string_equal(out.message, "what went wrong");
    }
}

static void any_failure_makes_a_clean_line(void **state)
{
    static const struct {
        const char *message, *expected;
    } rows[] = {
        {"two\nlines\tand\rmore", "two lines and more"},
        {"a\x1b[31mred", "a?[31mred"},
        {"caf\xc3\xa9 caf\xe9 \xff\xfe", "caf\xc3\xa9 caf? ??"},
        {"cut \xe2\x82", "cut ??"},
        {"", "git failed without a word"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct error in = {0}, out = {0};
        auto_free char *line = NULL;

        error_set(&in, ERROR_INVALID, "%s", rows[i].message);
        line = git_failure_to_line(&in);
        must_parse(line, GIT_LINE_ERROR, NULL, NULL, &out);
        assert_string_equal(out.reason, "CloneFailed"); /* none was given */
        assert_string_equal(out.message, rows[i].expected);
    }
}

static void the_longest_failure_still_makes_a_line(void **state)
{
    struct error in = {.kind = ERROR_INVALID}, out = {0};
    auto_free char *line = NULL;

    (void)state;
    memset(in.message, 'x', sizeof(in.message) - 1);
    line = git_failure_to_line(&in);
    must_parse(line, GIT_LINE_ERROR, NULL, NULL, &out);
    assert_string_equal(out.message, in.message);
}

static void a_line_that_has_no_meaning_is_an_error(void **state)
{
    static const char *const rows[] = {
        "",
        "P",
        "P ",
        "P 1",
        "P 1 2",
        "P 1 2 ",
        "P 101 0 receiving",
        "P -1 0 receiving",
        "P 1 x receiving",
        "P 1 99999999999999999999 receiving",
        "P 1 2 Receiving",
        "P 1 2 receiving\ttabs",
        "P 1 2 a phase with a name that is much too long",
        "P  1 2 receiving",
        "p 1 2 receiving",
        "X 1 2 receiving",
        "R",
        "R ",
        "R []",
        "R {}",
        "R {\"commit\":\"" COMMIT "\",\"branch\":\"main\"}",
        "R {\"commit\":\"short\",\"branch\":\"main\",\"receivedBytes\":1,\"treeFiles\":1,"
        "\"treeBytes\":1}",
        "R {\"commit\":\"" COMMIT "\",\"branch\":\"\",\"receivedBytes\":1,\"treeFiles\":1,"
        "\"treeBytes\":1}",
        "R {\"commit\":\"" COMMIT "\",\"branch\":\"a\\nb\",\"receivedBytes\":1,\"treeFiles\":1,"
        "\"treeBytes\":1}",
        "R {\"commit\":\"" COMMIT "\",\"branch\":\"main\",\"receivedBytes\":-1,\"treeFiles\":1,"
        "\"treeBytes\":1}",
        "R {\"commit\":\"" COMMIT "\",\"branch\":\"main\",\"receivedBytes\":1,\"treeFiles\":1,"
        "\"treeBytes\":1,\"more\":1}",
        "R {\"commit\":\"" COMMIT "\",\"branch\":\"main\",\"receivedBytes\":1,\"treeFiles\":1,"
        "\"treeBytes\":1} x",
        "E",
        "E CloneFailed",
        "E CloneFailed ",
        "E  text",
        "E NoSuchReason text",
        "E CloneFailed bad \x01 byte",
        "E CloneFailed bad \xff byte",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct git_progress progress = {.percent = 77};
        struct git_result result = {.tree_files = 77};
        struct error failure = {0}, err = {0};
        enum git_line type;

        if (git_line_parse(rows[i], &type, &progress, &result, &failure, &err) == 0) {
            fail_msg("taken: %s", rows[i]);
        }
        assert_int_equal(err.kind, ERROR_INTERNAL);
        assert_int_equal(progress.percent, 77);
        assert_int_equal(result.tree_files, 77);
        assert_int_equal(failure.kind, ERROR_NONE);
    }
}

static void a_line_that_is_too_long_is_an_error(void **state)
{
    auto_free char *line = xmalloc(GIT_LINE_MAX + 2);
    struct error failure = {0}, err = {0};
    enum git_line type;

    (void)state;
    memset(line, 'x', GIT_LINE_MAX + 1);
    line[GIT_LINE_MAX + 1] = '\0';
    memcpy(line, "E CloneFailed ", strlen("E CloneFailed "));
    assert_int_equal(git_line_parse(line, &type, NULL, NULL, &failure, &err), -1);
    assert_int_equal(err.kind, ERROR_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_comes_out_as_it_went_in),
        cmocka_unit_test(what_a_job_leaves_out_stays_out),
        cmocka_unit_test(a_token_that_is_not_utf8_is_an_error_and_not_forgotten),
        cmocka_unit_test(a_job_that_is_none_is_refused),
        cmocka_unit_test(no_secret_of_the_job_stays_in_a_text),
        cmocka_unit_test(progress_comes_out_as_it_went_in),
        cmocka_unit_test(a_result_comes_out_as_it_went_in),
        cmocka_unit_test(a_branch_that_is_not_utf8_becomes_a_failure),
        cmocka_unit_test(the_kind_of_a_failure_follows_from_its_reason),
        cmocka_unit_test(any_failure_makes_a_clean_line),
        cmocka_unit_test(the_longest_failure_still_makes_a_line),
        cmocka_unit_test(a_line_that_has_no_meaning_is_an_error),
        cmocka_unit_test(a_line_that_is_too_long_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
