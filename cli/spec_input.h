/*
 * The specs that a command is given with -f: files, directories and standard input, with
 * --set and --name-prefix.
 */
#ifndef BERTH_CLI_SPEC_INPUT_H
#define BERTH_CLI_SPEC_INPUT_H

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/arguments.h"
#include "cli/object_names.h"
#include "cli/placeholders.h"
#include "specs/spec_set.h"

#include <stdio.h>

/* What the command line says. */
struct input_options {
    const char **sources;
    size_t count, capacity;
    struct placeholders values;
    const char *prefix; /* NULL: none */
};

void input_options_done(struct input_options *options);

enum { OPTION_SET = 1100, OPTION_NAME_PREFIX };

#define INPUT_OPTIONS                                                                              \
    {'f', "filename", "FILE|DIR|-",                                                                \
     "specs: a file, a directory with what is below it, or standard input; repeatable",            \
     COMPLETE_FILES},                                                                              \
        {OPTION_SET, "set", "KEY=VALUE", "stands for {{ KEY }} in the specs; repeatable",          \
         COMPLETE_NOTHING},                                                                        \
    {                                                                                              \
        OPTION_NAME_PREFIX, "name-prefix", "TEXT",                                                 \
            "before all names, and where objects of the input name each other", COMPLETE_NOTHING   \
    }

/* 1: the option is one of them; 0: it is none; -1: arguments_wrong(). */
int input_options_take(struct input_options *options, struct arguments *args, int id);

struct spec_input_file {
    char *label;  /* for messages, as the user named it */
    char *target; /* its name below a spec directory; NULL: it has none of its own */
    char *text;
    size_t len;
    const struct spec_file *parsed; /* the set's */
};

struct spec_input {
    struct spec_input_file *files;
    size_t count, capacity;
    struct spec_set *set;
};

void spec_input_done(struct spec_input *input);

/*
 * Reads all sources, and puts values in. Errors go to the stream, a line each; returns how many.
 * Errors inside of specs are none yet.
 */
size_t spec_input_read(struct input_options *options, struct spec_input *input, FILE *errors);

/* Errors inside of specs, as `berth validate` tells them; returns how many. */
size_t spec_input_report(const struct spec_input *input, FILE *errors);

/* Puts the prefix before all names of an input without errors; the files' targets have it too. */
int spec_input_rename(struct spec_input *input, const char *prefix, struct error *err);

/* All three, in order: an input to go on with, or how many errors there are. */
size_t spec_input_take(struct input_options *options, struct spec_input *input, FILE *errors);

/* The names of all objects, with the prefix (NULL: none). ERROR_INVALID: a document has none. */
int spec_input_names(const struct spec_input *input, const char *prefix, struct object_names *names,
                     struct error *err);

#endif
