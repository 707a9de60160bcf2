#include "clients/runner_user.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/parse.h"
#include "clients/record_text.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TEXT = 4096, RECORD_VERSION = 1, MAX_REASON = 256 };

#define MAX_ID INT64_C(0x7fffffff)

/* A home is used, not only shown: one that would have to be cleaned is refused. */
static int take_home(const struct record_field *field, struct runner_user *user, struct error *err)
{
    if (field->len == 0 || field->len >= sizeof(user->home) || field->value[0] != '/' ||
        !text_is_clean_utf8(field->value, field->len) ||
        memchr(field->value, '\t', field->len) != NULL ||
        memchr(field->value, '\r', field->len) != NULL) {
        return error_set(err, ERROR_INVALID, "\"home\" is not an absolute path");
    }
    memcpy(user->home, field->value, field->len);
    user->home[field->len] = '\0';
    return 0;
}

static int parse(const char *text, size_t len, struct runner_user *user, struct error *err)
{
    enum { VERSION, UID, GID, HOME, ERROR, COUNT };
    struct record_field fields[COUNT] = {
        [VERSION] = {.key = "version"},
        [UID] = {.key = "uid", .is_optional = true},
        [GID] = {.key = "gid", .is_optional = true},
        [HOME] = {.key = "home", .is_optional = true},
        [ERROR] = {.key = "error", .is_optional = true},
    };
    char reason[MAX_REASON];
    int64_t version, uid, gid;

    if (record_text_parse(text, len, MAX_TEXT, fields, COUNT, err) < 0 ||
        record_field_number(&fields[VERSION], RECORD_VERSION, RECORD_VERSION, &version, err) < 0) {
        return -1;
    }
    if (fields[ERROR].is_seen) {
        record_field_message(&fields[ERROR], reason, sizeof(reason));
        return error_set(err, ERROR_INVALID, "%s", reason[0] != '\0' ? reason : "no reason given");
    }
    if (record_field_number(&fields[UID], 0, MAX_ID, &uid, err) < 0 ||
        record_field_number(&fields[GID], 0, MAX_ID, &gid, err) < 0 ||
        take_home(&fields[HOME], user, err) < 0) {
        return -1;
    }
    user->uid = (uid_t)uid;
    user->gid = (gid_t)gid;
    return 0;
}

int runner_user_parse(const char *text, size_t len, struct runner_user *ret, struct error *err)
{
    struct runner_user user = {0};

    if (parse(text, len, &user, err) < 0) {
        return error_wrap(err, "find the user in the container");
    }
    *ret = user;
    return 0;
}

int runner_user_read(const char *path, struct runner_user *ret, struct error *err)
{
    auto_free char *text = NULL;
    size_t len;

    if (file_read(AT_FDCWD, path, MAX_TEXT, &text, &len, err) < 0) {
        return -1;
    }
    return runner_user_parse(text, len, ret, err);
}
