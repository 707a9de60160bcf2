#include "cli/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

/* What the cells look like; the caller's to free. */
static char *print_table(size_t columns, const char *const *cells, size_t count)
{
    auto_done(table) table;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    table_init(&table, columns);
    for (size_t i = 0; i < count; i++) {
        table_add(&table, cells[i]);
    }
    table_print(&table, out);
    fclose(out);
    return text;
}

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
    static const char *const cells[] = {"NAME", "PHASE",       "PORTS", "web", "RUNNING",
                                        "8080", "a-long-name", "x",     ""};
    auto_free char *text = print_table(3, cells, ARRAY_SIZE(cells));

    (void)state;
    assert_string_equal(text, "NAME          PHASE     PORTS\n"
                              "web           RUNNING   8080\n"
                              "a-long-name   x         -\n");
}

static void width_is_counted_in_characters(void **state)
{
    static const char *const cells[] = {"na\xc3\xafve", "1", "naive", "2", "\xe6\x97\xa5", "3"};
    auto_free char *text = print_table(2, cells, ARRAY_SIZE(cells));

    (void)state;
    assert_string_equal(text, "na\xc3\xafve   1\nnaive   2\n\xe6\x97\xa5       3\n");
}

static void missing_and_empty_cells_show_a_dash(void **state)
{
    static const char *const cells[] = {NULL, "", "x"};
    auto_free char *text = print_table(3, cells, ARRAY_SIZE(cells));

    (void)state;
    assert_string_equal(text, "-   -   x\n");
}

static void an_empty_table_prints_nothing(void **state)
{
    auto_free char *text = print_table(4, NULL, 0);

    (void)state;
    assert_string_equal(text, "");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
        cmocka_unit_test(width_is_counted_in_characters),
        cmocka_unit_test(missing_and_empty_cells_show_a_dash),
        cmocka_unit_test(an_empty_table_prints_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
