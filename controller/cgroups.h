/*
 * The cgroups of instances on this machine: whether Berth may make them, making, looking at and
 * removing them.
 *
 * reconcilers/capacity.h says what they are for. With the engine's cgroupfs driver they are
 * directories "berth/<6 of the controller's id>/<instance>", written at once; with the systemd
 * driver they are slices, made by systemctl in a child process. Nothing outside our own level is
 * ever touched, and only what is empty is removed.
 */
#ifndef BERTH_CONTROLLER_CGROUPS_H
#define BERTH_CONTROLLER_CGROUPS_H

#include "clients/docker_types.h"
#include "reconcilers/observed.h"
#include "reconcilers/workload.h"
#include "reconcilers/world.h"

#include <uv.h>

struct cgroups;
struct cgroup_work;

/* Where things are; NULL: where they are on a machine. Borrowed for the life of the cgroups. */
struct cgroups_options {
    const char *root;      /* /sys/fs/cgroup */
    const char *systemd;   /* /run/systemd */
    const char *systemctl; /* found by PATH */
};

struct cgroups *cgroups_new(uv_loop_t *loop, const char *controller_id,
                            const struct cgroups_options *options);
void cgroups_close(struct cgroups *cgroups); /* accepts NULL; nobody is called back any more */

/* Decides by what means capacity is enforced on this engine. Writes nothing. */
void cgroups_take_engine(struct cgroups *cgroups, const struct docker_host *host, bool is_local);

/* Of the engine that was taken last. Its texts live until another is taken. */
const struct capacity *cgroups_capacity(const struct cgroups *cgroups);

/*
 * The failure in it lives until the next cgroups_limit() for the instance. container_id NULL: there
 * is none.
 */
void cgroups_observe(const struct cgroups *cgroups, const char *instance, const char *container_id,
                     struct observed_machine *ret_machine);

/*
 * Makes the instance's cgroup with these limits, whose name is the instance's. on_done is called
 * once, with NULL when it has them, from within where that takes no child process: then NULL is
 * returned. A failure is remembered for cgroups_observe().
 */
typedef void cgroups_done_fn(void *user, const struct error *err);
struct cgroup_work *cgroups_limit(struct cgroups *cgroups, const struct machine_limits *limits,
                                  cgroups_done_fn *on_done, void *user);
void cgroup_work_forget(struct cgroup_work *work); /* it goes on, but nobody is called back */

/*
 * Processes and threads in the instance's cgroup, and how many there may be; max 0: no limit is
 * known.
 */
void cgroups_pids(const struct cgroups *cgroups, const char *instance, uint64_t *ret_current,
                  uint64_t *ret_max);

/* Removes those of instances that are not wanted, as far as nothing is in them. */
void cgroups_sweep(struct cgroups *cgroups, bool (*is_wanted)(void *user, const char *instance),
                   void *user);

#endif
