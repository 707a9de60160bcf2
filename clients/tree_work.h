/*
 * The verbs of clients/tree_job.h, one function each, as tree_job_run() calls them.
 */
#ifndef BERTH_CLIENTS_TREE_WORK_H
#define BERTH_CLIENTS_TREE_WORK_H

#include "clients/tree_job.h"

/* ret_result is zeroed before; what a verb does not tell stays so. */
int tree_probe(const struct tree_job *job, struct tree_result *ret_result, struct error *err);
int tree_share(const struct tree_job *job, struct tree_result *ret_result, struct error *err);
int tree_make(const struct tree_job *job, struct tree_result *ret_result, struct error *err);
int tree_freeze(const struct tree_job *job, struct tree_result *ret_result, struct error *err);
int tree_inspect(const struct tree_job *job, struct tree_result *ret_result, struct error *err);
int tree_export(const struct tree_job *job, struct tree_result *ret_result, struct error *err);
int tree_measure(const struct tree_job *job, struct tree_result *ret_result, struct error *err);
int tree_remove_all(const struct tree_job *job, struct error *err);
int tree_clear(const struct tree_job *job, struct error *err);

#endif
