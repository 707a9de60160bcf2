#include "base/process.h"

#include "base/file.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { PROC_MAX_BYTES = 16384 };

static char *read_proc(int64_t pid, const char *name)
{
    auto_free char *path = xasprintf("/proc/%lld/%s", (long long)pid, name);

    return pid > 0 ? file_read_kernel(path, PROC_MAX_BYTES) : NULL;
}

/* "pid (name) state parent ...": the name is the process' own choice and may hold anything. */
uint64_t process_start(int64_t pid)
{
    enum { FIELDS_BEFORE = 20 }; /* behind the name; proc(5) counts the start as 22nd of all */
    auto_free char *text = read_proc(pid, "stat");
    const char *at = text != NULL ? strrchr(text, ')') : NULL;

    for (int i = 0; at != NULL && i < FIELDS_BEFORE; i++) {
        at = strchr(at + 1, ' ');
    }
    return at != NULL ? strtoull(at + 1, NULL, 10) : 0;
}

bool process_has_cgroup(int64_t pid, const char *text)
{
    auto_free char *cgroups = read_proc(pid, "cgroup");

    return cgroups != NULL && strstr(cgroups, text) != NULL;
}

char *machine_boot_id(void)
{
    enum { BOOT_ID_LENGTH = 36 };
    auto_free char *text = file_read_kernel("/proc/sys/kernel/random/boot_id", BOOT_ID_LENGTH);

    return text != NULL && strlen(text) == BOOT_ID_LENGTH ? TAKE(text) : NULL;
}
