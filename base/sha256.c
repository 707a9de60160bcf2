#include "base/sha256.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

static void to_hex(const unsigned char digest[32], char hex[SHA256_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < 32; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[64] = '\0';
}

/* Looked up once: OpenSSL takes longer for that than for a short text. */
static const EVP_MD *sha256(void)
{
    static const EVP_MD *algorithm;

    if (algorithm == NULL) {
        algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    }
    return algorithm;
}

void sha256_hex(const void *bytes, size_t len, char hex[SHA256_HEX_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;

    if (EVP_Digest(bytes, len, digest, &digest_len, sha256(), NULL) != 1 || digest_len != 32) {
        abort(); /* the library is broken or out of memory: nothing sane can follow */
    }
    to_hex(digest, hex);
}

void hmac_sha256_hex(const void *key, size_t key_len, const void *bytes, size_t len,
                     char hex[SHA256_HEX_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;

    if (HMAC(EVP_sha256(), key, (int)key_len, bytes, len, digest, &digest_len) == NULL ||
        digest_len != 32) {
        abort();
    }
    to_hex(digest, hex);
}
