#include "reconcilers/subnets.h"

#include "base/memory.h"
#include "base/parse.h"
#include "specs/excerpt.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MIN_RANGE_PREFIX = 8, MAX_SUBNETS = 65536, MAX_ROUTE_FIELD = 64 };

static uint32_t mask_of(unsigned prefix_len)
{
    return prefix_len == 0 ? 0 : UINT32_MAX << (32 - prefix_len);
}

static int parse_address(const char *text, uint32_t *ret_address)
{
    struct in_addr address;

    if (inet_pton(AF_INET, text, &address) != 1) {
        return -1;
    }
    *ret_address = ntohl(address.s_addr);
    return 0;
}

/* Address and length as written, bits of hosts included. */
static int parse_parts(const char *text, uint32_t *ret_address, unsigned *ret_prefix_len)
{
    const char *slash = strchr(text, '/');
    char address[SUBNET_SIZE];
    uint64_t prefix_len;

    if (slash == NULL || (size_t)(slash - text) >= sizeof(address) ||
        parse_u64(slash + 1, &prefix_len) < 0 || prefix_len > 32) {
        return -1;
    }
    memcpy(address, text, (size_t)(slash - text));
    address[slash - text] = '\0';
    if (parse_address(address, ret_address) < 0) {
        return -1;
    }
    *ret_prefix_len = (unsigned)prefix_len;
    return 0;
}

int subnet_parse(const char *text, struct subnet *ret_subnet)
{
    uint32_t address;
    unsigned prefix_len;

    if (parse_parts(text, &address, &prefix_len) < 0) {
        return -1;
    }
    *ret_subnet = (struct subnet){address & mask_of(prefix_len), prefix_len};
    return 0;
}

const char *subnet_format(const struct subnet *subnet, char text[SUBNET_SIZE])
{
    uint32_t address = subnet->address;

    snprintf(text, SUBNET_SIZE, "%u.%u.%u.%u/%u", address >> 24, address >> 16 & 255,
             address >> 8 & 255, address & 255, subnet->prefix_len % 33);
    return text;
}

bool subnet_overlaps(const struct subnet *one, const struct subnet *other)
{
    uint32_t mask = mask_of(one->prefix_len) & mask_of(other->prefix_len);

    return (one->address & mask) == (other->address & mask);
}

bool subnet_can_have(const char *subnet_text, const char *address_text)
{
    struct subnet subnet;
    uint32_t address, last;

    if (subnet_text == NULL || address_text == NULL || subnet_parse(subnet_text, &subnet) < 0 ||
        parse_address(address_text, &address) < 0) {
        return false;
    }
    last = subnet.address | ~mask_of(subnet.prefix_len);
    return address > subnet.address && address - subnet.address > 1 && address < last;
}

/* Ours, loopback, multicast and what lies above cannot be networks of containers. */
static bool is_usable(const struct subnet *range)
{
    static const struct subnet refused[] = {
        {0, 8}, {UINT32_C(127) << 24, 8}, {UINT32_C(224) << 24, 3}};

    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        if (subnet_overlaps(range, &refused[i])) {
            return false;
        }
    }
    return true;
}

int network_range_parse(const char *text, struct subnet *ret_range, struct error *err)
{
    struct subnet range;
    uint32_t address;
    unsigned prefix_len;
    char proper[SUBNET_SIZE], shown[EXCERPT_SIZE];

    if (strcmp(text, "none") == 0) {
        *ret_range = (struct subnet){0};
        return 0;
    }
    if (parse_parts(text, &address, &prefix_len) < 0 || prefix_len < MIN_RANGE_PREFIX ||
        prefix_len > SUBNET_PREFIX_LEN) {
        return error_set(
            err, ERROR_INVALID, "\"%s\" is neither a range such as %s (/%d to /%d) nor none",
            excerpt(text, shown), DEFAULT_NETWORK_RANGE, MIN_RANGE_PREFIX, SUBNET_PREFIX_LEN);
    }
    range = (struct subnet){address & mask_of(prefix_len), prefix_len};
    if (range.address != address) {
        return error_set(err, ERROR_INVALID, "\"%s\" is the address of a host; did you mean %s?",
                         text, subnet_format(&range, proper));
    }
    if (!is_usable(&range)) {
        return error_set(err, ERROR_INVALID, "no network of containers can be in \"%s\"", text);
    }
    *ret_range = range;
    return 0;
}

void subnet_list_done(struct subnet_list *list)
{
    free(list->items);
    *list = (struct subnet_list){0};
}

void subnet_list_add(struct subnet_list *list, const struct subnet *subnet)
{
    if (list->count < MAX_SUBNETS) {
        array_grow(&list->items, list->count, &list->capacity, sizeof(*list->items));
        list->items[list->count++] = *subnet;
    }
}

void subnet_list_add_networks(struct subnet_list *list, const json_t *networks)
{
    size_t index, at;
    json_t *network, *config;

    json_array_foreach(networks, index, network) {
        const json_t *configs = json_object_get(json_object_get(network, "IPAM"), "Config");

        json_array_foreach(configs, at, config) {
            const char *text = json_string_value(json_object_get(config, "Subnet"));
            struct subnet subnet;

            if (text != NULL && subnet_parse(text, &subnet) == 0) {
                subnet_list_add(list, &subnet);
            }
        }
    }
}

/* Eight hex digits: an address as it lies in memory. */
static int parse_route_word(const char *text, uint32_t *ret_address)
{
    char *end;
    unsigned long value = strtoul(text, &end, 16);

    if (end - text != 8 || *end != '\0') {
        return -1;
    }
    *ret_address = ntohl((uint32_t)value);
    return 0;
}

/*
 * "eth0 000200C0 00000000 0001 0 0 0 00FFFFFF 0 0 0": interface, destination, ..., the mask as the
 * eighth.
 */
static void add_route(struct subnet_list *list, const char *line)
{
    char destination[MAX_ROUTE_FIELD], mask_text[MAX_ROUTE_FIELD];
    uint32_t address, mask;

    if (sscanf(line, "%*63s %63s %*63s %*63s %*63s %*63s %*63s %63s", destination, mask_text) !=
            2 ||
        parse_route_word(destination, &address) < 0 || parse_route_word(mask_text, &mask) < 0) {
        return;
    }
    for (unsigned prefix_len = 1; prefix_len <= 32; prefix_len++) {
        if (mask_of(prefix_len) == mask) {
            subnet_list_add(list, &(struct subnet){address & mask, prefix_len});
        }
    }
}

void subnet_list_add_routes(struct subnet_list *list, const char *routes)
{
    auto_free char *copy = xstrdup(routes);
    char *rest = copy, *line;

    while ((line = strsep(&rest, "\n")) != NULL) {
        add_route(list, line);
    }
}

unsigned subnet_room(const struct subnet *range)
{
    return 1U << (SUBNET_PREFIX_LEN - range->prefix_len);
}

static struct subnet subnet_at(const struct subnet *range, unsigned index)
{
    return (struct subnet){range->address + (index << (32 - SUBNET_PREFIX_LEN)), SUBNET_PREFIX_LEN};
}

/* Marks the places of the range that the subnet touches. */
static void mark(bool *is_taken, const struct subnet *range, const struct subnet *subnet)
{
    unsigned room = subnet_room(range), first = 0, count = room;

    if (!subnet_overlaps(range, subnet)) {
        return;
    }
    if (subnet->prefix_len > range->prefix_len) {
        first = (subnet->address - range->address) >> (32 - SUBNET_PREFIX_LEN);
        count = subnet->prefix_len >= SUBNET_PREFIX_LEN
                    ? 1
                    : 1U << (SUBNET_PREFIX_LEN - subnet->prefix_len);
    }
    for (unsigned i = first; i < first + count && i < room; i++) {
        is_taken[i] = true;
    }
}

int subnet_choose(const struct subnet *range, const char *network, const struct subnet_list *taken,
                  struct subnet *ret_subnet)
{
    unsigned room = subnet_room(range);
    auto_free bool *is_taken = xcalloc(room, sizeof(*is_taken));
    uint32_t hash = UINT32_C(2166136261);

    for (const char *at = network; *at != '\0'; at++) {
        hash = (hash ^ (unsigned char)*at) * UINT32_C(16777619);
    }
    for (size_t i = 0; i < taken->count; i++) {
        mark(is_taken, range, &taken->items[i]);
    }
    for (unsigned i = 0; i < room; i++) {
        unsigned index = (hash + i) % room;

        if (!is_taken[index]) {
            *ret_subnet = subnet_at(range, index);
            return 0;
        }
    }
    return -1;
}
