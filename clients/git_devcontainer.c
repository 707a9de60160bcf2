#include "clients/git_devcontainer.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { CONFIG_MAX = 64 << 10 };

static const char *const places[] = {".devcontainer/devcontainer.json", ".devcontainer.json"};

/* GIT_ENOTFOUND: nothing of that path that would do. */
static int read_place(git_repository *mirror, const git_tree *tree, const char *path,
                      git_blob **ret_blob)
{
    auto_git(tree_entry) *entry = NULL;
    auto_git(odb) *odb = NULL;
    git_object_t type;
    size_t size;
    int code = git_tree_entry_bypath(&entry, tree, path);

    if (code == 0 && git_tree_entry_filemode(entry) != GIT_FILEMODE_BLOB &&
        git_tree_entry_filemode(entry) != GIT_FILEMODE_BLOB_EXECUTABLE) {
        return GIT_ENOTFOUND;
    }
    if (code == 0) {
        code = git_repository_odb(&odb, mirror);
    }
    if (code == 0) { /* how large it is, before it is unpacked */
        code = git_odb_read_header(&size, &type, odb, git_tree_entry_id(entry));
    }
    if (code == 0 && size > CONFIG_MAX) {
        return GIT_ENOTFOUND;
    }
    return code == 0 ? git_blob_lookup(ret_blob, mirror, git_tree_entry_id(entry)) : code;
}

static int find(git_repository *mirror, const char *commit, git_blob **ret_blob)
{
    auto_git(commit) *object = NULL;
    auto_git(tree) *tree = NULL;
    git_oid id;
    int code = git_oid_fromstr(&id, commit);

    if (code == 0) {
        code = git_commit_lookup(&object, mirror, &id);
    }
    if (code == 0) {
        code = git_commit_tree(&tree, object);
    }
    if (code < 0) {
        return code == GIT_ENOTFOUND ? GIT_ERROR : code; /* the commit was there a moment ago */
    }
    code = GIT_ENOTFOUND;
    for (size_t i = 0; i < ARRAY_SIZE(places) && code == GIT_ENOTFOUND; i++) {
        code = read_place(mirror, tree, places[i], ret_blob);
    }
    return code;
}

int git_devcontainer_take(struct git_session *session, git_repository *mirror, const char *commit,
                          const char *directory, struct error *err)
{
    auto_free char *path = path_join(directory, "devcontainer.json");
    auto_git(blob) *blob = NULL;
    int code = find(mirror, commit, &blob);

    if (code == GIT_ENOTFOUND) {
        return unlink(path) < 0 && errno != ENOENT
                   ? error_set_errno(err, errno, "remove \"%s\"", path)
                   : 0;
    }
    if (code < 0) {
        return git_session_fail(session, GIT_STAGE_LOCAL, code, err);
    }
    return file_replace(AT_FDCWD, path, git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob),
                        0644, FILE_VISIBLE, err);
}
