#include "cli/wait_for.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/parse.h"
#include "cli/ask_controller.h"
#include "cli/command.h"
#include "cli/documents.h"
#include "cli/object_names.h"
#include "cli/progress.h"
#include "cli/status_store.h"
#include "cli/wait_world.h"
#include "controller/options.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    CONTROLLER_LOOK_MS = 1000,
    CONTROLLER_ABSENCE_MS = 10000, /* as long as a restart may take */
    CONTROLLER_START_MS = 3000,
};

void wait_run_done(struct wait_run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        free(run->targets[i].name);
        free(run->targets[i].hash);
        wait_judgement_done(&run->targets[i].judgement);
    }
    free(run->targets);
    free(run->specs);
    free(run->status_dir);
    free(run->state);
    wait_goal_done(&run->goal);
    *run = (struct wait_run){0};
}

void wait_run_add(struct wait_run *run, enum kind kind, const char *name, const char *hash)
{
    array_grow(&run->targets, run->count, &run->capacity, sizeof(*run->targets));
    run->targets[run->count++] =
        (struct wait_target){.kind = kind, .name = xstrdup(name), .hash = xstrdup_or_null(hash)};
}

void wait_run_find_places(struct wait_run *run, const struct places *places)
{
    json_auto_t *heartbeat = NULL;

    run->state = directory_option(places->state, "BERTH_STATE", DEFAULT_STATE_DIR);
    heartbeat = status_store_heartbeat(run->state);
    run->specs = status_store_specs(places->specs, heartbeat);
    run->status_dir = status_store_directory(places->specs, places->status_dir, heartbeat);
}

/* A script that starts one and then waits is quicker than it. */
static bool is_controlled_soon(const char *state)
{
    uint64_t until_ms = clock_monotonic_ms() + CONTROLLER_START_MS;

    while (!status_store_is_controlled(state)) {
        if (clock_monotonic_ms() >= until_ms) {
            return false;
        }
        ask_pause();
    }
    return true;
}

int wait_run_check_controller(const struct wait_run *run, struct error *err)
{
    json_auto_t *heartbeat = NULL;
    const char *specs;

    if (!is_controlled_soon(run->state)) {
        return error_set(err, ERROR_NOT_FOUND,
                         "no controller runs with state directory %s, so there is nothing to wait "
                         "for; start berth run, or name its --state",
                         run->state);
    }
    heartbeat = status_store_heartbeat(run->state);
    specs = document_text(json_object_get(heartbeat, "specs"), "directory");
    if (specs != NULL && !text_equal(specs, run->specs)) {
        return error_set(err, ERROR_INVALID,
                         "the controller with state directory %s looks at the specs in %s, not in "
                         "%s; name the right --state or --specs",
                         run->state, specs, run->specs);
    }
    return 0;
}

/* --- one look --------------------------------------------------------------------------------- */

static bool is_final(const struct wait_target *target)
{
    return target->judgement.verdict != WAIT_PENDING;
}

/* Somebody has written another version, or taken it away: the one waited for will not come. */
static bool is_superseded(const struct wait_target *target, const struct wait_view *view)
{
    return target->hash != NULL && !text_equal(view->hash, target->hash);
}

static int look(struct wait_run *run, struct wait_target *target, struct wait_world *world,
                struct error *err)
{
    struct wait_view view;

    if (wait_world_look(world, target->kind, target->name, &view, err) < 0) {
        return -1;
    }
    if (view.is_unknown) {
        return 0;
    }
    wait_judgement_done(&target->judgement);
    if (is_superseded(target, &view)) {
        target->judgement = (struct wait_judgement){
            WAIT_HOPELESS, xstrdup("Superseded"),
            xstrdup(view.has_spec ? "somebody has changed its spec meanwhile"
                                  : "somebody has removed its spec meanwhile")};
    } else {
        wait_judge(&run->goal, &view, &target->judgement);
    }
    return 0;
}

static enum progress_state state_of(const struct wait_target *target)
{
    switch (target->judgement.verdict) { /* no default: a verdict without one does not compile */
    case WAIT_PENDING: return PROGRESS_GOING;
    case WAIT_MET: return PROGRESS_GOOD;
    case WAIT_ENDED:
    case WAIT_HOPELESS: return PROGRESS_BAD;
    }
    abort();
}

static int look_at_all(struct wait_run *run, struct wait_world *world, struct progress *progress,
                       uint64_t began_at_ms, struct error *err)
{
    for (size_t i = 0; i < run->count; i++) {
        struct wait_target *target = &run->targets[i];

        if (is_final(target)) {
            continue;
        }
        if (look(run, target, world, err) < 0) {
            return -1;
        }
        target->took_ms = (int64_t)(clock_monotonic_ms() - began_at_ms);
        progress_set(progress, i, state_of(target),
                     target->judgement.reason != NULL ? target->judgement.reason : "",
                     target->judgement.text != NULL ? target->judgement.text : "");
    }
    return 0;
}

static size_t count_verdicts(const struct wait_run *run, enum wait_verdict verdict)
{
    size_t count = 0;

    for (size_t i = 0; i < run->count; i++) {
        count += run->targets[i].judgement.verdict == verdict;
    }
    return count;
}

/* --- until ------------------------------------------------------------------------------------ */

/* Names those of the verdict, with why. */
static void say(const struct wait_run *run, enum wait_verdict verdict, const char *indent)
{
    for (size_t i = 0; i < run->count; i++) {
        const struct wait_target *target = &run->targets[i];
        const char *reason = target->judgement.reason, *text = target->judgement.text;
        auto_free char *spelling = NULL, *shown = NULL;

        if (target->judgement.verdict == verdict) {
            shown = xstrdup(text != NULL ? text : "");
            text_make_clean_line(shown, strlen(shown));
            spelling = object_spelling(target->kind, target->name);
            fprintf(stderr, "%s%s: %s%s%s\n", indent, spelling, reason != NULL ? reason : "Unseen",
                    shown[0] != '\0' ? ": " : "", shown);
        }
    }
}

static int end_well_or_not(const struct wait_run *run)
{
    auto_free char *indent = xasprintf("berth %s: ", run->command);

    say(run, WAIT_ENDED, indent);
    say(run, WAIT_HOPELESS, indent);
    return count_verdicts(run, WAIT_MET) == run->count ? EXIT_OK : EXIT_FAILED;
}

static int time_is_up(struct wait_run *run)
{
    auto_free char *indent = xasprintf("berth %s: ", run->command);

    run->was_stopped = true;
    say(run, WAIT_ENDED, indent);
    fprintf(stderr, "berth %s: after %.0f s there %s still missing:\n", run->command,
            (double)run->timeout_ms / MS_PER_SECOND,
            count_verdicts(run, WAIT_PENDING) == 1 ? "is" : "are");
    say(run, WAIT_PENDING, "  ");
    return EXIT_TIMED_OUT;
}

/* A controller that is restarted is away for a moment. */
struct watch {
    uint64_t looked_at_ms, seen_at_ms;
};

static bool is_controller_lost(const struct wait_run *run, struct watch *watch, uint64_t now_ms)
{
    if (now_ms - watch->looked_at_ms >= CONTROLLER_LOOK_MS) {
        watch->looked_at_ms = now_ms;
        if (status_store_is_controlled(run->state)) {
            watch->seen_at_ms = now_ms;
        }
    }
    return now_ms - watch->seen_at_ms > CONTROLLER_ABSENCE_MS;
}

static int wait_until_done(struct wait_run *run, struct wait_world *world,
                           struct progress *progress)
{
    uint64_t began_at_ms = clock_monotonic_ms();
    struct watch watch = {began_at_ms, began_at_ms};

    for (;;) {
        uint64_t now_ms = clock_monotonic_ms();
        struct error err = {0};
        bool is_late = now_ms - began_at_ms >= (uint64_t)run->timeout_ms;
        bool is_lost = is_controller_lost(run, &watch, now_ms);
        bool is_over;

        if (look_at_all(run, world, progress, began_at_ms, &err) < 0) {
            fprintf(stderr, "berth %s: %s\n", run->command, err.message);
            return EXIT_FAILED;
        }
        is_over = count_verdicts(run, WAIT_PENDING) == 0 || count_verdicts(run, WAIT_HOPELESS) > 0;
        progress_show(progress, is_over || is_late || is_lost);
        if (is_over) {
            run->was_stopped = count_verdicts(run, WAIT_PENDING) > 0;
            return end_well_or_not(run);
        }
        if (is_lost) {
            run->was_stopped = true;
            fprintf(stderr, "berth %s: the controller has ended; what was written stays\n",
                    run->command);
            return EXIT_FAILED;
        }
        if (is_late) {
            return time_is_up(run);
        }
        ask_pause();
    }
}

int wait_run_wait(struct wait_run *run)
{
    struct wait_world world;
    struct progress progress;
    int result;

    wait_world_init(&world, run->specs, run->status_dir);
    progress_init(&progress, stderr);
    for (size_t i = 0; i < run->count; i++) {
        auto_free char *spelling = object_spelling(run->targets[i].kind, run->targets[i].name);

        progress_add(&progress, spelling);
    }
    result = wait_until_done(run, &world, &progress);
    progress_done(&progress);
    wait_world_done(&world);
    return result;
}
