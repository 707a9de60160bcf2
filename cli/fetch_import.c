#include "cli/fetch_import.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "cli/fetch_repository.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * What the two say to each other. The child: "has 0|1"; later "done <from|-> <count> <is_new>
 * <is_moved> <is_forced>"; in place of both "failed <kind> <text>". The parent: "<commit> <begin|->
 * <is_forced> <branch>" and then the pack.
 */
enum { LINE_MAX_LEN = 2048 };

void fetch_import_done(struct fetch_import *import)
{
    cleanup_close(&import->to_child);
    cleanup_close(&import->from_child);
    while (import->pid > 0 && waitpid(import->pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

/* --- which repository ------------------------------------------------------------------------- */

static bool has_entry(const char *folder, const char *name)
{
    auto_free char *path = path_join(folder, name);

    return path_exists(path);
}

static bool is_repository(const char *folder)
{
    return has_entry(folder, ".git") ||
           (has_entry(folder, "HEAD") && has_entry(folder, "objects") && has_entry(folder, "refs"));
}

int fetch_import_find(const char *start, bool is_search, char **ret_path, struct error *err)
{
    auto_free char *folder = path_absolute(start);

    while (!is_repository(folder)) {
        char *slash = strrchr(folder, '/');

        if (!is_search || slash == folder) {
            return error_set(err, ERROR_NOT_FOUND, "\"%s\" is %s a git repository%s", start,
                             is_search ? "not in" : "not",
                             is_search ? "; say which with --into" : "");
        }
        *slash = '\0';
    }
    *ret_path = TAKE(folder);
    return 0;
}

/* --- lines ------------------------------------------------------------------------------------ */

/* Byte by byte, since what follows a line may be a pack. -1: there is none. */
static int read_line(int fd, char line[LINE_MAX_LEN])
{
    size_t len = 0;

    while (len < LINE_MAX_LEN - 1) {
        ssize_t got = read(fd, line + len, 1);

        if (got == 0 || (got < 0 && errno != EINTR)) {
            return -1;
        }
        if (got == 1 && line[len++] == '\n') {
            line[len - 1] = '\0';
            return 0;
        }
    }
    return -1;
}

/* Takes the next word out of *text; "" at the end. */
static const char *next_word(char **text)
{
    const char *word = strsep(text, " ");

    return word != NULL ? word : "";
}

/* --- the child -------------------------------------------------------------------------------- */

static int become_owner(const char *path, struct error *err)
{
    auto_free char *git = path_join(path, ".git");
    struct stat info;

    if (lstat(git, &info) < 0 && lstat(path, &info) < 0) {
        return error_set_errno(err, errno, "look at \"%s\"", path);
    }
    if (geteuid() == 0 && info.st_uid != 0 &&
        (setgroups(0, NULL) < 0 || setresgid(info.st_gid, info.st_gid, info.st_gid) < 0 ||
         setresuid(info.st_uid, info.st_uid, info.st_uid) < 0)) {
        return error_set_errno(err, errno, "become the owner of \"%s\"", path);
    }
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return 0;
}

static int fulfil(git_repository *repository, struct fetch_outcome *outcome, struct error *err)
{
    char line[LINE_MAX_LEN], *rest = line;
    struct fetch_wish wish = {.pack_fd = STDIN_FILENO};
    bool is_there;

    if (read_line(STDIN_FILENO, line) < 0) {
        return error_set(err, ERROR_TRANSIENT, "nobody says what to fetch");
    }
    wish.commit = next_word(&rest);
    wish.begin = next_word(&rest);
    wish.begin = strcmp(wish.begin, "-") == 0 ? NULL : wish.begin;
    wish.is_forced = strcmp(next_word(&rest), "1") == 0;
    wish.branch = rest != NULL ? rest : "";
    is_there = fetch_repository_has(repository, wish.commit);
    if (!is_there && fetch_repository_take_pack(repository, wish.pack_fd, err) < 0) {
        return -1;
    }
    return fetch_repository_move_branch(repository, &wish, outcome, err);
}

static int serve(const char *path, const char *have, struct fetch_outcome *outcome,
                 struct error *err)
{
    auto_git(repository) *repository = NULL;
    bool has;

    if (become_owner(path, err) < 0 || fetch_repository_open(path, &repository, err) < 0) {
        return -1;
    }
    has = have != NULL && fetch_repository_has(repository, have);
    if (file_write_all(STDOUT_FILENO, has ? "has 1\n" : "has 0\n", strlen("has 0\n")) < 0) {
        return error_set(err, ERROR_TRANSIENT, "nobody listens");
    }
    return fulfil(repository, outcome, err);
}

static _Noreturn void child_main(const char *path, const char *have, int in, int out)
{
    struct fetch_outcome outcome = {0};
    struct error err = {0};
    auto_free char *line = NULL;

    if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || chdir("/") < 0) {
        _exit(1);
    }
    closefrom(STDERR_FILENO + 1);
    if (serve(path, have, &outcome, &err) < 0) {
        text_make_clean_line(err.message, sizeof(err.message) - 1);
        line = xasprintf("failed %d %s\n", (int)err.kind, err.message);
    } else {
        line = xasprintf("done %s %lu %d %d %d\n", outcome.from[0] != '\0' ? outcome.from : "-",
                         outcome.count, outcome.is_new, outcome.is_moved, outcome.is_forced);
    }
    _exit(file_write_all(STDOUT_FILENO, line, strlen(line)) < 0 ? 1 : 0);
}

/* --- the parent ------------------------------------------------------------------------------- */

/*
 * "failed <kind> <text>" becomes err; any other line must begin with word, and *ret_rest is behind
 * it.
 */
static int expect_line(int fd, const char *word, char line[LINE_MAX_LEN], char **ret_rest,
                       struct error *err)
{
    const char *first;
    char *rest = line;
    uint64_t kind;

    if (read_line(fd, line) < 0) {
        return error_set(err, ERROR_TRANSIENT,
                         "the process that works in the repository ended without a word");
    }
    first = next_word(&rest);
    if (strcmp(first, "failed") == 0 && parse_u64(next_word(&rest), &kind) == 0 &&
        kind >= ERROR_TRANSIENT && kind <= ERROR_INTERNAL && rest != NULL) {
        return error_set(err, (enum error_kind)kind, "%s", rest);
    }
    if (strcmp(first, word) != 0 || rest == NULL) {
        return error_set(err, ERROR_INTERNAL,
                         "the process that works in the repository talks nonsense");
    }
    *ret_rest = rest;
    return 0;
}

int fetch_import_start(struct fetch_import *import, const char *path, const char *have,
                       bool *ret_has, struct error *err)
{
    char line[LINE_MAX_LEN], *rest;
    int in[2], out[2];

    if (pipe2(in, O_CLOEXEC) < 0) {
        return error_set_errno(err, errno, "make a pipe");
    }
    import->to_child = in[1];
    if (pipe2(out, O_CLOEXEC) < 0) {
        close(in[0]);
        return error_set_errno(err, errno, "make a pipe");
    }
    import->from_child = out[0];
    import->pid = fork();
    if (import->pid == 0) {
        child_main(path, have, in[0], out[1]);
    }
    close(in[0]);
    close(out[1]);
    if (import->pid < 0) {
        return error_set_errno(err, errno, "start a process for git");
    }
    if (expect_line(import->from_child, "has", line, &rest, err) < 0) {
        return -1;
    }
    *ret_has = strcmp(rest, "1") == 0;
    return 0;
}

/* A child that takes no more of it says why. */
static int send_pack(int from, int to, struct error *err)
{
    char chunk[65536];
    ssize_t got;

    while ((got = read(from, chunk, sizeof(chunk))) != 0) {
        if (got < 0 && errno != EINTR) {
            return error_set_errno(err, errno, "read the pack");
        }
        if (got > 0 && file_write_all(to, chunk, (size_t)got) < 0) {
            break;
        }
    }
    return 0;
}

int fetch_import_finish(struct fetch_import *import, const struct fetch_wish *wish,
                        struct fetch_outcome *ret_outcome, struct error *err)
{
    auto_free char *text =
        xasprintf("%s %s %d %s\n", wish->commit, wish->begin != NULL ? wish->begin : "-",
                  wish->is_forced, wish->branch);
    char line[LINE_MAX_LEN], *rest;
    struct fetch_outcome outcome = {0};
    const char *from;

    if (strlen(text) >= LINE_MAX_LEN || strchr(wish->branch, '\n') != NULL) {
        return error_set(err, ERROR_INVALID, "\"%.80s\" is no name for a branch", wish->branch);
    }
    if (file_write_all(import->to_child, text, strlen(text)) == 0 &&
        send_pack(wish->pack_fd, import->to_child, err) < 0) {
        return -1;
    }
    close(TAKE_FD(import->to_child));
    if (expect_line(import->from_child, "done", line, &rest, err) < 0) {
        return -1;
    }
    from = next_word(&rest);
    snprintf(outcome.from, sizeof(outcome.from), "%s", strcmp(from, "-") == 0 ? "" : from);
    outcome.count = strtoul(next_word(&rest), NULL, 10);
    outcome.is_new = strcmp(next_word(&rest), "1") == 0;
    outcome.is_moved = strcmp(next_word(&rest), "1") == 0;
    outcome.is_forced = strcmp(next_word(&rest), "1") == 0;
    *ret_outcome = outcome;
    return 0;
}
