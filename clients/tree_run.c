#include "clients/tree_failure.h"
#include "clients/tree_work.h"

#include <string.h>

int tree_job_run(const struct tree_job *job, struct tree_result *ret_result, struct error *err)
{
    struct tree_result result = {0};
    int status = -1;

    switch (job->verb) {
    case TREE_PROBE: status = tree_probe(job, &result, err); break;
    case TREE_SHARE: status = tree_share(job, &result, err); break;
    case TREE_MAKE: status = tree_make(job, &result, err); break;
    case TREE_REMOVE: status = tree_remove_all(job, err); break;
    case TREE_FREEZE:
    case TREE_INSPECT:
    case TREE_EXPORT:
    case TREE_MEASURE: return tree_refuse(err, "not made yet");
    }
    if (status == 0) {
        *ret_result = result;
    }
    return status;
}
