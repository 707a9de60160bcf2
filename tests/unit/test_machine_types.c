#include "base/cleanup.h"
#include "specs/machine_types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

#define MIB (INT64_C(1) << 20)

static void known_names_have_their_published_sizes(void **state)
{
    static const struct {
        const char *name, *provider;
        int64_t cpu_milli, mib;
    } rows[] = {
        {"f1-micro", "gce", 200, 614},
        {"g1-small", "gce", 500, 1740},
        {"e2-micro", "gce", 250, 1024},
        {"e2-medium", "gce", 1000, 4096},
        {"e2-standard-32", "gce", 32000, 131072},
        {"e2-highmem-16", "gce", 16000, 131072},
        {"n1-standard-1", "gce", 1000, 3840},
        {"n1-highmem-96", "gce", 96000, 638976},
        {"n1-highcpu-96", "gce", 96000, 88474},
        {"n2-standard-128", "gce", 128000, 524288},
        {"n2-highmem-128", "gce", 128000, 884736},
        {"n2-highcpu-96", "gce", 96000, 98304},
        {"c2-standard-60", "gce", 60000, 245760},
        {"t3.nano", "ec2", 2000, 512},
        {"t3.2xlarge", "ec2", 8000, 32768},
        {"m5.24xlarge", "ec2", 96000, 393216},
        {"c5.18xlarge", "ec2", 72000, 147456},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct machine_type type = {0};

        assert_int_equal(machine_type_find(rows[i].name, &type), 0);
        assert_string_equal(type.name, rows[i].name);
        assert_string_equal(type.provider, rows[i].provider);
        assert_int_equal(type.cpu_milli, rows[i].cpu_milli);
        assert_int_equal(type.memory_bytes, rows[i].mib * MIB);
    }
}

static void a_custom_type_has_the_sizes_in_its_name(void **state)
{
    struct machine_type type = {0};

    (void)state;
    assert_int_equal(machine_type_find("custom-6-20480", &type), 0);
    assert_string_equal(type.name, "custom");
    assert_string_equal(type.provider, "custom");
    assert_int_equal(type.cpu_milli, 6000);
    assert_int_equal(type.memory_bytes, 20480 * MIB);
    assert_int_equal(machine_type_find("custom-1-64", &type), 0);
    assert_int_equal(machine_type_find("custom-1024-4194304", &type), 0);
    assert_int_equal(type.memory_bytes, INT64_C(4) << 40);
}

static void unknown_names_and_impossible_sizes_are_not_found(void **state)
{
    static const char *const rows[] = {
        "",
        "n1",
        "N1-STANDARD-1",
        "n1-standard-3",
        "n1-standard-1 ",
        "custom",
        "custom-",
        "custom-1",
        "custom-1-",
        "custom--64",
        "custom-0-64",
        "custom-1025-64",
        "custom-1-63",
        "custom-1-4194305",
        "custom-1-64-1",
        "custom-01-64",
        "custom-1-0x40",
        "custom-+1-64",
        "custom-99999999999999999999-64",
        "custom-1-99999999999999999999",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct machine_type type = {.name = "untouched"};

        if (machine_type_find(rows[i], &type) == 0 || strcmp(type.name, "untouched") != 0) {
            fail_msg("\"%s\" was found", rows[i]);
        }
    }
}

static void a_misspelt_name_leads_to_the_nearest_one(void **state)
{
    (void)state;
    assert_string_equal(machine_type_suggest("n1-standrad-1"), "n1-standard-1");
    assert_string_equal(machine_type_suggest("E2-Medium"), "e2-medium");
    assert_string_equal(machine_type_suggest("t3.mediun"), "t3.medium");
    assert_null(machine_type_suggest("mainframe"));
    assert_null(machine_type_suggest(""));
}

static void every_name_of_the_catalogue_is_there_once_and_makes_sense(void **state)
{
    size_t count;
    const struct machine_type *types = machine_type_list(&count);

    (void)state;
    assert_true(count > 80);
    for (size_t i = 0; i < count; i++) {
        struct machine_type found;

        assert_int_equal(machine_type_find(types[i].name, &found), 0);
        assert_ptr_equal(found.name, types[i].name); /* so no other row has the name */
        assert_true(types[i].cpu_milli >= 200 && types[i].cpu_milli <= 128000);
        assert_true(types[i].memory_bytes >= 512 * MIB);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_names_have_their_published_sizes),
        cmocka_unit_test(a_custom_type_has_the_sizes_in_its_name),
        cmocka_unit_test(unknown_names_and_impossible_sizes_are_not_found),
        cmocka_unit_test(a_misspelt_name_leads_to_the_nearest_one),
        cmocka_unit_test(every_name_of_the_catalogue_is_there_once_and_makes_sense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
