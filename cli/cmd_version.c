#include "cli/command.h"

#include "base/version.h"

#include <stdio.h>
#include <string.h>

int cmd_version(int argc, char **argv)
{
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        puts("usage: berth version\n\nPrints the version.");
        return EXIT_OK;
    }
    if (argc > 1) {
        return usage_error("version", "unexpected argument \"%s\"", argv[1]);
    }
    printf("berth %s\n", BERTH_VERSION);
    return EXIT_OK;
}
