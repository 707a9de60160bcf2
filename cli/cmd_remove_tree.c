#include "cli/command.h"

#include "base/error.h"
#include "base/file.h"
#include "base/parse.h"

#include <stdio.h>
#include <string.h>

/*
 * A child of the controller: empties a large directory that was put out of the way, without holding
 * up the loop.
 */
static int cmd_remove_tree(int argc, char **argv)
{
    struct error err = {0};
    const char *name = argc == 2 ? strrchr(argv[1], '/') : NULL;

    if (name == NULL || !text_has_prefix(name, "/trash-")) {
        return usage_error("remove-tree", "takes one path of a directory that was put away");
    }
    if (tree_remove(argv[1], &err) < 0) {
        fprintf(stderr, "berth remove-tree: %s\n", err.message);
        return EXIT_FAILED;
    }
    return EXIT_OK;
}

const struct command command_remove_tree = {
    .name = "remove-tree",
    .run = cmd_remove_tree,
};
