/*
 * Who a container says its user is: no crash, no failure without a reason, and never more than the
 * file says.
 */
#include "clients/runner_user.h"

#include "base/parse.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct runner_user user;
    struct error err = {0};
    int result = runner_user_parse((const char *)data, size, &user, &err);

    assert((result == 0) == (err.kind == ERROR_NONE));
    if (result < 0) {
        assert(err.kind == ERROR_INVALID && err.message[0] != '\0');
        assert(text_is_clean_utf8(err.message, strlen(err.message)));
        assert(strpbrk(err.message, "\r\n\t") == NULL);
        return 0;
    }
    assert(size <= 4096);
    assert(user.uid <= INT32_MAX && user.gid <= INT32_MAX);
    assert(memchr(user.home, '\0', sizeof(user.home)) != NULL && user.home[0] == '/');
    assert(text_is_clean_utf8(user.home, strlen(user.home)));
    assert(strpbrk(user.home, "\r\n\t") == NULL);
    return 0;
}
