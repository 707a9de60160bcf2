#include "cli/command.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "cli/arguments.h"
#include "controller/run.h"
#include "reconcilers/ports.h"
#include "reconcilers/subnets.h"
#include "specs/quantity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum option_id {
    OPTION_CONFIG = 256,
    OPTION_POLICY,
    OPTION_PORTS,
    OPTION_PORT_QUARANTINE,
    OPTION_NETWORK_RANGE,
    OPTION_REPOSITORY_IMAGE,
    OPTION_ALLOW_HOST_PATH,
    OPTION_ENV_FILE_ROOT,
    OPTION_ALLOW_ENV,
    OPTION_GIT_FILE_ROOT,
    OPTION_GIT_KNOWN_HOSTS,
    OPTION_GIT_MAX_SIZE,
    OPTION_GIT_STALL,
    OPTION_TREES,
    OPTION_GIT_SCHEME,
    OPTION_GIT_PROXY,
    OPTION_DEVCONTAINER_IMAGE,
    OPTION_VERIFY_TASK_USER,
    OPTION_DISK_HIGH,
    OPTION_INODES_HIGH,
    OPTION_DISK_BUDGET,
    OPTION_ORPHAN_GRACE,
    OPTION_SCAN,
    OPTION_RELIST,
    OPTION_START_SLOTS,
    OPTION_POLL,
    OPTION_ONCE,
    OPTION_TIMEOUT,
    OPTION_DRY_RUN,
    OPTION_LOG_FORMAT,
};

struct run_flags {
    struct controller_options *options;
    const char *specs, *state, *status_dir;
    enum log_format log_format;
    enum log_level log_level;
};

static void replace_text(char **text, const char *value)
{
    free(*text);
    *text = xstrdup(value);
}

static int take_seconds(const char *flag, const char *text, unsigned *ret_seconds)
{
    int64_t ms;

    if (quantity_parse_duration(text, &ms) < 0 || ms < 1000 || ms > INT64_C(86400000)) {
        return usage_error("run", "--%s: \"%s\" is not a time such as 30s, at least 1s", flag,
                           text);
    }
    *ret_seconds = (unsigned)(ms / 1000);
    return 0;
}

static int take_percent(const char *flag, const char *text, unsigned *ret_percent)
{
    uint64_t number;

    if (parse_u64(text, &number) < 0 || number < 1 || number > 100) {
        return usage_error("run", "--%s: \"%s\" is not in 1..100", flag, text);
    }
    *ret_percent = (unsigned)number;
    return 0;
}

static int take_scheme(struct controller_options *options, const char *value)
{
    static const char *const schemes[] = {"https", "http", "ssh", "git", "file"};

    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
        if (strcmp(value, schemes[i]) == 0 && options->git_scheme_count < MAX_GIT_SCHEMES) {
            options->git_schemes[options->git_scheme_count++] = xstrdup(value);
            return 0;
        }
    }
    return usage_error("run", "--git-scheme: \"%s\" is none of https, http, ssh, git, file", value);
}

static int take_workspace_flag(struct controller_options *options, int id, const char *value)
{
    int64_t bytes;

    switch (id) {
    case OPTION_TREES:
        if (strcmp(value, "auto") != 0 && strcmp(value, "copy") != 0) {
            return usage_error("run", "--trees: \"%s\" is neither auto nor copy", value);
        }
        options->are_trees_copied = strcmp(value, "copy") == 0;
        return 0;
    case OPTION_GIT_SCHEME: return take_scheme(options, value);
    case OPTION_GIT_PROXY:
        if (strchr(value, '@') != NULL) { /* there may be a password before it */
            return usage_error("run", "--git-proxy: user and password cannot be part of it; write "
                                      "http://HOST:PORT");
        }
        if (strncmp(value, "http://", strlen("http://")) != 0) {
            return usage_error("run", "--git-proxy: \"%s\" is not http://HOST:PORT", value);
        }
        replace_text(&options->git_proxy, value);
        return 0;
    case OPTION_DEVCONTAINER_IMAGE:
        if (options->devcontainer_image_count == MAX_DEVCONTAINER_IMAGES) {
            return usage_error("run", "--devcontainer-image: at most %d", MAX_DEVCONTAINER_IMAGES);
        }
        options->devcontainer_images[options->devcontainer_image_count++] = xstrdup(value);
        return 0;
    case OPTION_VERIFY_TASK_USER: options->is_task_user_verified = true; return 0;
    case OPTION_DISK_HIGH: return take_percent("disk-high", value, &options->disk_high_percent);
    case OPTION_INODES_HIGH:
        return take_percent("inodes-high", value, &options->inode_high_percent);
    case OPTION_DISK_BUDGET:
        if (quantity_parse_bytes(value, &bytes) < 0 || bytes <= 0) {
            return usage_error("run", "--disk-budget: \"%s\" is not a size such as 50Gi", value);
        }
        options->disk_budget_bytes = (uint64_t)bytes;
        return 0;
    default: return usage_error("run", "unknown option");
    }
}

static int take_policy_flag(struct controller_options *options, int id, const char *value)
{
    uint64_t number;
    int64_t bytes;

    switch (id) {
    case OPTION_ALLOW_HOST_PATH:
        if (options->host_path_root_count == MAX_HOST_PATH_ROOTS) {
            return usage_error("run", "--allow-host-path: at most %d", MAX_HOST_PATH_ROOTS);
        }
        options->host_path_roots[options->host_path_root_count++] = path_absolute(value);
        return 0;
    case OPTION_ENV_FILE_ROOT:
        if (options->env_file_root_count == MAX_ENV_FILE_ROOTS) {
            return usage_error("run", "--env-file-root: at most %d", MAX_ENV_FILE_ROOTS);
        }
        options->env_file_roots[options->env_file_root_count++] = path_absolute(value);
        return 0;
    case OPTION_ALLOW_ENV:
        if (options->allowed_env_count == MAX_ALLOWED_ENV || value[0] == '\0') {
            return usage_error("run", "--allow-env: a name, at most %d times", MAX_ALLOWED_ENV);
        }
        options->allowed_env[options->allowed_env_count++] = xstrdup(value);
        return 0;
    case OPTION_GIT_FILE_ROOT:
        free(options->git_file_root);
        options->git_file_root = path_absolute(value);
        return 0;
    case OPTION_GIT_KNOWN_HOSTS:
        free(options->git_known_hosts);
        options->git_known_hosts = path_absolute(value);
        return 0;
    case OPTION_GIT_MAX_SIZE:
        if (quantity_parse_bytes(value, &bytes) < 0 || bytes <= 0) {
            return usage_error("run", "--git-max-size: \"%s\" is not a size such as 8Gi", value);
        }
        options->git_max_bytes = (uint64_t)bytes;
        return 0;
    case OPTION_GIT_STALL:
        return take_seconds("git-stall-timeout", value, &options->git_stall_seconds);
    case OPTION_PORT_QUARANTINE:
        return take_seconds("port-quarantine", value, &options->port_quarantine_seconds);
    case OPTION_TIMEOUT: return take_seconds("timeout", value, &options->once_timeout_seconds);
    case OPTION_ORPHAN_GRACE:
        return take_seconds("orphan-grace", value, &options->orphan_grace_seconds);
    case OPTION_SCAN: return take_seconds("scan-interval", value, &options->scan_seconds);
    case OPTION_RELIST: return take_seconds("relist-interval", value, &options->relist_seconds);
    case OPTION_START_SLOTS:
        if (parse_u64(value, &number) < 0 || number < 1 || number > 64) {
            return usage_error("run", "--start-slots: \"%s\" is not in 1..64", value);
        }
        options->start_slots = (unsigned)number;
        return 0;
    default: return take_workspace_flag(options, id, value);
    }
}

static int take_flag(struct run_flags *flags, int id, const char *value)
{
    struct controller_options *options = flags->options;

    switch (id) {
    case OPTION_SPECS: flags->specs = value; return 0;
    case OPTION_STATE: flags->state = value; return 0;
    case OPTION_STATUS_DIR: flags->status_dir = value; return 0;
    case OPTION_ENGINE: replace_text(&options->engine, value); return 0;
    case OPTION_CONFIG:
        free(options->config_file);
        options->config_file = path_absolute(value);
        return 0;
    case OPTION_POLICY:
        free(options->policy_file);
        options->policy_file = path_absolute(value);
        return 0;
    case OPTION_PORTS: replace_text(&options->ports, value); return 0;
    case OPTION_NETWORK_RANGE: replace_text(&options->network_range, value); return 0;
    case OPTION_REPOSITORY_IMAGE: replace_text(&options->repository_image, value); return 0;
    case OPTION_POLL: options->is_polling = true; return 0;
    case OPTION_ONCE: options->is_once = true; return 0;
    case OPTION_DRY_RUN: options->is_dry_run = true; return 0;
    case OPTION_LOG_FORMAT:
        if (strcmp(value, "text") != 0 && strcmp(value, "json") != 0) {
            return usage_error("run", "--log-format: \"%s\" is neither text nor json", value);
        }
        flags->log_format = strcmp(value, "json") == 0 ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
        return 0;
    case 'v': flags->log_level = LOG_DEBUG; return 0;
    default: return take_policy_flag(options, id, value);
    }
}

static int take_flags(struct run_flags *flags, struct arguments *args)
{
    int id;

    while ((id = arguments_next(args)) > 0) {
        if (take_flag(flags, id, args->value) != 0) {
            args->exit_code = EXIT_BAD_USAGE;
            return -1;
        }
    }
    return id < 0 ? -1 : arguments_count(args, 0, 0, NULL);
}

void controller_options_done(struct controller_options *options)
{
    for (size_t i = 0; i < options->host_path_root_count; i++) {
        free(options->host_path_roots[i]);
    }
    for (size_t i = 0; i < options->env_file_root_count; i++) {
        free(options->env_file_roots[i]);
    }
    for (size_t i = 0; i < options->allowed_env_count; i++) {
        free(options->allowed_env[i]);
    }
    free(options->specs_dir);
    free(options->state_dir);
    free(options->status_dir);
    free(options->engine);
    free(options->config_file);
    free(options->policy_file);
    free(options->ports);
    free(options->network_range);
    free(options->repository_image);
    for (size_t i = 0; i < options->devcontainer_image_count; i++) {
        free(options->devcontainer_images[i]);
    }
    for (size_t i = 0; i < options->git_scheme_count; i++) {
        free(options->git_schemes[i]);
    }
    free(options->git_proxy);
    free(options->git_file_root);
    free(options->git_known_hosts);
    free(options->program);
}

/* The path of this very binary, for children; /proc/self/exe would be theirs. */
static char *own_program(const char *argv0)
{
    char path[4096];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

    if (len <= 0) {
        return xstrdup(argv0);
    }
    path[len] = '\0';
    return xstrdup(path);
}

/* Where ssh looks for host keys too: the user's file, else the machine's. */
static char *default_known_hosts(void)
{
    const char *home = getenv("HOME");
    auto_free char *own = home != NULL ? path_join(home, ".ssh/known_hosts") : NULL;

    if (own != NULL && path_exists(own)) {
        return xstrdup(own);
    }
    return path_exists("/etc/ssh/ssh_known_hosts") ? xstrdup("/etc/ssh/ssh_known_hosts") : NULL;
}

static int cmd_run(int argc, char **argv)
{
    auto_done(controller_options) options = {
        .repository_image = xstrdup(DEFAULT_REPOSITORY_IMAGE),
        .scan_seconds = 30,
        .relist_seconds = 60,
        .once_timeout_seconds = 600,
        .orphan_grace_seconds = 300,
        .port_quarantine_seconds = PORT_QUARANTINE_MS / 1000,
        .git_stall_seconds = 60,
        .git_max_bytes = UINT64_C(8) << 30,
        .disk_high_percent = 85,
        .inode_high_percent = 70,
    };
    struct run_flags flags = {.options = &options, .log_level = LOG_INFO};
    struct arguments args;

    arguments_init(&args, &command_run, argc, argv);
    if (take_flags(&flags, &args) < 0) {
        return args.exit_code;
    }
    options.specs_dir = directory_option(flags.specs, "BERTH_SPECS", DEFAULT_SPECS_DIR);
    options.state_dir = directory_option(flags.state, "BERTH_STATE", DEFAULT_STATE_DIR);
    options.status_dir =
        flags.status_dir != NULL ? path_absolute(flags.status_dir) : xstrdup(options.specs_dir);
    if (options.git_known_hosts == NULL) {
        options.git_known_hosts = default_known_hosts();
    }
    options.program = own_program("berth");
    if (options.is_dry_run && flags.log_level == LOG_INFO) {
        flags.log_level = LOG_WARN;
    }
    log_configure(flags.log_format, flags.log_level);
    return controller_run(&options);
}

const struct command command_run = {
    .name = "run",
    .run = cmd_run,
    .summary = "run the controller",
    .group = GROUP_OPERATING,
    .description = "Watches a directory of specs and keeps the containers of this host as they "
                   "say. SIGTERM ends it and "
                   "leaves the containers running; SIGHUP reads --config and --policy and looks at "
                   "everything again.",
    .options =
        (const struct command_option[]){
            {OPTION_SPECS, "specs", "DIR",
             "directory with the specs (BERTH_SPECS, " DEFAULT_SPECS_DIR ")", COMPLETE_DIRECTORIES},
            {OPTION_STATE, "state", "DIR",
             "what must outlive the controller (BERTH_STATE, " DEFAULT_STATE_DIR ")",
             COMPLETE_DIRECTORIES},
            {OPTION_STATUS_DIR, "status-dir", "DIR",
             "write status files there, not beside the specs", COMPLETE_DIRECTORIES},
            {OPTION_ENGINE, "engine", "URL",
             "unix:///path or tcp://host:port (DOCKER_HOST, default socket); TLS by "
             "DOCKER_TLS_VERIFY and DOCKER_CERT_PATH",
             COMPLETE_NOTHING},
            {OPTION_CONFIG, "config", "FILE",
             "YAML with ports and networkRange; read again at SIGHUP", COMPLETE_FILES},
            {OPTION_POLICY, "policy", "FILE",
             "YAML that says what specs may ask for; read again at SIGHUP", COMPLETE_FILES},
            {OPTION_PORTS, "ports", "RANGES",
             "host ports to lease (" DEFAULT_PORTS "), such as 20000-29999,31000",
             COMPLETE_NOTHING},
            {OPTION_NETWORK_RANGE, "network-range", "CIDR",
             "subnets of zones' networks are taken from it (" DEFAULT_NETWORK_RANGE
             "); none: the engine chooses",
             COMPLETE_NOTHING},
            {OPTION_PORT_QUARANTINE, "port-quarantine", "TIME",
             "leave a port that something else uses alone for so long (60s)", COMPLETE_NOTHING},
            {OPTION_REPOSITORY_IMAGE, "repository-image", "IMAGE",
             "for repositories that name none (" DEFAULT_REPOSITORY_IMAGE ")", COMPLETE_NOTHING},
            {OPTION_ALLOW_HOST_PATH, "allow-host-path", "DIR",
             "hostPath volumes may mount what is below it (repeatable)", COMPLETE_DIRECTORIES},
            {OPTION_ENV_FILE_ROOT, "env-file-root", "DIR",
             "valueFrom.file may read what is below it (repeatable)", COMPLETE_DIRECTORIES},
            {OPTION_ALLOW_ENV, "allow-env", "NAME",
             "valueFrom.env may take this variable of the controller's; NAME* is a prefix "
             "(repeatable)",
             COMPLETE_NOTHING},
            {OPTION_GIT_FILE_ROOT, "git-file-root", "DIR", "file:// repositories must be below it",
             COMPLETE_DIRECTORIES},
            {OPTION_GIT_KNOWN_HOSTS, "git-known-hosts", "FILE",
             "host keys for ssh (~/.ssh/known_hosts, /etc/ssh/ssh_known_hosts)", COMPLETE_FILES},
            {OPTION_GIT_MAX_SIZE, "git-max-size", "SIZE", "ceiling of a clone (8Gi)",
             COMPLETE_NOTHING},
            {OPTION_GIT_STALL, "git-stall-timeout", "TIME",
             "give up a clone without any byte for so long (60s)", COMPLETE_NOTHING},
            {OPTION_TREES, "trees", "auto|copy",
             "copy: working trees are copies also where overlays could be had (auto)",
             COMPLETE_WORDS},
            {OPTION_GIT_SCHEME, "git-scheme", "SCHEME",
             "https, http, ssh, git or file: allow only these (repeatable; all, file below "
             "--git-file-root only)",
             COMPLETE_NOTHING},
            {OPTION_GIT_PROXY, "git-proxy", "URL", "http://HOST:PORT, for http and https",
             COMPLETE_NOTHING},
            {OPTION_DEVCONTAINER_IMAGE, "devcontainer-image", "PATTERN",
             "a repository's devcontainer.json may name such an image (repeatable; without it such "
             "files are not looked at)",
             COMPLETE_NOTHING},
            {OPTION_VERIFY_TASK_USER, "verify-task-user", NULL,
             "spec.user of a task must be the owner of its file (root may name anyone)",
             COMPLETE_NOTHING},
            {OPTION_DISK_HIGH, "disk-high", "PERCENT",
             "begin nothing new, and clean up, when the disk is fuller (85)", COMPLETE_NOTHING},
            {OPTION_INODES_HIGH, "inodes-high", "PERCENT", "the same for its inodes (70)",
             COMPLETE_NOTHING},
            {OPTION_DISK_BUDGET, "disk-budget", "SIZE",
             "ceiling of mirrors and working trees together (none)", COMPLETE_NOTHING},
            {OPTION_ORPHAN_GRACE, "orphan-grace", "TIME",
             "remove containers of ours without a spec after it (5m)", COMPLETE_NOTHING},
            {OPTION_SCAN, "scan-interval", "TIME", "full scan of the spec directory (30s)",
             COMPLETE_NOTHING},
            {OPTION_RELIST, "relist-interval", "TIME", "relist of the engine (60s)",
             COMPLETE_NOTHING},
            {OPTION_START_SLOTS, "start-slots", "N",
             "containers started at once (2 per processor, at most 8)", COMPLETE_NOTHING},
            {OPTION_POLL, "poll", NULL, "do not use inotify", COMPLETE_NOTHING},
            {OPTION_ONCE, "once", NULL,
             "converge and exit: 0 all is well, 1 something is Invalid, Stalled or Failed (named "
             "on stderr), 2 usage, 3 no engine",
             COMPLETE_NOTHING},
            {OPTION_TIMEOUT, "timeout", "TIME",
             "with --once: what is not well by then counts as failed (10m)", COMPLETE_NOTHING},
            {OPTION_DRY_RUN, "dry-run", NULL,
             "print what would be done, with causes; change nothing", COMPLETE_NOTHING},
            {OPTION_LOG_FORMAT, "log-format", "text|json", "on stderr", COMPLETE_WORDS},
            {'v', "verbose", NULL, "log debug lines", COMPLETE_NOTHING},
            END_OF_OPTIONS,
        },
    .exit_codes = "of --once: 0 all is well; 1 something is Invalid, Stalled or Failed, or not "
                  "well in time; 2 usage; 3 no engine",
    .examples = "berth run --specs ./specs --state ./state --once",
};
