#include "cli/command.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "cli/commands_page.h"
#include "cli/man_page.h"

#include <stdio.h>
#include <string.h>

/*
 * berth __pages [NAME]: a page that is made from the tables of the commands, for `make docs` and
 * `make man`; without a name: the names of all manual pages, a line each.
 */

static const char main_page[] = "berth.1", configuration_page[] = "berth.yaml.5",
                  reference_page[] = "commands.md";

/* "berth-get.1" */
static char *page_of(const struct command *command)
{
    return xasprintf("berth-%s.1", command->name);
}

static void print_names(void)
{
    puts(main_page);
    for (size_t i = 0; commands[i] != NULL; i++) {
        auto_free char *name = page_of(commands[i]);

        if (commands[i]->summary != NULL) {
            puts(name);
        }
    }
    puts(configuration_page);
}

static int add_page(struct strbuf *out, const char *name)
{
    if (strcmp(name, main_page) == 0) {
        man_page_add_main(out, commands);
        return 0;
    }
    if (strcmp(name, configuration_page) == 0) {
        man_page_add_configuration(out);
        return 0;
    }
    if (strcmp(name, reference_page) == 0) {
        commands_page_add(out, commands);
        return 0;
    }
    for (size_t i = 0; commands[i] != NULL; i++) {
        auto_free char *page = page_of(commands[i]);

        if (commands[i]->summary != NULL && strcmp(name, page) == 0) {
            man_page_add_command(out, commands[i]);
            return 0;
        }
    }
    return -1;
}

static int cmd_pages(int argc, char **argv)
{
    auto_done(strbuf) out = {0};

    if (argc < 2) {
        print_names();
        return EXIT_OK;
    }
    if (argc > 2 || add_page(&out, argv[1]) < 0) {
        fputs("berth: there is no such page\n", stderr);
        return EXIT_BAD_USAGE;
    }
    fputs(strbuf_text(&out), stdout);
    return EXIT_OK;
}

const struct command command_pages = {.name = "__pages", .run = cmd_pages};
