#include "controller/status_path.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void a_status_lies_beside_its_spec(void **state)
{
    static const struct {
        const char *spec, *status;
    } rows[] = {
        {"web.yaml", "/x/web.status.yaml"},
        {"web.yml", "/x/web.yml.status.yaml"},
        {"pools/web.yaml", "/x/pools/web.status.yaml"},
        {"a b\n.yaml", "/x/a b\n.status.yaml"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *path = status_path("/x", rows[i].spec);

        assert_string_equal(path, rows[i].status);
    }
}

static const char *name_of(const char *path)
{
    return strrchr(path, '/') + 1;
}

static void a_name_that_would_be_too_long_is_cut_and_stays_its_own(void **state)
{
    (void)state;
    for (int len = 230; len <= NAME_MAX; len++) {
        auto_free char *one = xasprintf("a/%*d.yaml", len - 5, 1);
        auto_free char *two = xasprintf("a/%*d.yaml", len - 5, 2);
        auto_free char *path = status_path("/x", one), *other = status_path("/x", two);

        assert_true(strlen(name_of(path)) <= NAME_MAX);
        assert_true(text_has_prefix(path, "/x/a/"));
        assert_true(text_has_suffix(path, ".status.yaml"));
        assert_string_not_equal(path, other);
    }
}

static void it_is_cut_between_characters(void **state)
{
    (void)state;
    for (int shift = 0; shift < 3; shift++) {
        auto_done(strbuf) name = {0};
        auto_free char *path = NULL;

        strbuf_append(&name, "xx", (size_t)shift);
        for (int i = 0; i < 82; i++) {
            strbuf_add(&name, "\xe6\x97\xa5");
        }
        strbuf_add(&name, ".yaml");
        path = status_path("", strbuf_text(&name));
        assert_true(strlen(path + 1) <= NAME_MAX);
        assert_true(text_is_clean_utf8(path, strlen(path)));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_status_lies_beside_its_spec),
        cmocka_unit_test(a_name_that_would_be_too_long_is_cut_and_stays_its_own),
        cmocka_unit_test(it_is_cut_between_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
