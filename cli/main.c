#include "cli/command.h"

#include "base/cleanup.h"
#include "base/suggest.h"
#include "cli/help.h"

#include <errno.h>
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

/*
 * What a command's exit code becomes when stdout did not take all of its results: a full disk
 * behind ">file" must not look like success, nor, with diff, like a change. Who reads no further
 * knows it.
 */
static int end(const struct command *command, int exit_code)
{
    bool is_diff = command == &command_diff || command == &command_plan;
    bool has_lost = ferror(stdout) != 0;
    int cause = fflush(stdout) == 0 ? 0 : errno;

    if (cause == EPIPE || (cause == 0 && !has_lost)) {
        return exit_code;
    }
    fprintf(stderr, "berth: not all could be written to standard output%s%s\n",
            cause != 0 ? ": " : "", cause != 0 ? strerror(cause) : "");
    if (is_diff) {
        return EXIT_BAD_USAGE;
    }
    return exit_code == EXIT_OK ? EXIT_FAILED : exit_code;
}

int main(int argc, char **argv)
{
    const struct command *command;

    if (argc < 2 || (is_help(argv[1]) && argc == 2)) {
        help_print_commands(commands, argc < 2 ? stderr : stdout);
        return argc < 2 ? EXIT_BAD_USAGE : end(NULL, EXIT_OK);
    }
    if (is_help(argv[1])) { /* berth help get */
        command = find_command(argv[2]);
        if (command == NULL) {
            return unknown_command(argv[2]);
        }
        help_print(command, stdout);
        return end(NULL, EXIT_OK);
    }
    command = find_command(strcmp(argv[1], "--version") == 0 ? "version" : argv[1]);
    if (command == NULL) {
        return unknown_command(argv[1]);
    }
    return command->summary != NULL ? end(command, command->run(argc - 1, argv + 1))
                                    : command->run(argc - 1, argv + 1);
}
