#include "cli/arguments.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "base/suggest.h"
#include "cli/help.h"
#include "cli/places_file.h"
#include "specs/quantity.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_NAME = 64 };

static int say_wrong(const char *command, const char *format, va_list list)
    __attribute__((format(printf, 2, 0)));

static int say_wrong(const char *command, const char *format, va_list list)
{
    fprintf(stderr, "berth %s: ", command);
    vfprintf(stderr, format, list);
    fprintf(stderr, "\nsee: berth %s --help\n", command);
    return EXIT_BAD_USAGE;
}

int usage_error(const char *command, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    say_wrong(command, format, list);
    va_end(list);
    return EXIT_BAD_USAGE;
}

int arguments_wrong(struct arguments *args, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    args->exit_code = say_wrong(args->command->name, format, list);
    va_end(list);
    return -1;
}

static const char *environment(const char *variable)
{
    const char *value = getenv(variable);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* What ./berth.yaml says in place of a variable. */
static const char *of_places_file(const char *variable)
{
    return strcmp(variable, SPECS_VARIABLE) == 0   ? places_file_text(SETTING_SPECS)
           : strcmp(variable, STATE_VARIABLE) == 0 ? places_file_text(SETTING_STATE)
                                                   : NULL;
}

char *directory_option(const char *value, const char *variable, const char *fallback)
{
    if (value == NULL) {
        value = environment(variable);
    }
    if (value == NULL) {
        value = of_places_file(variable);
    }
    return path_absolute(value != NULL ? value : fallback);
}

/* Whether a place is asked for that only ./berth.yaml can name now. */
static bool needs_places_file(const struct arguments *args)
{
    for (const struct command_option *option = args->command->options;
         option != NULL && option->name != NULL; option++) {
        if ((option->id == OPTION_SPECS && !args->has_specs &&
             environment(SPECS_VARIABLE) == NULL) ||
            (option->id == OPTION_STATE && !args->has_state &&
             environment(STATE_VARIABLE) == NULL)) {
            return true;
        }
    }
    return false;
}

/* 0, or arguments_wrong(): a broken one must not mean that another place is meant. */
static int load_places_file(struct arguments *args)
{
    struct error err = {0};

    return needs_places_file(args) && places_file_load(&err) < 0
               ? arguments_wrong(args, "%s; --specs and --state do without this file", err.message)
               : 0;
}

/* --- options ---------------------------------------------------------------------------------- */

static void add_letter(struct arguments *args, size_t *len, int id, int has_value)
{
    if (id > 127) {
        return;
    }
    args->letters[(*len)++] = (char)id;
    for (int i = 0; i < has_value; i++) { /* "x:" takes a value, "x::" may take one */
        args->letters[(*len)++] = ':';
    }
}

static int kind_of_value(const struct command_option *option)
{
    if (option->value == NULL) {
        return no_argument;
    }
    return option->value[0] == '[' ? optional_argument : required_argument;
}

void arguments_init(struct arguments *args, const struct command *command, int argc, char **argv)
{
    size_t count = 0, len = 0;

    *args = (struct arguments){.command = command, .argc = argc, .argv = argv};
    args->letters[len++] = ':';
    for (const struct command_option *option = command->options;
         option != NULL && option->name != NULL; option++) {
        assert(count < MAX_OPTIONS - 2);
        args->options[count++] =
            (struct option){option->name, kind_of_value(option), NULL, option->id};
        add_letter(args, &len, option->id, kind_of_value(option));
    }
    args->options[count] = (struct option){"help", no_argument, NULL, 'h'};
    add_letter(args, &len, 'h', no_argument);
    optind = 1;
    opterr = 0;
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

static int unknown_option(struct arguments *args, const char *argument)
{
    const struct option *options = args->options;
    const char *names[MAX_OPTIONS], *nearest;
    auto_done(strbuf) matches = {0};
    char name[MAX_NAME];
    size_t count = 0;

    copy_name(argument, name);
    if (strlen(name) > 2 && add_matches(&matches, name + 2, options) > 1) {
        return arguments_wrong(args, "%s could be %s", name, strbuf_text(&matches));
    }
    for (; count < MAX_OPTIONS && options[count].name != NULL; count++) {
        names[count] = options[count].name;
    }
    nearest = suggest_nearest(name + strspn(name, "-"), names, count);
    return arguments_wrong(args, "unknown option %s%s%s%s", name,
                           nearest != NULL ? "; did you mean --" : "",
                           nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
}

/* After getopt_long() has returned '?' or ':'. */
static int wrong_option(struct arguments *args, int result)
{
    const char *argument =
        args->argv[optind - 1]; /* of a long option; a short one may be in a bundle */
    bool is_long = strncmp(argument, "--", 2) == 0;
    char name[MAX_NAME];

    copy_name(argument, name);
    if (result == ':') {
        return is_long ? arguments_wrong(args, "%s needs a value", name)
                       : arguments_wrong(args, "-%c needs a value", optopt);
    }
    if (is_long && optopt != 0) {
        return arguments_wrong(args, "%s takes no value", name);
    }
    return is_long ? unknown_option(args, argument)
                   : arguments_wrong(args, "unknown option -%c", optopt);
}

int arguments_next(struct arguments *args)
{
    int id = getopt_long(args->argc, args->argv, args->letters, args->options, NULL);

    switch (id) {
    case -1:
        args->operands = args->argv + optind;
        args->count = args->argc - optind;
        return load_places_file(args);
    case 'h':
        help_print(args->command, stdout);
        args->exit_code = EXIT_OK;
        return -1;
    case '?':
    case ':': return wrong_option(args, id);
    default:
        args->has_specs |= id == OPTION_SPECS;
        args->has_state |= id == OPTION_STATE;
        args->value = optarg;
        return id;
    }
}

int arguments_count(struct arguments *args, int min, int max, const char *missing)
{
    if (args->count < min) {
        return missing != NULL ? arguments_wrong(args, "%s", missing)
                               : arguments_wrong(args, "usage: berth %s %s", args->command->name,
                                                 args->command->operands);
    }
    return args->count > max
               ? arguments_wrong(args, "unexpected argument \"%s\"", args->operands[max])
               : 0;
}

bool places_take(struct places *places, int id, const char *value)
{
    switch (id) {
    case OPTION_SPECS: places->specs = value; return true;
    case OPTION_STATUS_DIR: places->status_dir = value; return true;
    case OPTION_STATE: places->state = value; return true;
    default: return false;
    }
}

int timeout_option(struct arguments *args, const char *text, int64_t *ret_ms)
{
    int64_t ms;

    if (quantity_parse_duration(text, &ms) < 0 || ms <= 0) {
        return arguments_wrong(args, "--timeout: \"%s\" is not a time such as 60s", text);
    }
    *ret_ms = ms;
    return 0;
}

/* --- kinds ------------------------------------------------------------------------------------ */

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

int unknown_kind_error(struct arguments *args, const char *text)
{
    const char *words[2 * KIND_COUNT + 1] = {"all"};
    auto_free char *hint = NULL;
    auto_done(strbuf) list = {0};
    size_t count = 1;

    for (unsigned i = 0; i < KIND_COUNT; i++) {
        words[count++] = kind_plural((enum kind)i);
        words[count++] = kind_name((enum kind)i);
        strbuf_addf(&list, "%s%s", i > 0 ? ", " : "", kind_plural((enum kind)i));
    }
    hint = suggest_hint(text, words, count);
    return arguments_wrong(args, "unknown kind \"%s\"; it is one of %s or all%s", text,
                           strbuf_text(&list), hint);
}
