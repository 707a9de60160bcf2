#include "clients/git_revisions.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/suggest.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NEAR_NAMES_MAX = 10000, /* looked at for "did you mean" */
    ABBREVIATION_MIN = 7,
    PART_LEN_MAX = 250, /* between slashes; ".lock" is put behind */
    REFERENCE_LEN_MAX = 1024,
};

#define BRANCHES "refs/heads/"
#define TAGS "refs/tags/"

/* Of what a user wrote, in a message. */
#define NAME "\"%.100s\""

/* --- what is near ----------------------------------------------------------------------------- */

struct names {
    char **items;
    size_t count, capacity;
};

static void names_done(struct names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->items[i]);
    }
    free(names->items);
}

/* The names below prefix, without it. */
static int list_names(git_repository *mirror, const char *prefix, struct names *names)
{
    auto_git(reference_iterator) *iterator = NULL;
    auto_free char *glob = xasprintf("%s*", prefix);
    const char *name;
    int code = git_reference_iterator_glob_new(&iterator, mirror, glob);

    while (code == 0 && names->count < NEAR_NAMES_MAX &&
           (code = git_reference_next_name(&name, iterator)) == 0) {
        array_grow(&names->items, names->count, &names->capacity, sizeof(*names->items));
        names->items[names->count++] = xstrdup(name + strlen(prefix));
    }
    return code == GIT_ITEROVER ? 0 : code;
}

/* False for what git would not take as a name, or the file system not as one of a file. */
static bool can_be_reference(const char *name)
{
    int is_valid = 0;

    for (const char *at = name; *at != '\0'; at += at[0] == '/') {
        size_t len = strcspn(at, "/");

        if (len > PART_LEN_MAX) {
            return false;
        }
        at += len;
    }
    return strlen(name) <= REFERENCE_LEN_MAX && git_reference_name_is_valid(&is_valid, name) == 0 &&
           is_valid;
}

static int exists(git_repository *mirror, const char *prefix, const char *name)
{
    auto_git(reference) *reference = NULL;
    auto_free char *full = xasprintf("%s%s", prefix, name);
    int code;

    if (!can_be_reference(full)) {
        return 0;
    }
    code = git_reference_lookup(&reference, mirror, full);
    return code == 0 ? 1 : code == GIT_ENOTFOUND ? 0 : code;
}

/* The message of a branch (or of a tag) that is not there; the other kind may have that name. */
static int explain(git_repository *mirror, const char *prefix, const char *name,
                   struct git_found *found)
{
    bool is_branch = strcmp(prefix, BRANCHES) == 0;
    const char *words = is_branch ? "there is no branch" : "there is no tag or commit";
    const char *bare = text_has_prefix(name, prefix) ? name + strlen(prefix) : name;
    auto_done(names) names = {0};
    const char *near;
    int code = list_names(mirror, prefix, &names);

    if (code < 0) {
        return code;
    }
    if (is_branch && names.count == 0) {
        snprintf(found->message, sizeof(found->message),
                 "%s " NAME ": the repository is empty; push a first commit", words, name);
        return 0;
    }
    near = suggest_nearest(bare, (const char *const *)names.items, names.count);
    if (near != NULL) {
        snprintf(found->message, sizeof(found->message), "%s " NAME "; did you mean " NAME "?",
                 words, name, near);
        return 0;
    }
    code = exists(mirror, is_branch ? TAGS : BRANCHES, name);
    if (code < 0) {
        return code;
    }
    snprintf(found->message, sizeof(found->message), "%s " NAME "%s", words, name,
             code == 0   ? ""
             : is_branch ? ", but a tag: ask for it as ref"
                         : ", but a branch: ask for it as branch");
    return 0;
}

/* --- looking up ------------------------------------------------------------------------------- */

/* What a reference or an abbreviation leads to; message says what it is instead of a commit. */
static int take_commit(git_object *object, const char *name, struct git_found *found)
{
    auto_git(object) *commit = NULL;
    int code = git_object_peel(&commit, object, GIT_OBJECT_COMMIT);

    if (code == GIT_EPEEL || code == GIT_EINVALIDSPEC) {
        snprintf(found->message, sizeof(found->message), NAME " is a %s and no commit", name,
                 git_object_type2string(git_object_type(object)));
        return 0;
    }
    if (code == 0) {
        git_oid_tostr(found->commit, sizeof(found->commit), git_object_id(commit));
    }
    return code;
}

/* GIT_ENOTFOUND: no such name, or one that no reference can have. */
static int find_reference(git_repository *mirror, const char *prefix, const char *name,
                          struct git_found *found)
{
    auto_git(object) *object = NULL;
    auto_free char *full = xasprintf("%s%s", prefix, name);
    git_oid id;
    int code;

    if (!can_be_reference(full)) {
        return GIT_ENOTFOUND;
    }
    code = git_reference_name_to_id(&id, mirror, full);
    if (code < 0) {
        return code;
    }
    code = git_object_lookup(&object, mirror, &id, GIT_OBJECT_ANY);
    if (code == GIT_ENOTFOUND) {
        return GIT_ERROR; /* a reference to what is not there is damage, and not a name unknown */
    }
    return code == 0 ? take_commit(object, name, found) : code;
}

/* GIT_ENOTFOUND: no hex digits, too few of them, or no such object. */
static int find_commit(git_repository *mirror, const char *name, struct git_found *found)
{
    auto_git(object) *object = NULL;
    size_t len = strlen(name);
    char digits[GIT_OID_HEXSZ + 1] = "";
    git_oid id;
    int code;

    if (len < ABBREVIATION_MIN || len > GIT_OID_HEXSZ) {
        return GIT_ENOTFOUND;
    }
    for (size_t i = 0; i < len; i++) {
        if (!isxdigit((unsigned char)name[i])) {
            return GIT_ENOTFOUND;
        }
        digits[i] = (char)tolower((unsigned char)name[i]);
    }
    code = git_oid_fromstrp(&id, digits);
    if (code == 0) {
        code = git_object_lookup_prefix(&object, mirror, &id, len, GIT_OBJECT_ANY);
    }
    if (code == GIT_EAMBIGUOUS) {
        snprintf(found->message, sizeof(found->message),
                 "several objects begin with " NAME "; give more digits", name);
        return 0;
    }
    return code == 0 ? take_commit(object, name, found) : code;
}

/* A whole id is never a tag's name; of what is shorter, tags go first. */
static int find_ref(git_repository *mirror, const char *name, struct git_found *found)
{
    int code = strlen(name) == GIT_OID_HEXSZ ? find_commit(mirror, name, found) : GIT_ENOTFOUND;

    if (code == GIT_ENOTFOUND) {
        code = find_reference(mirror, TAGS, name, found);
    }
    return code == GIT_ENOTFOUND ? find_commit(mirror, name, found) : code;
}

static int find_head(git_repository *mirror, const struct git_result *result,
                     struct git_found *found)
{
    auto_done(names) names = {0};
    const char *head = result->head_branch;
    int code;

    if (result->head_commit[0] != '\0') {
        snprintf(found->commit, sizeof(found->commit), "%s", result->head_commit);
        return 0;
    }
    code = list_names(mirror, BRANCHES, &names);
    if (code == 0 && names.count == 0) {
        snprintf(found->message, sizeof(found->message),
                 "the repository is empty; push a first commit");
    } else if (code == 0) {
        snprintf(found->message, sizeof(found->message),
                 "the server has no default branch%s%.60s%s; name a branch, such as " NAME,
                 head[0] != '\0' ? " (its HEAD is \"" : "", head, head[0] != '\0' ? "\")" : "",
                 names.items[0]);
    }
    return code;
}

static int find(git_repository *mirror, const struct git_revision *revision,
                const struct git_result *result, struct git_found *found)
{
    int code = GIT_ERROR;

    switch (revision->kind) {
    case GIT_REVISION_HEAD: return find_head(mirror, result, found);
    case GIT_REVISION_BRANCH:
        code = find_reference(mirror, BRANCHES, revision->name, found);
        return code == GIT_ENOTFOUND ? explain(mirror, BRANCHES, revision->name, found) : code;
    case GIT_REVISION_REF:
        code = find_ref(mirror, revision->name, found);
        return code == GIT_ENOTFOUND ? explain(mirror, TAGS, revision->name, found) : code;
    }
    return code;
}

/* --- all of a job ----------------------------------------------------------------------------- */

/* The mirror's HEAD is a branch, whether there or not, a commit, or none of these. */
static int read_head(git_repository *mirror, struct git_result *result)
{
    auto_git(reference) *head = NULL;
    struct git_found found = {0};
    const char *branch;
    int code = git_reference_lookup(&head, mirror, "HEAD");

    if (code < 0) {
        return code;
    }
    branch = git_reference_symbolic_target(head);
    if (branch == NULL) {
        git_oid_tostr(result->head_commit, sizeof(result->head_commit), git_reference_target(head));
        return 0;
    }
    if (!text_has_prefix(branch, BRANCHES)) {
        return 0;
    }
    branch += strlen(BRANCHES);
    code = find_reference(mirror, BRANCHES, branch, &found);
    if (code < 0 && code != GIT_ENOTFOUND) {
        return code;
    }
    if (strlen(branch) < sizeof(result->head_branch)) {
        snprintf(result->head_branch, sizeof(result->head_branch), "%s", branch);
    }
    snprintf(result->head_commit, sizeof(result->head_commit), "%s", found.commit);
    return 0;
}

int git_revisions_find(struct git_session *session, git_repository *mirror,
                       struct git_result *result, struct error *err)
{
    const struct git_job *job = session->job;
    int code = read_head(mirror, result);

    for (size_t i = 0; code == 0 && i < job->revision_count; i++) {
        code = find(mirror, &job->revisions[i], result, &result->found[i]);
    }
    result->found_count = job->revision_count;
    return code < 0 ? git_session_fail(session, GIT_STAGE_LOCAL, code, err) : 0;
}
