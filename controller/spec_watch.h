/*
 * When to look at the spec directory.
 *
 * inotify only says that something happened; after a quiet period (100 ms, or 10 ms where files
 * were only renamed into place and so are whole; at most 2 s after the first sign) the owner looks:
 * at the files that were written or came, where that was all, and else at the whole directory.
 * Where inotify cannot be had, or does not tell all (network file systems), the directory is
 * polled. The way to the directory is watched too: links on it can be switched. Events about files
 * that cannot hold specs, our own status files among them, are passed over.
 */
#ifndef BERTH_CONTROLLER_SPEC_WATCH_H
#define BERTH_CONTROLLER_SPEC_WATCH_H

#include "base/map.h"

#include <stdbool.h>
#include <uv.h>

enum {
    WATCH_QUIET_MS = 100,
    WATCH_PLACED_MS = 10,
    WATCH_MAX_DELAY_MS = 2000,
    WATCH_POLL_MS = 2000
};

struct spec_watch;

/*
 * polling: why it is polled without a try to watch, or NULL. on_due is called from the loop, never
 * from within these functions. names: relative names of the files that something happened to, and
 * to nothing else; NULL: it can have been anything.
 */
struct spec_watch *spec_watch_new(uv_loop_t *loop, const char *directory, const char *polling,
                                  void (*on_due)(void *user, const struct map *names), void *user);
void spec_watch_close(struct spec_watch *watch);

/*
 * After a scan: watch exactly these directories (relative names) beside the top one, which is
 * watched by path again if it came back.
 */
void spec_watch_update(struct spec_watch *watch, const struct map *directories);

/* Why the directory is polled rather than watched, or NULL. */
const char *spec_watch_polling_reason(const struct spec_watch *watch);

#endif
