#include "reconcilers/ports.h"

#include "base/memory.h"
#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static const int64_t now_wall_ms = INT64_C(1767355200000);

static void begin(struct port_table *table, const char *ranges)
{
    struct error err = {0};

    port_table_init(table);
    assert_int_equal(port_table_set_ranges(table, ranges, &err), 0);
}

static const char *owner_of(const struct port_table *table, uint16_t port,
                            enum port_protocol protocol)
{
    const struct port_lease *lease = port_table_get(table, port, protocol);

    return lease != NULL ? lease->owner : NULL;
}

static void ranges_are_read(void **state)
{
    static const struct {
        const char *text;
        unsigned total;
    } rows[] = {
        {"20000-29999", 10000}, {"31000", 1},       {"20000-20001,31000,1-3", 6},
        {"65535", 1},           {"1-65535", 65535}, {"20000-20000", 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(port_table) table;
        struct port_usage usage;

        begin(&table, rows[i].text);
        port_table_usage(&table, now_wall_ms, &usage);
        assert_int_equal(usage.total, rows[i].total);
        assert_int_equal(usage.used, 0);
    }
}

static void what_is_no_list_of_ranges_is_refused(void **state)
{
    static const char *const texts[] = {
        "",       "0",      "0-5",    "65536",        "20001-20000", "20000-", "-20000",
        "20000,", ",20000", "a",      "20000-29999x", " 20000",      "20000 ", "20000--20001",
        "1-2-3",  "020000", "+20000", "20000;20001",  "1-10,10-20",  "5,5",    "1-10,3-4",
    };
    auto_done(port_table) table;
    struct port_usage usage;

    (void)state;
    begin(&table, "20000-20009");
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct error err = {0};

        assert_int_equal(port_table_set_ranges(&table, texts[i], &err), -1);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_true(err.message[0] != '\0');
    }
    port_table_usage(&table, now_wall_ms, &usage);
    assert_int_equal(usage.total, 10); /* those before are still in force */
}

static void a_list_of_very_many_ranges_is_refused(void **state)
{
    auto_done(strbuf) text = {0};
    auto_done(port_table) table;
    struct error err = {0};

    (void)state;
    for (unsigned port = 1; port < 2000; port += 2) {
        strbuf_addf(&text, "%s%u", port > 1 ? "," : "", port);
    }
    begin(&table, "1");
    assert_int_equal(port_table_set_ranges(&table, strbuf_text(&text), &err), -1);
}

static void a_name_gets_the_same_port_in_every_table(void **state)
{
    auto_done(port_table) one, other;
    uint16_t first = 0, second = 0;

    (void)state;
    begin(&one, "20000-29999");
    begin(&other, "20000-29999");
    assert_int_equal(
        port_table_choose(&one, "Instance/web", "http", PROTOCOL_TCP, now_wall_ms, &first), 0);
    assert_int_equal(
        port_table_choose(&other, "Instance/web", "http", PROTOCOL_TCP, now_wall_ms, &second), 0);
    assert_int_equal(first, second);
    assert_in_range(first, 20000, 29999);
}

static void every_port_of_the_ranges_is_given_once(void **state)
{
    auto_done(port_table) table;
    bool is_given[70] = {false};
    uint16_t port = 0;

    (void)state;
    begin(&table, "100-149,200-219");
    for (unsigned i = 0; i < 70; i++) {
        char owner[32];

        snprintf(owner, sizeof(owner), "Instance/vm-%u", i);
        assert_int_equal(port_table_choose(&table, owner, "http", PROTOCOL_TCP, now_wall_ms, &port),
                         0);
        assert_true((port >= 100 && port <= 149) || (port >= 200 && port <= 219));
        assert_false(is_given[port < 150 ? port - 100 : port - 150]);
        is_given[port < 150 ? port - 100 : port - 150] = true;
        assert_int_equal(port_table_take(&table, owner, "http", "127.0.0.1", port, PROTOCOL_TCP),
                         0);
    }
    port = 7;
    assert_int_equal(
        port_table_choose(&table, "Instance/late", "http", PROTOCOL_TCP, now_wall_ms, &port), -1);
    assert_int_equal(port, 7); /* untouched */
    assert_int_equal(
        port_table_choose(&table, "Instance/late", "http", PROTOCOL_UDP, now_wall_ms, &port), 0);
}

/*
 * Names whose place is at the very end of all hashes: the search goes round without leaving a port
 * out.
 */
static void the_last_free_port_is_found_by_every_name(void **state)
{
    static const char owner[] = "Instance/vm-960381";
    auto_done(port_table) table;
    uint16_t port = 0;

    (void)state;
    begin(&table, "20000-29999");
    for (uint16_t taken = 20000; taken <= 29999; taken++) {
        if (taken != 27296) {
            port_table_take(&table, "Instance/other", "x", "::", taken, PROTOCOL_TCP);
        }
    }
    assert_int_equal(port_table_choose(&table, owner, "http", PROTOCOL_TCP, now_wall_ms, &port), 0);
    assert_int_equal(port, 27296);
}

static void a_port_has_one_owner(void **state)
{
    auto_done(port_table) table;

    (void)state;
    begin(&table, "20000-20009");
    assert_int_equal(port_table_take(&table, "Instance/a", "x", "127.0.0.1", 8080, PROTOCOL_TCP),
                     0);
    assert_int_equal(port_table_take(&table, "Instance/b", "x", "127.0.0.1", 8080, PROTOCOL_TCP),
                     -1);
    assert_int_equal(port_table_take(&table, "Instance/a", "y", "127.0.0.1", 8080, PROTOCOL_TCP),
                     -1);
    assert_int_equal(port_table_take(&table, "Instance/b", "x", "127.0.0.1", 8080, PROTOCOL_UDP),
                     0);
    assert_string_equal(owner_of(&table, 8080, PROTOCOL_TCP), "Instance/a");
    assert_string_equal(owner_of(&table, 8080, PROTOCOL_UDP), "Instance/b");
    assert_int_equal(port_table_find(&table, "Instance/b", "x", PROTOCOL_UDP)->port, 8080);
    assert_null(port_table_find(&table, "Instance/b", "x", PROTOCOL_TCP));
    assert_null(port_table_find(&table, "Instance/b", "y", PROTOCOL_UDP));
}

static void taking_ones_own_again_changes_nothing_but_the_address(void **state)
{
    auto_done(port_table) table;

    (void)state;
    begin(&table, "20000-20009");
    assert_false(table.is_dirty);
    port_table_take(&table, "Instance/a", "x", "127.0.0.1", 8080, PROTOCOL_TCP);
    assert_true(table.is_dirty);
    table.is_dirty = false;
    assert_int_equal(port_table_take(&table, "Instance/a", "x", "127.0.0.1", 8080, PROTOCOL_TCP),
                     0);
    assert_false(table.is_dirty);
    assert_int_equal(port_table_take(&table, "Instance/a", "x", "0.0.0.0", 8080, PROTOCOL_TCP), 0);
    assert_true(table.is_dirty);
    assert_string_equal(port_table_get(&table, 8080, PROTOCOL_TCP)->host_ip, "0.0.0.0");
}

static void releasing_frees_all_of_one_owner(void **state)
{
    auto_done(port_table) table;

    (void)state;
    begin(&table, "20000-20009");
    port_table_take(&table, "Instance/a", "x", "127.0.0.1", 20000, PROTOCOL_TCP);
    port_table_take(&table, "Instance/a", "y", "127.0.0.1", 20001, PROTOCOL_UDP);
    port_table_take(&table, "Instance/b", "x", "127.0.0.1", 20002, PROTOCOL_TCP);
    assert_true(port_table_has_owner(&table, "Instance/a"));
    table.is_dirty = false;
    port_table_release(&table, "Instance/nobody");
    assert_false(table.is_dirty);
    port_table_release(&table, "Instance/a");
    assert_true(table.is_dirty);
    assert_false(port_table_has_owner(&table, "Instance/a"));
    assert_true(port_table_has_owner(&table, "Instance/b"));
}

static void leases_that_a_spec_left_behind_are_stale(void **state)
{
    static struct port_spec wanted_ports[] = {
        {.name = "pooled", .protocol = PROTOCOL_TCP},
        {.name = "fixed", .protocol = PROTOCOL_TCP, .host_port = 8080},
    };
    static const struct port_list wanted = {wanted_ports, ARRAY_SIZE(wanted_ports)};
    static const struct {
        const char *owner, *name;
        uint16_t port;
        enum port_protocol protocol;
        bool is_stale;
    } rows[] = {
        {"Instance/a", "pooled", 20003, PROTOCOL_TCP, false},
        {"Instance/a", "pooled", 20003, PROTOCOL_UDP, true},
        {"Instance/a", "fixed", 8080, PROTOCOL_TCP, false},
        {"Instance/a", "fixed", 8081, PROTOCOL_TCP, true},
        {"Instance/a", "renamed", 8082, PROTOCOL_TCP, true},
        {"Instance/b", "renamed", 8083, PROTOCOL_TCP, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(port_table) table;

        begin(&table, "20000-20009");
        port_table_take(&table, rows[i].owner, rows[i].name, "127.0.0.1", rows[i].port,
                        rows[i].protocol);
        assert_int_equal(port_table_has_stale(&table, "Instance/a", &wanted), rows[i].is_stale);
        port_table_release_stale(&table, "Instance/a", &wanted);
        assert_false(port_table_has_stale(&table, "Instance/a", &wanted));
        assert_int_equal(owner_of(&table, rows[i].port, rows[i].protocol) == NULL,
                         rows[i].is_stale);
    }
}

static void a_quarantined_port_is_nobodys_for_its_time(void **state)
{
    auto_done(port_table) table;
    uint16_t port = 0;
    struct port_usage usage;

    (void)state;
    begin(&table, "20000");
    port_table_take(&table, "Instance/a", "x", "127.0.0.1", 20000, PROTOCOL_TCP);
    table.is_dirty = false;
    port_table_quarantine(&table, 20000, PROTOCOL_TCP, now_wall_ms);
    assert_true(table.is_dirty);
    port_table_usage(&table, now_wall_ms, &usage);
    assert_int_equal(usage.used, 0); /* nobody has it */
    assert_int_equal(usage.quarantined, 1);
    assert_int_equal(port_table_next_release(&table, PROTOCOL_TCP, now_wall_ms),
                     now_wall_ms + PORT_QUARANTINE_MS);
    assert_int_equal(port_table_next_release(&table, PROTOCOL_UDP, now_wall_ms), 0);
    assert_non_null(port_table_get(&table, 20000, PROTOCOL_TCP));
    assert_null(owner_of(&table, 20000, PROTOCOL_TCP));
    assert_int_equal(port_table_choose(&table, "Instance/b", "x", PROTOCOL_TCP, now_wall_ms, &port),
                     -1);
    assert_int_equal(port_table_choose(&table, "Instance/b", "x", PROTOCOL_TCP,
                                       now_wall_ms + PORT_QUARANTINE_MS - 1, &port),
                     -1);
    assert_int_equal(port_table_choose(&table, "Instance/b", "x", PROTOCOL_TCP,
                                       now_wall_ms + PORT_QUARANTINE_MS, &port),
                     0);
    assert_int_equal(port_table_take(&table, "Instance/b", "x", "127.0.0.1", 20000, PROTOCOL_TCP),
                     0);
    assert_string_equal(owner_of(&table, 20000, PROTOCOL_TCP), "Instance/b");
}

static void leases_outlive_a_change_of_the_ranges(void **state)
{
    auto_done(port_table) table;
    struct error err = {0};
    struct port_usage usage;

    (void)state;
    begin(&table, "20000-20009");
    port_table_take(&table, "Instance/a", "x", "127.0.0.1", 20003, PROTOCOL_TCP);
    port_table_take(&table, "Instance/a", "y", "127.0.0.1", 8080, PROTOCOL_TCP);
    port_table_usage(&table, now_wall_ms, &usage);
    assert_int_equal(usage.used, 1); /* a port outside of the ranges uses none of them */
    assert_int_equal(port_table_set_ranges(&table, "30000-30004", &err), 0);
    assert_int_equal(port_table_find(&table, "Instance/a", "x", PROTOCOL_TCP)->port, 20003);
    port_table_usage(&table, now_wall_ms, &usage);
    assert_int_equal(usage.total, 5);
    assert_int_equal(usage.used, 0);
}

static void use_is_told_for_each_range_and_a_port_counts_once(void **state)
{
    auto_done(port_table) table;
    struct port_usage usage;

    (void)state;
    begin(&table, "20000-20003,21000-21001");
    port_table_take(&table, "Instance/a", "x", "127.0.0.1", 20000, PROTOCOL_TCP);
    port_table_take(&table, "Instance/b", "x", "127.0.0.1", 20000, PROTOCOL_UDP);
    port_table_take(&table, "Instance/a", "y", "127.0.0.1", 21001, PROTOCOL_UDP);
    port_table_take(&table, "Instance/a", "z", "127.0.0.1", 9, PROTOCOL_TCP);
    port_table_quarantine(&table, 20001, PROTOCOL_UDP, now_wall_ms);
    port_table_quarantine(&table, 20001, PROTOCOL_TCP, now_wall_ms);
    port_table_quarantine(&table, 21001, PROTOCOL_TCP, now_wall_ms);
    port_table_range_usage(&table, &table.ranges[0], now_wall_ms, &usage);
    assert_int_equal(usage.total, 4);
    assert_int_equal(usage.used, 1);
    assert_int_equal(usage.quarantined, 1);
    port_table_range_usage(&table, &table.ranges[1], now_wall_ms, &usage);
    assert_int_equal(usage.total, 2);
    assert_int_equal(usage.used, 1);
    assert_int_equal(usage.quarantined, 0);
    port_table_usage(&table, now_wall_ms, &usage);
    assert_int_equal(usage.total, 6);
    assert_int_equal(usage.used, 2);
    assert_int_equal(usage.quarantined, 1);
    port_table_usage(&table, now_wall_ms + PORT_QUARANTINE_MS, &usage);
    assert_int_equal(usage.quarantined, 0);
}

static void pressure_begins_at_80_percent(void **state)
{
    static const struct {
        struct port_usage usage;
        bool is_pressing;
    } rows[] = {
        {{10, 7, 0}, false},       {{10, 8, 0}, true}, {{10, 7, 1}, true},
        {{1, 0, 0}, false},        {{1, 1, 0}, true},  {{65535, 52427, 0}, false},
        {{65535, 52428, 0}, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(port_usage_is_pressing(&rows[i].usage), rows[i].is_pressing);
    }
}

static void whoever_waits_is_told_when_a_port_is_freed_and_when_ranges_come(void **state)
{
    auto_done(port_table) table;
    struct error err = {0};

    (void)state;
    begin(&table, "20000-20001");
    table.has_freed = false;
    port_table_take(&table, "Instance/a", "x", "127.0.0.1", 20000, PROTOCOL_TCP);
    port_table_take(&table, "Instance/b", "x", "127.0.0.1", 20001, PROTOCOL_TCP);
    port_table_quarantine(&table, 20001, PROTOCOL_TCP, now_wall_ms);
    assert_false(table.has_freed);
    port_table_release(&table, "Instance/b"); /* has none any more */
    assert_false(table.has_freed);
    port_table_release(&table, "Instance/a");
    assert_true(table.has_freed);
    table.has_freed = false;
    assert_int_equal(port_table_set_ranges(&table, "20000-20002", &err), 0);
    assert_true(table.has_freed);
}

/*
 * What the index says of every owner against what all leases say, after many changes in any order.
 */
static void the_leases_of_an_owner_are_those_that_name_it(void **state)
{
    static const char *const owners[] = {"Instance/a", "Instance/b", "RepositoryContainer/c"};
    static const char *const names[] = {"w", "x", "y", "z"};
    auto_done(port_table) table;
    uint32_t seed = 7;

    (void)state;
    begin(&table, "20000-20009");
    for (unsigned round = 0; round < 5000; round++) {
        const char *owner, *name;
        uint16_t port;

        seed = seed * UINT32_C(1664525) + UINT32_C(1013904223);
        owner = owners[(seed >> 8) % ARRAY_SIZE(owners)];
        name = names[(seed >> 12) % ARRAY_SIZE(names)];
        port = (uint16_t)(20000 + (seed >> 16) % 10);
        switch ((seed >> 24) % 8) {
        case 0: port_table_release(&table, owner); break;
        case 1: port_table_quarantine(&table, port, PROTOCOL_TCP, now_wall_ms); break;
        case 2: port_table_release_stale(&table, owner, &(struct port_list){0}); break;
        default: port_table_take(&table, owner, name, "127.0.0.1", port, PROTOCOL_TCP); break;
        }
        for (size_t o = 0; o < ARRAY_SIZE(owners); o++) {
            bool has_any = false;

            for (unsigned p = 20000; p < 20010; p++) {
                const struct port_lease *lease = port_table_get(&table, (uint16_t)p, PROTOCOL_TCP);

                if (lease != NULL && lease->owner != NULL && strcmp(lease->owner, owners[o]) == 0) {
                    has_any = true;
                    assert_non_null(port_table_find(&table, owners[o], lease->name, PROTOCOL_TCP));
                }
            }
            assert_int_equal(port_table_has_owner(&table, owners[o]), has_any);
            for (size_t n = 0; n < ARRAY_SIZE(names); n++) {
                const struct port_lease *found =
                    port_table_find(&table, owners[o], names[n], PROTOCOL_TCP);

                assert_true(found == NULL || (strcmp(found->owner, owners[o]) == 0 &&
                                              strcmp(found->name, names[n]) == 0));
            }
        }
    }
}

static void a_label_gives_its_owner_the_ports_back(void **state)
{
    auto_done(port_table) table;
    const struct port_lease *lease;

    (void)state;
    begin(&table, "20000-20009");
    port_table_take(&table, "Instance/b", "x", "127.0.0.1", 20002, PROTOCOL_TCP);
    port_table_restore_label(&table, "Instance/a",
                             "admin=udp/20001/0.0.0.0 http=tcp/20000/127.0.0.1 "
                             "six=tcp/20003/::1 taken=tcp/20002/127.0.0.1");
    lease = port_table_find(&table, "Instance/a", "admin", PROTOCOL_UDP);
    assert_int_equal(lease->port, 20001);
    assert_string_equal(lease->host_ip, "0.0.0.0");
    assert_int_equal(port_table_find(&table, "Instance/a", "http", PROTOCOL_TCP)->port, 20000);
    assert_string_equal(port_table_find(&table, "Instance/a", "six", PROTOCOL_TCP)->host_ip, "::1");
    assert_null(port_table_find(&table, "Instance/a", "taken", PROTOCOL_TCP));
    assert_string_equal(owner_of(&table, 20002, PROTOCOL_TCP), "Instance/b");
}

static void damaged_labels_give_nothing(void **state)
{
    static const char *const labels[] = {
        "",
        " ",
        "=",
        "http",
        "http=",
        "http=tcp",
        "http=tcp/",
        "http=tcp/20000",
        "http=tcp/0/127.0.0.1",
        "http=tcp/65536/127.0.0.1",
        "http=tcp/-1/127.0.0.1",
        "http=tcp/2000x/127.0.0.1",
        "http=sctp/20000/127.0.0.1",
        "=tcp/20000/127.0.0.1",
        "/20000/127.0.0.1",
        "====////",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
        auto_done(port_table) table;

        begin(&table, "20000-20009");
        port_table_restore_label(&table, "Instance/a", labels[i]);
        assert_false(port_table_has_owner(&table, "Instance/a"));
        port_table_restore_label(&table, "Instance/a", "x=tcp/1/127.0.0.1");
        assert_true(port_table_has_owner(&table, "Instance/a"));
    }
}

static void what_is_written_is_read_back(void **state)
{
    auto_done(port_table) table, copy;
    json_auto_t *json = NULL, *again = NULL;

    (void)state;
    begin(&table, "20000-20009");
    begin(&copy, "20000-20009");
    port_table_take(&table, "Instance/a", "x", "127.0.0.1", 20000, PROTOCOL_TCP);
    port_table_take(&table, "Instance/b", "y", "::", 20000, PROTOCOL_UDP);
    port_table_take(&table, "RepositoryContainer/r", "z", "0.0.0.0", 8080, PROTOCOL_TCP);
    port_table_quarantine(&table, 20005, PROTOCOL_TCP, now_wall_ms);
    json = port_table_to_json(&table);
    port_table_restore_json(&copy, json);
    again = port_table_to_json(&copy);
    assert_true(json_equal(json, again));
    assert_int_equal(json_array_size(json_object_get(json, "leases")), 3);
    assert_string_equal(port_table_get(&copy, 20000, PROTOCOL_UDP)->host_ip, "::");
}

static void damaged_files_give_what_is_whole_in_them(void **state)
{
    static const struct {
        const char *text;
        bool gives_a_port;
    } rows[] = {
        {"{}", false},
        {"[]", false},
        {"{\"leases\": 3}", false},
        {"{\"leases\": [3, null, \"x\", [], {}]}", false},
        {"{\"leases\": [{\"port\": 20000, \"owner\": \"Instance/a\", \"name\": \"x\"}]}", false},
        {"{\"leases\": [{\"port\": 0, \"owner\": \"Instance/a\", \"name\": \"x\", \"hostIP\": "
         "\"::\"}]}",
         false},
        {"{\"leases\": [{\"port\": 65536, \"owner\": \"Instance/a\", \"name\": \"x\", \"hostIP\": "
         "\"::\"}]}",
         false},
        {"{\"leases\": [{\"port\": \"1\", \"owner\": \"Instance/a\", \"name\": \"x\", \"hostIP\": "
         "\"::\"}]}",
         false},
        {"{\"leases\": [{\"port\": 1, \"owner\": 5, \"name\": \"x\", \"hostIP\": \"::\"}]}", false},
        {"{\"leases\": [7, {\"port\": 1, \"owner\": \"Instance/a\", \"name\": \"x\", \"hostIP\": "
         "\"::\"}]}",
         true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(port_table) table;
        json_auto_t *json = json_loads(rows[i].text, 0, NULL);

        assert_non_null(json);
        begin(&table, "20000-20009");
        port_table_restore_json(&table, json);
        assert_int_equal(port_table_has_owner(&table, "Instance/a"), rows[i].gives_a_port);
    }
    {
        auto_done(port_table) table;

        begin(&table, "20000");
        port_table_restore_json(&table, NULL); /* there was no file */
        assert_false(port_table_has_owner(&table, "Instance/a"));
    }
}

static void a_quarantine_moves_with_the_clock(void **state)
{
    static const int64_t steps[] = {86400000, -86400000};
    uint16_t port;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        int64_t later_wall_ms = now_wall_ms + steps[i];
        struct port_table table;

        begin(&table, "20000");
        port_table_quarantine(&table, 20000, PROTOCOL_TCP, now_wall_ms);
        port_table_shift_times(&table, steps[i]);
        assert_int_equal(
            port_table_choose(&table, "Instance/web", "http", PROTOCOL_TCP, later_wall_ms, &port),
            -1);
        assert_int_equal(port_table_next_release(&table, PROTOCOL_TCP, later_wall_ms),
                         later_wall_ms + PORT_QUARANTINE_MS);
        port_table_done(&table);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_read),
        cmocka_unit_test(what_is_no_list_of_ranges_is_refused),
        cmocka_unit_test(a_list_of_very_many_ranges_is_refused),
        cmocka_unit_test(a_name_gets_the_same_port_in_every_table),
        cmocka_unit_test(every_port_of_the_ranges_is_given_once),
        cmocka_unit_test(the_last_free_port_is_found_by_every_name),
        cmocka_unit_test(a_port_has_one_owner),
        cmocka_unit_test(taking_ones_own_again_changes_nothing_but_the_address),
        cmocka_unit_test(releasing_frees_all_of_one_owner),
        cmocka_unit_test(leases_that_a_spec_left_behind_are_stale),
        cmocka_unit_test(a_quarantined_port_is_nobodys_for_its_time),
        cmocka_unit_test(a_quarantine_moves_with_the_clock),
        cmocka_unit_test(leases_outlive_a_change_of_the_ranges),
        cmocka_unit_test(use_is_told_for_each_range_and_a_port_counts_once),
        cmocka_unit_test(pressure_begins_at_80_percent),
        cmocka_unit_test(whoever_waits_is_told_when_a_port_is_freed_and_when_ranges_come),
        cmocka_unit_test(the_leases_of_an_owner_are_those_that_name_it),
        cmocka_unit_test(a_label_gives_its_owner_the_ports_back),
        cmocka_unit_test(damaged_labels_give_nothing),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(damaged_files_give_what_is_whole_in_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
