#include "clients/tree_work.h"

int tree_job_run(const struct tree_job *job, struct tree_result *ret_result, struct error *err)
{
    struct tree_result result = {0};
    int status = -1;

    switch (job->verb) {
    case TREE_PROBE: status = tree_probe(job, &result, err); break;
    case TREE_SHARE: status = tree_share(job, &result, err); break;
    case TREE_MAKE: status = tree_make(job, &result, err); break;
    case TREE_REMOVE: status = tree_remove_all(job, err); break;
    case TREE_CLEAR: status = tree_clear(job, err); break;
    case TREE_FREEZE: status = tree_freeze(job, &result, err); break;
    case TREE_MEASURE: status = tree_measure(job, &result, err); break;
    case TREE_INSPECT: status = tree_inspect(job, &result, err); break;
    case TREE_EXPORT: status = tree_export(job, &result, err); break;
    }
    if (status == 0) {
        *ret_result = result;
    }
    return status;
}
