#include "cli/exec_streams.h"

#include "cli/engine_frames.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum {
    INPUT_SIZE = 16 << 10,
    OUTPUT_SIZE = 64 << 10,
    /*
     * As much as a pipe that is ready is sure to take at once (PIPE_BUF): a longer write would
     * wait.
     */
    WRITE_SIZE = 4096,
};

struct carrier {
    const struct exec_streams *streams;
    struct engine_frames frames;
    char output[OUTPUT_SIZE];
    size_t output_at, output_len;
    struct engine_piece piece; /* of output, to be written */
    char input[INPUT_SIZE];
    size_t input_at, input_len;
    bool is_input_over; /* ours; the command is told when all of it was sent */
    bool is_closed;
};

/* Has a piece to write, if there is one to be had. */
static void find_piece(struct carrier *carrier)
{
    while (carrier->piece.len == 0 && !carrier->is_closed) {
        if (carrier->output_at < carrier->output_len) {
            carrier->output_at +=
                engine_frames_next(&carrier->frames, carrier->output + carrier->output_at,
                                   carrier->output_len - carrier->output_at, &carrier->piece);
            continue;
        }
        carrier->output_at = 0;
        carrier->output_len = 0;
        switch (engine_stream_receive(carrier->streams->stream, carrier->output, OUTPUT_SIZE,
                                      &carrier->output_len)) {
        case ENGINE_IO_DONE: break;
        case ENGINE_IO_AGAIN: return;
        case ENGINE_IO_CLOSED: carrier->is_closed = true; break;
        }
    }
}

static void send_input(struct carrier *carrier)
{
    struct engine_stream *stream = carrier->streams->stream;

    while (carrier->input_at < carrier->input_len) {
        size_t sent = 0;

        switch (engine_stream_send(stream, carrier->input + carrier->input_at,
                                   carrier->input_len - carrier->input_at, &sent)) {
        case ENGINE_IO_DONE: carrier->input_at += sent; break;
        case ENGINE_IO_AGAIN: return;
        case ENGINE_IO_CLOSED:
            /* a command that has ended takes no more, and what it wrote is still to be read */
            carrier->is_input_over = true;
            carrier->input_len = carrier->input_at;
            return;
        }
    }
}

static void read_input(struct carrier *carrier)
{
    ssize_t got = read(STDIN_FILENO, carrier->input, INPUT_SIZE);

    if (got > 0) {
        carrier->input_at = 0;
        carrier->input_len = (size_t)got;
        send_input(carrier);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        carrier->is_input_over = true;
        engine_stream_end_input(carrier->streams->stream);
    }
}

static int write_piece(struct carrier *carrier)
{
    struct engine_piece *piece = &carrier->piece;
    ssize_t put = write(piece->fd, piece->bytes, piece->len < WRITE_SIZE ? piece->len : WRITE_SIZE);

    if (put < 0) {
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    }
    piece->bytes += put;
    piece->len -= (size_t)put;
    return 0;
}

/* Returns the signal that asks us to end, or 0. */
static int take_signals(const struct carrier *carrier)
{
    const struct exec_streams *streams = carrier->streams;
    int number;

    while ((number = terminal_take_signal(streams->terminal)) != 0) {
        if (number != SIGWINCH) {
            return number;
        }
        streams->on_resize(streams->user);
    }
    return 0;
}

static void wait_for_work(const struct carrier *carrier, struct pollfd fds[4])
{
    bool has_input = carrier->input_at < carrier->input_len;
    const struct terminal *terminal = carrier->streams->terminal;

    /* a descriptor below 0 is passed over */
    fds[0] = (struct pollfd){.fd = has_input || carrier->is_input_over ? -1 : STDIN_FILENO,
                             .events = POLLIN};
    fds[1] =
        (struct pollfd){.fd = carrier->piece.len > 0 ? carrier->piece.fd : -1, .events = POLLOUT};
    fds[2] = (struct pollfd){.fd = terminal != NULL ? terminal->signal_fd : -1, .events = POLLIN};
    fds[3] = (struct pollfd){.fd = engine_stream_fd(carrier->streams->stream)};
    fds[3].events = (short)((carrier->piece.len == 0 ? POLLIN : 0) | (has_input ? POLLOUT : 0));
    if (fds[3].events == 0) {
        fds[3].fd = -1; /* its end would be told again and again */
    }
    poll(fds, 4, -1);
}

enum exec_end exec_streams_run(const struct exec_streams *streams, int *ret_signal,
                               struct error *err)
{
    static struct carrier carrier;

    carrier = (struct carrier){
        .streams = streams,
        .frames = {.is_raw = streams->terminal != NULL || streams->is_raw},
        .is_input_over = streams->has_no_input,
    };
    for (;;) {
        struct pollfd fds[4];

        find_piece(&carrier);
        if (carrier.is_closed && carrier.piece.len == 0) {
            return EXEC_CLOSED;
        }
        wait_for_work(&carrier, fds);
        if (fds[2].revents != 0 && (*ret_signal = take_signals(&carrier)) != 0) {
            return EXEC_SIGNALLED;
        }
        if (fds[0].revents != 0) {
            read_input(&carrier);
        }
        if (fds[3].revents != 0) {
            send_input(&carrier);
        }
        if (fds[1].revents != 0 && write_piece(&carrier) < 0) {
            if (errno == EPIPE) {
                return EXEC_UNWANTED;
            }
            error_set_errno(err, errno, "write the command's output");
            return EXEC_FAILED;
        }
    }
}
