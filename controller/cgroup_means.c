#include "controller/cgroup_means.h"

#include "base/memory.h"
#include "controller/cgroups.h"

char *cgroup_means_find(const struct docker_host *host, bool is_local,
                        struct capacity *ret_capacity)
{
    struct cgroups *cgroups;
    uv_loop_t loop;
    char *message;

    uv_loop_init(&loop);
    cgroups = cgroups_new(&loop, "000000", NULL);
    cgroups_take_engine(cgroups, host, is_local);
    *ret_capacity = *cgroups_capacity(cgroups);
    message = xstrdup(ret_capacity->message != NULL ? ret_capacity->message : "");
    ret_capacity->message = message;
    cgroups_close(cgroups);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    return message;
}
