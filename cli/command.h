/*
 * The commands of `berth`, one file each, found by a table in main.c.
 */
#ifndef BERTH_CLI_COMMAND_H
#define BERTH_CLI_COMMAND_H

#include <stdbool.h>

struct command {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns the exit code */
    const char *summary;               /* NULL: not for people, and not listed */
};

/* Exit codes of all commands but run, which has its own (docs/operations.md). */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_BAD_USAGE = 2 };

int cmd_confirm_deletions(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_exec(int argc, char **argv);
int cmd_fetch(int argc, char **argv);
int cmd_gc(int argc, char **argv);
int cmd_get(int argc, char **argv);
int cmd_logs(int argc, char **argv);
int cmd_reconcile(int argc, char **argv);
int cmd_remove_tree(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_validate(int argc, char **argv);
int cmd_version(int argc, char **argv);

/* "berth: <text>" on stderr, and where to find help; returns EXIT_BAD_USAGE. */
int usage_error(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The value of a flag, else of the environment variable, else the fallback; absolute. The caller's to free. */
char *directory_option(const char *value, const char *variable, const char *fallback);

#endif
