/*
 * The terminal on standard input, handed over to a command elsewhere: nothing is echoed, edited or
 * taken for a signal here, every key goes through.
 *
 * It is given back by terminal_leave(), on every way out: signals that would end this process are
 * held back while it is away, and are for signal_fd.
 */
#ifndef BERTH_CLI_TERMINAL_H
#define BERTH_CLI_TERMINAL_H

#include "base/error.h"

#include <signal.h>
#include <stdbool.h>
#include <termios.h>

struct terminal {
    bool is_away;
    struct termios before;
    sigset_t signals_before;
    int signal_fd; /* SIGWINCH, and what asks us to end; -1: not away */
};

int terminal_hand_over(struct terminal *terminal, struct error *err);
void terminal_leave(struct terminal *terminal); /* also when it is not away */
#define terminal_done terminal_leave

/* The next signal that has come, or 0. */
int terminal_take_signal(const struct terminal *terminal);

/* Of the terminal; -1: it does not know. */
int terminal_size(unsigned *ret_rows, unsigned *ret_columns);

#endif
