#include "cli/describe.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Times are minutes ago, in the middle of a minute: a test that takes long shows the same. */
enum { MINUTE_MS = 60000, HALF_MS = 30000 };

static char times[8][TIMESTAMP_SIZE];

static const char *minutes_ago(int minutes)
{
    return timestamp_format(clock_wall_ms() - (int64_t)minutes * MINUTE_MS - HALF_MS,
                            times[minutes % 8]);
}

static json_t *document_of(const char *kind, const char *name, json_t *status)
{
    return json_pack("{s:s, s:{s:s, s:{s:s}}, s:o*, s:s}", "kind", kind, "metadata", "name", name,
                     "labels", "team", "infra", "status", status, "file", "web.status.yaml");
}

static void assert_described(const struct description *description, const char *expected)
{
    auto_done(strbuf) text = {0};

    describe(description, &text);
    assert_string_equal(strbuf_text(&text), expected);
}

static void an_instance_in_a_crash_loop_is_told_in_full(void **state)
{
    struct event items[12];
    struct event_list events = {.items = items, .count = 12};
    json_auto_t *document = document_of(
        "Instance", "web",
        json_pack("{s:s, s:s, s:[{s:s, s:s, s:s, s:s, s:s}, {s:s, s:s, s:s, s:s}],"
                  " s:{s:s, s:s, s:i, s:s, s:s, s:s}, s:{s:s, s:s, s:s, s:s, s:s},"
                  " s:[{s:s, s:i, s:s, s:s, s:i}], s:{s:i, s:{s:i, s:s, s:s, s:[s, s]}},"
                  " s:[{s:s, s:s, s:s, s:s, s:i}]}",
                  "phase", "REPAIRING", "observedHash", "v1-aa", "conditions", "type", "Ready",
                  "status", "False", "reason", "CrashLoopBackOff", "message", "exited with code 1",
                  "lastTransitionTime", minutes_ago(3), "type", "ImageReady", "status", "True",
                  "reason", "ImagePresent", "lastTransitionTime", minutes_ago(5), "operation",
                  "type", "restart", "state", "PENDING", "progress", 0, "cause", "container ended",
                  "message", "waits for the next try", "startTime", minutes_ago(4), "container",
                  "id", "0123456789abcdef", "name", "web", "image", "app:9", "ip", "10.0.0.2",
                  "startedAt", minutes_ago(4), "ports", "name", "http", "containerPort", 8080,
                  "protocol", "TCP", "hostIP", "127.0.0.1", "hostPort", 20014, "restarts", "count",
                  4, "last", "exitCode", 1, "reason", "Error", "finishedAt", minutes_ago(3),
                  "logTail", "cannot bind", "bye", "history", "type", "create", "result", "DONE",
                  "cause", "container does not exist", "startTime", minutes_ago(5), "durationMs",
                  1973));
    struct description description = {
        .document = document,
        .spec_origin = "web.yaml:1",
        .spec_text = "kind: Instance\nspec:\n  image: app:9",
        .events = &events,
    };

    (void)state;
    for (unsigned i = 0; i < 12; i++) { /* two are too old to be shown, and one is another's */
        items[i] = (struct event){
            .kind = "Instance",
            .name = i == 11 ? "other" : "web",
            .reason = i == 10 ? "CrashLoopBackOff" : "StartedContainer",
            .message = i == 0 ? "the oldest" : "m",
            .is_warning = i == 10,
            .count = i == 10 ? 4 : 1,
            .first_wall_ms = clock_wall_ms() - 4 * MINUTE_MS - HALF_MS,
            .last_wall_ms = clock_wall_ms() - 2 * MINUTE_MS - HALF_MS,
        };
    }
    assert_described(&description,
                     "Name:          web\n"
                     "Kind:          Instance\n"
                     "Labels:        team=infra\n"
                     "Spec:          web.yaml:1\n"
                     "Status file:   web.status.yaml\n"
                     "Phase:         REPAIRING\n"
                     "Ready:         False\n"
                     "Why:           CrashLoopBackOff: exited with code 1\n"
                     "What to do:\n"
                     "  CrashLoopBackOff: The container ends again and again; the next start "
                     "waits. Read exit code and log lines in the status; correct image, command or "
                     "limits.\n"
                     "Operation:     restart, PENDING, 0 %: waits for the next try; begun 4m ago; "
                     "cause: container ended\n"
                     "Restarts:      4\n"
                     "Last end:      exit code 1 (Error), 3m ago\n"
                     "Its last lines:\n"
                     "  cannot bind\n"
                     "  bye\n"
                     "Ports:\n"
                     "  http   127.0.0.1:20014->8080/TCP   http://127.0.0.1:20014/\n"
                     "Container:\n"
                     "  Name:        web (0123456789ab)\n"
                     "  Image:       app:9\n"
                     "  Address:     10.0.0.2\n"
                     "  Started:     4m ago\n"
                     "Observed hash: v1-aa\n"
                     "Conditions:\n"
                     "  TYPE         STATUS   AGE   REASON             MESSAGE\n"
                     "  Ready        False    3m    CrashLoopBackOff   exited with code 1\n"
                     "  ImageReady   True     5m    ImagePresent       -\n"
                     "History:\n"
                     "  AGE   OPERATION   RESULT   TOOK    CAUSE\n"
                     "  5m    create      DONE     2.0 s   container does not exist\n"
                     "Spec in force:\n"
                     "  kind: Instance\n"
                     "  spec:\n"
                     "    image: app:9\n"
                     "Events:\n"
                     "  LAST SEEN         TYPE      REASON             MESSAGE\n"
                     "  2m                Normal    StartedContainer   m\n"
                     "  2m                Normal    StartedContainer   m\n"
                     "  2m                Normal    StartedContainer   m\n"
                     "  2m                Normal    StartedContainer   m\n"
                     "  2m                Normal    StartedContainer   m\n"
                     "  2m                Normal    StartedContainer   m\n"
                     "  2m                Normal    StartedContainer   m\n"
                     "  2m                Normal    StartedContainer   m\n"
                     "  2m                Normal    StartedContainer   m\n"
                     "  2m (x4 over 4m)   Warning   CrashLoopBackOff   m\n");
}

static void a_spec_that_nobody_has_looked_at_is_told(void **state)
{
    json_auto_t *document = document_of("Task", "t", NULL);
    struct description description = {.document = document, .spec_origin = "t.yaml:1"};

    (void)state;
    assert_described(&description, "Name:          t\n"
                                   "Kind:          Task\n"
                                   "Labels:        team=infra\n"
                                   "Spec:          t.yaml:1\n"
                                   "Status file:   web.status.yaml\n"
                                   "Phase:         no status yet: no controller has looked at it\n"
                                   "Events:        none\n");
}

static void what_is_well_has_no_advice_and_what_a_kind_has_of_its_own_is_told(void **state)
{
    json_auto_t *document = document_of(
        "Task", "t",
        json_pack("{s:s, s:[{s:s, s:s, s:s, s:s}], s:{s:i, s:s, s:[{s:s, s:i, s:i}]}}", "phase",
                  "Running", "conditions", "type", "Ready", "status", "True", "reason", "Running",
                  "message", "escaped \x1b[31m", "task", "attempt", 1, "logFile", "/x/1.log",
                  "ports", "name", "preview", "containerPort", 17001, "hostPort", 20015));
    struct description description = {.document = document};

    (void)state;
    assert_described(&description,
                     "Name:          t\n"
                     "Kind:          Task\n"
                     "Labels:        team=infra\n"
                     "Status file:   web.status.yaml\n"
                     "Phase:         Running\n"
                     "Ready:         True\n"
                     "Ports:\n"
                     "  preview   127.0.0.1:20015->17001/TCP   http://127.0.0.1:20015/\n"
                     "Task:\n"
                     "  attempt: 1\n"
                     "  logFile: /x/1.log\n"
                     "  ports:\n"
                     "  - name: preview\n"
                     "    containerPort: 17001\n"
                     "    hostPort: 20015\n"
                     "Conditions:\n"
                     "  TYPE    STATUS   AGE   REASON    MESSAGE\n"
                     "  Ready   True     -     Running   escaped ?[31m\n"
                     "Events:        none\n");
}

static void a_file_with_errors_is_told_with_every_place(void **state)
{
    json_auto_t *document = document_of(
        "Instance", "web",
        json_pack("{s:s, s:[{s:s, s:s, s:s, s:s}, {s:s, s:s, s:s}], s:[{s:s, s:s, s:s}, {s:s, s:s,"
                  " s:s}]}",
                  "phase", "RUNNING", "conditions", "type", "SpecValid", "status", "False",
                  "reason", "InvalidSpec", "message", "the file has errors", "type", "Ready",
                  "status", "True", "reason", "Healthy", "errors", "location", "web.yaml:7:16",
                  "reason", "InvalidMachineType", "message", "no such type", "location",
                  "web.yaml:9:3", "reason", "UnknownField", "message", "no such field"));
    struct description description = {.document = document};
    auto_done(strbuf) text = {0};

    (void)state;
    describe(&description, &text);
    assert_non_null(strstr(text.text, "Errors:\n"
                                      "  web.yaml:7:16: no such type (InvalidMachineType)\n"
                                      "  web.yaml:9:3: no such field (UnknownField)\n"));
    assert_non_null(strstr(text.text, "What to do:\n  InvalidMachineType: "));
    assert_non_null(strstr(text.text, "\n  UnknownField: "));
    assert_non_null(strstr(text.text, "\n  InvalidSpec: "));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_instance_in_a_crash_loop_is_told_in_full),
        cmocka_unit_test(a_spec_that_nobody_has_looked_at_is_told),
        cmocka_unit_test(what_is_well_has_no_advice_and_what_a_kind_has_of_its_own_is_told),
        cmocka_unit_test(a_file_with_errors_is_told_with_every_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
