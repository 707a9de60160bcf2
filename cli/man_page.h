/*
 * Manual pages in mdoc(7), from the tables of commands and settings: berth.1, one for each command,
 * berth.yaml.5.
 */
#ifndef BERTH_CLI_MAN_PAGE_H
#define BERTH_CLI_MAN_PAGE_H

#include "base/strbuf.h"
#include "cli/command.h"

/*
 * Text of several lines, wrapped; nothing in it is taken for mdoc's. A blank line begins a
 * paragraph.
 */
void mdoc_add_text(struct strbuf *out, const char *text);

/* A word that may stand behind a macro. */
void mdoc_add_word(struct strbuf *out, const char *word);

void man_page_add_command(struct strbuf *out, const struct command *command);
void man_page_add_main(struct strbuf *out, const struct command *const *list);
void man_page_add_configuration(struct strbuf *out);

#endif
