/*
 * HTTP/1.1 messages out of bytes that arrive in pieces, for both ends of a connection.
 *
 * Fields that only frame a message (Connection, Content-Length, Transfer-Encoding, Expect, Upgrade)
 * are read and left out of the fields; bodies come decoded. What a peer sends is other people's: a
 * message that is none is an error, never an assertion.
 */
#ifndef BERTH_TESTS_FAKE_ENGINE_HTTP_READER_H
#define BERTH_TESTS_FAKE_ENGINE_HTTP_READER_H

#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http_state {
    HTTP_HEAD,
    HTTP_BODY,       /* of body_left bytes */
    HTTP_CHUNK_SIZE, /* the line in front of a chunk */
    HTTP_CHUNK,      /* body_left bytes, then a line end */
    HTTP_TRAILER,
    HTTP_UNTIL_CLOSE, /* a reply without a length */
    HTTP_END,         /* the message is through */
    HTTP_UPGRADED,    /* what follows is not HTTP */
};

struct http_reader {
    bool is_reply;
    bool has_no_body; /* set by who reads the reply to a HEAD */
    enum http_state state;
    struct strbuf line;    /* the head, or the begun line of a chunk's size */
    struct strbuf fields;  /* "Name: value\r\n" for each that does not frame */
    char *method, *target; /* of a request */
    int status;            /* of a reply */
    uint64_t body_left;
    bool is_chunked, is_upgrade, wants_continue, wants_close;
};

/* For a new message; what was read of the last one goes. */
void http_reader_reset(struct http_reader *reader, bool is_reply);
void http_reader_done(struct http_reader *reader);

/*
 * Takes bytes until a piece of the body is there, the head has ended or the message has: returns
 * how many were used, with the piece (part of bytes) in ret_piece. -1: this is no HTTP.
 */
long http_reader_feed(struct http_reader *reader, const char *bytes, size_t len,
                      const char **ret_piece, size_t *ret_piece_len);

/* The peer has closed: whether the message was whole. */
bool http_reader_ends_well(struct http_reader *reader);

#endif
