#include "specs/policy.h"

#include "base/memory.h"
#include "base/parse.h"
#include "specs/excerpt.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

/* Images and patterns of them, in their full form. */

static const char BELOW[] = "/**";

struct image_parts {
    char *name;         /* "docker.io/library/debian" */
    const char *tag;    /* NULL: none is written */
    const char *digest; /* "sha256:..."; NULL: none */
    char *text;         /* what the two point into */
};

static void image_parts_done(struct image_parts *parts)
{
    free(parts->name);
    free(parts->text);
}

/* Docker's rule: what stands before the first "/" is a registry when it looks like a host. */
static bool has_registry(const char *text)
{
    size_t len = strcspn(text, "/");

    return text[len] == '/' &&
           (memchr(text, '.', len) != NULL || memchr(text, ':', len) != NULL ||
            (len == strlen("localhost") && strncmp(text, "localhost", len) == 0));
}

static char *full_name(const char *text)
{
    static const char other_name[] = "index.docker.io/";
    static const char hub[] = "docker.io/";
    bool is_all;

    if (has_registry(text) && !text_has_prefix(text, other_name) && !text_has_prefix(text, hub)) {
        return xstrdup(text);
    }
    text += text_has_prefix(text, other_name) ? strlen(other_name)
            : text_has_prefix(text, hub)      ? strlen(hub)
                                              : 0;
    is_all = strcmp(text, "**") == 0; /* of a pattern */
    return xasprintf("docker.io/%s%s", is_all || strchr(text, '/') != NULL ? "" : "library/", text);
}

/* The parts of an image, or of a pattern. */
static void split(const char *image, struct image_parts *ret)
{
    char *text = xstrdup(image), *at = strchr(text, '@'), *slash, *colon;

    *ret = (struct image_parts){.text = text};
    if (at != NULL) {
        *at = '\0';
        ret->digest = at + 1;
    }
    slash = strrchr(text, '/');
    colon = strchr(slash != NULL ? slash : text, ':');
    if (colon != NULL) {
        *colon = '\0';
        ret->tag = colon + 1;
    }
    ret->name = full_name(text);
}

static bool matches(const char *pattern, const char *text)
{
    return fnmatch(pattern, text, FNM_PATHNAME | FNM_NOESCAPE) == 0;
}

/* The text up to its n-th slash; NULL: it has fewer. The caller's to free. */
static char *first_parts(const char *text, size_t count)
{
    const char *end = text;

    for (; count > 0 && end != NULL; count--) {
        end = strchr(end == text ? text : end + 1, '/');
    }
    return end != NULL ? xstrndup(text, (size_t)(end - text)) : NULL;
}

static size_t count_parts(const char *text)
{
    size_t count = 1;

    for (; *text != '\0'; text++) {
        count += *text == '/' ? 1 : 0;
    }
    return count;
}

/* Everything below what stands before the two stars. */
static bool is_below(const char *pattern, const char *name)
{
    auto_free char *above = xstrndup(pattern, strlen(pattern) - strlen(BELOW));
    auto_free char *begin = first_parts(name, count_parts(above));

    return begin != NULL && matches(above, begin);
}

static bool is_name_matched(const char *pattern, const char *name)
{
    return text_has_suffix(pattern, BELOW) ? is_below(pattern, name) : matches(pattern, name);
}

static bool is_hex(const char *text)
{
    return text[0] != '\0' && text[strspn(text, "0123456789abcdef")] == '\0';
}

/* The engine takes "4f3b2a" and "sha256:4f3b2a" for ids where no image is called so. */
static bool could_be_id(const char *image)
{
    static const char algorithm[] = "sha256:";

    return is_hex(image) ||
           (text_has_prefix(image, algorithm) && is_hex(image + strlen(algorithm)));
}

bool policy_image_matches(const char *pattern, const char *image)
{
    auto_done(image_parts) want, have;
    bool is_match;

    if (strcmp(pattern, "*") == 0) {
        want = have = (struct image_parts){0};
        return true;
    }
    split(pattern, &want);
    split(image, &have);
    is_match = !could_be_id(image) && is_name_matched(want.name, have.name);
    if (want.digest != NULL) {
        return is_match && have.digest != NULL && matches(want.digest, have.digest);
    }
    if (want.tag != NULL) {
        return is_match && have.digest == NULL &&
               matches(want.tag, have.tag != NULL ? have.tag : "latest");
    }
    return is_match;
}

int policy_check_image_pattern(const char *pattern, struct error *err)
{
    const char *stars = strstr(pattern, "**");
    char shown[EXCERPT_SIZE];

    excerpt(pattern, shown);
    if (strlen(pattern) > 255 || pattern[strcspn(pattern, " \t\r\n\\")] != '\0') {
        return error_set(err, ERROR_INVALID, "\"%s\" is not a pattern of images", shown);
    }
    if (strstr(pattern, "://") != NULL) {
        return error_set(err, ERROR_INVALID, "\"%s\": leave the scheme out, write host/path:tag",
                         shown);
    }
    if (stars != NULL && (stars[2] != '\0' || stars == pattern || stars[-1] != '/')) {
        return error_set(err, ERROR_INVALID,
                         "\"%s\": two stars are for the end, as in registry.example.com/team%s",
                         shown, BELOW);
    }
    return 0;
}
