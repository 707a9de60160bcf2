#include "tests/model/check.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "tests/model/steps.h"
#include "tests/model/tasks.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

enum { QUIET_S = 120, POLL_MS = 250, STEADY_MS = 1500 };

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- objects ---------------------------------------------------------------------------------- */

/*
 * The hash tells whether a status is of this spec: the same for the same spec, another one for
 * another.
 */
static void check_hash(struct look *look, const struct world_object *object,
                       const struct spec *spec)
{
    const char *hash = engine_text(look_status(look, object, NULL), "observedHash");

    if (object->hash[0] == '\0') {
        return; /* it was not sure which spec that was of */
    }
    if ((strcmp(hash, object->hash) == 0) != spec_equal(spec, &object->settled)) {
        look_complain(look, "the hash of %s was %s and is %s, and its spec is %s", object->name,
                      object->hash, hash,
                      spec_equal(spec, &object->settled) ? "the same" : "another one");
    }
}

static void check_against(struct look *look, const struct world_object *object,
                          const struct spec *spec)
{
    if (object->kind == SPEC_POOL) {
        check_pool(look, object, spec);
    } else {
        check_instance(look, object, spec);
    }
    if (object->was_there) {
        check_hash(look, object, spec);
    }
}

/*
 * One of several specs may be in force: the first that fits counts; if none does, the last is told
 * of.
 */
static void check_object(struct look *look, unsigned number)
{
    struct world_object *object = &look->world->objects[number];
    const struct world_expectation *expectation = &look->expectations[number];
    struct strbuf before = look->wrong;
    unsigned fits = 0;
    const json_t *status = look_status(look, object, &look->owners[number]);

    if (expectation->may_be_absent &&
        (status == NULL || strcmp(engine_text(status, "phase"), "Invalid") == 0)) {
        return; /* what it left is for check_leftovers */
    }
    for (unsigned s = 0; s < expectation->count; s++) {
        struct strbuf wrong;

        look->wrong = (struct strbuf){0};
        check_against(look, object, expectation->specs[s]);
        wrong = look->wrong;
        look->wrong = before;
        if (wrong.len == 0) {
            fits++;
            look->found[number] =
                look->found[number] != NULL ? look->found[number] : expectation->specs[s];
        } else if (fits == 0 && s + 1 == expectation->count) {
            strbuf_append(&look->wrong, strbuf_text(&wrong), wrong.len);
            look->found[number] = expectation->specs[s];
        }
        strbuf_done(&wrong);
    }
    look->is_ambiguous[number] = fits > 1;
    if (look->found[number] != NULL) {
        return;
    }
    look_complain(look, "%s is not to be there, and has a status", object->name);
}

/* Its spec has come back: the container is taken up again. */
static void forget_released(struct world *world, const char *name)
{
    for (unsigned i = 0; i < world->released_count; i++) {
        if (strcmp(world->released[i].name, name) == 0) {
            world->released[i] = world->released[--world->released_count];
            return;
        }
    }
}

void check_objects(struct look *look)
{
    for (unsigned i = 0; i < WORLD_OBJECTS; i++) {
        world_expect(look->world, &look->world->objects[i], &look->expectations[i]);
        if (look->expectations[i].is_claimed) {
            forget_released(look->world, look->world->objects[i].name);
        }
        look->owners[i] = -1;
    }
    for (unsigned i = 0; i < WORLD_OBJECTS; i++) {
        check_object(look, i);
    }
}

/* --- what must not change --------------------------------------------------------------------- */

static unsigned port_on_host(const json_t *container, unsigned container_port)
{
    auto_free char *path = xasprintf("HostConfig.PortBindings.%u/tcp.0.HostPort", container_port);

    return (unsigned)strtoul(engine_text(container, path), NULL, 10);
}

static bool had_one_container(const struct world_object *object)
{
    for (unsigned i = 0; i < object->possible_count; i++) {
        if (object->possible[i].number != object->settled.number) {
            return false;
        }
    }
    return !object->may_be_absent && !object->may_be_new;
}

static bool always_leased(const struct world_object *object, unsigned port)
{
    for (unsigned i = 0; i < object->possible_count; i++) {
        if (object->possible[i].port_count <= port ||
            object->possible[i].ports[port].host_port != 0) {
            return false;
        }
    }
    return !object->may_be_absent && !object->may_move_ports;
}

static bool has_lost_port(const struct world *world, const struct world_object *object)
{
    for (unsigned p = 0; p < SPEC_PORTS; p++) {
        if (object->host_ports[p] != 0 && world->port_was_taken[object->host_ports[p]]) {
            return true;
        }
    }
    return false;
}

void check_kept(struct look *look)
{
    for (unsigned i = 0; i < WORLD_OBJECTS; i++) {
        const struct world_object *object = &look->world->objects[i];
        const json_t *container = look_container(look, object->name);

        if (object->kind == SPEC_POOL || !object->was_there || look->found[i] == NULL ||
            object->container_id[0] == '\0' || object->taken_by[0] != '\0') {
            continue;
        }
        if (container != NULL && had_one_container(object) && !has_lost_port(look->world, object) &&
            strcmp(engine_text(container, "Id"), object->container_id) != 0) {
            look_complain(look, "%s was made anew for no reason", object->name);
        }
        for (unsigned p = 0; container != NULL && p < look->found[i]->port_count; p++) {
            unsigned before = object->host_ports[p];
            unsigned after = port_on_host(container, look->found[i]->ports[p].container_port);

            if (before != 0 && always_leased(object, p) && !look->world->port_was_taken[before] &&
                before != after) {
                look_complain(look, "port %u of %s was %u and is %u", p, object->name, before,
                              after);
            }
        }
    }
}

/*
 * --- the quiet point
 * ------------------------------------------------------------------------------
 */

/* Its spec is gone, and its container was made to outlive it: nobody may touch that any more. */
static void note_released(struct look *look, const struct world_object *object)
{
    struct world *world = look->world;
    const json_t *container = look_container(look, object->name);

    if (!look_may_be_released(look, container) || look_is_released(look, container) ||
        world->released_count == WORLD_RELEASED) {
        return;
    }
    snprintf(world->released[world->released_count].name, SPEC_NAME_SIZE, "%s", object->name);
    snprintf(world->released[world->released_count++].id, WORLD_ID_SIZE, "%s",
             engine_text(container, "Id"));
}

static void settle(struct look *look)
{
    struct world *world = look->world;

    for (unsigned i = 0; i < WORLD_OBJECTS; i++) {
        struct world_object *object = &world->objects[i];
        const json_t *container = look_container(look, object->name);
        const struct spec *spec = look->found[i];

        note_released(look, object);
        memset(object->host_ports, 0, sizeof(object->host_ports));
        object->container_id[0] = '\0';
        snprintf(object->hash, sizeof(object->hash), "%s",
                 engine_text(look_status(look, object, NULL), "observedHash"));
        if (spec != NULL && container != NULL && object->kind == SPEC_INSTANCE &&
            look_is_ours(look, container)) {
            snprintf(object->container_id, WORLD_ID_SIZE, "%s", engine_text(container, "Id"));
            for (unsigned p = 0; p < spec->port_count; p++) {
                object->host_ports[p] = port_on_host(container, spec->ports[p].container_port);
            }
        }
        if (look->is_ambiguous[i]) {
            object->hash[0] = '\0';
        }
        world_settle(world, object, spec, look->owners[i], look->is_ambiguous[i]);
    }
    world->absent_since_quiet = 0;
    memset(world->port_was_taken, 0, sizeof(world->port_was_taken));
    for (unsigned i = 0; i < WORLD_LISTENERS; i++) {
        if (world->listeners[i].fd >= 0) {
            world->port_was_taken[world->listeners[i].port] = true;
        }
    }
}

/* Deletions are held when they are more than half of all and more than five, and then confirmed. */
static void check_hold(struct look *look)
{
    unsigned held =
        (unsigned)strtoul(engine_text(look->heartbeat, "specs.heldDeletions"), NULL, 10);

    if (held == 0) {
        return;
    }
    look_complain(look, "%u deletions are held", held);
    if (look->world->absent_since_quiet > 5) {
        world_say(look->world, "confirm %u deletions", held);
        controller_confirm(look->world);
    }
}

static void check_controller(struct world *world)
{
    int status = 0;

    if (waitpid(world->controller, &status, WNOHANG) != 0) {
        world->controller = 0;
        world_abort(world, "the controller has ended by itself (%#x), see %s", (unsigned)status,
                    world->log);
    }
}

/*
 * What is wrong at this moment, the caller's; NULL: nothing. ids are those of all containers of
 * this run, with their starts. When they are as_before, this is the new quiet point.
 */
static char *look_once(struct world *world, const char *as_before, struct strbuf *ids)
{
    struct look look;
    json_t *container;
    size_t i;

    check_controller(world);
    if (look_take(&look, world)) {
        check_objects(&look);
        check_leftovers(&look);
        check_tasks(&look);
        check_files(&look);
        check_kept(&look);
        check_hold(&look);
    }
    json_array_foreach(look.containers, i, container) {
        if (look_is_ours(&look, container)) {
            strbuf_addf(ids, "#     %s %.12s since %s\n", engine_text(container, "Name"),
                        engine_text(container, "Id"), engine_text(container, "State.StartedAt"));
        }
    }
    if (look.wrong.len == 0 && as_before != NULL) {
        if (strcmp(as_before, strbuf_text(ids)) == 0) {
            settle(&look);
        } else {
            look_complain(&look, "containers change:\n%s#     and then\n%s", as_before,
                          strbuf_text(ids));
        }
    }
    char *wrong = look.wrong.len > 0 ? strbuf_take(&look.wrong) : NULL;

    look_done(&look);
    return wrong;
}

/* Nothing is wrong, and a moment later neither, and nothing was made or started anew meanwhile. */
static bool is_steady(struct world *world, char **wrong)
{
    auto_done(strbuf) before = {0};
    auto_done(strbuf) after = {0};

    *wrong = look_once(world, NULL, &before);
    if (*wrong == NULL) {
        pause_ms(STEADY_MS);
        *wrong = look_once(world, strbuf_text(&before), &after);
    }
    return *wrong == NULL;
}

bool check_quiet(struct world *world)
{
    int64_t began_ms = now_ms(), deadline_ms = began_ms + (int64_t)QUIET_S * 1000;
    auto_free char *wrong = NULL;

    if (world->controller == 0) {
        world_say(world, "start the controller");
        controller_start(world);
    }
    while (!is_steady(world, &wrong)) {
        if (now_ms() > deadline_ms) {
            fflush(world->journal_stream);
            printf("%s# seed %lu: after %d s it is not as it is to be:\n%s",
                   world->is_verbose ? "" : world->journal, world->seed, QUIET_S, wrong);
            return false;
        }
        free(TAKE(wrong));
        pause_ms(POLL_MS);
    }
    world_say(world, "quiet after %.1f s", (double)(now_ms() - began_ms) / 1000);
    return true;
}
