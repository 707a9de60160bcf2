#include "controller/spawn.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* after its friends, which it needs */
#include <cmocka.h>

enum { MANY = 400 }; /* more ends than libuv's pipe of signals has room for, had each a watcher */

struct scene {
    uv_loop_t loop;
    struct spawned children[MANY];
    uv_pipe_t output;
    char text[512], chunk[512];
    unsigned ends;
    int exit_status, exit_signal; /* of the last that ended */
    bool has_output;
};

static void on_exit_of_child(struct spawned *child, int exit_status, int exit_signal)
{
    struct scene *scene = child->user;

    assert_true(child->pid > 0);
    scene->ends++;
    scene->exit_status = exit_status;
    scene->exit_signal = exit_signal;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct scene *scene = handle->data;

    (void)suggested;
    *buf = uv_buf_init(scene->chunk, sizeof(scene->chunk));
}

static void on_output(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct scene *scene = stream->data;

    if (got > 0) {
        assert_in_range(strlen(scene->text) + (size_t)got, 0, sizeof(scene->text) - 1);
        strncat(scene->text, buf->base, (size_t)got);
    } else if (got < 0) {
        uv_close((uv_handle_t *)stream, NULL);
    }
}

static int start(struct scene *scene, struct spawned *child, char *const *args,
                 char *const *environment)
{
    struct spawn_options options = {
        .args = args,
        .environment = environment,
        .streams = {NULL, scene->has_output ? &scene->output : NULL, NULL},
        .is_apart = true,
        .on_exit = on_exit_of_child,
        .user = scene,
    };

    return spawn_start(&scene->loop, child, &options);
}

static void end(struct scene *scene)
{
    assert_int_equal(uv_run(&scene->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&scene->loop), 0);
}

/* Runs a shell script to its end; what it writes is scene->text. */
static void run(struct scene *scene, const char *script, char *const *environment)
{
    auto_free char *text = xstrdup(script);
    char *args[] = {(char[]){"/bin/sh"}, (char[]){"-c"}, text, NULL};

    memset(scene, 0, sizeof(*scene));
    uv_loop_init(&scene->loop);
    uv_pipe_init(&scene->loop, &scene->output, 0);
    scene->output.data = scene;
    scene->has_output = true;
    assert_int_equal(start(scene, &scene->children[0], args, environment), 0);
    uv_read_start((uv_stream_t *)&scene->output, on_alloc, on_output);
    end(scene);
    assert_int_equal(scene->ends, 1);
}

static void how_a_child_ended_is_told(void **state)
{
    struct scene scene;

    (void)state;
    run(&scene, "exit 7", NULL);
    assert_int_equal(scene.exit_status, 7);
    assert_int_equal(scene.exit_signal, 0);
    run(&scene, "kill -KILL $$", NULL);
    assert_int_equal(scene.exit_status, 0);
    assert_int_equal(scene.exit_signal, SIGKILL);
}

static void a_child_has_its_environment_and_no_other(void **state)
{
    char *environment[] = {(char[]){"COLOUR=blue"}, NULL};
    struct scene scene;

    (void)state;
    setenv("BERTH_TEST_OURS", "ours", 1);
    run(&scene, "echo $COLOUR$BERTH_TEST_OURS", environment);
    assert_string_equal(scene.text, "blue\n");
    run(&scene, "echo $BERTH_TEST_OURS", NULL);
    assert_string_equal(scene.text, "ours\n");
    unsetenv("BERTH_TEST_OURS");
}

static void a_child_has_default_signals_and_is_apart(void **state)
{
    sigset_t usr1;
    struct scene scene;

    (void)state;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    sigprocmask(SIG_BLOCK, &usr1, NULL);
    signal(SIGPIPE, SIG_IGN);
    run(&scene, "kill -PIPE $$; exit 1", NULL);
    assert_int_equal(scene.exit_signal, SIGPIPE);
    run(&scene, "kill -USR1 $$; exit 1", NULL);
    assert_int_equal(scene.exit_signal, SIGUSR1);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_UNBLOCK, &usr1, NULL);
    /* its session and its process group are its own number */
    run(&scene, "read -r line </proc/self/stat; set -- ${line#*) }; [ $$ = $3 ] && [ $$ = $4 ]",
        NULL);
    assert_int_equal(scene.exit_status, 0);
}

static void a_child_has_none_of_our_descriptors(void **state)
{
    int fd = open("/etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_free char *script = xasprintf("readlink /proc/$$/fd/0 /proc/$$/fd/2 /proc/$$/fd/%d", fd);
    struct scene scene;

    (void)state;
    run(&scene, script, NULL);
    assert_string_equal(scene.text, "/dev/null\n/dev/null\n");
    close(fd);
}

static void what_cannot_be_executed_is_said_and_leaves_nothing(void **state)
{
    char *missing[] = {(char[]){"/nonexistent/program"}, NULL};
    char *folder[] = {(char[]){"/tmp"}, NULL};
    struct scene scene = {0};

    (void)state;
    uv_loop_init(&scene.loop);
    assert_int_equal(start(&scene, &scene.children[0], missing, NULL), UV_ENOENT);
    assert_int_equal(start(&scene, &scene.children[1], folder, NULL), UV_EACCES);
    assert_int_equal(scene.children[0].pid, 0);
    end(&scene);
    assert_int_equal(scene.ends, 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no zombie */
}

static void many_at_once_and_somebody_else_s_child_each_end_once(void **state)
{
    char *args[] = {(char[]){"true"}, NULL};
    struct scene scene = {0};
    int status;
    pid_t other;

    (void)state;
    uv_loop_init(&scene.loop);
    other = fork();
    if (other == 0) {
        _exit(42);
    }
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(start(&scene, &scene.children[i], args, NULL), 0);
    }
    usleep(200000); /* they end while the loop is busy with something else */
    end(&scene);
    assert_int_equal(scene.ends, MANY);
    assert_int_equal(waitpid(other, &status, 0), other); /* left to its owner */
    assert_int_equal(WEXITSTATUS(status), 42);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void what_is_in_the_background_or_forgotten_does_not_hold_the_loop(void **state)
{
    char *args[] = {(char[]){"sleep"}, (char[]){"1000"}, NULL};
    struct scene scene = {0};
    struct spawn_options options = {
        .args = args, .is_in_background = true, .on_exit = on_exit_of_child, .user = &scene};

    (void)state;
    uv_loop_init(&scene.loop);
    assert_int_equal(spawn_start(&scene.loop, &scene.children[0], &options), 0);
    assert_int_equal(start(&scene, &scene.children[1], args, NULL), 0);
    spawn_forget(&scene.children[1]);
    uv_run(&scene.loop, UV_RUN_DEFAULT);
    assert_int_equal(scene.ends, 0);
    spawn_forget(&scene.children[0]);
    end(&scene);
    for (size_t i = 0; i < 2; i++) {
        kill(scene.children[i].pid, SIGKILL);
        assert_int_equal(waitpid(scene.children[i].pid, NULL, 0), scene.children[i].pid);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(how_a_child_ended_is_told),
        cmocka_unit_test(a_child_has_its_environment_and_no_other),
        cmocka_unit_test(a_child_has_default_signals_and_is_apart),
        cmocka_unit_test(a_child_has_none_of_our_descriptors),
        cmocka_unit_test(what_cannot_be_executed_is_said_and_leaves_nothing),
        cmocka_unit_test(many_at_once_and_somebody_else_s_child_each_end_once),
        cmocka_unit_test(what_is_in_the_background_or_forgotten_does_not_hold_the_loop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
