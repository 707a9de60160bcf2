#include "cli/git_cage.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* after its friends, which it needs */
#include <cmocka.h>

/*
 * What is tried from within, in a child of the test's. Each is 0, or the errno that it failed with.
 * The folder has "mirror", which is the cage, with a file "f"; "source", which may be read, with a
 * file "f"; and "other" with a file "f".
 */

static int try_read(const char *path)
{
    char byte;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    return fd < 0 || read(fd, &byte, 1) < 0 ? errno : 0;
}

static int try_write(const char *path)
{
    return open(path, O_WRONLY | O_CLOEXEC) < 0 ? errno : 0;
}

static int try_create(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0 ? errno : 0;
}

static int try_truncate(const char *path)
{
    return truncate(path, 0) < 0 ? errno : 0;
}

static int try_remove(const char *path)
{
    return unlink(path) < 0 ? errno : 0;
}

static int try_list(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) < 0 ? errno : 0;
}

static int try_fifo(const char *path)
{
    return mkfifo(path, 0600) < 0 ? errno : 0;
}

static int try_link_out(const char *path)
{
    return link("mirror/f", path) < 0 ? errno : 0;
}

static int try_move_out(const char *path)
{
    return rename("mirror/f", path) < 0 ? errno : 0;
}

/* From one directory of the cage to another one, as a snapshot does with packs. */
static int try_link_within(const char *path)
{
    return mkdir("mirror/d", 0700) < 0 || link("mirror/f", path) < 0 ? errno : 0;
}

static int try_symlink_way(const char *path)
{
    return symlink("/etc/passwd", path) < 0 ? errno : try_read(path);
}

static int try_run(const char *path)
{
    execl(path, path, NULL); /* returns only when it failed */
    return errno;
}

static int try_listen(const char *path)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    (void)path;
    return bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? errno : 0;
}

static int try_connect(const char *path)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(1), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    (void)path;
    return connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? errno : 0;
}

static int try_signal(const char *path)
{
    (void)path;
    return kill(getppid(), 0) < 0 ? errno : 0;
}

/* --- the cage --------------------------------------------------------------------------------- */

enum { NOT_CAGED = 255, NO_CAGE = 254 };

/* Each test has a folder, and is in it. */
static int enter_folder(void **state)
{
    static const char *const names[] = {"mirror", "source", "other"};
    char *folder = xstrdup("/tmp/test_git_cage.XXXXXX");
    struct error err = {0};

    *state = folder;
    if (mkdtemp(folder) == NULL || chdir(folder) < 0) {
        return -1;
    }
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        auto_free char *file = path_join(names[i], "f");

        if (mkdir(names[i], 0755) < 0 ||
            file_replace(AT_FDCWD, file, "x", 1, 0644, FILE_VISIBLE, &err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int leave_folder(void **state)
{
    auto_free char *folder = *state;
    struct error err = {0};

    return chdir("/") < 0 ? -1 : tree_remove(folder, &err);
}

/* What the attempt comes to in a cage, or NOT_CAGED. */
static int from_within(bool is_offline, int (*attempt)(const char *path), const char *path)
{
    const struct git_cage cage = {
        .writable = "mirror", .readable = "source", .is_offline = is_offline};
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        struct error err = {0};
        bool is_caged = false;

        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (git_cage_enter(&cage, &is_caged, &err) < 0) {
            _exit(NO_CAGE);
        }
        _exit(is_caged ? attempt(path) : NOT_CAGED);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status)); /* a program that was run would have ended in another way */
    assert_int_not_equal(WEXITSTATUS(status), NO_CAGE);
    return WEXITSTATUS(status);
}

/* A kernel that cannot is said to be one, and there is nothing to see. */
static bool kernel_can(void)
{
    return from_within(false, try_read, "mirror/f") != NOT_CAGED;
}

struct row {
    int (*attempt)(const char *path);
    const char *path;
};

static void what_the_work_needs_can_be_had(void **state)
{
    static const struct row rows[] = {
        {try_read, "mirror/f"},     {try_write, "mirror/f"},         {try_create, "mirror/new"},
        {try_list, "mirror"},       {try_link_within, "mirror/d/f"}, {try_truncate, "mirror/f"},
        {try_remove, "mirror/new"}, {try_read, "source/f"},          {try_list, "source"},
        {try_read, "/etc/hosts"},   {try_read, "/dev/urandom"},      {try_list, "/etc/ssl/certs"},
    };

    (void)state;
    for (size_t i = 0; kernel_can() && i < ARRAY_SIZE(rows); i++) {
        int number = from_within(false, rows[i].attempt, rows[i].path);

        if (number != 0) {
            fail_msg("row %zu, \"%s\": %s", i, rows[i].path, strerror(number));
        }
    }
}

static void nothing_else_can_be_reached_whoever_we_are(void **state)
{
    static const struct row rows[] = {
        {try_read, "other/f"},     {try_write, "other/f"},
        {try_create, "other/new"}, {try_create, "new"},
        {try_remove, "other/f"},   {try_list, "other"},
        {try_list, "."},           {try_list, "/"},
        {try_read, "/etc/passwd"}, {try_read, "/proc/self/environ"},
        {try_write, "source/f"},   {try_create, "source/new"},
        {try_remove, "source/f"},  {try_write, "/dev/urandom"},
        {try_fifo, "mirror/fifo"}, {try_symlink_way, "mirror/link"},
        {try_run, "/bin/true"},
    };

    (void)state;
    for (size_t i = 0; kernel_can() && i < ARRAY_SIZE(rows); i++) {
        int number = from_within(false, rows[i].attempt, rows[i].path);

        if (number != EACCES) {
            fail_msg("row %zu, \"%s\": %s", i, rows[i].path, strerror(number));
        }
    }
}

static void no_file_gets_out(void **state)
{
    (void)state;
    if (kernel_can()) {
        assert_int_not_equal(from_within(false, try_link_out, "other/g"), 0);
        assert_int_not_equal(from_within(false, try_move_out, "other/g"), 0);
        assert_int_not_equal(from_within(false, try_move_out, "source/f"), 0);
        assert_false(path_exists("other/g"));
        assert_true(path_exists("mirror/f"));
    }
}

/* What newer kernels can in addition: 0 where this one cannot. */
static void nobody_outside_is_met_where_the_kernel_can_tell(void **state)
{
    (void)state;
    if (kernel_can()) {
        int listening = from_within(false, try_listen, NULL);
        int connecting = from_within(true, try_connect, NULL);
        int signalling = from_within(false, try_signal, NULL);

        assert_true(listening == EACCES || listening == 0);
        assert_int_equal(connecting, listening == EACCES ? EACCES : ECONNREFUSED);
        assert_int_equal(from_within(false, try_connect, NULL), ECONNREFUSED);
        assert_true(signalling == EPERM || signalling == 0);
    }
}

static void a_cage_that_is_not_there_is_an_error(void **state)
{
    bool is_caged = true;
    struct error err = {0};

    (void)state;
    if (git_cage_enter(&(const struct git_cage){.writable = "nowhere"}, &is_caged, &err) < 0) {
        assert_non_null(strstr(err.message, "nowhere"));
    } else {
        assert_false(is_caged); /* not by this kernel, and so not to be missed */
    }
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(what_the_work_needs_can_be_had),
        IN_FOLDER(nothing_else_can_be_reached_whoever_we_are),
        IN_FOLDER(no_file_gets_out),
        IN_FOLDER(nobody_outside_is_met_where_the_kernel_can_tell),
        IN_FOLDER(a_cage_that_is_not_there_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
