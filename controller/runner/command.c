#include "controller/runner/command.h"

#include "controller/runner/guard.h"
#include "controller/runner/runner.h"
#include "controller/runner/util.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void command_add_rules(struct command_options *options, struct option_rule *rules)
{
    const struct option_rule all[COMMAND_RULES] = {
        {.name = "--user", .text = &options->user},
        {.name = "--cwd", .text = &options->cwd},
        {.name = "--home", .is_path = true, .text = &options->home},
        {.name = "--tmp", .is_path = true, .text = &options->tmp},
        {.name = "--link", .is_path = true, .list = &options->links},
        {.name = "--guard", .is_path = true, .list = &options->guarded},
        {.name = "--allow", .is_path = true, .list = &options->allowed},
    };

    memcpy(rules, all, sizeof(all));
}

__attribute__((format(printf, 3, 4))) static int fail(struct command_failure *failure,
                                                      int exit_code, const char *format, ...)
{
    va_list args;

    failure->exit_code = exit_code;
    va_start(args, format);
    vsnprintf(failure->message, sizeof(failure->message), format, args);
    va_end(args);
    return -1;
}

/* "<what> "<path>": <reason>", as errno has it */
static int fail_at(struct command_failure *failure, const char *what, const char *path)
{
    char reason[64];

    return fail(failure, RUNNER_CANNOT_EXECUTE, "%s \"%.128s\": %s", what, path,
                util_errno_text(errno, reason));
}

/* HOME is the home of the user that we become, and, where it is not set, of the one that we are. */
static int find_user(struct command *command, struct command_failure *failure)
{
    const struct command_options *options = command->options;
    bool needs_home = options->home == NULL && getenv("HOME") == NULL;

    command->home = options->home;
    if (options->user == NULL && !needs_home && options->links.count == 0) {
        return 0;
    }
    if (user_look_up(options->user == NULL ? "" : options->user, &command->user, failure->message,
                     sizeof(failure->message)) < 0) {
        failure->exit_code = RUNNER_CANNOT_EXECUTE;
        return -1;
    }
    command->changes_user = options->user != NULL;
    if (options->home == NULL && (command->changes_user || needs_home)) {
        command->home = command->user.home;
    }
    return 0;
}

int command_prepare(const struct command_options *options, char **argv, struct command *command,
                    struct command_failure *failure)
{
    command->options = options;
    command->argv = argv;
    command->guard_fd = -1;
    if (guard_make(&options->guarded, &options->allowed, &command->guard_fd, failure->message,
                   sizeof(failure->message)) == GUARD_FAILED) {
        failure->exit_code = RUNNER_CANNOT_EXECUTE;
        return -1;
    }
    return find_user(command, failure);
}

static void be_killed_first(void)
{
    static const char highest[] = "1000";
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd >= 0) {
        (void)!write(fd, highest, sizeof(highest) - 1); /* without /proc there is no other way */
        close(fd);
    }
}

int command_become_user(const struct command *command, struct command_failure *failure)
{
    char reason[64];

    be_killed_first(); /* its file is nobody else's once the user is another one */
    if (!command->changes_user) {
        return 0;
    }
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        struct stat info;

        if (fstat(fd, &info) == 0 && (S_ISFIFO(info.st_mode) || isatty(fd))) {
            (void)!fchown(fd, command->user.uid, (gid_t)-1); /* a comfort, no more */
        }
    }
    if (user_become(&command->user) < 0) {
        return fail(failure, RUNNER_CANNOT_EXECUTE, "become user %u, group %u: %s",
                    (unsigned)command->user.uid, (unsigned)command->user.gid,
                    util_errno_text(errno, reason));
    }
    return 0;
}

static int set_environment(const struct command *command, struct command_failure *failure)
{
    const char *tmp = command->options->tmp;

    if ((command->home != NULL && setenv("HOME", command->home, 1) < 0) ||
        (tmp != NULL && (setenv("TMPDIR", tmp, 1) < 0 || setenv("TMP", tmp, 1) < 0 ||
                         setenv("TEMP", tmp, 1) < 0))) {
        return fail_at(failure, "set the environment of", command->argv[0]);
    }
    return 0;
}

/* Makes what is missing on the way to path, below its first base_len bytes. */
static int make_parents(char *path, size_t base_len)
{
    for (char *slash = strchr(path + base_len + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        int result;

        *slash = '\0';
        result = mkdir(path, 0777);
        *slash = '/';
        if (result < 0 && errno != EEXIST) {
            return -1;
        }
    }
    return 0;
}

/* What is there is left alone, also where it is in the way of a parent. */
static int make_link(const char *home, const char *below, const char *target)
{
    char path[PATH_MAX];

    if (snprintf(path, sizeof(path), "%s/%s", home, below) >= (int)sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if ((make_parents(path, strlen(home)) < 0 || symlink(target, path) < 0) && errno != EEXIST &&
        errno != ENOTDIR) {
        return -1;
    }
    return 0;
}

/* Where the user's home is / (or none), or the new one, nobody is led anywhere. */
static int make_links(const struct command *command, struct command_failure *failure)
{
    const struct command_options *options = command->options;
    char real_home[sizeof(command->user.home)];

    memcpy(real_home, command->user.home, sizeof(real_home));
    if (options->home == NULL || util_clean_path(real_home) < 0 || strcmp(real_home, "/") == 0 ||
        strcmp(real_home, options->home) == 0) {
        return 0;
    }
    for (size_t i = 0; i < options->links.count; i++) {
        const char *target = options->links.items[i];
        const char *below = util_path_below(target, real_home);

        if (below != NULL && below[0] != '\0' && make_link(options->home, below, target) < 0) {
            return fail_at(failure, "make in the task's home a link to", target);
        }
    }
    return 0;
}

static void execute(char **argv, struct command_failure *failure)
{
    char reason[64];
    struct stat info;
    int number;

    execvp(argv[0], argv);
    number = errno;
    if (number == ENOENT && strchr(argv[0], '/') != NULL && stat(argv[0], &info) == 0) {
        fail(failure, RUNNER_COMMAND_NOT_FOUND,
             "exec \"%.128s\": its interpreter or dynamic loader does not exist", argv[0]);
        return;
    }
    fail(failure,
         number == ENOENT || number == ENOTDIR ? RUNNER_COMMAND_NOT_FOUND : RUNNER_CANNOT_EXECUTE,
         "exec \"%.128s\": %s", argv[0], util_errno_text(number, reason));
}

void command_execute(const struct command *command, struct command_failure *failure)
{
    const char *cwd = command->options->cwd;

    if (set_environment(command, failure) < 0) {
        return;
    }
    if (command->guard_fd >= 0 && guard_enter(command->guard_fd) < 0) {
        fail_at(failure, "enter the guard of", command->options->guarded.items[0]);
        return;
    }
    if (make_links(command, failure) < 0) {
        return;
    }
    if (cwd != NULL && chdir(cwd) < 0) {
        fail_at(failure, "change to directory", cwd);
        return;
    }
    execute(command->argv, failure);
}
