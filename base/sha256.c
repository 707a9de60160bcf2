#include "base/sha256.h"

#include <nettle/base16.h>
#include <nettle/hmac.h>
#include <nettle/sha2.h>

static void to_hex(const uint8_t digest[SHA256_DIGEST_SIZE], char hex[SHA256_HEX_SIZE])
{
    base16_encode_update(hex, SHA256_DIGEST_SIZE, digest);
    hex[SHA256_HEX_SIZE - 1] = '\0';
}

void sha256_hex(const void *bytes, size_t len, char hex[SHA256_HEX_SIZE])
{
    struct sha256_ctx context;
    uint8_t digest[SHA256_DIGEST_SIZE];

    sha256_init(&context);
    sha256_update(&context, len, bytes);
    sha256_digest(&context, sizeof(digest), digest);
    to_hex(digest, hex);
}

void hmac_sha256_hex(const void *key, size_t key_len, const void *bytes, size_t len,
                     char hex[SHA256_HEX_SIZE])
{
    struct hmac_sha256_ctx context;
    uint8_t digest[SHA256_DIGEST_SIZE];

    hmac_sha256_set_key(&context, key_len, key);
    hmac_sha256_update(&context, len, bytes);
    hmac_sha256_digest(&context, sizeof(digest), digest);
    to_hex(digest, hex);
}
