/*
 * Where an engine is: "unix:///var/run/docker.sock", "tcp://host:2376", with Docker's environment
 * variables.
 *
 * Nothing is connected here. The only look at the disk is for the files of the default
 * certificate folder.
 */
#ifndef BERTH_CLIENTS_DOCKER_ENDPOINT_H
#define BERTH_CLIENTS_DOCKER_ENDPOINT_H

#include "base/error.h"

#include <stdbool.h>

struct docker_endpoint {
    char *text;        /* as given, for people */
    char *socket_path; /* unix; NULL for tcp */
    char *base_url;    /* "http://localhost", "http://host:2375", "https://host:2376" */
    bool is_tls;
    bool is_local;                        /* unix socket: the engine sees our files */
    char *ca_file, *cert_file, *key_file; /* TLS, else NULL; NULL too: the system's, none, none */
    bool is_verified;                     /* the server's certificate must be valid */
};

/*
 * text: NULL takes DOCKER_HOST, else unix:///var/run/docker.sock. environment is asked for
 * variables (a wrapper around getenv in the program, a script in the tests).
 *
 * tcp:// uses TLS when DOCKER_TLS_VERIFY is non-empty or DOCKER_CERT_PATH is set, https://
 * always, http:// never; the port defaults to 2375, with TLS 2376. The files are ca.pem, cert.pem
 * and key.pem in DOCKER_CERT_PATH; without it those that exist in ~/.docker. As with Docker's own
 * clients, the server's certificate is not verified when DOCKER_CERT_PATH is set and
 * DOCKER_TLS_VERIFY is not.
 *
 * ERROR_INVALID, EngineUnavailable: no such address, or one of ssh, npipe and fd, which Berth
 * does not speak.
 */
int docker_endpoint_parse(const char *text, const char *(*environment)(const char *name),
                          struct docker_endpoint *ret, struct error *err);
void docker_endpoint_done(struct docker_endpoint *endpoint);

#endif
