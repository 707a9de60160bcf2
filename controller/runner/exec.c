/*
 * `exec`: a command beside a task, as the task's user, in its tree, with its home and its guard,
 * and with the terminal or the streams of who started us. Nothing is written down, and nobody
 * watches over it.
 */
#include "controller/runner/command.h"
#include "controller/runner/runner.h"
#include "controller/runner/util.h"

int runner_exec(int argc, char **argv)
{
    struct command_options options = {0};
    struct option_rule rules[COMMAND_RULES];
    struct command command = {0};
    struct command_failure failure = {.exit_code = RUNNER_CANNOT_EXECUTE};
    int first;

    command_add_rules(&options, rules);
    first = options_parse("exec", argc, argv, rules, COMMAND_RULES);
    if (first < 0) {
        return RUNNER_USAGE;
    }
    if (first == argc) {
        runner_complain("exec: there is no command: \"-- COMMAND\" comes last");
        return RUNNER_USAGE;
    }
    if (command_prepare(&options, argv + first, &command, &failure) == 0 &&
        command_become_user(&command, &failure) == 0) {
        command_execute(&command, &failure);
    }
    runner_complain("%s", failure.message);
    return failure.exit_code;
}
