/*
 * Which tasks of a spec directory work on a Repository object, by its name or by its URL. Pure.
 */
#ifndef BERTH_CLI_REPOSITORY_USERS_H
#define BERTH_CLI_REPOSITORY_USERS_H

#include "cli/object_names.h"
#include "cli/spec_store.h"

/* True when both are spellings of one repository. */
bool repository_urls_are_same(const char *a, const char *b);

/* Adds the tasks that use the Repository of this name. */
void repository_users_add(const struct spec_store *store, const char *name,
                          struct object_names *users);

#endif
