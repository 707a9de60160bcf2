#include "cli/man_page.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/version.h"
#include "cli/help.h"
#include "controller/settings.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 78 };

/* --- text ------------------------------------------------------------------------------------- */

static void add_escaped(struct strbuf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        switch (text[i]) {
        case '\\': strbuf_add(out, "\\e"); break;
        case '-': strbuf_add(out, "\\-"); break;
        case '\'': strbuf_add(out, "\\(aq"); break;
        case '^': strbuf_add(out, "\\(ha"); break;
        case '~': strbuf_add(out, "\\(ti"); break;
        case '`': strbuf_add(out, "\\(ga"); break;
        case '"': strbuf_add(out, "\\(dq"); break; /* a macro's line is split at it */
        default: strbuf_addf(out, "%c", text[i]); break;
        }
    }
}

/* One line of prose, in lines that are not too long; none of them begins with a point. */
static void add_line(struct strbuf *out, const char *text, size_t len)
{
    size_t column = 0, word_len;

    for (size_t i = 0; i < len; i += word_len) {
        i += strspn(text + i, " ");
        word_len = strcspn(text + i, " \n");
        word_len = word_len < len - i ? word_len : len - i;
        if (word_len == 0) {
            break;
        }
        if (column > 0 && (column + 1 + word_len > WIDTH || text[i - 2] == '.')) {
            strbuf_add(out, "\n"); /* a sentence begins a line */
            column = 0;
        }
        strbuf_add(out, column > 0 ? " " : text[i] == '.' || text[i] == '\'' ? "\\&" : "");
        add_escaped(out, text + i, word_len);
        column += word_len + (column > 0 ? 1 : 0);
    }
    strbuf_add(out, "\n");
}

void mdoc_add_text(struct strbuf *out, const char *text)
{
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");

        add_line(out, text, len);
        text += len;
        if (*text == '\n') {
            bool is_paragraph = text[1] == '\n';

            text += strspn(text, "\n");
            if (*text != '\0') {
                strbuf_add(out, is_paragraph ? ".Pp\n" : ".br\n");
            }
        }
    }
}

void mdoc_add_word(struct strbuf *out, const char *word)
{
    strbuf_add(out, "\\&"); /* "No", "Ar" and "|" mean something alone */
    for (; *word != '\0'; word++) {
        if (*word == ' ') {
            strbuf_add(out, "\\ ");
        } else {
            add_escaped(out, word, 1);
        }
    }
}

static void add_literal(struct strbuf *out, const char *text)
{
    strbuf_add(out, ".Bd -literal -offset indent\n");
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");

        strbuf_add(out, *text == '.' ? "\\&" : "");
        add_escaped(out, text, len);
        strbuf_add(out, "\n");
        text += len + (text[len] == '\n' ? 1 : 0);
    }
    strbuf_add(out, ".Ed\n");
}

/* --- parts of pages --------------------------------------------------------------------------- */

static void add_upper(struct strbuf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        strbuf_addf(out, "%c", toupper((unsigned char)*text));
    }
}

static void add_head(struct strbuf *out, const char *name, int section, const char *summary)
{
    strbuf_addf(out, ".\\\" Made by `make man`; do not edit.\n.Dd %s\n.Dt ", BERTH_RELEASE_DATE);
    add_upper(out, name);
    strbuf_addf(out, " %d\n.Os\n.Sh NAME\n.Nm ", section);
    mdoc_add_word(out, name);
    strbuf_add(out, "\n.Nd ");
    mdoc_add_word(out, summary);
    strbuf_add(out, "\n");
}

static void add_option(struct strbuf *out, const struct command_option *option)
{
    strbuf_add(out, ".It");
    if (option->id < 128) {
        strbuf_addf(out, " Fl %c ,", option->id);
    }
    strbuf_add(out, " Fl ");
    strbuf_add(out, "\\-");
    add_escaped(out, option->name, strlen(option->name));
    if (option->value != NULL) {
        strbuf_add(out, option->value[0] == '[' ? " Ns " : " Ar ");
        mdoc_add_word(out, option->value);
    }
    strbuf_add(out, "\n");
    mdoc_add_text(out, option->help);
}

static void add_options(struct strbuf *out, const struct command *command)
{
    static const struct command_option help = {'h', "help", NULL, "show a summary of this page",
                                               COMPLETE_NOTHING};

    strbuf_add(out, ".Sh OPTIONS\n.Bl -tag -width Ds\n");
    for (const struct command_option *option = command->options;
         option != NULL && option->name != NULL; option++) {
        add_option(out, option);
    }
    add_option(out, &help);
    strbuf_add(out, ".El\n");
}

static void add_synopsis(struct strbuf *out, const struct command *command)
{
    strbuf_addf(out, ".Sh SYNOPSIS\n.Nm berth %s\n", command->name);
    if (command->options != NULL) {
        strbuf_add(out, ".Op Ar option ...\n");
    }
    if (command->operands != NULL) {
        strbuf_add(out, ".Ar ");
        mdoc_add_word(out, command->operands);
        strbuf_add(out, "\n");
    }
}

void man_page_add_command(struct strbuf *out, const struct command *command)
{
    auto_free char *name = xasprintf("berth-%s", command->name);

    add_head(out, name, 1, command->summary);
    add_synopsis(out, command);
    strbuf_add(out, ".Sh DESCRIPTION\n");
    mdoc_add_text(out, command->description != NULL ? command->description : command->summary);
    add_options(out, command);
    if (command->exit_codes != NULL) {
        strbuf_add(out, ".Sh EXIT STATUS\n");
        mdoc_add_text(out, command->exit_codes);
    }
    if (command->examples != NULL) {
        strbuf_add(out, ".Sh EXAMPLES\n");
        add_literal(out, command->examples);
    }
    strbuf_add(out, ".Sh SEE ALSO\n.Xr berth 1 ,\n.Xr berth.yaml 5\n");
}

/* --- berth.1 ---------------------------------------------------------------------------------- */

static void add_command_list(struct strbuf *out, const struct command *const *list)
{
    enum command_group group;
    const char *title;

    strbuf_add(out, ".Sh COMMANDS\n");
    for (size_t i = 0; (title = help_group(i, &group)) != NULL; i++) {
        strbuf_addf(out, ".Ss %c%s\n.Bl -tag -width confirm\\-deletions\n",
                    toupper((unsigned char)title[0]), title + 1);
        for (size_t j = 0; list[j] != NULL; j++) {
            if (list[j]->summary != NULL && list[j]->group == group) {
                strbuf_add(out, ".It Cm ");
                mdoc_add_word(out, list[j]->name);
                strbuf_add(out, "\n");
                mdoc_add_text(out, list[j]->summary);
            }
        }
        strbuf_add(out, ".El\n");
    }
}

static void add_see_also(struct strbuf *out, const struct command *const *list)
{
    strbuf_add(out, ".Sh SEE ALSO\n");
    for (size_t i = 0; list[i] != NULL; i++) {
        if (list[i]->summary != NULL) {
            strbuf_addf(out, ".Xr berth-%s 1 ,\n", list[i]->name);
        }
    }
    strbuf_add(out, ".Xr berth.yaml 5\n");
}

static const char main_text[] =
    ".Sh SYNOPSIS\n.Nm\n.Ar command\n.Op Ar option ...\n.Op Ar operand ...\n"
    ".Sh DESCRIPTION\n"
    ".Nm\nkeeps the containers of one host as the files in a directory say.\n"
    "Users drop YAML files that describe machines\n.Pq Instance , InstancePool ,\n"
    "repositories\n.Pq Repository\nand work on repositories\n.Pq Task\ninto it.\n"
    ".Cm berth run\nis the controller: it watches the directory, starts and removes containers,\n"
    "and writes a status file beside every spec.\n"
    "All other commands read and write those files, and most need no controller.\n"
    ".Pp\n"
    "Each command has a page of its own,\n.Xr berth-get 1\nand so on, and\n.Fl \\-help .\n"
    "Commands find the specs and the state directory by an option, else by the environment, else\n"
    "by\n.Pa ./berth.yaml ,\nelse in the default places.\n";

static const char main_places[] =
    ".Sh ENVIRONMENT\n.Bl -tag -width BERTH_STATUS_DIR\n"
    ".It Ev BERTH_SPECS\nthe directory with the specs\n"
    ".It Ev BERTH_STATE\nthe state directory of the controller\n"
    ".It Ev BERTH_STATUS_DIR\nthe directory with the status files, where they are not beside the "
    "specs\n"
    ".It Ev DOCKER_HOST\nthe engine\n"
    ".El\n"
    ".Sh FILES\n.Bl -tag -width /etc/berth/specs\n"
    ".It Pa /etc/berth/specs\nthe specs\n"
    ".It Pa /var/lib/berth\nthe state directory\n"
    ".It Pa ./berth.yaml\nthe configuration, see\n.Xr berth.yaml 5\n"
    ".El\n"
    ".Sh EXIT STATUS\n.Bl -tag -width Ds\n"
    ".It 0\nwhat was asked for is so\n"
    ".It 1\nit is not; the reason is on standard error\n"
    ".It 2\nthe command line, or\n.Pa ./berth.yaml ,\nis wrong\n"
    ".It 124\nit was not so in time\n"
    ".El\n.Pp\n"
    "Some commands have more codes, which their pages tell.\n";

void man_page_add_main(struct strbuf *out, const struct command *const *list)
{
    add_head(out, "berth", 1, "keep the containers of a host as files say");
    strbuf_add(out, main_text);
    add_command_list(out, list);
    strbuf_add(out, main_places);
    add_see_also(out, list);
}

/* --- berth.yaml.5 ----------------------------------------------------------------------------- */

static const char configuration_text[] =
    ".Sh DESCRIPTION\n"
    "The configuration file of\n.Xr berth-run 1\nis a YAML map.\n"
    "Each key below is also an option of that command; options and environment outweigh it.\n"
    "What can be given several times as an option is a list here.\n"
    "Relative paths count from the folder of the file.\n"
    "Times are written 30s, 5m or 1h30m, sizes 512Mi or 8Gi.\n"
    ".Pp\n"
    "The file is read again at SIGHUP.\n"
    "What is marked below needs a restart; everything else is in force then.\n"
    ".Pp\n"
    "All commands take\n.Ic specs , state\nand\n.Ic statusDir\n"
    "from\n.Pa ./berth.yaml ,\nwhich must belong to who runs the command or to root.\n"
    ".Sh KEYS\n.Bl -tag -width Ds\n";

static const char configuration_example[] = "specs: specs\n"
                                            "state: /var/lib/berth\n"
                                            "ports: 20000-29999,31000-31999\n"
                                            "allowHostPath: [/srv/data]\n"
                                            "diskHigh: 90\n";

static void add_setting(struct strbuf *out, const struct setting *setting)
{
    strbuf_add(out, ".It Ic ");
    mdoc_add_word(out, setting->key);
    strbuf_add(out, " Ar ");
    mdoc_add_word(out, setting->value != NULL ? setting->value : "true|false");
    strbuf_add(out, "\n");
    mdoc_add_text(out, setting->help);
    strbuf_addf(out, ".br\nOption\n.Fl \\-");
    add_escaped(out, setting->flag, strlen(setting->flag));
    strbuf_add(out, setting->is_live ? " .\n" : " ;\na change needs a restart.\n");
}

void man_page_add_configuration(struct strbuf *out)
{
    add_head(out, "berth.yaml", 5, "configuration of the Berth controller");
    strbuf_add(out, configuration_text);
    for (unsigned i = 0; i < SETTING_COUNT; i++) {
        add_setting(out, &settings[i]);
    }
    strbuf_add(out, ".El\n.Sh EXAMPLES\n");
    add_literal(out, configuration_example);
    strbuf_add(out, ".Sh SEE ALSO\n.Xr berth 1 ,\n.Xr berth-run 1\n");
}
