/*
 * Status files as they change: what `berth get --watch` shows.
 *
 * The directory is looked at when status_watch_poll() is called, which costs a stat of each file;
 * only files that are others than before are read. The first call finds everything.
 */
#ifndef BERTH_CLI_STATUS_WATCH_H
#define BERTH_CLI_STATUS_WATCH_H

#include "base/cleanup.h"
#include "base/error.h"

#include <jansson.h>

enum { STATUS_WATCH_POLL_MS = 250 };

struct status_watch;

struct status_watch *status_watch_new(const char *directory);
void status_watch_free(struct status_watch *watch); /* accepts NULL */
DEFINE_AUTO_FREE(status_watch);

/*
 * Documents (as of status_store_read()) that are new or others than at the last call, and those
 * that are no longer there, as they were last. New references. ERROR: the directory cannot be read.
 */
int status_watch_poll(struct status_watch *watch, json_t **ret_changed, json_t **ret_gone,
                      struct error *err);

#endif
