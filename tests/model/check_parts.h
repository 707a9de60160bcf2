/* What the parts of the checker share: one look at everything, and what is wrong in it. */
#ifndef BERTH_TESTS_MODEL_CHECK_PARTS_H
#define BERTH_TESTS_MODEL_CHECK_PARTS_H

#include "base/strbuf.h"
#include "tests/model/world.h"

struct look {
    struct world *world;
    json_t *containers, *networks; /* as the engine tells */
    json_t *statuses;              /* path of the spec file: list of documents */
    json_t *heartbeat;
    json_t *leases;
    struct strbuf wrong; /* a line each */
    /* What each object was found to be; NULL: absent */
    const struct spec *found[WORLD_OBJECTS];
    int owners[WORLD_OBJECTS];
    bool is_ambiguous[WORLD_OBJECTS]; /* more than one spec fits: their difference does not show */
    struct world_expectation expectations[WORLD_OBJECTS];
};

/* False: the engine does not answer, which is noted. */
bool look_take(struct look *look, struct world *world);
void look_done(struct look *look);
void look_complain(struct look *look, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

const json_t *look_container(const struct look *look, const char *name); /* NULL: there is none */
const json_t *look_container_by_id(const struct look *look, const char *id);
bool look_is_ours(const struct look *look, const json_t *container);
/*
 * Left to itself by deletionPolicy Retain: known to be, as of a quiet point; may have been, since.
 */
bool look_is_released(const struct look *look, const json_t *container);
bool look_may_be_released(const struct look *look, const json_t *container);

/* The status of an object in the file that owns it; NULL: none. ret_file may be NULL. */
const json_t *look_status(const struct look *look, const struct world_object *object,
                          int *ret_file);
const json_t *look_condition(const json_t *status, const char *type);
bool look_condition_is(const json_t *status, const char *type, const char *value);

/* Whether the name is that of a member of this pool. */
bool name_is_member(const char *name, const struct world_object *pool);

/* The parts. Each complains. */
void check_objects(struct look *look);
void check_instance(struct look *look, const struct world_object *object, const struct spec *spec);
void check_pool(struct look *look, const struct world_object *object, const struct spec *spec);
/* What a container is made from: image, command, environment, memory, network, ports. */
void check_container(struct look *look, const struct world_object *object, const json_t *container,
                     const struct spec *spec);
bool check_port_is_taken(const struct look *look, const json_t *container);
void check_files(struct look *look);
void check_leftovers(struct look *look);
void check_kept(struct look *look);

#endif
