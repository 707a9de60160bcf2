/*
 * The walls of clients/tree_jail.h, as its child puts them up around itself.
 */
#ifndef BERTH_CLIENTS_TREE_JAIL_WALLS_H
#define BERTH_CLIENTS_TREE_JAIL_WALLS_H

#include "clients/tree_jail.h"

/*
 * All of them; the working directory is the tree afterwards. Standard output and TREE_JAIL_DATA_FD
 * are the only descriptors that stay; standard output must be a pipe to the parent, whose end ends
 * this process.
 */
int tree_jail_enter(const struct tree_jail *jail, struct error *err);

#endif
