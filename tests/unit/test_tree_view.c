#include "cli/tree_view.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* after its friends, which it needs */
#include <cmocka.h>

static json_t *document(const char *kind, const char *name, const char *status)
{
    json_t *value = json_loads(status, 0, NULL);

    assert_non_null(value);
    return json_pack("{s:s, s:{s:s}, s:o}", "kind", kind, "metadata", "name", name, "status",
                     value);
}

static json_t *world(void)
{
    json_t *list = json_array(),
           *member = document("Instance", "build-0", "{\"phase\":\"RUNNING\"}");

    json_object_set_new(member, "pool", json_string("build"));
    json_array_append_new(list,
                          document("Task", "a",
                                   "{\"phase\":\"Running\",\"task\":{\"repository\":\"h/one\","
                                   "\"repositoryContainer\":\"repo-one\",\"pool\":\"build\","
                                   "\"instance\":\"build-0\"}}"));
    json_array_append_new(list,
                          document("Task", "b",
                                   "{\"phase\":\"Pending\",\"task\":{\"repository\":\"h/one\","
                                   "\"repositoryContainer\":\"repo-one\",\"pool\":\"build\"}}"));
    json_array_append_new(list,
                          document("Task", "c",
                                   "{\"phase\":\"Running\",\"task\":{\"repository\":\"h/one\","
                                   "\"repositoryContainer\":\"repo-one-x\"}}"));
    json_array_append_new(list,
                          document("Task", "d",
                                   "{\"phase\":\"Succeeded\",\"task\":{\"repository\":\"h/two\","
                                   "\"repositoryContainer\":\"repo-two\"}}"));
    json_array_append_new(list,
                          document("Task", "e",
                                   "{\"phase\":\"Running\",\"task\":{\"repository\":\"h/two\","
                                   "\"repositoryContainer\":\"repo-two\"}}"));
    json_array_append_new(list, document("Task", "f", "{\"phase\":\"Invalid\"}"));
    json_array_append_new(
        list,
        document("Repository", "one",
                 "{\"phase\":\"RUNNING\",\"container\":{\"name\":\"repo-one\"},\"repository\":"
                 "{\"url\":\"h/one\",\"instance\":\"build-0\",\"branches\":[{\"container\":"
                 "\"repo-one-x\",\"phase\":\"STAGING\",\"reason\":\"Starting\"}]}}"));
    json_array_append_new(list, member);
    json_array_append_new(list, document("InstancePool", "build", "{\"phase\":\"RUNNING\"}"));
    json_array_append_new(list, document("SpecFile", "x.yaml", "{\"phase\":\"Invalid\"}"));
    return list;
}

static void assert_lines(const struct get_selection *selection, bool is_utf8, const char *expected)
{
    json_auto_t *documents = world(), *roots = tree_view_build(documents, selection);
    struct tree_look look = {.has_no_headers = true, .is_utf8 = is_utf8};
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    tree_view_print(roots, &look, out);
    fclose(out);
    assert_string_equal(text, expected);
    free(text);
}

static void everything_is_below_what_it_is_in(void **state)
{
    (void)state;
    assert_lines(&(struct get_selection){0}, false,
                 "instancepool/build              RUNNING     -\n"
                 "|- instance/build-0             RUNNING     -\n"
                 "|  `- repository/one            RUNNING     -\n"
                 "|     |- container/repo-one-x   STAGING     Starting\n"
                 "|     |  `- task/c              Running     -\n"
                 "|     `- task/a                 Running     -\n"
                 "`- task/b                       Pending     -\n"
                 "container/repo-two              -           -\n"
                 "|- task/d                       Succeeded   -\n"
                 "`- task/e                       Running     -\n"
                 "task/f                          Invalid     -\n"
                 "specfile/x.yaml                 Invalid     -\n");
}

static void what_is_asked_for_is_shown_with_its_way_and_all_below(void **state)
{
    struct get_name names[] = {{.kind = "Task", .name = "a"}, {.kind = "Task", .name = "e"}};

    (void)state;
    assert_lines(&(struct get_selection){.names = names, .count = 2}, true,
                 "instancepool/build     RUNNING   -\n"
                 "└─ instance/build-0    RUNNING   -\n"
                 "   └─ repository/one   RUNNING   -\n"
                 "      └─ task/a        Running   -\n"
                 "container/repo-two     -         -\n"
                 "└─ task/e              Running   -\n");
    assert_lines(&(struct get_selection){.kinds = {[KIND_REPOSITORY] = true}}, true,
                 "instancepool/build              RUNNING   -\n"
                 "└─ instance/build-0             RUNNING   -\n"
                 "   └─ repository/one            RUNNING   -\n"
                 "      ├─ container/repo-one-x   STAGING   Starting\n"
                 "      │  └─ task/c              Running   -\n"
                 "      └─ task/a                 Running   -\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_below_what_it_is_in),
        cmocka_unit_test(what_is_asked_for_is_shown_with_its_way_and_all_below),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
