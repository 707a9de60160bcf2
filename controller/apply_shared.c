#include "controller/apply_shared.h"

#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "clients/docker_stream.h"
#include "clients/tar_writer.h"
#include "specs/reason.h"

#include <stdlib.h>
#include <string.h>

enum { PULL_TIMEOUT_MS = 3600000 };

static void shared_free(struct shared_work *work)
{
    map_remove(&work->controller->shared, work->key);
    docker_pull_done(&work->pull);
    subnet_list_done(&work->refused);
    free(work->key);
    free(work->target);
    free(work->owner);
    free(work);
}

/* Nobody wants it any more. */
static void give_up(struct shared_work *work)
{
    engine_call_cancel(work->call);
    if (work->git != NULL) {
        git_work_cancel(work->git);
    }
    shared_free(work);
}

struct shared_work *shared_join(struct plan_run *run, const char *what)
{
    struct controller *controller = run->controller;
    auto_free char *key = xasprintf("%s %s", what, run_action(run)->target);
    struct shared_work *work = map_get(&controller->shared, key);
    bool is_new = work == NULL;

    if (is_new) {
        work = xcalloc(1, sizeof(*work));
        work->controller = controller;
        work->key = xstrdup(key);
        work->target = xstrdup(run_action(run)->target);
        docker_pull_init(&work->pull);
        map_put(&controller->shared, key, work);
    }
    run->shared = work;
    run->next_waiting = work->waiting;
    work->waiting = run;
    return is_new ? work : NULL;
}

void shared_leave(struct plan_run *run)
{
    struct shared_work *work = run->shared;

    if (work == NULL) {
        return;
    }
    run->shared = NULL;
    for (struct plan_run **at = &work->waiting; *at != NULL; at = &(*at)->next_waiting) {
        if (*at == run) {
            *at = run->next_waiting;
            break;
        }
    }
    if (work->waiting == NULL) {
        give_up(work);
    }
}

void shared_finish(struct shared_work *work, const struct error *err)
{
    struct plan_run *waiting = TAKE(work->waiting);

    shared_free(work);
    while (waiting != NULL) {
        struct plan_run *run = waiting;

        waiting = run->next_waiting;
        run->shared = NULL;
        if (err != NULL) {
            run_action_failed(run, err);
        } else {
            run_action_done(run);
        }
    }
}

void shared_set_progress(struct shared_work *work, unsigned percent, const char *message)
{
    for (struct plan_run *run = work->waiting; run != NULL; run = run->next_waiting) {
        run_set_progress(run, percent, message);
    }
}

void shared_close(struct controller *controller)
{
    struct map_entry *at;

    while ((at = map_first(&controller->shared)) != NULL) {
        give_up(map_value(at));
    }
}

/* Images */

static void image_finish(struct shared_work *work, const struct error *err)
{
    observe_image_changed(work->controller, work->target);
    shared_finish(work, err);
}

static int on_pull_bytes(void *user, const char *bytes, size_t len)
{
    struct shared_work *work = user;
    auto_free char *words = NULL;
    struct error err = {0};

    if (docker_pull_feed(&work->pull, bytes, len, &err) < 0) {
        return -1;
    }
    words = xasprintf("pulling %s, %.1f of %.1f MiB", work->target,
                      (double)work->pull.current_bytes / (1 << 20),
                      (double)work->pull.total_bytes / (1 << 20));
    shared_set_progress(work, docker_pull_percent(&work->pull), words);
    return 0;
}

static void on_pulled(void *user, const struct docker_request *request,
                      const struct http_reply *reply, struct error *err)
{
    struct shared_work *work = user;

    work->call = NULL;
    if (docker_reply_check(request, reply, err) < 0) {
        if (text_equal(err->reason, REASON_ENGINE_ERROR)) {
            err->reason = docker_pull_is_unknown(err->message) ? REASON_IMAGE_NOT_FOUND
                                                               : REASON_IMAGE_PULL_FAILED;
        }
        image_finish(work, err);
    } else if (docker_pull_finish(&work->pull, work->target, err) < 0) {
        image_finish(work, err);
    } else {
        image_finish(work, NULL);
    }
}

void apply_pull_image(struct plan_run *run)
{
    struct shared_work *work = shared_join(run, "image");
    struct docker_request *request;

    if (work != NULL) {
        request = docker_pull_image(work->target);
        request->timeout_ms =
            PULL_TIMEOUT_MS; /* the engine itself tries a broken registry for ever */
        work->call =
            engine_stream(run->controller->engine, request, on_pull_bytes, on_pulled, work);
    }
}

/* The idle image is one file, our runner, which sleeps and reaps as process 1. */
static void make_idle_tar(struct strbuf *tar)
{
    tar_add_directory(tar, ".berth", 0755);
    tar_add_file(tar, ".berth/runner", 0755, berth_runner_start,
                 (size_t)(berth_runner_end - berth_runner_start));
    tar_finish(tar);
}

char *idle_image_name(void)
{
    return xasprintf("berth/idle:%.12s", berth_runner_digest);
}

void apply_build_idle_image(struct plan_run *run)
{
    static const char *const changes[] = {"ENTRYPOINT [\"/.berth/runner\", \"idle\"]",
                                          "LABEL dev.berth.kind=IdleImage", NULL};
    struct shared_work *work = shared_join(run, "image");
    auto_done(strbuf) tar = {0};

    if (work != NULL) {
        make_idle_tar(&tar);
        work->call = engine_stream(run->controller->engine,
                                   docker_import_image(work->target, changes, tar.text, tar.len),
                                   on_pull_bytes, on_pulled, work);
    }
}
