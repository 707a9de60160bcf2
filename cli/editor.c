#include "cli/editor.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "specs/yaml_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

int editor_file_open(struct editor_file *file, const char *name, struct error *err)
{
    const char *parent = getenv("TMPDIR");
    auto_free char *folder =
        xasprintf("%s/berth-edit-XXXXXX", parent != NULL && *parent != '\0' ? parent : "/tmp");

    if (mkdtemp(folder) == NULL) {
        return error_set_errno(err, errno, "make a temporary directory \"%s\"", folder);
    }
    file->folder = TAKE(folder);
    file->path = path_join(file->folder, name);
    return 0;
}

void editor_file_done(struct editor_file *file)
{
    struct error ignored = {0};

    if (file->folder != NULL && !file->is_kept) {
        tree_remove(file->folder, &ignored);
    }
    free(file->folder);
    free(file->path);
    *file = (struct editor_file){0};
}

static const char *editor_words(void)
{
    static const char *const variables[] = {"BERTH_EDITOR", "VISUAL", "EDITOR"};

    for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
        const char *value = getenv(variables[i]);

        if (value != NULL && *value != '\0') {
            return value;
        }
    }
    return "vi";
}

/* Keys that interrupt are the editor's affair as long as it runs. */
static int run_words(const char *words, const char *path, int *ret_status, struct error *err)
{
    auto_free char *script = xasprintf("%s \"$@\"", words);
    char *shell = xstrdup("sh"), *option = xstrdup("-c"), *argument = xstrdup(path);
    char *args[] = {shell, option, script, shell, argument, NULL};
    struct sigaction ignore = {.sa_handler = SIG_IGN}, interrupt, quit;
    sigset_t defaults;
    posix_spawnattr_t attributes;
    pid_t pid = -1;
    int failed;

    sigemptyset(&defaults);
    sigaddset(&defaults, SIGINT);
    sigaddset(&defaults, SIGQUIT);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    sigaction(SIGINT, &ignore, &interrupt);
    sigaction(SIGQUIT, &ignore, &quit);
    failed = posix_spawn(&pid, "/bin/sh", NULL, &attributes, args, environ);
    while (failed == 0 && waitpid(pid, ret_status, 0) < 0) {
        failed = errno != EINTR ? errno : 0;
    }
    sigaction(SIGINT, &interrupt, NULL);
    sigaction(SIGQUIT, &quit, NULL);
    posix_spawnattr_destroy(&attributes);
    free(shell);
    free(option);
    free(argument);
    return failed != 0 ? error_set_errno(err, failed, "run the editor \"%s\"", words) : 0;
}

int editor_file_edit(struct editor_file *file, const char *text, char **ret_text, struct error *err)
{
    const char *words = editor_words();
    int status = 0;

    if (file_replace(AT_FDCWD, file->path, text, strlen(text), 0600, FILE_VISIBLE, err) < 0 ||
        run_words(words, file->path, &status, err) < 0) {
        return -1;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
        return error_set(err, ERROR_INVALID,
                         "the editor \"%s\" is not there; set EDITOR to one that is", words);
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return error_set(err, ERROR_INVALID, "the editor \"%s\" ended with %d", words,
                         WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    }
    return file_read(AT_FDCWD, file->path, 2 * YAML_MAX_BYTES, ret_text, NULL, err);
}
