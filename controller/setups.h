/*
 * Setups as entries: one beside each repository container whose settings have a setup command. Key
 * "Setup/<container>". Long runs of it so never keep the container from being looked after.
 */
#ifndef BERTH_CONTROLLER_SETUPS_H
#define BERTH_CONTROLLER_SETUPS_H

#include "controller/controller.h"

struct setup_entry {
    char *repository_key;
    char *run;        /* id of the run for the wish at hand, or NULL */
    unsigned attempt; /* its newest; 0: none */
    struct observed_attempt observed;
    char *message;       /* the observed one's */
    bool is_told_to_end; /* while it runs: the spec says another command */
};

void setup_free(struct setup_entry *setup);

/* Made when the settings have a setup and there is none yet. */
void setup_sync(struct entry *repository);
struct entry *setup_repository(const struct entry *setup); /* NULL: it is gone */

/* What the setup of a task's commit means to it. layer: its key, in storage of the caller's. */
struct task_setup setup_of_commit(const struct entry *repository, const char *commit,
                                  char layer[SETUP_KEY_SIZE]);

/*
 * The image that the next container should be made from, and whether the engine has it. reference:
 * the caller's to free.
 */
char *setup_image(const struct entry *repository, struct observed_image *ret_image);

/* True while the run at hand, or one that is about to begin, has this tree. */
bool setup_needs_tree(const struct entry *repository, const char *tree);

/* True while its command runs, or is about to. */
bool setup_is_running(const struct entry *repository);

/*
 * Fills in all but the plan's own things. wishes: room for all tasks of it and one more; texts in
 * the arena.
 */
void setup_fill_input(struct entry *setup, struct setup_input *input, struct setup_wish *wishes,
                      struct arena *arena);

/* It has run in this container. */
void setup_note_success(struct entry *repository, const char *commit);

/* Looks at the newest attempt of the run at hand. */
void setup_observe(struct entry *setup);

#endif
