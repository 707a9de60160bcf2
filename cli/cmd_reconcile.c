#include "cli/command.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "cli/arguments.h"
#include "cli/ask_controller.h"
#include "cli/documents.h"
#include "cli/mirror_file.h"
#include "cli/status_store.h"
#include "controller/options.h"
#include "specs/reason.h"
#include "specs/repo_url.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_TIMEOUT_MS = 60000 };
enum { OPTION_WAIT = 256, OPTION_TIMEOUT };

struct reconcile {
    struct places places;
    bool is_waiting;
    int64_t timeout_ms;
    const char *kind; /* "Task"; NULL: any */
    char *name, *url; /* one of them; url: canonical, also of a Repository that was named */
    char *url_text;   /* as given */
    char *state_dir;
    json_t *documents; /* all that statuses say */
    json_t *document;  /* of the object; NULL: a repository without one */
    int64_t asked_wall_ms;
};

static void reconcile_done(struct reconcile *reconcile)
{
    free(reconcile->name);
    free(reconcile->url);
    free(reconcile->url_text);
    free(reconcile->state_dir);
    json_decref(reconcile->documents);
}

static int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int fail(const char *format, ...)
{
    va_list args;

    fputs("berth reconcile: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputs("\n", stderr);
    return EXIT_FAILED;
}

/* --- arguments -------------------------------------------------------------------------------- */

static int take_wait(struct reconcile *reconcile, struct arguments *args)
{
    const char *value = args->value;

    if (value != NULL && strcmp(value, "yes") != 0 && strcmp(value, "no") != 0) {
        return arguments_wrong(args, "--wait: \"%s\" is neither yes nor no", value);
    }
    reconcile->is_waiting = value == NULL || strcmp(value, "yes") == 0;
    return 0;
}

static int take_kind(struct reconcile *reconcile, struct arguments *args, const char *text)
{
    enum kind kind;

    if (kind_from_argument(text, &kind) < 0) {
        return unknown_kind_error(args, text);
    }
    reconcile->kind = kind_name(kind);
    return 0;
}

static bool looks_like_url(const char *text)
{
    return strstr(text, "://") != NULL || strchr(text, '@') != NULL;
}

/* "project", "task/fix-7", "https://host/org/project.git" */
static int take_name(struct reconcile *reconcile, struct arguments *args, const char *text)
{
    const char *slash = strchr(text, '/');
    auto_free char *kind = slash != NULL ? xstrndup(text, (size_t)(slash - text)) : NULL;

    if (looks_like_url(text)) {
        if (reconcile->kind != NULL && strcmp(reconcile->kind, kind_name(KIND_REPOSITORY)) != 0) {
            return arguments_wrong(args, "only a repository has a URL");
        }
        reconcile->kind = kind_name(KIND_REPOSITORY);
        reconcile->url_text = xstrdup(text);
        return 0;
    }
    if (kind != NULL && reconcile->kind != NULL) {
        return arguments_wrong(args, "\"%s\" names a kind again", text);
    }
    reconcile->name = xstrdup(slash != NULL ? slash + 1 : text);
    return kind != NULL ? take_kind(reconcile, args, kind) : 0;
}

static int take_operands(struct reconcile *reconcile, struct arguments *args)
{
    if (arguments_count(args, 1, 2, "which object? [KIND] NAME") < 0 ||
        (args->count == 2 && take_kind(reconcile, args, args->operands[0]) < 0)) {
        return -1;
    }
    return take_name(reconcile, args, args->operands[args->count - 1]);
}

static int take_arguments(struct reconcile *reconcile, struct arguments *args)
{
    int id;

    while ((id = arguments_next(args)) > 0) {
        int result = 0;

        switch (id) {
        case OPTION_WAIT: result = take_wait(reconcile, args); break;
        case OPTION_TIMEOUT:
            result = timeout_option(args, args->value, &reconcile->timeout_ms);
            break;
        default: places_take(&reconcile->places, id, args->value); break;
        }
        if (result < 0) {
            return -1;
        }
    }
    return id < 0 ? -1 : take_operands(reconcile, args);
}

/* --- which object ----------------------------------------------------------------------------- */

static const json_t *repository_part(const json_t *document)
{
    return json_object_get(json_object_get(document, "status"), "repository");
}

static const char *url_of(const json_t *document)
{
    return json_string_value(json_object_get(repository_part(document), "url"));
}

static int not_known(const struct reconcile *reconcile)
{
    auto_free char *nearest =
        documents_suggest(reconcile->documents, reconcile->kind, reconcile->name);

    return fail("there is no %s \"%s\"%s", reconcile->kind != NULL ? reconcile->kind : "object",
                reconcile->name, nearest);
}

static int find_by_name(struct reconcile *reconcile)
{
    size_t index;
    json_t *document;
    enum kind kind;

    json_array_foreach(reconcile->documents, index, document) {
        if (!text_equal(document_name(document), reconcile->name) ||
            (reconcile->kind != NULL && !text_equal(document_kind(document), reconcile->kind))) {
            continue;
        }
        if (reconcile->document != NULL) {
            return fail("%s and %s are both named \"%s\": say which, as in %s/%s",
                        document_kind(reconcile->document), document_kind(document),
                        reconcile->name, document_kind(reconcile->document), reconcile->name);
        }
        reconcile->document = document;
    }
    if (reconcile->document == NULL ||
        kind_from_name(document_kind(reconcile->document), &kind) < 0) {
        return not_known(reconcile);
    }
    reconcile->kind = kind_name(kind);
    reconcile->url = xstrdup_or_null(url_of(reconcile->document));
    return 0;
}

/* A repository may have no object of its own: then tasks or its clone tell that it is known. */
static bool is_known_url(const struct reconcile *reconcile)
{
    struct mirror_file file;
    size_t index;
    json_t *document;

    json_array_foreach(reconcile->documents, index, document) {
        const json_t *task = json_object_get(json_object_get(document, "status"), "task");

        if (text_equal(json_string_value(json_object_get(task, "url")), reconcile->url)) {
            return true;
        }
    }
    return mirror_file_read(reconcile->state_dir, reconcile->url, &file) == 0;
}

static int find_by_url(struct reconcile *reconcile)
{
    auto_done(repo_url) url = {0};
    struct error err = {0};
    size_t index;
    json_t *document;

    if (repo_url_parse(reconcile->url_text, &url, &err) < 0) {
        return usage_error("reconcile", "%s", err.message);
    }
    reconcile->url = xstrdup(url.canonical);
    json_array_foreach(reconcile->documents, index, document) {
        if (text_equal(url_of(document), reconcile->url)) {
            reconcile->document = document;
        }
    }
    return reconcile->document != NULL || is_known_url(reconcile)
               ? 0
               : fail("no Repository and no Task is about %s", reconcile->url);
}

/* The controller knows where it writes statuses. */
static int read_documents(struct reconcile *reconcile)
{
    json_auto_t *heartbeat = status_store_heartbeat(reconcile->state_dir);
    const json_t *specs = json_object_get(heartbeat, "specs");
    const char *directory = json_string_value(json_object_get(specs, "statusDirectory"));
    const char *name = document_name(reconcile->document), *kind = reconcile->kind;
    json_t *documents = NULL, *document;
    struct error err = {0};
    size_t index;

    if (directory == NULL || status_store_read(directory, &documents, &err) < 0) {
        return fail("%s", directory == NULL ? "the controller has not said yet where statuses are"
                                            : err.message);
    }
    reconcile->document = NULL;
    json_array_foreach(documents, index, document) {
        if (name != NULL && text_equal(document_name(document), name) &&
            text_equal(document_kind(document), kind)) {
            reconcile->document = document;
        }
    }
    json_decref(reconcile->documents);
    reconcile->documents = documents;
    return 0;
}

static int find_object(struct reconcile *reconcile)
{
    if (!status_store_is_controlled(reconcile->state_dir)) {
        return fail("no controller runs with state directory %s", reconcile->state_dir);
    }
    if (read_documents(reconcile) != 0) {
        return EXIT_FAILED;
    }
    return reconcile->name != NULL ? find_by_name(reconcile) : find_by_url(reconcile);
}

/* --- asking, and waiting ---------------------------------------------------------------------- */

static int ask(struct reconcile *reconcile, const char *request)
{
    json_auto_t *json = json_object();
    struct error err = {0};

    reconcile->asked_wall_ms = clock_wall_ms();
    json_object_set_new(json, "kind", json_string(reconcile->kind));
    if (reconcile->name != NULL) {
        json_object_set_new(json, "name", json_string(reconcile->name));
    } else {
        json_object_set_new(json, "url", json_string(reconcile->url_text));
    }
    json_object_set_new(json, "atMs", json_integer(reconcile->asked_wall_ms));
    return ask_controller(reconcile->state_dir, request, json, &err) < 0 ? fail("%s", err.message)
                                                                         : 0;
}

/* "task/fix-7"; the caller's to free. */
static char *label_of(const struct reconcile *reconcile)
{
    char *label = reconcile->name != NULL ? xasprintf("%s/%s", reconcile->kind, reconcile->name)
                                          : xstrdup(reconcile->url);

    for (size_t i = 0; reconcile->name != NULL && label[i] != '/'; i++) {
        label[i] = (char)tolower((unsigned char)label[i]);
    }
    return label;
}

static const json_t *ready_of(const json_t *document)
{
    const json_t *conditions = json_object_get(json_object_get(document, "status"), "conditions");
    size_t index;
    json_t *item;

    json_array_foreach(conditions, index, item) {
        if (text_equal(json_string_value(json_object_get(item, "type")), "Ready")) {
            return item;
        }
    }
    return NULL;
}

/*
 * Why nothing will be fetched, as far as statuses say so; NULL: it will be. The caller's to free.
 */
static char *find_hindrance(const struct reconcile *reconcile)
{
    json_auto_t *heartbeat = status_store_heartbeat(reconcile->state_dir);
    const json_t *pressure = json_object_get(json_object_get(heartbeat, "disk"), "pressure");
    const json_t *ready = ready_of(reconcile->document);
    const char *reason = json_string_value(json_object_get(ready, "reason"));
    const char *message = json_string_value(json_object_get(ready, "message"));

    if (text_equal(json_string_value(json_object_get(pressure, "status")), "True")) {
        return xasprintf(REASON_DISK_PRESSURE ": %s; nothing is fetched before there is room",
                         json_string_value(json_object_get(pressure, "message")));
    }
    if (text_equal(reason, REASON_SUSPENDED) || text_equal(reason, REASON_SCHEME_REFUSED)) {
        return xasprintf("%s: %s", reason, message != NULL ? message : "nothing is changed");
    }
    return NULL;
}

static int say_fetched(struct reconcile *reconcile, const char *label)
{
    const json_t *repository;
    const char *branch, *commit;

    if (reconcile->document == NULL || read_documents(reconcile) != 0 ||
        reconcile->document == NULL) {
        printf("%s: fetched\n", label);
        return EXIT_OK;
    }
    repository = repository_part(reconcile->document);
    branch = json_string_value(json_object_get(repository, "branch"));
    commit = json_string_value(json_object_get(repository, "commit"));
    printf("%s: fetched%s%s%s%s\n", label, branch != NULL ? "; " : "", branch != NULL ? branch : "",
           commit != NULL ? " is " : "", commit != NULL ? commit : "");
    return EXIT_OK;
}

/* The status is written a turn of the controller's later than the mirror's file. */
static bool is_in_status(struct reconcile *reconcile)
{
    const char *text;
    int64_t fetched_wall_ms = 0;

    if (reconcile->document == NULL) {
        return true;
    }
    if (read_documents(reconcile) != 0 || reconcile->document == NULL) {
        return true;
    }
    text = json_string_value(json_object_get(repository_part(reconcile->document), "fetchTime"));
    return text != NULL && timestamp_parse(text, &fetched_wall_ms) == 0 &&
           fetched_wall_ms / 1000 >= reconcile->asked_wall_ms / 1000;
}

static bool is_idle(const struct reconcile *reconcile)
{
    return text_equal(json_string_value(json_object_get(ready_of(reconcile->document), "reason")),
                      "Idle");
}

/*
 * What there is to say once the controller knows of the wish and there is no result yet; -1:
 * nothing.
 */
static int look_for_hindrance(const struct reconcile *reconcile, const struct mirror_file *file,
                              const char *label)
{
    auto_free char *hindrance = find_hindrance(reconcile);

    if (hindrance != NULL) {
        return fail("%s: %s", label, hindrance);
    }
    if (file->fetched_wall_ms == 0 && is_idle(reconcile)) {
        printf("%s: nothing of it is cloned, and no task needs it; it is when one does\n", label);
        return EXIT_OK;
    }
    return -1;
}

static int wait_for_fetch(struct reconcile *reconcile, const char *request, const char *label)
{
    int64_t deadline_wall_ms = reconcile->asked_wall_ms + reconcile->timeout_ms;

    for (;;) {
        struct mirror_file file = {0};
        int result = -1;

        mirror_file_read(reconcile->state_dir, reconcile->url, &file);
        if (file.fetched_wall_ms >= reconcile->asked_wall_ms && is_in_status(reconcile)) {
            return say_fetched(reconcile, label);
        }
        if (file.failed_wall_ms >= reconcile->asked_wall_ms) {
            return fail("%s: %s%s%s", label, file.reason, file.reason[0] != '\0' ? ": " : "",
                        file.message);
        }
        if (ask_is_taken(reconcile->state_dir, request)) {
            result = look_for_hindrance(reconcile, &file, label);
        }
        if (result >= 0) {
            return result;
        }
        if (clock_wall_ms() >= deadline_wall_ms) {
            return fail("%s: it was not fetched within %lld s; berth get -o wide may say why",
                        label, (long long)reconcile->timeout_ms / 1000);
        }
        ask_pause();
    }
}

/* What is not a repository has its pass in the turn in which the request is taken up. */
static int wait_for_pass(struct reconcile *reconcile, const char *request, const char *label)
{
    int64_t deadline_wall_ms = reconcile->asked_wall_ms + reconcile->timeout_ms;

    while (!ask_is_taken(reconcile->state_dir, request)) {
        if (clock_wall_ms() >= deadline_wall_ms) {
            return fail("%s: the controller has not taken it up within %lld s", label,
                        (long long)reconcile->timeout_ms / 1000);
        }
        ask_pause();
    }
    printf("%s: looked at\n", label);
    return EXIT_OK;
}

static int cmd_reconcile(int argc, char **argv)
{
    auto_done(reconcile) reconcile = {.is_waiting = true, .timeout_ms = DEFAULT_TIMEOUT_MS};
    auto_free char *id = ask_make_id(), *request = xasprintf("reconcile-%s", id), *label = NULL;
    struct arguments args;
    int result;

    arguments_init(&args, &command_reconcile, argc, argv);
    if (take_arguments(&reconcile, &args) < 0) {
        return args.exit_code;
    }
    reconcile.state_dir =
        directory_option(reconcile.places.state, "BERTH_STATE", DEFAULT_STATE_DIR);
    result = find_object(&reconcile);
    if (result == 0) {
        result = ask(&reconcile, request);
    }
    if (result != 0) {
        return result;
    }
    label = label_of(&reconcile);
    if (!reconcile.is_waiting) {
        printf("%s: asked\n", label);
        return EXIT_OK;
    }
    return text_equal(reconcile.kind, kind_name(KIND_REPOSITORY))
               ? wait_for_fetch(&reconcile, request, label)
               : wait_for_pass(&reconcile, request, label);
}

const struct command command_reconcile = {
    .name = "reconcile",
    .run = cmd_reconcile,
    .summary = "ask the controller to look at an object now",
    .group = GROUP_OPERATING,
    .operands = "[KIND] NAME",
    .description = "Asks the running controller to look at an object now: what failed is tried "
                   "again without waiting, and of "
                   "a repository the remote is asked, whatever the fetch interval. A repository "
                   "may also be named by its "
                   "URL, and any object as KIND/NAME.\n\n" KIND_HELP,
    .options =
        (const struct command_option[]){
            {OPTION_WAIT, "wait", "[=yes|no]", "of a repository: wait for the fetch (yes)",
             COMPLETE_WORDS},
            {OPTION_TIMEOUT, "timeout", "TIME", "how long (60s)", COMPLETE_NOTHING},
            STATE_OPTION,
            END_OF_OPTIONS,
        },
    .exit_codes =
        "0 done; 1 it failed, is not known, took too long, or no controller runs; 2 usage",
    .examples = "berth reconcile repository project\n"
                "berth reconcile task/fix-7\n"
                "berth reconcile https://git.example.com/org/project.git --timeout 5m",
    .completion = {COMPLETE_KINDS, COMPLETE_NAMES, COMPLETE_NOTHING},
};
