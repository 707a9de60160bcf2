/*
 * "berth tree-worker": one job of clients/tree_job.h, from stdin, with one line of answer on
 * stdout. Not for people.
 *
 * It dies with its parent, and may be killed at any moment: the next job for the same tree cleans
 * up.
 */
#ifndef BERTH_CLI_CMD_TREE_WORKER_H
#define BERTH_CLI_CMD_TREE_WORKER_H

/* 0: an "R" line was written. 1: an "E" line was. */
int cmd_tree_worker(int argc, char **argv);

#endif
