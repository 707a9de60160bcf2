/*
 * What a spec of the model says: a small part of what can be written, chosen so that the engine
 * shows all of it. It is printed as YAML, and never read back.
 */
#ifndef BERTH_TESTS_MODEL_SPEC_H
#define BERTH_TESTS_MODEL_SPEC_H

#include "base/strbuf.h"
#include "tests/model/dice.h"

#include <stdbool.h>

enum { SPEC_PORTS = 2, SPEC_NAME_SIZE = 40 };

enum spec_kind { SPEC_INSTANCE, SPEC_POOL };
enum spec_power { POWER_RUNNING, POWER_STOPPED, POWER_SUSPENDED };
enum spec_restart { RESTART_ALWAYS, RESTART_ON_FAILURE, RESTART_NEVER };

struct spec_port {
    unsigned container_port;
    unsigned host_port; /* 0: one of the range */
};

struct spec {
    enum spec_kind kind;
    char name[SPEC_NAME_SIZE];
    /*
     * In the environment of the container: another one for each change that needs a new container.
     */
    unsigned number;
    unsigned image; /* 0: left out, the idle image */
    unsigned command;
    unsigned machine;
    unsigned zone;
    enum spec_power power;
    enum spec_restart restart;
    unsigned grace_s;
    bool is_retained;
    struct spec_port ports[SPEC_PORTS];
    unsigned port_count;
    unsigned min_members; /* of a pool */
    unsigned spare_members;
};

/* fixed_port: a host port outside of the range, for some. */
void spec_roll(struct spec *spec, struct dice *dice, unsigned number, unsigned fixed_port);

/*
 * One field gets another value; *number goes up where that makes a new container. Returns the
 * field's name.
 */
const char *spec_roll_edit(struct spec *spec, struct dice *dice, unsigned *number,
                           unsigned fixed_port);

/* Whether both say the same, as text. */
bool spec_equal(const struct spec *a, const struct spec *b);

/* Nothing that counts differs between two styles. */
void spec_print(const struct spec *spec, unsigned style, bool is_faulty, struct strbuf *text);

const char *spec_kind_name(enum spec_kind kind);
const char *spec_image(const struct spec *spec); /* NULL: the idle image */
unsigned spec_memory_mib(const struct spec *spec);
const char *spec_zone(const struct spec *spec);

#endif
