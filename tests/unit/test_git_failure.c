#include "clients/git_failure.h"

#include "base/cleanup.h"
#include "base/parse.h"

#include <git2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

#define HTTPS "https://host/o/r.git"
#define SSH "git@host:o/r.git"

/* The texts are what libgit2 1.5 and common servers say. */
#define SOURCE(at, when, has, number, kind, text, ...)                                             \
    {                                                                                              \
        .url = (at), .stage = (when), .has_credentials = (has), .code = (number), .class = (kind), \
        .message = (text), __VA_ARGS__                                                             \
    }

static void each_failure_has_its_reason_and_says_what_to_do(void **state)
{
    static const struct {
        struct git_failure_source source;
        const char *reason;
        enum error_kind kind;
        const char *words;
    } rows[] = {
        {SOURCE(HTTPS, GIT_STAGE_CONNECT, true, GIT_EAUTH, GIT_ERROR_CALLBACK, "x"),
         "AuthenticationFailed", ERROR_INVALID, "refused the credentials"},
        {SOURCE(HTTPS, GIT_STAGE_CONNECT, false, GIT_EAUTH, GIT_ERROR_CALLBACK, "x"),
         "AuthenticationFailed", ERROR_INVALID, "there are none"},
        {SOURCE(HTTPS, GIT_STAGE_CONNECT, true, -1, GIT_ERROR_HTTP,
                "unexpected http status code: 403"),
         "AuthenticationFailed", ERROR_INVALID, "refused the credentials"},
        {SOURCE(HTTPS, GIT_STAGE_CONNECT, true, -1, GIT_ERROR_NET,
                "too many redirects or authentication replays"),
         "AuthenticationFailed", ERROR_INVALID, "refused the credentials"},
        {SOURCE(HTTPS, GIT_STAGE_CONNECT, false, -1, GIT_ERROR_HTTP,
                "unexpected http status code: 404"),
         "RepositoryNotFound", ERROR_NOT_FOUND, "no such repository"},
        {SOURCE(HTTPS, GIT_STAGE_CONNECT, false, -1, GIT_ERROR_HTTP,
                "unexpected http status code: 410"),
         "RepositoryNotFound", ERROR_NOT_FOUND, "no such repository"},
        {SOURCE(HTTPS, GIT_STAGE_CONNECT, false, -1, GIT_ERROR_HTTP,
                "unexpected http status code: 503"),
         "CloneFailed", ERROR_TRANSIENT, "HTTP status 503"},
        {SOURCE(HTTPS, GIT_STAGE_CONNECT, false, -1, GIT_ERROR_HTTP,
                "unexpected http status code: 429"),
         "CloneFailed", ERROR_TRANSIENT, "HTTP status 429"},
        {SOURCE(HTTPS, GIT_STAGE_CONNECT, false, -1, GIT_ERROR_NET,
                "cannot redirect from 'host' to 'other'"),
         "InvalidURL", ERROR_INVALID, ".git at its end"},
        {SOURCE(HTTPS, GIT_STAGE_CONNECT, false, GIT_ECERTIFICATE, GIT_ERROR_SSL, "bad"),
         "CertificateInvalid", ERROR_INVALID, "ca-certificates.crt"},
        {SOURCE("https://192.0.2.1:8443/r.git", GIT_STAGE_CONNECT, false, GIT_ECERTIFICATE,
                GIT_ERROR_SSL, "bad"),
         "CertificateInvalid", ERROR_INVALID, "use a host name"},
        {SOURCE("https://[2001:db8::1]/r.git", GIT_STAGE_CONNECT, false, GIT_ECERTIFICATE,
                GIT_ERROR_SSL, "bad"),
         "CertificateInvalid", ERROR_INVALID, "use a host name"},
        {SOURCE(HTTPS, GIT_STAGE_CONNECT, false, -1, GIT_ERROR_SSL,
                "SSL error: 0xffff8880 - SSL - A fatal alert message was received from our peer"),
         "CloneFailed", ERROR_TRANSIENT, "TLS 1.3 only"},
        {SOURCE(HTTPS, GIT_STAGE_CONNECT, false, -1, GIT_ERROR_NET,
                "failed to resolve address for host: Name or service not known"),
         "CloneFailed", ERROR_TRANSIENT, "failed to resolve"},
        {SOURCE(HTTPS, GIT_STAGE_RECEIVE, false, -1, GIT_ERROR_OS,
                "error receiving socket data: Connection reset by peer"),
         "CloneFailed", ERROR_TRANSIENT, "reset by peer"},
        {SOURCE("git://host/r", GIT_STAGE_CONNECT, false, -1, GIT_ERROR_NET,
                "remote error: access denied or repository not exported: /r"),
         "RepositoryNotFound", ERROR_NOT_FOUND, "not exported"},
        {SOURCE("git://host/r", GIT_STAGE_CONNECT, false, GIT_EEOF, GIT_ERROR_NET,
                "unexpected EOF"),
         "CloneFailed", ERROR_TRANSIENT, "the path is wrong"},
        {SOURCE("file:///r", GIT_STAGE_CONNECT, false, GIT_ENOTFOUND, GIT_ERROR_OS,
                "failed to resolve path '/r': No such file or directory"),
         "RepositoryNotFound", ERROR_NOT_FOUND, "no such repository"},
        {SOURCE(SSH, GIT_STAGE_CONNECT, true, GIT_EAUTH, GIT_ERROR_SSH, "refused"),
         "AuthenticationFailed", ERROR_INVALID, "its public half is known"},
        {SOURCE(SSH, GIT_STAGE_CONNECT, true, GIT_EAUTH, GIT_ERROR_SSH, "refused",
                .has_rsa_key = true),
         "AuthenticationFailed", ERROR_INVALID, "use an ed25519 or ECDSA key"},
        {SOURCE(HTTPS, GIT_STAGE_CONNECT, false, GIT_EAUTH, GIT_ERROR_HTTP,
                "proxy authentication required but no callback set", .proxy = "http://p:1"),
         "AuthenticationFailed", ERROR_INVALID, "the proxy http://p:1 wants credentials"},
        {SOURCE(HTTPS, GIT_STAGE_CONNECT, true, -1, GIT_ERROR_HTTP,
                "unexpected http status code: 407", .proxy = "http://p:1"),
         "AuthenticationFailed", ERROR_INVALID, "the proxy http://p:1 wants credentials"},
        {SOURCE(HTTPS, GIT_STAGE_CONNECT, true, GIT_EAUTH, GIT_ERROR_HTTP,
                "credentials were refused", .proxy = "http://p:1"),
         "AuthenticationFailed", ERROR_INVALID, "the server refused the credentials"},
        {SOURCE(HTTPS, GIT_STAGE_CONNECT, false, -1, GIT_ERROR_NET, "failed to connect to p",
                .proxy = "http://p:1"),
         "CloneFailed", ERROR_TRANSIENT, "asked through the proxy http://p:1"},
        {SOURCE(HTTPS, GIT_STAGE_CONNECT, false, -1, GIT_ERROR_NET, "error parsing REF pkt-line"),
         "CloneFailed", ERROR_TRANSIENT, "git fetch --unshallow"},
        {SOURCE(HTTPS, GIT_STAGE_RECEIVE, false, GIT_EEOF, GIT_ERROR_NET, "early EOF"),
         "CloneFailed", ERROR_TRANSIENT, "partial or shallow clone"},
        {SOURCE(SSH, GIT_STAGE_CONNECT, false, GIT_EAUTH, GIT_ERROR_SSH, "refused"),
         "AuthenticationFailed", ERROR_INVALID, "give the repository an ssh key"},
        {SOURCE(SSH, GIT_STAGE_CONNECT, true, GIT_EEOF, GIT_ERROR_SSH,
                "ERROR: Repository not found."),
         "RepositoryNotFound", ERROR_NOT_FOUND, "no such repository"},
        {SOURCE(HTTPS, GIT_STAGE_LOCAL, false, -1, GIT_ERROR_NOMEMORY, "Out of memory"),
         "CloneTooLarge", ERROR_INVALID, "more memory"},
        {SOURCE(HTTPS, GIT_STAGE_LOCAL, false, -1, GIT_ERROR_OS, "failed to write: File too large"),
         "CloneTooLarge", ERROR_INVALID, "larger files"},
        {SOURCE(HTTPS, GIT_STAGE_LOCAL, false, -1, GIT_ERROR_OS, "write: No space left on device"),
         "CloneFailed", ERROR_TRANSIENT, "No space left"},
        /* a server's word of a redirect or of a missing thing means nothing once it has answered */
        {SOURCE(HTTPS, GIT_STAGE_RECEIVE, false, -1, GIT_ERROR_NET, "object does not exist"),
         "CloneFailed", ERROR_TRANSIENT, "does not exist"},
        {SOURCE(HTTPS, GIT_STAGE_LOCAL, false, -1, GIT_ERROR_NONE, NULL), "CloneFailed",
         ERROR_TRANSIENT, "no reason"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct error err = {0};

        assert_int_equal(git_failure_set(&err, &rows[i].source), -1);
        if (!text_equal(err.reason, rows[i].reason) || err.kind != rows[i].kind ||
            strstr(err.message, rows[i].words) == NULL) {
            fail_msg("row %zu: %s (%s): %s", i, err.reason, error_kind_name(err.kind), err.message);
        }
    }
}

static void only_what_lies_in_the_mirror_is_damage(void **state)
{
    static const struct {
        struct git_failure_source source;
        bool is_damage;
    } rows[] = {
        {SOURCE(HTTPS, GIT_STAGE_LOCAL, false, -1, GIT_ERROR_ODB, "object not found"), true},
        {SOURCE(HTTPS, GIT_STAGE_LOCAL, false, -1, GIT_ERROR_CONFIG, "failed to parse"), true},
        {SOURCE(HTTPS, GIT_STAGE_RECEIVE, false, -1, GIT_ERROR_INDEXER, "missing base"), true},
        {SOURCE(HTTPS, GIT_STAGE_CONNECT, false, -1, GIT_ERROR_ODB, "remote"), false},
        {SOURCE(HTTPS, GIT_STAGE_LOCAL, false, GIT_EUSER, GIT_ERROR_ODB, "stopped by us"), false},
        {SOURCE(HTTPS, GIT_STAGE_RECEIVE, false, -1, GIT_ERROR_NET, "reset"), false},
        {SOURCE(HTTPS, GIT_STAGE_LOCAL, false, -1, GIT_ERROR_OS, "No space left on device"), false},
        {SOURCE(HTTPS, GIT_STAGE_LOCAL, false, -1, GIT_ERROR_CHECKOUT, "invalid path"), false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (git_failure_is_damage(&rows[i].source) != rows[i].is_damage) {
            fail_msg("row %zu", i);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_failure_has_its_reason_and_says_what_to_do),
        cmocka_unit_test(only_what_lies_in_the_mirror_is_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
