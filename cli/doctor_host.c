#include "cli/doctor.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "clients/git_about.h"
#include "controller/options.h"
#include "controller/port_probe.h"
#include "reconcilers/ports.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What this machine and its kernel give, whatever the engine. */

enum {
    LANDLOCK_ABI_MIN = 2, /* files can be moved between directories (Linux 5.19) */
    WATCHES_MIN = 8192,
    MAX_LEASES_FILE = 16 << 20,
    MAX_DEPTH = 16, /* of the spec directory */
};

void doctor_check_permissions(struct doctor *doctor)
{
    if (geteuid() == 0) {
        doctor_say(doctor, DOCTOR_OK, "permissions", NULL, "root");
    } else {
        doctor_say(doctor, DOCTOR_WARN, "permissions", "run the controller as root",
                   "not root but uid %d: working trees are copies that belong to this user, git "
                   "runs as this user too, and machine types are not enforced",
                   (int)geteuid());
    }
}

static void check_state(struct doctor *doctor)
{
    if (!path_exists(doctor->state_dir)) {
        doctor_say(doctor, DOCTOR_OK, "state", NULL, "%s does not exist yet: berth run makes it",
                   doctor->state_dir);
    } else if (access(doctor->state_dir, W_OK | X_OK) < 0) {
        doctor_say(doctor, DOCTOR_FAIL, "state", "run as its owner, or name another one by --state",
                   "%s cannot be written: %s", doctor->state_dir, strerror(errno));
    } else {
        doctor_say(doctor, DOCTOR_OK, "state", NULL, "%s", doctor->state_dir);
    }
}

void doctor_check_directories(struct doctor *doctor)
{
    auto_close int fd = open(doctor->specs_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        doctor_say(doctor, DOCTOR_FAIL, "specs",
                   "make it, or name another one by --specs or BERTH_SPECS",
                   "%s cannot be read: %s", doctor->specs_dir, strerror(errno));
    } else if (access(doctor->specs_dir, W_OK) < 0) {
        doctor_say(doctor, DOCTOR_WARN, "specs", "berth run --status-dir DIR",
                   "%s cannot be written: status files have no place beside the specs",
                   doctor->specs_dir);
    } else {
        doctor_say(doctor, DOCTOR_OK, "specs", NULL, "%s", doctor->specs_dir);
    }
    check_state(doctor);
}

/* --- the kernel ------------------------------------------------------------------------------- */

static void check_landlock(struct doctor *doctor)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    if (abi >= LANDLOCK_ABI_MIN) {
        doctor_say(doctor, DOCTOR_OK, "landlock", NULL, "ABI %ld", abi);
        return;
    }
    doctor_say(doctor, DOCTOR_WARN, "landlock",
               "Linux 5.19 or newer, and landlock among those of the boot option lsm=",
               "%s%s: git is confined by its user and mounts alone, and a task's command can write "
               "in other trees of its container",
               abi > 0 ? "this kernel's is too old" : "this kernel has none that can be used",
               abi < 0 && errno == EOPNOTSUPP ? " (it is switched off)" : "");
}

/* 0: cannot be told. */
static uint64_t limit_of(const char *name)
{
    auto_free char *path = xasprintf("/proc/sys/fs/inotify/%s", name);
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    char text[32] = "";
    uint64_t limit = 0;

    if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0) {
        return 0;
    }
    text[strcspn(text, "\n")] = '\0';
    return parse_u64(text, &limit) == 0 ? limit : 0;
}

/*
 * Those that the controller watches for specs; it stops to count where the limit is far exceeded.
 */
static unsigned long long count_directories(const char *path, unsigned depth,
                                            unsigned long long most)
{
    DIR *dir = depth <= MAX_DEPTH ? opendir(path) : NULL;
    unsigned long long count = dir != NULL ? 1 : 0;
    struct dirent *item;

    while (dir != NULL && count < most && (item = readdir(dir)) != NULL) {
        auto_free char *below = path_join(path, item->d_name);
        struct stat info;

        if (item->d_name[0] != '.' &&
            fstatat(dirfd(dir), item->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR(info.st_mode)) {
            count += count_directories(below, depth + 1, most - count);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return count;
}

static void check_inotify(struct doctor *doctor)
{
    auto_close int fd = inotify_init1(IN_CLOEXEC);
    unsigned long long watches = limit_of("max_user_watches");
    unsigned long long instances = limit_of("max_user_instances");
    unsigned long long directories = count_directories(doctor->specs_dir, 0, 2 * watches + 1);

    if (fd < 0) {
        doctor_say(doctor, DOCTOR_WARN, "inotify", "sysctl fs.inotify.max_user_instances=1024",
                   "%s (the limit is %llu instances): changes are seen after seconds, by looking",
                   strerror(errno), instances);
    } else if (watches > 0 && directories > watches / 2) {
        doctor_say(doctor, DOCTOR_WARN, "inotify", "sysctl fs.inotify.max_user_watches=524288",
                   "%s has %s%llu directories, and all programs of a user together can watch "
                   "%llu: in what is beyond that changes are seen after seconds, by looking",
                   doctor->specs_dir, directories > 2 * watches ? "more than " : "", directories,
                   watches);
    } else if (watches > 0 && watches < WATCHES_MIN) {
        doctor_say(doctor, DOCTOR_WARN, "inotify", "sysctl fs.inotify.max_user_watches=65536",
                   "only %llu directories can be watched: with more, changes are seen after "
                   "seconds, by looking",
                   watches);
    } else {
        doctor_say(doctor, DOCTOR_OK, "inotify", NULL,
                   "%llu watches, %llu instances; the spec directory takes %llu", watches,
                   instances, directories);
    }
}

void doctor_check_kernel(struct doctor *doctor)
{
    check_landlock(doctor);
    check_inotify(doctor);
}

/* --- ports ------------------------------------------------------------------------------------ */

struct port_count {
    unsigned total, leased, taken;
    uint16_t first_taken;
};

static void read_leases(const struct doctor *doctor, struct port_table *table)
{
    auto_free char *path = path_join(doctor->state_dir, "leases.json");
    auto_free char *text = NULL;
    json_auto_t *json = NULL;
    struct error err = {0};
    size_t len;

    if (file_read(AT_FDCWD, path, MAX_LEASES_FILE, &text, &len, &err) == 0) {
        json = json_loadb(text, len, 0, NULL);
        port_table_restore_json(table, json);
    }
}

static struct port_count count_ports(const struct port_table *table)
{
    struct port_count count = {0};

    for (size_t i = 0; i < table->range_count; i++) {
        for (unsigned port = table->ranges[i].first; port <= table->ranges[i].last; port++) {
            count.total++;
            if (port_table_get(table, (uint16_t)port, PROTOCOL_TCP) != NULL) {
                count.leased++;
            } else if (port_probe("127.0.0.1", (uint16_t)port, PROTOCOL_TCP) < 0) {
                count.first_taken = count.taken == 0 ? (uint16_t)port : count.first_taken;
                count.taken++;
            }
        }
    }
    return count;
}

/* From the same limit on as the condition PortPressure. */
static void say_ports(struct doctor *doctor, const char *ranges, const struct port_count *count)
{
    struct port_usage usage = {.total = count->total, .used = count->leased + count->taken};
    auto_free char *taken = count->taken > 0
                                ? xasprintf(", %u are taken by something else (%u is the first)",
                                            count->taken, count->first_taken)
                                : xstrdup("");
    enum doctor_verdict verdict = usage.used >= usage.total        ? DOCTOR_FAIL
                                  : port_usage_is_pressing(&usage) ? DOCTOR_WARN
                                                                   : DOCTOR_OK;

    doctor_say(doctor, verdict, "ports",
               verdict == DOCTOR_OK ? NULL : "more ranges: --ports, or ports in the --config file",
               "%u of the %u TCP ports %s are free, %u are leased%s", usage.total - usage.used,
               usage.total, ranges, count->leased, taken);
}

void doctor_check_ports(struct doctor *doctor)
{
    const json_t *config = json_object_get(doctor->heartbeat, "config");
    const char *known = json_string_value(json_object_get(config, "ports"));
    const char *ranges = doctor->ports != NULL ? doctor->ports
                         : known != NULL       ? known
                                               : DEFAULT_PORTS;
    struct port_table table;
    struct port_count count;
    struct error err = {0};

    port_table_init(&table);
    if (port_table_set_ranges(&table, ranges, &err) < 0) {
        doctor_say(doctor, DOCTOR_FAIL, "ports", "--ports such as 20000-29999,31000", "%s",
                   err.message);
    } else {
        read_leases(doctor, &table);
        count = count_ports(&table);
        say_ports(doctor, ranges, &count);
    }
    port_table_done(&table);
}

/* --- git -------------------------------------------------------------------------------------- */

void doctor_check_git(struct doctor *doctor)
{
    struct git_about about = git_about();
    auto_free char *version =
        xasprintf("libgit2 %d.%d.%d", about.major, about.minor, about.revision);

    if (!about.has_https || !about.has_ssh) {
        doctor_say(doctor, DOCTOR_WARN, "git", "a libgit2 that was built with it",
                   "%s without %s%s%s", version, about.has_https ? "" : "https",
                   !about.has_https && !about.has_ssh ? " and " : "", about.has_ssh ? "" : "ssh");
    } else if (about.ca_file == NULL) {
        doctor_say(doctor, DOCTOR_WARN, "git", "install ca-certificates",
                   "%s; there is no file of certificates to check https servers against, so all "
                   "are refused",
                   version);
    } else {
        doctor_say(doctor, DOCTOR_OK, "git", NULL, "%s, https by %s, ssh", version, about.ca_file);
    }
}
