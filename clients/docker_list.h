/*
 * The items of the engine's list of containers, one by one and as text.
 *
 * A list of thousands comes every minute, and nearly all of it is as it was: an item's digest tells
 * so without making JSON of it. The digest leaves out "Status", in which the engine says in words
 * for how long it has been so. It is no secret and resists no attack: who can make the engine say
 * something can say anything.
 */
#ifndef BERTH_CLIENTS_DOCKER_LIST_H
#define BERTH_CLIENTS_DOCKER_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The text is borrowed. */
struct docker_list {
    const char *at, *end;
    bool has_begun;
};

struct docker_list_item {
    const char
        *text; /* a JSON object, if what is in its brackets is right: that is not looked at */
    size_t len;
    const char *name; /* the container's, in the text; NULL: it takes the JSON to tell */
    size_t name_len;
    uint64_t digest; /* never 0 */
};

void docker_list_begin(struct docker_list *list, const char *text, size_t len);
/* 1: an item; 0: there are no more; -1: it is no list of objects, or not all of one. */
int docker_list_next(struct docker_list *list, struct docker_list_item *ret_item);

#endif
