#include "controller/runner/user.h"

#include "controller/runner/util.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MAX_FIELDS = 7, /* of a line; more are passed over */
    MAX_FILE = 16 * 1024 * 1024,
};

struct span {
    const char *at;
    size_t len;
};

static bool span_equal(struct span span, struct span other)
{
    return span.len == other.len && memcmp(span.at, other.at, span.len) == 0;
}

static int span_number(struct span span, uint64_t *ret_number)
{
    char text[16];

    if (span.len >= sizeof(text)) {
        return -1;
    }
    memcpy(text, span.at, span.len);
    text[span.len] = '\0';
    return util_parse_number(text, 0, INT_MAX, ret_number);
}

/* Cuts the next line of *text into fields at ':', the missing ones empty; 0 at the end. */
static size_t next_line(const char **text, struct span fields[MAX_FIELDS])
{
    const char *at = *text;
    const char *end = at + strcspn(at, "\n");
    size_t count = 0;

    if (*at == '\0') {
        return 0;
    }
    *text = end + (*end == '\n');
    for (size_t i = 0; i < MAX_FIELDS; i++) {
        fields[i] = (struct span){"", 0};
    }
    for (;;) {
        const char *colon = memchr(at, ':', (size_t)(end - at));
        const char *stop = colon == NULL ? end : colon;

        if (count < MAX_FIELDS) {
            fields[count++] = (struct span){at, (size_t)(stop - at)};
        }
        if (colon == NULL) {
            return count;
        }
        at = colon + 1;
    }
}

static bool list_has(struct span list, struct span name)
{
    while (list.len > 0) {
        const char *comma = memchr(list.at, ',', list.len);
        size_t len = comma == NULL ? list.len : (size_t)(comma - list.at);

        if (span_equal((struct span){list.at, len}, name)) {
            return true;
        }
        len += comma != NULL;
        list = (struct span){list.at + len, list.len - len};
    }
    return false;
}

static int complain(char *message, size_t message_size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int complain(char *message, size_t message_size, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(message, message_size, format, args);
    va_end(args);
    return -1;
}

/* A line is meant by its name and by its number; the first one counts, as everywhere. */
static bool find_line(const char *text, struct span wanted, size_t min_fields, size_t number_field,
                      struct span fields[MAX_FIELDS])
{
    uint64_t wanted_number, number;
    bool is_number = span_number(wanted, &wanted_number) == 0;
    size_t count;

    while (text != NULL && (count = next_line(&text, fields)) > 0) {
        if (count >= min_fields && span_number(fields[number_field], &number) == 0 &&
            (span_equal(fields[0], wanted) || (is_number && number == wanted_number))) {
            return true;
        }
    }
    return false;
}

/* passwd: name:password:uid:gid:comment:home:shell. Sets *ret_name when the user has an entry. */
static int find_user(struct span wanted, const char *passwd, struct user *user,
                     struct span *ret_name, char *message, size_t message_size)
{
    struct span fields[MAX_FIELDS];
    uint64_t uid, gid;

    if (find_line(passwd, wanted, 4, 2, fields) && span_number(fields[3], &gid) == 0) {
        span_number(fields[2], &uid);
        user->uid = (uid_t)uid;
        user->gid = (gid_t)gid;
        if (fields[5].len > 0 && fields[5].len < sizeof(user->home)) {
            memcpy(user->home, fields[5].at, fields[5].len);
            user->home[fields[5].len] = '\0';
        }
        *ret_name = fields[0];
        return 0;
    }
    if (span_number(wanted, &uid) == 0) {
        user->uid = (uid_t)uid;
        return 0;
    }
    return complain(message, message_size, "no user \"%.*s\" in /etc/passwd",
                    wanted.len > 64 ? 64 : (int)wanted.len, wanted.at);
}

static int find_group(struct span wanted, const char *group, struct user *user, char *message,
                      size_t message_size)
{
    struct span fields[MAX_FIELDS];
    uint64_t gid;

    if (find_line(group, wanted, 3, 2, fields)) {
        wanted = fields[2];
    }
    if (span_number(wanted, &gid) < 0) {
        return complain(message, message_size, "no group \"%.*s\" in /etc/group",
                        wanted.len > 64 ? 64 : (int)wanted.len, wanted.at);
    }
    user->gid = (gid_t)gid;
    return 0;
}

/* group: name:password:gid:member,member */
static int add_groups(struct span name, const char *group, struct user *user, char *message,
                      size_t message_size)
{
    struct span fields[MAX_FIELDS];
    uint64_t gid;
    size_t count;

    while (group != NULL && (count = next_line(&group, fields)) > 0) {
        if (count < 4 || span_number(fields[2], &gid) < 0 || !list_has(fields[3], name)) {
            continue;
        }
        if (user->group_count == USER_MAX_GROUPS) {
            return complain(message, message_size, "user \"%.*s\" is in more than %d groups",
                            name.len > 64 ? 64 : (int)name.len, name.at, USER_MAX_GROUPS);
        }
        user->groups[user->group_count++] = (gid_t)gid;
    }
    return 0;
}

int user_find(const char *spec, uid_t current_uid, const char *passwd, const char *group,
              struct user *ret_user, char *message, size_t message_size)
{
    struct user user = {.home = "/"};
    size_t user_len = strcspn(spec, ":");
    const char *group_part = spec + user_len + (spec[user_len] == ':');
    struct span wanted = {spec, user_len}, name = {0};
    char number[16];

    if (user_len == 0) {
        snprintf(number, sizeof(number), "%u", (unsigned)current_uid);
        wanted = (struct span){number, strlen(number)};
    }
    if (find_user(wanted, passwd, &user, &name, message, message_size) < 0) {
        return -1;
    }
    if (group_part[0] != '\0' && find_group((struct span){group_part, strlen(group_part)}, group,
                                            &user, message, message_size) < 0) {
        return -1;
    }
    user.groups[user.group_count++] = user.gid;
    if (group_part[0] == '\0' && name.len > 0 &&
        add_groups(name, group, &user, message, message_size) < 0) {
        return -1;
    }
    *ret_user = user;
    return 0;
}

/* NULL where there is none: an image need not have these files. */
static char *read_text(const char *path)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat info;
    char *text = NULL;
    ssize_t got = -1;

    if (fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size <= MAX_FILE) {
        text = malloc((size_t)info.st_size + 1);
        got = text == NULL ? -1 : read(fd, text, (size_t)info.st_size);
    }
    if (fd >= 0) {
        close(fd);
    }
    if (got < 0) {
        free(text);
        return NULL;
    }
    text[got] = '\0';
    return text;
}

int user_look_up(const char *spec, struct user *ret_user, char *message, size_t message_size)
{
    char *passwd = read_text("/etc/passwd");
    char *group = read_text("/etc/group");
    int result = user_find(spec, getuid(), passwd, group, ret_user, message, message_size);

    free(passwd);
    free(group);
    return result;
}

int user_become(const struct user *user)
{
    if (geteuid() != 0 && user->uid == getuid() && user->gid == getgid()) {
        return 0; /* nothing to change, and we may not change groups */
    }
    if (setgroups(user->group_count, user->groups) < 0 ||
        setresgid(user->gid, user->gid, user->gid) < 0 ||
        setresuid(user->uid, user->uid, user->uid) < 0) {
        return -1;
    }
    return 0;
}
