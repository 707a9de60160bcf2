/*
 * Where the status of a spec file is: "pools/web.yaml" has "pools/web.status.yaml", "web.yml" has
 * "web.yml.status.yaml". A name that leaves no room for a longer one has one that is cut, with a
 * digest: "long-name~0123456789abcdef.status.yaml".
 */
#ifndef BERTH_CONTROLLER_STATUS_PATH_H
#define BERTH_CONTROLLER_STATUS_PATH_H

/* Below the directory; the caller's to free. */
char *status_path(const char *directory, const char *spec_file);

#endif
