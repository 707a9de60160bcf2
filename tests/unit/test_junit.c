#include "cli/junit.h"

#include "base/file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void fill(struct junit *junit)
{
    junit_add(junit, "Instance", "web", 1234, JUNIT_PASSED, NULL, NULL);
    junit_add(junit, "Task", "fix-7", 60001, JUNIT_FAILED, "Error",
              "exit code 1: \"a\" < b & c > d\nsecond\tline\x1b[31m");
    junit_add(junit, "Task", "later", 0, JUNIT_SKIPPED, NULL, "not waited for");
    junit->took_ms = 60500;
}

static const char expected[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<testsuite name=\"berth apply\" tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\" "
    "time=\"60.500\">\n"
    "  <testcase classname=\"Instance\" name=\"web\" time=\"1.234\"/>\n"
    "  <testcase classname=\"Task\" name=\"fix-7\" time=\"60.001\">\n"
    "    <failure type=\"Error\" message=\"exit code 1: &quot;a&quot; &lt; b &amp; c &gt; d&#10;"
    "second&#9;line?[31m\"/>\n"
    "  </testcase>\n"
    "  <testcase classname=\"Task\" name=\"later\" time=\"0.000\">\n"
    "    <skipped message=\"not waited for\"/>\n"
    "  </testcase>\n"
    "</testsuite>\n";

static void a_report_has_a_case_for_each_object(void **state)
{
    auto_done(junit) junit = {.suite = "berth apply"};
    auto_done(strbuf) text = {0};

    (void)state;
    fill(&junit);
    junit_print(&junit, &text);
    assert_string_equal(strbuf_text(&text), expected);
}

static void a_report_replaces_the_file(void **state)
{
    char directory[] = "/tmp/berth-junit-XXXXXX";
    auto_done(junit) junit = {.suite = "berth apply"};
    auto_free char *path = NULL, *text = NULL;
    struct error err = {0};

    (void)state;
    assert_non_null(mkdtemp(directory));
    path = path_join(directory, "report.xml");
    fill(&junit);
    assert_int_equal(junit_write(&junit, path, &err), 0);
    assert_int_equal(junit_write(&junit, path, &err), 0);
    assert_int_equal(file_read(AT_FDCWD, path, 4096, &text, NULL, &err), 0);
    assert_string_equal(text, expected);
    assert_int_equal(junit_write(&junit, "/nowhere/at/all/report.xml", &err), -1);
    error_clear(&err);
    assert_int_equal(tree_remove(directory, &err), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_has_a_case_for_each_object),
        cmocka_unit_test(a_report_replaces_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
