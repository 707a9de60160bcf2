/*
 * SHA-256, plain and keyed, as lower-case hex; Nettle does the work.
 */
#ifndef BERTH_BASE_SHA256_H
#define BERTH_BASE_SHA256_H

#include <stddef.h>

enum { SHA256_HEX_SIZE = 65 };

/* Fills hex with 64 digits and a NUL. */
void sha256_hex(const void *bytes, size_t len, char hex[SHA256_HEX_SIZE]);

/* The keyed digest (RFC 2104), likewise. */
void hmac_sha256_hex(const void *key, size_t key_len, const void *bytes, size_t len,
                     char hex[SHA256_HEX_SIZE]);

#endif
