#include "cli/command.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/version.h"
#include "cli/arguments.h"
#include "cli/libraries.h"
#include "clients/docker_types.h"
#include "specs/types.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the sources were when this was built; the Makefile says it to this file only. */
#ifndef BERTH_COMMIT
#define BERTH_COMMIT ""
#endif

static const char commit[] = BERTH_COMMIT;

static void print_json(void)
{
    json_auto_t *json =
        json_pack("{s:s, s:s?, s:[s], s:{s:o, s:o}, s:o}", "version", BERTH_VERSION, "commit",
                  commit[0] != '\0' ? commit : NULL, "apiVersions", API_VERSION, "engineApi",
                  "oldest", json_sprintf("%d.%d", DOCKER_API_MAJOR, DOCKER_API_OLDEST_MINOR),
                  "newest", json_sprintf("%d.%d", DOCKER_API_MAJOR, DOCKER_API_NEWEST_MINOR),
                  "libraries", libraries_to_json());
    auto_free char *text = json_dumps(json, JSON_INDENT(2));

    puts(text);
}

static void print_text(void)
{
    printf("berth %s%s%s%s\n", BERTH_VERSION, commit[0] != '\0' ? " (" : "", commit,
           commit[0] != '\0' ? ")" : "");
}

static int cmd_version(int argc, char **argv)
{
    struct arguments args;
    bool is_json = false;
    int id;

    arguments_init(&args, &command_version, argc, argv);
    while ((id = arguments_next(&args)) > 0) { /* 'o' */
        is_json = strcmp(args.value, "json") == 0;
        if (!is_json && strcmp(args.value, "text") != 0) {
            arguments_wrong(&args, "-o: \"%s\" is neither text nor json", args.value);
            return args.exit_code;
        }
    }
    if (id < 0 || arguments_count(&args, 0, 0, NULL) < 0) {
        return args.exit_code;
    }
    if (is_json) {
        print_json();
    } else {
        print_text();
    }
    return EXIT_OK;
}

const struct command command_version = {
    .name = "version",
    .run = cmd_version,
    .summary = "print the version",
    .description =
        "Prints the version, and the commit that it was built from where that is known. As JSON "
        "also the versions of specs and of the engine's API that it speaks, and of the libraries "
        "that it runs with.",
    .options =
        (const struct command_option[]){
            {'o', "output", "text|json", "how (text)", COMPLETE_WORDS},
            END_OF_OPTIONS,
        },
    .exit_codes = "0; 2 usage",
    .examples = "berth version -o json | jq -r .libraries.libgit2",
};
