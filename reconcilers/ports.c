#include "reconcilers/ports.h"

#include "base/clock_watch.h"
#include "base/memory.h"
#include "base/parse.h"
#include "specs/excerpt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_SIZE = 16, MAX_RANGES = 64 };

static const char *protocol_name(enum port_protocol protocol)
{
    return protocol == PROTOCOL_UDP ? "udp" : "tcp";
}

static const char *lease_key(uint16_t port, enum port_protocol protocol, char key[KEY_SIZE])
{
    snprintf(key, KEY_SIZE, "%s/%u", protocol_name(protocol), port);
    return key;
}

void port_table_init(struct port_table *table)
{
    *table = (struct port_table){.quarantine_ms = PORT_QUARANTINE_MS};
}

static void lease_free(struct port_lease *lease)
{
    free(lease->owner);
    free(lease->name);
    free(lease->host_ip);
    free(lease);
}

void port_table_done(struct port_table *table)
{
    for (struct map_entry *at = map_first(&table->leases); at != NULL; at = map_next(at)) {
        lease_free(map_value(at));
    }
    map_done(&table->leases);
    map_done(&table->owners);
    free(table->ranges);
}

int port_table_set_ranges(struct port_table *table, const char *text, struct error *err)
{
    auto_free char *copy = xstrdup(text);
    auto_free struct port_range *ranges = xcalloc(MAX_RANGES, sizeof(*ranges));
    char *rest = copy, *part, shown[EXCERPT_SIZE];
    size_t count = 0;

    while ((part = strsep(&rest, ",")) != NULL) {
        struct port_range range;

        if (count == MAX_RANGES || parse_port_range(part, &range.first, &range.last) < 0) {
            return error_set(err, ERROR_INVALID,
                             "\"%s\" is not a list of port ranges such as 20000-29999,31000",
                             excerpt(text, shown));
        }
        for (size_t i = 0; i < count; i++) {
            if (range.first <= ranges[i].last && ranges[i].first <= range.last) {
                return error_set(err, ERROR_INVALID, "port ranges \"%s\" overlap",
                                 excerpt(text, shown));
            }
        }
        ranges[count++] = range;
    }
    free(table->ranges);
    table->ranges = TAKE(ranges);
    table->range_count = count;
    table->has_freed = true;
    table->version++;
    return 0;
}

const struct port_lease *port_table_get(const struct port_table *table, uint16_t port,
                                        enum port_protocol protocol)
{
    char key[KEY_SIZE];

    return map_get(&table->leases, lease_key(port, protocol, key));
}

static struct port_lease *first_of(const struct port_table *table, const char *owner)
{
    return map_get(&table->owners, owner);
}

const struct port_lease *port_table_find(const struct port_table *table, const char *owner,
                                         const char *name, enum port_protocol protocol)
{
    for (const struct port_lease *lease = first_of(table, owner); lease != NULL;
         lease = lease->next_of_owner) {
        if (lease->protocol == protocol && strcmp(lease->name, name) == 0) {
            return lease;
        }
    }
    return NULL;
}

static bool is_free(const struct port_table *table, uint16_t port, enum port_protocol protocol,
                    int64_t now_wall_ms)
{
    const struct port_lease *lease = port_table_get(table, port, protocol);

    return lease == NULL ||
           (lease->owner == NULL && lease->quarantined_until_wall_ms <= now_wall_ms);
}

static unsigned range_size(const struct port_range *range)
{
    return (unsigned)(range->last - range->first) + 1;
}

static unsigned total_ports(const struct port_table *table)
{
    unsigned total = 0;

    for (size_t i = 0; i < table->range_count; i++) {
        total += range_size(&table->ranges[i]);
    }
    return total;
}

static uint16_t port_at(const struct port_table *table, unsigned index)
{
    for (size_t i = 0; i < table->range_count; i++) {
        if (index < range_size(&table->ranges[i])) {
            return (uint16_t)(table->ranges[i].first + index);
        }
        index -= range_size(&table->ranges[i]);
    }
    abort(); /* our own promise: index < total_ports() */
}

/* FNV-1a: spreads names evenly; nothing depends on it being hard to invert. */
static uint32_t hash_text(uint32_t hash, const char *text)
{
    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)*text) * UINT32_C(16777619);
    }
    return hash;
}

int port_table_choose(const struct port_table *table, const char *owner, const char *name,
                      enum port_protocol protocol, int64_t now_wall_ms, uint16_t *ret_port)
{
    unsigned total = total_ports(table);
    uint32_t start = hash_text(hash_text(UINT32_C(2166136261), owner), name);

    for (unsigned i = 0; i < total; i++) {
        uint16_t port = port_at(table, (unsigned)(((uint64_t)start + i) % total));

        if (is_free(table, port, protocol, now_wall_ms)) {
            *ret_port = port;
            return 0;
        }
    }
    return -1;
}

static struct port_lease *lease_of(struct port_table *table, uint16_t port,
                                   enum port_protocol protocol)
{
    char key[KEY_SIZE];
    struct port_lease *lease = map_get(&table->leases, lease_key(port, protocol, key));

    if (lease == NULL) {
        lease = xcalloc(1, sizeof(*lease));
        lease->port = port;
        lease->protocol = protocol;
        map_put(&table->leases, key, lease);
    }
    return lease;
}

static void append_to_owner(struct port_table *table, struct port_lease *lease)
{
    struct port_lease *last = first_of(table, lease->owner);

    if (last == NULL) {
        map_put(&table->owners, lease->owner, lease);
        return;
    }
    while (last->next_of_owner != NULL) {
        last = last->next_of_owner;
    }
    last->next_of_owner = lease;
}

static void give_to(struct port_table *table, struct port_lease *lease, const char *owner,
                    const char *name, const char *host_ip)
{
    lease->owner = xstrdup(owner);
    lease->name = xstrdup(name);
    lease->host_ip = xstrdup(host_ip);
    lease->quarantined_until_wall_ms = 0;
    append_to_owner(table, lease);
    table->is_dirty = true;
    table->version++;
}

/* The lease becomes nobody's. */
static void take_from_owner(struct port_table *table, struct port_lease *lease)
{
    struct port_lease *first = lease->owner != NULL ? first_of(table, lease->owner) : NULL;

    if (first == lease && lease->next_of_owner == NULL) {
        map_remove(&table->owners, lease->owner);
    } else if (first == lease) {
        map_put(&table->owners, lease->owner, lease->next_of_owner);
    }
    for (; first != NULL; first = first->next_of_owner) {
        if (first->next_of_owner == lease) {
            first->next_of_owner = lease->next_of_owner;
        }
    }
    free(lease->owner);
    free(lease->name);
    free(lease->host_ip);
    lease->owner = lease->name = lease->host_ip = NULL;
    lease->next_of_owner = NULL;
    table->is_dirty = true;
    table->version++;
}

int port_table_take(struct port_table *table, const char *owner, const char *name,
                    const char *host_ip, uint16_t port, enum port_protocol protocol)
{
    struct port_lease *lease = lease_of(table, port, protocol);

    if (lease->owner != NULL &&
        (strcmp(lease->owner, owner) != 0 || strcmp(lease->name, name) != 0)) {
        return -1;
    }
    if (lease->owner != NULL && text_equal(lease->host_ip, host_ip)) {
        return 0;
    }
    if (lease->owner != NULL) {
        take_from_owner(table, lease);
    }
    give_to(table, lease, owner, name, host_ip);
    return 0;
}

bool port_table_has_owner(const struct port_table *table, const char *owner)
{
    return first_of(table, owner) != NULL;
}

static void remove_lease(struct port_table *table, struct port_lease *lease)
{
    char key[KEY_SIZE];

    take_from_owner(table, lease);
    map_remove(&table->leases, lease_key(lease->port, lease->protocol, key));
    lease_free(lease);
    table->has_freed = true;
}

void port_table_release(struct port_table *table, const char *owner)
{
    struct port_lease *next;

    for (struct port_lease *lease = first_of(table, owner); lease != NULL; lease = next) {
        next = lease->next_of_owner;
        remove_lease(table, lease);
    }
}

void port_table_quarantine(struct port_table *table, uint16_t port, enum port_protocol protocol,
                           int64_t now_wall_ms)
{
    struct port_lease *lease = lease_of(table, port, protocol);

    take_from_owner(table, lease);
    lease->quarantined_until_wall_ms = now_wall_ms + table->quarantine_ms;
}

void port_table_shift_times(struct port_table *table, int64_t by_ms)
{
    for (struct map_entry *at = map_first(&table->leases); at != NULL; at = map_next(at)) {
        struct port_lease *lease = map_value(at);

        clock_shift(&lease->quarantined_until_wall_ms, by_ms);
    }
}

static bool is_quarantined(const struct port_lease *lease, int64_t now_wall_ms)
{
    return lease->owner == NULL && lease->quarantined_until_wall_ms > now_wall_ms;
}

static bool is_in(const struct port_range *range, uint16_t port)
{
    return port >= range->first && port <= range->last;
}

void port_table_range_usage(const struct port_table *table, const struct port_range *range,
                            int64_t now_wall_ms, struct port_usage *ret_usage)
{
    struct port_usage usage = {.total = range_size(range)};

    for (struct map_entry *at = map_first(&table->leases); at != NULL; at = map_next(at)) {
        const struct port_lease *lease = map_value(at);
        const struct port_lease *other = port_table_get(
            table, lease->port, lease->protocol == PROTOCOL_UDP ? PROTOCOL_TCP : PROTOCOL_UDP);
        bool is_used = lease->owner != NULL || (other != NULL && other->owner != NULL);

        if (!is_in(range, lease->port) || (other != NULL && lease->protocol == PROTOCOL_UDP)) {
            continue; /* counted with the other one */
        }
        usage.used += is_used;
        usage.quarantined += !is_used && (is_quarantined(lease, now_wall_ms) ||
                                          (other != NULL && is_quarantined(other, now_wall_ms)));
    }
    *ret_usage = usage;
}

void port_table_usage(const struct port_table *table, int64_t now_wall_ms,
                      struct port_usage *ret_usage)
{
    struct port_usage all = {0}, usage;

    for (size_t i = 0; i < table->range_count; i++) {
        port_table_range_usage(table, &table->ranges[i], now_wall_ms, &usage);
        all.total += usage.total;
        all.used += usage.used;
        all.quarantined += usage.quarantined;
    }
    *ret_usage = all;
}

bool port_usage_is_pressing(const struct port_usage *usage)
{
    return (usage->used + usage->quarantined) * 5 >= usage->total * 4;
}

int64_t port_table_next_release(const struct port_table *table, enum port_protocol protocol,
                                int64_t now_wall_ms)
{
    int64_t next_wall_ms = 0;

    for (struct map_entry *at = map_first(&table->leases); at != NULL; at = map_next(at)) {
        const struct port_lease *lease = map_value(at);

        for (size_t i = 0; i < table->range_count; i++) {
            if (lease->protocol == protocol && is_quarantined(lease, now_wall_ms) &&
                is_in(&table->ranges[i], lease->port) &&
                (next_wall_ms == 0 || lease->quarantined_until_wall_ms < next_wall_ms)) {
                next_wall_ms = lease->quarantined_until_wall_ms;
            }
        }
    }
    return next_wall_ms;
}

static bool is_wanted(const struct port_lease *lease, const struct port_list *wanted)
{
    for (size_t i = 0; i < wanted->count; i++) {
        const struct port_spec *port = &wanted->items[i];

        if (strcmp(port->name, lease->name) == 0 && port->protocol == (int64_t)lease->protocol &&
            (port->host_port == 0 || port->host_port == lease->port)) {
            return true;
        }
    }
    return false;
}

bool port_table_has_stale(const struct port_table *table, const char *owner,
                          const struct port_list *wanted)
{
    for (const struct port_lease *lease = first_of(table, owner); lease != NULL;
         lease = lease->next_of_owner) {
        if (!is_wanted(lease, wanted)) {
            return true;
        }
    }
    return false;
}

void port_table_release_stale(struct port_table *table, const char *owner,
                              const struct port_list *wanted)
{
    struct port_lease *next;

    for (struct port_lease *lease = first_of(table, owner); lease != NULL; lease = next) {
        next = lease->next_of_owner;
        if (!is_wanted(lease, wanted)) {
            remove_lease(table, lease);
        }
    }
}

/* "http=tcp/20014/127.0.0.1", taken apart in place. */
static void restore_part(struct port_table *table, const char *owner, char *part)
{
    char *rest = part, *name = strsep(&rest, "="), *protocol = strsep(&rest, "/");
    char *port_text = strsep(&rest, "/");
    uint16_t port;

    if (rest == NULL || *name == '\0' || parse_port(port_text, &port) < 0 ||
        (strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0)) {
        return;
    }
    port_table_take(table, owner, name, rest, port,
                    strcmp(protocol, "udp") == 0 ? PROTOCOL_UDP : PROTOCOL_TCP);
}

void port_table_restore_label(struct port_table *table, const char *owner, const char *label)
{
    auto_free char *copy = xstrdup(label);
    char *rest = copy, *part;

    while ((part = strsep(&rest, " ")) != NULL) {
        restore_part(table, owner, part);
    }
}

json_t *port_table_to_json(const struct port_table *table)
{
    json_t *list = json_array();

    for (struct map_entry *at = map_first(&table->leases); at != NULL; at = map_next(at)) {
        const struct port_lease *lease = map_value(at);

        if (lease->owner != NULL) {
            json_array_append_new(
                list, json_pack("{s:i, s:s, s:s, s:s, s:s}", "port", (int)lease->port, "protocol",
                                protocol_name(lease->protocol), "owner", lease->owner, "name",
                                lease->name, "hostIP", lease->host_ip));
        }
    }
    return json_pack("{s:i, s:o}", "version", 1, "leases", list);
}

void port_table_restore_json(struct port_table *table, const json_t *json)
{
    size_t index;
    json_t *item;

    json_array_foreach(json_object_get(json, "leases"), index, item) {
        const char *owner = json_string_value(json_object_get(item, "owner"));
        const char *name = json_string_value(json_object_get(item, "name"));
        const char *host_ip = json_string_value(json_object_get(item, "hostIP"));
        const char *protocol = json_string_value(json_object_get(item, "protocol"));
        json_int_t port = json_integer_value(json_object_get(item, "port"));

        if (owner != NULL && name != NULL && host_ip != NULL && port > 0 && port <= UINT16_MAX) {
            port_table_take(table, owner, name, host_ip, (uint16_t)port,
                            text_equal(protocol, "udp") ? PROTOCOL_UDP : PROTOCOL_TCP);
        }
    }
}
