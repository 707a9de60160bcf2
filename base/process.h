/*
 * What the kernel says of a process: from /proc, so only of those that our pid namespace has.
 */
#ifndef BERTH_BASE_PROCESS_H
#define BERTH_BASE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * When it began, in clock ticks since the machine booted; 0: there is no such process, or it cannot
 * be looked at. With its pid it tells it from every other one since then.
 */
uint64_t process_start(int64_t pid);

/* True when the path of one of its cgroups has the text in it. */
bool process_has_cgroup(int64_t pid, const char *text);

/* The machine's since it booted: 36 characters. The caller's to free; NULL: it is not known. */
char *machine_boot_id(void);

#endif
