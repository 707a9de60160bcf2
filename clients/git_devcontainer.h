/*
 * The development container configuration of a commit, as a file beside the mirror, for the
 * controller to read: no more than bytes that a stranger wrote.
 */
#ifndef BERTH_CLIENTS_GIT_DEVCONTAINER_H
#define BERTH_CLIENTS_GIT_DEVCONTAINER_H

#include "clients/git_session.h"

/*
 * .devcontainer/devcontainer.json of the commit, else its .devcontainer.json, becomes
 * devcontainer.json in directory; that is gone where the commit has neither. What is no file (a
 * symbolic link, say), or larger than 64 KiB, counts as not there.
 */
int git_devcontainer_take(struct git_session *session, git_repository *mirror, const char *commit,
                          const char *directory, struct error *err);

#endif
