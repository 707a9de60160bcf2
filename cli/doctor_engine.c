#include "cli/doctor.h"

#include "base/clock.h"
#include "base/memory.h"
#include "cli/engine_session.h"
#include "controller/cgroup_means.h"

#include <stdlib.h>
#include <unistd.h>

/* The engine, and what depends on it: its clock, and whether a machine type can be a bound. */

enum { CLOCK_SKEW_WARN_MS = 2000 };

static void check_clock(struct doctor *doctor, int64_t before_wall_ms, int64_t after_wall_ms)
{
    int64_t engine_wall_ms = doctor->host.now_wall_ms;
    int64_t off_ms = 0;

    if (engine_wall_ms == 0) {
        doctor_say(doctor, DOCTOR_WARN, "clock", NULL, "the engine does not tell its time");
        return;
    }
    if (engine_wall_ms < before_wall_ms) {
        off_ms = engine_wall_ms - before_wall_ms;
    } else if (engine_wall_ms > after_wall_ms) {
        off_ms = engine_wall_ms - after_wall_ms;
    }
    if (llabs(off_ms) > CLOCK_SKEW_WARN_MS) {
        doctor_say(doctor, DOCTOR_WARN, "clock", "let both machines keep their time by NTP",
                   "the engine's clock is %.1f s %s ours: times in statuses, and when crashes are "
                   "forgiven, are off by that",
                   (double)llabs(off_ms) / 1000, off_ms > 0 ? "before" : "behind");
    } else {
        doctor_say(doctor, DOCTOR_OK, "clock", NULL, "the engine's clock is ours");
    }
}

static void check_cgroups(struct doctor *doctor)
{
    struct capacity capacity;
    auto_free char *message = cgroup_means_find(&doctor->host, doctor->is_local, &capacity);

    switch (capacity.means) { /* no default: means without words do not compile */
    case CAPACITY_DIRECTORIES:
        doctor_say(doctor, DOCTOR_OK, "cgroups", NULL,
                   "instances are bounds: by directories in /sys/fs/cgroup, version %u",
                   doctor->host.cgroup_version);
        return;
    case CAPACITY_SLICES:
        doctor_say(doctor, DOCTOR_OK, "cgroups", NULL,
                   "instances are bounds: by slices of systemd");
        return;
    case CAPACITY_ACCOUNTED:
        doctor_say(doctor, DOCTOR_WARN, "cgroups",
                   "see \"What bounds an instance\" in docs/operations.md",
                   "machine types are counted, not enforced, beyond each container's own limits: "
                   "%s (%s)",
                   message, capacity.reason);
        return;
    }
}

static int ask(struct doctor *doctor, struct engine_session *session, struct error *err)
{
    auto_done(docker_engine) engine = {0};
    json_auto_t *version = NULL, *info = NULL;
    int64_t before_wall_ms, after_wall_ms;

    if (engine_session_call(session, docker_get_version(), &version, err) < 0 ||
        docker_parse_engine(version, &engine, err) < 0) {
        return -1;
    }
    before_wall_ms = clock_wall_ms();
    if (engine_session_call(session, docker_get_info(), &info, err) < 0) {
        return -1;
    }
    after_wall_ms = clock_wall_ms();
    docker_parse_host(info, &doctor->host);
    doctor->has_host = true;
    doctor->is_local = session->endpoint.is_local;
    doctor_say(doctor, DOCTOR_OK, "engine", NULL, "%s, version %s, API %s%s",
               session->endpoint.text, engine.version, session->version,
               doctor->is_local ? ""
                                : "; it is reached by TCP: repositories need the state directory "
                                  "under the same path there");
    check_clock(doctor, before_wall_ms, after_wall_ms);
    return 0;
}

static const char *environment(const char *name)
{
    return getenv(name);
}

/*
 * What a look at the socket itself tells is clearer than what a connection says. The caller's to
 * free.
 */
static char *explain(const char *url, const struct error *err)
{
    auto_done(docker_endpoint) endpoint = {0};
    struct error ignored = {0};

    if (docker_endpoint_parse(url, environment, &endpoint, &ignored) < 0 ||
        endpoint.socket_path == NULL) {
        return xstrdup(err->message);
    }
    if (access(endpoint.socket_path, F_OK) < 0) {
        return xasprintf("there is no socket %s", endpoint.socket_path);
    }
    return access(endpoint.socket_path, R_OK | W_OK) < 0
               ? xasprintf("uid %d may not use the socket %s", (int)geteuid(), endpoint.socket_path)
               : xasprintf("%s: %s", endpoint.text, err->message);
}

void doctor_check_engine(struct doctor *doctor)
{
    const json_t *engine = json_object_get(doctor->heartbeat, "engine");
    const char *known = json_string_value(json_object_get(engine, "address"));
    const char *host = getenv("DOCKER_HOST");
    const char *url = doctor->engine != NULL            ? doctor->engine
                      : host != NULL && host[0] != '\0' ? host
                                                        : known;
    struct engine_session session;
    struct error err = {0};
    int result = engine_session_open(&session, url, NULL, &err);

    if (result == 0) {
        result = ask(doctor, &session, &err);
        engine_session_done(&session);
    }
    if (result < 0) {
        auto_free char *why = explain(url, &err);

        doctor_say(doctor, DOCTOR_FAIL, "engine",
                   "start it, let this user reach its socket, or name another one by --engine",
                   "%s", why);
    } else {
        check_cgroups(doctor);
    }
}
