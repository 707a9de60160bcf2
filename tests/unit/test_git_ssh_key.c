#include "clients/git_ssh_key.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

/* What ssh-keygen writes, up to where it is told what kind it is; the secret parts are left out. */
#define OPENSSH "-----BEGIN OPENSSH PRIVATE KEY-----\n"
#define ED25519                                                                                    \
    "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n"                     \
    "QyNTUxOQAAACA\n"
#define RSA                                                                                        \
    "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAABFwAAAAdzc2gtcn\n"                     \
    "NhAAAAAwEAAQ\n"
#define ENCRYPTED                                                                                  \
    "b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABAAAAAAAA\n"                     \
    "AAAAAAAAAAAAAAAAABAAAAMwAAAAtzc2gtZWQyNTUxOQAAACA\n"

static const struct row {
    const char *text;
    enum git_ssh_key kind;
} rows[] = {
    {OPENSSH ED25519, GIT_SSH_KEY_OTHER},
    {"\n  \r\n" OPENSSH ED25519, GIT_SSH_KEY_OTHER},
    {OPENSSH RSA, GIT_SSH_KEY_RSA},
    {OPENSSH ENCRYPTED, GIT_SSH_KEY_ENCRYPTED},
    {"-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n", GIT_SSH_KEY_RSA},
    {"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: x\n",
     GIT_SSH_KEY_ENCRYPTED},
    {"-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEI\n", GIT_SSH_KEY_OTHER},
    {"-----BEGIN EC PRIVATE KEY-----\r\nProc-Type: 4,ENCRYPTED\r\n", GIT_SSH_KEY_ENCRYPTED},
    {"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIFLTBX\n", GIT_SSH_KEY_ENCRYPTED},
    {"-----BEGIN PRIVATE KEY-----\nMIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEA\n",
     GIT_SSH_KEY_RSA},
    {"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\n", GIT_SSH_KEY_OTHER},
    {"", GIT_SSH_KEY_NONE},
    {"nonsense", GIT_SSH_KEY_NONE},
    {"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI user@host\n", GIT_SSH_KEY_NONE},
    {"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n", GIT_SSH_KEY_NONE},
    {"PuTTY-User-Key-File-3: ssh-ed25519\n", GIT_SSH_KEY_NONE},
    {"-----BEGIN OPENSSH PRIVATE KEY\n" ED25519, GIT_SSH_KEY_NONE},
    {OPENSSH, GIT_SSH_KEY_NONE},
    {OPENSSH "b3BlbnNzaC1rZXk\n", GIT_SSH_KEY_NONE},
    {OPENSSH "bm90LXNzaC1hdC1hbGwAAAAABG5vbmU\n", GIT_SSH_KEY_NONE},
    {"-----BEGIN PRIVATE KEY-----\n!\n", GIT_SSH_KEY_NONE},
    {"-----BEGIN RSA PRIVATE", GIT_SSH_KEY_NONE},
    {"-----BEGIN ", GIT_SSH_KEY_NONE},
};

static void the_kind_of_a_key_is_told_from_its_beginning(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (git_ssh_key_kind(rows[i].text) != rows[i].kind) {
            fail_msg("%s: %d", rows[i].text, (int)git_ssh_key_kind(rows[i].text));
        }
    }
}

/* Under the sanitizers: nothing is read that is not there, whatever the lengths within say. */
static void a_key_may_be_cut_or_damaged_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        for (size_t len = 0; len <= strlen(rows[i].text); len++) {
            auto_free char *cut = xstrndup(rows[i].text, len);
            auto_free char *damaged = xstrdup(rows[i].text);

            git_ssh_key_kind(cut);
            if (damaged[len] != '\0') {
                damaged[len] = '/'; /* all bits of a base64 digit */
            }
            git_ssh_key_kind(damaged);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_kind_of_a_key_is_told_from_its_beginning),
        cmocka_unit_test(a_key_may_be_cut_or_damaged_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
