#include "cli/command.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "cli/arguments.h"
#include "cli/documents.h"
#include "cli/fetch_import.h"
#include "cli/kept_trees.h"
#include "cli/status_store.h"
#include "cli/tree_call.h"
#include "controller/options.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPTION_INTO = 256, OPTION_BRANCH, OPTION_FORCE };

struct fetch_options {
    struct places places;
    const char *into, *branch, *task;
    bool is_forced;
};

static int take_arguments(struct fetch_options *options, struct arguments *args)
{
    int id;

    while ((id = arguments_next(args)) > 0) {
        switch (id) {
        case OPTION_INTO: options->into = args->value; break;
        case OPTION_BRANCH: options->branch = args->value; break;
        case OPTION_FORCE: options->is_forced = true; break;
        default: places_take(&options->places, id, args->value); break;
        }
    }
    if (id < 0 || arguments_count(args, 1, 1, "which task?") < 0) {
        return -1;
    }
    options->task = args->operands[0];
    return 0;
}

/* --- the task --------------------------------------------------------------------------------- */

static int find_task(const json_t *documents, const char *task, const json_t **ret_status,
                     struct error *err)
{
    auto_free char *nearest = NULL;
    size_t index;
    json_t *document;

    json_array_foreach(documents, index, document) {
        if (text_equal(document_text(document, "kind"), "Task") &&
            text_equal(document_name(document), task)) {
            *ret_status = json_object_get(json_object_get(document, "status"), "task");
            return 0;
        }
    }
    nearest = documents_suggest(documents, kind_name(KIND_TASK), task);
    return error_set(err, ERROR_NOT_FOUND, "there is no task \"%s\"%s", task, nearest);
}

/* A part of a path: status files lie where others can write. */
static bool is_plain_name(const char *name)
{
    return name != NULL && name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL;
}

/* Where the task's tree is. The texts that are not of the status are in here. */
struct source {
    struct tree_job job;
    const char *begin; /* the commit that it was made from; NULL: not known */
    char *trees;
};

static void source_done(struct source *source)
{
    free(source->trees);
}

static int find_source(const json_t *task, const struct fetch_options *options,
                       const char *state_dir, struct source *source, struct error *err)
{
    const json_t *tree = json_object_get(task, "tree");
    const char *container = document_text(task, "repositoryContainer");
    json_int_t uid = json_integer_value(json_object_get(tree, "uid"));
    json_int_t gid = json_integer_value(json_object_get(tree, "gid"));

    if (document_text(tree, "name") == NULL) {
        return error_set(err, ERROR_NOT_FOUND, "task \"%s\" has no tree, or none any more",
                         options->task);
    }
    if (!is_plain_name(document_text(tree, "name")) || !is_plain_name(container) || uid < 0 ||
        uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX) {
        return error_set(err, ERROR_INVALID,
                         "the status of task \"%s\" does not tell where its "
                         "tree is",
                         options->task);
    }
    source->trees = xasprintf("%s/repos/%s/trees", state_dir, container);
    source->begin = document_text(task, "commit");
    source->job = (struct tree_job){
        .method = text_equal(document_text(tree, "method"), "copy") ? TREE_COPY : TREE_OVERLAY,
        .trees = source->trees,
        .name = document_text(tree, "name"),
        .uid = (uid_t)uid,
        .gid = (gid_t)gid,
    };
    return 0;
}

/* --- what comes out of the tree --------------------------------------------------------------- */

/* A pack in a folder of our own, which nobody else can look into; gone with the scope. */
struct pack {
    char *folder, *path;
    int fd;
};

static void pack_done(struct pack *pack)
{
    struct error ignored = {0};

    cleanup_close(&pack->fd);
    if (pack->folder != NULL) {
        tree_remove(pack->folder, &ignored);
    }
    free(pack->folder);
    free(pack->path);
}

static int export_tree(const struct source *source, const char *have, struct pack *pack,
                       struct tree_result *ret_result, struct error *err)
{
    const char *temporary = getenv("TMPDIR");
    auto_free char *folder = xasprintf(
        "%s/berth-fetch-XXXXXX", temporary != NULL && temporary[0] == '/' ? temporary : "/tmp");
    struct tree_job job = source->job;

    if (mkdtemp(folder) == NULL) {
        return error_set_errno(err, errno, "make a folder \"%s\"", folder);
    }
    pack->folder = path_absolute(folder);
    pack->path = path_join(pack->folder, "pack");
    job.verb = TREE_EXPORT;
    job.have = have;
    job.to = pack->path;
    if (tree_call(&job, ret_result, err) < 0) {
        return -1;
    }
    pack->fd = open(pack->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    return pack->fd < 0 ? error_set_errno(err, errno, "open \"%s\"", pack->path) : 0;
}

static void warn_of_changes(const struct source *source)
{
    struct tree_result state;
    struct tree_job job = source->job;
    struct error err = {0};

    job.verb = TREE_INSPECT;
    job.commit = source->begin;
    if (tree_call(&job, &state, &err) < 0) {
        fprintf(stderr, "berth fetch: whether all work is committed could not be seen: %s\n",
                err.message);
    } else if (state.is_dirty) {
        fprintf(stderr, "berth fetch: the tree has uncommitted changes, which are not fetched\n");
    }
}

/* --- what was done ---------------------------------------------------------------------------- */

static void report(const struct fetch_wish *wish, const struct fetch_outcome *outcome)
{
    const char *note = outcome->is_forced ? " (forced)" : outcome->is_new ? " (new branch)" : "";

    if (!outcome->is_moved) {
        printf("%s: nothing new, at %.7s\n", wish->branch, wish->commit);
    } else if (outcome->from[0] != '\0') {
        printf("%s: %lu commit%s, %.7s..%.7s%s\n", wish->branch, outcome->count,
               outcome->count == 1 ? "" : "s", outcome->from, wish->commit, note);
    } else {
        printf("%s: %lu commit%s, up to %.7s%s\n", wish->branch, outcome->count,
               outcome->count == 1 ? "" : "s", wish->commit, note);
    }
}

static int fetch_into(const char *repository, const struct source *source,
                      const struct fetch_options *options, struct error *err)
{
    auto_done(fetch_import) import = FETCH_IMPORT_NONE;
    auto_done(pack) pack = {.fd = -1};
    struct fetch_outcome outcome;
    struct tree_result exported;
    struct fetch_wish wish = {.is_forced = options->is_forced};
    bool has_begin;

    if (fetch_import_start(&import, repository, source->begin, &has_begin, err) < 0 ||
        export_tree(source, has_begin ? source->begin : NULL, &pack, &exported, err) < 0) {
        return -1;
    }
    wish.commit = exported.commit;
    wish.branch = options->branch != NULL ? options->branch : exported.branch;
    wish.begin = source->begin;
    wish.pack_fd = pack.fd;
    if (wish.branch[0] == '\0') {
        return error_set(err, ERROR_INVALID,
                         "the tree is on no branch; say with --branch how it is to be called");
    }
    if (fetch_import_finish(&import, &wish, &outcome, err) < 0) {
        return -1;
    }
    report(&wish, &outcome);
    warn_of_changes(source);
    return 0;
}

static int fetch(const struct fetch_options *options, struct error *err)
{
    auto_free char *state_dir =
        directory_option(options->places.state, "BERTH_STATE", DEFAULT_STATE_DIR);
    auto_free char *status_dir = NULL, *repository = NULL;
    json_auto_t *heartbeat = status_store_heartbeat(state_dir), *documents = NULL, *kept = NULL;
    auto_done(source) source = {0};
    const json_t *task = NULL;

    status_dir =
        status_store_directory(options->places.specs, options->places.status_dir, heartbeat);
    if (status_store_read(status_dir, &documents, err) < 0) {
        return -1;
    }
    if (find_task(documents, options->task, &task, err) < 0) {
        kept = kept_tree_of_task(state_dir, options->task);
        if (kept == NULL) {
            return -1;
        }
        error_clear(err); /* its spec is gone, and what it left is not */
        task = kept;
    }
    if (find_source(task, options, state_dir, &source, err) < 0 ||
        fetch_import_find(options->into != NULL ? options->into : ".", options->into == NULL,
                          &repository, err) < 0) {
        return -1;
    }
    return fetch_into(repository, &source, options, err);
}

static int cmd_fetch(int argc, char **argv)
{
    struct fetch_options options = {0};
    struct error err = {0};
    struct arguments args;

    arguments_init(&args, &command_fetch, argc, argv);
    if (take_arguments(&options, &args) < 0) {
        return args.exit_code;
    }
    signal(SIGPIPE, SIG_IGN);
    if (fetch(&options, &err) < 0) {
        fprintf(stderr, "berth fetch: %s\n", err.message);
        return EXIT_FAILED;
    }
    return EXIT_OK;
}

const struct command command_fetch = {
    .name = "fetch",
    .run = cmd_fetch,
    .summary = "bring a task's commits into a clone of yours",
    .group = GROUP_LOOKING,
    .operands = "TASK",
    .description = "Brings the commits of a task's working tree into a clone of yours, as a branch "
                   "there. What is not "
                   "committed in the tree is not fetched. Also of a task whose spec is gone, while "
                   "its tree is kept. "
                   "Needs no controller and no engine; the tree of another user needs root.",
    .options =
        (const struct command_option[]){
            {OPTION_INTO, "into", "REPO", "the clone (the one that contains the current directory)",
             COMPLETE_DIRECTORIES},
            {OPTION_BRANCH, "branch", "NAME",
             "the branch to make or move in it (the name that the tree's own has)",
             COMPLETE_NOTHING},
            {OPTION_FORCE, "force", NULL,
             "also where that branch has other commits, which it loses", COMPLETE_NOTHING},
            PLACES_OPTIONS,
            END_OF_OPTIONS,
        },
    .exit_codes = "0 fetched or nothing new, 1 failed, 2 usage",
    .examples = "berth fetch fix-7\n"
                "berth fetch fix-7 --into ~/src/project --branch review/fix-7",
    .completion = {COMPLETE_TASKS, COMPLETE_NOTHING, COMPLETE_NOTHING},
};
