/*
 * Ending a process in a container from the host, where Berth is on the engine's machine and may do
 * so.
 */
#ifndef BERTH_CONTROLLER_PROCESS_KILL_H
#define BERTH_CONTROLLER_PROCESS_KILL_H

#include <stdint.h>

/*
 * Kills the process and its process group if, and only if, its cgroup is that of the container with
 * this id: the number may be of another machine, of another namespace, or long given to somebody
 * else. -1: nothing was killed.
 */
int process_kill_in_container(int64_t pid, const char *container_id);

#endif
