#include "cli/command.h"

#include "base/cleanup.h"
#include "cli/arguments.h"
#include "specs/json_schema.h"

#include <stdio.h>

static int cmd_schema(int argc, char **argv)
{
    json_auto_t *schema = NULL;
    bool is_of_kind = false;
    struct arguments args;
    enum kind kind = KIND_INSTANCE;
    int id;

    arguments_init(&args, &command_schema, argc, argv);
    while ((id = arguments_next(&args)) > 0) {
        is_of_kind = true;
        if (kind_from_argument(args.value, &kind) < 0) {
            unknown_kind_error(&args, args.value);
            return args.exit_code;
        }
    }
    if (id < 0 || arguments_count(&args, 0, 0, NULL) < 0) {
        return args.exit_code;
    }
    schema = is_of_kind ? json_schema_of_kind(kind) : json_schema_of_all();
    json_dumpf(schema, stdout, JSON_INDENT(2));
    putchar('\n');
    return EXIT_OK;
}

const struct command command_schema = {
    .name = "schema",
    .run = cmd_schema,
    .summary = "JSON Schema of the specs, for editors",
    .group = GROUP_SPECS,
    .description =
        "Prints a JSON Schema (draft-07) that editors check and complete specs by, made from the "
        "tables that berth itself reads specs by. A line\n"
        "# yaml-language-server: $schema=berth.schema.json\n"
        "at the top of a file names it. It takes all that berth takes; berth validate finds more.",
    .options =
        (const struct command_option[]){
            {'k', "kind", "KIND", "of one kind only; else of all", COMPLETE_KINDS},
            END_OF_OPTIONS,
        },
    .exit_codes = "0 printed, 2 usage",
    .examples = "berth schema > berth.schema.json\n"
                "berth schema --kind task",
};
