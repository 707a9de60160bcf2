#include "cli/command.h"

#include "base/version.h"
#include "cli/arguments.h"

#include <getopt.h>
#include <stdio.h>

int cmd_version(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    int id;

    optind = 1;
    opterr = 0;
    while ((id = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        if (id != 'h') {
            return option_error("version", argv, options, id);
        }
        puts("usage: berth version\n\nPrints the version.");
        return EXIT_OK;
    }
    if (optind < argc) {
        return usage_error("version", "unexpected argument \"%s\"", argv[optind]);
    }
    printf("berth %s\n", BERTH_VERSION);
    return EXIT_OK;
}
