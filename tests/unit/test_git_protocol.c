#include "clients/git_protocol.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"

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
    .username = "alice",
    .token = "s3cret\"\\token",
    .ssh_key = "-----BEGIN KEY-----\nabcdefgh\nijklmnop\n-----END KEY-----\n",
    .known_hosts = "/etc/ssh/known_hosts",
    .proxy = "http://proxy.example.org:3128",
    .max_bytes = 5000000000,
    .is_offline = true,
    .run_as = 991,
    .revisions = {{GIT_REVISION_HEAD, NULL},
                  {GIT_REVISION_BRANCH, "main"},
                  {GIT_REVISION_REF, "-x \"odd\"..\n"}},
    .revision_count = 3,
    .tree = "/state/trees/x",
    .commit = COMMIT,
    .owner = 1000,
    .owner_group = 1001,
};

/* --- the job ---------------------------------------------------------------------------------- */

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
    assert_string_equal(job.username, full_job.username);
    assert_string_equal(job.token, full_job.token);
    assert_string_equal(job.ssh_key, full_job.ssh_key);
    assert_string_equal(job.known_hosts, full_job.known_hosts);
    assert_string_equal(job.proxy, full_job.proxy);
    assert_int_equal(job.max_bytes, full_job.max_bytes);
    assert_true(job.is_offline);
    assert_int_equal(job.run_as, full_job.run_as);
    assert_int_equal(job.revision_count, full_job.revision_count);
    for (size_t i = 0; i < job.revision_count; i++) {
        assert_int_equal(job.revisions[i].kind, full_job.revisions[i].kind);
        assert_true(text_equal(job.revisions[i].name, full_job.revisions[i].name));
    }
    assert_string_equal(job.tree, full_job.tree);
    assert_string_equal(job.commit, full_job.commit);
    assert_int_equal(job.owner, full_job.owner);
    assert_int_equal(job.owner_group, full_job.owner_group);
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
    assert_int_equal(job.revision_count, 0);
    assert_null(job.tree);
    assert_null(job.commit);
    assert_null(job.proxy);
    assert_null(job.username);
    assert_null(job.token);
    assert_null(job.ssh_key);
    assert_null(job.known_hosts);
    assert_int_equal(job.max_bytes, 0);
    assert_false(job.is_offline);
}

static void as_many_revisions_as_may_be_fit_into_a_job(void **state)
{
    struct git_job job = {.url = "u", .mirror = "/m/r.git", .revision_count = GIT_REVISIONS_MAX};
    auto_free char *name = xmalloc(1025);
    auto_free char *text = NULL;
    json_auto_t *json = NULL;
    struct git_job again;
    struct error err = {0};

    (void)state;
    memset(name, '\\', 1024);
    name[1024] = '\0';
    for (size_t i = 0; i < GIT_REVISIONS_MAX; i++) {
        job.revisions[i] = (struct git_revision){GIT_REVISION_REF, name};
    }
    assert_int_equal(git_job_to_json(&job, &json, &err), 0);
    text = json_dumps(json, JSON_COMPACT);
    assert_true(strlen(text) < GIT_JOB_MAX / 2);
    assert_int_equal(git_job_from_json(json, &again, &err), 0);
    assert_int_equal(again.revision_count, GIT_REVISIONS_MAX);
}

static void a_text_that_is_not_utf8_is_an_error_and_not_forgotten(void **state)
{
    const struct git_job bad = {.url = "git://h/r",
                                .mirror = "/m/r.git",
                                .token = "a\xff"
                                         "b"};
    const struct git_job bad_revision = {.url = "git://h/r",
                                         .mirror = "/m/r.git",
                                         .revisions = {{GIT_REVISION_BRANCH, "caf\xe9"}},
                                         .revision_count = 1};
    json_t *json = NULL;
    struct error err = {0};

    (void)state;
    assert_int_equal(git_job_to_json(&bad, &json, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_non_null(strstr(err.message, "token"));
    assert_null(json);
    error_clear(&err);
    assert_int_equal(git_job_to_json(&bad_revision, &json, &err), -1);
    assert_non_null(strstr(err.message, "revision"));
    assert_null(json);
}

#define START(mirror)                                                                              \
    "{'url':'u','mirror':'" mirror "','maxBytes':1,'isOffline':false,'runAs':0,'owner':0,"         \
    "'ownerGroup':0"
#define EIGHT "1,1,1,1,1,1,1,1"
#define MANY EIGHT "," EIGHT "," EIGHT "," EIGHT "," EIGHT "," EIGHT "," EIGHT "," EIGHT

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
        {START("/m/a") "}", "revisions"},
        {START("/m/a") ",'revisions':{}}", "revisions"},
        {START("/m/a") ",'revisions':[" MANY ",1]}", "at most 64"},
        {START("/m/a") ",'revisions':[1]}", "a revision"},
        {START("/m/a") ",'revisions':[{}]}", "a revision"},
        {START("/m/a") ",'revisions':[{'kind':'branch'}]}", "a revision"},
        {START("/m/a") ",'revisions':[{'kind':'head','name':'x'}]}", "a revision"},
        {START("/m/a") ",'revisions':[{'kind':'tag','name':'x'}]}", "a revision"},
        {START("/m/a") ",'revisions':[{'kind':'ref','name':1}]}", "a revision"},
        {START("/m/a") ",'revisions':[{'kind':'ref','name':'x','more':1}]}", "a revision"},
        {START("/m/a") ",'revisions':[],'tree':'/b'}", "come together"},
        {START("/m/a") ",'revisions':[],'commit':'" COMMIT "'}", "come together"},
        {START("/m/a") ",'revisions':[],'tree':'/b','commit':'0123'}", "commit"},
        {START("/m/a") ",'revisions':[],'tree':'/m/a/b','commit':'" COMMIT "'}",
         "in the directory"},
        {START("/m/a") ",'revisions':[],'tree':'/m/b','commit':'" COMMIT "'}", "in the directory"},
        {START("/n/m/a") ",'revisions':[],'tree':'/n','commit':'" COMMIT "'}", "above it"},
        {START("/a") ",'revisions':[]}", "no directory of its own"},
        {"{'url':'u','mirror':'/a','maxBytes':-1}", "maxBytes"},
        {"{'url':'u','mirror':'/a','maxBytes':1.5}", "maxBytes"},
        {"{'url':'u','mirror':'/a','maxBytes':1,'isOffline':0}", "isOffline"},
        {"{'url':'u','mirror':'/a','maxBytes':1,'isOffline':false,'runAs':-1}", "runAs"},
        {"{'url':'u','mirror':'/a','maxBytes':1,'isOffline':false,'runAs':4294967295}", "runAs"},
        {"{'url':'u','mirror':'/a','maxBytes':1,'isOffline':false,'runAs':0,'owner':'x'}", "owner"},
        {"{'url':'u','mirror':'/a','maxBytes':1,'isOffline':false,'runAs':0,'owner':0,"
         "'ownerGroup':-1}",
         "ownerGroup"},
        {"{'url':'u','mirror':'/a','branch':'main'}", "branch"},
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
        if (git_job_from_json(json, &job, &err) == 0) {
            fail_msg("taken: %s", rows[i].text);
        }
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

/* --- lines of the child ----------------------------------------------------------------------- */

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
    const struct git_result in = {.head_branch = "feature/\"quoted\"-\xc3\xa4",
                                  .head_commit = COMMIT,
                                  .received_bytes = 7,
                                  .found = {{.commit = COMMIT}, {.message = "no branch \"x\""}},
                                  .found_count = 2,
                                  .config_commit = COMMIT,
                                  .tree_files = 8,
                                  .tree_bytes = 9,
                                  .has_lfs = true};
    auto_free char *line = git_result_to_line(&in);
    struct git_result out;

    (void)state;
    must_parse(line, GIT_LINE_RESULT, NULL, &out, NULL);
    assert_string_equal(out.head_branch, in.head_branch);
    assert_string_equal(out.head_commit, in.head_commit);
    assert_int_equal(out.received_bytes, 7);
    assert_int_equal(out.found_count, 2);
    assert_string_equal(out.found[0].commit, COMMIT);
    assert_string_equal(out.found[0].message, "");
    assert_string_equal(out.found[1].commit, "");
    assert_string_equal(out.found[1].message, "no branch \"x\"");
    assert_string_equal(out.config_commit, COMMIT);
    assert_int_equal(out.tree_files, 8);
    assert_int_equal(out.tree_bytes, 9);
    assert_false(out.has_submodules);
    assert_true(out.has_lfs);
}

static void the_largest_result_fits_into_a_line(void **state)
{
    struct git_result in = {.found_count = GIT_REVISIONS_MAX,
                            .received_bytes = INT64_MAX,
                            .tree_files = INT64_MAX,
                            .tree_bytes = INT64_MAX,
                            .head_commit = COMMIT,
                            .config_commit = COMMIT};
    auto_free char *line = NULL;
    struct git_result out;

    (void)state;
    memset(in.head_branch, '"', sizeof(in.head_branch) - 1);
    for (size_t i = 0; i < GIT_REVISIONS_MAX; i++) {
        memset(in.found[i].message, '\\', sizeof(in.found[i].message) - 1);
    }
    line = git_result_to_line(&in);
    must_parse(line, GIT_LINE_RESULT, NULL, &out, NULL);
    assert_int_equal(out.found_count, GIT_REVISIONS_MAX);
    assert_string_equal(out.found[GIT_REVISIONS_MAX - 1].message, in.found[0].message);
    assert_string_equal(out.head_branch, in.head_branch);
}

static void what_is_not_utf8_in_a_result_does_not_spoil_it(void **state)
{
    const struct git_result in = {.head_branch = "caf\xe9",
                                  .head_commit = COMMIT,
                                  .found = {{.message = "no branch\n\"caf\xe9\""}},
                                  .found_count = 1};
    auto_free char *line = git_result_to_line(&in);
    struct git_result out;

    (void)state;
    must_parse(line, GIT_LINE_RESULT, NULL, &out, NULL);
    assert_string_equal(out.head_branch, "");
    assert_string_equal(out.head_commit, COMMIT);
    assert_string_equal(out.found[0].message, "no branch \"caf?\"");
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

#define RESULT(branch, commit, received, found, config, files)                                     \
    "R {\"headBranch\":\"" branch "\",\"headCommit\":\"" commit "\",\"receivedBytes\":" received   \
    ",\"found\":" found ",\"configCommit\":\"" config                                              \
    "\",\"treeBytes\":1,\"hasSubmodules\":false,\"hasLfs\":false,\"treeFiles\":" files "}"
#define FOUND(commit, message) "[{\"commit\":\"" commit "\",\"message\":\"" message "\"}]"

/* So that what the lines below are refused for is the one thing that is wrong with each. */
static void a_result_like_those_that_are_refused_is_taken(void **state)
{
    auto_free char *line =
        xstrdup(RESULT("main", COMMIT, "1", FOUND("", "none"), COMMIT, "1") "\n");
    struct git_result result;

    (void)state;
    must_parse(line, GIT_LINE_RESULT, NULL, &result, NULL);
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
        RESULT("main", COMMIT, "1", "[]", COMMIT, "1") " x",
        RESULT("main", COMMIT, "1", "[]", COMMIT, "1,\"more\":1"),
        RESULT("a\\nb", COMMIT, "1", "[]", COMMIT, "1"),
        RESULT("main", "short", "1", "[]", COMMIT, "1"),
        RESULT("main", COMMIT, "-1", "[]", COMMIT, "1"),
        RESULT("main", COMMIT, "1", "[]", "0123456789ABCDEF0123456789ABCDEF01234567", "1"),
        RESULT("main", COMMIT, "1", "[]", COMMIT, "-1"),
        RESULT("main", COMMIT, "1", "{}", COMMIT, "1"),
        RESULT("main", COMMIT, "1", "[1]", COMMIT, "1"),
        RESULT("main", COMMIT, "1", FOUND("", ""), COMMIT, "1"),
        RESULT("main", COMMIT, "1", FOUND(COMMIT, "both"), COMMIT, "1"),
        RESULT("main", COMMIT, "1", FOUND("short", ""), COMMIT, "1"),
        RESULT("main", COMMIT, "1", FOUND("", "two\\nlines"), COMMIT, "1"),
        RESULT("main", COMMIT, "1", "[" MANY ",1]", COMMIT, "1"),
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
        cmocka_unit_test(as_many_revisions_as_may_be_fit_into_a_job),
        cmocka_unit_test(a_text_that_is_not_utf8_is_an_error_and_not_forgotten),
        cmocka_unit_test(a_job_that_is_none_is_refused),
        cmocka_unit_test(no_secret_of_the_job_stays_in_a_text),
        cmocka_unit_test(progress_comes_out_as_it_went_in),
        cmocka_unit_test(a_result_comes_out_as_it_went_in),
        cmocka_unit_test(the_largest_result_fits_into_a_line),
        cmocka_unit_test(what_is_not_utf8_in_a_result_does_not_spoil_it),
        cmocka_unit_test(the_kind_of_a_failure_follows_from_its_reason),
        cmocka_unit_test(any_failure_makes_a_clean_line),
        cmocka_unit_test(the_longest_failure_still_makes_a_line),
        cmocka_unit_test(a_result_like_those_that_are_refused_is_taken),
        cmocka_unit_test(a_line_that_has_no_meaning_is_an_error),
        cmocka_unit_test(a_line_that_is_too_long_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
