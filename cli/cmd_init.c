#include "cli/command.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "cli/arguments.h"
#include "cli/init_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct init {
    const char *directory;
    size_t written, there;
};

/* 0 also when the file is there already: then it stays as it is. */
static int write_file(struct init *init, const struct init_file *file, struct error *err)
{
    auto_free char *path = path_join(init->directory, file->name), *parent = xstrdup(path);
    auto_done(strbuf) text = {0};
    auto_close int fd = -1;

    *strrchr(parent, '/') = '\0';
    if (dir_make(parent, 0755, err) < 0) {
        return -1;
    }
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 && errno == EEXIST) {
        fprintf(stderr, "%s is there, and stays as it is\n", path);
        init->there++;
        return 0;
    }
    file->add(&text);
    if (fd < 0 || file_write_all(fd, strbuf_text(&text), text.len) < 0) {
        return error_set_errno(err, errno, "write \"%s\"", path);
    }
    printf("%s\n", path);
    init->written++;
    return 0;
}

static void say_next(const struct init *init)
{
    if (init->written == 0) {
        fprintf(stderr, "\nAll of it was there: nothing was written.\n");
        return;
    }
    fprintf(stderr,
            "\nNext:\n"
            "  cd %s\n"
            "  berth validate specs    # is it right?\n"
            "  berth doctor            # is this machine fit?\n"
            "  berth run               # the controller: keeps the host as specs/ says\n"
            "  berth get               # how is it?\n",
            init->directory);
}

static int cmd_init(int argc, char **argv)
{
    struct init init = {.directory = "."};
    struct arguments args;
    struct error err = {0};

    arguments_init(&args, &command_init, argc, argv);
    if (arguments_next(&args) < 0 || arguments_count(&args, 0, 1, NULL) < 0) {
        return args.exit_code;
    }
    if (args.count > 0) {
        init.directory = args.operands[0];
    }
    for (const struct init_file *file = init_files; file->name != NULL; file++) {
        if (write_file(&init, file, &err) < 0) {
            fprintf(stderr, "berth init: %s\n", err.message);
            return EXIT_FAILED;
        }
    }
    say_next(&init);
    return EXIT_OK;
}

const struct command command_init = {
    .name = "init",
    .run = cmd_init,
    .summary = "begin a directory with specs",
    .group = GROUP_SPECS,
    .operands = "[DIR]",
    .description =
        "Writes a directory to begin with: specs/ with one that works and more that are commented "
        "out, berth.yaml with all settings, a README and a .gitignore. What is there already stays "
        "as it is.",
    .options = (const struct command_option[]){END_OF_OPTIONS},
    .exit_codes = "0 written, or it is there; 1 a file cannot be written; 2 usage",
    .examples = "berth init myhost\n"
                "berth init && git init && git add .",
    .completion = {COMPLETE_DIRECTORIES},
};
