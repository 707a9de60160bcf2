/*
 * What the command line asks of a running controller: files in <state>/requests/, and a SIGHUP.
 *
 *     gc              {"id"}: collect now (disk.h); the heartbeat's disk.lastCollection then has
 *     that id
 *     delete-<id>     {"keys"}: these were taken out of the specs by name
 *     reconcile-<id>  {"kind", "name"} or {"url"}, {"atMs"}: look at it now
 *
 * A request is removed when it was taken up, whatever came of it: there is no answer but what
 * statuses, the heartbeat and mirror.json say. (confirm-deletions is desired.c's.)
 */
#ifndef BERTH_CONTROLLER_REQUESTS_H
#define BERTH_CONTROLLER_REQUESTS_H

#include "controller/controller.h"

/* Before the scan that they are about. */
void requests_take_deletions(struct controller *controller);

/* All others. */
void requests_serve(struct controller *controller);

#endif
