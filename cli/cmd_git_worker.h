/*
 * "berth git-worker": one job of clients/git_protocol.h, from stdin, with its lines on stdout. Not
 * for people.
 *
 * Two processes: a keeper that stays who it is and a worker that uses libgit2 as the job's run_as
 * user within limits. The keeper makes the directories that the worker may write in (the mirror's
 * parent, and "<parent of tree>/.<name of tree>.staging"), passes the worker's lines on after
 * reading them with care, and at the end gives the finished tree to its owner and moves it into
 * place. Both die with the controller and with their process group; a killed job leaves nothing
 * under the final names, and the next one for the same tree or mirror removes its remains.
 */
#ifndef BERTH_CLI_CMD_GIT_WORKER_H
#define BERTH_CLI_CMD_GIT_WORKER_H

/* 0: an "R" line was written. 1: an "E" line was. */
int cmd_git_worker(int argc, char **argv);

#endif
