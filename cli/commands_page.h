/*
 * docs/reference/commands.md, from the tables of the commands.
 */
#ifndef BERTH_CLI_COMMANDS_PAGE_H
#define BERTH_CLI_COMMANDS_PAGE_H

#include "base/strbuf.h"
#include "cli/command.h"

void commands_page_add(struct strbuf *out, const struct command *const *list);

#endif
