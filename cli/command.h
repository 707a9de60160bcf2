/*
 * The commands of `berth`: one file and one table each. The table is what the command's options are
 * read by (arguments.h), and what --help (help.h), completion, the man pages and
 * docs/reference/commands.md are made from.
 */
#ifndef BERTH_CLI_COMMAND_H
#define BERTH_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

/* What may stand in a place of a command line, for completion. */
enum completion {
    COMPLETE_NOTHING,
    COMPLETE_FILES,
    COMPLETE_DIRECTORIES,
    COMPLETE_WORDS,   /* those of the option's value, "text|json" */
    COMPLETE_KINDS,   /* "instances" */
    COMPLETE_NAMES,   /* of objects: of the kind that stands before it, where one does */
    COMPLETE_TARGETS, /* "task/fix-7" */
    COMPLETE_TASKS,   /* names of tasks */
    COMPLETE_POOLS,
    COMPLETE_FIELDS, /* "Instance.spec.ports" */
    COMPLETE_CONTAINERS,
};

/* One option. A row without a name ends a table. */
struct command_option {
    int id; /* a letter is its short form too */
    const char *name;
    const char *value; /* what it takes, as in help: "DIR", "text|json"; NULL: nothing */
    const char *help;  /* a line, or several; begins in lower case and ends without a point */
    enum completion completion;
};

enum { COMMAND_MAX_OPERANDS = 3 };

/* Where `berth --help` lists a command; command_groups[] has their titles. */
enum command_group { GROUP_OTHERS, GROUP_OBJECTS, GROUP_SPECS, GROUP_LOOKING, GROUP_OPERATING };

struct command {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns the exit code */
    const char *summary;               /* NULL: not for people, and not listed */
    enum command_group group;
    const char *operands;    /* "[KIND [NAME]]", or NULL */
    const char *description; /* sentences; lines are wrapped where it is shown */
    const struct command_option *options;
    const char *exit_codes; /* "0 all are good, 1 something is wrong, 2 usage" */
    const char *examples;   /* a command a line, with a comment behind two blanks where one helps */
    /* of the operands; the last goes for all further ones */
    enum completion completion[COMMAND_MAX_OPERANDS];
};

/* Exit codes of all commands but run, which has its own (docs/operations.md). */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_BAD_USAGE = 2, EXIT_TIMED_OUT = 124 };

extern const struct command command_adopt;
extern const struct command command_apply;
extern const struct command command_attach;
extern const struct command command_complete;
extern const struct command command_completion;
extern const struct command command_confirm_deletions;
extern const struct command command_convert;
extern const struct command command_delete;
extern const struct command command_describe;
extern const struct command command_diff;
extern const struct command command_doctor;
extern const struct command command_edit;
extern const struct command command_events;
extern const struct command command_exec;
extern const struct command command_explain;
extern const struct command command_fetch;
extern const struct command command_fmt;
extern const struct command command_gc;
extern const struct command command_get;
extern const struct command command_git_worker;
extern const struct command command_init;
extern const struct command command_logs;
extern const struct command command_open;
extern const struct command command_pages;
extern const struct command command_plan;
extern const struct command command_reconcile;
extern const struct command command_remove_tree;
extern const struct command command_resume;
extern const struct command command_run;
extern const struct command command_scale;
extern const struct command command_schema;
extern const struct command command_suspend;
extern const struct command command_top;
extern const struct command command_tree;
extern const struct command command_tree_worker;
extern const struct command command_validate;
extern const struct command command_version;
extern const struct command command_wait;

/* All of them by name, in order; NULL ends. */
extern const struct command *const commands[]; /* in main.c */

/* "berth: <text>" on stderr, and where to find help; returns EXIT_BAD_USAGE. */
int usage_error(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define SPECS_VARIABLE "BERTH_SPECS"
#define STATE_VARIABLE "BERTH_STATE"
#define STATUS_DIR_VARIABLE "BERTH_STATUS_DIR"

/*
 * The value of a flag, else of the environment variable, else of ./berth.yaml (places_file.h), else
 * the fallback; absolute. The caller's to free.
 */
char *directory_option(const char *value, const char *variable, const char *fallback);

#endif
