#include "clients/git_files.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/strbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <git2/sys/repository.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_TEXT_MAX = 8192 }; /* the survey has seen to it that none is longer */

struct writer {
    struct git_session *session;
    git_repository *filtering; /* NULL: nobody asks for filters */
    git_odb *odb;
    struct strbuf path; /* of the entry that is being written */
    uint64_t done, total;
    struct error *err;
};

static int fail(struct writer *writer, int code)
{
    return git_session_fail(writer->session, GIT_STAGE_LOCAL, code, writer->err);
}

static int fail_errno(struct writer *writer, int number)
{
    return error_set_reason(
        writer->err, ERROR_CONFLICT, "WorkspaceFailed", "%s: \"%.400s\" cannot be written: %s",
        writer->session->job->url, strbuf_text(&writer->path),
        number == EEXIST ? "the repository has two of that name" : strerror(number));
}

/* --- files ------------------------------------------------------------------------------------ */

static int write_bytes(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t put = write(fd, bytes, len);

        if (put < 0 && errno != EINTR) {
            return -1;
        }
        if (put > 0) {
            bytes += put;
            len -= (size_t)put;
        }
    }
    return 0;
}

static int write_file(struct writer *writer, int dir_fd, const char *name, mode_t mode,
                      const char *bytes, size_t len)
{
    int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

    if (fd < 0) {
        return fail_errno(writer, errno);
    }
    if (write_bytes(fd, bytes, len) < 0) {
        int number = errno;

        close(fd);
        return fail_errno(writer, number);
    }
    return close(fd) < 0 ? fail_errno(writer, errno) : 0;
}

/* True, with the bytes in ret_bytes, where the attributes of the path ask for other bytes. */
static int apply_filters(struct writer *writer, const git_oid *id, git_buf *ret_bytes, bool *ret_is)
{
    git_filter_list *list = NULL;
    auto_git(blob) *blob = NULL;
    int code = git_blob_lookup(&blob, writer->filtering, id);

    if (code == 0) {
        code = git_filter_list_load(&list, writer->filtering, blob, strbuf_text(&writer->path),
                                    GIT_FILTER_TO_WORKTREE, GIT_FILTER_NO_SYSTEM_ATTRIBUTES);
    }
    if (code == 0 && list != NULL) {
        code = git_filter_list_apply_to_blob(ret_bytes, list, blob);
        *ret_is = code == 0;
    }
    git_filter_list_free(list);
    return code;
}

static int write_filtered(struct writer *writer, int dir_fd, const char *name, mode_t mode,
                          const git_oid *id, bool *ret_is_written)
{
    git_buf bytes = {0};
    int code = apply_filters(writer, id, &bytes, ret_is_written), result = 0;

    if (code < 0) {
        result = fail(writer, code);
    } else if (*ret_is_written) {
        result = write_file(writer, dir_fd, name, mode, bytes.ptr, bytes.size);
    }
    git_buf_dispose(&bytes);
    return result;
}

static int write_link(struct writer *writer, int dir_fd, const char *name, const char *bytes,
                      size_t len)
{
    auto_free char *target = xmemdup(bytes, len);

    if (strlen(target) != len) {
        return fail_errno(writer, EINVAL);
    }
    return symlinkat(target, dir_fd, name) < 0 ? fail_errno(writer, errno) : 0;
}

static int write_blob(struct writer *writer, int dir_fd, const git_tree_entry *entry)
{
    const git_oid *id = git_tree_entry_id(entry);
    const char *name = git_tree_entry_name(entry);
    bool is_link = git_tree_entry_filemode(entry) == GIT_FILEMODE_LINK, is_written = false;
    mode_t mode = git_tree_entry_filemode(entry) == GIT_FILEMODE_BLOB_EXECUTABLE ? 0755 : 0644;
    git_odb_object *object = NULL;
    int code, result;

    if (writer->filtering != NULL && !is_link &&
        write_filtered(writer, dir_fd, name, mode, id, &is_written) < 0) {
        return -1;
    }
    if (is_written) {
        return 0;
    }
    code = git_odb_read(&object, writer->odb, id);
    if (code < 0) {
        return fail(writer, code);
    }
    result = is_link ? write_link(writer, dir_fd, name, git_odb_object_data(object),
                                  git_odb_object_size(object))
                     : write_file(writer, dir_fd, name, mode, git_odb_object_data(object),
                                  git_odb_object_size(object));
    git_odb_object_free(object);
    return result;
}

/* --- directories ------------------------------------------------------------------------------ */

static int write_tree(struct writer *writer, const git_tree *tree, int dir_fd);

static int write_directory(struct writer *writer, git_repository *repository, int dir_fd,
                           const git_tree_entry *entry)
{
    const char *name = git_tree_entry_name(entry);
    auto_git(tree) *tree = NULL;
    auto_close int fd = -1;
    int code;

    if (mkdirat(dir_fd, name, 0755) < 0) {
        return fail_errno(writer, errno);
    }
    if (git_tree_entry_type(entry) == GIT_OBJECT_COMMIT) {
        return 0; /* a submodule */
    }
    fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return fail_errno(writer, errno);
    }
    code = git_tree_lookup(&tree, repository, git_tree_entry_id(entry));
    return code < 0 ? fail(writer, code) : write_tree(writer, tree, fd);
}

static int write_entry(struct writer *writer, git_repository *repository, int dir_fd,
                       const git_tree_entry *entry)
{
    if (git_tree_entry_type(entry) != GIT_OBJECT_BLOB) {
        return write_directory(writer, repository, dir_fd, entry);
    }
    if (write_blob(writer, dir_fd, entry) < 0) {
        return -1;
    }
    if (git_session_report(writer->session, "checking out", ++writer->done, writer->total) < 0) {
        return fail(writer, GIT_EUSER);
    }
    return 0;
}

static int write_tree(struct writer *writer, const git_tree *tree, int dir_fd)
{
    size_t len = writer->path.len;

    for (size_t i = 0; i < git_tree_entrycount(tree); i++) {
        const git_tree_entry *entry = git_tree_entry_byindex(tree, i);

        if (strbuf_addf(&writer->path, "%s%s", len > 0 ? "/" : "", git_tree_entry_name(entry)) <
            0) {
            return fail_errno(writer, ENAMETOOLONG);
        }
        if (write_entry(writer, git_tree_owner(tree), dir_fd, entry) < 0) {
            return -1;
        }
        writer->path.len = len;
        writer->path.text[len] = '\0';
    }
    return 0;
}

/* So that attributes are found before their files are written. */
static int prepare_filters(git_repository *filtering, const git_tree *tree)
{
    auto_git(index) *index = NULL;
    int code = git_index_new(&index);

    if (code == 0) {
        code = git_index_read_tree(index, tree);
    }
    return code == 0 ? git_repository_set_index(filtering, index) : code;
}

int git_files_write(struct git_session *session, const git_tree *tree, git_repository *filtering,
                    int directory_fd, const struct git_result *result, struct error *err)
{
    auto_git(odb) *odb = NULL;
    struct writer writer = {
        .session = session,
        .filtering = filtering,
        .path = {.max_len = PATH_TEXT_MAX},
        .total = result->tree_files,
        .err = err,
    };
    int code = git_repository_odb(&odb, git_tree_owner(tree)), written;

    if (code == 0 && filtering != NULL) {
        code = prepare_filters(filtering, tree);
    }
    if (code < 0) {
        return fail(&writer, code);
    }
    writer.odb = odb;
    written = write_tree(&writer, tree, directory_fd);
    strbuf_done(&writer.path);
    return written;
}
