#include "cli/engine_frames.h"

#include "base/cleanup.h"
#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

/* out "ab", an empty frame, err "x", out "" and "cde" */
static const char stream[] = "\1\0\0\0\0\0\0\2ab"
                             "\1\0\0\0\0\0\0\0"
                             "\2\0\0\0\0\0\0\1x"
                             "\1\0\0\0\0\0\0\3cde";

struct outputs {
    struct strbuf out, err;
};

static void feed(struct engine_frames *frames, const char *bytes, size_t len,
                 struct outputs *outputs)
{
    while (len > 0) {
        struct engine_piece piece;
        size_t used = engine_frames_next(frames, bytes, len, &piece);

        assert_true(used > 0 && used <= len);
        assert_true(piece.len > 0 || used == len);
        assert_true(piece.len == 0 ||
                    (piece.bytes >= bytes && piece.bytes + piece.len <= bytes + len));
        strbuf_append(piece.fd == 2 ? &outputs->err : &outputs->out, piece.bytes, piece.len);
        bytes += used;
        len -= used;
    }
}

static void outputs_done(struct outputs *outputs)
{
    strbuf_done(&outputs->out);
    strbuf_done(&outputs->err);
}

static void frames_are_told_apart_wherever_the_bytes_are_cut(void **state)
{
    size_t len = sizeof(stream) - 1;

    (void)state;
    for (size_t first = 0; first <= len; first++) {
        for (size_t second = first; second <= len; second++) {
            auto_done(outputs) outputs = {0};
            struct engine_frames frames = {0};

            feed(&frames, stream, first, &outputs);
            feed(&frames, stream + first, second - first, &outputs);
            feed(&frames, stream + second, len - second, &outputs);
            assert_string_equal(strbuf_text(&outputs.out), "abcde");
            assert_string_equal(strbuf_text(&outputs.err), "x");
            assert_false(engine_frames_is_within(&frames));
        }
    }
}

static void a_stream_that_is_cut_is_within_a_frame(void **state)
{
    auto_done(outputs) outputs = {0};
    struct engine_frames frames = {0};

    (void)state;
    assert_false(engine_frames_is_within(&frames));
    feed(&frames, stream, 3, &outputs);
    assert_true(engine_frames_is_within(&frames));
    feed(&frames, stream + 3, 6, &outputs);
    assert_true(engine_frames_is_within(&frames));
    feed(&frames, stream + 9, 1, &outputs);
    assert_false(engine_frames_is_within(&frames));
}

static void a_terminal_has_no_frames(void **state)
{
    auto_done(outputs) outputs = {0};
    struct engine_frames frames = {.is_raw = true};

    (void)state;
    feed(&frames, "\1\0\0\0\0\0\0\2ab", 10, &outputs);
    assert_int_equal(outputs.out.len, 10);
    assert_int_equal(outputs.err.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_told_apart_wherever_the_bytes_are_cut),
        cmocka_unit_test(a_stream_that_is_cut_is_within_a_frame),
        cmocka_unit_test(a_terminal_has_no_frames),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
