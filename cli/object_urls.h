/*
 * The addresses at which people reach an object's ports, from its status document. Pure.
 */
#ifndef BERTH_CLI_OBJECT_URLS_H
#define BERTH_CLI_OBJECT_URLS_H

#include <jansson.h>

/*
 * An array of {name, url} of its TCP ports (a task's own, or those of the container), in their
 * order. engine_host: where ports are that are bound to all addresses; NULL: this machine.
 * New reference.
 */
json_t *object_urls(const json_t *document, const char *engine_host);

/* The host of "tcp://host:port", without brackets; NULL for all else. The caller's to free. */
char *engine_host_of(const char *address);

#endif
