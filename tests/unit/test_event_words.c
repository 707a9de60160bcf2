#include "controller/event_words.h"

#include "base/cleanup.h"
#include "reconcilers/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MAX = 6 };

static void a_line_of_the_log_becomes_an_event(void **state)
{
    static const struct {
        enum log_level level;
        const char *log_event;
        struct log_field fields[MAX];
        const char *kind, *name, *reason, *message;
        bool is_warning;
    } rows[] = {
        {LOG_DEBUG,
         "action_done",
         {{"key", "Instance/web"},
          {"action", "create container"},
          {"target", "web"},
          {"cause", "there is none"}},
         "Instance",
         "web",
         "CreatedContainer",
         "created container web: there is none",
         false},
        {LOG_DEBUG,
         "action_done",
         {{"key", "Instance/web"}, {"action", "pull image"}, {"target", "app:9"}, {"took", "3.2s"}},
         "Instance",
         "web",
         "PulledImage",
         "pulled image app:9 in 3.2s",
         false},
        {LOG_WARN,
         "action_failed",
         {{"key", "Instance/web"},
          {"action", "pull image"},
          {"target", "app:9"},
          {"reason", "ImagePullFailed"},
          {"error", "no such host"}},
         "Instance",
         "web",
         "ImagePullFailed",
         "pull image app:9: no such host",
         true},
        {LOG_INFO,
         "action_failed",
         {{"key", "Instance/web"}, {"action", "read log"}, {"target", "web"}, {"error", "no"}},
         "Instance",
         "web",
         "ActionFailed",
         "read log web: no",
         false},
        {LOG_INFO,
         "phase",
         {{"key", "Instance/web"},
          {"phase", "REPAIRING"},
          {"reason", "CrashLoopBackOff"},
          {"message", "exit code 1"}},
         "Instance",
         "web",
         "CrashLoopBackOff",
         "REPAIRING: exit code 1",
         true},
        {LOG_INFO,
         "phase",
         {{"key", "Task/t"}, {"phase", "Succeeded"}, {"reason", "Completed"}},
         "Task",
         "t",
         "Completed",
         "Succeeded",
         false},
        {LOG_INFO,
         "probe",
         {{"key", "Instance/web"}, {"probe", "readiness"}, {"result", "failure"}},
         "Instance",
         "web",
         "ProbeFailed",
         "readiness probe",
         true},
        {LOG_INFO,
         "probe",
         {{"key", "Instance/web"}, {"probe", "readiness"}, {"result", "success"}},
         "Instance",
         "web",
         "ProbeSucceeded",
         "readiness probe",
         false},
        {LOG_INFO,
         "member_added",
         {{"key", "Instance/pool-1"}, {"pool", "pool"}, {"cause", "one is too few"}},
         "InstancePool",
         "pool",
         "MemberAdded",
         "Instance/pool-1: one is too few",
         false},
        {LOG_WARN,
         "spec_invalid",
         {{"error", "a.yaml:1:1: no"}, {"file", "a.yaml"}, {"key", "Task/t"}},
         "Task",
         "t",
         "InvalidSpec",
         "a.yaml:1:1: no",
         true},
        {LOG_WARN,
         "spec_invalid",
         {{"error", "a.yaml:1:1: no"}, {"file", "a.yaml"}},
         "SpecFile",
         "a.yaml",
         "InvalidSpec",
         "a.yaml:1:1: no",
         true},
        {LOG_WARN,
         "engine_unavailable",
         {{"address", "unix:///x"}, {"error", "refused"}},
         "Controller",
         "berth",
         "EngineUnavailable",
         "unix:///x: refused",
         true},
        {LOG_WARN,
         "something_new",
         {{"key", "Task/t"}, {"error", "no"}, {"hint", "wait"}},
         "Task",
         "t",
         "SomethingNew",
         "error: no; hint: wait",
         true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(event_words) words = {0};
        size_t count = 0;

        while (count < MAX && rows[i].fields[count].name != NULL) {
            count++;
        }
        assert_true(
            event_words_of(rows[i].level, rows[i].log_event, rows[i].fields, count, &words));
        assert_string_equal(words.kind, rows[i].kind);
        assert_string_equal(words.name, rows[i].name);
        assert_string_equal(words.reason, rows[i].reason);
        assert_string_equal(words.message, rows[i].message);
        assert_int_equal(words.is_warning, rows[i].is_warning);
    }
}

static void what_only_the_log_is_for_is_no_event(void **state)
{
    struct event_words words;
    struct log_field field = {"key", "Instance/web"};

    (void)state;
    assert_false(event_words_of(LOG_DEBUG, "engine_event", &field, 1, &words));
    assert_false(event_words_of(LOG_INFO, "action", &field, 1, &words));
    field = (struct log_field){"action", "read log"};
    assert_false(event_words_of(LOG_DEBUG, "action_done", &field, 1, &words));
}

static void a_key_that_is_none_is_the_controllers(void **state)
{
    static const char *const keys[] = {"web", "/web", "Instance/", ""};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        struct log_field field = {"key", keys[i]};
        auto_done(event_words) words = {0};

        assert_true(event_words_of(LOG_WARN, "broken", &field, 1, &words));
        assert_string_equal(words.kind, "Controller");
        assert_string_equal(words.name, "berth");
    }
}

/* Their verbs are in a table that no compiler compares with the actions. */
static void every_action_has_a_past(void **state)
{
    static const char *const pasts[] = {
        "leased port",        "released ports",     "quarantined ports",
        "built idle image",   "pulled image",       "created network",
        "connected network",  "limited machine",    "disconnected network",
        "created container",  "started container",  "ran postStart hook",
        "ran preStop hook",   "stopped container",  "paused container",
        "unpaused container", "released container", "removed container",
        "read log",           "fetched mirror",     "looked up revisions in",
        "removed mirror",     "made snapshot",      "prepared trees of",
        "made tree",          "inspected tree",     "removed tree",
        "ran setup in",       "froze tree",         "committed image",
        "removed log of",     "removed workspace",  "started task",
        "stopped task",       "removed task",
    };

    (void)state;
    assert_int_equal(ARRAY_SIZE(pasts), ACTION_REMOVE_TASK + 1);
    for (size_t i = 0; i < ARRAY_SIZE(pasts); i++) {
        bool is_found = false;

        for (enum action_type type = 0; type <= ACTION_REMOVE_TASK && !is_found; type++) {
            auto_free char *past = event_words_past(action_type_name(type));

            is_found = strcmp(past, pasts[i]) == 0;
        }
        if (!is_found) {
            fail_msg("no action is \"%s\"", pasts[i]);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_of_the_log_becomes_an_event),
        cmocka_unit_test(what_only_the_log_is_for_is_no_event),
        cmocka_unit_test(a_key_that_is_none_is_the_controllers),
        cmocka_unit_test(every_action_has_a_past),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
