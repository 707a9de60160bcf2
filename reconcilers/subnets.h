/*
 * Subnets of zone networks: which /24 of the configured range the next network gets.
 *
 * A place in the range that follows from the network's name, then the next one that overlaps with
 * nothing that is known: the networks of the engine and the routes of the host. Equal facts give
 * equal answers. Pure: lists and routes come in as they were read. What cannot be understood in
 * them is passed over: the engine itself refuses an overlap that was not seen here.
 */
#ifndef BERTH_RECONCILERS_SUBNETS_H
#define BERTH_RECONCILERS_SUBNETS_H

#include "base/cleanup.h"
#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEFAULT_NETWORK_RANGE "10.210.0.0/16"

enum { SUBNET_SIZE = 19, SUBNET_PREFIX_LEN = 24 };

struct subnet {
    uint32_t address;    /* of the host's byte order, without host bits */
    unsigned prefix_len; /* 0..32 */
};

/* "10.210.7.0/24"; bits of hosts are masked away. -1: no IPv4 subnet. */
int subnet_parse(const char *text, struct subnet *ret_subnet);
const char *subnet_format(const struct subnet *subnet, char text[SUBNET_SIZE]);
bool subnet_overlaps(const struct subnet *one, const struct subnet *other);
/*
 * True for an address that a container in the subnet may have: not its first, second (the gateway)
 * and last.
 */
bool subnet_can_have(const char *subnet, const char *address);

/*
 * What --network-range may say: a subnet of /8 to /24 whose addresses hosts can have, or "none"
 * (prefix_len 0: the engine chooses). ERROR_INVALID for anything else.
 */
int network_range_parse(const char *text, struct subnet *ret_range, struct error *err);

struct subnet_list {
    struct subnet *items;
    size_t count, capacity;
};

void subnet_list_done(struct subnet_list *list);
void subnet_list_add(struct subnet_list *list, const struct subnet *subnet);
/* IPAM.Config[].Subnet of each network in the engine's list. */
void subnet_list_add_networks(struct subnet_list *list, const json_t *networks);
/* The text of /proc/net/route, but for default routes. */
void subnet_list_add_routes(struct subnet_list *list, const char *routes);

/* -1: none is free. range: of network_range_parse, not "none". */
int subnet_choose(const struct subnet *range, const char *network, const struct subnet_list *taken,
                  struct subnet *ret_subnet);

/* How many networks fit in the range. */
unsigned subnet_room(const struct subnet *range);

#endif
