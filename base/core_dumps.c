#include "base/core_dumps.h"

#include "base/sanitized.h"

#include <sys/prctl.h>
#include <sys/resource.h>

void core_dumps_off(void)
{
    prctl(PR_SET_DUMPABLE, IS_SANITIZED); /* the leak sanitizer traces its own process */
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
}
