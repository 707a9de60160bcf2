#include "cli/top_rows.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static json_t *world(void)
{
    static const char text[] =
        "[{\"kind\":\"InstancePool\",\"metadata\":{\"name\":\"build\"},\"status\":{\"phase\":"
        "\"RUNNING\"}},"
        " {\"kind\":\"Instance\",\"metadata\":{\"name\":\"build-0\"},\"pool\":\"build\",\"status\":"
        "  {\"phase\":\"RUNNING\",\"container\":{\"name\":\"build-0\"}}},"
        " {\"kind\":\"Instance\",\"metadata\":{\"name\":\"off\"},\"status\":{\"phase\":"
        "\"TERMINATED\"}},"
        " {\"kind\":\"Repository\",\"metadata\":{\"name\":\"one\"},\"status\":{\"phase\":"
        "\"RUNNING\","
        "  \"container\":{\"name\":\"repo-one\"},\"repository\":{\"pool\":\"build\"}}},"
        " {\"kind\":\"Task\",\"metadata\":{\"name\":\"a\"},\"status\":{\"phase\":\"Running\","
        "\"task\":"
        "  {\"repositoryContainer\":\"repo-one\",\"instance\":\"build-0\",\"pool\":\"build\"}}},"
        " {\"kind\":\"Task\",\"metadata\":{\"name\":\"b\"},\"status\":{\"phase\":\"Preparing\","
        "\"task\":"
        "  {\"repositoryContainer\":\"repo-two\"}}},"
        " {\"kind\":\"Task\",\"metadata\":{\"name\":\"c\"},\"status\":{\"phase\":\"Succeeded\","
        "\"task\":"
        "  {\"repositoryContainer\":\"repo-one\"}}}]";
    json_t *value = json_loads(text, 0, NULL);

    assert_non_null(value);
    return value;
}

static struct usage_sample sample(uint64_t cpu_ms, uint64_t system_ms, uint64_t memory_mib)
{
    return (struct usage_sample){
        .is_running = true,
        .cpu_ns = cpu_ms * 1000000,
        .system_ns = system_ms * 1000000,
        .cpus = 2,
        .memory_bytes = memory_mib << 20,
        .limit_bytes = 64 << 20,
    };
}

/* Half a processor and 16 MiB for each container. */
static void measure(struct top_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->items[i].container != NULL) {
            rows->items[i].before = sample(1000, 100000, 16);
            rows->items[i].after = sample(1500, 102000, 16);
        }
    }
    top_rows_add_up(rows);
}

static void assert_table(const struct get_selection *selection, const char *kind,
                         const char *expected)
{
    json_auto_t *documents = world();
    auto_done(top_rows) rows = {0};
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    top_rows_find(&rows, documents, selection);
    measure(&rows);
    top_rows_print(&rows, kind, false, out);
    fclose(out);
    assert_string_equal(text, expected);
    free(text);
}

static void all_containers_are_shown_when_nothing_is_asked_for(void **state)
{
    (void)state;
    assert_table(&(struct get_selection){0}, NULL,
                 "instance/build-0     50.0%   16.0MiB   64.0MiB   25.0%   1   build-0\n"
                 "repository/one       50.0%   16.0MiB   64.0MiB   25.0%   1   repo-one\n"
                 "container/repo-two   50.0%   16.0MiB   64.0MiB   25.0%   1   repo-two\n");
}

static void a_pool_has_the_sum_and_what_does_not_run_has_no_figures(void **state)
{
    (void)state;
    assert_table(&(struct get_selection){.kinds = {[KIND_INSTANCE_POOL] = true}}, "InstancePool",
                 "build   100.0%   32.0MiB   -   -   1   -\n");
    assert_table(&(struct get_selection){.kinds = {[KIND_INSTANCE] = true}}, "Instance",
                 "build-0   50.0%   16.0MiB   64.0MiB   25.0%   1   build-0\n"
                 "off       -       -         -         -       0   -\n");
}

static void a_task_has_the_figures_of_the_container_that_it_is_in(void **state)
{
    (void)state;
    assert_table(&(struct get_selection){.kinds = {[KIND_TASK] = true}}, "Task",
                 "a   50.0%   16.0MiB   64.0MiB   25.0%   1   repo-one\n"
                 "b   50.0%   16.0MiB   64.0MiB   25.0%   1   repo-two\n"
                 "c   -       -         -         -       0   -\n");
}

static void the_most_come_first(void **state)
{
    json_auto_t *documents = world(), *json = NULL;
    auto_done(top_rows) rows = {0};
    struct get_selection selection = {0};

    (void)state;
    top_rows_find(&rows, documents, &selection);
    measure(&rows);
    for (size_t i = 0; i < rows.count; i++) {
        if (strcmp(rows.items[i].name, "repo-two") == 0) {
            rows.items[i].cores = 1.5;
        }
        if (strcmp(rows.items[i].name, "one") == 0) {
            rows.items[i].after.memory_bytes = 1 << 30;
        }
    }
    top_rows_sort(&rows, TOP_BY_CPU);
    assert_string_equal(rows.items[0].name, "repo-two");
    top_rows_sort(&rows, TOP_BY_MEMORY);
    assert_string_equal(rows.items[0].name, "one");
    json = top_rows_to_json(&rows);
    assert_int_equal(json_array_size(json_object_get(json, "items")), 3);
}

static void samples_are_read_as_docker_stats_does(void **state)
{
    json_auto_t *v2 = json_loads(
        "{\"cpu_stats\":{\"cpu_usage\":{\"total_usage\":5000},\"system_cpu_usage\":90000,"
        "\"online_cpus\":2},\"memory_stats\":{\"usage\":1000,\"limit\":4000,\"stats\":"
        "{\"inactive_file\":300}}}",
        0, NULL);
    json_auto_t *v1 =
        json_loads("{\"memory_stats\":{\"usage\":1000,\"limit\":18446744073709551615.0,\"stats\":"
                   "{\"inactive_file\":300,\"total_inactive_file\":200}}}",
                   0, NULL);
    struct usage_sample sample = usage_sample_from_json(v2);

    (void)state;
    assert_true(sample.is_running);
    assert_int_equal(sample.cpu_ns, 5000);
    assert_int_equal(sample.cpus, 2);
    assert_int_equal(sample.memory_bytes, 700);
    assert_int_equal(sample.limit_bytes, 4000);
    sample = usage_sample_from_json(v1);
    assert_false(sample.is_running);
    assert_int_equal(sample.memory_bytes, 800);
    assert_false(usage_sample_from_json(NULL).is_running);
}

static void use_is_only_told_between_two_samples_of_one_start(void **state)
{
    struct usage_sample none = {0}, early = sample(1000, 100000, 1), late = sample(1500, 102000, 1);

    (void)state;
    assert_true(usage_cores(&early, &late) == 0.5);
    assert_true(usage_cores(&early, &early) < 0);
    assert_true(usage_cores(&late, &early) < 0);
    assert_true(usage_cores(&none, &late) < 0);
    assert_true(usage_cores(&early, &none) < 0);
}

static void sizes_have_the_unit_that_fits(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } rows[] = {
        {0, "0B"},
        {1023, "1023B"},
        {1536, "1.5KiB"},
        {64 << 20, "64.0MiB"},
        {UINT64_C(3) << 30, "3.0GiB"},
        {UINT64_C(5000) << 40, "5000.0TiB"},
    };
    char text[USAGE_TEXT_SIZE];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_string_equal(usage_bytes_text(rows[i].bytes, text), rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_containers_are_shown_when_nothing_is_asked_for),
        cmocka_unit_test(a_pool_has_the_sum_and_what_does_not_run_has_no_figures),
        cmocka_unit_test(a_task_has_the_figures_of_the_container_that_it_is_in),
        cmocka_unit_test(the_most_come_first),
        cmocka_unit_test(samples_are_read_as_docker_stats_does),
        cmocka_unit_test(use_is_only_told_between_two_samples_of_one_start),
        cmocka_unit_test(sizes_have_the_unit_that_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
