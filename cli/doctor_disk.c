#include "cli/doctor.h"

#include "base/file.h"
#include "base/memory.h"
#include "cli/tree_call.h"
#include "controller/disk_survey.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The disk of the state directory, and how working trees can be made on it. */

/* The directory, or where it will be: the nearest above that exists. The caller's to free. */
static char *existing_part(const char *path)
{
    char *part = xstrdup(path);

    while (!path_exists(part) && strrchr(part, '/') != part) {
        *strrchr(part, '/') = '\0';
    }
    if (!path_exists(part)) {
        part[1] = '\0'; /* "/" */
    }
    return part;
}

/* --- room ------------------------------------------------------------------------------------- */

static unsigned percent_of(uint64_t total, uint64_t free_amount)
{
    return total > free_amount ? (unsigned)((double)(total - free_amount) / (double)total * 100)
                               : 0;
}

static unsigned limit_of(const struct doctor *doctor, const char *key, unsigned fallback)
{
    const json_t *disk = json_object_get(doctor->heartbeat, "disk");
    json_int_t limit = json_integer_value(json_object_get(disk, key));

    return limit > 0 && limit <= 100 ? (unsigned)limit : fallback;
}

static void judge(struct doctor *doctor, const char *subject, const char *what, unsigned used,
                  unsigned high, unsigned low)
{
    enum doctor_verdict verdict = used >= high  ? DOCTOR_FAIL
                                  : used >= low ? DOCTOR_WARN
                                                : DOCTOR_OK;

    doctor_say(
        doctor, verdict, subject,
        verdict == DOCTOR_OK ? NULL : "make room; berth gc --dry-run says what of Berth's could go",
        "%u %% of the %s are in use%s%u %%", used, what,
        verdict == DOCTOR_FAIL ? ", and nothing new is begun from " : ", the limit is ", high);
}

void doctor_check_disk(struct doctor *doctor)
{
    auto_free char *directory = existing_part(doctor->state_dir);
    struct disk_usage usage = {0};
    struct disk_policy policy = disk_policy_with(
        limit_of(doctor, "highPercent", disk_policy_default.high_percent),
        limit_of(doctor, "inodesHighPercent", disk_policy_default.high_inode_percent), 0);

    disk_usage_read(directory, &usage);
    if (usage.total_bytes == 0) {
        doctor_say(doctor, DOCTOR_WARN, "disk", NULL, "the size of the disk of %s cannot be told",
                   directory);
        return;
    }
    judge(doctor, "disk", "bytes of the state directory's disk",
          percent_of(usage.total_bytes, usage.free_bytes), policy.high_percent, policy.low_percent);
    if (usage.total_inodes > 0) {
        judge(doctor, "inodes", "inodes of that disk",
              percent_of(usage.total_inodes, usage.free_inodes), policy.high_inode_percent,
              policy.low_inode_percent);
    }
}

/* --- working trees ---------------------------------------------------------------------------- */

static const char *trees_fix(void)
{
    return geteuid() != 0 ? "run the controller as root"
                          : "put the state directory on a file system such as ext4 or xfs, where "
                            "mounts are allowed";
}

static void say_result(struct doctor *doctor, const struct tree_result *result)
{
    if (result->method == TREE_OVERLAY) {
        doctor_say(doctor, DOCTOR_OK, "trees", NULL,
                   "working trees are overlays: a new one takes no time and no disk");
    } else {
        doctor_say(doctor, DOCTOR_WARN, "trees", trees_fix(),
                   "working trees are copies: each new one takes the time and the disk of a whole "
                   "checkout: %s",
                   result->message);
    }
}

static void probe(struct doctor *doctor, const char *scratch)
{
    auto_free char *trees = path_join(scratch, "trees");
    auto_free char *layers = path_join(scratch, "layers");
    struct tree_job probe_job = {.verb = TREE_PROBE, .trees = trees};
    struct tree_job clear_job = {.verb = TREE_CLEAR, .trees = trees, .layers = layers};
    struct tree_result result, cleared;
    struct error err = {0}, leftover = {0};

    if (dir_make(trees, 0700, &err) < 0 || tree_call(&probe_job, &result, &err) < 0) {
        doctor_say(doctor, DOCTOR_FAIL, "trees", trees_fix(), "no working tree can be made: %s",
                   err.message);
    } else {
        say_result(doctor, &result);
    }
    if (tree_call(&clear_job, &cleared, &leftover) < 0 || rmdir(scratch) < 0) {
        doctor_say(doctor, DOCTOR_WARN, "trees", "remove it by hand", "%s could not be removed",
                   scratch);
    }
}

void doctor_check_trees(struct doctor *doctor)
{
    auto_free char *directory = existing_part(doctor->state_dir);
    auto_free char *scratch = path_join(directory, ".berth-doctor-XXXXXX");

    if (mkdtemp(scratch) == NULL) {
        doctor_say(doctor, DOCTOR_FAIL, "trees", "run this as the user that the controller runs as",
                   "cannot write in %s: %s", directory, strerror(errno));
        return;
    }
    probe(doctor, scratch);
}
