#include "specs/reason.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void every_reason_says_what_it_means_and_what_to_do(void **state)
{
    size_t count;
    const struct reason *reasons = reason_list(&count);

    (void)state;
    assert_true(count >= 44);
    for (size_t i = 0; i < count; i++) {
        assert_true(isupper((unsigned char)reasons[i].name[0]));
        assert_null(strpbrk(reasons[i].name, " -_"));
        if (strcmp(reasons[i].name, REASON_WORK_KEPT) != 0) { /* the one that is no failure */
            assert_in_range(reasons[i].code, 400, 511);
        }
        assert_true(strlen(reasons[i].meaning) > 10);
        assert_true(strlen(reasons[i].remedy) > 10);
        assert_int_equal(reasons[i].meaning[strlen(reasons[i].meaning) - 1], '.');
        assert_int_equal(reasons[i].remedy[strlen(reasons[i].remedy) - 1], '.');
    }
}

static void reasons_are_sorted_and_found_by_their_names(void **state)
{
    size_t count;
    const struct reason *reasons = reason_list(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(reason_find(reasons[i].name), &reasons[i]);
        assert_true(i == 0 || strcmp(reasons[i - 1].name, reasons[i].name) < 0);
    }
    assert_null(reason_find("NoSuchReason"));
    assert_null(reason_find(""));
}

/* A word of the header that the catalogue lacks would be a status nobody can look up. */
static void every_word_of_the_header_is_in_the_catalogue(void **state)
{
    static const char *const words[] = {
        REASON_INVALID_SPEC,
        REASON_INVALID_SYNTAX,
        REASON_UNKNOWN_FIELD,
        REASON_NOT_SUPPORTED,
        REASON_DUPLICATE_KEY,
        REASON_INVALID_NAME,
        REASON_INVALID_MACHINE_TYPE,
        REASON_INVALID_URL,
        REASON_FILE_TOO_LARGE,
        REASON_FILE_UNREADABLE,
        REASON_DUPLICATE_OBJECT,
        REASON_DELETIONS_HELD,
        REASON_SUSPENDED,
        REASON_REMOTE_ENGINE,
        REASON_ROOTLESS_ENGINE,
        REASON_NOT_PERMITTED,
        REASON_SYSTEMD_UNAVAILABLE,
        REASON_NOT_SEEN,
        REASON_LIMIT_FAILED,
        REASON_RECREATE_NEEDED,
        REASON_PORT_CONFLICT,
        REASON_PORTS_EXHAUSTED,
        REASON_PORT_IN_USE,
        REASON_HOST_PATH_REFUSED,
        REASON_NAME_TAKEN,
        REASON_IMAGE_NOT_FOUND,
        REASON_IMAGE_PULL_FAILED,
        REASON_CREATE_FAILED,
        REASON_START_FAILED,
        REASON_CRASH_LOOP,
        REASON_FAILED,
        REASON_OOM_KILLED,
        REASON_ENGINE_UNAVAILABLE,
        REASON_ENGINE_ERROR,
        REASON_REPOSITORY_UNKNOWN,
        REASON_REPOSITORY_NOT_FOUND,
        REASON_REPOSITORY_DUPLICATE,
        REASON_BRANCH_NOT_FOUND,
        REASON_BRANCH_CONFLICT,
        REASON_AUTHENTICATION_FAILED,
        REASON_CERTIFICATE_INVALID,
        REASON_CLONE_FAILED,
        REASON_CLONE_STALLED,
        REASON_CLONE_TOO_LARGE,
        REASON_REF_NOT_FOUND,
        REASON_FETCH_FAILED,
        REASON_SCHEME_REFUSED,
        REASON_WORKSPACE_FAILED,
        REASON_WORK_KEPT,
        REASON_DISK_PRESSURE,
        REASON_SETUP_FAILED,
        REASON_INVALID_DEVCONTAINER,
        REASON_FORBIDDEN,
        REASON_CONTAINER_LOST,
        REASON_DEADLINE_EXCEEDED,
        REASON_COMMAND_FAILED,
        REASON_CHANGED_AFTER_START,
        REASON_STATE_UNWRITABLE,
        REASON_SUPERSEDED,
        REASON_HOOK_FAILED,
        REASON_VALUE_UNAVAILABLE,
        REASON_CAPABILITY_REFUSED,
    };

    (void)state;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (reason_find(words[i]) == NULL) {
            fail_msg("%s is not in the catalogue", words[i]);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reason_says_what_it_means_and_what_to_do),
        cmocka_unit_test(reasons_are_sorted_and_found_by_their_names),
        cmocka_unit_test(every_word_of_the_header_is_in_the_catalogue),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
