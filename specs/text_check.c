#include "specs/text_check.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/parse.h"
#include "specs/excerpt.h"
#include "specs/machine_types.h"
#include "specs/reason.h"
#include "specs/repo_url.h"
#include "specs/types.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define LETTERS LOWER UPPER
#define ALNUM LETTERS DIGITS

enum { MAX_ENV_NAME = 255 };

/* "<text>" <rule>; always -1 */
static int refuse(struct error *err, const char *text, const char *rule)
{
    char shown[EXCERPT_SIZE];

    return error_set(err, ERROR_INVALID, "\"%s\" %s", excerpt(text, shown), rule);
}

/* The same where the text may be, or hold, what nobody is to see. */
static int refuse_unseen(struct error *err, const char *rule)
{
    return error_set(err, ERROR_INVALID, "%s", rule);
}

static bool is_made_of(const char *text, size_t len, const char *set)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\0' || strchr(set, text[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static bool has_control_or_blank(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text <= ' ' || *text == 0x7f) {
            return true;
        }
    }
    return false;
}

static bool has_control(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f) {
            return true;
        }
    }
    return false;
}

int check_object_name(const char *text, struct error *err)
{
    char shown[EXCERPT_SIZE];

    if (object_name_is_valid(text)) {
        return 0;
    }
    return error_set_reason(err, ERROR_INVALID, REASON_INVALID_NAME,
                            "\"%s\" is not a name: a lower-case letter first, then lower-case "
                            "letters, digits and \"-\", no \"-\" at the end, at most 63 in all",
                            excerpt(text, shown));
}

/* [A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])? */
static bool is_label_word(const char *text, size_t len)
{
    return len >= 1 && len <= 63 && is_one_of(text[0], ALNUM) && is_one_of(text[len - 1], ALNUM) &&
           is_made_of(text, len, ALNUM "-_.");
}

/* One or more names of `set` and '-' inside, with dots between them. */
static bool is_domain(const char *text, size_t len, const char *set)
{
    size_t start = 0;

    if (len < 1 || len > 253) {
        return false;
    }
    for (size_t i = 0; i <= len; i++) {
        if (i == len || text[i] == '.') {
            if (i == start || i - start > 63 || text[start] == '-' || text[i - 1] == '-') {
                return false;
            }
            start = i + 1;
        } else if (text[i] != '-' && !is_one_of(text[i], set)) {
            return false;
        }
    }
    return true;
}

int check_label_key(const char *text, struct error *err)
{
    const char *slash = strchr(text, '/'), *name = slash != NULL ? slash + 1 : text;

    if (strncmp(text, "dev.berth.", strlen("dev.berth.")) == 0) {
        return refuse(err, text, "is one of Berth's own labels; choose another prefix");
    }
    if (slash != NULL && !is_domain(text, (size_t)(slash - text), LOWER DIGITS)) {
        return refuse(err, text,
                      "is not a label key: what stands before \"/\" must be a domain name");
    }
    if (!is_label_word(name, strlen(name))) {
        return refuse(err, text,
                      "is not a label key: at most 63 letters, digits, \"-\", \"_\" and \".\", a "
                      "letter or digit at both ends");
    }
    return 0;
}

int check_label_value(const char *text, struct error *err)
{
    if (text[0] != '\0' && !is_label_word(text, strlen(text))) {
        return refuse(err, text,
                      "is not a label value: at most 63 letters, digits, \"-\", \"_\" and \".\", a "
                      "letter or digit at both ends");
    }
    return 0;
}

int check_absolute_path(const char *text, struct error *err)
{
    if (text[0] != '/') {
        return refuse(err, text, "is not an absolute path: it must start with \"/\"");
    }
    if (path_has_dot_dot(text)) {
        return refuse(err, text, "must not have \"..\" in it");
    }
    if (strlen(text) > 4095) {
        return refuse(err, text, "is longer than 4095 bytes");
    }
    if (has_control(text)) {
        return refuse(err, text, "must not have control characters in it");
    }
    return 0;
}

int check_secret_file(const char *text, struct error *err)
{
    struct error unseen = {0};

    if (text[0] != '/') {
        return refuse_unseen(err, "must be the absolute path of a file that holds it, and not the "
                                  "secret itself");
    }
    if (check_absolute_path(text, &unseen) < 0) {
        return refuse_unseen(err, "must be a path of at most 4095 bytes without \"..\" and control "
                                  "characters");
    }
    return 0;
}

int check_mount_path(const char *text, struct error *err)
{
    if (check_absolute_path(text, err) < 0) {
        return -1;
    }
    if (text[strspn(text, "/.")] == '\0') {
        return refuse(err, text, "is the container's root; mount at a path below it");
    }
    if (strchr(text, ':') != NULL) {
        return refuse(err, text, "must not have \":\" in it");
    }
    return 0;
}

int check_repository_mount_path(const char *text, struct error *err)
{
    auto_free char *path = NULL;

    if (check_mount_path(text, err) < 0) {
        return -1;
    }
    path = path_absolute(text);
    if (path_is_below(path, "/workspace")) {
        return refuse(err, text,
                      "is reserved: Berth mounts the working trees of tasks at /workspace; choose "
                      "another path");
    }
    if (path_is_below(path, "/.berth")) {
        return refuse(err, text,
                      "is reserved: Berth keeps its runner and the records of tasks in /.berth; "
                      "choose another path");
    }
    return 0;
}

/*
 * What stands before the first "/" is a registry when it has a "." or ":" in it or is localhost
 * (Docker's rule).
 */
static bool is_registry(const char *text, size_t len)
{
    return memchr(text, '.', len) != NULL || memchr(text, ':', len) != NULL ||
           (len == strlen("localhost") && memcmp(text, "localhost", len) == 0);
}

static bool is_registry_valid(const char *text, size_t len)
{
    const char *colon = memchr(text, ':', len);
    size_t host_len = colon != NULL ? (size_t)(colon - text) : len, port_len = len - host_len;

    return is_domain(text, host_len, ALNUM) &&
           (colon == NULL ||
            (port_len >= 2 && port_len <= 6 && is_made_of(colon + 1, port_len - 1, DIGITS)));
}

/* Parts of lower-case letters and digits with single ".", "_", "__" or "-" runs between. */
static bool is_image_path(const char *text, size_t len)
{
    size_t start = 0;

    if (len < 1) {
        return false;
    }
    for (size_t i = 0; i <= len; i++) {
        if (i == len || text[i] == '/') {
            if (i == start || !is_one_of(text[start], LOWER DIGITS) ||
                !is_one_of(text[i - 1], LOWER DIGITS)) {
                return false;
            }
            start = i + 1;
        } else if (!is_one_of(text[i], LOWER DIGITS "._-")) {
            return false;
        }
    }
    return true;
}

/* [A-Za-z0-9_][A-Za-z0-9_.-]{0,127} */
static bool is_image_tag(const char *text, size_t len)
{
    return len >= 1 && len <= 128 && is_one_of(text[0], ALNUM "_") &&
           is_made_of(text, len, ALNUM "_.-");
}

static bool is_digest(const char *text)
{
    static const char prefix[] = "sha256:";
    size_t prefix_len = sizeof(prefix) - 1;

    return strncmp(text, prefix, prefix_len) == 0 && strlen(text) == prefix_len + 64 &&
           is_made_of(text + prefix_len, 64, "0123456789abcdef");
}

int check_image(const char *text, struct error *err)
{
    size_t len = strcspn(text, "@");
    const char *path = text, *slash = memchr(text, '/', len), *colon = NULL;

    if (strlen(text) > 255) {
        return refuse(err, text, "is longer than 255 characters");
    }
    if (has_control_or_blank(text)) {
        return refuse(err, text, "is not an image: it has blanks or control characters in it");
    }
    if (text[len] == '@' && !is_digest(text + len + 1)) { /* there may be a password before it */
        return refuse_unseen(err, "is not an image: \"@\" must be followed by sha256: and 64 hex "
                                  "digits, and user and password cannot be part of it");
    }
    if (strstr(text, "://") != NULL) {
        return refuse(err, text, "is not an image: leave the scheme out, write host/path:tag");
    }
    if (slash != NULL && is_registry(text, (size_t)(slash - text))) {
        if (!is_registry_valid(text, (size_t)(slash - text))) {
            return refuse(err, text,
                          "is not an image: the registry before the first \"/\" is no host[:port]");
        }
        path = slash + 1;
    }
    colon = memchr(path, ':', len - (size_t)(path - text));
    if (colon != NULL && !is_image_tag(colon + 1, (size_t)(text + len - colon - 1))) {
        return refuse(err, text,
                      "is not an image: the tag after \":\" must be 1 to 128 letters, digits, "
                      "\"_\", \".\" and \"-\"");
    }
    if (!is_image_path(path, (size_t)((colon != NULL ? colon : text + len) - path))) {
        return refuse(err, text,
                      "is not an image: lower-case letters, digits, \".\", \"_\", \"-\" and \"/\", "
                      "as in registry.example.com/team/app:1.2");
    }
    return 0;
}

int check_machine_type(const char *text, struct error *err)
{
    struct machine_type type;
    char shown[EXCERPT_SIZE];
    const char *near;

    if (machine_type_find(text, &type) == 0) {
        return 0;
    }
    near = machine_type_suggest(text);
    excerpt(text, shown);
    if (strncmp(text, "custom-", strlen("custom-")) == 0) {
        return error_set_reason(err, ERROR_INVALID, REASON_INVALID_MACHINE_TYPE,
                                "\"%s\" is not custom-<vcpus>-<MiB> with 1 to 1024 CPUs and 64 MiB "
                                "to 4 TiB, such as custom-2-4096",
                                shown);
    }
    if (near != NULL) {
        return error_set_reason(err, ERROR_INVALID, REASON_INVALID_MACHINE_TYPE,
                                "unknown machine type \"%s\"; did you mean \"%s\"?", shown, near);
    }
    return error_set_reason(
        err, ERROR_INVALID, REASON_INVALID_MACHINE_TYPE,
        "unknown machine type \"%s\"; examples: e2-medium, n1-standard-1, t3.small, custom-2-4096",
        shown);
}

int check_repository_url(const char *text, struct error *err)
{
    auto_done(repo_url) url = {0};

    return repo_url_parse(text, &url, err);
}

/* One part between slashes of a ref's name. */
static bool is_ref_part(const char *text, size_t len)
{
    return len > 0 && text[0] != '.' && !(len >= 5 && memcmp(text + len - 5, ".lock", 5) == 0);
}

static int check_ref_name(const char *text, const char *rule, const char *short_rule,
                          struct error *err)
{
    size_t len = strlen(text);

    if (len == 0 || len > 244 || text[0] == '-' || text[len - 1] == '.' || text[len - 1] == '/' ||
        has_control_or_blank(text) || strpbrk(text, "~^:?*[\\") != NULL ||
        strstr(text, "..") != NULL || strstr(text, "@{") != NULL || strcmp(text, "@") == 0) {
        return refuse(err, text, rule);
    }
    for (size_t start = 0; start < len;) {
        size_t part_len = strcspn(text + start, "/");

        if (!is_ref_part(text + start, part_len)) {
            return refuse(err, text, rule);
        }
        start += part_len + 1;
    }
    return strncmp(text, "refs/", strlen("refs/")) == 0 ? refuse(err, text, short_rule) : 0;
}

int check_branch(const char *text, struct error *err)
{
    return check_ref_name(text, "is not a branch name that git would take",
                          "must be the branch's short name, without refs/heads/", err);
}

int check_ref(const char *text, struct error *err)
{
    return check_ref_name(text, "is neither a tag name that git would take nor a commit",
                          "must be the tag's short name, without refs/tags/", err);
}

int check_env_name(const char *text, struct error *err)
{
    if (strchr(text, '=') != NULL) {
        return refuse_unseen(err, "must have no \"=\" in it; the value belongs in \"value\"");
    }
    if (strlen(text) > MAX_ENV_NAME) {
        return refuse(err, text, "is longer than 255 characters");
    }
    if (!is_one_of(text[0], LETTERS "_") || !is_made_of(text, strlen(text), ALNUM "_.-")) {
        return refuse(err, text,
                      "is not a name for a variable: letters, digits, \"_\", \".\" and \"-\", no "
                      "digit first");
    }
    return 0;
}

int check_env_source(const char *text, struct error *err)
{
    struct error unseen = {0};

    return check_env_name(text, &unseen) < 0
               ? refuse_unseen(err, "must be the name of a variable of the controller's own "
                                    "environment, and not its value")
               : 0;
}

int check_hostname(const char *text, struct error *err)
{
    if (!is_domain(text, strlen(text), ALNUM)) {
        return refuse(err, text,
                      "is not a host name: letters, digits and \"-\", parts of at most 63 with "
                      "dots between them");
    }
    return 0;
}

int check_ip_address(const char *text, struct error *err)
{
    struct in6_addr address;

    if (inet_pton(AF_INET, text, &address) != 1 && inet_pton(AF_INET6, text, &address) != 1) {
        return refuse(err, text, "is not an IP address, such as 127.0.0.1 or ::1");
    }
    return 0;
}

int check_capability(const char *text, struct error *err)
{
    if (!is_made_of(text, strlen(text), UPPER "_")) {
        return refuse(err, text, "is not a capability; write it in capitals, such as NET_ADMIN");
    }
    return 0;
}

int check_volume_name(const char *text, struct error *err)
{
    size_t len = strlen(text);

    if (strchr(text, '/') != NULL) {
        return refuse(err, text,
                      "is not the name of a volume; for a directory of the host write hostPath");
    }
    if (len > 201 || !is_one_of(text[0], ALNUM) || !is_made_of(text, len, ALNUM "_.-")) {
        return refuse(err, text,
                      "is not the name of a volume: letters, digits, \"_\", \".\" and \"-\", a "
                      "letter or digit first, at most 201");
    }
    return 0;
}

int check_user(const char *text, struct error *err)
{
    size_t user_len = strcspn(text, ":"), len = strlen(text);
    const char *group = text[user_len] == ':' ? text + user_len + 1 : NULL;

    if (len > 256 || user_len == 0 || text[0] == '-' || !is_made_of(text, user_len, ALNUM "_.-$") ||
        (group != NULL && (group[0] == '\0' || !is_made_of(group, strlen(group), ALNUM "_.-$")))) {
        return refuse(err, text, "is not a user: a name or number, as in app, 1000 or 1000:1000");
    }
    return 0;
}

int check_person(const char *text, struct error *err)
{
    size_t len = strlen(text);

    if (len > 128 || !is_one_of(text[0], ALNUM "_") || !is_made_of(text, len, ALNUM "_.@+-")) {
        return refuse(err, text,
                      "is not a user: letters, digits, \"_\", \".\", \"@\", \"+\" and \"-\"");
    }
    return 0;
}

int check_port_or_name(const char *text, struct error *err)
{
    uint64_t port;

    if ((parse_u64(text, &port) == 0 && port >= 1 && port <= 65535) || object_name_is_valid(text)) {
        return 0;
    }
    return refuse(err, text, "is neither a port from 1 to 65535 nor the name of one");
}

static bool is_printable(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            return false;
        }
    }
    return true;
}

int check_http_path(const char *text, struct error *err)
{
    if (text[0] != '/' || strchr(text, ' ') != NULL || !is_printable(text)) {
        return refuse(err, text, "is not a path, such as /healthz");
    }
    return 0;
}

int check_http_header_name(const char *text, struct error *err)
{
    if (!is_made_of(text, strlen(text), ALNUM "-_")) {
        return refuse(err, text, "is not the name of a header: letters, digits, \"-\" and \"_\"");
    }
    return 0;
}

int check_http_header_value(const char *text, struct error *err)
{
    if (!is_printable(text)) {
        return refuse_unseen(err, "must not have control characters, such as an end of line");
    }
    return 0;
}
