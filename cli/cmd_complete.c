#include "cli/command.h"

#include "base/cleanup.h"
#include "base/parse.h"
#include "cli/completion.h"
#include "cli/documents.h"
#include "cli/engine_session.h"
#include "cli/status_store.h"
#include "controller/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * berth __complete WORD...: the candidates for the last word, a line each with a tab and a few
 * words of help; before them a line that says "words", or "files" or "directories", which the shell
 * finds by itself. Whoever waits for it has pressed TAB: what fails is silent, and what takes long
 * is ended.
 */

enum { LIMIT_S = 2 };

/* What the status files know; an empty list when there is nothing. */
static json_t *read_documents(const struct places *places)
{
    auto_free char *state_dir = directory_option(places->state, STATE_VARIABLE, DEFAULT_STATE_DIR);
    json_auto_t *heartbeat = status_store_heartbeat(state_dir);
    auto_free char *directory =
        status_store_directory(places->specs, places->status_dir, heartbeat);
    struct error err = {0};
    json_t *documents;

    return status_store_read(directory, &documents, &err) == 0 ? documents : json_array();
}

static void add_names(struct strbuf *out, const struct completion_wish *wish, const char *kind)
{
    json_auto_t *documents = read_documents(&wish->places);
    size_t index;
    json_t *document;

    json_array_foreach(documents, index, document) {
        const char *name = document_name(document), *phase = document_phase(document);

        if (name != NULL && !document_is_duplicate(document) &&
            (kind == NULL || text_equal(document_kind(document), kind))) {
            completion_add(out, wish, name, phase != NULL ? phase : "");
        }
    }
}

/* "task/fix-7" */
static void add_targets(struct strbuf *out, const struct completion_wish *wish)
{
    json_auto_t *documents = read_documents(&wish->places);
    size_t index;
    json_t *document;

    json_array_foreach(documents, index, document) {
        auto_free char *word = document_spelling(document);
        const char *phase = document_phase(document);

        if (word != NULL && !document_is_duplicate(document)) {
            completion_add(out, wish, word, phase != NULL ? phase : "");
        }
    }
}

/* All that the engine has. */
static void add_containers(struct strbuf *out, const struct completion_wish *wish)
{
    auto_done(engine_session) session = {0};
    json_auto_t *list = NULL;
    struct error err = {0};
    size_t index;
    json_t *item;

    if (engine_session_open(&session, wish->engine, NULL, &err) < 0 ||
        engine_session_call(&session, docker_list_containers(NULL), &list, &err) < 0) {
        return;
    }
    json_array_foreach(list, index, item) {
        const char *name = json_string_value(json_array_get(json_object_get(item, "Names"), 0));
        const char *state = document_text(item, "State");

        if (name != NULL && name[0] == '/') {
            completion_add(out, wish, name + 1, state != NULL ? state : "");
        }
    }
}

/* Of the kind that stands before, where one does. */
static void add_names_of_kind(struct strbuf *out, const struct completion_wish *wish)
{
    enum kind kind;
    bool is_known = wish->before != NULL && kind_from_argument(wish->before, &kind) == 0;

    add_names(out, wish, is_known ? kind_name(kind) : NULL);
}

/* What the shell is to do, and the candidates. */
static const char *add_candidates(struct strbuf *out, const struct completion_wish *wish)
{
    if (wish->command == NULL || wish->wants_options) {
        completion_add_fixed(out, wish, commands);
        return "words";
    }
    switch (wish->what) { /* no default: what is not completed does not compile */
    case COMPLETE_FILES: return "files";
    case COMPLETE_DIRECTORIES: return "directories";
    case COMPLETE_NAMES: add_names_of_kind(out, wish); break;
    case COMPLETE_TARGETS: add_targets(out, wish); break;
    case COMPLETE_TASKS: add_names(out, wish, kind_name(KIND_TASK)); break;
    case COMPLETE_POOLS: add_names(out, wish, kind_name(KIND_INSTANCE_POOL)); break;
    case COMPLETE_WORDS:
    case COMPLETE_KINDS:
    case COMPLETE_FIELDS: completion_add_fixed(out, wish, commands); break;
    case COMPLETE_CONTAINERS: add_containers(out, wish); break;
    case COMPLETE_NOTHING: break;
    }
    return "words";
}

static int cmd_complete(int argc, char **argv)
{
    struct completion_wish wish;
    auto_done(strbuf) out = {0};
    const char *what;

    alarm(LIMIT_S);
    completion_read(commands, argc - 1, argv + 1, &wish);
    what = add_candidates(&out, &wish);
    printf("%s\n%s", what, strbuf_text(&out));
    return EXIT_OK;
}

const struct command command_complete = {.name = "__complete", .run = cmd_complete};
