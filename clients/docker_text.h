/*
 * Texts that came from an engine, made fit for a status, a log line or a terminal.
 *
 * What an engine says may hold anything a container or a registry wrote: broken UTF-8, line
 * breaks, escape sequences.
 */
#ifndef BERTH_CLIENTS_DOCKER_TEXT_H
#define BERTH_CLIENTS_DOCKER_TEXT_H

#include <stddef.h>

/*
 * At most max_len bytes of the text as valid UTF-8 on one line: line breaks and tabs become a
 * space, other control characters and bytes that are no UTF-8 become U+FFFD, blanks at the end
 * go. A text that was cut ends in "...". The caller's to free. max_len must be at least 4.
 */
char *docker_text_clean(const char *bytes, size_t len, size_t max_len);

#endif
