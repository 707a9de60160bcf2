#include "base/map.h"
#include "base/parse.h"
#include "specs/reason.h"
#include "specs/repo_url.h"
#include "specs/types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void all_spellings_of_one_repository_are_one(void **state)
{
    static const char *const rows[] = {
        "https://github.com/org/project",       "https://github.com/org/project.git",
        "https://github.com/org/project/",      "https://github.com/org/project.git/",
        "https://github.com//org//project",     "https://GitHub.COM/org/project",
        "HTTPS://github.com/org/project",       "https://github.com:443/org/project",
        "https://alice@github.com/org/project", "http://github.com/org/project",
        "http://github.com:80/org/project.git", "git://github.com/org/project",
        "git://github.com:9418/org/project",    "git@github.com:org/project.git",
        "git@github.com:/org/project",          "github.com:org/project",
        "ssh://git@github.com/org/project",     "ssh://github.com:22/org/project.git",
    };
    char first[REPO_CONTAINER_NAME_SIZE] = "";

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(repo_url) url = {0};
        struct error err = {0};
        char name[REPO_CONTAINER_NAME_SIZE];

        if (repo_url_parse(rows[i], &url, &err) < 0) {
            fail_msg("%s: %s", rows[i], err.message);
        }
        assert_string_equal(url.canonical, "github.com/org/project");
        assert_string_equal(url.text, rows[i]);
        assert_string_equal(url.owner, "org");
        assert_string_equal(url.name, "project");
        repo_url_container_name(&url, name);
        if (i == 0) {
            memcpy(first, name, sizeof(first));
        }
        assert_string_equal(name, first);
    }
}

static void other_hosts_ports_and_paths_are_other_repositories(void **state)
{
    static const struct {
        const char *text, *canonical;
    } rows[] = {
        {"https://gitlab.com/org/project", "gitlab.com/org/project"},
        {"https://github.com:8443/org/project", "github.com:8443/org/project"},
        {"ssh://git@github.com:2222/org/project", "github.com:2222/org/project"},
        {"http://github.com:443/org/project", "github.com:443/org/project"},
        {"https://github.com/Org/project", "github.com/Org/project"},
        {"https://github.com/org/project.github.io", "github.com/org/project.github.io"},
        {"https://github.com/group/sub/project", "github.com/group/sub/project"},
        {"https://dev.azure.com/org/My%20Project/_git/repo",
         "dev.azure.com/org/My%20Project/_git/repo"},
        {"https://[2001:DB8::1]:8443/r", "[2001:db8::1]:8443/r"},
        {"git@[::1]:r", "[::1]/r"},
        {"file:///srv/git/project.git", "file:///srv/git/project"},
        {"file:///srv/git/project/.git", "file:///srv/git/project"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(repo_url) url = {0};
        struct error err = {0};

        if (repo_url_parse(rows[i].text, &url, &err) < 0) {
            fail_msg("%s: %s", rows[i].text, err.message);
        }
        assert_string_equal(url.canonical, rows[i].canonical);
    }
}

static void the_parts_are_told_as_a_client_needs_them(void **state)
{
    auto_done(repo_url) url = {0};
    auto_done(repo_url) scp = {0};
    auto_done(repo_url) file = {0};
    struct error err = {0};

    (void)state;
    assert_int_equal(repo_url_parse("HTTPS://Git.Example.com:8443/a/b/c.git", &url, &err), 0);
    assert_string_equal(url.scheme, "https");
    assert_string_equal(url.host, "git.example.com");
    assert_string_equal(url.path, "/a/b/c.git");
    assert_string_equal(url.owner, "b");
    assert_string_equal(url.name, "c");
    assert_int_equal(repo_url_parse("git@example.com:project.git", &scp, &err), 0);
    assert_string_equal(scp.scheme, "ssh");
    assert_string_equal(scp.path, "/project.git");
    assert_string_equal(scp.owner, "example.com");
    assert_string_equal(scp.name, "project");
    assert_int_equal(repo_url_parse("file:///project", &file, &err), 0);
    assert_string_equal(file.scheme, "file");
    assert_string_equal(file.host, "");
    assert_string_equal(file.owner, "file");
}

static void what_cannot_be_cloned_from_is_refused_with_a_reason(void **state)
{
    static const char *const rows[] = {
        "",
        "project",
        "org/project",
        "/srv/git/project",
        "./project",
        "../project",
        "ftp://h/o/r",
        "javascript://h/o",
        "https://",
        "https:///o/r",
        "https://h",
        "https://h/",
        "https://h/.git",
        "https://h//",
        "git@h:",
        ":o/r",
        "git@:o/r",
        "@h:o/r",
        "https://@h/o/r",
        "https://h/o/r?x",
        "https://h/o/r#x",
        "https://h/o/../r",
        "https://h/./r",
        "https://h/..",
        "https://h/o/..git",
        "https://h/o/...git",
        "https://h/%2e%2e/r",
        "https://h/%2E./r",
        "https://h/a%2fb",
        "https://h/a%00b",
        "https://h/a%0ab",
        "https://h/a%zz",
        "https://h/a%",
        "https://h/a%4",
        "https://h/a%25b",
        "https://h/a\\b",
        "https://h/a b",
        "https://h/a\tb",
        "https://h/a\nb",
        "https://h/\x1b[31m",
        "https://h/\xff",
        "https://h/o\xc2\x85r",     /* NEL, an end of line in YAML */
        "https://h/o\xe2\x80\xa8r", /* LINE SEPARATOR */
        "https://h/o\xe2\x80\xaer", /* RIGHT-TO-LEFT OVERRIDE */
        "https://h/o\xef\xbb\xbfr", /* BYTE ORDER MARK */
        "https://-h/o/r",
        "https://h/-o/r",
        "-oProxyCommand=x",
        "git@-h:o/r",
        "git@h:-o/r",
        "-x@h:o/r",
        "ssh://-oProxyCommand=x/r",
        "https://h_$x/o/r",
        "https://h:0/o/r",
        "https://h:65536/o/r",
        "https://h:x/o/r",
        "https://h:080/o/r",
        "https://h:123456789/o/r",
        "https://[::1/r",
        "https://[x]/r",
        "file://h/srv/r",
        "file://localhost/srv/r",
        "file:///",
        "https://a b@h/o/r",
        "https://a@b@h/o/r",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct repo_url url = {.text = NULL};
        struct error err = {0};

        if (repo_url_parse(rows[i], &url, &err) == 0) {
            fail_msg("\"%s\" was taken", rows[i]);
        }
        assert_null(url.text);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_string_equal(err.reason, REASON_INVALID_URL);
        assert_true(text_is_clean_utf8(err.message, strlen(err.message)));
        assert_null(strchr(err.message, '\n'));
    }
}

static void a_secret_in_a_url_is_refused_and_never_repeated(void **state)
{
    static const char *const rows[] = {
        "https://alice:hunter2@github.com/org/project",
        "https://:hunter2@github.com/org/project",
        "https://hunter2:@github.com/org/project",
        "https://ghp_hunter2@github.com/org/project",
        "https://github_pat_hunter2@github.com/org/project",
        "https://glpat-hunter2@gitlab.com/org/project",
        "https://hunter2hunter2hunter2hunter2hunter2@h/o/r",
        "ssh://git:hunter2@h/o/r",
        "alice:hunter2@h:o/r",
        "alice:hunter2@h/o/r",
        "ftp://alice:hunter2@h/o/r",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct repo_url url = {.text = NULL};
        struct error err = {0};

        assert_int_equal(repo_url_parse(rows[i], &url, &err), -1);
        assert_true(err.message[0] != '\0');
        if (strstr(err.message, "hunter2") != NULL) {
            fail_msg("\"%s\" shows the secret", err.message);
        }
    }
}

static void a_url_has_a_longest_length(void **state)
{
    char text[2100] = "https://h/";
    size_t start = strlen(text);
    auto_done(repo_url) url = {0};
    struct error err = {0};

    (void)state;
    memset(text + start, 'a', 2048 - start);
    assert_int_equal(repo_url_parse(text, &url, &err), 0);
    text[2048] = 'a';
    assert_int_equal(repo_url_parse(text, &url, &err), -1);
}

static void container_names_are_readable_and_valid_object_names(void **state)
{
    static const struct {
        const char *text, *prefix;
    } rows[] = {
        {"https://github.com/Org/My_Project.js", "repo-org-my-project-js-"},
        {"https://github.com/-/x", NULL}, /* refused: a part that starts with '-' */
        {"https://github.com/_/_", "repo-"},
        {"https://h/\xe4\xbd\xa0/\xe5\xa5\xbd", "repo-"},
        {"https://h/a--b/c..d", "repo-a-b-c-d-"},
        {"https://h/1/2", "repo-1-2-"},
        {"https://h/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/r",
         "repo-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-r-"},
        {"https://h/o/rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr",
         "repo-o-rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr-"},
        {"https://h/oooooooooooooooooooooooooooooooooo/rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr",
         "repo-ooooooooooooooooooooooooo-rrrrrrrrrrrrrrrrrrrrrrrrr-"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(repo_url) url = {0};
        struct error err = {0};
        char name[REPO_CONTAINER_NAME_SIZE];

        if (rows[i].prefix == NULL) {
            assert_int_equal(repo_url_parse(rows[i].text, &url, &err), -1);
            continue;
        }
        assert_int_equal(repo_url_parse(rows[i].text, &url, &err), 0);
        repo_url_container_name(&url, name);
        if (!text_has_prefix(name, rows[i].prefix) || !object_name_is_valid(name) ||
            strstr(name, "--") != NULL) {
            fail_msg("%s gives %s", rows[i].text, name);
        }
    }
}

static void two_repositories_that_look_alike_have_two_container_names(void **state)
{
    auto_done(repo_url) one = {0};
    auto_done(repo_url) other = {0};
    struct error err = {0};
    char name[REPO_CONTAINER_NAME_SIZE], other_name[REPO_CONTAINER_NAME_SIZE];

    (void)state;
    assert_int_equal(repo_url_parse("https://a.example/org/my-project", &one, &err), 0);
    assert_int_equal(repo_url_parse("https://a.example/org/my.project", &other, &err), 0);
    repo_url_container_name(&one, name);
    repo_url_container_name(&other, other_name);
    assert_true(text_has_prefix(name, "repo-org-my-project-"));
    assert_true(text_has_prefix(other_name, "repo-org-my-project-"));
    assert_string_not_equal(name, other_name);
}

static void the_container_of_a_branch_is_named_after_it(void **state)
{
    static const struct {
        const char *text, *branch, *prefix;
    } rows[] = {
        {"https://h/Org/My_Project", "main", "repo-org-my-project-main-"},
        {"https://h/o/r", "feature/Login_2", "repo-o-r-feature-login-2-"},
        {"https://h/o/r", "\xe4\xbd\xa0", "repo-o-r-"},
        {"https://h/_/_", "_", "repo-"},
        {"https://h/o/r", "release/2024.10/a-branch-that-is-as-long-as-people-write-them",
         "repo-o-r-release-2024-10-a-branch-that-is-as-long-as-peo-"},
        {"https://h/oooooooooooooooooooooooooooooooooo/rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr",
         "main", "repo-oooooooooooooooo-rrrrrrrrrrrrrrrrrrrrrrrrrrrrr-main-"},
        {"https://h/oooooooooooooooooooooooooooooooooo/rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr",
         "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
         "repo-oooooooooooooooo-rrrrrrrrrrrrrrrr-bbbbbbbbbbbbbbbbb-"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(repo_url) url = {0};
        struct error err = {0};
        char name[REPO_CONTAINER_NAME_SIZE];

        assert_int_equal(repo_url_parse(rows[i].text, &url, &err), 0);
        repo_url_branch_container_name(&url, rows[i].branch, name);
        if (!text_has_prefix(name, rows[i].prefix) || !object_name_is_valid(name) ||
            strstr(name, "--") != NULL) {
            fail_msg("%s of %s gives %s", rows[i].branch, rows[i].text, name);
        }
    }
}

static void assert_new_name(struct map *names, const char *name, const char *what)
{
    const char *other = map_put(names, name, (void *)(uintptr_t)what);

    if (!object_name_is_valid(name) || other != NULL) {
        fail_msg("%s is the name of \"%s\" and of \"%s\"", name, what, other);
    }
}

/*
 * Branches that are alike once they are cut or in lower case, in repositories that are alike too.
 */
static void no_two_branches_share_a_container(void **state)
{
    static const char *const repositories[] = {
        "https://h/o/r",
        "https://h/o/r-main",
        "https://h/o-r/main",
        "https://h/o/r_main",
        "https://h:444/o/r",
        "https://h/oooooooooooooooooooooooooooooooooooooooooo/rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr",
    };
    static const char *const branches[] = {
        "main",
        "Main",
        "MAIN",
        "main-",
        "main_",
        "main+",
        "-main",
        "main#",
        "m#ain",
        "#main",
        "m/ain",
        "m-ain",
        "m_ain",
        "m.ain",
        "m,ain",
        "a/b/c",
        "a-b/c",
        "a/b-c",
        "A/b/c",
        "a.b.c",
        "main-4",
        "main/4",
        "4",
        "_",
        "__",
        "\xc3\xa4",
        "\xc3\x84",
        "r-main",
        "o/r",
        "o/r/main",
        "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb1",
        "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb2",
    };
    auto_done(map) names = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(repositories); i++) {
        auto_done(repo_url) url = {0};
        struct error err = {0};
        char name[REPO_CONTAINER_NAME_SIZE];

        assert_int_equal(repo_url_parse(repositories[i], &url, &err), 0);
        assert_new_name(&names, repo_url_container_name(&url, name), repositories[i]);
        for (size_t k = 0; k < ARRAY_SIZE(branches); k++) {
            assert_new_name(&names, repo_url_branch_container_name(&url, branches[k], name),
                            branches[k]);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_spellings_of_one_repository_are_one),
        cmocka_unit_test(other_hosts_ports_and_paths_are_other_repositories),
        cmocka_unit_test(the_parts_are_told_as_a_client_needs_them),
        cmocka_unit_test(what_cannot_be_cloned_from_is_refused_with_a_reason),
        cmocka_unit_test(a_secret_in_a_url_is_refused_and_never_repeated),
        cmocka_unit_test(a_url_has_a_longest_length),
        cmocka_unit_test(container_names_are_readable_and_valid_object_names),
        cmocka_unit_test(two_repositories_that_look_alike_have_two_container_names),
        cmocka_unit_test(the_container_of_a_branch_is_named_after_it),
        cmocka_unit_test(no_two_branches_share_a_container),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
