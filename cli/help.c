#include "cli/help.h"

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "base/version.h"

#include <string.h>

enum { WIDTH = 80, OPTION_COLUMN = 20, MAX_OPTION_COLUMN = 30 };

/*
 * The text in lines of at most WIDTH characters; those after the first are indented. A line end of
 * the text is kept.
 */
static void print_wrapped(const char *text, size_t column, size_t indent, FILE *out)
{
    while (*text != '\0') {
        size_t len = strcspn(text, " \n");

        if (column > indent && column + 1 + len > WIDTH) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            fputc(' ', out);
            column++;
        }
        fwrite(text, 1, len, out);
        column += len;
        text += len;
        if (*text == '\n' && text[1] != '\0') {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        }
        text += *text != '\0' ? 1 : 0;
    }
    fputc('\n', out);
}

/* "-o, --output text|json" */
static void add_option_name(struct strbuf *text, const struct command_option *option)
{
    if (option->id < 128) {
        strbuf_addf(text, "-%c, ", option->id);
    }
    strbuf_addf(text, "--%s", option->name);
    if (option->value != NULL) {
        strbuf_addf(text, "%s%s", option->value[0] == '[' ? "" : " ", option->value);
    }
}

/* Where the help of all options begins: behind the longest name that is not too long. */
static size_t help_column(const struct command_option *options)
{
    size_t column = OPTION_COLUMN;

    for (; options != NULL && options->name != NULL; options++) {
        auto_done(strbuf) name = {0};

        add_option_name(&name, options);
        if (name.len + 4 > column && name.len + 4 <= MAX_OPTION_COLUMN) {
            column = name.len + 4;
        }
    }
    return column;
}

static void print_option(const struct command_option *option, size_t column, FILE *out)
{
    auto_done(strbuf) name = {0};

    add_option_name(&name, option);
    fprintf(out, "  %-*s", (int)column - 2, strbuf_text(&name));
    if (name.len + 4 > column) {
        fprintf(out, "\n%*s", (int)column, "");
    }
    print_wrapped(option->help, column, column, out);
}

static void print_options(const struct command *command, FILE *out)
{
    static const struct command_option help_option = {'h', "help", NULL, "show this",
                                                      COMPLETE_NOTHING};
    size_t column = help_column(command->options);

    fputs("\noptions:\n", out);
    for (const struct command_option *option = command->options;
         option != NULL && option->name != NULL; option++) {
        print_option(option, column, out);
    }
    print_option(&help_option, column, out);
}

static void print_examples(const char *examples, FILE *out)
{
    fputs("\nexamples:\n", out);
    while (*examples != '\0') {
        size_t len = strcspn(examples, "\n");

        fprintf(out, "  %.*s\n", (int)len, examples);
        examples += len + (examples[len] == '\n' ? 1 : 0);
    }
}

void help_print(const struct command *command, FILE *out)
{
    fprintf(out, "usage: berth %s%s%s%s\n", command->name,
            command->options != NULL ? " [OPTION...]" : "", command->operands != NULL ? " " : "",
            command->operands != NULL ? command->operands : "");
    if (command->description != NULL) {
        fputc('\n', out);
        print_wrapped(command->description, 0, 0, out);
    }
    print_options(command, out);
    if (command->exit_codes != NULL) {
        fputs("\nexit code: ", out);
        print_wrapped(command->exit_codes, strlen("exit code: "), strlen("exit code: "), out);
    }
    if (command->examples != NULL) {
        print_examples(command->examples, out);
    }
}

/* --- the list of commands ------------------------------------------------------------------- */

static const struct {
    enum command_group group;
    const char *title;
} groups[] = {
    {GROUP_OBJECTS, "objects"},
    {GROUP_SPECS, "spec files"},
    {GROUP_LOOKING, "tasks and containers"},
    {GROUP_OPERATING, "the controller and this machine"},
    {GROUP_OTHERS, "others"},
};

const char *help_group(size_t index, enum command_group *ret_group)
{
    if (index >= ARRAY_SIZE(groups)) {
        return NULL;
    }
    *ret_group = groups[index].group;
    return groups[index].title;
}

void help_print_commands(const struct command *const *list, FILE *out)
{
    enum command_group group;
    const char *title;

    fprintf(out,
            "berth %s: keeps the containers of this host as the files in a directory say\n\n"
            "usage: berth COMMAND [OPTION...]\n",
            BERTH_VERSION);
    for (size_t i = 0; (title = help_group(i, &group)) != NULL; i++) {
        fprintf(out, "\n%s:\n", title);
        for (size_t j = 0; list[j] != NULL; j++) {
            if (list[j]->summary != NULL && list[j]->group == group) {
                fprintf(out, "  %-18s %s\n", list[j]->name, list[j]->summary);
            }
        }
    }
    fputs("\nberth COMMAND --help tells more about one.\n", out);
}
