/*
 * Port leases: which host port belongs to which object.
 *
 * A lease is in the table (and on disk) before its container exists, so a crash can leak a port but
 * never share one. Keyed by the object's key and the port's name, which outlive containers. Pure:
 * whether a port can be bound is asked elsewhere and told here with ports_quarantine().
 */
#ifndef BERTH_RECONCILERS_PORTS_H
#define BERTH_RECONCILERS_PORTS_H

#include "base/error.h"
#include "base/map.h"
#include "specs/types.h"

#include <jansson.h>

enum { PORT_QUARANTINE_MS = 60000 };

struct port_range {
    uint16_t first, last;
};

struct port_lease {
    uint16_t port;
    enum port_protocol protocol;
    char *owner; /* "Instance/web"; NULL: only quarantined */
    char *name;  /* "http" */
    char *host_ip;
    int64_t quarantined_until_wall_ms; /* 0: not */
    struct port_lease *next_of_owner;
};

struct port_table {
    struct map leases; /* "tcp/20014" -> struct port_lease */
    struct map owners; /* "Instance/web" -> its first lease, which leads to its others */
    struct port_range *ranges;
    size_t range_count;
    int64_t quarantine_ms;
    uint64_t version; /* another one after every change */
    bool is_dirty;    /* differs from what is on disk */
    bool has_freed;   /* a port became free, or ranges came: who waits for one may look again */
};

/* Port numbers; one that has leases of both protocols counts once. */
struct port_usage {
    unsigned total, used, quarantined;
};

void port_table_init(struct port_table *table);
void port_table_done(struct port_table *table);

/*
 * "20000-29999,31000": ERROR_INVALID for anything else, for overlaps, and for port 0. Live: leases
 * outside stay.
 */
int port_table_set_ranges(struct port_table *table, const char *text, struct error *err);

/* The lease of this owner and name, or NULL. */
const struct port_lease *port_table_find(const struct port_table *table, const char *owner,
                                         const char *name, enum port_protocol protocol);

/*
 * Who holds a port: its owner's key, or NULL when it is free (a quarantined one is not free but has
 * no owner).
 */
const struct port_lease *port_table_get(const struct port_table *table, uint16_t port,
                                        enum port_protocol protocol);

/*
 * The port that owner/name would get: a place in the ranges that follows from the name, then the
 * next free one. -1: no free port is left.
 */
int port_table_choose(const struct port_table *table, const char *owner, const char *name,
                      enum port_protocol protocol, int64_t now_wall_ms, uint16_t *ret_port);

/* -1 when another owner holds it. Taking one's own again changes nothing. */
int port_table_take(struct port_table *table, const char *owner, const char *name,
                    const char *host_ip, uint16_t port, enum port_protocol protocol);
bool port_table_has_owner(const struct port_table *table, const char *owner);
void port_table_release(struct port_table *table, const char *owner);
/* Takes the port away from its owner, and from everybody for the table's quarantine_ms. */
void port_table_quarantine(struct port_table *table, uint16_t port, enum port_protocol protocol,
                           int64_t now_wall_ms);

/* The clock was set: quarantines last as long as they were to last. */
void port_table_shift_times(struct port_table *table, int64_t by_ms);

/* Of one range, and of all of them. Leases outside the ranges do not count. */
void port_table_range_usage(const struct port_table *table, const struct port_range *range,
                            int64_t now_wall_ms, struct port_usage *ret_usage);
void port_table_usage(const struct port_table *table, int64_t now_wall_ms,
                      struct port_usage *ret_usage);

/* True when 80 % of the ports or more cannot be had. */
bool port_usage_is_pressing(const struct port_usage *usage);

/* When the next quarantine of a port in the ranges ends; 0: there is none. */
int64_t port_table_next_release(const struct port_table *table, enum port_protocol protocol,
                                int64_t now_wall_ms);

/*
 * Leases of the owner that its spec does not want any more: another name or protocol, or another
 * fixed number. Releasing them comes before new ones are taken, so that ports can be renamed and
 * swapped.
 */
bool port_table_has_stale(const struct port_table *table, const char *owner,
                          const struct port_list *wanted);
void port_table_release_stale(struct port_table *table, const char *owner,
                              const struct port_list *wanted);

/*
 * Takes what a container's label ("http=tcp/20014/127.0.0.1 admin=udp/20015/127.0.0.1") says its
 * owner has, as far as nobody else holds it. Damaged parts are passed over.
 */
void port_table_restore_label(struct port_table *table, const char *owner, const char *label);

json_t *port_table_to_json(const struct port_table *table);
/* Damaged entries are passed over. */
void port_table_restore_json(struct port_table *table, const json_t *json);

#endif
