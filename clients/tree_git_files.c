#include "clients/tree_git_files.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "clients/tree_failure.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CONFIG_MAX = 64 * 1024 };

/* --- writing ---------------------------------------------------------------------------------- */

/* The folder, made where it is missing; it is the job's user's. */
static int open_folder(const struct tree_job *job, int dir_fd, const char *name, int *ret_fd,
                       struct error *err)
{
    auto_close int fd = -1;
    bool is_new = mkdirat(dir_fd, name, 0755) == 0;

    fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || (is_new && (fchmod(fd, 0755) < 0 || fchown(fd, job->uid, job->gid) < 0))) {
        return tree_fail(err, errno, "make the tree's folder", name);
    }
    *ret_fd = TAKE_FD(fd);
    return 0;
}

/*
 * On disk when it returns: the tree counts as made afterwards, and a power cut must not leave it
 * with an empty HEAD.
 */
static int write_file(const struct tree_job *job, int dir_fd, const char *name, const char *text,
                      struct error *err)
{
    auto_close int fd = -1;

    if (file_replace(dir_fd, name, text, strlen(text), 0644, FILE_VISIBLE, err) < 0) {
        return tree_blame(err);
    }
    fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fchown(fd, job->uid, job->gid) < 0 || fdatasync(fd) < 0) {
        return tree_fail(err, errno, "write the tree's", name);
    }
    return 0;
}

/* refs/heads/<branch>: each part but the last is a folder. */
static int write_branch(const struct tree_job *job, int git_fd, struct error *err)
{
    auto_free char *path = xasprintf("refs/heads/%s", job->branch);
    auto_free char *text = xasprintf("%s\n", job->commit);
    auto_close int fd = fcntl(git_fd, F_DUPFD_CLOEXEC, 0);
    char *part = path, *slash;

    while ((slash = strchr(part, '/')) != NULL) {
        int next = -1;

        *slash = '\0';
        if (open_folder(job, fd, part, &next, err) < 0) {
            return -1;
        }
        close(fd);
        fd = next;
        part = slash + 1;
    }
    return write_file(job, fd, part, text, err);
}

/* --- git's configuration ---------------------------------------------------------------------- */

/* A text in double quotes, as git reads it back. The job's texts have no line ends. */
static void add_quoted(struct strbuf *out, const char *text)
{
    strbuf_add(out, "\"");
    for (; *text != '\0'; text++) {
        strbuf_addf(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    }
    strbuf_add(out, "\"");
}

/* 1: found. 0: this layer says nothing about it. */
static int read_config(const char *lower, char **ret_text, struct error *err)
{
    auto_close int git_fd = -1;
    auto_close int fd = open(lower, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0) {
        return tree_fail(err, errno, "open the layer", lower);
    }
    git_fd = openat(fd, ".git", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (git_fd < 0 && errno == ENOENT) {
        return 0;
    }
    if (git_fd < 0) {
        return tree_fail(err, errno, "open .git of the layer", lower);
    }
    if (file_read(git_fd, "config", CONFIG_MAX, ret_text, NULL, err) == 0) {
        return 1;
    }
    if (err->kind == ERROR_NOT_FOUND) {
        error_clear(err);
        return 0;
    }
    error_wrap(err, "git's configuration in the layer \"%s\"", lower);
    return tree_blame(err);
}

static int write_config(const struct tree_job *job, int git_fd, struct error *err)
{
    auto_free char *old = NULL;
    auto_done(strbuf) text = {0};
    int found = 0;

    for (size_t i = 0; found == 0 && i < job->lower_count; i++) {
        found = read_config(job->lowers[i], &old, err);
    }
    if (found < 0) {
        return -1;
    }
    if (found == 0) {
        return tree_refuse(err, "no layer of the tree has git's configuration, .git/config");
    }
    strbuf_add(&text, old);
    if (text.len > 0 && !text_has_suffix(old, "\n")) {
        strbuf_add(&text, "\n");
    }
    if (job->branch != NULL && job->upstream != NULL) {
        auto_free char *merge = xasprintf("refs/heads/%s", job->upstream);

        strbuf_add(&text, "[branch ");
        add_quoted(&text, job->branch);
        strbuf_add(&text, "]\n\tremote = origin\n\tmerge = ");
        add_quoted(&text, merge);
        strbuf_add(&text, "\n");
    }
    return write_file(job, git_fd, "config", strbuf_text(&text), err);
}

int tree_git_files_write(const struct tree_job *job, int top_fd, struct error *err)
{
    auto_free char *head = job->branch != NULL ? xasprintf("ref: refs/heads/%s\n", job->branch)
                                               : xasprintf("%s\n", job->commit);
    auto_close int git_fd = -1;

    if (open_folder(job, top_fd, ".git", &git_fd, err) < 0 || write_config(job, git_fd, err) < 0 ||
        (job->branch != NULL && write_branch(job, git_fd, err) < 0)) {
        return -1;
    }
    return write_file(job, git_fd, "HEAD", head, err);
}

int tree_git_files_write_person(const struct tree_job *job, int home_fd, struct error *err)
{
    auto_done(strbuf) text = {0};

    if (job->person == NULL && job->mail == NULL) {
        return 0;
    }
    strbuf_add(&text, "[user]\n");
    if (job->person != NULL) {
        strbuf_add(&text, "\tname = ");
        add_quoted(&text, job->person);
        strbuf_add(&text, "\n");
    }
    if (job->mail != NULL) {
        strbuf_add(&text, "\temail = ");
        add_quoted(&text, job->mail);
        strbuf_add(&text, "\n");
    }
    return write_file(job, home_fd, ".gitconfig", strbuf_text(&text), err);
}
