/*
 * A connection that the engine upgraded: the head of its reply, then a command's output in frames.
 * The same bytes give the same output at whatever boundaries they arrive, none is lost, and none
 * comes from nowhere.
 */
#include "base/memory.h"
#include "base/strbuf.h"
#include "cli/engine_frames.h"
#include "cli/engine_head.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

struct outputs {
    struct strbuf of[3]; /* by descriptor */
    bool is_within;
};

static void outputs_done(struct outputs *outputs)
{
    strbuf_done(&outputs->of[1]);
    strbuf_done(&outputs->of[2]);
}

static void feed_piece(struct engine_frames *frames, const char *bytes, size_t len,
                       struct outputs *outputs)
{
    while (len > 0) {
        struct engine_piece piece;
        size_t used = engine_frames_next(frames, bytes, len, &piece);

        assert(used > 0 && used <= len && (piece.len > 0 || used == len));
        if (piece.len > 0) {
            assert(piece.fd == 1 || piece.fd == 2);
            assert(piece.bytes >= bytes && piece.bytes + piece.len == bytes + used);
            strbuf_append(&outputs->of[piece.fd], piece.bytes, piece.len);
        }
        bytes += used;
        len -= used;
    }
}

static void feed(bool is_raw, const char *bytes, size_t len, size_t part, struct outputs *outputs)
{
    struct engine_frames frames = {.is_raw = is_raw};

    *outputs = (struct outputs){0};
    for (size_t i = 0; i < len; i += part) {
        feed_piece(&frames, bytes + i, part < len - i ? part : len - i, outputs);
    }
    outputs->is_within = engine_frames_is_within(&frames);
    assert(outputs->of[1].len + outputs->of[2].len <= len);
}

static void check_frames(bool is_raw, const char *bytes, size_t len)
{
    const size_t parts[] = {1, 3, 8, 1 + len / 2};
    auto_done(outputs) whole = {0};

    feed(is_raw, bytes, len, len + 1, &whole);
    assert(!is_raw || whole.of[1].len == len);
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        auto_done(outputs) split = {0};

        feed(is_raw, bytes, len, parts[i], &split);
        assert(split.is_within == whole.is_within);
        for (int fd = 1; fd <= 2; fd++) {
            assert(strbuf_text(&split.of[fd]) != NULL && split.of[fd].len == whole.of[fd].len);
            assert(memcmp(strbuf_text(&split.of[fd]), strbuf_text(&whole.of[fd]),
                          whole.of[fd].len) == 0);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = size > 0 ? (const char *)data : "";
    auto_free char *text = xstrndup(bytes, size);
    size_t head_len = engine_head_len(text);
    int status = engine_head_status(text);

    assert(head_len <= strlen(text) && status >= 0 && status <= 999);
    assert(engine_head_body_len(text) <= ENGINE_HEAD_MAX);
    check_frames(false, bytes + head_len, size - head_len);
    check_frames(true, bytes + head_len, size - head_len);
    return 0;
}
