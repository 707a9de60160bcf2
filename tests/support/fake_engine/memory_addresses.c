#include "tests/support/fake_engine/memory_world.h"

#include "base/memory.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Subnets and addresses. Numbers are in the machine's order. */

int parse_subnet(const char *text, uint32_t *ret_address, uint32_t *ret_mask)
{
    struct in_addr address;
    auto_free char *base = xstrndup(text, strcspn(text, "/"));
    const char *slash = strchr(text, '/');
    unsigned long length = slash != NULL ? strtoul(slash + 1, NULL, 10) : 0;

    if (length < 1 || length > 32 || inet_pton(AF_INET, base, &address) != 1) {
        return -1;
    }
    *ret_mask = UINT32_MAX << (32 - length);
    *ret_address = ntohl(address.s_addr) & *ret_mask;
    return 0;
}

char *address_text(uint32_t address)
{
    return xasprintf("%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255,
                     address & 255);
}

uint32_t prefix_length(uint32_t mask)
{
    return (uint32_t)__builtin_popcount(mask);
}

char *subnet_text(const struct network *network)
{
    auto_free char *base = address_text(network->address);

    return xasprintf("%s/%u", base, prefix_length(network->mask));
}

bool overlaps_another(struct memory *memory, const struct network *network)
{
    for (struct map_entry *at = map_first(&memory->networks); at != NULL; at = map_next(at)) {
        const struct network *other = map_value(at);
        uint32_t mask = other->mask < network->mask ? other->mask : network->mask;

        if (other != network && other->mask != 0 &&
            (other->address & mask) == (network->address & mask)) {
            return true;
        }
    }
    return false;
}

/* 172.17.0.0/16 to 172.31.0.0/16, then 192.168.0.0/20 and on; false: all are taken. */
bool choose_subnet(struct memory *memory, struct network *network)
{
    for (uint32_t i = 17; i < 48; i++) {
        network->address = i < 32 ? 172u << 24 | i << 16 : 192u << 24 | 168u << 16 | (i - 32) << 12;
        network->mask = i < 32 ? 0xffff0000 : 0xfffff000;
        if (!overlaps_another(memory, network)) {
            return true;
        }
    }
    return false;
}

const char *take_address(struct network *network, const char *asked)
{
    uint32_t size = ~network->mask;

    if (asked[0] != '\0') {
        if (map_get(&network->taken, asked) != NULL) {
            return NULL;
        }
        map_put(&network->taken, asked, network);
        return asked;
    }
    /* the first is the gateway's, the last is for all */
    for (uint32_t tries = 0; tries < size; tries++) {
        uint32_t host = 2 + network->next++ % (size > 2 ? size - 2 : 1);
        auto_free char *text = address_text(network->address | host);

        if (map_get(&network->taken, text) == NULL) {
            static char result[INET_ADDRSTRLEN];

            snprintf(result, sizeof(result), "%s", text);
            map_put(&network->taken, text, network);
            return result;
        }
    }
    return NULL;
}
