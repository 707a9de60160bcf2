#include "clients/git_survey.h"

#include "base/cleanup.h"
#include "base/parse.h"

#include <string.h>
#include <strings.h>

enum {
    ENTRIES_MAX = 5 * 1000 * 1000, /* files and directories: a small pack can name endlessly many */
    PATH_LEN_MAX = 3500,           /* below the tree; the kernel takes 4096 in all */
    DEPTH_MAX = 256,               /* of directories: what comes later goes down with descriptors */
    ATTRIBUTES_MAX = 1 << 20,      /* of a .gitattributes; whoever needs more has filters */
};

struct survey {
    struct git_session *session;
    git_odb *odb;
    struct git_result *result;
    uint64_t entries;
    bool has_filters;
};

/* --- what is refused -------------------------------------------------------------------------- */

static bool is_safe_mode(unsigned mode)
{
    switch (mode) { /* anything else, such as 104755, might become a set-user-id file */
    case 0040000:
    case 0100644:
    case 0100664:
    case 0100755:
    case 0120000:
    case 0160000: return true;
    default: return false;
    }
}

/* ".git", also as other systems may take it: in capitals, with dots, by its short name. */
static bool is_git_directory(const char *name)
{
    size_t len = strncasecmp(name, ".git", 4) == 0 ? 4 : strncasecmp(name, "git~1", 5) == 0 ? 5 : 0;

    return len > 0 && (name[len + strspn(name + len, ". ")] == '\0' || name[len] == ':');
}

static bool is_safe_name(const char *name, unsigned mode)
{
    return name[0] != '\0' && strchr(name, '/') == NULL && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0 && !is_git_directory(name) &&
           !(mode == GIT_FILEMODE_LINK && strcasecmp(name, ".gitmodules") == 0);
}

static unsigned depth_of(const char *root)
{
    unsigned depth = 0;

    for (const char *at = root; (at = strchr(at, '/')) != NULL; at++) {
        depth++;
    }
    return depth;
}

static int check_entry(struct survey *survey, const char *root, const git_tree_entry *entry)
{
    struct git_session *session = survey->session;
    unsigned mode = (unsigned)git_tree_entry_filemode_raw(entry);
    const char *name = git_tree_entry_name(entry);

    if (!is_safe_mode(mode)) {
        return git_session_stop(session, "WorkspaceFailed",
                                "%s: \"%.200s%.200s\" has the unsafe mode %o in the repository",
                                session->job->url, root, name, mode);
    }
    if (!is_safe_name(name, mode)) {
        return git_session_stop(session, "WorkspaceFailed",
                                "%s: \"%.200s%.200s\" is an unsafe name in the repository",
                                session->job->url, root, name);
    }
    if (++survey->entries > ENTRIES_MAX || depth_of(root) > DEPTH_MAX ||
        strlen(root) + strlen(name) > PATH_LEN_MAX) {
        return git_session_stop(session, "CloneTooLarge",
                                "%s: the tree has more than %d files or directories, or paths "
                                "longer than %d bytes or deeper than %d directories",
                                session->job->url, ENTRIES_MAX, PATH_LEN_MAX, DEPTH_MAX);
    }
    return 0;
}

/* --- what is noticed -------------------------------------------------------------------------- */

static bool contains(const char *text, size_t len, const char *word)
{
    return memmem(text, len, word, strlen(word)) != NULL;
}

/* A line that is no comment and has filter=lfs. */
static bool asks_for_lfs(const char *text, size_t len)
{
    while (len > 0) {
        const char *end = memchr(text, '\n', len);
        size_t line_len = end != NULL ? (size_t)(end - text) + 1 : len;

        if (text[0] != '#' && contains(text, line_len, "filter=lfs")) {
            return true;
        }
        text += line_len;
        len -= line_len;
    }
    return false;
}

static int read_attributes(struct survey *survey, const char *root, const git_oid *id, size_t size)
{
    git_odb_object *object = NULL;
    const char *text;
    int code;

    if (size > ATTRIBUTES_MAX) {
        survey->has_filters = true;
        return 0;
    }
    code = git_odb_read(&object, survey->odb, id);
    if (code < 0) {
        return code;
    }
    text = git_odb_object_data(object);
    if (contains(text, size, "crlf") || contains(text, size, "ident")) {
        survey->has_filters = true;
    }
    if (root[0] == '\0' && asks_for_lfs(text, size)) {
        survey->result->has_lfs = true;
    }
    git_odb_object_free(object);
    return 0;
}

static int count_blob(struct survey *survey, const char *root, const git_tree_entry *entry)
{
    struct git_session *session = survey->session;
    const char *name = git_tree_entry_name(entry);
    bool is_file = git_tree_entry_filemode(entry) != GIT_FILEMODE_LINK;
    git_object_t type;
    size_t size = 0;
    int code = git_odb_read_header(&size, &type, survey->odb, git_tree_entry_id(entry));

    if (code < 0) {
        return code;
    }
    survey->result->tree_files++;
    survey->result->tree_bytes += size;
    if (session->job->max_bytes != 0 && survey->result->tree_bytes > session->job->max_bytes) {
        return git_session_stop(session, "CloneTooLarge",
                                "%s: the working tree is larger than the %llu bytes it may have",
                                session->job->url, (unsigned long long)session->job->max_bytes);
    }
    if (is_file && root[0] == '\0' && strcmp(name, ".gitmodules") == 0) {
        survey->result->has_submodules = true;
    }
    return is_file && strcmp(name, ".gitattributes") == 0
               ? read_attributes(survey, root, git_tree_entry_id(entry), size)
               : 0;
}

static int survey_entry(const char *root, const git_tree_entry *entry, void *payload)
{
    struct survey *survey = payload;
    int code = check_entry(survey, root, entry);

    if (code == 0 && git_tree_entry_type(entry) == GIT_OBJECT_BLOB) {
        code = count_blob(survey, root, entry);
    }
    return code;
}

int git_survey_tree(struct git_session *session, git_repository *mirror, const git_tree *tree,
                    struct git_result *result, bool *ret_has_filters, struct error *err)
{
    auto_git(odb) *odb = NULL;
    struct survey survey = {.session = session, .result = result};
    int code = git_repository_odb(&odb, mirror);

    if (code == 0) {
        survey.odb = odb;
        code = git_tree_walk(tree, GIT_TREEWALK_PRE, survey_entry, &survey);
    }
    if (code < 0) {
        return git_session_fail(session, GIT_STAGE_LOCAL, code, err);
    }
    *ret_has_filters = survey.has_filters;
    return 0;
}
