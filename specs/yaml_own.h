/*
 * YAML exactly as yaml_writer.h writes it, straight into JSON: many times as fast as reading any
 * YAML (yaml_reader.h), for who reads thousands of status files.
 *
 * It takes nothing on trust: what is not in the writer's form, be it good YAML or not, is not read
 * here, and the reader of all YAML judges it. What is read here, that one reads as an equal value
 * without problems (fuzz_yaml_own.c).
 */
#ifndef BERTH_SPECS_YAML_OWN_H
#define BERTH_SPECS_YAML_OWN_H

#include <jansson.h>
#include <stddef.h>

/*
 * An array of the documents, which all are maps; NULL: it is not in the writer's form. New
 * reference.
 */
json_t *yaml_own_read(const char *text, size_t len);

#endif
