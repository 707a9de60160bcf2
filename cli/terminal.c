#include "cli/terminal.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void choose_signals(sigset_t *ours)
{
    static const int numbers[] = {SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGQUIT};

    sigemptyset(ours);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        sigaddset(ours, numbers[i]);
    }
}

int terminal_hand_over(struct terminal *terminal, struct error *err)
{
    struct termios raw;
    sigset_t ours;

    *terminal = (struct terminal){.signal_fd = -1};
    if (tcgetattr(STDIN_FILENO, &terminal->before) < 0) {
        return error_set_errno(err, errno, "look at the terminal");
    }
    choose_signals(&ours);
    terminal->signal_fd = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
    if (terminal->signal_fd < 0) {
        return error_set_errno(err, errno, "wait for signals");
    }
    sigprocmask(SIG_BLOCK, &ours, &terminal->signals_before);
    terminal->is_away = true;
    raw = terminal->before;
    cfmakeraw(&raw);
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0) {
        error_set_errno(err, errno, "hand the terminal over");
        terminal_leave(terminal);
        return -1;
    }
    return 0;
}

void terminal_leave(struct terminal *terminal)
{
    if (!terminal->is_away) {
        return;
    }
    terminal->is_away = false;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->before);
    close(terminal->signal_fd);
    terminal->signal_fd = -1;
    sigprocmask(SIG_SETMASK, &terminal->signals_before, NULL);
}

int terminal_take_signal(const struct terminal *terminal)
{
    struct signalfd_siginfo info;

    return read(terminal->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)
               ? (int)info.ssi_signo
               : 0;
}

int terminal_size(unsigned *ret_rows, unsigned *ret_columns)
{
    struct winsize size;

    if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row == 0 || size.ws_col == 0) {
        return -1;
    }
    *ret_rows = size.ws_row;
    *ret_columns = size.ws_col;
    return 0;
}
