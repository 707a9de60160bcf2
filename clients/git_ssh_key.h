/*
 * What kind of private key a text is, as far as it matters to whether it can be used.
 *
 * libssh2 only tells that it could not use a key. With it, keys that want a passphrase cannot be
 * used, since nobody is there to type it; and RSA keys only up to libssh2 1.10 with servers that
 * still take SHA-1 signatures, which OpenSSH stopped to do in 8.8.
 */
#ifndef BERTH_CLIENTS_GIT_SSH_KEY_H
#define BERTH_CLIENTS_GIT_SSH_KEY_H

enum git_ssh_key {
    GIT_SSH_KEY_NONE, /* no private key in OpenSSH's form or PEM */
    GIT_SSH_KEY_ENCRYPTED,
    GIT_SSH_KEY_RSA,
    GIT_SSH_KEY_OTHER,
};

enum git_ssh_key git_ssh_key_kind(const char *text);

#endif
