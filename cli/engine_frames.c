#include "cli/engine_frames.h"

#include <string.h>
#include <unistd.h>

/* A header is {stream, 0, 0, 0, length as 32 bits big-endian}; streams: 1 stdout, 2 stderr. */
enum { STREAM_STDERR = 2 };

static void read_header(struct engine_frames *frames)
{
    const unsigned char *header = frames->header;

    frames->fd = header[0] == STREAM_STDERR ? STDERR_FILENO : STDOUT_FILENO;
    frames->left = (uint32_t)header[4] << 24 | (uint32_t)header[5] << 16 |
                   (uint32_t)header[6] << 8 | header[7];
    frames->header_len = 0;
}

/* Returns how many bytes went into headers; empty frames are passed over. */
static size_t take_headers(struct engine_frames *frames, const char *bytes, size_t len)
{
    size_t used = 0;

    while (frames->left == 0 && used < len) {
        size_t part = sizeof(frames->header) - frames->header_len;

        part = part < len - used ? part : len - used;
        memcpy(frames->header + frames->header_len, bytes + used, part);
        frames->header_len += part;
        used += part;
        if (frames->header_len == sizeof(frames->header)) {
            read_header(frames);
        }
    }
    return used;
}

size_t engine_frames_next(struct engine_frames *frames, const char *bytes, size_t len,
                          struct engine_piece *ret_piece)
{
    size_t used, part;

    if (frames->is_raw) {
        *ret_piece = (struct engine_piece){.fd = STDOUT_FILENO, .bytes = bytes, .len = len};
        return len;
    }
    used = take_headers(frames, bytes, len);
    part = frames->left < len - used ? frames->left : len - used;
    *ret_piece = (struct engine_piece){.fd = frames->fd, .bytes = bytes + used, .len = part};
    frames->left -= (uint32_t)part;
    return used + part;
}

bool engine_frames_is_within(const struct engine_frames *frames)
{
    return frames->left > 0 || frames->header_len > 0;
}
