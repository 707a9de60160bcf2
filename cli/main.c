#include "cli/command.h"

#include "base/cleanup.h"
#include "base/suggest.h"
#include "base/version.h"
#include "cli/cmd_git_worker.h"
#include "cli/cmd_tree_worker.h"

#include <stdio.h>
#include <string.h>

/* Sorted by name: help lists them in this order. */
static const struct command commands[] = {
    {"confirm-deletions", cmd_confirm_deletions, "let held deletions happen"},
    {"doctor", cmd_doctor, "look at what Berth needs on this machine"},
    {"exec", cmd_exec, "run a command in the container of a task, a repository or an instance"},
    {"fetch", cmd_fetch, "bring a task's commits into a clone of yours"},
    {"gc", cmd_gc, "remove now what nobody needs, or say what that is"},
    {"get", cmd_get, "show objects and their status"},
    {"git-worker", cmd_git_worker, NULL},
    {"logs", cmd_logs, "show the log of a task, a repository or an instance"},
    {"reconcile", cmd_reconcile, "ask the controller to look at an object now"},
    {"remove-tree", cmd_remove_tree, NULL},
    {"run", cmd_run, "run the controller"},
    {"tree-worker", cmd_tree_worker, NULL},
    {"validate", cmd_validate, "check spec files without an engine"},
    {"version", cmd_version, "print the version"},
};

static void print_help(void)
{
    printf("berth %s: keeps the containers of this host as the files in a directory say\n\n"
           "usage: berth COMMAND [OPTION...]\n\ncommands:\n",
           BERTH_VERSION);
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (commands[i].summary != NULL) {
            printf("  %-18s %s\n", commands[i].name, commands[i].summary);
        }
    }
    printf("\nberth COMMAND --help tells more about one.\n");
}

static int unknown_command(const char *name)
{
    const char *names[ARRAY_SIZE(commands)];
    size_t count = 0;
    const char *nearest;

    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (commands[i].summary != NULL) {
            names[count++] = commands[i].name;
        }
    }
    nearest = suggest_nearest(name, names, count);
    fprintf(stderr, "berth: unknown command \"%s\"", name);
    if (nearest != NULL) {
        fprintf(stderr, "; did you mean \"%s\"?", nearest);
    }
    fprintf(stderr, "\nsee: berth --help\n");
    return EXIT_BAD_USAGE;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "--help";

    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_help();
        return argc > 1 ? EXIT_OK : EXIT_BAD_USAGE;
    }
    if (strcmp(name, "--version") == 0) {
        name = "version";
    }
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (strcmp(name, commands[i].name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    return unknown_command(name);
}
