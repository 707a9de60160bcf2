#include "controller/events.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "controller/event_journal.h"
#include "controller/event_words.h"
#include "controller/mirrors.h"
#include "controller/setups.h"

#include <stdlib.h>
#include <string.h>

struct event_hearing {
    struct event_journal journal;
    bool is_started; /* specs that are read before are no changes */
};

static const char *settings_name_of(const struct entry *entry)
{
    return entry != NULL && entry->repository != NULL ? entry->repository->settings_name : NULL;
}

static const char *settings_name_of_mirror(const struct entry *entry)
{
    const char *name = NULL;

    for (struct map_entry *at = map_first(&entry->mirror->containers); at != NULL && name == NULL;
         at = map_next(at)) {
        name = settings_name_of(map_value(at));
    }
    return name;
}

/*
 * What happens to the parts of a repository happens, for people, to the Repository object, where
 * there is one.
 */
static void name_repository(struct controller *controller, struct event_words *words)
{
    auto_free char *key = object_key(words->kind, words->name);
    const struct entry *entry = entry_find(controller, key);
    const char *name = NULL;

    if (entry == NULL) {
        return;
    }
    switch (entry->kind) {
    case ENTRY_REPOSITORY: name = settings_name_of(entry); break;
    case ENTRY_SETUP: name = settings_name_of(setup_repository(entry)); break;
    case ENTRY_MIRROR: name = settings_name_of_mirror(entry); break;
    case ENTRY_INSTANCE:
    case ENTRY_POOL:
    case ENTRY_TASK: break;
    }
    if (name != NULL) {
        free(words->kind);
        free(words->name);
        words->kind = xstrdup(kind_name(KIND_REPOSITORY));
        words->name = xstrdup(name);
    }
}

static void hear(void *user, enum log_level level, const char *log_event,
                 const struct log_field *fields, size_t count)
{
    struct controller *controller = user;
    struct event_hearing *hearing = controller->events;
    auto_done(event_words) words = {0};
    struct event event;

    if (strcmp(log_event, "started") == 0) {
        hearing->is_started = true;
    }
    if ((strcmp(log_event, "spec_changed") == 0 && !hearing->is_started) ||
        !event_words_of(level, log_event, fields, count, &words)) {
        return;
    }
    name_repository(controller, &words);
    event = (struct event){
        .kind = words.kind,
        .name = words.name,
        .is_warning = words.is_warning,
        .reason = words.reason,
        .message = words.message,
    };
    event_journal_add(&hearing->journal, &event, clock_wall_ms());
}

void events_open(struct controller *controller)
{
    if (!controller->state.is_writable) {
        return;
    }
    controller->events = xcalloc(1, sizeof(*controller->events));
    event_journal_init(&controller->events->journal, controller->state.path, clock_wall_ms());
    log_observe(hear, controller);
}

void events_flush(struct controller *controller)
{
    struct error err = {0};
    int result;

    if (controller->events == NULL) {
        return;
    }
    result = event_journal_flush(&controller->events->journal, clock_wall_ms(), &err);
    state_note_result(&controller->state, EVENTS_FILE, result < 0 ? &err : NULL);
}

void events_settle(struct controller *controller)
{
    if (controller->events != NULL) {
        event_journal_settle(&controller->events->journal, clock_wall_ms(), false);
    }
}

void events_close(struct controller *controller)
{
    if (controller->events != NULL) {
        log_observe(NULL, NULL);
        event_journal_settle(&controller->events->journal, clock_wall_ms(), true);
        events_flush(controller);
        event_journal_done(&controller->events->journal);
        free(controller->events);
        controller->events = NULL;
    }
}
