#include "clients/git_failure.h"

#include "base/cleanup.h"
#include "base/parse.h"

#include <ctype.h>
#include <git2.h>
#include <stdlib.h>
#include <string.h>

static bool says(const struct git_failure_source *source, const char *words)
{
    return source->message != NULL && strcasestr(source->message, words) != NULL;
}

static bool says_one_of(const struct git_failure_source *source, const char *const *words,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (says(source, words[i])) {
            return true;
        }
    }
    return false;
}

/* The number in "unexpected http status code: 404", or 0. */
static unsigned http_status(const struct git_failure_source *source)
{
    static const char before[] = "http status code: ";
    const char *at = source->message != NULL ? strcasestr(source->message, before) : NULL;

    return at != NULL ? (unsigned)strtoul(at + strlen(before), NULL, 10) : 0;
}

static bool url_is_ssh(const char *url)
{
    return text_has_prefix(url, "ssh://") || strstr(url, "://") == NULL;
}

/* "https://192.0.2.1/..." or "https://[2001:db8::1]/..." */
static bool url_host_is_address(const char *url)
{
    const char *host = strstr(url, "://");

    if (host == NULL) {
        return false;
    }
    host += strlen("://");
    return host[0] == '[' || host[strspn(host, "0123456789.")] == '/' ||
           host[strspn(host, "0123456789.")] == ':';
}

static const char *text_of(const struct git_failure_source *source)
{
    return source->message != NULL && source->message[0] != '\0' ? source->message
                                                                 : "libgit2 gave no reason";
}

static int set_authentication(struct error *err, const struct git_failure_source *source)
{
    const char *hint = "check that they are still valid and may read this repository";

    if (url_is_ssh(source->url)) {
        hint = !source->has_credentials ? "give the repository an ssh key (ed25519 or ECDSA)"
               : source->has_rsa_key
                   ? "it is an RSA key, which can only be used here with SHA-1 signatures, and "
                     "servers stopped to take them; use an ed25519 or ECDSA key"
                   : "check that its public half is known to the server";
        return error_set_reason(err, ERROR_INVALID, "AuthenticationFailed",
                                "%s: the server refused %s (%s); %s", source->url,
                                source->has_credentials ? "the ssh key" : "us without an ssh key",
                                text_of(source), hint);
    }
    if (!source->has_credentials) {
        return error_set_reason(err, ERROR_INVALID, "AuthenticationFailed",
                                "%s: the server asks for credentials and there are none; many "
                                "servers say this of a repository that does not exist, too",
                                source->url);
    }
    return error_set_reason(err, ERROR_INVALID, "AuthenticationFailed",
                            "%s: the server refused the credentials; %s", source->url, hint);
}

static int set_certificate(struct error *err, const struct git_failure_source *source)
{
    return error_set_reason(err, ERROR_INVALID, "CertificateInvalid",
                            "%s: the server's certificate is not trusted (%s); %s", source->url,
                            text_of(source),
                            url_host_is_address(source->url)
                                ? "use a host name: an address in the URL is never accepted"
                                : "check the host name, the date, and that its authority is in "
                                  "/etc/ssl/certs/ca-certificates.crt");
}

static int set_not_found(struct error *err, const struct git_failure_source *source)
{
    return error_set_reason(err, ERROR_NOT_FOUND, "RepositoryNotFound",
                            "%s: no such repository on the server, or it is not ours to see (%s)",
                            source->url, text_of(source));
}

static int set_proxy_refusal(struct error *err, const struct git_failure_source *source)
{
    return error_set_reason(err, ERROR_INVALID, "AuthenticationFailed",
                            "%s: the proxy %s wants credentials, which cannot be given to one; use "
                            "a proxy that takes us without, or none",
                            source->url, source->proxy);
}

static int set_http_status(struct error *err, const struct git_failure_source *source,
                           unsigned status)
{
    switch (status) {
    case 407:
        if (source->proxy != NULL) {
            return set_proxy_refusal(err, source);
        }
        return set_authentication(err, source);
    case 401:
    case 403: return set_authentication(err, source);
    case 404:
    case 410: return set_not_found(err, source);
    default:
        return error_set_reason(err, ERROR_TRANSIENT, "CloneFailed",
                                "%s: the server replied with HTTP status %u", source->url, status);
    }
}

static bool is_missing_repository(const struct git_failure_source *source)
{
    static const char *const words[] = {
        "repository not found",
        "not exported",
        "does not exist",
        "no such file",
        "not a git repository",
        "does not appear to be a git repository",
        "could not find repository",
        "project not found",
        "failed to resolve path",
        "could not be found",
    };

    return source->stage == GIT_STAGE_CONNECT && says_one_of(source, words, ARRAY_SIZE(words));
}

static bool is_refused_login(const struct git_failure_source *source)
{
    static const char *const words[] = {
        "authentication replays",
        "failed to authenticate",
        "error authenticating",
        "authentication required",
        "unexpected authentication failure",
        "username does not match",
        "requires authentication that we do not support",
        "unable to extract public key",
        "callback returned error",
        "unable to send userauth",
        "permission denied (publickey",
    };

    if (source->code == GIT_EAUTH) {
        return true;
    }
    return source->stage == GIT_STAGE_CONNECT &&
           (source->class == GIT_ERROR_SSH || source->class == GIT_ERROR_HTTP ||
            source->class == GIT_ERROR_NET) &&
           says_one_of(source, words, ARRAY_SIZE(words));
}

/* What often is behind a failure that may pass, too. */
static const char *hint_for(const struct git_failure_source *source)
{
    if (source->class == GIT_ERROR_SSL && says(source, "fatal alert")) {
        return "; a server that speaks TLS 1.3 only cannot be used, TLS 1.2 is needed";
    }
    if (source->class == GIT_ERROR_SSL && says(source, "invalid SSL record")) {
        return "; what answers there does not speak https";
    }
    if (source->stage == GIT_STAGE_CONNECT && says(source, "EOF")) {
        return "; the server hung up without a word, often because the path is wrong";
    }
    if (source->stage == GIT_STAGE_CONNECT && says(source, "parsing REF pkt-line")) {
        return "; if the server's repository is a shallow clone, which cannot be mirrored, "
               "complete "
               "it there with git fetch --unshallow";
    }
    if ((source->stage == GIT_STAGE_RECEIVE && says(source, "early EOF")) ||
        (text_has_prefix(source->url, "file:") &&
         (says(source, "object not found") || says(source, "Permission denied")))) {
        return "; if the server's repository is a partial or shallow clone, which cannot be "
               "mirrored, or borrows objects from another one, make it complete there";
    }
    return "";
}

static int set_transient(struct error *err, const struct git_failure_source *source)
{
    bool is_proxied = source->proxy != NULL && source->stage == GIT_STAGE_CONNECT;

    return error_set_reason(err, ERROR_TRANSIENT, "CloneFailed", "%s: %s%s%s%s", source->url,
                            text_of(source), is_proxied ? "; asked through the proxy " : "",
                            is_proxied ? source->proxy : "", hint_for(source));
}

int git_failure_set(struct error *err, const struct git_failure_source *source)
{
    unsigned status = http_status(source);

    if (source->class == GIT_ERROR_NOMEMORY || says(source, "too large") ||
        says(source, "Cannot allocate memory")) {
        return error_set_reason(err, ERROR_INVALID, "CloneTooLarge",
                                "%s: needs more memory or larger files than a clone may have (%s)",
                                source->url, text_of(source));
    }
    if (source->stage == GIT_STAGE_LOCAL) {
        return error_set_reason(err, ERROR_TRANSIENT, "CloneFailed", "%s", text_of(source));
    }
    if (source->proxy != NULL && (says(source, "proxy requires authentication") ||
                                  says(source, "proxy authentication required"))) {
        return set_proxy_refusal(err, source);
    }
    if (status != 0) {
        return set_http_status(err, source, status);
    }
    if (source->code == GIT_ECERTIFICATE || says(source, "certificate is invalid")) {
        return set_certificate(err, source);
    }
    if (is_refused_login(source)) {
        return set_authentication(err, source);
    }
    if (says(source, "redirect")) {
        return error_set_reason(
            err, ERROR_INVALID, "InvalidURL",
            "%s: the server sends us elsewhere, which is not followed (%s); use "
            "the repository's final URL, often the same with .git at its end, "
            "or https instead of http",
            source->url, text_of(source));
    }
    if (is_missing_repository(source)) {
        return set_not_found(err, source);
    }
    return set_transient(err, source);
}

bool git_failure_is_damage(const struct git_failure_source *source)
{
    if (source->code == GIT_EUSER || source->stage == GIT_STAGE_CONNECT) {
        return false;
    }
    switch (source->class) {
    case GIT_ERROR_ODB:
    case GIT_ERROR_OBJECT:
    case GIT_ERROR_ZLIB:
    case GIT_ERROR_INDEXER:
    case GIT_ERROR_REPOSITORY:
    case GIT_ERROR_CONFIG:
    case GIT_ERROR_REFERENCE:
    case GIT_ERROR_TREE:
    case GIT_ERROR_TAG: return true;
    default: return false;
    }
}
