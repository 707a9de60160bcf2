#include "cli/command.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "cli/adopt_spec.h"
#include "cli/arguments.h"
#include "cli/documents.h"
#include "cli/engine_session.h"
#include "cli/spec_store.h"
#include "cli/status_store.h"
#include "controller/options.h"
#include "reconcilers/workload.h"
#include "specs/yaml_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPTION_WRITE = 256 };

struct adopt {
    struct places places;
    const char *engine, *file, *name; /* file, engine: NULL: not given */
    bool should_write;
};

static int take_arguments(struct adopt *adopt, struct arguments *args)
{
    int id;

    while ((id = arguments_next(args)) > 0) {
        switch (id) {
        case 'o': adopt->file = args->value; break;
        case OPTION_WRITE: adopt->should_write = true; break;
        case OPTION_ENGINE: adopt->engine = args->value; break;
        default: places_take(&adopt->places, id, args->value); break;
        }
    }
    if (id < 0 || arguments_count(args, 1, 1, "which container?") < 0) {
        return -1;
    }
    if (adopt->file != NULL && adopt->should_write) {
        return arguments_wrong(args, "either -o or --write");
    }
    adopt->name = args->operands[0];
    return 0;
}

static int ask_engine(const struct adopt *adopt, json_t **ret_container, json_t **ret_image,
                      struct error *err)
{
    auto_free char *state = directory_option(adopt->places.state, "BERTH_STATE", DEFAULT_STATE_DIR);
    json_auto_t *heartbeat = status_store_heartbeat(state);
    auto_done(engine_session) session = {0};
    struct error ignored = {0};
    const json_t *labels;

    if (engine_session_open(&session, adopt->engine,
                            document_text(json_object_get(heartbeat, "engine"), "address"),
                            err) < 0 ||
        engine_session_call(&session, docker_inspect_container(adopt->name), ret_container, err) <
            0) {
        return -1;
    }
    labels = json_object_get(json_object_get(*ret_container, "Config"), "Labels");
    if (json_object_get(labels, LABEL_CONTROLLER) != NULL) {
        return error_set(err, ERROR_INVALID, "container \"%s\" is Berth's already", adopt->name);
    }
    /* An image that is gone says nothing of its own: everything is taken for the container's. */
    engine_session_call(
        &session, docker_inspect_image(json_string_value(json_object_get(*ret_container, "Image"))),
        ret_image, &ignored);
    return 0;
}

static int check(const char *text, struct error *err)
{
    auto_owned(spec_file) *file = spec_file_parse("spec", text, strlen(text));

    if (!spec_file_has_errors(file)) {
        return 0;
    }
    if (file->count > 0 && file->documents[0].error_count > 0) {
        auto_free char *told = spec_error_format("spec", &file->documents[0].errors[0]);

        return error_set(err, ERROR_INVALID, "what the container has makes no good spec: %s", told);
    }
    return error_set(err, ERROR_INVALID, "what the container has makes no good spec");
}

static int write_spec(const struct adopt *adopt, const char *name, const char *text,
                      struct error *err)
{
    auto_free char *specs = status_store_specs_of(&adopt->places);
    auto_free char *file = xasprintf("%s.yaml", name);
    auto_done(spec_store) store = {0};
    struct spec_store_entry entry;

    if (spec_store_read(specs, stderr, &store, err) < 0) {
        return -1;
    }
    entry = spec_store_find(&store, KIND_INSTANCE, name);
    if (entry.file != NULL) {
        return error_set(err, ERROR_CONFLICT, "Instance \"%s\" is in %s already", name,
                         entry.file->name);
    }
    if (spec_store_write(&store, file, NULL, text, strlen(text), err) < 0) {
        return -1;
    }
    printf("instance/%s created (in %s)\n", name, file);
    return 0;
}

static int put(const struct adopt *adopt, const char *name, const char *text, struct error *err)
{
    if (adopt->should_write) {
        return write_spec(adopt, name, text, err);
    }
    if (adopt->file != NULL) {
        return spec_store_replace(adopt->file, NULL, 0, text, strlen(text), err);
    }
    fputs(text, stdout);
    return 0;
}

static int run(const struct adopt *adopt, struct error *err)
{
    auto_done(strbuf) notes = {0}, text = {0};
    json_auto_t *container = NULL, *image = NULL, *spec = NULL;
    const char *name;

    if (ask_engine(adopt, &container, &image, err) < 0) {
        return -1;
    }
    spec = adopt_spec(container, image, &notes);
    name = document_name(spec);
    if (yaml_write(&text, spec) < 0) {
        return error_set(err, ERROR_INVALID, "the container's description is too large");
    }
    fputs(strbuf_text(&notes), stderr);
    if (check(strbuf_text(&text), err) < 0 || put(adopt, name, strbuf_text(&text), err) < 0) {
        return -1;
    }
    fprintf(stderr,
            "The container was not touched, and Berth does not touch what it has not made. When "
            "the spec is in place:\n  docker rm -f %s    # volumes stay; Berth makes its own "
            "container then\n",
            adopt->name);
    return 0;
}

static int cmd_adopt(int argc, char **argv)
{
    struct adopt adopt = {0};
    struct arguments args;
    struct error err = {0};

    arguments_init(&args, &command_adopt, argc, argv);
    if (take_arguments(&adopt, &args) < 0) {
        return args.exit_code;
    }
    if (run(&adopt, &err) < 0) {
        fprintf(stderr, "berth adopt: %s\n", err.message);
        return EXIT_FAILED;
    }
    return EXIT_OK;
}

const struct command command_adopt = {
    .name = "adopt",
    .run = cmd_adopt,
    .summary = "write the spec of a running container",
    .group = GROUP_SPECS,
    .operands = "CONTAINER",
    .description = "Prints the spec of an Instance that is like a container of the engine: image, "
                   "command, environment, ports, volumes, labels and limits. What has no "
                   "counterpart is told on stderr. The container is not touched; what you have to "
                   "do so that Berth takes over is told too.",
    .options =
        (const struct command_option[]){
            {'o', "output", "FILE", "write it into this new file", COMPLETE_FILES},
            {OPTION_WRITE, "write", NULL, "write it into the spec directory, as NAME.yaml",
             COMPLETE_NOTHING},
            SPECS_OPTION,
            STATE_OPTION,
            ENGINE_OPTION,
            END_OF_OPTIONS,
        },
    .exit_codes = "0 done; 1 no such container, it is Berth's, or it makes no good spec; 2 usage",
    .examples = "berth adopt web\n"
                "berth adopt web --write",
    .completion = {COMPLETE_CONTAINERS},
};
