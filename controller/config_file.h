/*
 * The configuration file, berth.yaml: a YAML map whose keys are the flags of `berth run` in
 * camelCase, those of settings.h.
 *
 * Read like a spec: all errors at once, each with line and column, unknown keys with the nearest
 * known one. What the file leaves out, it does not say: the command line or a default does. Its
 * relative paths count from its own directory.
 */
#ifndef BERTH_CONTROLLER_CONFIG_FILE_H
#define BERTH_CONTROLLER_CONFIG_FILE_H

#include "base/arena.h"
#include "base/cleanup.h"
#include "controller/options.h"

#include <stddef.h>

struct config_file {
    struct controller_options options; /* what it says; is_given tells which */
    const char **errors;               /* "berth.yaml:3:1: unknown field ..." */
    size_t error_count;                /* not 0: nothing of the file counts */
    struct arena arena;                /* of the errors */
};

/* The text of the file, which is called name in errors. An empty one is good. */
void config_file_parse(struct config_file *config, const char *name, const char *text, size_t len);

/* The same of a file on disk; that it cannot be read is an error like the others. */
void config_file_read(struct config_file *config, const char *path);

void config_file_done(struct config_file *config);

#endif
