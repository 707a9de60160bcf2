/*
 * The git servers that specs speak of, and whether a connection to them can be had.
 */
#ifndef BERTH_CLI_GIT_HOSTS_H
#define BERTH_CLI_GIT_HOSTS_H

#include "base/cleanup.h"
#include "specs/spec_file.h"

#include <stddef.h>

enum { GIT_HOSTS_MAX = 64, GIT_HOST_MESSAGE_SIZE = 200 };

struct git_host {
    char *host, *port;
    bool is_reached;
    char message[GIT_HOST_MESSAGE_SIZE]; /* why not, or at which address */
};

struct git_hosts {
    struct git_host items[GIT_HOSTS_MAX]; /* each host and port once */
    size_t count;
    size_t left_out; /* that found no place */
};

void git_hosts_done(struct git_hosts *hosts);

/* Adds those of the repositories of a file's objects; a file:// URL has none. */
void git_hosts_add(struct git_hosts *hosts, const struct spec_file *file);

/* The same of one URL. What is no URL is passed over. */
void git_hosts_add_url(struct git_hosts *hosts, const char *url);

/*
 * Looks all of them up and connects to them, all at once and each for limit_ms at most; nothing is
 * sent. Names are looked up in child processes, since a resolver waits as long as it likes.
 */
void git_hosts_reach(struct git_hosts *hosts, int limit_ms);

#endif
