#include "base/cleanup.h"
#include "base/map.h"
#include "base/strbuf.h"
#include "specs/machine_types.h"
#include "specs/reason.h"
#include "specs/reference.h"
#include "specs/reference_pages.h"
#include "specs/spec_file.h"

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

static const struct reference_page *page_named(const char *name)
{
    size_t count;
    const struct reference_page *pages = reference_page_list(&count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(pages[i].name, name) == 0) {
            return &pages[i];
        }
    }
    fail_msg("there is no page \"%s\"", name);
    return NULL;
}

/* What a walk has seen. */
struct seen {
    struct map paths;
    const char *wanted;
    struct reference_field found;
    bool skips_members;
    const char *page; /* every path must be on it; NULL: not looked at */
};

static bool note(const struct reference_field *at, void *user)
{
    struct seen *seen = user;

    if (map_put(&seen->paths, at->path, seen) != NULL) {
        fail_msg("%s comes twice", at->path);
    }
    if (seen->wanted != NULL && strcmp(at->path, seen->wanted) == 0) {
        seen->found = *at;
    }
    if (seen->page != NULL) {
        auto_done(strbuf) row = {0};

        strbuf_addf(&row, "\n| `%s` | ", at->path);
        assert_contains(seen->page, strbuf_text(&row));
    }
    return !seen->skips_members || !reference_is_instance_spec(at);
}

static struct reference_field find(enum kind kind, const char *path)
{
    struct seen seen = {.wanted = path};

    reference_walk(kind, note, &seen);
    map_done(&seen.paths);
    if (seen.found.field == NULL) {
        fail_msg("%s has no %s", kind_name(kind), path);
    }
    return seen.found;
}

static void fields_have_the_paths_that_errors_name_them_by(void **state)
{
    struct reference_field at;

    (void)state;
    at = find(KIND_INSTANCE, "spec.readinessProbe.httpGet.httpHeaders[].value");
    assert_string_equal(at.field->name, "value");
    assert_int_equal(at.depth, 3);
    at = find(KIND_INSTANCE, "metadata.labels");
    assert_int_equal(at.depth, 0);
    at = find(KIND_INSTANCE_POOL, "spec.template.spec.ports[].hostPort");
    assert_string_equal(at.field->default_text, "0");
    at = find(KIND_TASK, "spec.repository.name");
    assert_true((at.field->flags & FIELD_REQUIRED) != 0);
    at = find(KIND_REPOSITORY, "spec.caches[].mountPath");
    assert_int_equal(at.depth, 1);
}

static void what_is_below_a_live_field_is_live(void **state)
{
    (void)state;
    assert_true(find(KIND_INSTANCE, "spec.livenessProbe.exec.command").is_live);
    assert_false(find(KIND_INSTANCE, "spec.env[].valueFrom.file").is_live);
    assert_string_equal(reference_change(KIND_INSTANCE, true), "in place");
    assert_string_equal(reference_change(KIND_INSTANCE, false), "new container");
    assert_null(reference_change(KIND_INSTANCE_POOL, true));
    assert_string_equal(reference_change(KIND_TASK, false), "only before the start");
}

static void types_are_told_in_words(void **state)
{
    static const struct {
        enum kind kind;
        const char *path, *type;
    } rows[] = {
        {KIND_INSTANCE, "spec.suspend", "true or false"},
        {KIND_INSTANCE, "spec.workingDir", "absolute path"},
        {KIND_INSTANCE, "spec.dns.servers", "list of IP addresses"},
        {KIND_INSTANCE, "spec.command", "list of text"},
        {KIND_INSTANCE, "spec.hostAliases[].hostnames", "list of host names, not empty"},
        {KIND_INSTANCE, "spec.ports", "list of maps"},
        {KIND_INSTANCE, "spec.ports[].protocol", "one of TCP, UDP"},
        {KIND_INSTANCE, "spec.ports[].containerPort", "whole number, 1 to 65535"},
        {KIND_INSTANCE, "spec.env[].name", "variable name, unique in its list"},
        {KIND_INSTANCE, "spec.resources.memory", "size such as 512Mi, 6Mi to 4Ti"},
        {KIND_INSTANCE, "spec.resources.cpus", "processors such as 1.5 or 250m, 10m to 1024"},
        {KIND_INSTANCE, "spec.readinessProbe", "map"},
        {KIND_INSTANCE, "metadata.labels", "map of text to text"},
        {KIND_INSTANCE_POOL, "spec.autoscaling.targetUtilization",
         "fraction such as 0.8, 0.01 to 1"},
        {KIND_TASK, "spec.repository", "repository URL, or map"},
        {KIND_TASK, "spec.ref", "tag or commit"},
        {KIND_TASK, "spec.ports[].name", "name, unique in its list"},
        {KIND_REPOSITORY, "spec.setup.command", "list of text, not empty"},
        {KIND_REPOSITORY, "spec.caches[].mountPath", "absolute path"},
        {KIND_REPOSITORY, "spec.access.users", "list of login names"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(strbuf) type = {0};

        reference_add_type(&type, find(rows[i].kind, rows[i].path).field);
        assert_string_equal(strbuf_text(&type), rows[i].type);
    }
}

static bool check_that_the_form_has_a_word(const struct reference_field *at, void *user)
{
    auto_done(strbuf) type = {0};

    (void)user;
    reference_add_type(&type, at->field);
    if (at->field->check != NULL &&
        (at->field->type == FIELD_STRING || at->field->type == FIELD_STRING_LIST)) {
        if (strncmp(strbuf_text(&type), "text", 4) == 0 ||
            strcmp(strbuf_text(&type), "list of text") == 0) {
            fail_msg("%s is checked, but its type says only \"%s\"", at->path, strbuf_text(&type));
        }
    }
    return true;
}

static void a_text_that_is_checked_is_more_than_text(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        reference_walk((enum kind)kind, check_that_the_form_has_a_word, NULL);
    }
}

static void every_field_is_on_the_page_of_its_kind_once(void **state)
{
    static const char *const names[KIND_COUNT] = {"instance.md", "instancepool.md", "repository.md",
                                                  "task.md"};

    (void)state;
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        auto_done(strbuf) text = {0};
        struct seen seen = {.skips_members = true};

        page_named(names[kind])->add(&text);
        seen.page = strbuf_text(&text);
        reference_walk((enum kind)kind, note, &seen);
        assert_true(seen.paths.entries != NULL);
        map_done(&seen.paths);
    }
}

static void a_page_says_what_a_user_asks(void **state)
{
    auto_done(strbuf) page = {0};

    (void)state;
    page_named("instance.md")->add(&page);
    assert_contains(strbuf_text(&page), "\n# Instance\n");
    assert_contains(strbuf_text(&page), "| `spec.machineType` | machine type | `e2-medium` | new "
                                        "container | ");
    assert_contains(strbuf_text(&page), "| `spec.restartPolicy` | one of Always, OnFailure, Never "
                                        "| `Always` | in place | ");
    assert_contains(strbuf_text(&page), "| `spec.env[].value` | text | `\"\"` | ");
    assert_contains(strbuf_text(&page),
                    "| `spec.ports[].containerPort` | whole number, 1 to 65535 | **required** | ");
    assert_contains(strbuf_text(&page), "custom-&lt;vcpus&gt;-&lt;MiB&gt;");
    assert_contains(strbuf_text(&page), "\n### spec.readinessProbe\n");
    assert_contains(strbuf_text(&page), " See [below](#specreadinessprobe).");
    strbuf_reset(&page);
    page_named("task.md")->add(&page);
    assert_contains(strbuf_text(&page),
                    "| `spec.ref` | tag or commit |  | only before the start | ");
}

static void print_errors(const struct spec_error *errors, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        print_error("%u: %s: %s\n", errors[i].line, errors[i].path, errors[i].message);
    }
}

static void the_skeleton_is_valid_as_it_stands(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        auto_done(strbuf) text = {0};
        auto_owned(spec_file) *file = NULL;

        reference_add_skeleton(&text, (enum kind)kind);
        file = spec_file_parse("skeleton.yaml", strbuf_text(&text), text.len);
        print_errors(file->errors, file->error_count);
        assert_int_equal(file->count, 1);
        print_errors(file->documents[0].errors, file->documents[0].error_count);
        assert_non_null(file->documents[0].object);
        assert_int_equal(file->documents[0].object->kind, kind);
    }
}

/* The text without the "# " that comments lines out. */
static void uncomment(struct strbuf *out, const char *text)
{
    while (*text != '\0') {
        size_t len = strcspn(text, "\n") + 1, blanks = strspn(text, " ");

        strbuf_append(out, text, blanks);
        if (strncmp(text + blanks, "# ", 2) == 0) {
            blanks += 2;
        }
        strbuf_append(out, text + blanks, len - blanks);
        text += len;
    }
}

/* Alternatives exclude each other, and a map that stands for another's fields is empty. */
static bool is_expected(const struct spec_error *error)
{
    static const char *const parts[] = {"only one of ", "exactly one of ",
                                        "cannot be used together with ",
                                        "lifecycle.preStop.exec: required field is missing"};

    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        auto_done(strbuf) text = {0};

        strbuf_addf(&text, "%s: %s", error->path, error->message);
        if (strstr(strbuf_text(&text), parts[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static void what_the_skeleton_has_commented_out_is_known_and_well_formed(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        auto_done(strbuf) text = {0}, full = {0};
        auto_owned(spec_file) *file = NULL;

        reference_add_skeleton(&text, (enum kind)kind);
        uncomment(&full, strbuf_text(&text));
        assert_true(full.len < text.len);
        file = spec_file_parse("skeleton.yaml", strbuf_text(&full), full.len);
        print_errors(file->errors, file->error_count);
        assert_int_equal(file->count, 1);
        for (size_t i = 0; i < file->documents[0].error_count; i++) {
            if (!is_expected(&file->documents[0].errors[i])) {
                print_errors(&file->documents[0].errors[i], 1);
                fail_msg("in:\n%s", strbuf_text(&full));
            }
        }
    }
}

static bool is_in_skeleton(const struct reference_field *at, void *user)
{
    auto_done(strbuf) key = {0};

    strbuf_addf(&key, " %s:", at->field->name);
    assert_contains(user, strbuf_text(&key));
    return !reference_is_instance_spec(at) && at->field->type != FIELD_REPOSITORY_REF;
}

static void the_skeleton_has_every_field(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        auto_done(strbuf) text = {0};

        reference_add_skeleton(&text, (enum kind)kind);
        reference_walk((enum kind)kind, is_in_skeleton, text.text);
    }
}

static void the_catalogues_are_complete(void **state)
{
    auto_done(strbuf) page = {0};
    size_t count;
    const struct reason *reasons = reason_list(&count);
    const struct machine_type *types;

    (void)state;
    page_named("reasons.md")->add(&page);
    for (size_t i = 0; i < count; i++) {
        auto_done(strbuf) row = {0};

        strbuf_addf(&row, "\n| `%s` | %u | ", reasons[i].name, reasons[i].code);
        assert_contains(strbuf_text(&page), strbuf_text(&row));
    }
    strbuf_reset(&page);
    page_named("machine-types.md")->add(&page);
    types = machine_type_list(&count);
    for (size_t i = 0; i < count; i++) {
        auto_done(strbuf) row = {0};

        strbuf_addf(&row, "\n| `%s` | ", types[i].name);
        assert_contains(strbuf_text(&page), strbuf_text(&row));
    }
    assert_contains(strbuf_text(&page), "| `n1-standard-1` | GCE | 1 | 3840Mi |");
    assert_contains(strbuf_text(&page), "| `e2-micro` | GCE | 250m | 1Gi |");
}

static void the_index_links_every_page(void **state)
{
    auto_done(strbuf) index = {0};
    size_t count;
    const struct reference_page *pages = reference_page_list(&count);

    (void)state;
    reference_add_index(&index, NULL, 0);
    for (size_t i = 0; i < count; i++) {
        auto_done(strbuf) link = {0};

        strbuf_addf(&link, "| [%s](%s) | ", pages[i].name, pages[i].name);
        assert_contains(strbuf_text(&index), strbuf_text(&link));
    }
}

static void text_cannot_become_markdown(void **state)
{
    auto_done(strbuf) text = {0}, code = {0}, tick = {0};

    (void)state;
    markdown_add_text(&text, "a|b <c> *d* _e_ `f` [g](h) & \\ #i\nj");
    assert_string_equal(strbuf_text(&text), "a\\|b &lt;c&gt; \\*d\\* \\_e\\_ \\`f\\` \\[g\\](h) "
                                            "&amp; \\\\ \\#i j");
    markdown_add_code(&code, "a|b <c> *d*");
    assert_string_equal(strbuf_text(&code), "`a\\|b <c> *d*`");
    markdown_add_code(&tick, "a`b");
    assert_string_equal(strbuf_text(&tick), "a\\`b");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_have_the_paths_that_errors_name_them_by),
        cmocka_unit_test(what_is_below_a_live_field_is_live),
        cmocka_unit_test(types_are_told_in_words),
        cmocka_unit_test(a_text_that_is_checked_is_more_than_text),
        cmocka_unit_test(every_field_is_on_the_page_of_its_kind_once),
        cmocka_unit_test(a_page_says_what_a_user_asks),
        cmocka_unit_test(the_skeleton_is_valid_as_it_stands),
        cmocka_unit_test(what_the_skeleton_has_commented_out_is_known_and_well_formed),
        cmocka_unit_test(the_skeleton_has_every_field),
        cmocka_unit_test(the_catalogues_are_complete),
        cmocka_unit_test(the_index_links_every_page),
        cmocka_unit_test(text_cannot_become_markdown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
