#include "specs/repo_url.h"

#include "base/memory.h"
#include "base/parse.h"
#include "base/sha256.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "specs/excerpt.h"
#include "specs/reason.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_URL_LEN = 2048, MAX_HOST_LEN = 253 };

static const struct scheme {
    const char *name;
    uint16_t default_port; /* 0: it has no host */
} schemes[] = {
    {"https", 443}, {"http", 80}, {"ssh", 22}, {"git", 9418}, {"file", 0},
};

/* The parts of a URL, as pointers into its text. */
struct parts {
    const struct scheme *scheme;
    const char *user, *host, *port, *path; /* port NULL: none written */
    size_t user_len, host_len, port_len;
};

/* Always -1. The text is not quoted where it may hold a secret. */
static int refuse(struct error *err, const char *rule)
{
    return error_set_reason(err, ERROR_INVALID, REASON_INVALID_URL, "the repository URL %s", rule);
}

static int refuse_unknown_form(struct error *err, const char *text)
{
    char shown[EXCERPT_SIZE];

    if (strchr(text, '@') != NULL) {
        return refuse(err, "must be like https://host/owner/name.git or git@host:owner/name.git");
    }
    return error_set_reason(err, ERROR_INVALID, REASON_INVALID_URL,
                            "\"%s\" is not a repository URL; write https://host/owner/name.git, "
                            "git@host:owner/name.git or file:///path",
                            excerpt(text, shown));
}

static const struct scheme *find_scheme(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
        if (strlen(schemes[i].name) == len && strncasecmp(name, schemes[i].name, len) == 0) {
            return &schemes[i];
        }
    }
    return NULL;
}

/* "[user@]host[:port]" of len bytes into parts. */
static void split_authority(const char *text, size_t len, bool may_have_port, struct parts *parts)
{
    const char *at = memrchr(text, '@', len), *host = at != NULL ? at + 1 : text;
    size_t host_len = (size_t)(text + len - host);
    const char *bracket = host_len > 0 && host[0] == '[' ? memchr(host, ']', host_len) : NULL;
    const char *behind = bracket != NULL ? bracket + 1 : host;
    const char *colon =
        may_have_port ? memchr(behind, ':', (size_t)(host + host_len - behind)) : NULL;

    parts->user = at != NULL ? text : NULL;
    parts->user_len = at != NULL ? (size_t)(at - text) : 0;
    parts->host = host;
    parts->host_len = colon != NULL ? (size_t)(colon - host) : host_len;
    parts->port = colon != NULL ? colon + 1 : NULL;
    parts->port_len = colon != NULL ? (size_t)(host + host_len - parts->port) : 0;
}

/*
 * git@host:owner/name: the path starts at the first ':' outside of brackets, with no '/' before it.
 */
static const char *find_scp_colon(const char *text)
{
    const char *start = text, *at = strchr(text, '@');

    if (at != NULL) {
        start = at + 1;
    }
    if (*start == '[') {
        start += strcspn(start, "]");
    }
    start += strcspn(start, ":/");
    return *start == ':' ? start : NULL;
}

static int split(const char *text, struct parts *ret_parts, struct error *err)
{
    const char *separator = strstr(text, "://"), *authority, *colon;
    struct parts parts = {0};

    if (separator != NULL) {
        parts.scheme = find_scheme(text, (size_t)(separator - text));
        if (parts.scheme == NULL) {
            return refuse(err, "must start with https://, http://, ssh://, git:// or file://");
        }
        authority = separator + 3;
        parts.path = authority + strcspn(authority, "/");
        split_authority(authority, (size_t)(parts.path - authority), true, &parts);
    } else {
        colon = find_scp_colon(text);
        if (colon == NULL) {
            return refuse_unknown_form(err, text);
        }
        parts.scheme = find_scheme("ssh", 3);
        parts.path = colon + 1;
        split_authority(text, (size_t)(colon - text), false, &parts);
    }
    *ret_parts = parts;
    return 0;
}

/* Well-known beginnings of access tokens, and anything too long for a login name. */
static bool looks_like_token(const char *user, size_t len)
{
    static const char *const beginnings[] = {"ghp_",        "gho_",   "ghs_",  "ghu_", "ghr_",
                                             "github_pat_", "glpat-", "gldt-", "ATBB", "ATCTT"};

    for (size_t i = 0; i < ARRAY_SIZE(beginnings); i++) {
        if (len > strlen(beginnings[i]) &&
            strncmp(user, beginnings[i], strlen(beginnings[i])) == 0) {
            return true;
        }
    }
    return len > 32;
}

static int check_user(const struct parts *parts, struct error *err)
{
    if (parts->user == NULL) {
        return 0;
    }
    if (memchr(parts->user, ':', parts->user_len) != NULL) {
        return refuse(err, "has a password in it; put it into a file and name that in credentials");
    }
    if (memchr(parts->user, '@', parts->user_len) != NULL ||
        looks_like_token(parts->user, parts->user_len)) {
        return refuse(err, "has a token in it; put it into a file and name that in credentials");
    }
    for (size_t i = 0; i < parts->user_len; i++) {
        unsigned char c = (unsigned char)parts->user[i];

        if (!isalnum(c) && strchr("._-+%~", c) == NULL) {
            return refuse(err, "has a user name with characters that are not allowed");
        }
    }
    if (parts->user_len == 0 || parts->user[0] == '-') {
        return refuse(err, "has no user name before \"@\", or one that starts with \"-\"");
    }
    return 0;
}

static bool is_ipv6(const char *host, size_t len)
{
    char address[INET6_ADDRSTRLEN + 1];
    struct in6_addr binary;

    if (len < 4 || len - 2 > INET6_ADDRSTRLEN || host[0] != '[' || host[len - 1] != ']') {
        return false;
    }
    snprintf(address, sizeof(address), "%.*s", (int)(len - 2), host + 1);
    return inet_pton(AF_INET6, address, &binary) == 1;
}

static int check_host(const struct parts *parts, struct error *err)
{
    if (parts->scheme->default_port == 0) {
        return parts->host_len == 0 && parts->user == NULL && parts->port == NULL
                   ? 0
                   : refuse(err,
                            "must have three slashes after file:, as in file:///srv/git/name.git");
    }
    if (parts->host_len == 0) {
        return refuse(err, "has no host");
    }
    if (parts->host_len > MAX_HOST_LEN) {
        return refuse(err, "has a host name longer than 253 characters");
    }
    if (is_ipv6(parts->host, parts->host_len)) {
        return 0;
    }
    if (parts->host[0] == '-' || parts->host[0] == '.') {
        return refuse(err, "has a host name that starts with \"-\" or \".\"");
    }
    for (size_t i = 0; i < parts->host_len; i++) {
        if (!isalnum((unsigned char)parts->host[i]) && strchr("-._", parts->host[i]) == NULL) {
            return refuse(err, "has a host name with characters that are not allowed");
        }
    }
    return 0;
}

static int read_port(const struct parts *parts, uint16_t *ret_port, struct error *err)
{
    char text[8];

    if (parts->port == NULL || parts->port_len == 0) {
        *ret_port = parts->scheme->default_port;
        return 0;
    }
    if (parts->port_len >= sizeof(text)) {
        return refuse(err, "has a port outside 1..65535");
    }
    snprintf(text, sizeof(text), "%.*s", (int)parts->port_len, parts->port);
    if (parse_port(text, ret_port) < 0) {
        return refuse(err, "has a port outside 1..65535");
    }
    return 0;
}

/* Characters that must not hide behind %: what a path is made of and what ends a text. */
static bool is_escape_refused(const char *escape)
{
    char digits[3] = {escape[1], escape[1] != '\0' ? escape[2] : '\0', '\0'};
    long byte;

    if (!isxdigit((unsigned char)digits[0]) || !isxdigit((unsigned char)digits[1])) {
        return true;
    }
    byte = strtol(digits, NULL, 16);
    return byte < ' ' || byte == 0x7f || byte == '/' || byte == '.' || byte == '\\' || byte == '%';
}

static bool is_dots(const char *part, size_t len)
{
    return (len == 1 && part[0] == '.') || (len == 2 && part[0] == '.' && part[1] == '.');
}

static int check_path(const struct parts *parts, struct error *err)
{
    if (strpbrk(parts->path, "?#") != NULL) {
        return refuse(err, "must have no \"?\" and no \"#\" in it");
    }
    if (strpbrk(parts->path, "\\\"") != NULL) {
        return refuse(err, "must have no backslash and no quotation mark in it");
    }
    for (const char *p = strchr(parts->path, '%'); p != NULL; p = strchr(p + 1, '%')) {
        if (is_escape_refused(p)) {
            return refuse(
                err, "has a \"%\" that is not followed by two hex digits of a harmless character");
        }
    }
    for (const char *part = parts->path; *part != '\0'; part += *part == '/') {
        size_t len = strcspn(part, "/");

        if (is_dots(part, len)) {
            return refuse(err, "must have no \".\" or \"..\" parts in its path");
        }
        if (part[0] == '-') {
            return refuse(err, "has a part that starts with \"-\" in its path");
        }
        part += len;
    }
    return 0;
}

static bool is_safe_to_show(const char *text, size_t len)
{
    uint32_t code;
    size_t n;

    for (size_t i = 0; i < len; i += n) {
        n = utf8_decode(text + i, len - i, &code);
        if (n == 0 ||
            !(utf8_is_safe_to_show(code) || code == '\t' || code == '\n' || code == '\r')) {
            return false;
        }
    }
    return true;
}

static int check_text(const char *text, struct error *err)
{
    size_t len = strlen(text);

    if (len > MAX_URL_LEN) {
        return refuse(err, "is longer than 2048 bytes");
    }
    if (!is_safe_to_show(text, len)) {
        return refuse(err, "has control characters or broken UTF-8 in it");
    }
    if (strpbrk(text, " \t\r\n") != NULL) {
        return refuse(err, "has blanks in it");
    }
    if (text[0] == '-') {
        return refuse(err, "must not start with \"-\"");
    }
    return 0;
}

/*
 * "/owner/name" from any spelling of the path: no double slashes, no slash and no ".git" at the
 * end.
 */
static char *canonical_path(const char *path)
{
    auto_done(strbuf) out = {0};
    char *clean;
    size_t len;

    for (const char *part = path; *part != '\0';) {
        size_t part_len = strcspn(part, "/");

        if (part_len > 0) {
            strbuf_add(&out, "/");
            strbuf_append(&out, part, part_len);
        }
        part += part_len + (part[part_len] == '/');
    }
    clean = strbuf_take(&out);
    len = strlen(clean);
    if (text_has_suffix(clean, ".git")) {
        len -= strlen(".git");
    }
    if (len > 0 && clean[len - 1] == '/') { /* "/srv/x/.git" is "/srv/x" */
        len--;
    }
    clean[len] = '\0';
    return clean;
}

static char *canonical_url(const struct parts *parts, const char *host, uint16_t port,
                           const char *path)
{
    if (parts->scheme->default_port == 0) {
        return xasprintf("file://%s", path);
    }
    if (port != parts->scheme->default_port) {
        return xasprintf("%s:%u%s", host, port, path);
    }
    return xasprintf("%s%s", host, path);
}

/* Owner and name are the last two parts; a path of one part has the host for an owner. */
static void fill_names(struct repo_url *url, const char *path)
{
    const char *name = strrchr(path, '/') + 1;
    const char *owner_end = name - 1, *owner = owner_end;

    while (owner > path && owner[-1] != '/') {
        owner--;
    }
    url->name = xstrdup(name);
    if (owner < owner_end) {
        url->owner = xstrndup(owner, (size_t)(owner_end - owner));
    } else {
        url->owner = xstrdup(url->host[0] != '\0' ? url->host : url->scheme);
    }
}

int repo_url_parse(const char *text, struct repo_url *ret_url, struct error *err)
{
    struct parts parts;
    auto_free char *path = NULL;
    auto_done(repo_url) url = {0};
    uint16_t port;

    if (check_text(text, err) < 0 || split(text, &parts, err) < 0 || check_user(&parts, err) < 0 ||
        check_host(&parts, err) < 0 || read_port(&parts, &port, err) < 0 ||
        check_path(&parts, err) < 0) {
        return -1;
    }
    path = canonical_path(parts.path);
    if (path[0] == '\0') {
        return refuse(err, "has no path");
    }
    if (is_dots(strrchr(path, '/') + 1, strlen(strrchr(path, '/') + 1))) {
        return refuse(err, "must not end in \".\" or \"..\" with \".git\" behind it");
    }
    url.text = xstrdup(text);
    url.scheme = xstrdup(parts.scheme->name);
    url.host = xstrndup(parts.host, parts.host_len);
    for (char *c = url.host; *c != '\0'; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
    url.path = xasprintf("%s%s", parts.path[0] == '/' ? "" : "/", parts.path);
    url.canonical = canonical_url(&parts, url.host, port, path);
    fill_names(&url, path);
    *ret_url = url;
    url = (struct repo_url){0};
    return 0;
}

void repo_url_done(struct repo_url *url)
{
    free(url->text);
    free(url->scheme);
    free(url->host);
    free(url->path);
    free(url->canonical);
    free(url->owner);
    free(url->name);
    *url = (struct repo_url){0};
}

/* Lower-case letters and digits; one '-' for each run of anything else, none at the ends. */
static char *slug(const char *text)
{
    auto_done(strbuf) out = {0};

    for (; *text != '\0'; text++) {
        char c = (char)tolower((unsigned char)*text);

        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            strbuf_append(&out, &c, 1);
        } else if (out.len > 0 && out.text[out.len - 1] != '-') {
            strbuf_add(&out, "-");
        }
    }
    return strbuf_take(&out);
}

/* Shortens the text to max characters and takes a '-' off its end. */
static void cut(char *text, size_t max)
{
    size_t len = strlen(text);

    if (len > max) {
        len = max;
    }
    while (len > 0 && text[len - 1] == '-') {
        len--;
    }
    text[len] = '\0';
}

/*
 * "repo-<parts>-<6 hex of identity>". Each part gets its share of the room that is left, or what
 * the parts behind it leave.
 */
static const char *join_name(char *const *parts, size_t count, const char *identity,
                             char name[REPO_CONTAINER_NAME_SIZE])
{
    enum { HEX_LEN = 6 };
    size_t room = REPO_CONTAINER_NAME_SIZE - 1 - strlen("repo-") - count - HEX_LEN, behind = 0;
    auto_done(strbuf) text = {0};
    char hex[SHA256_HEX_SIZE];

    for (size_t i = 0; i < count; i++) {
        behind += strlen(parts[i]);
    }
    strbuf_add(&text, "repo-");
    for (size_t i = 0; i < count; i++) {
        size_t share = room / (count - i);

        behind -= strlen(parts[i]);
        cut(parts[i], behind + share < room ? room - behind : share);
        room -= strlen(parts[i]);
        strbuf_addf(&text, "%s%s", parts[i], parts[i][0] != '\0' ? "-" : "");
    }
    sha256_hex(identity, strlen(identity), hex);
    snprintf(name, REPO_CONTAINER_NAME_SIZE, "%s%.*s", strbuf_text(&text), HEX_LEN, hex);
    return name;
}

const char *repo_url_container_name(const struct repo_url *url, char name[REPO_CONTAINER_NAME_SIZE])
{
    auto_free char *owner = slug(url->owner), *repository = slug(url->name);
    char *const parts[] = {owner, repository};

    return join_name(parts, ARRAY_SIZE(parts), url->canonical, name);
}

const char *repo_url_branch_container_name(const struct repo_url *url, const char *branch,
                                           char name[REPO_CONTAINER_NAME_SIZE])
{
    auto_free char *owner = slug(url->owner), *repository = slug(url->name),
                   *branch_part = slug(branch);
    auto_free char *identity = xasprintf("%s#%s", url->canonical, branch);
    char *const parts[] = {owner, repository, branch_part};

    return join_name(parts, ARRAY_SIZE(parts), identity, name);
}
