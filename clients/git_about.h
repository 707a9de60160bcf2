/*
 * What there is to know of the git library that Berth was built with, for those who look for
 * trouble.
 */
#ifndef BERTH_CLIENTS_GIT_ABOUT_H
#define BERTH_CLIENTS_GIT_ABOUT_H

#include <stdbool.h>

struct git_about {
    int major, minor, revision; /* of libgit2, as it is loaded */
    bool has_https, has_ssh;
    const char *ca_file; /* the certificates that https is checked against; NULL: none were found */
};

struct git_about git_about(void);

#endif
