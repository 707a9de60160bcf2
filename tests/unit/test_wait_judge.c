#include "cli/wait_judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

#define HASH "v1-0123456789abcdef"
#define OLD "v1-fedcba9876543210"

/* A status document: phase, hash and what stands between the braces of conditions and beside. */
#define STATUS(phase, hash, conditions, rest)                                                      \
    "{'kind':'Instance','metadata':{'name':'web'},'status':{'phase':'" phase                       \
    "','observedHash':'" hash "','conditions':[" conditions "]" rest "}}"
#define CONDITION(type, status, reason, message)                                                   \
    "{'type':'" type "','status':'" status "','reason':'" reason "','message':'" message "'}"
#define READY                                                                                      \
    CONDITION("Ready", "True", "Healthy", "") "," CONDITION("Reconciling", "False", "", "")
#define STALLED                                                                                    \
    CONDITION("Ready", "False", "ImageNotFound", "no such image")                                  \
    "," CONDITION("Stalled", "True", "ImageNotFound", "no such image")
#define STARTING                                                                                   \
    CONDITION("Ready", "False", "Creating", "pulls the image")                                     \
    "," CONDITION("Reconciling", "True", "Creating", "") "," CONDITION("Stalled", "False", "", "")
#define AT_REST(reason)                                                                            \
    CONDITION("Ready", "False", reason, "it is at rest")                                           \
    "," CONDITION("Reconciling", "False", reason, "") "," CONDITION("Stalled", "False", reason, "")

/* With ' for ". New reference. */
static json_t *parse(const char *text)
{
    char *copy = strdup(text);
    json_t *json;

    for (char *at = copy; *at != '\0'; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    json = json_loads(copy, 0, NULL);
    free(copy);
    assert_non_null(json);
    return json;
}

struct row {
    const char *goal;   /* "": that its spec says */
    const char *status; /* NULL: there is none */
    enum wait_verdict verdict;
    const char *reason;
};

static void judge_view(const char *goal_text, struct wait_view view, enum wait_verdict verdict,
                       const char *reason)
{
    auto_done(wait_goal) goal = {.kind = WAIT_SETTLED};
    auto_done(wait_judgement) judgement = {0};
    struct error err = {0};

    if (goal_text[0] != '\0') {
        assert_int_equal(wait_goal_parse(goal_text, &goal, &err), 0);
    }
    wait_judge(&goal, &view, &judgement);
    if (judgement.verdict != verdict || strcmp(judgement.reason, reason) != 0) {
        fail_msg("goal \"%s\": verdict %d, \"%s: %s\"; not %d, \"%s\"", goal_text,
                 judgement.verdict, judgement.reason, judgement.text, verdict, reason);
    }
}

static void judge_rows(enum kind kind, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        json_auto_t *document = rows[i].status != NULL ? parse(rows[i].status) : NULL;
        struct wait_view view = {
            .kind = kind, .document = document, .has_spec = true, .hash = HASH};

        judge_view(rows[i].goal, view, rows[i].verdict, rows[i].reason);
    }
}

static void a_status_of_another_version_says_nothing(void **state)
{
    static const struct row rows[] = {
        {"", NULL, WAIT_PENDING, "Unseen"},
        {"", STATUS("RUNNING", OLD, READY, ""), WAIT_PENDING, "Unseen"},
        {"", STATUS("PROVISIONING", OLD, STALLED, ""), WAIT_PENDING, "Unseen"},
        {"condition=Ready", STATUS("RUNNING", OLD, READY, ""), WAIT_PENDING, "Unseen"},
        {"phase=running", STATUS("RUNNING", OLD, READY, ""), WAIT_PENDING, "Unseen"},
        {"jsonpath={.status.phase}=RUNNING", STATUS("RUNNING", OLD, READY, ""), WAIT_PENDING,
         "Unseen"},
    };

    (void)state;
    judge_rows(KIND_INSTANCE, rows, ARRAY_SIZE(rows));
}

static void an_instance_is_waited_for_until_it_is_ready(void **state)
{
    static const struct row rows[] = {
        {"", STATUS("PROVISIONING", HASH, STARTING, ""), WAIT_PENDING, "PROVISIONING"},
        {"", STATUS("RUNNING", HASH, READY, ""), WAIT_MET, "Ready"},
        {"", STATUS("PROVISIONING", HASH, STALLED, ""), WAIT_HOPELESS, "ImageNotFound"},
        {"", STATUS("TERMINATED", HASH, AT_REST("Completed"), ""), WAIT_MET, "Completed"},
        {"", STATUS("TERMINATED", HASH, AT_REST("Suspended"), ""), WAIT_MET, "Suspended"},
        {"", STATUS("TERMINATED", HASH, AT_REST("Other"), ""), WAIT_PENDING, "TERMINATED"},
    };

    (void)state;
    judge_rows(KIND_INSTANCE, rows, ARRAY_SIZE(rows));
}

static void a_change_that_waits_is_not_there_yet(void **state)
{
#define PENDING(reason) READY "," CONDITION("UpdatePending", "True", reason, "waits")
    static const struct row rows[] = {
        {"", STATUS("RUNNING", HASH, PENDING("Waiting"), ""), WAIT_PENDING, "UpdatePending"},
        {"",
         STATUS("RUNNING", HASH, PENDING("Waiting"),
                ",'error':{'reason':'PolicyRefused','message':'no'}"),
         WAIT_HOPELESS, "PolicyRefused"},
    };
    static const struct row of_pools[] = {
        {"", STATUS("RUNNING", HASH, PENDING("RollingUpdate"), ""), WAIT_MET, "Ready"},
        {"",
         STATUS("RUNNING", HASH,
                STARTING "," CONDITION("UpdatePending", "True", "RollingUpdate", "1 of 2"), ""),
         WAIT_PENDING, "RUNNING"},
    };

    (void)state;
    judge_rows(KIND_REPOSITORY, rows, ARRAY_SIZE(rows));
    judge_rows(KIND_INSTANCE_POOL, of_pools, ARRAY_SIZE(of_pools));
}

static void a_task_is_waited_for_until_it_is_over_or_its_session_is_open(void **state)
{
#define OVER(reason) CONDITION("Ready", "False", reason, "exit code 3")
    static const struct row rows[] = {
        {"", STATUS("Running", HASH, STARTING, ""), WAIT_PENDING, "Running"},
        {"", STATUS("Running", HASH, READY, ""), WAIT_MET, "Ready"},
        {"", STATUS("Succeeded", HASH, OVER("Completed"), ""), WAIT_MET, "Succeeded"},
        {"", STATUS("Failed", HASH, OVER("Error"), ""), WAIT_ENDED, "Error"},
        {"",
         STATUS("Succeeded", HASH,
                OVER("Completed") "," CONDITION("UpdatePending", "True", "ChangedAfterStart",
                                                "give it a new name"),
                ""),
         WAIT_HOPELESS, "ChangedAfterStart"},
        {"phase=Succeeded", STATUS("Succeeded", HASH, OVER("Completed"), ""), WAIT_MET,
         "Succeeded"},
        {"phase=Succeeded", STATUS("Failed", HASH, OVER("Error"), ""), WAIT_ENDED, "Error"},
        {"phase=Failed", STATUS("Failed", HASH, OVER("Error"), ""), WAIT_MET, "Failed"},
        {"phase=Running", STATUS("Running", HASH, READY, ""), WAIT_MET, "RUNNING"},
        {"phase=Running", STATUS("Succeeded", HASH, OVER("Completed"), ""), WAIT_ENDED,
         "Completed"},
        {"condition=Ready", STATUS("Succeeded", HASH, OVER("Completed"), ""), WAIT_ENDED,
         "Completed"},
    };

    (void)state;
    judge_rows(KIND_TASK, rows, ARRAY_SIZE(rows));
}

static void goals_other_than_ready_are_met_by_their_word(void **state)
{
    static const struct row rows[] = {
        {"condition=Ready", STATUS("RUNNING", HASH, READY, ""), WAIT_MET, "Ready"},
        {"condition=ready=false", STATUS("PROVISIONING", HASH, STARTING, ""), WAIT_MET, "Ready"},
        {"condition=Ready=False", STATUS("PROVISIONING", HASH, STALLED, ""), WAIT_MET, "Ready"},
        {"condition=Stalled", STATUS("PROVISIONING", HASH, STALLED, ""), WAIT_MET, "Stalled"},
        {"condition=Stalled", STATUS("PROVISIONING", HASH, STARTING, ""), WAIT_PENDING,
         "PROVISIONING"},
        {"condition=PortsAllocated", STATUS("PROVISIONING", HASH, STALLED, ""), WAIT_HOPELESS,
         "ImageNotFound"},
        {"condition=Ready", STATUS("TERMINATED", HASH, AT_REST("Suspended"), ""), WAIT_HOPELESS,
         "Suspended"},
        {"jsonpath={.status.phase}=RUNNING", STATUS("RUNNING", HASH, READY, ""), WAIT_MET,
         "{.status.phase}"},
        {"jsonpath=.status.phase=RUNNING", STATUS("RUNNING", HASH, READY, ""), WAIT_MET,
         ".status.phase"},
        {"jsonpath={.status.phase}=STAGING", STATUS("RUNNING", HASH, READY, ""), WAIT_PENDING,
         "RUNNING"},
        {"jsonpath={.status.container.id}", STATUS("RUNNING", HASH, READY, ""), WAIT_PENDING,
         "RUNNING"},
        {"jsonpath={.status.container.id}",
         STATUS("RUNNING", HASH, READY, ",'container':{'id':'abc'}"), WAIT_MET,
         "{.status.container.id}"},
        {"jsonpath={.status.conditions[?(@.type=='Ready')].status}=True",
         STATUS("RUNNING", HASH, READY, ""), WAIT_MET,
         "{.status.conditions[?(@.type=='Ready')].status}"},
    };

    (void)state;
    judge_rows(KIND_INSTANCE, rows, ARRAY_SIZE(rows));
}

static void a_faulty_spec_is_told_with_its_status_and_a_faulty_status_when_it_is_no_remnant(
    void **state)
{
    json_auto_t *invalid = parse(
        STATUS("RUNNING", OLD, READY "," CONDITION("SpecValid", "False", "InvalidSpec", "x"), ""));
    json_auto_t *earlier = parse(STATUS("RUNNING", OLD, READY, ""));
    struct wait_view view = {.kind = KIND_INSTANCE, .has_spec = true, .spec_error = "unknown key"};

    (void)state;
    judge_view("", view, WAIT_HOPELESS, "InvalidSpec");
    view.document = earlier; /* its status is about to tell it */
    judge_view("", view, WAIT_PENDING, "InvalidSpec");
    judge_view("condition=SpecValid=False", view, WAIT_PENDING, "InvalidSpec");
    view.is_fresh = true;
    judge_view("", view, WAIT_HOPELESS, "InvalidSpec");
    view.is_fresh = false;
    view.document = invalid;
    judge_view("", view, WAIT_HOPELESS, "InvalidSpec");
    judge_view("condition=SpecValid=False", view, WAIT_MET, "SpecValid");
    judge_view("condition=Ready", view, WAIT_HOPELESS, "InvalidSpec");
    view.spec_error = NULL;
    view.hash = HASH;
    judge_view("", view, WAIT_PENDING, "InvalidSpec");
    view.is_fresh = true;
    judge_view("", view, WAIT_HOPELESS, "InvalidSpec");
}

static void what_is_nowhere_cannot_come(void **state)
{
    struct wait_view view = {.kind = KIND_INSTANCE};

    (void)state;
    judge_view("", view, WAIT_HOPELESS, "NotFound");
    judge_view("delete", view, WAIT_MET, "deleted");
}

static void a_member_of_a_pool_has_no_spec_and_no_hash_to_ask_for(void **state)
{
    json_auto_t *member = parse(STATUS("RUNNING", OLD, READY, ""));
    struct wait_view view = {.kind = KIND_INSTANCE, .document = member};

    (void)state;
    judge_view("condition=Ready", view, WAIT_MET, "Ready");
}

static void a_deletion_is_waited_for_until_spec_and_status_are_gone(void **state)
{
    json_auto_t *running = parse(STATUS("RUNNING", HASH, READY, ""));
    json_auto_t *held = parse(STATUS(
        "RUNNING", HASH, READY "," CONDITION("SpecValid", "False", "DeletionsHeld", "many"), ""));
    struct wait_view view = {.kind = KIND_INSTANCE, .document = running, .has_spec = true};

    (void)state;
    judge_view("delete", view, WAIT_PENDING, "Present");
    view.has_spec = false;
    judge_view("delete", view, WAIT_PENDING, "RUNNING");
    view.document = held;
    judge_view("delete", view, WAIT_HOPELESS, "DeletionsHeld");
}

static void a_wrong_goal_names_the_nearest_word(void **state)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"condition=Raedy", "there is no condition \"Raedy\"; did you mean \"Ready\"?"},
        {"condition=Ready=Maybe", "\"Ready=Maybe\": a condition is True, False or Unknown"},
        {"phase=Suceeded", "there is no phase \"Suceeded\"; did you mean \"Succeeded\"?"},
        {"deleted", "\"deleted\" is none of condition=TYPE, phase=PHASE, delete and "
                    "jsonpath=PATH=VALUE; did you mean \"delete\"?"},
        {"", "\"\" is none of condition=TYPE, phase=PHASE, delete and jsonpath=PATH=VALUE"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(wait_goal) goal = {0};
        struct error err = {0};

        assert_int_equal(wait_goal_parse(rows[i].text, &goal, &err), -1);
        assert_string_equal(err.message, rows[i].message);
    }
    {
        auto_done(wait_goal) goal = {0};
        struct error err = {0};

        assert_int_equal(wait_goal_parse("jsonpath={.status", &goal, &err), -1);
        assert_non_null(strstr(err.message, "jsonpath={.status: "));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_status_of_another_version_says_nothing),
        cmocka_unit_test(an_instance_is_waited_for_until_it_is_ready),
        cmocka_unit_test(a_change_that_waits_is_not_there_yet),
        cmocka_unit_test(a_task_is_waited_for_until_it_is_over_or_its_session_is_open),
        cmocka_unit_test(goals_other_than_ready_are_met_by_their_word),
        cmocka_unit_test(
            a_faulty_spec_is_told_with_its_status_and_a_faulty_status_when_it_is_no_remnant),
        cmocka_unit_test(what_is_nowhere_cannot_come),
        cmocka_unit_test(a_member_of_a_pool_has_no_spec_and_no_hash_to_ask_for),
        cmocka_unit_test(a_deletion_is_waited_for_until_spec_and_status_are_gone),
        cmocka_unit_test(a_wrong_goal_names_the_nearest_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
