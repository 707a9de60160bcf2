/*
 * A Docker Engine that fails as it is told, on a Unix socket.
 *
 * usage: fake_engine --listen PATH --forward URL|--memory [OPTION...]
 *   --listen PATH        the socket to serve
 *   --forward URL        pass each call to the engine at URL (unix:///...)
 *   --memory             be an engine whose world is in memory, see memory_engine.h
 *   --api VERSION        the newest API version that this one speaks (1.51)
 *   --live-restore       its containers outlive it
 *   --script FILE        what goes wrong, see faults.h
 *   --seed N             choose calls and faults by this number
 *   --permille N         so many calls in a thousand fail by the seed (50)
 *   --last N             only the first N calls and events fail by the seed (0: all)
 *   --log FILE           a line for each call is added, see front.h
 *
 * It prints "ready" when the socket is there, and ends at SIGTERM or SIGINT.
 */
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "tests/support/fake_engine/forward.h"
#include "tests/support/fake_engine/front.h"
#include "tests/support/fake_engine/memory_engine.h"

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    const char *listen, *forward, *script, *log, *api;
    uint64_t seed, permille, last;
    bool has_seed, is_memory, is_live_restore;
};

static void die(const char *message)
{
    fprintf(stderr, "fake_engine: %s\n", message);
    exit(2);
}

static uint64_t number_of(const char *text)
{
    uint64_t number;

    if (parse_u64(text, &number) < 0) {
        die("an option wants a number");
    }
    return number;
}

static struct options read_options(int argc, char **argv)
{
    static const struct option known[] = {
        {"listen", required_argument, NULL, 'l'},
        {"forward", required_argument, NULL, 'f'},
        {"script", required_argument, NULL, 's'},
        {"seed", required_argument, NULL, 'S'},
        {"permille", required_argument, NULL, 'p'},
        {"last", required_argument, NULL, 'L'},
        {"log", required_argument, NULL, 'o'},
        {"memory", no_argument, NULL, 'm'},
        {"api", required_argument, NULL, 'a'},
        {"live-restore", no_argument, NULL, 'r'},
        {0},
    };
    struct options options = {.permille = 50, .api = "1.51"};
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 'l': options.listen = optarg; break;
        case 'f': options.forward = optarg; break;
        case 's': options.script = optarg; break;
        case 'm': options.is_memory = true; break;
        case 'a': options.api = optarg; break;
        case 'r': options.is_live_restore = true; break;
        case 'o': options.log = optarg; break;
        case 'S':
            options.seed = number_of(optarg);
            options.has_seed = true;
            break;
        case 'p': options.permille = number_of(optarg); break;
        case 'L': options.last = number_of(optarg); break;
        default: exit(2);
        }
    }
    if (optind < argc || options.listen == NULL) {
        die("usage: fake_engine --listen PATH --forward URL|--memory [OPTION...]");
    }
    return options;
}

static struct faults *make_faults(const struct options *options)
{
    struct faults *faults = faults_new();
    struct error err = {0};
    auto_free char *text = NULL;

    if (options->script != NULL &&
        (file_read(AT_FDCWD, options->script, 1 << 20, &text, NULL, &err) < 0 ||
         faults_set_script(faults, text, &err) < 0)) {
        die(err.message);
    }
    if (options->has_seed) {
        faults_set_seed(faults, options->seed, (unsigned)options->permille,
                        (unsigned)options->last);
    }
    return faults;
}

static struct back_end *make_back_end(uv_loop_t *loop, const struct options *options)
{
    static const char scheme[] = "unix://";

    if (options->is_memory) {
        return memory_engine_new(loop, options->api, options->is_live_restore);
    }
    if (options->forward == NULL || !text_has_prefix(options->forward, scheme)) {
        die("--memory, or --forward unix:///path");
    }
    return forward_new(loop, options->forward + strlen(scheme));
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    uv_stop(handle->loop);
}

static void stop_at_signals(uv_loop_t *loop, uv_signal_t handles[2])
{
    static const int numbers[] = {SIGTERM, SIGINT};

    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        uv_signal_init(loop, &handles[i]);
        uv_signal_start(&handles[i], on_signal, numbers[i]);
    }
}

int main(int argc, char **argv)
{
    struct options options = read_options(argc, argv);
    uv_loop_t *loop = uv_default_loop();
    struct faults *faults = make_faults(&options);
    struct back_end *back_end = make_back_end(loop, &options);
    FILE *log = options.log != NULL ? fopen(options.log, "ae") : NULL;
    struct front *front = front_new(loop, back_end, faults, log);
    struct error err = {0};
    uv_signal_t handles[2];

    if (options.log != NULL && log == NULL) {
        die("the log cannot be opened");
    }
    stop_at_signals(loop, handles);
    if (front_listen(front, options.listen, &err) < 0) {
        die(err.message);
    }
    printf("ready\n");
    fflush(stdout);
    uv_run(loop, UV_RUN_DEFAULT);

    front_close(front);
    uv_close((uv_handle_t *)&handles[0], NULL);
    uv_close((uv_handle_t *)&handles[1], NULL);
    back_end->ops->close(back_end);
    uv_run(loop, UV_RUN_DEFAULT);
    uv_loop_close(loop);
    faults_free(faults);
    if (log != NULL) {
        fclose(log);
    }
    return 0;
}
