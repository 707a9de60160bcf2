#include "cli/git_hosts.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/parse.h"
#include "specs/repo_url.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

void git_hosts_done(struct git_hosts *hosts)
{
    for (size_t i = 0; i < hosts->count; i++) {
        free(hosts->items[i].host);
        free(hosts->items[i].port);
    }
    hosts->count = 0;
}

/* --- which ------------------------------------------------------------------------------------ */

static const char *default_port(const char *scheme)
{
    static const char *const ports[][2] = {
        {"https", "443"}, {"http", "80"}, {"ssh", "22"}, {"git", "9418"}};

    for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
        if (text_equal(ports[i][0], scheme)) {
            return ports[i][1];
        }
    }
    return NULL; /* file: no server */
}

static void add(struct git_hosts *hosts, char *host, char *port)
{
    bool is_known = false;

    for (size_t i = 0; i < hosts->count && !is_known; i++) {
        is_known =
            strcmp(hosts->items[i].host, host) == 0 && strcmp(hosts->items[i].port, port) == 0;
    }
    if (is_known || hosts->count == GIT_HOSTS_MAX) {
        hosts->left_out += is_known ? 0 : 1;
        free(host);
        free(port);
        return;
    }
    hosts->items[hosts->count++] = (struct git_host){.host = host, .port = port};
}

void git_hosts_add_url(struct git_hosts *hosts, const char *text)
{
    auto_done(repo_url) url = {0};
    struct error err = {0};
    const char *port, *end;

    if (repo_url_parse(text, &url, &err) < 0 || default_port(url.scheme) == NULL) {
        return;
    }
    /* the canonical form has the port where it is another one than the scheme's */
    end = url.canonical[0] == '[' ? strchr(url.canonical, ']') : url.canonical;
    port = end != NULL ? end + strcspn(end, ":/") : "";
    add(hosts,
        url.canonical[0] == '[' && end != NULL
            ? xstrndup(url.canonical + 1, (size_t)(end - url.canonical - 1))
            : xstrndup(url.canonical, (size_t)(port - url.canonical)),
        port[0] == ':' ? xstrndup(port + 1, strcspn(port + 1, "/"))
                       : xstrdup(default_port(url.scheme)));
}

void git_hosts_add(struct git_hosts *hosts, const struct spec_file *file)
{
    for (size_t i = 0; i < file->count; i++) {
        const struct object *object = file->documents[i].object;

        if (object == NULL) {
            continue;
        }
        switch (object->kind) { /* no default: a kind that is forgotten does not compile */
        case KIND_REPOSITORY: git_hosts_add_url(hosts, object->repository.url); break;
        case KIND_TASK:
            if (object->task.repository_url != NULL) {
                git_hosts_add_url(hosts, object->task.repository_url);
            }
            break;
        case KIND_INSTANCE_POOL:
            for (size_t u = 0; u < object->pool.warm_repositories.count; u++) {
                git_hosts_add_url(hosts, object->pool.warm_repositories.items[u]);
            }
            break;
        case KIND_INSTANCE: break;
        }
    }
}

/* --- whether they are there ------------------------------------------------------------------- */

/* 0, or the number of the error. */
static int connect_within(const struct addrinfo *address, int limit_ms)
{
    auto_close int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    int number = 0;
    socklen_t len = sizeof(number);

    if (fd < 0) {
        return errno;
    }
    if (connect(fd, address->ai_addr, address->ai_addrlen) == 0) {
        return 0;
    }
    if (errno != EINPROGRESS) {
        return errno;
    }
    if (poll(&ready, 1, limit_ms) <= 0) {
        return ETIMEDOUT;
    }
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &len) < 0 ? errno : number;
}

/* Writes "+<address>" or "-<why not>". */
static void reach_one(const struct git_host *host, int limit_ms, int out)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    int result = getaddrinfo(host->host, host->port, &hints, &found);
    char text[GIT_HOST_MESSAGE_SIZE], name[NI_MAXHOST] = "";
    int number = 0;

    if (result != 0) {
        snprintf(text, sizeof(text), "-its name cannot be looked up: %s", gai_strerror(result));
    }
    for (const struct addrinfo *at = found; at != NULL; at = at->ai_next) {
        getnameinfo(at->ai_addr, at->ai_addrlen, name, sizeof(name), NULL, 0, NI_NUMERICHOST);
        number = connect_within(at, limit_ms);
        if (number == 0) {
            break;
        }
    }
    if (result == 0 && number == 0) {
        snprintf(text, sizeof(text), "+%.64s", name);
    } else if (result == 0) {
        snprintf(text, sizeof(text), "-%.64s: %s", name, strerror(number));
    }
    if (write(out, text, strlen(text)) < 0) {
        _exit(1); /* nobody waits for it any more */
    }
}

struct child {
    pid_t pid; /* 0: none */
    int fd;    /* -1: it has answered */
};

static void begin(struct child *child, const struct git_host *host, int limit_ms)
{
    int ends[2];

    *child = (struct child){.fd = -1};
    if (pipe2(ends, O_CLOEXEC) < 0) {
        return;
    }
    child->pid = fork();
    if (child->pid == 0) {
        reach_one(host, limit_ms, ends[1]);
        _exit(0);
    }
    close(ends[1]);
    child->fd = ends[0];
}

static void take_answer(struct child *child, struct git_host *host)
{
    char text[GIT_HOST_MESSAGE_SIZE + 1];
    ssize_t len = read(child->fd, text, sizeof(text) - 1);

    if (len > 0) {
        text[len] = '\0';
        host->is_reached = text[0] == '+';
        snprintf(host->message, sizeof(host->message), "%s", text + 1);
    }
    close(child->fd);
    child->fd = -1;
}

static void end(struct child *child)
{
    if (child->fd >= 0) {
        close(child->fd);
    }
    if (child->pid > 0) {
        kill(child->pid, SIGKILL);
        waitpid(child->pid, NULL, 0);
    }
}

void git_hosts_reach(struct git_hosts *hosts, int limit_ms)
{
    struct child children[GIT_HOSTS_MAX] = {{0}};
    struct pollfd fds[GIT_HOSTS_MAX];
    uint64_t end_at_ms = clock_monotonic_ms() + (uint64_t)limit_ms, now_ms;
    size_t waiting = 0;

    for (size_t i = 0; i < hosts->count; i++) {
        snprintf(hosts->items[i].message, sizeof(hosts->items[i].message),
                 "no answer within %.1f s", (double)limit_ms / (double)MS_PER_SECOND);
        begin(&children[i], &hosts->items[i], limit_ms);
        waiting += children[i].fd >= 0;
    }
    while (waiting > 0 && (now_ms = clock_monotonic_ms()) < end_at_ms) {
        for (size_t i = 0; i < hosts->count; i++) {
            fds[i] = (struct pollfd){.fd = children[i].fd, .events = POLLIN};
        }
        poll(fds, hosts->count, (int)(end_at_ms - now_ms));
        for (size_t i = 0; i < hosts->count; i++) {
            if (fds[i].revents != 0) {
                take_answer(&children[i], &hosts->items[i]);
                waiting--;
            }
        }
    }
    for (size_t i = 0; i < hosts->count; i++) {
        end(&children[i]);
    }
}
