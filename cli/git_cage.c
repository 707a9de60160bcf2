#include "cli/git_cage.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What newer kernels know than the headers that this is compiled with. */
#define ACCESS_FS_TRUNCATE (UINT64_C(1) << 14)  /* ABI 3 */
#define ACCESS_FS_IOCTL_DEV (UINT64_C(1) << 15) /* ABI 5 */
#define ACCESS_NET_BIND_TCP (UINT64_C(1) << 0)  /* ABI 4 */
#define ACCESS_NET_CONNECT_TCP (UINT64_C(1) << 1)
#define SCOPE_ABSTRACT_UNIX_SOCKET (UINT64_C(1) << 0) /* ABI 6 */
#define SCOPE_SIGNAL (UINT64_C(1) << 1)

/* struct landlock_ruleset_attr as it is by now; an older kernel is given less of it. */
struct ruleset {
    uint64_t fs, net, scoped;
};

/* The first with which a file can be moved or linked to another directory. */
enum { ABI_MIN = 2 };

static const uint64_t READ = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t READ_AND_WRITE =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_WRITE_FILE |
    LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER |
    ACCESS_FS_TRUNCATE;
static const uint64_t OF_FILES =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_FS_TRUNCATE;

/* Where systems keep what a connection needs; what is missing is left out. */
static const char *const needed[] = {
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/localtime",
    "/etc/ld.so.cache",
    "/etc/ssl",
    "/etc/pki",
    "/etc/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/etc/gcrypt",
    "/proc/sys/crypto",
    "/dev/urandom",
    "/dev/random",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
};

static int create_ruleset(unsigned abi, bool is_offline)
{
    struct ruleset ruleset = {
        .fs = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
              LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SOCK |
              LANDLOCK_ACCESS_FS_MAKE_FIFO | (READ_AND_WRITE & ~ACCESS_FS_TRUNCATE) |
              (abi >= 3 ? ACCESS_FS_TRUNCATE : 0) | (abi >= 5 ? ACCESS_FS_IOCTL_DEV : 0),
        .net = ACCESS_NET_BIND_TCP | (is_offline ? ACCESS_NET_CONNECT_TCP : 0),
        .scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL,
    };
    size_t size = abi >= 6   ? sizeof(ruleset)
                  : abi >= 4 ? offsetof(struct ruleset, scoped)
                             : offsetof(struct ruleset, net);

    return (int)syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
}

static int allow(int ruleset_fd, const char *path, uint64_t access, unsigned abi)
{
    auto_close int fd = open(path, O_PATH | O_CLOEXEC);
    struct landlock_path_beneath_attr rule = {.parent_fd = fd};
    struct stat info;

    if (fd < 0 || fstat(fd, &info) < 0) {
        return -1;
    }
    rule.allowed_access = access & (S_ISDIR(info.st_mode) ? ~UINT64_C(0) : OF_FILES) &
                          (abi >= 3 ? ~UINT64_C(0) : ~ACCESS_FS_TRUNCATE);
    return (int)syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

int git_cage_enter(const struct git_cage *cage, bool *ret_is_caged, struct error *err)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    auto_close int ruleset_fd = -1;

    if (abi < ABI_MIN) {
        *ret_is_caged = false;
        return 0;
    }
    ruleset_fd = create_ruleset((unsigned)abi, cage->is_offline);
    if (ruleset_fd < 0 || allow(ruleset_fd, cage->writable, READ_AND_WRITE, (unsigned)abi) < 0) {
        return error_set_errno(err, errno, "cage the git process in \"%s\"", cage->writable);
    }
    if (cage->readable != NULL) { /* one that does not exist shows when it is looked for */
        allow(ruleset_fd, cage->readable, READ, (unsigned)abi);
    }
    for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
        allow(ruleset_fd, needed[i], READ, (unsigned)abi);
    }
    if (syscall(SYS_landlock_restrict_self, ruleset_fd, 0) < 0) {
        return error_set_errno(err, errno, "cage the git process");
    }
    *ret_is_caged = true;
    return 0;
}
