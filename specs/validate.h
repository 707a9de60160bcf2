/*
 * The rules that one row of a schema table cannot say: fields that exclude each other, sums,
 * duplicates.
 */
#ifndef BERTH_SPECS_VALIDATE_H
#define BERTH_SPECS_VALIDATE_H

#include "specs/decode.h"

/*
 * Completes (names of ports) and checks a decoded object; spec is the node it came from. Fields
 * that could not be read are absent in the object: nothing is told about them a second time.
 */
void validate_object(struct decoder *decoder, struct object *object, const struct yaml_node *spec,
                     const struct place *place);

#endif
