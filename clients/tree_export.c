/*
 * Takes commits out of a tree, as a pack.
 */
#include "clients/tree_work.h"

#include "base/cleanup.h"
#include "clients/tree_failure.h"
#include "clients/tree_jail.h"
#include "clients/tree_repository.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { CPU_SECONDS = 1200, WALL_SECONDS = 3600 };

static const uint64_t PACK_MAX = UINT64_C(4) << 30;

/* --- in the jail ------------------------------------------------------------------------------ */

static int on_pack_bytes(void *bytes, size_t len, void *payload)
{
    const char *at = bytes;

    (void)payload;
    while (len > 0) {
        ssize_t put = write(TREE_JAIL_DATA_FD, at, len);

        if (put < 0 && errno != EINTR) {
            return GIT_EUSER;
        }
        if (put > 0) {
            at += put;
            len -= (size_t)put;
        }
    }
    return 0;
}

static int write_pack(git_repository *repository, const char *commit, const char *have)
{
    auto_git(packbuilder) *pack = NULL;
    auto_git(revwalk) *walk = NULL;
    git_oid id;
    int code = git_packbuilder_new(&pack, repository);

    if (code == 0) {
        git_packbuilder_set_threads(pack, 1);
        code = git_revwalk_new(&walk, repository);
    }
    if (code == 0 && (code = git_oid_fromstr(&id, commit)) == 0) {
        code = git_revwalk_push(walk, &id);
    }
    if (code == 0 && have != NULL && git_oid_fromstr(&id, have) == 0) {
        git_revwalk_hide(walk, &id); /* the tree may not have it: then everything is packed */
    }
    if (code == 0) {
        code = git_packbuilder_insert_walk(pack, walk);
    }
    return code == 0 ? git_packbuilder_foreach(pack, on_pack_bytes, NULL) : code;
}

static int export_inside(const struct tree_job *job, struct tree_result *ret_result,
                         struct error *err)
{
    auto_git(repository) *repository = NULL;

    if (tree_repository_open(&repository) < 0 ||
        tree_repository_read_head(repository, ret_result) < 0) {
        return tree_refuse(err, "the tree \"%s\" is at no commit that can be read", job->name);
    }
    if (write_pack(repository, ret_result->commit, job->have) < 0) {
        const git_error *error = git_error_last();

        return tree_refuse(err, "the commits of the tree \"%s\" cannot be read: %s", job->name,
                           error != NULL ? error->message : "the repository is damaged");
    }
    return 0;
}

/* --- outside ---------------------------------------------------------------------------------- */

static int export_to(const struct tree_job *job, int fd, struct tree_result *ret_result,
                     struct error *err)
{
    const struct tree_jail jail = {
        .job = job,
        .cpu_seconds = CPU_SECONDS,
        .wall_seconds = WALL_SECONDS,
        .inside = export_inside,
        .data_to = fd,
        .data_max = PACK_MAX,
    };
    enum tree_jail_end end;

    if (tree_jail_run(&jail, &end, ret_result, err) < 0) {
        return -1;
    }
    if (end == TREE_JAIL_FELL_SILENT) {
        return tree_refuse(
            err,
            "the process that reads the tree \"%s\" was ended: its repository is damaged, "
            "or too large",
            job->name);
    }
    return 0;
}

int tree_export(const struct tree_job *job, struct tree_result *ret_result, struct error *err)
{
    auto_close int fd = -1;

    if (!tree_jail_is_possible(job)) {
        return tree_refuse(err, "the tree \"%s\" is user %u's, and we are user %u, not root",
                           job->name, (unsigned)job->uid, (unsigned)geteuid());
    }
    fd = open(job->to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return tree_fail(err, errno, "make the file", job->to);
    }
    if (export_to(job, fd, ret_result, err) < 0) {
        unlink(job->to);
        return -1;
    }
    return 0;
}
