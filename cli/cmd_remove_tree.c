#include "cli/command.h"

#include "base/error.h"
#include "base/file.h"
#include "base/parse.h"

#include <stdio.h>
#include <string.h>

static bool is_put_away(const char *path)
{
    const char *name = strrchr(path, '/');

    return name != NULL && text_has_prefix(name, "/trash-");
}

/*
 * A child of the controller: empties large directories that were put out of the way, one after the
 * other, without holding up the loop.
 */
static int cmd_remove_tree(int argc, char **argv)
{
    int result = EXIT_OK;

    for (int i = 1; i < argc; i++) {
        if (!is_put_away(argv[i])) {
            return usage_error("remove-tree", "takes paths of directories that were put away");
        }
    }
    for (int i = 1; i < argc; i++) {
        struct error err = {0};

        if (tree_remove(argv[i], &err) < 0) {
            fprintf(stderr, "berth remove-tree: %s\n", err.message);
            result = EXIT_FAILED;
        }
    }
    return result;
}

const struct command command_remove_tree = {
    .name = "remove-tree",
    .run = cmd_remove_tree,
};
