#include "reconcilers/subnets.h"

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

static struct subnet parsed(const char *text)
{
    struct subnet subnet;

    assert_int_equal(subnet_parse(text, &subnet), 0);
    return subnet;
}

static void ranges_are_read(void **state)
{
    static const struct {
        const char *text;
        unsigned room;
    } rows[] = {
        {"10.210.0.0/16", 256},  {"10.0.0.0/8", 65536},    {"192.168.7.0/24", 1},
        {"172.16.0.0/12", 4096}, {"100.64.0.0/10", 16384}, {"10.1.2.0/23", 2},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct error err = {0};
        struct subnet range;
        char text[SUBNET_SIZE];

        assert_int_equal(network_range_parse(rows[i].text, &range, &err), 0);
        assert_string_equal(subnet_format(&range, text), rows[i].text);
        assert_int_equal(subnet_room(&range), rows[i].room);
    }
}

static void none_leaves_it_to_the_engine(void **state)
{
    struct error err = {0};
    struct subnet range = {1, 1};

    (void)state;
    assert_int_equal(network_range_parse("none", &range, &err), 0);
    assert_int_equal(range.prefix_len, 0);
}

static void what_is_no_range_is_refused_with_its_text(void **state)
{
    static const struct {
        const char *text, *said;
    } rows[] = {
        {"", "neither a range"},
        {"10.210.0.0", "neither a range"},
        {"10.210.0.0/", "neither a range"},
        {"10.210.0.0/25", "neither a range"},
        {"10.0.0.0/7", "neither a range"},
        {"10.210.0/16", "neither a range"},
        {"10.210.0.0/16 ", "neither a range"},
        {"10.210.0.0/-16", "neither a range"},
        {"fd00::/16", "neither a range"},
        {"None", "neither a range"},
        {"010.0210.0.0/16", "neither a range"},
        {"10.210.3.1/16", "did you mean 10.210.0.0/16?"},
        {"127.0.0.0/16", "no network of containers"},
        {"0.0.0.0/8", "no network of containers"},
        {"224.0.0.0/16", "no network of containers"},
        {"255.255.255.0/24", "no network of containers"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct error err = {0};
        struct subnet range = {7, 7};

        assert_int_equal(network_range_parse(rows[i].text, &range, &err), -1);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_non_null(strstr(err.message, rows[i].said));
        assert_int_equal(range.address, 7);
    }
}

static void overlaps_are_seen_both_ways(void **state)
{
    static const struct {
        const char *one, *other;
        bool is_overlap;
    } rows[] = {
        {"10.210.0.0/24", "10.210.0.0/24", true},   {"10.210.0.0/24", "10.210.1.0/24", false},
        {"10.210.0.0/16", "10.210.255.0/24", true}, {"10.210.0.0/16", "10.211.0.0/24", false},
        {"10.0.0.0/8", "10.210.3.4/32", true},      {"172.17.0.0/16", "10.0.0.0/8", false},
        {"0.0.0.0/1", "10.0.0.0/8", true},          {"128.0.0.0/1", "10.0.0.0/8", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct subnet one = parsed(rows[i].one), other = parsed(rows[i].other);

        assert_int_equal(subnet_overlaps(&one, &other), rows[i].is_overlap);
        assert_int_equal(subnet_overlaps(&other, &one), rows[i].is_overlap);
    }
}

static void an_address_must_be_one_that_a_container_can_have(void **state)
{
    static const struct {
        const char *subnet, *address;
        bool can_have;
    } rows[] = {
        {"10.210.7.0/24", "10.210.7.2", true},
        {"10.210.7.0/24", "10.210.7.254", true},
        {"10.210.7.0/24", "10.210.7.0", false},
        {"10.210.7.0/24", "10.210.7.1", false},
        {"10.210.7.0/24", "10.210.7.255", false},
        {"10.210.7.0/24", "10.210.8.2", false},
        {"10.210.7.0/24", "", false},
        {"10.210.7.0/24", NULL, false},
        {"10.210.7.0/24", "fe80::1", false},
        {NULL, "10.210.7.2", false},
        {"", "10.210.7.2", false},
        {"10.210.7.0/24", "10.210.7.2/24", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(subnet_can_have(rows[i].subnet, rows[i].address), rows[i].can_have);
    }
}

/* What an engine lists: its own networks have no configuration, ones for IPv6 have two. */
static const char networks[] =
    "[{\"Name\": \"none\", \"IPAM\": {\"Driver\": \"default\", \"Config\": []}},"
    " {\"Name\": \"bridge\", \"IPAM\": {\"Config\": [{\"Subnet\": \"172.17.0.0/16\"}]}},"
    " {\"Name\": \"six\", \"IPAM\": {\"Config\": [{\"Subnet\": \"fd00:1::/64\"},"
    "   {\"Subnet\": \"10.210.5.0/24\", \"Gateway\": \"10.210.5.1\"}]}}]";

static void subnets_of_the_engine_are_read(void **state)
{
    json_auto_t *json = json_loads(networks, 0, NULL);
    auto_done(subnet_list) list = {0};
    char text[SUBNET_SIZE];

    (void)state;
    subnet_list_add_networks(&list, json);
    assert_int_equal(list.count, 2);
    assert_string_equal(subnet_format(&list.items[0], text), "172.17.0.0/16");
    assert_string_equal(subnet_format(&list.items[1], text), "10.210.5.0/24");
}

static void hostile_lists_are_harmless(void **state)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "[null, 1, \"x\", [], {}]",
        "[{\"IPAM\": null}, {\"IPAM\": 7}, {\"IPAM\": {\"Config\": null}}]",
        "[{\"IPAM\": {\"Config\": {\"Subnet\": \"10.0.0.0/8\"}}}]",
        "[{\"IPAM\": {\"Config\": [null, 3, \"10.0.0.0/8\", {}, {\"Subnet\": 10}]}}]",
        "[{\"IPAM\": {\"Config\": [{\"Subnet\": \"\"}, {\"Subnet\": \"/\"}, {\"Subnet\": "
        "\"1/1\"}]}}]",
        "[{\"IPAM\": {\"Config\": [{\"Subnet\": \"10.0.0.0/99999999999999999999\"}]}}]",
        "[{\"IPAM\": {\"Config\": [{\"Subnet\": \"999.0.0.0/8\"}, {\"Subnet\": \"1.2.3.4/33\"}]}}]",
        "[{\"IPAM\": {\"Config\": [{\"Subnet\": \"10.0.0.00000000000000000000000000000000/8\"}]}}]",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        json_auto_t *json = json_loads(texts[i], 0, NULL);
        auto_done(subnet_list) list = {0};

        assert_non_null(json);
        subnet_list_add_networks(&list, json);
        assert_int_equal(list.count, 0);
    }
    subnet_list_add_networks(&(struct subnet_list){0}, NULL);
}

/* Addresses in it are words of this machine's byte order; all of ours are little endian. */
static void routes_of_the_host_are_read_but_for_the_default_one(void **state)
{
    static const char routes[] =
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
        "br-1\t0003D20A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
        "tun0\t00000080\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0\n"
        "odd0\t0004D20A\t00000000\t0001\t0\t0\t0\t00FF00FF\t0\t0\t0\n"
        "short\t0004D20A\n"
        "\n"
        "long\t0004D20A0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
        "cut\t0004D20A\t00000000\t0001\t0\t0\t0\t00FFFF";
    static const char *const expected[] = {"192.0.2.0/24", "10.210.3.0/24", "128.0.0.0/1"};
    auto_done(subnet_list) list = {0};
    char text[SUBNET_SIZE];

    (void)state;
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    return;
#endif
    subnet_list_add_routes(&list, routes);
    assert_int_equal(list.count, ARRAY_SIZE(expected));
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
        assert_string_equal(subnet_format(&list.items[i], text), expected[i]);
    }
    subnet_list_add_routes(&list, "");
    assert_int_equal(list.count, ARRAY_SIZE(expected));
}

static void one_name_has_one_place_as_long_as_it_is_free(void **state)
{
    struct subnet range = parsed("10.210.0.0/16"), first, again, other;
    auto_done(subnet_list) taken = {0};

    (void)state;
    assert_int_equal(subnet_choose(&range, "berth-a-c0ffee", &taken, &first), 0);
    assert_int_equal(subnet_choose(&range, "berth-a-c0ffee", &taken, &again), 0);
    assert_int_equal(first.address, again.address);
    assert_int_equal(subnet_choose(&range, "berth-b-c0ffee", &taken, &other), 0);
    assert_int_not_equal(first.address, other.address);
    subnet_list_add(&taken, &first);
    assert_int_equal(subnet_choose(&range, "berth-a-c0ffee", &taken, &again), 0);
    assert_int_not_equal(first.address, again.address);
}

static void a_range_is_used_up_to_its_last_subnet(void **state)
{
    struct subnet range = parsed("10.210.64.0/20"), chosen;
    auto_done(subnet_list) taken = {0};

    (void)state;
    for (unsigned i = 0; i < subnet_room(&range); i++) {
        auto_free char *name = xasprintf("zone-%u", i);

        assert_int_equal(subnet_choose(&range, name, &taken, &chosen), 0);
        for (size_t t = 0; t < taken.count; t++) {
            assert_false(subnet_overlaps(&chosen, &taken.items[t]));
        }
        subnet_list_add(&taken, &chosen);
    }
    assert_int_equal(subnet_choose(&range, "one more", &taken, &chosen), -1);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

/* A subnet of some size somewhere in or near the range. */
static struct subnet random_subnet(uint32_t *seed, const struct subnet *range)
{
    unsigned prefix_len = 12 + next_random(seed) % 21;
    uint32_t mask = UINT32_MAX << (32 - prefix_len);
    uint32_t spread = UINT32_MAX >> (range->prefix_len - 1);

    return (struct subnet){(range->address ^ (next_random(seed) & spread)) & mask, prefix_len};
}

/* The same by the plainest means: every place of the range against every subnet that is taken. */
static bool is_any_free(const struct subnet *range, const struct subnet_list *taken)
{
    for (unsigned i = 0; i < subnet_room(range); i++) {
        struct subnet place = {range->address + (i << 8), SUBNET_PREFIX_LEN};
        bool is_free = true;

        for (size_t t = 0; t < taken->count && is_free; t++) {
            is_free = !subnet_overlaps(&place, &taken->items[t]);
        }
        if (is_free) {
            return true;
        }
    }
    return false;
}

static void in_any_world_the_choice_is_in_the_range_overlaps_nothing_and_is_found_if_there_is_one(
    void **state)
{
    uint32_t seed = 20261122;
    unsigned found = 0, exhausted = 0;

    (void)state;
    for (unsigned round = 0; round < 3000; round++) {
        unsigned prefix_len = 16 + next_random(&seed) % 9;
        struct subnet range = {(UINT32_C(10) << 24 | next_random(&seed) >> 8) &
                                   UINT32_MAX << (32 - prefix_len),
                               prefix_len};
        auto_done(subnet_list) taken = {0};
        auto_free char *name = xasprintf("zone-%u", next_random(&seed) % 50);
        struct subnet chosen;

        for (unsigned i = next_random(&seed) % 24; i > 0; i--) {
            struct subnet subnet = random_subnet(&seed, &range);

            subnet_list_add(&taken, &subnet);
        }
        if (subnet_choose(&range, name, &taken, &chosen) < 0) {
            assert_false(is_any_free(&range, &taken));
            exhausted++;
            continue;
        }
        found++;
        assert_int_equal(chosen.prefix_len, SUBNET_PREFIX_LEN);
        assert_true(chosen.address >= range.address);
        assert_true(subnet_overlaps(&chosen, &range));
        for (size_t t = 0; t < taken.count; t++) {
            assert_false(subnet_overlaps(&chosen, &taken.items[t]));
        }
    }
    assert_true(found > 100 && exhausted > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_read),
        cmocka_unit_test(none_leaves_it_to_the_engine),
        cmocka_unit_test(what_is_no_range_is_refused_with_its_text),
        cmocka_unit_test(overlaps_are_seen_both_ways),
        cmocka_unit_test(an_address_must_be_one_that_a_container_can_have),
        cmocka_unit_test(subnets_of_the_engine_are_read),
        cmocka_unit_test(hostile_lists_are_harmless),
        cmocka_unit_test(routes_of_the_host_are_read_but_for_the_default_one),
        cmocka_unit_test(one_name_has_one_place_as_long_as_it_is_free),
        cmocka_unit_test(a_range_is_used_up_to_its_last_subnet),
        cmocka_unit_test(
            in_any_world_the_choice_is_in_the_range_overlaps_nothing_and_is_found_if_there_is_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
