/*
 * Folders that are to go: emptied by children (`berth remove-tree`), a few at a time, since a large
 * tree takes its time and there may be hundreds of them.
 *
 * Somebody else may kill a child: it is tried again. A child does not hold up the end of the loop,
 * and goes on after it. What is left over in the end goes when the next controller starts.
 */
#ifndef BERTH_CONTROLLER_TRASH_H
#define BERTH_CONTROLLER_TRASH_H

#include <uv.h>

enum { TRASH_AT_ONCE = 4 };

struct trash;

/* Once for each folder, when nobody works at it any more. */
typedef void trash_emptied_fn(void *user);

/* program: ours, copied. */
struct trash *trash_new(uv_loop_t *loop, const char *program, trash_emptied_fn *on_done,
                        void *user);
/*
 * Children under way go on, and one more empties all that waits; nobody is called back any more.
 * Accepts NULL.
 */
void trash_close(struct trash *trash);

/* Returns at once, and calls back from the loop. */
void trash_add(struct trash *trash, const char *path);

#endif
