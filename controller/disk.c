#include "controller/disk_parts.h"

#include "base/clock.h"
#include "base/clock_watch.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/mirrors.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_SOON_MS = 50 }; /* several removals that end together are one look */

static struct disk_policy policy_of(const struct controller *controller)
{
    const struct controller_options *options = &controller->options;

    return disk_policy_with(options->disk_high_percent, options->inode_high_percent,
                            options->disk_budget_bytes);
}

/* Whose use of things is not known may be using any. */
static bool has_facts(const struct controller *controller)
{
    return controller->is_listed && controller->is_scanned && controller->scan_error == NULL &&
           controller->has_placed && !controller->is_stopping;
}

/* --- pressure --------------------------------------------------------------------------------- */

static void log_pressure(const char *reason, bool is_under_pressure)
{
    log_fields(is_under_pressure ? LOG_WARN : LOG_INFO, "disk_pressure", "status",
               is_under_pressure ? "True" : "False", "message",
               is_under_pressure ? reason : "there is room again", NULL);
}

/*
 * pressing: what there is too much of. The words may change while it lasts; only begin and end are
 * news.
 */
static void set_pressure(struct controller *controller, unsigned pressing, const char *reason)
{
    struct collector *collector = controller->collector;
    bool was = controller->disk_pressure != NULL, is = pressing != 0;

    collector->usage.pressing = collector->notes.pressing = pressing;
    if (!was && !is) {
        return;
    }
    if (was && is && strcmp(controller->disk_pressure, reason) == 0) {
        return;
    }
    free(controller->disk_pressure);
    controller->disk_pressure = is ? xstrdup(reason) : NULL;
    if (was != is) {
        collector->pressure_since_wall_ms = clock_wall_ms();
        log_pressure(reason, is);
    }
    controller_enqueue_all(controller);
}

/* What changes by itself was perhaps measured long ago. */
static void doubt_sizes(struct collector *collector)
{
    for (struct map_entry *at = map_first(&collector->notes.by_id); at != NULL; at = map_next(at)) {
        ((struct disk_note *)map_value(at))->measured_wall_ms = 0;
    }
}

static void collect(struct controller *controller);

/* What is due is tried again as often as the file system of one under pressure is looked at. */
static int64_t look_again_ms(const struct collector *collector, const struct disk_policy *policy)
{
    static const struct disk_usage nothing_known = {0};

    return disk_look_again_ms(collector->is_due ? &nothing_known : &collector->usage, policy);
}

static void on_look(uv_timer_t *timer)
{
    struct controller *controller = timer->data;
    struct collector *collector = controller->collector;
    struct disk_policy policy = policy_of(controller);
    unsigned pressing, before = collector->usage.pressing;
    auto_free char *reason = NULL;

    disk_usage_read(controller->options.state_dir, &collector->usage);
    pressing = disk_find_pressure(&collector->usage, &policy, collector->bytes, &reason);
    if (pressing != before || (pressing != 0 && controller->disk_pressure == NULL)) {
        set_pressure(controller, pressing, reason);
    }
    if ((pressing & ~before) != 0) {
        doubt_sizes(collector);
        collector->is_due = true;
    }
    if (collector->is_due && has_facts(controller) && !disk_is_removing(controller)) {
        collect(controller);
    }
    if (!uv_is_active((uv_handle_t *)timer)) { /* it was not asked for meanwhile */
        uv_timer_start(timer, on_look, (uint64_t)look_again_ms(collector, &policy), 0);
    }
}

static void look_soon(struct collector *collector)
{
    uv_timer_start(&collector->timer, on_look, LOOK_SOON_MS, 0);
}

void disk_shift_times(struct controller *controller, int64_t by_ms)
{
    struct collector *collector = controller->collector;

    clock_shift(&collector->pressure_since_wall_ms, by_ms);
    clock_shift(&collector->removing_wall_ms, by_ms);
    clock_shift(&collector->last.at_wall_ms, by_ms);
    for (struct map_entry *at = map_first(&collector->notes.by_id); at != NULL; at = map_next(at)) {
        struct disk_note *note = map_value(at);

        clock_shift(&note->measured_wall_ms, by_ms);
        clock_shift(&note->last_used_wall_ms, by_ms);
        clock_shift(&note->kept_until_wall_ms, by_ms);
    }
}

/* --- surveys ---------------------------------------------------------------------------------- */

void disk_take_survey(struct controller *controller, struct disk_survey *ret_survey)
{
    int64_t now_wall_ms = clock_wall_ms();

    disk_survey_read(controller->options.state_dir, &controller->collector->notes, false,
                     now_wall_ms, ret_survey);
    disk_add_facts(controller, ret_survey, now_wall_ms);
}

static void save_notes(struct controller *controller)
{
    struct collector *collector = controller->collector;
    auto_free char *path = disk_notes_path(controller->options.state_dir);
    json_auto_t *json = disk_notes_to_json(&collector->notes);
    auto_free char *text = json_dumps(json, JSON_INDENT(1) | JSON_SORT_KEYS);
    struct error err = {0};

    if (!text_equal(text, collector->notes_text)) {
        if (file_replace(AT_FDCWD, path, text, strlen(text), 0600, FILE_VISIBLE, &err) < 0) {
            state_note_result(&controller->state, "disk.json", &err);
            return;
        }
        free(collector->notes_text);
        collector->notes_text = TAKE(text);
    }
    state_note_result(&controller->state, "disk.json", NULL);
}

static void tell_sizes(struct controller *controller, const struct disk_survey *survey)
{
    controller->collector->bytes = disk_survey_bytes(survey, NULL);
    for (struct map_entry *at = map_first(&controller->entries); at != NULL; at = map_next(at)) {
        struct entry *entry = map_value(at);
        int64_t bytes;

        if (entry->kind != ENTRY_MIRROR) {
            continue;
        }
        bytes = (int64_t)disk_survey_bytes(survey, entry->name);
        if (bytes != entry->mirror->disk_bytes) {
            entry->mirror->disk_bytes = bytes;
            mirror_tell(entry);
        }
    }
}

void disk_take_sizes(struct controller *controller)
{
    struct disk_survey survey;

    disk_take_survey(controller, &survey);
    tell_sizes(controller, &survey);
    save_notes(controller);
    disk_survey_done(&survey);
    controller->collector->is_due |= controller->disk_pressure != NULL; /* with what is known now */
    look_soon(controller->collector); /* of a budget only sizes tell */
}

/* --- collecting ------------------------------------------------------------------------------- */

/* One of many that found nothing is no news. */
static void note_collection(struct collector *collector, unsigned removed, uint64_t bytes)
{
    collector->is_due = false;
    if (removed == 0 && collector->request == NULL) {
        return;
    }
    collector->last.at_wall_ms = clock_wall_ms();
    collector->last.removed = removed;
    collector->last.bytes = bytes;
    if (collector->request != NULL) {
        free(collector->last.request);
        collector->last.request = TAKE(collector->request);
    }
}

static void carry_out(struct controller *controller, const struct disk_survey *survey,
                      const struct disk_decision *decision)
{
    unsigned removed = 0;
    uint64_t bytes = 0;

    for (size_t i = 0; i < decision->removal_count; i++) {
        const struct disk_removal *removal = &decision->removals[i];

        if (disk_remove(controller, disk_survey_thing(survey, removal->item), removal->cause)) {
            removed++;
            bytes += removal->item->bytes;
        }
    }
    note_collection(controller->collector, removed, bytes);
}

static void collect(struct controller *controller)
{
    struct collector *collector = controller->collector;
    struct disk_policy policy = policy_of(controller);
    struct disk_decision decision;
    struct disk_survey survey;

    disk_take_survey(controller, &survey);
    disk_usage_read(controller->options.state_dir, &collector->usage);
    disk_survey_decide(&survey, &collector->usage, &policy, clock_wall_ms(), &decision);
    set_pressure(controller, decision.pressing, decision.reason);
    tell_sizes(controller, &survey);
    disk_measure(controller, &survey);
    carry_out(controller, &survey, &decision);
    save_notes(controller);
    disk_decision_done(&decision);
    disk_survey_done(&survey);
}

void disk_collect(struct controller *controller)
{
    if (has_facts(controller) && !disk_is_removing(controller)) {
        collect(controller);
    }
}

void disk_collect_for(struct controller *controller, const char *request)
{
    struct collector *collector = controller->collector;

    free(collector->request);
    collector->request = xstrdup(request);
    collector->is_due = true;
    look_soon(collector);
}

void disk_note_emptying(struct controller *controller)
{
    controller->collector->emptying++;
    controller->collector->removing_wall_ms = clock_wall_ms();
}

void disk_note_emptied(struct controller *controller)
{
    controller->collector->emptying--;
    disk_note_removed(controller);
}

void disk_note_removed(struct controller *controller)
{
    struct collector *collector = controller->collector;

    if (controller->disk_pressure != NULL) {
        collector->is_due = true;
    }
    if (!controller->is_stopping) {
        look_soon(collector);
    }
}

/* --- begin, end, heartbeat -------------------------------------------------------------------- */

void disk_open(struct controller *controller)
{
    struct collector *collector = xcalloc(1, sizeof(*collector));

    controller->collector = collector;
    collector->controller = controller;
    uv_timer_init(&controller->loop, &collector->timer);
    collector->timer.data = controller;
    if (controller->options.is_dry_run) {
        return;
    }
    disk_notes_read(&collector->notes, controller->options.state_dir);
    collector->usage.pressing = collector->notes.pressing;
    collector->is_due = true;
    on_look(&collector->timer); /* what is begun at once must know of it already */
}

void disk_close(struct controller *controller)
{
    struct collector *collector = controller->collector;

    if (collector == NULL) {
        return;
    }
    disk_stop_measuring(collector);
    disk_notes_done(&collector->notes);
    free(collector->notes_text);
    free(collector->request);
    free(collector->last.request);
    free(collector);
    controller->collector = NULL;
}

static unsigned percent_of(uint64_t total, uint64_t free_amount)
{
    return total > free_amount ? (unsigned)((double)(total - free_amount) / (double)total * 100)
                               : 0;
}

static void put_time(json_t *json, const char *key, int64_t wall_ms)
{
    char text[TIMESTAMP_SIZE];

    if (wall_ms != 0) {
        json_object_set_new(json, key, json_string(timestamp_format(wall_ms, text)));
    }
}

static json_t *pressure_to_json(const struct controller *controller)
{
    const char *reason = controller->disk_pressure;
    json_t *json = json_pack("{s:s}", "status", reason != NULL ? "True" : "False");

    if (reason != NULL) {
        json_object_set_new(json, "message", json_string(reason));
    }
    put_time(json, "lastTransitionTime", controller->collector->pressure_since_wall_ms);
    return json;
}

static json_t *collection_to_json(const struct collection *last)
{
    json_t *json =
        json_pack("{s:i, s:I}", "removed", (int)last->removed, "bytes", (json_int_t)last->bytes);

    put_time(json, "time", last->at_wall_ms);
    if (last->request != NULL) {
        json_object_set_new(json, "request", json_string(last->request));
    }
    return json;
}

json_t *disk_to_json(const struct controller *controller)
{
    const struct collector *collector = controller->collector;
    const struct controller_options *options = &controller->options;
    const struct disk_usage *usage = &collector->usage;
    json_t *json = json_pack("{s:i, s:i, s:i, s:i}", "usedPercent",
                             (int)percent_of(usage->total_bytes, usage->free_bytes), "highPercent",
                             (int)options->disk_high_percent, "inodesPercent",
                             (int)percent_of(usage->total_inodes, usage->free_inodes),
                             "inodesHighPercent", (int)options->inode_high_percent);

    json_object_set_new(json, "workspaceBytes", json_integer((json_int_t)collector->bytes));
    if (options->disk_budget_bytes > 0) {
        json_object_set_new(json, "budgetBytes",
                            json_integer((json_int_t)options->disk_budget_bytes));
    }
    json_object_set_new(json, "pressure", pressure_to_json(controller));
    if (collector->last.at_wall_ms != 0) {
        json_object_set_new(json, "lastCollection", collection_to_json(&collector->last));
    }
    return json;
}
