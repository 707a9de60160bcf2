#include "cli/gc_report.h"

#include "base/clock.h"
#include "base/memory.h"
#include "cli/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *gc_size_text(uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double size = (double)bytes;
    size_t unit = 0;

    while (size >= 1024 && unit + 1 < ARRAY_SIZE(units)) {
        size /= 1024;
        unit++;
    }
    return unit == 0 ? xasprintf("%" PRIu64 " B", bytes) : xasprintf("%.1f %s", size, units[unit]);
}

/* NULL: it is kept. */
static const struct disk_removal *find_removal(const struct gc_report *report, size_t index)
{
    for (size_t i = 0; i < report->decision.removal_count; i++) {
        if (report->decision.removals[i].item == &report->survey->items[index]) {
            return &report->decision.removals[i];
        }
    }
    return NULL;
}

static char *work_text(const struct disk_thing *thing)
{
    return xasprintf(
        "task %s has work in it that was not pushed%s%s%s%.12s", thing->task,
        thing->branch != NULL ? ", branch " : "", thing->branch != NULL ? thing->branch : "",
        thing->commit != NULL ? ", commit " : "", thing->commit != NULL ? thing->commit : "");
}

/* The caller's to free. */
static char *why_kept(const struct gc_report *report, const struct disk_thing *thing)
{
    bool is_layer = thing->kind == DISK_SNAPSHOT || thing->kind == DISK_SETUP_LAYER;

    if (thing->has_work) {
        return work_text(thing);
    }
    if (thing->use != NULL) {
        return xstrdup(thing->use);
    }
    if (thing->kept_until_wall_ms > report->now_wall_ms) {
        return xstrdup("work in its trees was not pushed");
    }
    if (is_layer && thing->is_newest) {
        return xstrdup("the newest of its branch");
    }
    if (is_layer && !report->decision.is_under_pressure) {
        return xstrdup("was used not long ago");
    }
    return xstrdup(report->decision.is_under_pressure
                       ? "others go first, and are enough, or something of its repository is kept"
                       : "there is room");
}

static unsigned percent_of(uint64_t total, uint64_t free_amount)
{
    return total > free_amount ? (unsigned)((double)(total - free_amount) / (double)total * 100)
                               : 0;
}

static uint64_t removed_bytes(const struct gc_report *report)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < report->decision.removal_count; i++) {
        bytes += report->decision.removals[i].item->bytes;
    }
    return bytes;
}

/* --- text ------------------------------------------------------------------------------------- */

static void print_disk(const struct gc_report *report)
{
    const struct disk_usage *usage = &report->usage;
    auto_free char *all = gc_size_text(disk_survey_bytes(report->survey, NULL));
    auto_free char *budget = gc_size_text(report->policy.budget_bytes);

    printf("disk of %s: %u %% full, limit %u %%", report->state_dir,
           percent_of(usage->total_bytes, usage->free_bytes), report->policy.high_percent);
    if (usage->total_inodes > 0) {
        printf("; inodes %u %%, limit %u %%", percent_of(usage->total_inodes, usage->free_inodes),
               report->policy.high_inode_percent);
    }
    printf("; workspaces take %s, %s%s\n", all,
           report->policy.budget_bytes > 0 ? "budget " : "no budget",
           report->policy.budget_bytes > 0 ? budget : "");
    if (report->decision.is_under_pressure) {
        printf("too full: %s\n", report->decision.reason);
    }
    if (!report->is_controlled) {
        puts("no controller runs there: what its containers use is as it was last written");
    }
}

static void add_row(struct table *table, const struct gc_report *report, size_t index)
{
    const struct disk_thing *thing = &report->survey->things[index];
    const struct disk_removal *removal = find_removal(report, index);
    auto_free char *size =
        thing->bytes > 0 ? gc_size_text(report->survey->items[index].bytes) : xstrdup("?");
    auto_free char *why = removal != NULL ? xstrdup(removal->cause) : why_kept(report, thing);
    char until[TIMESTAMP_SIZE] = "";

    if (removal == NULL && thing->kept_until_wall_ms > report->now_wall_ms) {
        timestamp_format(thing->kept_until_wall_ms, until);
    }
    table_add(table, removal != NULL ? "remove" : "keep");
    table_add(table, disk_kind_name(thing->kind));
    table_add(table, size);
    table_add(table, until);
    table_add(table, thing->id);
    table_add(table, why);
}

static void add_rows(struct table *table, const struct gc_report *report, bool are_removed)
{
    for (size_t i = 0; i < report->survey->count; i++) {
        if ((find_removal(report, i) != NULL) == are_removed) {
            add_row(table, report, i);
        }
    }
}

static void print_orphans(const json_t *orphans)
{
    static const char *const titles[] = {"ORPHAN", "KIND", "OBJECT", "SINCE", "GOES AFTER"};
    static const char *const keys[] = {"container", "kind", "object", "since", "removeAfter"};
    auto_done(table) table = {0};
    json_t *orphan;
    size_t index;

    if (json_array_size(orphans) == 0) {
        return;
    }
    table_init(&table, ARRAY_SIZE(titles));
    for (size_t i = 0; i < ARRAY_SIZE(titles); i++) {
        table_add(&table, titles[i]);
    }
    json_array_foreach(orphans, index, orphan) {
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
            const char *text = json_string_value(json_object_get(orphan, keys[i]));

            table_add(&table, text != NULL ? text : "");
        }
    }
    table_print(&table, stdout);
}

void gc_report_print(const struct gc_report *report)
{
    static const char *const titles[] = {"ACTION", "KIND", "SIZE", "UNTIL", "BELOW repos/", "WHY"};
    auto_free char *bytes = gc_size_text(removed_bytes(report));
    auto_done(table) table = {0};

    print_disk(report);
    table_init(&table, ARRAY_SIZE(titles));
    for (size_t i = 0; i < ARRAY_SIZE(titles); i++) {
        table_add(&table, titles[i]);
    }
    add_rows(&table, report, true);
    add_rows(&table, report, false);
    if (report->survey->count > 0) {
        table_print(&table, stdout);
    }
    printf("%zu of %zu would go, %s\n", report->decision.removal_count, report->survey->count,
           bytes);
    print_orphans(report->orphans);
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void put_text(json_t *json, const char *key, const char *text)
{
    if (text != NULL) {
        json_object_set_new(json, key, json_string(text));
    }
}

static json_t *thing_to_json(const struct gc_report *report, size_t index)
{
    const struct disk_thing *thing = &report->survey->things[index];
    const struct disk_removal *removal = find_removal(report, index);
    auto_free char *why = removal != NULL ? xstrdup(removal->cause) : why_kept(report, thing);
    auto_free char *path = xasprintf("%s/repos/%s", report->state_dir, thing->id);
    json_t *json = json_pack("{s:s, s:s, s:s, s:s}", "action", removal != NULL ? "remove" : "keep",
                             "kind", disk_kind_name(thing->kind), "path", path, "cause", why);
    char until[TIMESTAMP_SIZE];

    if (thing->bytes > 0) {
        json_object_set_new(json, "bytes",
                            json_integer((json_int_t)report->survey->items[index].bytes));
    }
    if (thing->kept_until_wall_ms > report->now_wall_ms) {
        put_text(json, "until", timestamp_format(thing->kept_until_wall_ms, until));
    }
    put_text(json, "task", thing->task);
    put_text(json, "branch", thing->branch);
    put_text(json, "commit", thing->commit);
    return json;
}

void gc_report_print_json(const struct gc_report *report)
{
    const struct disk_usage *usage = &report->usage;
    json_auto_t *json = NULL;
    json_t *things = json_array();
    auto_free char *text = NULL;

    for (size_t i = 0; i < report->survey->count; i++) {
        json_array_append_new(things, thing_to_json(report, i));
    }
    json =
        json_pack("{s:i, s:i, s:b, s:s, s:b, s:i, s:I, s:o, s:o*}", "usedPercent",
                  (int)percent_of(usage->total_bytes, usage->free_bytes), "inodesPercent",
                  (int)percent_of(usage->total_inodes, usage->free_inodes), "pressure",
                  (int)report->decision.is_under_pressure, "message", report->decision.reason,
                  "controller", (int)report->is_controlled, "removed",
                  (int)report->decision.removal_count, "bytes", (json_int_t)removed_bytes(report),
                  "things", things, "orphans", json_deep_copy(report->orphans));
    text = json_dumps(json, JSON_INDENT(2));
    puts(text);
}
