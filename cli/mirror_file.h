/*
 * What a controller last wrote about a mirror: repos/<container>/mirror.json in the state
 * directory.
 */
#ifndef BERTH_CLI_MIRROR_FILE_H
#define BERTH_CLI_MIRROR_FILE_H

#include <stdint.h>

struct mirror_file {
    int64_t fetched_wall_ms; /* when the last fetch that succeeded began; 0: never */
    int64_t failed_wall_ms;  /* when one failed since; 0: none did */
    char reason[64], message[1024];
};

/* -1: there is no mirror of this repository. url: canonical (specs/repo_url.h). */
int mirror_file_read(const char *state_dir, const char *url, struct mirror_file *ret_file);

#endif
