#include "clients/git_protocol.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { REVISION_NAME_MAX = 1024 };

enum job_field_type {
    FIELD_TEXT,
    FIELD_PATH,
    FIELD_COMMIT,
    FIELD_U64,
    FIELD_ID, /* of a user or group */
    FIELD_BOOL,
};

_Static_assert(sizeof(uid_t) == sizeof(gid_t), "one type of field for both");

static const struct job_field {
    const char *key;
    enum job_field_type type;
    size_t offset;
    size_t max_len; /* of texts */
    bool is_required;
} job_fields[] = {
    {"url", FIELD_TEXT, offsetof(struct git_job, url), 2048, true},
    {"mirror", FIELD_PATH, offsetof(struct git_job, mirror), 3072, true},
    {"username", FIELD_TEXT, offsetof(struct git_job, username), 1024, false},
    {"token", FIELD_TEXT, offsetof(struct git_job, token), 65536, false},
    {"sshKey", FIELD_TEXT, offsetof(struct git_job, ssh_key), 65536, false},
    {"knownHosts", FIELD_PATH, offsetof(struct git_job, known_hosts), 3072, false},
    {"proxy", FIELD_TEXT, offsetof(struct git_job, proxy), 2048, false},
    {"maxBytes", FIELD_U64, offsetof(struct git_job, max_bytes), 0, true},
    {"isOffline", FIELD_BOOL, offsetof(struct git_job, is_offline), 0, true},
    {"runAs", FIELD_ID, offsetof(struct git_job, run_as), 0, true},
    {"tree", FIELD_PATH, offsetof(struct git_job, tree), 3072, false},
    {"commit", FIELD_COMMIT, offsetof(struct git_job, commit), 40, false},
    {"owner", FIELD_ID, offsetof(struct git_job, owner), 0, true},
    {"ownerGroup", FIELD_ID, offsetof(struct git_job, owner_group), 0, true},
};

static json_t *field_to_json(const struct job_field *field, const struct git_job *job)
{
    const char *at = (const char *)job + field->offset;
    const char *text;

    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_PATH:
    case FIELD_COMMIT: memcpy(&text, at, sizeof(text)); return json_string(text);
    case FIELD_U64: {
        uint64_t value;

        memcpy(&value, at, sizeof(value));
        return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
    }
    case FIELD_ID: {
        uid_t value;

        memcpy(&value, at, sizeof(value));
        return json_integer((json_int_t)value);
    }
    case FIELD_BOOL: {
        bool value;

        memcpy(&value, at, sizeof(value));
        return json_boolean(value);
    }
    }
    abort(); /* not a type at all: memory is damaged */
}

static bool is_text(const struct job_field *field)
{
    return field->type == FIELD_TEXT || field->type == FIELD_PATH || field->type == FIELD_COMMIT;
}

static bool field_is_unset(const struct job_field *field, const struct git_job *job)
{
    const char *text = "";

    if (is_text(field)) {
        memcpy(&text, (const char *)job + field->offset, sizeof(text));
    }
    return text == NULL;
}

static const char *revision_kind_name(enum git_revision_kind kind)
{
    switch (kind) {
    case GIT_REVISION_HEAD: return "head";
    case GIT_REVISION_BRANCH: return "branch";
    case GIT_REVISION_REF: return "ref";
    }
    abort(); /* not a kind at all: memory is damaged */
}

static int revisions_to_json(const struct git_job *job, json_t *json)
{
    json_t *list = json_array();

    assert(job->revision_count <= GIT_REVISIONS_MAX);
    json_object_set_new(json, "revisions", list);
    for (size_t i = 0; i < job->revision_count; i++) {
        const struct git_revision *revision = &job->revisions[i];
        json_t *item = json_pack("{s:s, s:s*}", "kind", revision_kind_name(revision->kind), "name",
                                 revision->name);

        if (json_array_append_new(list, item) < 0) {
            return -1;
        }
    }
    return 0;
}

int git_job_to_json(const struct git_job *job, json_t **ret_json, struct error *err)
{
    json_auto_t *json = json_object();

    if (revisions_to_json(job, json) < 0) {
        return error_set(err, ERROR_INVALID, "git job: a revision is not valid UTF-8");
    }

    for (size_t i = 0; i < ARRAY_SIZE(job_fields); i++) {
        if (!field_is_unset(&job_fields[i], job) &&
            json_object_set_new(json, job_fields[i].key, field_to_json(&job_fields[i], job)) < 0) {
            return error_set(err, ERROR_INVALID, "git job: \"%s\" is not valid UTF-8",
                             job_fields[i].key);
        }
    }
    *ret_json = TAKE(json);
    return 0;
}

static bool is_commit(const char *text)
{
    return strlen(text) == 40 && strspn(text, "0123456789abcdef") == 40;
}

static bool path_is_plain(const char *path)
{
    auto_free char *plain = path[0] == '/' ? path_absolute(path) : NULL;

    return plain != NULL && strcmp(plain, path) == 0 && strcmp(path, "/") != 0;
}

static int text_from_json(const struct job_field *field, const json_t *value, char *at,
                          struct error *err)
{
    const char *text = json_string_value(value);

    if (text == NULL || text[0] == '\0' || strlen(text) > field->max_len) {
        return error_set(err, ERROR_INVALID, "git job: \"%s\" is not a text of 1 to %zu bytes",
                         field->key, field->max_len);
    }
    if (field->type == FIELD_PATH && !path_is_plain(text)) {
        return error_set(err, ERROR_INVALID, "git job: \"%s\" is not a plain absolute path",
                         field->key);
    }
    if (field->type == FIELD_COMMIT && !is_commit(text)) {
        return error_set(err, ERROR_INVALID, "git job: \"%s\" is not 40 hex digits", field->key);
    }
    memcpy(at, &text, sizeof(text));
    return 0;
}

static int field_from_json(const struct job_field *field, const json_t *value, struct git_job *job,
                           struct error *err)
{
    char *at = (char *)job + field->offset;
    json_int_t number = json_integer_value(value);

    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_PATH:
    case FIELD_COMMIT: return text_from_json(field, value, at, err);
    case FIELD_U64:
        if (json_is_integer(value) && number >= 0) {
            memcpy(at, &(uint64_t){(uint64_t)number}, sizeof(uint64_t));
            return 0;
        }
        break;
    case FIELD_ID:
        /* (uid_t)-1 means "leave as it is" to chown() and setresuid() */
        if (json_is_integer(value) && number >= 0 && number < UINT32_MAX) {
            memcpy(at, &(uid_t){(uid_t)number}, sizeof(uid_t));
            return 0;
        }
        break;
    case FIELD_BOOL:
        if (json_is_boolean(value)) {
            memcpy(at, &(bool){json_is_true(value)}, sizeof(bool));
            return 0;
        }
        break;
    }
    return error_set(err, ERROR_INVALID, "git job: \"%s\" is not what it should be", field->key);
}

static const struct job_field *job_field_find(const char *key)
{
    for (size_t i = 0; i < ARRAY_SIZE(job_fields); i++) {
        if (strcmp(job_fields[i].key, key) == 0) {
            return &job_fields[i];
        }
    }
    return NULL;
}

static int check_keys_are_known(const json_t *json, struct error *err)
{
    /* jansson iterates over objects that are not const only, but changes nothing */
    for (void *at = json_object_iter((json_t *)(uintptr_t)json); at != NULL;
         at = json_object_iter_next((json_t *)(uintptr_t)json, at)) {
        const char *key = json_object_iter_key(at);

        if (job_field_find(key) == NULL && strcmp(key, "revisions") != 0) {
            return error_set(err, ERROR_INVALID, "git job: unknown field \"%.64s\"", key);
        }
    }
    return 0;
}

static int revision_from_json(const json_t *json, struct git_revision *ret_revision,
                              struct error *err)
{
    static const enum git_revision_kind kinds[] = {GIT_REVISION_HEAD, GIT_REVISION_BRANCH,
                                                   GIT_REVISION_REF};
    const char *kind = json_string_value(json_object_get(json, "kind"));
    const char *name = json_string_value(json_object_get(json, "name"));
    size_t fields = name != NULL ? 2 : 1;

    for (size_t i = 0; kind != NULL && i < ARRAY_SIZE(kinds); i++) {
        if (strcmp(revision_kind_name(kinds[i]), kind) == 0 && json_object_size(json) == fields &&
            (name != NULL) == (kinds[i] != GIT_REVISION_HEAD) &&
            (name == NULL || strlen(name) <= REVISION_NAME_MAX)) {
            *ret_revision = (struct git_revision){kinds[i], name};
            return 0;
        }
    }
    return error_set(err, ERROR_INVALID, "git job: a revision is not what it should be");
}

static int revisions_from_json(const json_t *json, struct git_job *job, struct error *err)
{
    size_t count = json_array_size(json);

    if (!json_is_array(json) || count > GIT_REVISIONS_MAX) {
        return error_set(err, ERROR_INVALID, "git job: \"revisions\" is not a list of at most %d",
                         GIT_REVISIONS_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        if (revision_from_json(json_array_get(json, i), &job->revisions[i], err) < 0) {
            return -1;
        }
    }
    job->revision_count = count;
    return 0;
}

/* The directory of the mirror is the worker's, and so no place for what it must not write. */
static int check_places(const struct git_job *job, struct error *err)
{
    auto_free char *parent =
        xstrndup(job->mirror, (size_t)(strrchr(job->mirror, '/') - job->mirror));

    if (parent[0] == '\0') {
        return error_set(err, ERROR_INVALID, "git job: the mirror has no directory of its own");
    }
    if ((job->tree != NULL) != (job->commit != NULL)) {
        return error_set(err, ERROR_INVALID,
                         "git job: tree and commit come together, or not at all");
    }
    if (job->tree != NULL &&
        (path_is_below(job->tree, parent) || path_is_below(parent, job->tree))) {
        return error_set(err, ERROR_INVALID,
                         "git job: the tree lies in the directory of the mirror, or above it");
    }
    return 0;
}

int git_job_from_json(const json_t *json, struct git_job *ret_job, struct error *err)
{
    struct git_job job = {0};

    if (!json_is_object(json)) {
        return error_set(err, ERROR_INVALID, "git job: not a JSON object");
    }
    if (check_keys_are_known(json, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < ARRAY_SIZE(job_fields); i++) {
        const json_t *value = json_object_get(json, job_fields[i].key);

        if (value == NULL && job_fields[i].is_required) {
            return error_set(err, ERROR_INVALID, "git job: \"%s\" is missing", job_fields[i].key);
        }
        if (value != NULL && field_from_json(&job_fields[i], value, &job, err) < 0) {
            return -1;
        }
    }
    if (revisions_from_json(json_object_get(json, "revisions"), &job, err) < 0 ||
        check_places(&job, err) < 0) {
        return -1;
    }
    *ret_job = job;
    return 0;
}

static void hide(const char *secret, size_t len, char *text)
{
    enum { SHORTEST_SECRET = 4 }; /* less would blot out ordinary words and hide nothing */
    char *at;

    if (len < SHORTEST_SECRET) {
        return;
    }
    while ((at = memmem(text, strlen(text), secret, len)) != NULL) {
        memset(at, '*', len);
    }
}

void git_job_hide_secrets(const struct git_job *job, char *text)
{
    if (job->token != NULL && strspn(job->token, "*") < strlen(job->token)) {
        hide(job->token, strlen(job->token), text);
    }
    for (const char *line = job->ssh_key; line != NULL && *line != '\0';) {
        size_t len = strcspn(line, "\n");

        if (strspn(line, "*") < len && line[0] != '-') {
            hide(line, len, text);
        }
        line += len + (line[len] == '\n');
    }
}
