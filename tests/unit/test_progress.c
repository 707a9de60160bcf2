#include "cli/progress.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void a_line_is_cut_to_the_width_of_the_screen(void **state)
{
    char name[] = "task/fix-7", word[] = "Running", text[] = "na\xc3\xafve caf\xc3\xa9 of words";
    struct progress_line line = {.name = name, .word = word, .text = text};
    auto_free char *whole = progress_line_text(&line, 12, 3456, 80);
    auto_free char *short_one = progress_line_text(&line, 12, 3456, 40);

    (void)state;
    assert_string_equal(whole, "task/fix-7      3.5s  Running: na\xc3\xafve caf\xc3\xa9 of words");
    assert_string_equal(short_one, "task/fix-7      3.5s  Running: na\xc3\xafve ...");
}

static void a_line_that_has_ended_tells_how_long_it_took(void **state)
{
    char name[] = "task/a", word[] = "Succeeded", text[] = "";
    struct progress_line line = {
        .name = name, .word = word, .text = text, .state = PROGRESS_GOOD, .ended_ms = 1200};
    auto_free char *shown = progress_line_text(&line, 6, 99000, 80);

    (void)state;
    assert_string_equal(shown, "task/a    1.2s  Succeeded");
}

/* What is told where there is no terminal. */
static void without_a_terminal_a_line_is_told_when_something_changes(void **state)
{
    struct progress progress;
    char *told = NULL;
    size_t len;
    FILE *out = open_memstream(&told, &len);

    (void)state;
    progress_init(&progress, out);
    assert_false(progress.is_live);
    progress_add(&progress, "instance/a");
    progress_add(&progress, "instance/b");
    progress_set(&progress, 0, PROGRESS_GOING, "PROVISIONING", "1 %");
    progress_show(&progress, false);
    progress_set(&progress, 0, PROGRESS_GOING, "PROVISIONING", "2 %");
    progress_set(&progress, 1, PROGRESS_GOOD, "Ready", "");
    progress_show(&progress, false); /* more of the same is not told at once */
    progress_set(&progress, 0, PROGRESS_GOING, "STAGING", "starts\x1b[31m");
    progress_show(&progress, false);
    progress_show(&progress, false);
    progress_set(&progress, 0, PROGRESS_GOING, "STAGING", "at the end");
    progress_show(&progress, true);
    progress_done(&progress);
    fclose(out);
    assert_string_equal(told, "instance/a: PROVISIONING: 1 %\n"
                              "instance/b: Ready\n"
                              "instance/a: STAGING: starts?[31m\n"
                              "instance/a: STAGING: at the end\n");
    free(told);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_cut_to_the_width_of_the_screen),
        cmocka_unit_test(a_line_that_has_ended_tells_how_long_it_took),
        cmocka_unit_test(without_a_terminal_a_line_is_told_when_something_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
