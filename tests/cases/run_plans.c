/*
 * Decisions as text: for each plans/NAME.yaml (a spec and a small world, see plan_case.h) the
 * reconciler's plan and status are compared with plans/NAME.expected. Prints TAP.
 *
 *     run_plans tests/cases            UPDATE=1 writes the expected files anew
 */
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "specs/reason.h"
#include "tests/cases/plan_case.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char suffix[] = ".yaml";

static bool is_true(const struct object_status *status, enum condition_type type)
{
    return status->conditions[type].value == CONDITION_TRUE;
}

/* What must hold whatever the case: NULL, or what does not. */
static const char *find_broken_rule(const struct plan_case *plan_case, const struct plan *plan,
                                    const struct object_status *status)
{
    const struct condition *stalled = &status->conditions[CONDITION_STALLED];
    bool is_foreign = plan_case->container != NULL && !plan_case->container->is_ours;

    if (is_true(status, CONDITION_READY) &&
        (is_true(status, CONDITION_RECONCILING) || is_true(status, CONDITION_STALLED))) {
        return "Ready together with Reconciling or Stalled";
    }
    if (is_true(status, CONDITION_STALLED) && stalled->message == NULL) {
        return "Stalled without a message";
    }
    if (status->phase == PHASE_UNKNOWN) {
        return "no phase";
    }
    for (size_t i = 0; i < status->error_count; i++) {
        if (reason_find(status->errors[i].reason) == NULL) {
            return "an error whose reason is not in the catalogue";
        }
    }
    for (size_t i = 0; i < plan->count; i++) {
        if (is_foreign && (plan->actions[i]->type == ACTION_REMOVE_CONTAINER ||
                           plan->actions[i]->type == ACTION_STOP_CONTAINER ||
                           plan->actions[i]->type == ACTION_START_CONTAINER)) {
            return "a container that is not ours is touched";
        }
    }
    return NULL;
}

static char *decision_of(const struct plan_case *plan_case)
{
    auto_done(strbuf) out = {0};
    struct object_status *status;
    struct plan *plan;
    const char *broken;

    plan_case_decide(plan_case, &plan, &status);
    plan_case_print(plan_case, plan, status, &out);
    broken = find_broken_rule(plan_case, plan, status);
    if (broken != NULL) {
        strbuf_addf(&out, "BROKEN RULE: %s\n", broken);
    }
    plan_free(plan);
    status_free(status);
    return strbuf_take(&out);
}

/* Twice: a decision depends on nothing but its arguments. */
static char *text_of_case(const char *text, size_t len, struct error *err)
{
    auto_owned(plan_case) *plan_case = plan_case_parse(text, len, err);
    auto_free char *first = plan_case != NULL ? decision_of(plan_case) : NULL;
    auto_free char *second = plan_case != NULL ? decision_of(plan_case) : NULL;

    if (plan_case == NULL) {
        return NULL;
    }
    return strcmp(first, second) == 0 ? TAKE(first)
                                      : xasprintf("%sANOTHER DECISION:\n%s", first, second);
}

static void print_indented(const char *title, const char *text)
{
    printf("#   %s:\n", title);
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");

        printf("#     %.*s\n", (int)len, text);
        text += len + (text[len] == '\n');
    }
}

static bool fail(const struct error *err)
{
    printf("#   %s\n", err->message);
    return false;
}

static bool check_case(const char *folder, const char *name)
{
    auto_free char *path = path_join(folder, name);
    auto_free char *expected_path =
        xasprintf("%.*s.expected", (int)(strlen(path) - strlen(suffix)), path);
    auto_free char *text = NULL, *expected = NULL, *got = NULL;
    struct error err = {0};
    size_t len;

    if (file_read(AT_FDCWD, path, 1 << 20, &text, &len, &err) < 0) {
        return fail(&err);
    }
    got = text_of_case(text, len, &err);
    if (got == NULL) {
        return fail(&err);
    }
    if (getenv("UPDATE") != NULL) {
        return file_replace(AT_FDCWD, expected_path, got, strlen(got), 0644, FILE_VISIBLE, &err) ==
               0;
    }
    if (file_read(AT_FDCWD, expected_path, 1 << 20, &expected, NULL, &err) < 0) {
        return fail(&err);
    }
    if (strcmp(got, expected) != 0) {
        print_indented("expected", expected);
        print_indented("got", got);
        return false;
    }
    return true;
}

static int is_case(const struct dirent *entry)
{
    return text_has_suffix(entry->d_name, suffix);
}

int main(int argc, char **argv)
{
    struct dirent **entries;
    int count, failed = 0;
    auto_free char *folder = path_join(argc == 2 ? argv[1] : "tests/cases", "plans");

    count = scandir(folder, &entries, is_case, alphasort);
    if (count <= 0) {
        fprintf(stderr, "no cases in \"%s\"\n", folder);
        return 2;
    }
    printf("1..%d\n", count);
    for (int i = 0; i < count; i++) {
        bool is_ok = check_case(folder, entries[i]->d_name);

        printf("%sok %d - plan of %s\n", is_ok ? "" : "not ", i + 1, entries[i]->d_name);
        failed += !is_ok;
        free(entries[i]);
    }
    free(entries);
    return failed > 0;
}
