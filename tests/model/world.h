/*
 * What a run of the model knows, because it did it: the spec files as it wrote them, and what the
 * engine may have for each object once all is quiet.
 *
 * Mostly that is one answer. Where it depends on what the controller saw in time (a file that was
 * edited and broken a moment later) there are several, and each of them is right: `possible`
 * gathers them until the next quiet point tells which one it is.
 */
#ifndef BERTH_TESTS_MODEL_WORLD_H
#define BERTH_TESTS_MODEL_WORLD_H

#include "tests/model/engine.h"
#include "tests/model/spec.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
    WORLD_OBJECTS = 9,
    WORLD_FILES = 8,
    WORLD_DOCS = 3,
    WORLD_POSSIBLE = 32,
    WORLD_LISTENERS = 6,
    WORLD_FOREIGN = 8,
    WORLD_RELEASED = 32,
    WORLD_TASKS = 12,
    WORLD_ID_SIZE = 80,
};

struct world_doc {
    unsigned object;
    struct spec spec;
    bool is_faulty;
};

struct world_file {
    bool exists;
    char path[64]; /* below the spec directory */
    bool is_moved; /* since the last quiet point: what is there now may never have been read */
    bool is_broken;
    unsigned doc_count;
    struct world_doc docs[WORLD_DOCS];
    bool named[WORLD_OBJECTS]; /* objects that it had at some time since the last quiet point */
};

struct world_object {
    char name[SPEC_NAME_SIZE];
    enum spec_kind kind;

    /* What the controller may have taken up last. */
    struct spec possible[WORLD_POSSIBLE];
    unsigned possible_count;
    bool may_be_absent;

    int owner; /* the file whose document counts, as of the last quiet point; -1: not known */
    char taken_by[WORLD_ID_SIZE]; /* a foreign container that has its name */

    /* As of the last quiet point. */
    bool was_there;
    struct spec settled;
    char container_id[WORLD_ID_SIZE];
    unsigned host_ports[SPEC_PORTS];
    char hash[40]; /* status.observedHash */

    /* Since the last quiet point. */
    bool may_be_new;    /* something was done that needs a new container */
    bool was_disturbed; /* its container was stopped, killed, paused or lost */

    unsigned disturbances; /* in the whole run: each makes the back-off longer */
    bool was_ever_disturbed;
    bool may_move_ports; /* since the last quiet point: a stray container had them */
    bool was_retained;   /* a spec of it said Retain once */
    bool had_fixed_port; /* and may keep it when its spec does not ask for it any more */
};

struct world_task {
    bool exists;
    char name[SPEC_NAME_SIZE];
    bool is_session, is_completed;
    unsigned sleep_s, exit_code, backoff_limit;
    bool was_disturbed; /* its container may have been lost */
};

struct world_listener {
    int fd; /* -1: none */
    unsigned port;
};

struct world {
    unsigned long seed;
    struct dice dice;
    bool is_verbose;
    unsigned step;
    char *journal; /* every step so far, a line each */
    size_t journal_size;
    FILE *journal_stream;

    /* What the run was started with. */
    const char *berth, *engine_url, *engine_restart, *network_range;
    const char *repository; /* that tasks are on; NULL: no tasks */
    unsigned port_first, port_last;
    char *directory, *specs, *state, *statuses, *log;
    char scan_interval[8], relist_interval[8];
    bool is_polling;

    struct engine engine;
    pid_t controller; /* 0: none runs */
    char controller_id[32];

    struct world_object objects[WORLD_OBJECTS];
    struct world_file files[WORLD_FILES];
    unsigned number; /* the last one that was given to a spec */
    unsigned file_number;
    unsigned absent_since_quiet; /* deletions that were asked for since the last quiet point */

    struct world_task tasks[WORLD_TASKS];
    unsigned task_count;

    struct world_listener listeners[WORLD_LISTENERS];
    bool port_was_taken[65536]; /* by a listener of ours since the last quiet point */
    char foreign[WORLD_FOREIGN][WORLD_ID_SIZE]; /* ids of containers that nobody may touch */
    unsigned foreign_count;
    struct {
        char name[SPEC_NAME_SIZE], id[WORLD_ID_SIZE];
    } released[WORLD_RELEASED];
    unsigned released_count;
    char foreign_network[WORLD_ID_SIZE];
};

/* Says what is done, in the journal and, when asked for, on standard output. */
void world_say(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A fault of the test itself, or of the machine: prints the journal and ends the program. */
void world_abort(struct world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));

/* To be called after each change of a file. */
void world_note_files(struct world *world);

/* What may be there once all is quiet. */
struct world_expectation {
    const struct spec *specs[WORLD_POSSIBLE + WORLD_FILES * WORLD_DOCS];
    unsigned count;
    bool may_be_absent;
    bool is_claimed; /* some file has it, or had it before it was broken */
};
void world_expect(const struct world *world, const struct world_object *object,
                  struct world_expectation *expectation);

/*
 * All is quiet: this is what came of it (spec NULL: the object is absent; is_ambiguous: or
 * another of those that were possible).
 */
void world_settle(struct world *world, struct world_object *object, const struct spec *spec,
                  int owner, bool is_ambiguous);

/* A file that exists, by chance; NULL: there is none. */
struct world_file *world_pick_file(struct world *world);
/* An object that has a document somewhere, by chance; NULL: there is none. */
struct world_object *world_pick_object(struct world *world);

#endif
