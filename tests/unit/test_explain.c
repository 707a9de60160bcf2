#include "base/cleanup.h"
#include "cli/explain.h"
#include "specs/reason.h"
#include "specs/reference.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("there is no \"%s\" in:\n%s", part, text);
    }
}

static void a_field_has_type_default_what_is_allowed_and_what_a_change_does(void **state)
{
    static const struct {
        enum kind kind;
        const char *path, *part;
    } rows[] = {
        {KIND_INSTANCE, "spec.powerState", "ALLOWED:   Running, Stopped, Suspended\n"},
        {KIND_INSTANCE, "spec.powerState", "DEFAULT:   Running\nA CHANGE:  in place\n"},
        {KIND_INSTANCE, "spec.ports", "  containerPort <whole number, 1 to 65535>, required\n"},
        {KIND_INSTANCE, "spec.ports", "FIELDS of each item:\n"},
        {KIND_INSTANCE, "spec.ports.hostPort", "FIELD:     spec.ports[].hostPort\n"},
        {KIND_INSTANCE, "spec.ports[].hostPort", "A CHANGE:  new container\n"},
        {KIND_INSTANCE, "spec.ports[12].hostPort", "TYPE:      whole number, 0 to 65535\n"},
        {KIND_TASK, "spec.repository", "REQUIRED:  yes\n"},
        {KIND_TASK, "spec.repository.name", "EXAMPLE:   project\n"},
        {KIND_TASK, "metadata.labels", "TYPE:      map of text to text\n"},
        {KIND_INSTANCE_POOL, "spec.template.spec.image", "EXAMPLE:   debian:12\n"},
        {KIND_INSTANCE_POOL, "", "KIND:      InstancePool\nVERSION:   berth.dev/v1\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(strbuf) out = {0};
        struct error err = {0};

        assert_int_equal(explain_field(rows[i].kind, rows[i].path, false, &out, &err), 0);
        assert_contains(strbuf_text(&out), rows[i].part);
    }
}

static void a_field_that_is_not_there_is_refused_with_what_may_be_meant(void **state)
{
    static const struct {
        const char *path, *message;
    } rows[] = {
        {"spec.prots", "Instance has no field \"spec.prots\"; did you mean \"spec.ports\"?"},
        {"sepc", "Instance has no field \"sepc\"; did you mean \"spec\"?"},
        {"spec.ports.hostport", "Instance has no field \"spec.ports[].hostport\"; did you mean "
                                "\"spec.ports[].hostPort\"?"},
        {"hostPort", "Instance has no field \"hostPort\"; did you mean \"spec.ports[].hostPort\"?"},
        {"spec.image.tag", "Instance: spec.image has no fields below it"},
        {"spec.nothing-like-it",
         "Instance has no field \"spec.nothing-like-it\"; see: berth explain "
         "Instance --recursive"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(strbuf) out = {0};
        struct error err = {0};

        assert_int_equal(explain_field(KIND_INSTANCE, rows[i].path, false, &out, &err), -1);
        assert_int_equal(err.kind, ERROR_NOT_FOUND);
        assert_string_equal(err.message, rows[i].message);
        assert_int_equal(out.len, 0);
    }
}

/* What a walk asks about. */
struct asked {
    enum kind kind;
    size_t count;
};

static bool ask(const struct reference_field *at, void *user)
{
    struct asked *asked = user;
    auto_done(strbuf) out = {0}, head = {0};
    struct error err = {0};

    strbuf_addf(&head, "FIELD:     %s\n", at->path);
    assert_int_equal(explain_field(asked->kind, at->path, false, &out, &err), 0);
    assert_contains(strbuf_text(&out), strbuf_text(&head));
    asked->count++;
    return true;
}

static void every_field_of_every_kind_is_explained_by_the_path_that_errors_have(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        struct asked asked = {.kind = (enum kind)kind};

        reference_walk((enum kind)kind, ask, &asked);
        assert_true(asked.count > 15);
    }
}

static void all_fields_are_listed_by_name_and_type(void **state)
{
    auto_done(strbuf) out = {0};
    struct error err = {0};

    (void)state;
    assert_int_equal(explain_field(KIND_INSTANCE, "spec.lifecycle", true, &out, &err), 0);
    assert_contains(strbuf_text(&out), "FIELDS:\n"
                                       "  postStart <map>\n"
                                       "    exec <map>, required\n"
                                       "      command <list of text, not empty>, required\n");
}

static void every_reason_is_explained_and_a_wrong_one_has_its_nearest(void **state)
{
    size_t count;
    const struct reason *reasons = reason_list(&count);
    struct error err = {0};

    (void)state;
    for (size_t i = 0; i < count; i++) {
        auto_done(strbuf) out = {0};

        assert_int_equal(explain_reason(reasons[i].name, &out, &err), 0);
        assert_contains(strbuf_text(&out), reasons[i].name);
        assert_contains(strbuf_text(&out), "WHAT TO DO:\n    ");
    }
    {
        auto_done(strbuf) out = {0};

        assert_int_equal(explain_reason(NULL, &out, &err), 0);
        assert_contains(strbuf_text(&out), "CrashLoopBackOff\n    The container ends again");
        assert_int_equal(explain_reason("CrashLopBackOff", &out, &err), -1);
        assert_string_equal(err.message, "there is no reason \"CrashLopBackOff\"; did you mean "
                                         "\"CrashLoopBackOff\"?");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_field_has_type_default_what_is_allowed_and_what_a_change_does),
        cmocka_unit_test(a_field_that_is_not_there_is_refused_with_what_may_be_meant),
        cmocka_unit_test(every_field_of_every_kind_is_explained_by_the_path_that_errors_have),
        cmocka_unit_test(all_fields_are_listed_by_name_and_type),
        cmocka_unit_test(every_reason_is_explained_and_a_wrong_one_has_its_nearest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
