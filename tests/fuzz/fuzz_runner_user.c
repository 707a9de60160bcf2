/*
 * An image's /etc/passwd and /etc/group: the input is "spec\0passwd\0group". Whatever is in it, a
 * name never becomes a number that is not there, and nothing outside the limits comes out.
 */
#include "controller/runner/user.c"
#include "controller/runner/util.c"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The next of the three texts; *data and *size become what follows it. */
static char *take_text(const uint8_t **data, size_t *size)
{
    size_t len = strnlen((const char *)*data, *size);
    char *text = malloc(len + 1);

    assert(text != NULL);
    memcpy(text, *data, len);
    text[len] = '\0';
    len += len < *size;
    *data += len;
    *size -= len;
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t nothing[1];
    static struct user user;
    char message[256] = "";

    if (data == NULL) {
        data = nothing;
    }
    char *spec = take_text(&data, &size);
    char *passwd = take_text(&data, &size);
    char *group = take_text(&data, &size);

    if (user_find(spec, 7, passwd, group, &user, message, sizeof(message)) < 0) {
        assert(message[0] != '\0');
    } else {
        assert(user.uid <= INT_MAX && user.gid <= INT_MAX);
        assert(user.group_count >= 1 && user.group_count <= USER_MAX_GROUPS);
        assert(user.groups[0] == user.gid);
        assert(user.home[0] != '\0' && strlen(user.home) < sizeof(user.home));
    }
    free(spec);
    free(passwd);
    free(group);
    return 0;
}
