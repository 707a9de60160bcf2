/*
 * What `berth doctor` looks at: one line for each check, with what to do where something is not as
 * it should be.
 *
 * A check says what it found and never stops the others. Fail: Berth does not work, or begins
 * nothing new. Warn: it works with less, and the line says what that costs.
 */
#ifndef BERTH_CLI_DOCTOR_H
#define BERTH_CLI_DOCTOR_H

#include "clients/docker_types.h"

#include <jansson.h>
#include <stdbool.h>

struct doctor {
    const char *engine, *ports; /* of the flags; NULL: not given */
    char *state_dir, *specs_dir;
    json_t *
        /* of the controller that runs with this state directory, or ran last; NULL: none */
        heartbeat;
    bool is_controlled; /* one runs */

    bool has_host; /* the engine was reached: host and is_local are set */
    struct docker_host host;
    bool is_local;

    bool has_network; /* other machines may be asked */
    json_t *checks;   /* what was found, for -o json; NULL: it is printed as it is found */
    unsigned failed, warned;
};

enum doctor_verdict { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

/* The line "<verdict> <subject> <finding>; fix: <fix>". fix NULL: nothing is to be done. */
void doctor_say(struct doctor *doctor, enum doctor_verdict verdict, const char *subject,
                const char *fix, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* doctor_engine.c */
void doctor_check_engine(struct doctor *doctor); /* and clock, and what bounds instances */
/* doctor_host.c */
void doctor_check_permissions(struct doctor *doctor);
void doctor_check_directories(struct doctor *doctor);
void doctor_check_kernel(struct doctor *doctor); /* Landlock, inotify */
void doctor_check_ports(struct doctor *doctor);
void doctor_check_git(struct doctor *doctor);
/* doctor_network.c */
void doctor_check_git_servers(struct doctor *doctor);
/* doctor_disk.c */
void doctor_check_disk(struct doctor *doctor);
void doctor_check_trees(struct doctor *doctor);

#endif
