/*
 * The bytes of a container's or a command's output as the engine sends them: raw from a terminal,
 * else in frames of standard output and error.
 */
#ifndef BERTH_CLI_ENGINE_FRAMES_H
#define BERTH_CLI_ENGINE_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine_frames {
    bool is_raw; /* all of it is standard output */
    unsigned char header[8];
    size_t header_len;
    uint32_t left; /* of the frame at hand */
    int fd;        /* 1 or 2, of the frame at hand */
};

/* Bytes for one descriptor; part of those that were given. */
struct engine_piece {
    int fd;
    const char *bytes;
    size_t len; /* 0: a header was incomplete, and there is nothing more */
};

/*
 * Takes the first piece from the bytes and returns how many were used up, which is all of them when
 * the piece has none. Call it until all are.
 */
size_t engine_frames_next(struct engine_frames *frames, const char *bytes, size_t len,
                          struct engine_piece *ret_piece);

/* Whether a frame has begun and not ended: the stream was cut when nothing more comes. */
bool engine_frames_is_within(const struct engine_frames *frames);

#endif
