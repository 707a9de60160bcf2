#include "controller/settings.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/strbuf.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void take(struct controller_options *options, enum setting_id id, const char *text)
{
    struct error err = {0};

    if (setting_take(id, options, text, NULL, &err) < 0) {
        fail_msg("%s: %s", settings[id].flag, err.message);
    }
    options->is_given[id] = true;
}

static void assert_text(enum setting_id id, const struct controller_options *options,
                        const char *expected)
{
    auto_done(strbuf) text = {0};

    setting_add_text(&text, id, options);
    assert_string_equal(strbuf_text(&text), expected);
}

static void a_key_is_its_flag_in_camel_case(void **state)
{
    (void)state;
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        char key[64];
        size_t len = 0;

        for (const char *at = settings[i].flag; *at != '\0'; at++) {
            bool is_upper = *at == '-' && at[1] != '\0';

            at += is_upper ? 1 : 0;
            key[len++] = (char)(is_upper ? toupper((unsigned char)*at) : *at);
        }
        key[len] = '\0';
        assert_string_equal(settings[i].key, key);
    }
}

static void flags_are_unique_and_defaults_are_what_the_help_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(settings[i].flag, settings[j].flag);
        }
        assert_true((settings[i].type == SETTING_SWITCH) == (settings[i].value == NULL));
        if (settings[i].default_text != NULL) {
            auto_free char *end = xasprintf("%s)", settings[i].default_text);

            assert_non_null(strstr(settings[i].help, end));
        }
        if (settings[i].type == SETTING_TEXTS || settings[i].type == SETTING_PATHS ||
            settings[i].type == SETTING_NUMBER) {
            assert_true(settings[i].max > 0);
        }
    }
}

static void a_flag_outweighs_the_file_and_that_a_default(void **state)
{
    auto_done(controller_options) options = {0}, file = {0};

    (void)state;
    take(&options, SETTING_PORTS, "31000");
    take(&file, SETTING_PORTS, "32000");
    take(&file, SETTING_DISK_HIGH, "50");
    take(&file, SETTING_ALLOW_ENV, "A");
    take(&file, SETTING_ALLOW_ENV, "B*");
    settings_complete(&options, &file);
    assert_text(SETTING_PORTS, &options, "31000");
    assert_text(SETTING_DISK_HIGH, &options, "50");
    assert_text(SETTING_ALLOW_ENV, &options, "A,B*");
    assert_text(SETTING_INODES_HIGH, &options, "70");
    assert_text(SETTING_GIT_MAX_SIZE, &options, "8Gi");
    assert_text(SETTING_ORPHAN_GRACE, &options, "5m");
    assert_text(SETTING_TREES, &options, "auto");
    assert_text(SETTING_POLL, &options, "false");
    assert_text(SETTING_STATUS_DIR, &options, DEFAULT_SPECS_DIR); /* beside the specs */
}

static void the_environment_counts_where_no_flag_does(void **state)
{
    auto_done(controller_options) options = {0};
    struct error err = {0};

    (void)state;
    setenv("BERTH_SPECS", "/of/environment", 1);
    setenv("BERTH_STATE", "/of/environment", 1);
    setenv("BERTH_STATUS_DIR", "", 1);
    unsetenv("DOCKER_HOST");
    take(&options, SETTING_STATE, "/of/flag");
    assert_int_equal(settings_take_environment(&options, &err), 0);
    assert_text(SETTING_SPECS, &options, "/of/environment");
    assert_text(SETTING_STATE, &options, "/of/flag");
    assert_false(options.is_given[SETTING_STATUS_DIR]); /* empty is unset */
    assert_false(options.is_given[SETTING_ENGINE]);
    unsetenv("BERTH_SPECS");
    unsetenv("BERTH_STATE");
    unsetenv("BERTH_STATUS_DIR");
}

static void equal_is_what_means_the_same(void **state)
{
    auto_done(controller_options) a = {0}, b = {0};

    (void)state;
    take(&a, SETTING_SCAN_INTERVAL, "60s");
    take(&b, SETTING_SCAN_INTERVAL, "1m");
    assert_true(setting_is_equal(SETTING_SCAN_INTERVAL, &a, &b));
    assert_true(setting_is_equal(SETTING_GIT_PROXY, &a, &b)); /* neither has one */
    take(&a, SETTING_GIT_PROXY, "http://p:1");
    assert_false(setting_is_equal(SETTING_GIT_PROXY, &a, &b));
    take(&a, SETTING_GIT_SCHEME, "https");
    take(&b, SETTING_GIT_SCHEME, "https");
    assert_true(setting_is_equal(SETTING_GIT_SCHEME, &a, &b));
    take(&b, SETTING_GIT_SCHEME, "ssh");
    assert_false(setting_is_equal(SETTING_GIT_SCHEME, &a, &b));
    setting_swap(SETTING_GIT_SCHEME, &a, &b);
    assert_int_equal(a.git_schemes.count, 2);
    assert_int_equal(b.git_schemes.count, 1);
}

static void what_cannot_be_is_refused_and_changes_nothing(void **state)
{
    static const struct {
        enum setting_id id;
        const char *text, *message;
    } rows[] = {
        {SETTING_SPECS, "", "must not be empty"},
        {SETTING_DISK_HIGH, "0", "\"0\" is not in 1..100"},
        {SETTING_DISK_HIGH, "many", "\"many\" is not in 1..100"},
        {SETTING_START_SLOTS, "65", "\"65\" is not in 1..64"},
        {SETTING_RELIST_INTERVAL, "25h", "\"25h\" is not a time"},
        {SETTING_RELIST_INTERVAL, "500ms", "\"500ms\" is not a time"},
        {SETTING_DISK_BUDGET, "0", "\"0\" is not a size"},
        {SETTING_LOG_FORMAT, "tex", "\"tex\" is not one of text|json"},
        {SETTING_LOG_FORMAT, "texts", "\"texts\" is not one of text|json"},
        {SETTING_POLL, "yes", "neither true nor false"},
        {SETTING_GIT_SCHEME, "gopher", "none of https, http, ssh, git, file"},
        {SETTING_GIT_PROXY, "socks://p", "is not http://HOST:PORT"},
        {SETTING_PORTS, "0-1", ""},
        {SETTING_NETWORK_RANGE, "10.0.0.1/8", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(controller_options) options = {0};
        struct error err = {0};

        assert_int_equal(setting_take(rows[i].id, &options, rows[i].text, NULL, &err), -1);
        assert_non_null(strstr(err.message, rows[i].message));
        assert_true(strchr(err.message, '@') == NULL);

        assert_text(rows[i].id, &options,
                    rows[i].id == SETTING_LOG_FORMAT        ? "text"
                    : rows[i].id == SETTING_POLL            ? "false"
                    : rows[i].id == SETTING_RELIST_INTERVAL ? "0s"
                                                            : "");
    }
}

static void a_list_has_a_ceiling(void **state)
{
    auto_done(controller_options) options = {0};
    struct error err = {0};

    (void)state;
    for (size_t i = 0; i < 16; i++) {
        take(&options, SETTING_ALLOW_HOST_PATH, "/srv");
    }
    assert_int_equal(setting_take(SETTING_ALLOW_HOST_PATH, &options, "/srv", NULL, &err), -1);
    assert_string_equal(err.message, "at most 16 are possible");
    assert_int_equal(options.host_path_roots.count, 16);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_its_flag_in_camel_case),
        cmocka_unit_test(flags_are_unique_and_defaults_are_what_the_help_says),
        cmocka_unit_test(a_flag_outweighs_the_file_and_that_a_default),
        cmocka_unit_test(the_environment_counts_where_no_flag_does),
        cmocka_unit_test(equal_is_what_means_the_same),
        cmocka_unit_test(what_cannot_be_is_refused_and_changes_nothing),
        cmocka_unit_test(a_list_has_a_ceiling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
