#include "cli/command.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "cli/arguments.h"
#include "controller/policy_read.h"
#include "controller/spec_scan.h"
#include "specs/excerpt.h"
#include "specs/reason.h"
#include "specs/spec_set.h"
#include "specs/yaml_reader.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct tally {
    const struct policy *policy; /* NULL: none is asked */
    json_t *list;                /* of errors, for -o json; NULL: they are told at once */
    size_t files, objects, errors;
};

static json_t *position_json(unsigned number)
{
    return number > 0 ? json_integer(number) : json_null();
}

static json_t *error_json(const char *file, const struct spec_error *error)
{
    json_t *name = json_string(file); /* NULL: it is no UTF-8 */
    char shown[EXCERPT_SIZE];

    return json_pack("{s:o,s:o,s:o,s:s,s:s,s:s}", "file",
                     name != NULL ? name : json_string(excerpt(file, shown)), "line",
                     position_json(error->line), "column", position_json(error->column), "path",
                     error->path, "reason", error->reason, "message", error->message);
}

/* Line 0: the file as a whole. */
static void add_error(struct tally *tally, const char *file, const struct spec_error *error)
{
    auto_free char *text = NULL;

    tally->errors++;
    if (tally->list != NULL) {
        json_array_append_new(tally->list, error_json(file, error));
        return;
    }
    text = spec_error_format(file, error);
    fprintf(stderr, "%s\n", text);
}

/* The same of what is wrong with the file or its directory, and not with what is in it. */
static void add_file_error(struct tally *tally, const char *file, const char *message)
{
    struct spec_error error = {.path = "", .reason = REASON_FILE_UNREADABLE, .message = message};

    add_error(tally, file, &error);
}

/* What an operand names cannot be read; the message has its name. */
static void add_unread(struct tally *tally, const char *path, const struct error *err)
{
    if (tally->list != NULL) {
        add_file_error(tally, path, err->message);
    } else {
        fprintf(stderr, "berth validate: %s\n", err->message);
        tally->errors++;
    }
}

/* hostPath volumes without a rule are the command line's affair, which nobody knows here. */
static void report_refusal(const char *name, const struct spec_document *document,
                           struct tally *tally)
{
    auto_done(policy_refusal) refusal = {0};
    const struct policy_mounts *mounts =
        policy_has(tally->policy, POLICY_MOUNTS) ? &tally->policy->mounts : NULL;

    if (tally->policy != NULL && document->object != NULL &&
        policy_refuses_object(tally->policy, mounts, document->object, &refusal)) {
        add_error(tally, name,
                  &(struct spec_error){
                      .line = document->line,
                      .column = document->column,
                      .path = refusal.path,
                      .reason = refusal.reason,
                      .message = refusal.message,
                  });
    }
}

/* The name is in another file of the set, which had it first. */
static void report_owner(const char *name, const struct spec_document *document, const char *owner,
                         struct tally *tally)
{
    auto_free char *message =
        xasprintf("%s \"%s\" is already defined in %s", document->kind, document->name, owner);

    add_error(tally, name,
              &(struct spec_error){
                  .line = document->line,
                  .column = document->column,
                  .path = "",
                  .reason = REASON_DUPLICATE_OBJECT,
                  .message = message,
              });
}

static void report_file(const char *prefix, const struct spec_set_file *file,
                        const struct spec_set *set, struct tally *tally)
{
    auto_free char *name = path_join(prefix, file->name);

    tally->files++;
    if (file->unreadable != NULL) {
        add_file_error(tally, name, file->unreadable);
    }
    for (size_t i = 0; file->parsed != NULL && i < file->parsed->count; i++) {
        const struct spec_document *document = &file->parsed->documents[i];
        const char *owner = spec_set_other_owner(set, file, document);

        tally->objects += document->object != NULL;
        for (size_t e = 0; e < document->error_count; e++) {
            add_error(tally, name, &document->errors[e]);
        }
        report_refusal(name, document, tally);
        if (owner != NULL) {
            report_owner(name, document, owner, tally);
        }
    }
    for (size_t i = 0; file->parsed != NULL && i < file->parsed->error_count; i++) {
        add_error(tally, name, &file->parsed->errors[i]);
    }
}

static void report_set(const char *prefix, const struct spec_set *set, struct tally *tally)
{
    for (struct map_entry *at = map_first(&set->files); at != NULL; at = map_next(at)) {
        report_file(prefix, map_value(at), set, tally);
    }
}

static int validate_directory(const char *path, struct tally *tally)
{
    struct spec_scan scan;
    struct spec_set *set = spec_set_new();
    struct error err = {0};
    int result;

    spec_scan_init(&scan, path);
    scan.is_single = true;
    result = spec_scan_run(&scan, set, 1, false, &err);
    if (result < 0) {
        add_unread(tally, path, &err);
    } else {
        report_set(path, set, tally);
    }
    spec_set_free(set);
    spec_scan_done(&scan);
    return result;
}

static void read_input(struct strbuf *text)
{
    char chunk[16384];
    ssize_t got;

    while (text->len <= YAML_MAX_BYTES && (got = read(STDIN_FILENO, chunk, sizeof(chunk))) > 0) {
        strbuf_append(text, chunk, (size_t)got);
    }
}

static void validate_file(const char *path, struct spec_set *set, struct tally *tally)
{
    auto_free char *text = NULL;
    auto_done(strbuf) input = {.max_len = YAML_MAX_BYTES + 65536};
    struct error err = {0};
    size_t len;

    if (strcmp(path, "-") == 0) {
        read_input(&input);
        spec_set_file_put(set, "(standard input)", "", strbuf_text(&input), input.len);
    } else if (file_read(AT_FDCWD, path, 2 * YAML_MAX_BYTES, &text, &len, &err) < 0) {
        add_unread(tally, path, &err);
    } else {
        spec_set_file_put(set, path, "", text, len);
    }
}

static bool is_directory(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* A policy with errors is none of the specs' faults, and nothing can be said by it. */
static int read_policy(const char *path, struct policy **policy)
{
    policy_free(*policy);
    *policy = policy_read(path);
    for (size_t i = 0; i < (*policy)->error_count; i++) {
        fprintf(stderr, "%s\n", (*policy)->errors[i]);
    }
    return (*policy)->error_count > 0 ? EXIT_FAILED : EXIT_OK;
}

/* Directories have a set of names each; files that are named share one. */
static void validate_operands(const struct arguments *args, struct tally *tally)
{
    struct spec_set *files = spec_set_new();

    spec_set_scan_begin(files);
    for (int i = 0; i < args->count; i++) {
        if (is_directory(args->operands[i])) {
            validate_directory(args->operands[i], tally);
        } else {
            validate_file(args->operands[i], files, tally);
        }
    }
    spec_set_scan_end(files, 1, false);
    report_set("", files, tally);
    spec_set_free(files);
}

static void print_verdict(struct tally *tally)
{
    const char *objects = tally->objects == 1 ? "" : "s", *files = tally->files == 1 ? "" : "s";

    if (tally->list != NULL) {
        json_auto_t *verdict = json_pack("{s:b,s:I,s:I,s:O}", "valid", tally->errors == 0, "files",
                                         (json_int_t)tally->files, "objects",
                                         (json_int_t)tally->objects, "errors", tally->list);

        json_dumpf(verdict, stdout, JSON_INDENT(2));
        putchar('\n');
    } else if (tally->errors > 0) {
        fprintf(stderr, "%zu error%s in %zu file%s\n", tally->errors, tally->errors == 1 ? "" : "s",
                tally->files, files);
    } else {
        printf("%zu object%s in %zu file%s: good\n", tally->objects, objects, tally->files, files);
    }
}

static int cmd_validate(int argc, char **argv)
{
    auto_owned(policy) *policy = NULL;
    json_auto_t *list = NULL;
    struct tally tally = {0};
    struct arguments args;
    int id;

    arguments_init(&args, &command_validate, argc, argv);
    while ((id = arguments_next(&args)) > 0) {
        if (id == 'p' && read_policy(args.value, &policy) != EXIT_OK) {
            return EXIT_FAILED;
        }
        if (id == 'o' && strcmp(args.value, "json") == 0 && list == NULL) {
            list = json_array();
        } else if (id == 'o' && strcmp(args.value, "text") != 0) {
            arguments_wrong(&args, "-o: \"%s\" is not text or json", args.value);
            return args.exit_code;
        }
    }
    if (id < 0 || arguments_count(&args, 1, argc, "name files or directories") < 0) {
        return args.exit_code;
    }
    tally.policy = policy;
    tally.list = list;
    validate_operands(&args, &tally);
    print_verdict(&tally);
    return tally.errors > 0 ? EXIT_FAILED : EXIT_OK;
}

const struct command command_validate = {
    .name = "validate",
    .run = cmd_validate,
    .summary = "check spec files without an engine",
    .group = GROUP_SPECS,
    .operands = "FILE|DIR|- ...",
    .description =
        "Checks specs without an engine and without a controller. Every error is told with its "
        "place:\n"
        "web.yaml:7:16: spec.machineType: unknown machine type \"n1-standrd-1\"; did you mean ...",
    .options =
        (const struct command_option[]){
            {'p', "policy", "FILE",
             "what the policy of the controller does not allow is an error, too", COMPLETE_FILES},
            {'o', "output", "text|json",
             "json: a document with the list \"errors\": file, line, column, path, reason, message",
             COMPLETE_WORDS},
            END_OF_OPTIONS,
        },
    .exit_codes = "0 all are good, 1 something is wrong, 2 usage",
    .examples = "berth validate ./specs\n"
                "berth validate -o json ./specs | jq -r '.errors[].file'\n"
                "git show HEAD:web.yaml | berth validate -",
    .completion = {COMPLETE_FILES, COMPLETE_FILES, COMPLETE_FILES},
};
