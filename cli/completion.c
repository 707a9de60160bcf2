#include "cli/completion.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "specs/reference.h"

#include <stdlib.h>
#include <string.h>

/* --- what is wanted --------------------------------------------------------------------------- */

/* A walk along the words. */
struct walk {
    struct completion_wish *wish;
    const struct command_option *pending; /* its value comes next */
    int operand_count;
    bool has_ended_options; /* "--" was there */
};

static const struct command *find_command(const struct command *const *list, const char *name)
{
    for (; *list != NULL; list++) {
        if (strcmp((*list)->name, name) == 0 && (*list)->summary != NULL) {
            return *list;
        }
    }
    return NULL;
}

/*
 * The option of "--name", "--name=value", "-o", "-ovalue" or a bundle "-it"; *ret_value: what is in
 * the same word.
 */
static const struct command_option *find_option(const struct command *command, const char *word,
                                                const char **ret_value)
{
    bool is_long = word[1] == '-';
    size_t len = is_long ? strcspn(word + 2, "=") : 1;

    *ret_value = NULL;
    for (const struct command_option *option = command->options;
         option != NULL && option->name != NULL; option++) {
        if (is_long && strlen(option->name) == len && strncmp(option->name, word + 2, len) == 0) {
            *ret_value = word[2 + len] == '=' ? word + 2 + len + 1 : NULL;
            return option;
        }
        if (!is_long && option->id == word[1]) {
            if (option->value == NULL && word[2] != '\0') { /* the next one of the bundle */
                return find_option(command, word + 1, ret_value);
            }
            *ret_value = word[2] != '\0' ? word + 2 : NULL;
            return option;
        }
    }
    return NULL;
}

static void want_value(struct completion_wish *wish, const struct command_option *option,
                       const char *typed, const char *word)
{
    wish->what = option->completion;
    wish->value = option->value;
    wish->typed = typed;
    wish->lead = word;
    wish->lead_len = (int)(typed - word);
}

static void note_value(struct completion_wish *wish, const struct command_option *option,
                       const char *value)
{
    if (option != NULL && value != NULL && !places_take(&wish->places, option->id, value) &&
        option->id == OPTION_ENGINE) {
        wish->engine = value;
    }
}

static void walk_value(struct walk *walk, const char *word, bool is_last)
{
    bool is_sign = strcmp(word, "=") == 0; /* split off by the shell */

    if (is_last) {
        want_value(walk->wish, walk->pending, is_sign ? "" : word, is_sign ? "" : word);
        walk->wish->lead_len = 0;
    } else if (!is_sign) {
        note_value(walk->wish, walk->pending, word);
        walk->pending = NULL;
    }
}

static void walk_option(struct walk *walk, const char *word, const char *next)
{
    const char *value;
    const struct command_option *option = find_option(walk->wish->command, word, &value);

    if (next == NULL) {
        if (option != NULL && value != NULL) {
            want_value(walk->wish, option, value, word);
        } else {
            walk->wish->wants_options = true;
            walk->wish->typed = word;
        }
        return;
    }
    note_value(walk->wish, option, value);
    if (option != NULL && option->value != NULL && value == NULL &&
        (option->value[0] != '[' || strcmp(next, "=") == 0)) {
        walk->pending = option;
    }
}

static void walk_operand(struct walk *walk, const char *word, bool is_last)
{
    int index =
        walk->operand_count < COMMAND_MAX_OPERANDS ? walk->operand_count : COMMAND_MAX_OPERANDS - 1;

    if (is_last) {
        walk->wish->what = walk->wish->command->completion[index];
        walk->wish->value = walk->wish->command->operands; /* of words: "bash|zsh|fish" */
        walk->wish->typed = word;
    } else {
        walk->wish->before = word;
        walk->operand_count++;
    }
}

static void walk_word(struct walk *walk, const char *word, const char *next)
{
    if (walk->pending != NULL) {
        walk_value(walk, word, next == NULL);
    } else if (!walk->has_ended_options && strcmp(word, "--") == 0 && next != NULL) {
        walk->has_ended_options = true;
    } else if (!walk->has_ended_options && word[0] == '-') {
        walk_option(walk, word, next);
    } else {
        walk_operand(walk, word, next == NULL);
    }
}

void completion_read(const struct command *const *list, int count, char **words,
                     struct completion_wish *ret)
{
    struct walk walk = {.wish = ret};
    int first = count > 1 && strcmp(words[0], "help") == 0 ? 1 : 0;

    *ret = (struct completion_wish){.typed = count > 0 ? words[count - 1] : "", .lead = ""};
    if (count - first < 2) {
        return;
    }
    ret->command = find_command(list, words[first]);
    if (ret->command == NULL || first > 0) { /* nothing is known, or nothing follows */
        static const struct command none = {.name = ""};

        ret->command = &none;
        return;
    }
    for (int i = 1; i < count; i++) {
        walk_word(&walk, words[i], i + 1 < count ? words[i + 1] : NULL);
    }
}

/* --- candidates ------------------------------------------------------------------------------- */

void completion_add(struct strbuf *out, const struct completion_wish *wish, const char *word,
                    const char *help)
{
    if (!text_has_prefix(word, wish->typed)) {
        return;
    }
    strbuf_addf(out, "%.*s%s\t", wish->lead_len, wish->lead, word);
    strbuf_addf(out, "%.*s\n", (int)strcspn(help, "\n"), help);
}

static void add_commands(struct strbuf *out, const struct completion_wish *wish,
                         const struct command *const *list)
{
    for (; *list != NULL; list++) {
        if ((*list)->summary != NULL) {
            completion_add(out, wish, (*list)->name, (*list)->summary);
        }
    }
    completion_add(out, wish, "help", "show what a command does");
}

static void add_options(struct strbuf *out, const struct completion_wish *wish)
{
    for (const struct command_option *option = wish->command->options;
         option != NULL && option->name != NULL; option++) {
        auto_free char *name = xasprintf("--%s", option->name);

        completion_add(out, wish, name, option->help);
    }
    completion_add(out, wish, "--help", "show what the command does");
}

/* Of "text|json|jsonpath=TEMPLATE": text, json and "jsonpath=". */
static void add_words(struct strbuf *out, const struct completion_wish *wish)
{
    const char *at = wish->value + strspn(wish->value, "[=");

    while (*at != '\0' && *at != ' ') {
        size_t len = strcspn(at, "|] ");
        size_t name_len = strcspn(at, "|]= ");
        auto_free char *word = xstrndup(at, name_len + (name_len < len ? 1 : 0));

        completion_add(out, wish, word, "");
        at += len;
        at += strspn(at, "|]");
    }
}

static void add_kinds(struct strbuf *out, const struct completion_wish *wish)
{
    for (unsigned i = 0; i < KIND_COUNT; i++) {
        completion_add(out, wish, kind_plural((enum kind)i), kind_name((enum kind)i));
    }
}

/* With a point behind too, where there is more below it. */
static void add_path(struct strbuf *out, const struct completion_wish *wish, const char *path,
                     bool has_more, const char *help)
{
    completion_add(out, wish, path, help);
    if (has_more) {
        auto_free char *more = xasprintf("%s.", path);

        completion_add(out, wish, more, "");
    }
}

/* The fields below what is typed: one level at a time. */
struct field_walk {
    struct strbuf *out;
    const struct completion_wish *wish;
    const char *path; /* typed, behind the kind and its point */
};

static bool add_field(const struct reference_field *at, void *user)
{
    const struct field_walk *walk = user;
    auto_done(strbuf) path = {0};
    size_t len = strlen(walk->path);
    size_t typed_len = strlen(walk->wish->typed);

    for (const char *part = at->path; *part != '\0'; part++) {
        if (*part != '[' && *part != ']') {
            strbuf_addf(&path, "%c", *part);
        }
    }
    if (text_has_prefix(strbuf_text(&path), walk->path) &&
        strchr(strbuf_text(&path) + len, '.') == NULL) {
        auto_free char *word =
            xasprintf("%.*s%s", (int)(typed_len - len), walk->wish->typed, strbuf_text(&path));

        add_path(walk->out, walk->wish, word, at->field->fields != NULL, at->field->doc);
    }
    return true;
}

static void add_fields(struct strbuf *out, const struct completion_wish *wish)
{
    const char *point = strchr(wish->typed, '.');
    struct field_walk walk = {.out = out, .wish = wish, .path = point != NULL ? point + 1 : ""};
    auto_free char *word = xstrndup(wish->typed, strcspn(wish->typed, "."));
    enum kind kind;

    if (point == NULL) {
        for (unsigned i = 0; i < KIND_COUNT; i++) {
            add_path(out, wish, kind_name((enum kind)i), true, "");
        }
    } else if (kind_from_argument(word, &kind) == 0) {
        if (strchr(walk.path, '.') == NULL) { /* these two are no fields of a table */
            auto_free char *spec = xasprintf("%s.spec", word);
            auto_free char *metadata = xasprintf("%s.metadata", word);

            add_path(out, wish, metadata, true, "");
            add_path(out, wish, spec, true, "");
        }
        reference_walk(kind, add_field, &walk);
    }
}

void completion_add_fixed(struct strbuf *out, const struct completion_wish *wish,
                          const struct command *const *list)
{
    if (wish->command == NULL) {
        add_commands(out, wish, list);
        return;
    }
    if (wish->wants_options) {
        add_options(out, wish);
        return;
    }
    switch (wish->what) {
    case COMPLETE_WORDS: add_words(out, wish); break;
    case COMPLETE_KINDS: add_kinds(out, wish); break;
    case COMPLETE_FIELDS: add_fields(out, wish); break;
    default: break; /* of the outside: cmd_complete.c */
    }
}
