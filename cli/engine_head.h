/*
 * The head of an engine's reply to a request for an upgrade, which is read from the bare
 * connection: curl is of no help there.
 */
#ifndef BERTH_CLI_ENGINE_HEAD_H
#define BERTH_CLI_ENGINE_HEAD_H

#include <stddef.h>

enum { ENGINE_HEAD_MAX = 64 << 10 }; /* of the head, and of a body that says why not */

/*
 * The length of the head at the front of the text, with its empty line; 0: it has not come whole.
 */
size_t engine_head_len(const char *text);

/* "HTTP/1.1 101 UPGRADED"; 0: it is no such line. */
int engine_head_status(const char *head);

/* The length of the body as the head tells it, at most ENGINE_HEAD_MAX; 0: it does not. */
size_t engine_head_body_len(const char *head);

#endif
