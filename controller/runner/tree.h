/*
 * Signals to everything that this process started, wherever it went.
 *
 * The caller is a subreaper, so whatever a command starts stays below us: also what was orphaned
 * and what made itself a session. Who is below us is read from /proc.
 */
#ifndef BERTH_CONTROLLER_RUNNER_TREE_H
#define BERTH_CONTROLLER_RUNNER_TREE_H

/*
 * Sends the signal to every descendant. Processes that are started meanwhile may be missed, and in
 * a chain of more than 64 generations with falling pids its end: to be rid of all of them, repeat
 * it with SIGKILL until wait(2) knows of no child.
 *
 * -1: /proc is missing, or shows another pid namespace than ours; nothing was sent.
 */
int tree_signal(int signal);

#endif
