/*
 * Tables of the things that several kinds have.
 */
#ifndef BERTH_SPECS_SCHEMA_PARTS_H
#define BERTH_SPECS_SCHEMA_PARTS_H

#include "specs/schema.h"

#define END_OF_TABLE                                                                               \
    {                                                                                              \
        .name = NULL                                                                               \
    }

extern const struct field schema_env_fields[];       /* of struct env_var */
extern const struct field schema_port_fields[];      /* of struct port_spec */
extern const struct field schema_volume_fields[];    /* of struct volume_spec */
extern const struct field schema_resources_fields[]; /* of struct resources */
extern const struct field schema_security_fields[];  /* of struct security_context */

#endif
