#include "clients/git_session.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/parse.h"
#include "clients/git_proxy.h"
#include "clients/git_ssh_key.h"

#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    REPORT_INTERVAL_MS = 200,
    /* Below what RLIMIT_AS leaves: windows onto packs, and what is kept of objects. */
    MAPPED_WINDOWS_MAX = 512 << 20,
    MAPPED_WINDOW_SIZE = 32 << 20,
    OBJECT_CACHE_MAX = 64 << 20,
};

int git_session_init(struct git_session *session, const struct git_job *job, const char *home,
                     git_progress_fn *on_progress, void *user, struct error *err)
{
    *session = (struct git_session){.job = job, .on_progress = on_progress, .user = user};
    if (git_libgit2_init() < 0) {
        return error_set(err, ERROR_INTERNAL, "libgit2 does not start");
    }
    for (int level = GIT_CONFIG_LEVEL_PROGRAMDATA; level <= GIT_CONFIG_LEVEL_GLOBAL; level++) {
        git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level,
                         level == GIT_CONFIG_LEVEL_GLOBAL ? home : "");
    }
    git_libgit2_opts(GIT_OPT_SET_TEMPLATE_PATH, "");
    /*
     * The mirror and the new tree are in directories of our own user; a file:// source need not be.
     */
    git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
    /* What comes is hashed when it comes; what is unpacked again has a checksum, as for git. */
    git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 0);
    git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, (size_t)MAPPED_WINDOWS_MAX);
    git_libgit2_opts(GIT_OPT_SET_MWINDOW_SIZE, (size_t)MAPPED_WINDOW_SIZE);
    git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, (ssize_t)OBJECT_CACHE_MAX);
    if (job->proxy != NULL && text_has_prefix(job->url, "http://")) {
        git_proxy_use(job->proxy);
    }
    return 0;
}

void git_session_done(struct git_session *session)
{
    if (session->job != NULL) {
        git_libgit2_shutdown();
        session->job = NULL;
    }
}

/* --- URLs ------------------------------------------------------------------------------------- */

/* "https://host:1", "ssh://git@host", "git@host:" at the beginning of the url; 0: it has none. */
static size_t origin_len(const char *url)
{
    const char *scheme_end = strstr(url, "://");

    if (scheme_end != NULL) {
        const char *host = scheme_end + strlen("://");

        return (size_t)(host - url) + strcspn(host, "/?#");
    }
    return strchr(url, ':') != NULL ? (size_t)(strchr(url, ':') - url) + 1 : 0;
}

static bool has_same_origin(const char *a, const char *b)
{
    size_t len = origin_len(a);

    return len != 0 && len == origin_len(b) && strncasecmp(a, b, len) == 0;
}

static const char *const schemes[] = {"https", "http", "ssh", "git", "file"};

static bool is_scheme(const char *word, size_t len)
{
    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
        if (strlen(schemes[i]) == len && strncmp(schemes[i], word, len) == 0) {
            return true;
        }
    }
    return false;
}

/* "user@host:path", but neither "https:/path", which is a slip, nor "ext::command". */
static bool has_scp_form(const char *url)
{
    size_t host_len = strcspn(url, ":/");

    return strstr(url, "://") == NULL && host_len > 0 && url[host_len] == ':' &&
           url[host_len + 1] != '\0' && url[host_len + 1] != ':' && !is_scheme(url, host_len);
}

/* A user name is fine for ssh; anything else before the host is, or may be, a secret. */
static bool has_credentials_inside(const char *url)
{
    const char *scheme_end = strstr(url, "://");
    const char *user = scheme_end != NULL ? scheme_end + strlen("://") : url;
    const char *at = strchr(user, '@');

    if (scheme_end != NULL && (at == NULL || at > url + origin_len(url))) {
        return false; /* it belongs to the path */
    }
    if (at == NULL) {
        return false;
    }
    return memchr(user, ':', (size_t)(at - user)) != NULL ||
           (scheme_end != NULL && !text_has_prefix(url, "ssh://"));
}

static int check_url(const char *url, struct error *err)
{
    const char *scheme_end = strstr(url, "://");

    if (has_credentials_inside(url)) { /* first, and so never part of a text */
        return error_set_reason(err, ERROR_INVALID, "InvalidURL",
                                "the repository's URL has credentials inside; they belong in the "
                                "repository's credentials");
    }
    if (!has_scp_form(url) && (scheme_end == NULL || !is_scheme(url, (size_t)(scheme_end - url)))) {
        return error_set_reason(err, ERROR_INVALID, "SchemeRefused",
                                "\"%.200s\" begins with none of https://, http://, ssh://, git://, "
                                "file:// and is not of the form user@host:path",
                                url);
    }
    return 0;
}

static bool is_ssh(const char *url)
{
    return text_has_prefix(url, "ssh://") || strstr(url, "://") == NULL;
}

static int check_ssh_key(const struct git_job *job, struct error *err)
{
    switch (git_ssh_key_kind(job->ssh_key)) {
    case GIT_SSH_KEY_NONE:
        return error_set_reason(err, ERROR_INVALID, "AuthenticationFailed",
                                "%s: the ssh key is no private key in OpenSSH's form or PEM; give "
                                "the whole file of an ed25519 or ECDSA key",
                                job->url);
    case GIT_SSH_KEY_ENCRYPTED:
        return error_set_reason(err, ERROR_INVALID, "AuthenticationFailed",
                                "%s: the ssh key is encrypted, and nobody is there to type its "
                                "passphrase; give one without (ssh-keygen -p -N '' -f FILE)",
                                job->url);
    case GIT_SSH_KEY_RSA:
    case GIT_SSH_KEY_OTHER: break;
    }
    return 0;
}

int git_session_check_job(const struct git_job *job, struct error *err)
{
    if (check_url(job->url, err) < 0 ||
        (job->proxy != NULL && git_proxy_check(job->proxy, err) < 0)) {
        return -1;
    }
    return is_ssh(job->url) && job->ssh_key != NULL ? check_ssh_key(job, err) : 0;
}

/* The user in "ssh://user@host/" or "user@host:"; git where there is none. */
static void ssh_user(const char *url, char *user, size_t size)
{
    const char *start = strstr(url, "://") != NULL ? strstr(url, "://") + strlen("://") : url;
    const char *at = memchr(url, '@', origin_len(url));

    if (at != NULL && at > start) {
        snprintf(user, size, "%.*s", (int)(at - start), start);
    } else {
        snprintf(user, size, "git");
    }
}

/* --- progress --------------------------------------------------------------------------------- */

int git_session_stop(struct git_session *session, const char *reason, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (session->stop.kind == ERROR_NONE) {
        error_set_reason(&session->stop, ERROR_INVALID, reason, "%s", text);
    }
    return GIT_EUSER;
}

int git_session_report(struct git_session *session, const char *phase, uint64_t done,
                       uint64_t total)
{
    struct git_progress progress = {.bytes = session->received_bytes};
    uint64_t now_ms = clock_monotonic_ms();

    if (now_ms < session->next_report_at_ms && done < total && session->phase == phase) {
        return 0;
    }
    session->phase = phase;
    session->next_report_at_ms = now_ms + REPORT_INTERVAL_MS;
    progress.percent = total == 0 ? 0 : done >= total ? 100 : (unsigned)(done * 100 / total);
    snprintf(progress.phase, sizeof(progress.phase), "%s", phase);
    if (session->on_progress(session->user, &progress) < 0) {
        return git_session_stop(session, "CloneFailed", "nobody listens any more");
    }
    return 0;
}

static int on_transfer(const git_indexer_progress *stats, void *payload)
{
    struct git_session *session = payload;

    session->received_bytes = stats->received_bytes;
    if (session->receive_limit != 0 && session->received_bytes > session->receive_limit) {
        return git_session_stop(session, "CloneTooLarge",
                                "%s: the repository is larger than the %llu bytes it may have",
                                session->job->url, (unsigned long long)session->job->max_bytes);
    }
    if (stats->received_objects < stats->total_objects) {
        return git_session_report(session, "receiving", stats->received_objects,
                                  stats->total_objects);
    }
    return git_session_report(session, "resolving", stats->indexed_deltas, stats->total_deltas);
}

/* What the server says while it counts and packs: a sign of life, nothing more. */
static int on_sideband(const char *text, int len, void *payload)
{
    (void)text;
    (void)len;
    return git_session_report(payload, "receiving", 0, 1);
}

/* --- credentials and certificates ------------------------------------------------------------- */

static int offer_ssh_key(git_credential **ret_credential, const struct git_job *job)
{
    char user[256];

    ssh_user(job->url, user, sizeof(user));
    return git_credential_ssh_key_memory_new(ret_credential, user, NULL, job->ssh_key, "");
}

static int on_credentials(git_credential **ret_credential, const char *url,
                          const char *user_from_url, unsigned allowed, void *payload)
{
    struct git_session *session = payload;
    const struct git_job *job = session->job;
    char user[256];

    (void)user_from_url;
    if (!has_same_origin(job->url, url)) {
        git_error_set_str(GIT_ERROR_HTTP, "unexpected redirect to another server");
        return GIT_ERROR;
    }
    if (allowed ==
        GIT_CREDENTIAL_USERNAME) { /* ssh asks for the name before it knows the methods */
        ssh_user(job->url, user, sizeof(user));
        return git_credential_username_new(ret_credential, user);
    }
    if (session->is_offering) { /* they were refused: libgit2 would ask for ever */
        git_error_set_str(GIT_ERROR_CALLBACK, "credentials were refused");
        return GIT_EAUTH;
    }
    if ((allowed & GIT_CREDENTIAL_SSH_MEMORY) != 0 && job->ssh_key != NULL) {
        session->is_offering = true;
        return offer_ssh_key(ret_credential, job);
    }
    if ((allowed & GIT_CREDENTIAL_USERPASS_PLAINTEXT) != 0 && job->token != NULL) {
        session->is_offering = true;
        return git_credential_userpass_plaintext_new(
            ret_credential, job->username != NULL ? job->username : "x-access-token", job->token);
    }
    git_error_set_str(GIT_ERROR_CALLBACK, "no credentials of a kind that the server takes");
    return GIT_EAUTH;
}

/* As "ssh-keygen -l" shows it. */
static void format_fingerprint(const unsigned char hash[32], char text[64])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len = (size_t)snprintf(text, 64, "SHA256:");
    unsigned bits = 0, count = 0;

    for (size_t i = 0; i < 32; i++) {
        bits = bits << 8 | hash[i];
        for (count += 8; count >= 6; count -= 6) {
            text[len++] = digits[bits >> (count - 6) & 63];
        }
    }
    text[len++] = digits[bits << (6 - count) & 63];
    text[len] = '\0';
}

/* libgit2 takes 0 for "trusted", whatever valid says. */
static int on_certificate(git_cert *cert, int valid, const char *host, void *payload)
{
    struct git_session *session = payload;
    char fingerprint[64] = "unknown";

    if (valid) {
        return 0;
    }
    if (cert->cert_type != GIT_CERT_HOSTKEY_LIBSSH2) {
        git_error_set_str(GIT_ERROR_SSL, "the certificate is invalid");
        return GIT_ECERTIFICATE;
    }
    /* a git_cert_hostkey begins with its git_cert: the type says which it is */
    const git_cert_hostkey *key = (const git_cert_hostkey *)(const void *)cert;

    if ((key->type & GIT_CERT_SSH_SHA256) != 0) {
        format_fingerprint(key->hash_sha256, fingerprint);
    }
    git_session_stop(session, "CertificateInvalid",
                     "%s: the host key of %s is not in the known hosts%s (the server shows %s); "
                     "compare it with what the server's owner says and add it with ssh-keyscan",
                     session->job->url, host,
                     session->job->known_hosts == NULL ? ", of which no file was given" : "",
                     fingerprint);
    return GIT_ECERTIFICATE;
}

void git_session_connect_options(struct git_session *session,
                                 git_remote_connect_options *ret_options)
{
    git_remote_connect_options_init(ret_options, GIT_REMOTE_CONNECT_OPTIONS_VERSION);
    ret_options->callbacks.transfer_progress = on_transfer;
    ret_options->callbacks.sideband_progress = on_sideband;
    ret_options->callbacks.credentials = on_credentials;
    ret_options->callbacks.certificate_check = on_certificate;
    ret_options->callbacks.payload = session;
    ret_options->follow_redirects = GIT_REMOTE_REDIRECT_NONE;
    ret_options->proxy_opts.type = GIT_PROXY_NONE;
    if (session->job->proxy != NULL && text_has_prefix(session->job->url, "https://")) {
        ret_options->proxy_opts.type = GIT_PROXY_SPECIFIED;
        ret_options->proxy_opts.url = session->job->proxy;
    }
}

/* --- failure ---------------------------------------------------------------------------------- */

/* A server's text may end with blanks and line ends. */
static const char *trimmed(const char *text, char *copy, size_t size)
{
    size_t len = (size_t)snprintf(copy, size, "%s", text);

    for (len = len < size ? len : size - 1; len > 0 && isspace((unsigned char)copy[len - 1]);) {
        copy[--len] = '\0';
    }
    return copy;
}

int git_session_fail(struct git_session *session, enum git_stage stage, int code, struct error *err)
{
    const git_error *last = git_error_last();
    char message[512];
    struct git_failure_source source = {
        .url = session->job->url,
        .stage = stage,
        .has_credentials = session->is_offering,
        .proxy = text_has_prefix(session->job->url, "http") ? session->job->proxy : NULL,
        .has_rsa_key = session->job->ssh_key != NULL &&
                       git_ssh_key_kind(session->job->ssh_key) == GIT_SSH_KEY_RSA,
        .code = code,
        .class = last != NULL ? last->klass : GIT_ERROR_NONE,
        .message = last != NULL ? trimmed(last->message, message, sizeof(message)) : NULL,
    };

    assert(code < 0);
    if (session->stop.kind != ERROR_NONE) {
        *err = session->stop;
        return -1;
    }
    session->is_damaged = git_failure_is_damage(&source);
    return git_failure_set(err, &source);
}
