#include "cli/exec_command.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

/* A target with this as its status. */
static void make_target(struct target *target, enum kind kind, const char *status)
{
    auto_free char *text = xasprintf("{\"metadata\": {\"name\": \"fix\"}, \"status\": %s}", status);

    *target = (struct target){.kind = kind, .document = json_loads(text, 0, NULL)};
    assert_non_null(target->document);
    target->name =
        json_string_value(json_object_get(json_object_get(target->document, "metadata"), "name"));
}

static void expect_body(enum kind kind, const char *status, const struct exec_wish *wish,
                        const char *expected)
{
    auto_done(target) target;
    json_auto_t *wanted = json_loads(expected, 0, NULL), *body = NULL;

    assert_non_null(wanted);
    make_target(&target, kind, status);
    body = exec_command_body(&target, wish);
    json_object_del(body, "DetachKeys");
    json_object_del(body, "AttachStdin");
    json_object_del(body, "AttachStdout");
    json_object_del(body, "AttachStderr");
    if (!json_equal(body, wanted)) {
        auto_free char *text = json_dumps(body, JSON_COMPACT);

        fail_msg("%s", text);
    }
}

static char *const ls[] = {(char[]){"ls"}, (char[]){"-l"}, NULL};

static struct exec_wish wish_of(const char *user, const char *cwd)
{
    static char *argv[3];

    memcpy(argv, ls, sizeof(argv));
    return (struct exec_wish){.argv = argv, .user = user, .cwd = cwd};
}

static void an_instance_has_what_its_container_has(void **state)
{
    struct exec_wish wish = wish_of(NULL, NULL);

    (void)state;
    expect_body(KIND_INSTANCE, "{}", &wish, "{\"Tty\": false, \"Cmd\": [\"ls\", \"-l\"]}");
    wish = wish_of("app:users", "/tmp");
    wish.has_terminal = true;
    wish.rows = 24;
    wish.columns = 80;
    expect_body(KIND_REPOSITORY, "{}", &wish,
                "{\"Tty\": true, \"Cmd\": [\"ls\", \"-l\"], \"User\": \"app:users\","
                " \"WorkingDir\": \"/tmp\", \"ConsoleSize\": [24, 80]}");
}

#define TASK                                                                                       \
    "{\"task\": {\"tree\": {\"name\": \"fix-1\"}, \"workingDirectory\": \"/workspace/fix-1\","                          \
    " \"home\": \"/workspace/.home/fix-1\", \"tmp\": \"/workspace/.tmp/fix-1\","                   \
    " \"containerUser\": \"1000:1000\", \"user\": \"alice\", \"repository\": \"https://h/o/r\","   \
    " \"links\": [\"/home/node/.npm\"],"                                                           \
    " \"ports\": [{\"name\": \"web-2\", \"containerPort\": 3001}, {\"name\": \"bad\"}]}}"
#define TASK_ENV                                                                                   \
    "\"Env\": [\"BERTH_TASK=fix\", \"BERTH_REPOSITORY=https://h/o/r\", \"BERTH_USER=alice\","      \
    " \"BERTH_PORT_WEB_2=3001\"]"

static void a_task_has_its_user_tree_home_and_guard(void **state)
{
    struct exec_wish wish = wish_of(NULL, NULL);

    (void)state;
    expect_body(KIND_TASK, TASK, &wish,
                "{\"Tty\": false, \"User\": \"1000:1000\", " TASK_ENV ","
                " \"Cmd\": [\"/.berth/runner\", \"exec\", \"--cwd\", \"/workspace/fix-1\","
                " \"--home\", \"/workspace/.home/fix-1\", \"--tmp\", \"/workspace/.tmp/fix-1\","
                " \"--link\", \"/home/node/.npm\", \"--guard\", \"/workspace\", \"--guard\","
                " \"/.berth\", \"--allow\", \"/workspace/fix-1\", \"--allow\","
                " \"/workspace/.home/fix-1\", \"--allow\", \"/workspace/.tmp/fix-1\", \"--\","
                " \"ls\", \"-l\"]}");
}

/* The guard stays, whoever asks. */
static void another_user_has_no_part_in_the_tasks_home(void **state)
{
    struct exec_wish wish = wish_of("root", "/tmp");

    (void)state;
    expect_body(KIND_TASK, TASK, &wish,
                "{\"Tty\": false, \"User\": \"root\", " TASK_ENV ","
                " \"Cmd\": [\"/.berth/runner\", \"exec\", \"--cwd\", \"/tmp\","
                " \"--guard\", \"/workspace\", \"--guard\","
                " \"/.berth\", \"--allow\", \"/workspace/fix-1\", \"--allow\","
                " \"/workspace/.home/fix-1\", \"--allow\", \"/workspace/.tmp/fix-1\", \"--\","
                " \"ls\", \"-l\"]}");
}

static void a_task_without_a_tree_of_its_own_has_what_the_container_has(void **state)
{
    struct exec_wish wish = wish_of(NULL, NULL);

    (void)state;
    expect_body(KIND_TASK, "{\"task\": {\"id\": \"fix-1\"}}", &wish,
                "{\"Tty\": false, \"Cmd\": [\"ls\", \"-l\"], \"Env\": [\"BERTH_TASK=fix\"]}");
    expect_body(
        KIND_TASK,
        "{\"task\": {\"tree\": {\"name\": \"a\"}, \"workingDirectory\": \"/workspace/a\", \"containerUser\": \"\"}}",
        &wish,
        "{\"Tty\": false, \"User\": \"0:0\", \"Env\": [\"BERTH_TASK=fix\"],"
        " \"Cmd\": [\"/.berth/runner\", \"exec\", \"--cwd\", \"/workspace/a\", \"--guard\","
        " \"/workspace\", \"--guard\", \"/.berth\", \"--allow\", \"/workspace/a\", \"--\","
        " \"ls\", \"-l\"]}");
}

static void what_does_not_run_says_what_to_do(void **state)
{
    static const struct {
        enum kind kind;
        const char *container, *message; /* NULL: it runs */
    } rows[] = {
        {KIND_TASK, "{\"State\": {\"Running\": true, \"Status\": \"running\"}}", NULL},
        {KIND_INSTANCE, "{\"State\": {\"Running\": true, \"Paused\": true}}",
         "the container of instance/fix is suspended; powerState: Running resumes it"},
        {KIND_INSTANCE, "{\"State\": {\"Running\": false, \"Status\": \"exited\"}}",
         "the container of instance/fix does not run (exited: crashes); it runs with powerState: "
         "Running"},
        {KIND_REPOSITORY, "{\"State\": {\"Running\": false, \"Status\": \"created\"}}",
         "the container of repository/fix does not run (created: crashes); it runs while a task on "
         "it is active, or always with warm: true"},
        {KIND_TASK, "{}",
         "the container of task/fix does not run (no state: crashes); it runs while a task on its "
         "repository is active; a task without a command is an open session"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(target) target;
        json_auto_t *container = json_loads(rows[i].container, 0, NULL);
        struct error err = {0};

        make_target(&target, rows[i].kind,
                    "{\"conditions\": [{\"type\": \"Ready\", \"message\": \"crashes\"}]}");
        assert_int_equal(exec_command_check(&target, container, &err),
                         rows[i].message == NULL ? 0 : -1);
        if (rows[i].message != NULL) {
            assert_string_equal(err.message, rows[i].message);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_instance_has_what_its_container_has),
        cmocka_unit_test(a_task_has_its_user_tree_home_and_guard),
        cmocka_unit_test(another_user_has_no_part_in_the_tasks_home),
        cmocka_unit_test(a_task_without_a_tree_of_its_own_has_what_the_container_has),
        cmocka_unit_test(what_does_not_run_says_what_to_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
