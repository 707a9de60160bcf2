#include "cli/commands_page.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "cli/help.h"
#include "specs/reference_pages.h"

#include <ctype.h>
#include <string.h>

static const char head[] =
    "# Commands\n\n"
    "Results go to standard output, everything else to standard error; colours and progress are "
    "for "
    "terminals\nonly (`NO_COLOR` and `TERM=dumb` switch them off). `berth COMMAND --help` says "
    "what "
    "is here, and so do the\nmanual pages. Options may stand before and behind operands; `--` ends "
    "them.\n\n"
    "Where the specs and the state are, a command knows by `--specs`, `--state` and "
    "`--status-dir`, else by the\nenvironment (`BERTH_SPECS`, `BERTH_STATE`, `BERTH_STATUS_DIR`), "
    "else by [`./berth.yaml`](configuration.md),\nelse by the defaults: `/etc/berth/specs`, "
    "`/var/lib/berth`, and status files beside the specs.\n\n"
    "## Exit codes\n\n"
    "| code | meaning |\n|---|---|\n"
    "| 0 | what was asked for is so |\n"
    "| 1 | it is not; the reason is on standard error |\n"
    "| 2 | the command line, or `./berth.yaml`, is wrong; nothing was done |\n"
    "| 124 | it was not so within `--timeout`; what is still missing is on standard error |\n"
    "| others | the command's own: `exec` ends as what it ran did, `run --once` has 3 for no "
    "engine |\n\n"
    "Each command in its own words:\n\n"
    "| command | exit code |\n|---|---|\n";

/* Visible ones, in the order of the groups. */
static void for_each(const struct command *const *list, struct strbuf *out,
                     void (*add)(struct strbuf *out, const struct command *command),
                     void (*add_title)(struct strbuf *out, const char *title))
{
    enum command_group group;
    const char *title;

    for (size_t i = 0; (title = help_group(i, &group)) != NULL; i++) {
        if (add_title != NULL) {
            add_title(out, title);
        }
        for (size_t j = 0; list[j] != NULL; j++) {
            if (list[j]->summary != NULL && list[j]->group == group) {
                add(out, list[j]);
            }
        }
    }
}

static void add_exit_row(struct strbuf *out, const struct command *command)
{
    strbuf_addf(out, "| [`%s`](#berth-%s) | ", command->name, command->name);
    markdown_add_text(out, command->exit_codes != NULL ? command->exit_codes : "0; 2 usage");
    strbuf_add(out, " |\n");
}

static void add_title(struct strbuf *out, const char *title)
{
    strbuf_addf(out, "\n## %c%s\n", toupper((unsigned char)title[0]), title + 1);
}

static void add_option(struct strbuf *out, const struct command_option *option)
{
    auto_done(strbuf) name = {0};

    if (option->id < 128) {
        strbuf_addf(&name, "-%c, ", option->id);
    }
    strbuf_addf(&name, "--%s", option->name);
    if (option->value != NULL) {
        strbuf_addf(&name, "%s%s", option->value[0] == '[' ? "" : " ", option->value);
    }
    strbuf_add(out, "| ");
    markdown_add_code(out, strbuf_text(&name));
    strbuf_add(out, " | ");
    markdown_add_text(out, option->help);
    strbuf_add(out, " |\n");
}

static void add_paragraphs(struct strbuf *out, const char *text)
{
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        auto_free char *line = xstrndup(text, len);

        markdown_add_text(out, line);
        strbuf_add(out, "\n\n");
        text += len + strspn(text + len, "\n");
    }
}

static void add_command(struct strbuf *out, const struct command *command)
{
    strbuf_addf(out, "\n### berth %s\n\n```\nberth %s%s%s%s\n```\n\n", command->name, command->name,
                command->options != NULL ? " [OPTION...]" : "",
                command->operands != NULL ? " " : "",
                command->operands != NULL ? command->operands : "");
    add_paragraphs(out, command->description != NULL ? command->description : command->summary);
    if (command->options != NULL) {
        strbuf_add(out, "| option | meaning |\n|---|---|\n");
        for (const struct command_option *option = command->options; option->name != NULL;
             option++) {
            add_option(out, option);
        }
    }
    if (command->examples != NULL) {
        strbuf_addf(out, "%s```\n%s\n```\n", command->options != NULL ? "\n" : "",
                    command->examples);
    }
}

void commands_page_add(struct strbuf *out, const struct command *const *list)
{
    reference_add_made_by(out);
    strbuf_add(out, head);
    for_each(list, out, add_exit_row, NULL);
    for_each(list, out, add_command, add_title);
}
