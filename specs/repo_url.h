/*
 * Repository URLs: which spellings are one repository, and what its container is called.
 *
 * https://h/o/r, https://h/o/r.git, https://h/o/r/, git@h:o/r.git, ssh://git@h/o/r and http:// and
 * git:// forms of the same host (case of the host does not count, default ports and user names do
 * not count) and path are one repository: its canonical form is "<host>[:port]/<path>", without
 * ".git" and slashes at the end. A non-default port counts for http(s), ssh and git alike.
 * file:///path is "file:///path" and never equals another scheme.
 */
#ifndef BERTH_SPECS_REPO_URL_H
#define BERTH_SPECS_REPO_URL_H

#include "base/cleanup.h"
#include "base/error.h"

struct repo_url {
    char *text;      /* as written */
    char *scheme;    /* "https", "http", "ssh", "git", "file" */
    char *host;      /* lower case; "" for file */
    char *path;      /* with leading slash, as to be asked from the server */
    char *canonical; /* see above */
    char *owner;     /* last but one part of the path (or the host), for names */
    char *name;      /* last part without ".git" */
};

/*
 * ERROR_INVALID (reason InvalidURL): no such scheme, empty host or path, user:password or a token
 * inside (it belongs in credentials), control characters or blanks, "..", query or fragment, a
 * leading '-' in host or path part, too long (2 KiB).
 */
int repo_url_parse(const char *text, struct repo_url *ret_url, struct error *err);
void repo_url_done(struct repo_url *url);

enum { REPO_CONTAINER_NAME_SIZE = 64 };

/*
 * "repo-<owner>-<name>-<6 hex of SHA-256 of the canonical URL>": owner and name in lower case with
 * everything outside [a-z0-9] as '-', runs of '-' squeezed, cut so that the whole fits
 * object_name_is_valid(). Returns name.
 */
const char *repo_url_container_name(const struct repo_url *url,
                                    char name[REPO_CONTAINER_NAME_SIZE]);

/*
 * The container of one branch (isolation Branch): "repo-<owner>-<name>-<branch>-<6 hex>", made like
 * the name above; the hash is of "<canonical URL>#<branch>", and no canonical URL has a '#'.
 */
const char *repo_url_branch_container_name(const struct repo_url *url, const char *branch,
                                           char name[REPO_CONTAINER_NAME_SIZE]);

#endif
