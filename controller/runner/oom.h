/*
 * How often the kernel has killed a process of this container because its memory was used up.
 *
 * The kernel counts for the container's cgroup as a whole. Whose process it was is not told: where
 * several commands share a container, one may see the end of another's process in the count.
 */
#ifndef BERTH_CONTROLLER_RUNNER_OOM_H
#define BERTH_CONTROLLER_RUNNER_OOM_H

#include <stdint.h>

enum oom_verdict { OOM_UNKNOWN, OOM_NO, OOM_YES };

/*
 * From cgroup v2's memory.events or v1's memory.oom_control, as the container sees them; -1: from
 * neither.
 */
int64_t oom_count_kills(void);

/* The number in the line "oom_kill N" of either file's text; -1: there is none. */
int64_t oom_parse(const char *text);

#endif
