#include "cli/command.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "cli/arguments.h"
#include "cli/explain.h"
#include "specs/reason.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* "Instance.spec.ports": the kind is what stands before the first point. Or a reason. */
static int explain_target(struct arguments *args, const char *target, bool is_recursive,
                          struct strbuf *out, struct error *err)
{
    auto_free char *word = xstrndup(target, strcspn(target, "."));
    const char *path = target + strlen(word);
    enum kind kind;

    if (kind_from_argument(word, &kind) == 0) {
        return explain_field(kind, path + (*path == '.' ? 1 : 0), is_recursive, out, err);
    }
    if (reason_find(target) != NULL) {
        return explain_reason(target, out, err);
    }
    return unknown_kind_error(args, word);
}

static int cmd_explain(int argc, char **argv)
{
    auto_done(strbuf) out = {0};
    bool is_recursive = false;
    struct arguments args;
    struct error err = {0};
    int id, result = 0;

    arguments_init(&args, &command_explain, argc, argv);
    while ((id = arguments_next(&args)) > 0) {
        is_recursive = true;
    }
    if (id < 0) {
        return args.exit_code;
    }
    if (args.count == 0 || (args.count == 1 && strcasecmp(args.operands[0], "all") == 0)) {
        explain_kinds(&out);
    } else if (strcasecmp(args.operands[0], "reason") == 0 ||
               strcasecmp(args.operands[0], "reasons") == 0) {
        if (arguments_count(&args, 1, 2, NULL) < 0) {
            return args.exit_code;
        }
        result = explain_reason(args.count > 1 ? args.operands[1] : NULL, &out, &err);
    } else if (arguments_count(&args, 1, 1, NULL) < 0 ||
               (explain_target(&args, args.operands[0], is_recursive, &out, &err) < 0 &&
                err.kind == ERROR_NONE)) {
        return args.exit_code;
    }
    if (result < 0 || err.kind != ERROR_NONE) {
        fprintf(stderr, "berth explain: %s\n", err.message);
        return EXIT_FAILED;
    }
    fputs(strbuf_text(&out), stdout);
    return EXIT_OK;
}

const struct command command_explain = {
    .name = "explain",
    .run = cmd_explain,
    .summary = "what a field or a reason means",
    .group = GROUP_SPECS,
    .operands = "[KIND[.FIELD...] | reason [NAME]]",
    .description =
        "Says what a field of a spec means: its type, default, what is allowed, and the fields "
        "below it. Without an operand it lists the kinds. \"reason\" lists the words for what can "
        "be wrong; with a name it says what that one means and what to do.\n" KIND_HELP,
    .options =
        (const struct command_option[]){
            {'r', "recursive", NULL, "all fields below it, by name and type", COMPLETE_NOTHING},
            END_OF_OPTIONS,
        },
    .exit_codes = "0 explained, 1 there is no such field or reason, 2 usage",
    .examples = "berth explain instance\n"
                "berth explain Instance.spec.ports\n"
                "berth explain pool.spec.template --recursive\n"
                "berth explain reason CrashLoopBackOff",
    .completion = {COMPLETE_FIELDS, COMPLETE_NOTHING},
};
