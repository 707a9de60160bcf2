/*
 * Parts of validate.c that are in files of their own, and what they share.
 */
#ifndef BERTH_SPECS_VALIDATE_PARTS_H
#define BERTH_SPECS_VALIDATE_PARTS_H

#include "specs/decode.h"

/* The list of that name in spec, or NULL when there is none that was decoded. */
const struct yaml_node *validate_list_node(const struct yaml_node *spec, const char *name,
                                           size_t count);

/* Where a value of an item stands, or else the item. */
const struct yaml_node *validate_value_node(const struct yaml_node *item, const char *key);

void validate_volumes(struct decoder *decoder, const struct volume_list *volumes,
                      const struct yaml_node *spec, const struct place *spec_place);

/* Its volumes and caches together: none at a place that is Berth's, no two at one place. */
void validate_repository_mounts(struct decoder *decoder, struct repository_spec *repository,
                                const struct yaml_node *spec, const struct place *spec_place);

#endif
