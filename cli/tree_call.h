/*
 * One job of clients/tree_job.h, done by "berth tree-worker" while we wait.
 */
#ifndef BERTH_CLI_TREE_CALL_H
#define BERTH_CLI_TREE_CALL_H

#include "clients/tree_job.h"

/* SIGPIPE must be ignored: the worker may end before it has read its job. */
int tree_call(const struct tree_job *job, struct tree_result *ret_result, struct error *err);

#endif
