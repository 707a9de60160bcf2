/*
 * What `berth run` was asked to do.
 */
#ifndef BERTH_CONTROLLER_OPTIONS_H
#define BERTH_CONTROLLER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEFAULT_SPECS_DIR "/etc/berth/specs"
#define DEFAULT_STATE_DIR "/var/lib/berth"
#define DEFAULT_PORTS "20000-29999"
#define DEFAULT_REPOSITORY_IMAGE "buildpack-deps:bookworm-scm"

/* One for each row of settings.def: SETTING_SPECS ... */
enum setting_id {
#define SETTING(id, ...) SETTING_##id,
#include "controller/settings.def"
#undef SETTING
    SETTING_COUNT
};

struct option_list {
    char **items;
    size_t count;
};

struct dry_run;

enum trees_wish { TREES_WISH_AUTO, TREES_WISH_COPY };

/* Texts and lists are owned. */
struct controller_options {
    bool
        is_given[SETTING_COUNT]; /* by flag or environment: the configuration file does not count */
    char *specs_dir;             /* absolute */
    char *state_dir;             /* absolute */
    char *status_dir;            /* absolute; the same as specs_dir unless --status-dir was given */
    char *engine;                /* NULL: DOCKER_HOST or the default socket */
    char *config_file;           /* absolute; NULL: none */
    char *policy_file;           /* the same */
    char *profile_trace_file;    /* the same; controller/profile_trace.h */
    char *ports;
    char *network_range; /* see reconcilers/subnets.h */
    char *repository_image;
    char *git_known_hosts;          /* for ssh; NULL: none, so every host is refused */
    struct option_list git_schemes; /* that URLs of repositories may begin with; none: all */
    char *git_proxy;                /* for http and https; NULL: none is used */
    char *git_file_root;            /* NULL: no file:// repositories */
    char *program;                  /* path of our own binary, for children */
    struct option_list host_path_roots;
    struct option_list env_file_roots; /* valueFrom.file must be below one; absolute */
    struct option_list allowed_env;    /* valueFrom.env: names, or prefixes that end with "*" */
    /* Patterns of fnmatch(3) that a repository's own file may name; none: it is not looked at. */
    struct option_list devcontainer_images;
    unsigned trees;             /* enum trees_wish: copies also where they could be overlays */
    bool is_task_user_verified; /* spec.user of a task must be the owner of its file */
    unsigned disk_high_percent, inode_high_percent; /* from then on nothing new is begun */
    uint64_t disk_budget_bytes;                     /* of mirrors and trees together; 0: none */
    bool is_once;
    bool is_dry_run;
    struct dry_run *dry_run; /* is_dry_run: takes what it finds (dry_run.h); NULL: it is printed */
    bool is_polling;         /* no inotify, even where it could be had */
    bool is_verbose;         /* debug lines in the log */
    unsigned log_format;     /* enum log_format */
    unsigned scan_seconds;   /* full scan of the spec directory */
    unsigned relist_seconds; /* relist of the engine */
    unsigned once_timeout_seconds; /* is_once: give up after it */
    unsigned orphan_grace_seconds;
    /* a port that something else uses is left alone for so long */
    unsigned port_quarantine_seconds;
    unsigned git_stall_seconds;
    uint64_t git_max_bytes;
    unsigned start_slots; /* 0: as many as the engine is measured to like */
};

/* The exit codes of `berth run`, and of --once. */
enum {
    EXIT_CONVERGED = 0,
    EXIT_NOT_CONVERGED = 1,
    EXIT_USAGE = 2,
    EXIT_NO_ENGINE = 3,
};

void controller_options_done(struct controller_options *options);

#endif
