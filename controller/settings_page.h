/*
 * docs/reference/configuration.md, from the table of settings.
 */
#ifndef BERTH_CONTROLLER_SETTINGS_PAGE_H
#define BERTH_CONTROLLER_SETTINGS_PAGE_H

#include "base/strbuf.h"

void settings_page_add(struct strbuf *out);

#endif
