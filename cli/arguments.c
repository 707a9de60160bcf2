#include "cli/arguments.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "base/suggest.h"
#include "cli/command.h"
#include "specs/quantity.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_OPTIONS = 64, MAX_NAME = 64 };

int usage_error(const char *command, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "berth %s: ", command);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\nsee: berth %s --help\n", command);
    return EXIT_BAD_USAGE;
}

char *directory_option(const char *value, const char *variable, const char *fallback)
{
    const char *from_environment = getenv(variable);

    if (value == NULL) {
        value =
            from_environment != NULL && from_environment[0] != '\0' ? from_environment : fallback;
    }
    return path_absolute(value);
}

/* "--state", also of "--state=x". */
static void copy_name(const char *argument, char name[MAX_NAME])
{
    size_t len = strcspn(argument, "=");

    len = len < MAX_NAME - 1 ? len : MAX_NAME - 1;
    memcpy(name, argument, len);
    name[len] = '\0';
}

/* The long options that begin with the name, as "--state or --status-dir"; how many there are. */
static size_t add_matches(struct strbuf *out, const char *name, const struct option *options)
{
    size_t count = 0;

    for (size_t i = 0; options[i].name != NULL; i++) {
        if (strncmp(options[i].name, name, strlen(name)) == 0) {
            strbuf_addf(out, "%s--%s", count > 0 ? " or " : "", options[i].name);
            count++;
        }
    }
    return count;
}

static int unknown_option_error(const char *command, const char *argument,
                                const struct option *options)
{
    const char *names[MAX_OPTIONS], *nearest;
    auto_done(strbuf) matches = {0};
    char name[MAX_NAME];
    size_t count = 0;

    copy_name(argument, name);
    if (strlen(name) > 2 && add_matches(&matches, name + 2, options) > 1) {
        return usage_error(command, "%s could be %s", name, strbuf_text(&matches));
    }
    for (; count < MAX_OPTIONS && options[count].name != NULL; count++) {
        names[count] = options[count].name;
    }
    nearest = suggest_nearest(name + strspn(name, "-"), names, count);
    return usage_error(command, "unknown option %s%s%s%s", name,
                       nearest != NULL ? "; did you mean --" : "", nearest != NULL ? nearest : "",
                       nearest != NULL ? "?" : "");
}

int option_error(const char *command, char *const *argv, const struct option *options, int result)
{
    const char *argument = argv[optind - 1]; /* of a long option; a short one may be in a bundle */
    bool is_long = strncmp(argument, "--", 2) == 0;
    char name[MAX_NAME];

    copy_name(argument, name);
    if (result == ':') {
        return is_long ? usage_error(command, "%s needs a value", name)
                       : usage_error(command, "-%c needs a value", optopt);
    }
    if (is_long && optopt != 0) {
        return usage_error(command, "%s takes no value", name);
    }
    return is_long ? unknown_option_error(command, argument, options)
                   : usage_error(command, "unknown option -%c", optopt);
}

int timeout_option(const char *command, const char *text, int64_t *ret_ms)
{
    int64_t ms;

    if (quantity_parse_duration(text, &ms) < 0 || ms <= 0) {
        return usage_error(command, "--timeout: \"%s\" is not a time such as 60s", text);
    }
    *ret_ms = ms;
    return 0;
}

/* Kinds */

struct kind_word {
    const char *word;
    enum kind kind;
};

/* The short forms; the names and plurals of the kinds themselves count too. */
static const struct kind_word short_forms[] = {
    {"inst", KIND_INSTANCE},   {"pool", KIND_INSTANCE_POOL}, {"pools", KIND_INSTANCE_POOL},
    {"repo", KIND_REPOSITORY}, {"repos", KIND_REPOSITORY},
};

int kind_from_argument(const char *text, enum kind *ret_kind)
{
    for (unsigned i = 0; i < KIND_COUNT; i++) {
        enum kind kind = (enum kind)i;

        if (strcasecmp(text, kind_name(kind)) == 0 || strcasecmp(text, kind_plural(kind)) == 0) {
            *ret_kind = kind;
            return 0;
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(short_forms); i++) {
        if (strcasecmp(text, short_forms[i].word) == 0) {
            *ret_kind = short_forms[i].kind;
            return 0;
        }
    }
    return -1;
}

int unknown_kind_error(const char *command, const char *text)
{
    const char *words[2 * KIND_COUNT + 1] = {"all"}, *nearest;
    auto_done(strbuf) list = {0};
    size_t count = 1;

    for (unsigned i = 0; i < KIND_COUNT; i++) {
        words[count++] = kind_plural((enum kind)i);
        words[count++] = kind_name((enum kind)i);
        strbuf_addf(&list, "%s%s", i > 0 ? ", " : "", kind_plural((enum kind)i));
    }
    nearest = suggest_nearest(text, words, count);
    return usage_error(command, "unknown kind \"%s\"; it is one of %s or all%s%s%s", text,
                       strbuf_text(&list), nearest != NULL ? "; did you mean \"" : "",
                       nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
}
