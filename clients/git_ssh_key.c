#include "clients/git_ssh_key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { BEGINNING_MAX = 512 }; /* of the bytes within; what tells is at the front */

struct bytes {
    const unsigned char *at;
    size_t left;
};

/* "-----BEGIN <label>-----"; NULL: another line. What follows the line. */
static const char *after_label(const char *text, const char *label)
{
    static const char start[] = "-----BEGIN ", end[] = "-----";
    const char *at = text + strlen(start);

    if (strncmp(text, start, strlen(start)) != 0 || strncmp(at, label, strlen(label)) != 0) {
        return NULL;
    }
    at += strlen(label);
    return strncmp(at, end, strlen(end)) == 0 ? at + strlen(end) : NULL;
}

static int digit_value(char digit)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = digit != '\0' ? strchr(digits, digit) : NULL;

    return at != NULL ? (int)(at - digits) : -1;
}

/* The beginning of what the base64 text is, up to where it ends. */
static size_t decode(const char *text, unsigned char bytes[BEGINNING_MAX])
{
    unsigned bits = 0, count = 0;
    size_t len = 0;

    for (; len < BEGINNING_MAX; text++) {
        int value = digit_value(*text);

        if (*text == '\n' || *text == '\r') {
            continue;
        }
        if (value < 0) {
            break;
        }
        bits = bits << 6 | (unsigned)value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes[len++] = (unsigned char)(bits >> count);
        }
    }
    return len;
}

/* ssh's string: four bytes of length, then the bytes. */
static bool take_string(struct bytes *bytes, struct bytes *ret_string)
{
    uint32_t len;

    if (bytes->left < 4) {
        return false;
    }
    len = (uint32_t)bytes->at[0] << 24 | (uint32_t)bytes->at[1] << 16 |
          (uint32_t)bytes->at[2] << 8 | bytes->at[3];
    if (len > bytes->left - 4) {
        return false;
    }
    *ret_string = (struct bytes){bytes->at + 4, len};
    bytes->at += 4 + len;
    bytes->left -= 4 + len;
    return true;
}

static bool is_word(const struct bytes *string, const char *word)
{
    return string->left == strlen(word) && memcmp(string->at, word, string->left) == 0;
}

/* The magic, cipher, derivation, its options, the number of keys, and the public key of each. */
static enum git_ssh_key openssh_kind(const char *text)
{
    static const char magic[] = "openssh-key-v1";
    unsigned char buffer[BEGINNING_MAX];
    struct bytes bytes = {buffer, decode(text, buffer)}, cipher, ignored, type;

    if (bytes.left < sizeof(magic) || memcmp(buffer, magic, sizeof(magic)) != 0) {
        return GIT_SSH_KEY_NONE;
    }
    bytes.at += sizeof(magic);
    bytes.left -= sizeof(magic);
    if (!take_string(&bytes, &cipher) || !take_string(&bytes, &ignored) ||
        !take_string(&bytes, &ignored) || bytes.left < 8) {
        return GIT_SSH_KEY_NONE;
    }
    if (!is_word(&cipher, "none")) {
        return GIT_SSH_KEY_ENCRYPTED;
    }
    bytes.at += 8; /* the number, and the length of the first, which may go beyond the buffer */
    bytes.left -= 8;
    if (!take_string(&bytes, &type)) {
        return GIT_SSH_KEY_NONE;
    }
    return is_word(&type, "ssh-rsa") ? GIT_SSH_KEY_RSA : GIT_SSH_KEY_OTHER;
}

/* Says in its first bytes which algorithm it is for. */
static enum git_ssh_key pkcs8_kind(const char *text)
{
    static const unsigned char rsa[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01};
    unsigned char buffer[BEGINNING_MAX];
    size_t len = decode(text, buffer);

    if (len == 0) {
        return GIT_SSH_KEY_NONE;
    }
    return memmem(buffer, len < 64 ? len : 64, rsa, sizeof(rsa)) != NULL ? GIT_SSH_KEY_RSA
                                                                         : GIT_SSH_KEY_OTHER;
}

static enum git_ssh_key pem_kind(const char *text, enum git_ssh_key plain)
{
    return strstr(text, "Proc-Type: 4,ENCRYPTED") != NULL ? GIT_SSH_KEY_ENCRYPTED : plain;
}

enum git_ssh_key git_ssh_key_kind(const char *text)
{
    const char *body;

    text += strspn(text, " \t\r\n");
    if ((body = after_label(text, "OPENSSH PRIVATE KEY")) != NULL) {
        return openssh_kind(body);
    }
    if ((body = after_label(text, "PRIVATE KEY")) != NULL) {
        return pkcs8_kind(body);
    }
    if (after_label(text, "ENCRYPTED PRIVATE KEY") != NULL) {
        return GIT_SSH_KEY_ENCRYPTED;
    }
    if ((body = after_label(text, "RSA PRIVATE KEY")) != NULL) {
        return pem_kind(body, GIT_SSH_KEY_RSA);
    }
    if ((body = after_label(text, "EC PRIVATE KEY")) != NULL) {
        return pem_kind(body, GIT_SSH_KEY_OTHER);
    }
    return GIT_SSH_KEY_NONE;
}
