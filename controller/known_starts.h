/*
 * Starts of containers, as they are known when the controller ends, kept for the one that follows.
 *
 * A list of containers tells all of one that runs but when it was started, and what it was made
 * with: for that, each is inspected. As long as its first process is the one that it was, it was
 * not started again, and what it was made with does not change. So an instance's container that is
 * known in that way is not inspected when a controller begins.
 *
 * It must be sure: when it is written the container's id is in the path of the process' cgroup, and
 * when it is read there is a process with the same pid and the same time of start, since the same
 * boot of this machine. Where the engine's processes cannot be seen, as on another machine, nothing
 * is known of any.
 *
 * "starts.jsonl" in the state directory has a line for the boot, and one for each container:
 *
 *     {"version":1,"boot":"8e6f..."}
 *     {"id":"0a41...","pid":4711,"process":81234,"image":"nginx:1.25","created":1700000000000,...}
 *
 * Losing it costs an inspection each.
 */
#ifndef BERTH_CONTROLLER_KNOWN_STARTS_H
#define BERTH_CONTROLLER_KNOWN_STARTS_H

#include "clients/docker_types.h"
#include "controller/controller.h"

/* What the last controller left; nothing that is wrong in it matters. */
void known_starts_load(struct controller *controller);
/*
 * Completes what a list says of a container, and tells when its first process began. False: nothing
 * certain is known of its start.
 */
bool known_starts_complete(const struct controller *controller, struct docker_container *docker,
                           uint64_t *ret_process);
/* After the first list: who comes later is inspected. */
void known_starts_forget(struct controller *controller);

/* At the end: what is known of the instances' containers that run. */
void known_starts_save(struct controller *controller);

/*
 * For tests. The first: a line without its end, the caller's to free. The second: -1 when it is no
 * such line, and docker is as it was.
 */
char *known_start_to_line(const struct observed_container *container, uint64_t process);
int known_start_from_line(const char *line, struct docker_container *docker, uint64_t *ret_process);

#endif
