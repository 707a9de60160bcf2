/*
 * What the sources of the world of tests share; the manual is work_world.h.
 */
#ifndef BERTH_TESTS_WORK_WORLD_PARTS_H
#define BERTH_TESTS_WORK_WORLD_PARTS_H

#include "tests/unit/work_world.h"

extern bool world_is_traced;

/*
 * work_world_rules.c: who needs what, as the controller counts; and what must hold after each pass
 */
bool world_is_active(const struct work_task *task);
bool world_is_held(const struct work_task *task);
bool world_is_in_it(const struct work_task *task);
unsigned world_active_tasks(const struct work_world *world);
unsigned world_running_tasks(const struct work_world *world);
bool world_is_warm(const struct work_world *world);
bool world_is_in_use(const struct work_world *world);
const char *world_tree_of(const struct work_task *task);
bool world_works_in(const struct work_task *task, const char *tree);
bool world_has_port(const struct work_task *task, uint16_t number);
int64_t world_least_retain_ms(const struct work_world *world);
void world_check_removal(struct work_world *world, const struct plan_model *model,
                         const char *name);
void world_take(struct work_world *world, struct plan_model *model, struct object_status *status,
                const struct plan *plan);

/* work_world_pass.c: mirror, container and setup */
int64_t world_begins_at(const struct work_task *task);
void world_find_source(const struct work_world *world, const struct revision *revision,
                       int64_t since_wall_ms, struct source *ret);
void world_find_default_source(const struct work_world *world, struct source *ret);
void world_observe_trees(struct work_world *world);
bool world_is_prepared(const struct work_world *world);
void world_pass_mirror(struct work_world *world);
void world_pass_repository(struct work_world *world);
void world_pass_setup(struct work_world *world);

/* work_world_task.c: tasks */
void world_pass_task(struct work_world *world, struct work_task *task);
void world_expire_trees(struct work_world *world);

#endif
