#include "cli/command.h"

#include "base/cleanup.h"
#include "base/suggest.h"
#include "base/version.h"
#include "cli/help.h"

#include <stdio.h>
#include <string.h>

/* Sorted by name: help lists them in this order. */
const struct command *const commands[] = {
    &command_confirm_deletions,
    &command_doctor,
    &command_exec,
    &command_fetch,
    &command_gc,
    &command_get,
    &command_git_worker,
    &command_logs,
    &command_reconcile,
    &command_remove_tree,
    &command_run,
    &command_tree_worker,
    &command_validate,
    &command_version,
    NULL,
};

/* A line each. */
static void print_commands(FILE *out)
{
    fprintf(out,
            "berth %s: keeps the containers of this host as the files in a directory say\n\n"
            "usage: berth COMMAND [OPTION...]\n\ncommands:\n",
            BERTH_VERSION);
    for (size_t i = 0; commands[i] != NULL; i++) {
        if (commands[i]->summary != NULL) {
            fprintf(out, "  %-18s %s\n", commands[i]->name, commands[i]->summary);
        }
    }
    fputs("\nberth COMMAND --help tells more about one.\n", out);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; commands[i] != NULL; i++) {
        if (strcmp(name, commands[i]->name) == 0) {
            return commands[i];
        }
    }
    return NULL;
}

static int unknown_command(const char *name)
{
    const char *names[ARRAY_SIZE(commands)];
    size_t count = 0;
    const char *nearest;

    for (size_t i = 0; commands[i] != NULL; i++) {
        if (commands[i]->summary != NULL) {
            names[count++] = commands[i]->name;
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

static bool is_help(const char *text)
{
    return strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0 || strcmp(text, "help") == 0;
}

int main(int argc, char **argv)
{
    const struct command *command;

    if (argc < 2 || (is_help(argv[1]) && argc == 2)) {
        print_commands(argc < 2 ? stderr : stdout);
        return argc < 2 ? EXIT_BAD_USAGE : EXIT_OK;
    }
    if (is_help(argv[1])) { /* berth help get */
        command = find_command(argv[2]);
        if (command == NULL) {
            return unknown_command(argv[2]);
        }
        help_print(command, stdout);
        return EXIT_OK;
    }
    command = find_command(strcmp(argv[1], "--version") == 0 ? "version" : argv[1]);
    return command != NULL ? command->run(argc - 1, argv + 1) : unknown_command(argv[1]);
}
