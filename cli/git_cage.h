/*
 * What a process that uses libgit2 can reach: with Landlock, of the whole file system no more than
 * its mirror's directory and what a connection needs.
 *
 * Landlock asks for no privilege, so this holds for any user, and for the user's own files. Where
 * the kernel does not have it in the form that is needed (Linux 5.19: files can be moved between
 * directories), what remains is the user and the mount namespace of git_sandbox.h.
 */
#ifndef BERTH_CLI_GIT_CAGE_H
#define BERTH_CLI_GIT_CAGE_H

#include "base/error.h"

#include <stdbool.h>

struct git_cage {
    const char *writable; /* directory, with all below it */
    const char *readable; /* directory of a file:// source, or NULL */
    bool is_offline;      /* no connections either, where the kernel can (Linux 6.7) */
};

/*
 * For the rest of this process's life. Needs no_new_privs. *ret_is_caged: false where the kernel
 * cannot. What a connection needs to read: certificates, how names are resolved, libraries that the
 * C library loads for that. Neither is anything executed, nor a device or socket made, nor, where
 * the kernel can tell, a port listened on or a process outside signalled.
 */
int git_cage_enter(const struct git_cage *cage, bool *ret_is_caged, struct error *err);

#endif
