/*
 * The controller: one loop that compares what the files want with what the engine has, and keeps
 * converging.
 *
 * Reading order: the structs here; controller.c (start, stop, end of a turn); desired.c (files to
 * entries); observe.c (engine to facts); pass.c (one reconcile of one key); apply.c and apply_*.c
 * (a plan becomes engine calls); status_files.c and status_compose.c.
 *
 * Everything is keyed: "Instance/web", "Task/fix-7", "RepositoryContainer/repo-org-project-1a2b3c",
 * and what belongs to that, "Mirror/repo-..." (mirrors.h) and "Setup/repo-..." (setups.h). Events
 * only name a key to look at. Per key at most one pass or plan is under way; a key touched
 * meanwhile runs again.
 */
#ifndef BERTH_CONTROLLER_CONTROLLER_H
#define BERTH_CONTROLLER_CONTROLLER_H

#include "base/clock_watch.h"
#include "base/map.h"
#include "base/strbuf.h"
#include "controller/engine.h"
#include "controller/git_worker.h"
#include "controller/notify.h"
#include "controller/options.h"
#include "controller/spec_scan.h"
#include "controller/spec_watch.h"
#include "controller/state_dir.h"
#include "controller/tree_worker.h"
#include "controller/values.h"
#include "controller/work_slots.h"
#include "reconcilers/observed.h"
#include "reconcilers/plan.h"
#include "reconcilers/ports.h"
#include "reconcilers/repository.h"
#include "reconcilers/setup.h"
#include "reconcilers/subnets.h"
#include "reconcilers/task.h"
#include "reconcilers/world.h"
#include "specs/repo_url.h"
#include "specs/spec_set.h"
#include "specs/status.h"

#include <uv.h>

struct controller;
struct plan_run;
struct prober;
struct entry_probes;
struct event_hearing;
struct inspection;

enum entry_kind {
    ENTRY_INSTANCE,
    ENTRY_POOL,
    ENTRY_REPOSITORY,
    ENTRY_TASK,
    ENTRY_MIRROR,
    ENTRY_SETUP,
};

enum key_state { KEY_IDLE, KEY_QUEUED, KEY_RUNNING, KEY_RUNNING_AND_DIRTY };

/* What repository containers have beside other entries. */
struct repository_entry {
    struct entry *mirror; /* what its trees are made from; never NULL */
    char *branch;         /* isolation Branch: whose container it is; NULL: the repository's own */
    char *settings_name;  /* metadata.name of the Repository object whose status it has, or NULL */
    bool is_deleted;      /* the object was deleted, and no task came since */
    int64_t evicted_wall_ms;     /* since when it is to go before its time (disk.h); 0: it is not */
    struct observed_trees trees; /* its texts are the next */
    char *trees_path, *layers_path, *tasks_path, *trees_user, *trees_user_error;
    struct map tree_records; /* name -> struct tree_record (trees.h) */
    struct map tasks;        /* key -> entry of each task on it */
    struct entry *setup;     /* NULL: it never had one */
    char *prepared; /* "<container id> <setup_text_key()>": setup has run in that container */
    char *prepared_commit; /* of which commit it was */
    /* id of an exec that is no work of ours -> struct exec_entry (sessions.c) */
    struct map sessions;
    char *warm_pool;       /* the pool that keeps it up without tasks, or NULL */
    char *pool, *instance; /* where it is placed; NULL: unplaced */
    bool is_waiting;       /* for a place, without a task */
    bool is_displaced;     /* the instance it was on is no more; it moves when somebody wants it */
};

/* What pools have beside other entries. */
struct pool_entry {
    struct map members; /* key -> entry */
    unsigned waiting_tasks, waiting_repositories,
        waiting_members;  /* that a new member would take */
    bool is_load_unknown; /* members came or changed, and placement has not looked at them yet */
};

/* What instances have that are members of a pool. */
struct member {
    struct entry *pool; /* NULL: a hand-written instance */
    unsigned number;
    bool is_let_go;   /* it may be made anew from the present template */
    bool is_draining; /* it gets nothing new */
    bool is_leaving;  /* it goes, and comes back no more */
    unsigned active_tasks, repositories, warm_repositories; /* placed on it */
    int64_t created_wall_ms; /* when it became a member, whatever became of its container since */
    int64_t failed_wall_ms;  /* since when it counts as failed; 0: it does not */
};

/* What tasks have beside other entries. */
struct task_entry {
    char *repository_key; /* of its container, or NULL */
    char *mirror_key;     /* the same of its mirror */
    char *owner;          /* of its spec file, where that matters (task_owner.h) */
    int64_t ttl_ms;       /* how long its tree and log are kept when it is over */
    /* when it got its place, as far as this controller knows; 0: not yet */
    int64_t admitted_wall_ms;
    char *refusal_reason, *refusal;
    struct task_admission *admission; /* NULL: not decided yet; its texts are owned */
    struct observed_attempt attempt;  /* its message is the next */
    char *attempt_message;
    bool is_watched; /* the kernel tells of new records */
};

/* One thing that passes are about. */
struct entry {
    struct controller *controller;
    char *key, *name;
    struct object *desired;       /* the version in force; NULL: gone */
    struct object *departed;      /* the version that was in force last, while there is none */
    struct object_status *status; /* of the last pass, or read back from the file; never NULL */
    struct entry *next_in_queue;
    struct plan_run *run;   /* under way, or NULL */
    uv_timer_t *timer;      /* wakes the key; NULL: nothing is waited for */
    uint64_t sequence;      /* order of arrival */
    uint64_t changed_at_ms; /* when the version in force came, or the last one went */
    int64_t start_wall_ms;  /* its container was started while its plan ran: then; 0: it was not */
    enum entry_kind kind;
    enum key_state state;
    bool is_touched; /* something happened to its container while its plan was looking at it */
    bool is_passed;  /* has had a pass: its status is not only remembered */
    bool is_removed; /* forgotten; memory goes when the timer has closed */
    /*
     * What the status file said at the start: stands until the first pass. Of instances and tasks,
     * which are many, as text among the controller's: nothing is looked up in it.
     */
    json_t *remembered;
    size_t remembered_at; /* 1 + where in them it begins; 0: there is none */

    struct {
        unsigned count, conflicts;
        bool is_permanent;
        char *reason, *message;
        int64_t at_wall_ms;
        char hash[HASH_SIZE]; /* of the spec that failed: another one starts afresh */
    } failure;

    struct entry_values *values; /* what its last pass saw of env's values, or NULL */

    struct repository_entry *repository; /* ENTRY_REPOSITORY */
    struct mirror_entry *mirror;         /* ENTRY_MIRROR (mirrors.h) */
    struct setup_entry *setup;           /* ENTRY_SETUP (setups.h) */
    struct entry_probes *probes;         /* ENTRY_INSTANCE; NULL: it has none (probes.h) */
    struct pool_entry *pool;             /* ENTRY_POOL */
    struct member member;                /* ENTRY_INSTANCE */

    struct task_entry *task; /* ENTRY_TASK */
};

/* An image as it was seen last. */
struct image_entry {
    struct controller *controller;
    struct engine_call *call;
    char *reference;
    enum image_state state;
    char *id, *user;
    bool has_command;
};

struct condition_memory {
    const char *status; /* "True"; NULL: not told yet */
    int64_t since_wall_ms;
};

/* What the heartbeat keeps between two writes. */
struct heartbeat_memory {
    json_t *ports; /* use of the ranges, of the table's version below */
    struct port_usage usage;
    uint64_t ports_version;
    struct condition_memory pressure, config, policy, state, statuses;
};

/* What could not be written (unwritten.c); the state directory keeps its own. */
struct unwritten {
    struct map statuses; /* spec files whose status is not on disk */
    char *status_error;  /* why; NULL: there are none */
    bool is_probe_due;   /* how trees can be made could not be tried */
    bool is_state_told, is_status_told, is_other_told;
};

struct controller {
    struct controller_options options;
    uv_loop_t loop;
    struct state_dir state;
    struct engine *engine;
    struct git_pool *git;
    struct tree_pool *trees;
    struct trash *trash; /* of folders of the state directory */
    struct {
        enum trees_method method; /* TREES_UNKNOWN until it was tried */
        char *message;            /* why not overlay */
        bool is_asked;            /* it is being tried */
        unsigned deaths;          /* of children that tried it, without an answer */
    } trees_means;
    char *disk_pressure;         /* why nothing new may be begun, or NULL */
    struct collector *collector; /* disk.h */
    uv_timer_t retired_timer;    /* when the next thing that was kept goes */
    struct cgroups *cgroups;

    struct spec_set *specs;
    struct known_starts *known_starts; /* of the controller before; NULL: none, or not any more */
    struct spec_scan scan;
    struct spec_watch *watch;
    bool is_scanned;  /* the spec directory was read at least once */
    char *scan_error; /* why it cannot be read now, or NULL */
    bool has_doubts;  /* it was told that a directory may only be unmounted */

    struct map entries;      /* key -> struct entry */
    struct map repositories; /* name of a Repository object -> its container's entry */
    struct entry *queue_first, *queue_last;
    size_t queue_length;
    uint64_t next_sequence;
    unsigned runs; /* plans under way */
    bool has_run;  /* a plan, since memory was given back */

    /* name -> struct observed_container: ours, and foreign ones under names we want */
    struct map containers;
    struct map released;  /* id of a container that was given up (released.h) -> the controller */
    struct map releasing; /* name of an instance whose container is to be given up, likewise */
    struct map networks;  /* name -> struct observed_network: ours */
    struct map images;    /* reference -> struct image_entry */
    struct map container_ids; /* id -> the same of the containers above */
    struct map inspections;   /* name -> struct inspection: under way, or in the row below */
    struct inspection *inspections_first, *inspections_last;
    unsigned inspections_sent;
    struct engine_call *list_call;
    uint64_t list_number;   /* of lists of containers that came */
    bool is_start_over_due; /* what the first list caused is done with the next quiet turn */
    bool is_listing;        /* listed for the first time, and some are still looked at */
    bool is_listed;        /* the facts are complete since the connection came up: passes may run */
    uint64_t listed_at_ms; /* when they were that */

    struct {
        json_t *errors;        /* of the configuration file as it was read last; NULL: no file */
        json_t *needs_restart; /* keys that it changed and that are not in force; NULL: none */
        struct controller_options *retired; /* what was in force: freed at the end */
        size_t retired_count, retired_capacity;
    } config;
    struct policy *policy; /* of --policy, in force; NULL: there is none */
    json_t *policy_errors; /* of the file as it was read last; NULL: no file */
    struct port_table ports;
    struct subnet network_range;
    struct value_key value_key;
    struct plan_run *waiting_for_leases; /* until the leases are on disk */
    struct work_slots starts, stops;     /* see apply_turn.c */
    struct prober *prober;               /* NULL until there is a probe */
    struct map shared;  /* what is done for many plans at once: "image x" -> struct shared_work */
    struct map orphans; /* container name -> when it was first seen without an owner, int64_t */
    char *idle_image;
    bool is_placing_due; /* something changed that placement depends on */
    bool has_placed;     /* it was decided once: until then nobody knows where repositories are */

    struct map unsaved_good;     /* spec files with a good version that is to be kept */
    struct map dirty_files;      /* spec files whose status must be written */
    struct map late_files;       /* the same, but a little later: they are large */
    struct map written_statuses; /* spec file -> what was written last (status_files.c) */
    /* spec file -> documents of its status file as this controller found it */
    struct map remembered;
    /*
     * What entries remember, each with a NUL behind it; one piece, so that nothing is left of it
     * between what stays when the last one is forgotten.
     */
    struct strbuf remembered_texts;
    size_t remembered_count;
    struct unwritten unwritten;
    struct id_copy id_copy;
    struct event_hearing *events; /* events.h; NULL: nothing is written */

    struct clock_watch clock;
    uv_check_t on_awake;
    uv_prepare_t end_of_turn;
    uv_timer_t wake_timer; /* makes a turn happen */
    uv_timer_t scan_timer, rescan_timer, relist_timer, sweep_timer, heartbeat_timer, once_timer,
        deadline_timer, retry_timer, status_timer;
    uv_signal_t on_terminate, on_interrupt, on_hangup;
    int tasks_inotify;
    uv_poll_t tasks_poll;
    struct map task_watches; /* watch descriptor as text -> key of the task */

    int64_t started_wall_ms, last_pass_wall_ms;
    uint64_t pass_count, turn_count;
    char *heartbeat_text;              /* the facts that were written last */
    struct heartbeat_memory heartbeat; /* what they are made with */
    char *engine_error;                /* why the engine cannot be reached, or NULL */
    unsigned engine_failures;
    struct removal *removals;        /* what the sweeper has asked the engine to remove */
    struct engine_call *images_call; /* which images containers were kept as */
    bool is_stopping;
    int exit_code;
    struct notifier notifier; /* the service manager */
    uv_timer_t watchdog_timer;
};

/* desired.c: from files to entries */
void desired_scan(
    struct controller *controller); /* reads the directory and brings the entries up to date */
/*
 * The same where only these files have changed (spec_watch.h). False: the directory must be looked
 * at.
 */
bool desired_take_files(struct controller *controller, const struct map *names);
void desired_scan_at(struct controller *controller,
                     uint64_t now_ms); /* as if the monotonic clock said so */
struct entry *entry_find(struct controller *controller, const char *key);
struct entry *entry_of_container(struct controller *controller, const char *kind,
                                 const char *object);
void entry_remove(struct entry *entry);
/*
 * The entry of the object's own file: for a RepositoryContainer its Repository object's. NULL: it
 * has none.
 */
const struct spec_entry *entry_spec(const struct entry *entry);
/*
 * desired_repositories.c. The entry of the container of this repository, and branch (NULL: any),
 * made where there is none; NULL with err: no usable URL.
 */
struct entry *repository_entry_for(struct controller *controller, const char *url_text,
                                   const char *branch, struct error *err);
void desired_change_repository(struct controller *controller, const char *name,
                               const struct spec_entry *spec); /* spec NULL: gone */
void desired_load_repositories(struct controller *controller); /* what the state directory knows */
void desired_load_task_records(struct controller *controller); /* after the first scan */
void desired_relate_tasks(struct controller *controller);
struct entry *repository_of_task(const struct entry *task);
struct entry *mirror_of_task(const struct entry *task);
const struct object *repository_settings(const struct entry *repository);
/*
 * The same of the repository that a task is on, also before it has a container; NULL: it cannot be
 * told.
 */
const struct object *task_settings(const struct entry *task);
unsigned repository_active_tasks(const struct entry *repository);
/* Those that are in its container: what would end with it. */
unsigned repository_running_tasks(const struct entry *repository);
bool task_is_placed(const struct entry *task);

/* repository_state.c: repos/<container>/ in the state directory */
void repository_save(struct entry *entry);
void repository_load(struct entry *entry);
void repository_forget(struct entry *entry);
/*
 * Nothing while a repository, a mirror or a container has the directory, or anything is in it;
 * what an earlier controller did not get to take away goes too.
 */
void repository_remove_if_empty(struct controller *controller, const char *container);

/* good_specs.c */
void good_specs_mark(struct controller *controller, const struct spec_set_file *file);
void good_specs_flush(struct controller *controller); /* some of them; the rest in the next turns */
void good_specs_flush_all(struct controller *controller);
void good_specs_close(struct controller *controller);
void good_specs_forget(struct controller *controller, const char *file);
void good_specs_load(struct controller *controller); /* before the first scan */

/* retired.c: logs and trees of tasks whose spec is gone, when their time is up */
void retired_expire_soon(struct controller *controller);
void retired_on_timer(uv_timer_t *timer);
void retired_shift_times(struct controller *controller,
                         int64_t by_ms); /* the clock was set: clock_change.h */

/* sessions.c: who is in a repository's container beside tasks */
void sessions_observe(struct entry *repository, const struct docker_container *docker);
unsigned sessions_count(const struct entry *repository);
/* The engine has not said of each whether it is one. */
bool sessions_are_unheard(const struct entry *repository);
void sessions_ask_again(struct entry *repository); /* about those, unless it is being asked */
void sessions_forget(struct entry *repository);

/* controller.c: the queue */
void entry_enqueue(struct entry *entry);
void entry_wake_at(struct entry *entry, int64_t wall_ms);
void controller_enqueue_all(struct controller *controller);
void controller_wake(
    struct controller
        *controller); /* the queue is served at the end of this turn, even of an idle loop's */
void controller_stop(struct controller *controller, int exit_code);
void controller_fill_world(const struct controller *controller, struct world *world,
                           struct text_list *roots);

/* observe.c, observe_docker.c, observe_events.c: from the engine to facts */
void observe_list(struct controller *controller); /* containers and networks, then every pass */
void observe_list_soon(struct controller *controller);
void observe_container(struct controller *controller,
                       const char *name); /* inspect it, then its key's pass */
/* The same, unless all that happened is a start that was seen already. */
void observe_start(struct controller *controller, const char *name, int64_t start_wall_ms);
void observe_event(struct controller *controller, const struct docker_event *event);
void observe_lost(struct controller *controller); /* the connection is gone */
struct observed_image image_observed(const struct image_entry *image);
const struct image_entry *observe_image(struct controller *controller, const char *reference);
void observe_all_images_again(
    struct controller *controller); /* something happened to one of them */
void observe_close_images(struct controller *controller);
/* Asks for those that entries need. */
void observe_all_images(struct controller *controller);
void observe_image_changed(struct controller *controller, const char *reference);
/*
 * What an inspection by name gave: nothing, when the engine took the name for the beginning of
 * another container's id.
 */
void observe_take_inspection(struct controller *controller, const char *name,
                             const struct docker_container *docker);
void observe_set_container(struct controller *controller, const char *name,
                           struct observed_container *container);
struct observed_container *observed_from_docker(const struct controller *controller,
                                                const struct docker_container *docker);
void observe_attempt(struct entry *task); /* reads the records of a task's newest attempt */
/* One attempt's, below an open directory; *message, which the result borrows, is replaced. */
int observe_record(int tasks_fd, const char *id, unsigned number, struct observed_attempt *ret,
                   char **message, struct error *err);
void observe_watch_task(struct entry *task);
void observe_start_task_watch(struct controller *controller);
void observe_close(struct controller *controller);

/* observe_networks.c */
void networks_take_list(struct controller *controller, const json_t *list);
bool networks_take_own(struct controller *controller, const json_t *item); /* false: not ours */
void networks_put(struct controller *controller, const char *name, const char *id,
                  const char *subnet); /* subnet NULL: the engine's choice */
void networks_remove(struct controller *controller, const char *name);
void networks_on_event(struct controller *controller, const struct docker_event *event);
/*
 * Something that zones may have waited for is free: who failed for want of it tries again at once.
 */
void networks_retry_waiting(struct controller *controller);
void networks_close(struct controller *controller);

/* pass.c */
void pass_run(struct entry *entry);
/*
 * Dry run: the members that pools would have become entries like the others, and everybody who can
 * has a place.
 */
void pass_find_members(struct controller *controller);
/* Plans without applying and prints what would be done; returns the number of actions. */
size_t pass_dry_run(struct controller *controller);

/* apply.c */
void apply_plan(struct entry *entry, struct plan *plan); /* takes the plan */
/*
 * The spec changed or went: what only waits (a pull, a clone) is given up, so that the new version
 * has its turn.
 */
void apply_reconsider(struct entry *entry);
void apply_abandon(
    struct plan_run
        *run); /* without any callback; what the engine does with the last call is unknown */

/*
 * apply_workspace.c: a folder goes out of the way at once, and a child empties it. Missing is
 * success. part: "git", "snap/<name>".
 */
int workspace_put_away(struct controller *controller, const char *container, const char *part,
                       struct error *err);
void workspace_remove_trash(void *user,
                            const char *name); /* user: the controller; name: an entry of repos/ */

/* sweep.c: orphans, unused networks, retired tasks */
void sweep_run(struct controller *controller);
void sweep_networks(struct controller *controller);

/* Asks the engine, and logs it; nothing while it was asked already. Takes the request. */
void sweep_remove(struct controller *controller, const char *what, const char *name,
                  struct docker_request *request);
void sweep_images(struct controller *controller); /* sweep_images.c: what containers were kept as */
void sweep_cgroups(struct controller *controller); /* apply_machine.c: of instances that are gone */

uint64_t sweep_period_ms(const struct controller *controller);
void sweep_close(struct controller *controller);

/* heartbeat.c: writes when something changed, and when it is due */
void heartbeat_write(struct controller *controller, bool is_due);
void heartbeat_shift_times(struct controller *controller,
                           int64_t by_ms); /* the wall clock was set */
void heartbeat_close(struct controller *controller);

/* service.c: what the service manager is told */
void service_open(struct controller *controller);
void service_ready(struct controller *controller);
void service_say(struct controller *controller); /* at the end of a turn */

/* config.c */
int config_load(struct controller *controller,
                struct error *err); /* ERROR_INVALID: it must not start */
void config_reload(
    struct controller *controller); /* an invalid file changes nothing, and is told */
/* controller.c: what config_reload() needs */
void controller_set_slots(struct controller *controller);
void controller_restart_timers(struct controller *controller); /* with the periods in force */
void config_close(struct controller *controller);

/* policy.c */
int policy_load(struct controller *controller,
                struct error *err); /* ERROR_INVALID: it must not start */
/*
 * An invalid file changes nothing, and is told; a good one holds for all that is made from now on.
 */
void policy_reload(struct controller *controller);
/* More may be allowed now: who failed for a refusal need not wait for another try. */
void policy_retry_refused(struct controller *controller);
void policy_close(struct controller *controller);

/* status_files.c */
void status_mark_entry(struct entry *entry);
void status_mark_file(struct controller *controller, const char *file);
void status_mark_departed(struct controller *controller); /* files that are there no more */
void status_look_for(struct controller *controller, const char *file); /* did somebody remove it? */
/*
 * Writes some of them; the rest in the next turns. Large ones are not written at every change, see
 * status_pause_ms().
 */
void status_flush(struct controller *controller);
void status_flush_all(struct controller *controller);                    /* large ones too */
bool status_is_written(struct controller *controller, const char *file); /* by this controller */
/*
 * What is known of an object is on disk now, before something goes that says the same. Kind
 * TRANSIENT: it cannot be written.
 */
int status_write_entry(struct entry *entry, struct error *err);
void status_close(struct controller *controller);

/* status_compose.c: the documents of a spec file's status. The caller's. */
json_t *status_compose(struct controller *controller, const char *file);

/* status_recall.c */
void status_remove_stale(
    struct controller *controller); /* of specs that went while no controller ran */
/*
 * What the file beside the spec said about an object before this controller started; NULL: nothing.
 * The caller's.
 */
struct object_status *status_remembered(struct controller *controller, const char *file,
                                        const char *kind, const char *name, json_t **ret_json);
struct object_status *status_recall(
    const json_t *json); /* "status" of such a document; nothing in it is to come */
void status_forget_remembered(struct controller *controller);

/* unwritten.c: full and read-only disks. Told once, tried again until it is on disk. */
void unwritten_check(struct controller *controller); /* at the end of a turn */
void unwritten_look(struct controller *controller);  /* whether the state directory is still ours */
void unwritten_note_status(struct controller *controller, const char *file,
                           const struct error *err); /* NULL: it is written */
void unwritten_hold_id(struct controller *controller);
void unwritten_close(struct controller *controller);

/* leases.c */
void leases_offer(
    struct controller *controller); /* who waits for a port looks again, if one was freed */
void leases_load(struct controller *controller);
void leases_save(struct controller *controller); /* and lets those go on that waited for it */
void leases_wait(struct controller *controller, struct plan_run *run,
                 void (*go_on)(struct plan_run *run));
void leases_stop_waiting(struct controller *controller, struct plan_run *run);

#endif
