#include "cli/command.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "cli/arguments.h"
#include "cli/convert.h"
#include "cli/spec_store.h"
#include "specs/spec_file.h"
#include "specs/yaml_reader.h"
#include "specs/yaml_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct convert_options {
    const char *output; /* a directory; NULL or "-": standard output */
};

static const char *look_up(const char *name)
{
    return getenv(name);
}

static int read_env_file(const char *path, char **ret_text, struct error *err)
{
    return file_read(AT_FDCWD, path, YAML_MAX_BYTES, ret_text, NULL, err);
}

static int read_input(const char *path, char **ret_text, size_t *ret_len, struct error *err)
{
    auto_done(strbuf) input = {.max_len = 2 * YAML_MAX_BYTES};

    if (strcmp(path, "-") != 0) {
        return file_read(AT_FDCWD, path, YAML_MAX_BYTES, ret_text, ret_len, err);
    }
    if (file_read_all(STDIN_FILENO, YAML_MAX_BYTES, &input) < 0) {
        return error_set_errno(err, errno, "read standard input");
    }
    *ret_len = input.len;
    *ret_text = strbuf_take(&input);
    return 0;
}

static int convert_file(const char *path, json_t *objects, struct error *err)
{
    auto_free char *folder = path_directory(path),
                   *directory = path_absolute(folder); /* of "-": here */
    auto_free char *text = NULL;
    auto_done(strbuf) notes = {0};
    struct convert_source source = {
        .file = strcmp(path, "-") == 0 ? "(standard input)" : path,
        .directory = directory,
        .lookup = look_up,
        .read = read_env_file,
    };
    size_t len = 0;
    int result;

    if (read_input(path, &text, &len, err) < 0) {
        return -1;
    }
    result = convert_text(&source, text, len, objects, &notes, err);
    fputs(strbuf_text(&notes), stderr);
    return result;
}

static const char *name_of(const json_t *object)
{
    return json_string_value(json_object_get(json_object_get(object, "metadata"), "name"));
}

/*
 * What could be taken over as it stands may still be nothing that Berth takes; 0: it is all good.
 */
static size_t report_errors(const char *name, const char *text, size_t len)
{
    auto_owned(spec_file) *parsed = spec_file_parse(name, text, len);
    size_t count = 0;

    for (size_t i = 0; i < parsed->count; i++) {
        for (size_t e = 0; e < parsed->documents[i].error_count; e++, count++) {
            const struct spec_error *error = &parsed->documents[i].errors[e];

            fprintf(stderr, "berth convert: %s: %s: %s\n", name, error->path, error->message);
        }
    }
    return count + parsed->error_count;
}

static int write_object(const char *directory, const char *name, const char *text, size_t len)
{
    auto_free char *file = xasprintf("%s.yaml", name), *path = path_join(directory, file);
    struct error err = {0};

    if (spec_store_replace(path, NULL, 0, text, len, &err) < 0) {
        fprintf(stderr, "berth convert: %s%s\n", err.message,
                err.kind == ERROR_CONFLICT ? "; nothing is overwritten" : "");
        return -1;
    }
    printf("%s\n", path);
    return 0;
}

/* An object that is not valid is told, and left out. */
static int write_objects(const struct convert_options *options, const json_t *objects)
{
    bool is_to_screen = options->output == NULL || strcmp(options->output, "-") == 0;
    size_t i, failed = 0, shown = 0;
    json_t *object;

    json_array_foreach(objects, i, object) {
        auto_done(strbuf) text = {0};

        if (yaml_write(&text, object) < 0 ||
            report_errors(name_of(object), strbuf_text(&text), text.len) > 0) {
            failed++;
        } else if (is_to_screen) {
            printf("%s%s", shown++ > 0 ? "---\n" : "", strbuf_text(&text));
        } else {
            failed +=
                write_object(options->output, name_of(object), strbuf_text(&text), text.len) < 0;
        }
    }
    return failed > 0 ? -1 : 0;
}

static int cmd_convert(int argc, char **argv)
{
    json_auto_t *objects = json_array();
    struct convert_options options = {.output = NULL};
    struct arguments args;
    struct error err = {0};
    int id, result = EXIT_OK;

    arguments_init(&args, &command_convert, argc, argv);
    while ((id = arguments_next(&args)) > 0) {
        options.output = args.value;
    }
    if (id < 0 || arguments_count(&args, 1, argc, "name compose files or manifests") < 0) {
        return args.exit_code;
    }
    for (int i = 0; i < args.count; i++) {
        if (convert_file(args.operands[i], objects, &err) < 0) {
            fprintf(stderr, "berth convert: %s\n", err.message);
            error_clear(&err);
            result = EXIT_FAILED;
        }
    }
    if (options.output != NULL && strcmp(options.output, "-") != 0 &&
        dir_make(options.output, 0755, &err) < 0) {
        fprintf(stderr, "berth convert: %s\n", err.message);
        return EXIT_FAILED;
    }
    return write_objects(&options, objects) < 0 ? EXIT_FAILED : result;
}

const struct command command_convert = {
    .name = "convert",
    .run = cmd_convert,
    .summary = "specs from compose files and kubectl's manifests",
    .group = GROUP_SPECS,
    .operands = "FILE|- ...",
    .description =
        "Writes an Instance for each service of a compose file and for each container of a Pod, "
        "and an InstancePool for a service with replicas and for the template of a Deployment, "
        "ReplicaSet or StatefulSet. Every field that has no counterpart is told on standard error "
        "with its place, as\n"
        "compose.yaml:9:5: services.web.depends_on: dropped: ...\n"
        "Variables of compose files are filled in from the environment. Anchors are not read: "
        "docker compose config writes a file out without them.",
    .options =
        (const struct command_option[]){
            {'o', "output", "DIR|-",
             "a file NAME.yaml for each object, in this directory; no file is overwritten (-: "
             "standard output)",
             COMPLETE_DIRECTORIES},
            END_OF_OPTIONS,
        },
    .exit_codes = "0 converted, 1 a file cannot be read, or something of it would not be valid; 2 "
                  "usage",
    .examples = "berth convert compose.yaml\n"
                "berth convert -o specs compose.yaml\n"
                "kubectl get pod web -o yaml | berth convert -",
    .completion = {COMPLETE_FILES, COMPLETE_FILES, COMPLETE_FILES},
};
