#include "cli/command.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "cli/arguments.h"
#include "cli/spec_format.h"
#include "cli/spec_store.h"
#include "controller/spec_scan.h"
#include "specs/yaml_reader.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct fmt {
    bool writes, checks, shows_difference;
    size_t files, changed, failed;
};

static void say_failed(struct fmt *fmt, const char *path, const char *message)
{
    fprintf(stderr, "%s%s%s\n", path, message[0] >= '0' && message[0] <= '9' ? ":" : ": ", message);
    fmt->failed++;
}

/* Writes all of it to a file without a name; the descriptor, or -1. */
static int hidden_file(const char *text, size_t len)
{
    int fd = open(P_tmpdir, O_TMPFILE | O_RDWR, 0600);

    if (fd >= 0 && (file_write_all(fd, text, len) < 0 || lseek(fd, 0, SEEK_SET) < 0)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* What diff -u says of both, on standard output. */
static void show_difference(const char *path, const char *before, size_t before_len,
                            const char *after)
{
    auto_free char *old_name = xasprintf("%s (as it is)", path);
    auto_free char *new_name = xasprintf("%s (formatted)", path);
    auto_close int old_fd = hidden_file(before, before_len);
    auto_close int new_fd = hidden_file(after, strlen(after));
    auto_free char *old_path = xasprintf("/proc/self/fd/%d", old_fd);
    auto_free char *new_path = xasprintf("/proc/self/fd/%d", new_fd);
    pid_t child;
    int status;

    fflush(stdout);
    child = fork();
    if (child == 0) {
        execlp("diff", "diff", "-u", "--label", old_name, "--label", new_name, old_path, new_path,
               (char *)NULL);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0 ||
        (WIFEXITED(status) && WEXITSTATUS(status) > 1)) {
        fprintf(stderr, "berth fmt: diff cannot be run\n");
    }
}

static void use_result(struct fmt *fmt, const char *path, const char *before, size_t len,
                       const char *after)
{
    bool is_changed = strlen(after) != len || memcmp(before, after, len) != 0;
    struct error err = {0};

    fmt->files++;
    fmt->changed += is_changed;
    if (fmt->shows_difference && is_changed) {
        show_difference(path, before, len, after);
    }
    if (fmt->checks && is_changed && !fmt->shows_difference) {
        printf("%s\n", path);
    }
    if (fmt->writes && is_changed) {
        if (spec_store_replace(path, before, len, after, strlen(after), &err) < 0) {
            say_failed(fmt, path, err.message);
        } else if (!fmt->shows_difference) {
            printf("%s\n", path);
        }
    }
    if (!fmt->checks && !fmt->writes && !fmt->shows_difference) {
        fputs(after, stdout);
    }
}

static int read_input(char **ret_text, size_t *ret_len, struct error *err)
{
    auto_done(strbuf) input = {.max_len = 2 * YAML_MAX_BYTES};

    if (file_read_all(STDIN_FILENO, YAML_MAX_BYTES, &input) < 0) {
        return error_set_errno(err, errno, "read standard input");
    }
    *ret_len = input.len;
    *ret_text = xmemdup(strbuf_text(&input), input.len);
    return 0;
}

static void format_file(struct fmt *fmt, const char *path)
{
    auto_free char *text = NULL, *formatted = NULL;
    bool is_input = strcmp(path, "-") == 0;
    struct error err = {0};
    size_t len = 0;

    if ((is_input ? read_input(&text, &len, &err)
                  : file_read(AT_FDCWD, path, YAML_MAX_BYTES, &text, &len, &err)) < 0 ||
        spec_format(text, len, &formatted, &err) < 0) {
        say_failed(fmt, is_input ? "(standard input)" : path, err.message);
        return;
    }
    use_result(fmt, is_input ? "(standard input)" : path, text, len, formatted);
}

/* Those that berth takes for specs, in order of name; folders too. */
static int is_wanted(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void format_directory(struct fmt *fmt, const char *directory, unsigned depth)
{
    struct dirent **entries = NULL;
    int count =
        depth <= SPEC_SCAN_MAX_DEPTH ? scandir(directory, &entries, is_wanted, alphasort) : 0;

    if (count < 0) {
        say_failed(fmt, directory, strerror(errno));
    }
    for (int i = 0; i < count; i++) {
        auto_free char *path = path_join(directory, entries[i]->d_name);
        struct stat info;

        if (lstat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
            format_directory(fmt, path, depth + 1);
        } else if (S_ISREG(info.st_mode) && spec_name_is_relevant(entries[i]->d_name)) {
            format_file(fmt, path);
        }
        free(entries[i]);
    }
    free(entries);
}

static void format_operand(struct fmt *fmt, const char *path)
{
    struct stat info;

    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        format_directory(fmt, path, 0);
    } else {
        format_file(fmt, path);
    }
}

static int cmd_fmt(int argc, char **argv)
{
    struct fmt fmt = {.files = 0};
    struct arguments args;
    int id;

    arguments_init(&args, &command_fmt, argc, argv);
    while ((id = arguments_next(&args)) > 0) {
        fmt.writes = fmt.writes || id == 'w';
        fmt.checks = fmt.checks || id == 'c';
        fmt.shows_difference = fmt.shows_difference || id == 'd';
    }
    if (id < 0) {
        return args.exit_code;
    }
    for (int i = 0; i < args.count; i++) {
        if (fmt.writes && strcmp(args.operands[i], "-") == 0) {
            arguments_wrong(&args, "--write cannot write standard input back");
            return args.exit_code;
        }
    }
    if (args.count == 0 && isatty(STDIN_FILENO)) {
        arguments_wrong(&args, "name files or directories, or - for standard input");
        return args.exit_code;
    }
    if (args.count == 0 && fmt.writes) {
        arguments_wrong(&args, "--write needs files or directories");
        return args.exit_code;
    }
    for (int i = 0; i < args.count; i++) {
        format_operand(&fmt, args.operands[i]);
    }
    if (args.count == 0) {
        format_file(&fmt, "-");
    }
    return fmt.failed > 0 || (fmt.checks && fmt.changed > 0) ? EXIT_FAILED : EXIT_OK;
}

const struct command command_fmt = {
    .name = "fmt",
    .run = cmd_fmt,
    .summary = "bring spec files into one form",
    .group = GROUP_SPECS,
    .operands = "[FILE|DIR|- ...]",
    .description =
        "Prints specs in one form: keys in the order of the reference, two blanks for each level, "
        "one \"---\" between documents. Comments stay with what they stand at, values are not "
        "touched, and what the files say stays the same: that is checked before anything is "
        "written. Without an operand it reads standard input.",
    .options =
        (const struct command_option[]){
            {'w', "write", NULL, "change the files, and name those that were changed",
             COMPLETE_NOTHING},
            {'c', "check", NULL, "change nothing, name files that are not in that form",
             COMPLETE_NOTHING},
            {'d', "diff", NULL, "show what would change", COMPLETE_NOTHING},
            END_OF_OPTIONS,
        },
    .exit_codes = "0 done, 1 a file cannot be formatted, or with --check one is not; 2 usage",
    .examples = "berth fmt --write specs\n"
                "berth fmt --check --diff specs  # in CI\n"
                "berth fmt < web.yaml",
    .completion = {COMPLETE_FILES, COMPLETE_FILES, COMPLETE_FILES},
};
