/*
 * Where an engine is: "unix:///var/run/docker.sock", "tcp://host:2376", with Docker's environment variables.
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
    bool is_local;     /* unix socket: the engine sees our files */
    char *ca_file, *cert_file, *key_file; /* TLS, else NULL */
    bool is_verified;  /* the server's certificate must be valid */
};

/*
 * text: NULL takes DOCKER_HOST, else unix:///var/run/docker.sock. tcp uses TLS when DOCKER_TLS_VERIFY is non-empty or DOCKER_CERT_PATH is set
 * (files ca.pem, cert.pem, key.pem there; default ~/.docker) and with https://; port defaults 2375 / 2376. ssh:// and npipe:// and fd:// are refused with clear words.
 * getenv is passed in so that tests can script it.
 */
int docker_endpoint_parse(const char *text, const char *(*environment)(const char *name),
                          struct docker_endpoint *ret, struct error *err);
void docker_endpoint_done(struct docker_endpoint *endpoint);

#endif
