/*
 * The tables of the kinds, each in a file of its own, and of the things that several kinds have.
 */
#ifndef BERTH_SPECS_SCHEMA_PARTS_H
#define BERTH_SPECS_SCHEMA_PARTS_H

#include "specs/schema.h"

#define END_OF_TABLE                                                                               \
    {                                                                                              \
        .name = NULL                                                                               \
    }

enum { SCHEMA_MAX_SECONDS = 10 * 365 * 86400 };

extern const struct field schema_instance_fields[];   /* of struct instance_spec */
extern const struct field schema_pool_fields[];       /* of struct pool_spec */
extern const struct field schema_repository_fields[]; /* of struct repository_spec */
extern const struct field schema_task_fields[];       /* of struct task_spec */

extern const char *const schema_pull_policy_words[]; /* of enum pull_policy */
extern const char *const schema_isolation_words[];   /* of enum isolation */
extern const struct field schema_setup_fields[];     /* of struct setup_spec */
extern const struct field schema_env_fields[];       /* of struct env_var */
extern const struct field schema_port_fields[];      /* of struct port_spec */
extern const struct field schema_volume_fields[];    /* of struct volume_spec */
extern const struct field schema_resources_fields[]; /* of struct resources */
extern const struct field schema_probe_fields[];     /* of struct probe_spec */
extern const struct field schema_lifecycle_fields[]; /* of struct lifecycle */
extern const struct field schema_security_fields[];  /* of struct security_context */

#endif
