#include "cli/command.h"

#include "base/cleanup.h"
#include "base/suggest.h"
#include "cli/help.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
/*
 * Sorted by name: help lists them in this order. One a line, so that each is a change of its own.
 */
const struct command *const commands[] = {
    &command_adopt,
    &command_apply,
    &command_attach,
    &command_complete,
    &command_completion,
    &command_confirm_deletions,
    &command_convert,
    &command_delete,
    &command_describe,
    &command_diff,
    &command_doctor,
    &command_edit,
    &command_events,
    &command_exec,
    &command_explain,
    &command_fetch,
    &command_fmt,
    &command_gc,
    &command_get,
    &command_git_worker,
    &command_init,
    &command_logs,
    &command_open,
    &command_pages,
    &command_plan,
    &command_reconcile,
    &command_remove_tree,
    &command_resume,
    &command_run,
    &command_scale,
    &command_schema,
    &command_suspend,
    &command_top,
    &command_tree,
    &command_tree_worker,
    &command_validate,
    &command_version,
    &command_wait,
    NULL,
};
/* clang-format on */

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
    auto_free char *hint = NULL;

    for (size_t i = 0; commands[i] != NULL; i++) {
        if (commands[i]->summary != NULL) {
            names[count++] = commands[i]->name;
        }
    }
    hint = suggest_hint(name, names, count);
    fprintf(stderr, "berth: unknown command \"%s\"%s\nsee: berth --help\n", name, hint);
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
        help_print_commands(commands, argc < 2 ? stderr : stdout);
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
