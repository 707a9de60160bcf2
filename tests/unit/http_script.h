/*
 * An HTTP server that misbehaves on request, on a Unix socket of the test's own loop.
 *
 * What it does is in the path of the request (a version in front and a query behind are skipped):
 *
 *   /echo         200, the whole request as the body
 *   /pieces       200, a body of HTTP_SCRIPT_PIECES, each byte in a write of its own
 *   /chunks       200, the same as a chunked stream, a chunk for each byte
 *   /burst        200, these chunks in a single write
 *   /endless      200, a chunked stream of "begun;", then nothing more
 *   /silent       no answer at all
 *   /close        closes the connection instead of an answer
 *   /cut          200, 10 bytes of the 100 that it promised, closes
 *   /cut-chunked  200, one chunk, closes
 *   /nonsense     what is no HTTP
 *   /missing      404 with a message
 *   /early        404 before the body was read, closes
 *   /moved        301 to /echo
 *   /large        200, HTTP_SCRIPT_LARGE bytes      /large-error  500, as many
 *
 * Its handles do not keep the loop alive.
 */
#ifndef BERTH_TESTS_UNIT_HTTP_SCRIPT_H
#define BERTH_TESTS_UNIT_HTTP_SCRIPT_H

#include <uv.h>

#define HTTP_SCRIPT_PIECES "0123456789abcdefghijklmnopqrstuvwxyz"

enum { HTTP_SCRIPT_LARGE = 100000 };

struct http_script;

/* Aborts when the socket cannot be made. */
struct http_script *http_script_new(uv_loop_t *loop, const char *socket_path);
/* Closes all; the memory goes in the loop's next turn. */
void http_script_free(struct http_script *script);

/* Connections since birth, those that are open now, and requests whose head was read. */
unsigned http_script_connections(const struct http_script *script);
unsigned http_script_open(const struct http_script *script);
unsigned http_script_requests(const struct http_script *script);

#endif
