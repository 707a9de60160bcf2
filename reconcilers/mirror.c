#include "reconcilers/mirror.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "reconcilers/container.h"
#include "specs/reason.h"

#include <stdlib.h>
#include <string.h>

/* --- URLs ------------------------------------------------------------------------------------- */

static bool is_scheme_allowed(const struct world *world, const char *scheme)
{
    for (size_t i = 0; i < world->git_schemes.count; i++) {
        if (strcmp(world->git_schemes.items[i], scheme) == 0) {
            return true;
        }
    }
    return world->git_schemes.count == 0;
}

/* What the command line says of it, or NULL; the caller's to free. */
static char *refuse_scheme(const struct world *world, const struct repo_url *url)
{
    if (!is_scheme_allowed(world, url->scheme)) {
        return xasprintf("%s:// repositories are refused by this controller (--git-scheme)",
                         url->scheme);
    }
    if (strcmp(url->scheme, "file") != 0) {
        return NULL;
    }
    if (world->git_file_root == NULL) {
        return xstrdup("file:// repositories are refused unless --git-file-root names a directory "
                       "that holds them");
    }
    return path_is_below(url->path, world->git_file_root)
               ? NULL
               : xasprintf("%s is not below %s (--git-file-root)", url->path, world->git_file_root);
}

bool mirror_refuses_url(const struct world *world, const struct repo_url *url,
                        struct policy_refusal *ret)
{
    char *message = refuse_scheme(world, url);

    if (message != NULL) {
        *ret = (struct policy_refusal){.reason = REASON_SCHEME_REFUSED, .message = message};
        return true;
    }
    return policy_refuses_url(world->policy, url, ret);
}

/* --- revisions -------------------------------------------------------------------------------- */

enum { MISSING_RETRY_MS = 30000, COMMIT_LEN = 40 };

const char *trees_method_name(enum trees_method method)
{
    switch (method) { /* no default: a method without a name does not compile */
    case TREES_UNKNOWN: return NULL;
    case TREES_OVERLAY: return "overlay";
    case TREES_COPY: return "copy";
    }
    abort();
}

bool revision_is_commit(const struct revision *revision)
{
    return revision->kind == REVISION_REF && strlen(revision->name) == COMMIT_LEN &&
           strspn(revision->name, "0123456789abcdef") == COMMIT_LEN;
}

bool revision_equal(const struct revision *a, const struct revision *b)
{
    return a->kind == b->kind && text_equal(a->name, b->name);
}

char *revision_text(const struct revision *revision)
{
    switch (revision->kind) {
    case REVISION_HEAD: return xstrdup("the remote's HEAD");
    case REVISION_BRANCH: return xasprintf("branch \"%s\"", revision->name);
    case REVISION_REF: return xasprintf("tag or commit \"%s\"", revision->name);
    }
    abort();
}

/* --- what a tree can be made from ------------------------------------------------------------- */

static bool is_new_enough(const struct mirror_view *view, const struct mirror_wish *wish)
{
    const struct observed_mirror *mirror = view->mirror;

    if (mirror->fetched_wall_ms > view->now_wall_ms) {
        return false; /* by a clock that was ahead: nobody knows when */
    }
    return mirror->fetched_wall_ms >= wish->since_wall_ms ||
           mirror->fetched_wall_ms > view->now_wall_ms - view->interval_seconds * 1000;
}

/* A commit that is there is what was asked for, however old the mirror is. */
static bool is_settled(const struct mirror_view *view, const struct mirror_wish *wish)
{
    return (revision_is_commit(&wish->revision) && wish->observed.commit != NULL) ||
           is_new_enough(view, wish);
}

static void set_ready(const struct mirror_view *view, const struct mirror_wish *wish,
                      struct source *ret)
{
    ret->state = SOURCE_READY;
    ret->commit = wish->observed.commit;
    ret->branch = wish->revision.kind == REVISION_BRANCH ? wish->revision.name
                  : wish->revision.kind == REVISION_HEAD ? view->mirror->head_branch
                                                         : NULL;
}

void mirror_source(const struct mirror_view *view, const struct mirror_wish *wish,
                   struct source *ret)
{
    const struct observed_mirror *mirror = view->mirror;
    bool is_failing = view->failure->count > 0;

    *ret = (struct source){.state = SOURCE_WAITING};
    if (!mirror->exists) {
        ret->needs_fetch = true;
    } else if (!wish->observed.is_looked_up) {
        bool is_enough = is_new_enough(view, wish) || revision_is_commit(&wish->revision);

        ret->needs_lookup = is_enough || is_failing; /* what is there may have to do */
        ret->needs_fetch = !is_enough;
    } else if (is_settled(view, wish)) {
        if (wish->observed.commit != NULL) {
            set_ready(view, wish, ret);
            return;
        }
        ret->state = SOURCE_MISSING;
        ret->reason =
            wish->revision.kind == REVISION_REF ? REASON_REF_NOT_FOUND : REASON_BRANCH_NOT_FOUND;
        ret->message = wish->observed.message;
        return;
    } else if (is_failing && wish->observed.commit != NULL) {
        set_ready(view, wish, ret); /* better than to wait for a remote that is away */
        ret->is_stale = true;
        ret->message = view->failure->message;
        ret->needs_fetch = true;
        return;
    } else {
        ret->needs_fetch = true;
    }
    if (is_failing) {
        ret->reason = view->failure->reason;
        ret->message = view->failure->message;
    }
}

/* --- the mirror itself ------------------------------------------------------------------------ */

struct demand {
    bool needs_fetch, needs_lookup, has_missing;
    const char *cause;
};

static struct demand find_demand(const struct mirror_input *input, const struct mirror_view *view)
{
    const struct observed_mirror *mirror = input->mirror;
    struct demand demand = {0};

    for (size_t i = 0; i < input->wish_count; i++) {
        struct source source;

        mirror_source(view, &input->wishes[i], &source);
        demand.needs_fetch |= source.needs_fetch;
        demand.needs_lookup |= source.needs_lookup;
        demand.has_missing |= source.state == SOURCE_MISSING;
    }
    if (demand.needs_fetch) {
        demand.cause =
            mirror->exists ? "what is known of the remote is too old" : "mirror does not exist";
    } else if (input->asked_wall_ms > mirror->fetched_wall_ms &&
               (mirror->exists || input->wish_count > 0)) {
        demand.needs_fetch = true;
        demand.cause = "a fetch was asked for";
    }
    return demand;
}

/*
 * Fetches that nobody waits for just now: to follow a branch, and to see whether a missing one has
 * come.
 */
static void follow(const struct mirror_input *input, const struct mirror_view *view,
                   struct demand *demand, struct plan *plan)
{
    int64_t interval_ms = view->interval_seconds * 1000;
    bool is_missing_due_first =
        demand->has_missing && (interval_ms == 0 || interval_ms > MISSING_RETRY_MS);
    int64_t due_wall_ms =
        input->mirror->fetched_wall_ms + (is_missing_due_first ? MISSING_RETRY_MS : interval_ms);

    if (demand->needs_fetch || !input->mirror->exists ||
        !(demand->has_missing || (input->is_followed && interval_ms > 0))) {
        return;
    }
    if (view->now_wall_ms >= due_wall_ms || input->mirror->fetched_wall_ms > view->now_wall_ms) {
        demand->needs_fetch = true;
        demand->cause = "the interval is over";
    } else {
        plan_wake_at(plan, due_wall_ms);
    }
}

/*
 * While the remote is away, what it has said before is looked up in turn with the tries to fetch.
 */
static void plan_work(const struct mirror_input *input, const struct demand *demand,
                      struct plan *plan)
{
    enum phase phase = input->mirror->exists ? PHASE_RUNNING : PHASE_PROVISIONING;
    bool is_lookup_first = demand->needs_lookup && input->failure->count % 2 == 1;

    if (demand->needs_fetch && !is_lookup_first) {
        plan_set_operation(plan, input->mirror->exists ? "fetch" : "clone", demand->cause);
        plan_add(plan, ACTION_FETCH_MIRROR, phase, input->name, demand->cause);
    } else if (demand->needs_lookup) {
        plan_set_operation(plan, "look up", "a revision is asked for");
        plan_add(plan, ACTION_LOOK_UP_REVISIONS, phase, input->name, "a revision is asked for");
    }
}

static void reconcile_unused(const struct world *world, const struct mirror_input *input,
                             struct plan *plan, struct object_status *status)
{
    status_set_ready(status, "Idle", NULL);
    if (input->mirror->exists) {
        plan_set_operation(plan, "delete", "no container and no tree is made from it");
        plan_add(plan, ACTION_REMOVE_MIRROR, PHASE_STOPPING, input->name,
                 "no container and no tree is made from it");
        failure_holds_back(input->failure, input->name, world->now_wall_ms, plan, status);
    }
}

void mirror_reconcile(const struct world *world, const struct mirror_input *input,
                      struct plan *plan, struct object_status *status)
{
    struct mirror_view view = {
        .mirror = input->mirror,
        .interval_seconds = input->settings->repository.fetch_interval_seconds,
        .failure = input->failure,
        .now_wall_ms = world->now_wall_ms,
    };
    struct demand demand = find_demand(input, &view);

    status->phase = input->mirror->exists ? PHASE_RUNNING : PHASE_PROVISIONING;
    if (input->refusal != NULL) {
        status_set_stalled(status, input->refusal_reason, input->refusal);
        return;
    }
    if (input->settings->repository.is_suspended) {
        status_set_ready(status, REASON_SUSPENDED, "spec.suspend is true: nothing is changed");
        return;
    }
    if (input->is_unused) {
        reconcile_unused(world, input, plan, status);
        return;
    }
    follow(input, &view, &demand, plan);
    plan_work(input, &demand, plan);
    if (plan->count == 0) {
        status_set_ready(status, input->mirror->exists ? "Fetched" : "Idle", NULL);
    } else if (input->pressure != NULL) {
        plan_clear(plan);
        status_set_progressing(status, REASON_DISK_PRESSURE, input->pressure);
    } else {
        status_set_progressing(status, "Fetching", plan->cause);
    }
    failure_holds_back(input->failure, input->name, world->now_wall_ms, plan, status);
}
