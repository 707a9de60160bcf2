#include "controller/settings.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "reconcilers/ports.h"
#include "reconcilers/subnets.h"
#include "specs/excerpt.h"
#include "specs/quantity.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_SECONDS = 86400 };

/* --- the table -------------------------------------------------------------------------------- */

static int check_ports(const char *text, struct error *err)
{
    auto_done(port_table) table = {0};

    return port_table_set_ranges(&table, text, err);
}

static int check_network_range(const char *text, struct error *err)
{
    struct subnet range;

    return network_range_parse(text, &range, err);
}

static int check_scheme(const char *text, struct error *err)
{
    static const char *const schemes[] = {"https", "http", "ssh", "git", "file"};
    char shown[EXCERPT_SIZE];

    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
        if (strcmp(text, schemes[i]) == 0) {
            return 0;
        }
    }
    return error_set(err, ERROR_INVALID, "\"%s\" is none of https, http, ssh, git, file",
                     excerpt(text, shown));
}

static int check_proxy(const char *text, struct error *err)
{
    char shown[EXCERPT_SIZE];

    if (strchr(text, '@') != NULL) { /* there may be a password before it */
        return error_set(err, ERROR_INVALID,
                         "user and password cannot be part of it; write http://HOST:PORT");
    }
    return text_has_prefix(text, "http://")
               ? 0
               : error_set(err, ERROR_INVALID, "\"%s\" is not http://HOST:PORT",
                           excerpt(text, shown));
}

#define OTHERWISE(text) " (" text ")"
#define SETTING(id, letter, flag_, value_, completion, help_, ...)                                 \
    [SETTING_##id] = {.flag = (flag_), .value = (value_), .help = help_, __VA_ARGS__},

const struct setting settings[SETTING_COUNT] = {
#include "controller/settings.def"
};

#undef SETTING

/* --- taking a text ---------------------------------------------------------------------------- */

/* Where the value is. */
union slot {
    void *at;
    char **text;
    struct option_list *list;
    bool *is_on;
    unsigned *number;
    uint64_t *bytes;
};

static union slot slot_of(enum setting_id id, const struct controller_options *options)
{
    union {
        const struct controller_options *borrowed;
        char *owned;
    } base = {.borrowed = options};

    return (union slot){.at = base.owned + settings[id].offset};
}

static void list_add(struct option_list *list, char *text)
{
    list->items = xrealloc_array(list->items, list->count + 1, sizeof(*list->items));
    list->items[list->count++] = text;
}

static void list_done(struct option_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i]);
    }
    free(list->items);
    *list = (struct option_list){0};
}

static char *path_from(const char *directory, const char *text)
{
    auto_free char *path = path_join(directory != NULL ? directory : "", text);

    return path_absolute(directory != NULL ? path : text);
}

static int take_seconds(const char *text, unsigned *ret_seconds, struct error *err)
{
    char shown[EXCERPT_SIZE];
    int64_t ms;

    if (quantity_parse_duration(text, &ms) < 0 || ms < 1000 || ms > MAX_SECONDS * INT64_C(1000)) {
        return error_set(err, ERROR_INVALID,
                         "\"%s\" is not a time such as 30s, at least 1s and at most 24h",
                         excerpt(text, shown));
    }
    *ret_seconds = (unsigned)(ms / 1000);
    return 0;
}

static int take_number(const char *text, unsigned max, unsigned *ret_number, struct error *err)
{
    char shown[EXCERPT_SIZE];
    uint64_t number;

    if (parse_u64(text, &number) < 0 || number < 1 || number > max) {
        return error_set(err, ERROR_INVALID, "\"%s\" is not in 1..%u", excerpt(text, shown), max);
    }
    *ret_number = (unsigned)number;
    return 0;
}

static int take_bytes(const char *text, uint64_t *ret_bytes, struct error *err)
{
    char shown[EXCERPT_SIZE];
    int64_t bytes;

    if (quantity_parse_bytes(text, &bytes) < 0 || bytes <= 0) {
        return error_set(err, ERROR_INVALID, "\"%s\" is not a size such as 8Gi",
                         excerpt(text, shown));
    }
    *ret_bytes = (uint64_t)bytes;
    return 0;
}

/* The words of "text|json": the index of the one that the text is. */
static int take_word(const char *words, const char *text, unsigned *ret_index, struct error *err)
{
    char shown[EXCERPT_SIZE];
    unsigned index = 0;

    for (const char *word = words;; index++) {
        size_t len = strcspn(word, "|");

        if (strlen(text) == len && strncmp(text, word, len) == 0) {
            *ret_index = index;
            return 0;
        }
        if (word[len] == '\0') {
            return error_set(err, ERROR_INVALID, "\"%s\" is not one of %s", excerpt(text, shown),
                             words);
        }
        word += len + 1;
    }
}

static int take_switch(const char *text, bool *ret_is_on, struct error *err)
{
    char shown[EXCERPT_SIZE];

    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
        return error_set(err, ERROR_INVALID, "\"%s\" is neither true nor false",
                         excerpt(text, shown));
    }
    *ret_is_on = strcmp(text, "true") == 0;
    return 0;
}

static int take_item(const struct setting *setting, struct option_list *list, char *text,
                     struct error *err)
{
    if (list->count >= setting->max) {
        free(text);
        return error_set(err, ERROR_INVALID, "at most %u are possible", setting->max);
    }
    list_add(list, text);
    return 0;
}

static void replace(char **text, char *now)
{
    free(*text);
    *text = now;
}

int setting_take(enum setting_id id, struct controller_options *options, const char *text,
                 const char *directory, struct error *err)
{
    const struct setting *setting = &settings[id];
    union slot slot = slot_of(id, options);

    if (text[0] == '\0') {
        return error_set(err, ERROR_INVALID, "must not be empty");
    }
    if (setting->check != NULL && setting->check(text, err) < 0) {
        return -1;
    }
    switch (setting->type) { /* no default: a type that is not taken does not compile */
    case SETTING_TEXT: replace(slot.text, xstrdup(text)); return 0;
    case SETTING_PATH: replace(slot.text, path_from(directory, text)); return 0;
    case SETTING_TEXTS: return take_item(setting, slot.list, xstrdup(text), err);
    case SETTING_PATHS: return take_item(setting, slot.list, path_from(directory, text), err);
    case SETTING_SWITCH: return take_switch(text, slot.is_on, err);
    case SETTING_WORD: return take_word(setting->value, text, slot.number, err);
    case SETTING_TIME: return take_seconds(text, slot.number, err);
    case SETTING_NUMBER: return take_number(text, setting->max, slot.number, err);
    case SETTING_SIZE: return take_bytes(text, slot.bytes, err);
    }
    abort(); /* not a type at all: memory is damaged */
}

/* --- putting together ------------------------------------------------------------------------- */

int settings_take_environment(struct controller_options *options, struct error *err)
{
    for (unsigned i = 0; i < SETTING_COUNT; i++) {
        const char *text = settings[i].variable != NULL ? getenv(settings[i].variable) : NULL;

        if (text == NULL || text[0] == '\0' || options->is_given[i]) {
            continue;
        }
        if (setting_take((enum setting_id)i, options, text, NULL, err) < 0) {
            return error_wrap(err, "%s", settings[i].variable);
        }
        options->is_given[i] = true;
    }
    return 0;
}

/* Where ssh looks for host keys too: the user's file, else the machine's. */
static char *default_known_hosts(void)
{
    const char *home = getenv("HOME");
    auto_free char *own = home != NULL ? path_join(home, ".ssh/known_hosts") : NULL;

    if (own != NULL && path_exists(own)) {
        return TAKE(own);
    }
    return path_exists("/etc/ssh/ssh_known_hosts") ? xstrdup("/etc/ssh/ssh_known_hosts") : NULL;
}

void settings_complete(struct controller_options *options, struct controller_options *file)
{
    for (unsigned i = 0; i < SETTING_COUNT; i++) {
        enum setting_id id = (enum setting_id)i;
        struct error err = {0};

        if (options->is_given[i]) {
            continue;
        }
        if (file->is_given[i]) {
            setting_swap(id, options, file);
        } else if (settings[i].default_text != NULL) {
            setting_take(id, options, settings[i].default_text, NULL, &err);
        }
    }
    if (options->status_dir == NULL) {
        options->status_dir = xstrdup(options->specs_dir);
    }
    if (options->git_known_hosts == NULL) {
        options->git_known_hosts = default_known_hosts();
    }
}

static bool lists_are_equal(const struct option_list *a, const struct option_list *b)
{
    for (size_t i = 0; i < a->count && i < b->count; i++) {
        if (strcmp(a->items[i], b->items[i]) != 0) {
            return false;
        }
    }
    return a->count == b->count;
}

bool setting_is_equal(enum setting_id id, const struct controller_options *a,
                      const struct controller_options *b)
{
    union slot left = slot_of(id, a), right = slot_of(id, b);

    switch (settings[id].type) {
    case SETTING_TEXT:
    case SETTING_PATH: return *left.text == *right.text || text_equal(*left.text, *right.text);
    case SETTING_TEXTS:
    case SETTING_PATHS: return lists_are_equal(left.list, right.list);
    case SETTING_SWITCH: return *left.is_on == *right.is_on;
    case SETTING_WORD:
    case SETTING_TIME:
    case SETTING_NUMBER: return *left.number == *right.number;
    case SETTING_SIZE: return *left.bytes == *right.bytes;
    }
    abort();
}

static size_t size_of(enum setting_type type)
{
    switch (type) {
    case SETTING_TEXT:
    case SETTING_PATH: return sizeof(char *);
    case SETTING_TEXTS:
    case SETTING_PATHS: return sizeof(struct option_list);
    case SETTING_SWITCH: return sizeof(bool);
    case SETTING_WORD:
    case SETTING_TIME:
    case SETTING_NUMBER: return sizeof(unsigned);
    case SETTING_SIZE: return sizeof(uint64_t);
    }
    abort();
}

void setting_swap(enum setting_id id, struct controller_options *a, struct controller_options *b)
{
    union slot left = slot_of(id, a), right = slot_of(id, b);
    size_t size = size_of(settings[id].type);
    char kept[sizeof(struct option_list)];

    memcpy(kept, left.at, size);
    memcpy(left.at, right.at, size);
    memcpy(right.at, kept, size);
}

/* --- texts ------------------------------------------------------------------------------------ */

static void add_word(struct strbuf *out, const char *words, unsigned index)
{
    for (; index > 0; index--) {
        words += strcspn(words, "|") + 1;
    }
    strbuf_addf(out, "%.*s", (int)strcspn(words, "|"), words);
}

void setting_add_text(struct strbuf *out, enum setting_id id,
                      const struct controller_options *options)
{
    union slot slot = slot_of(id, options);
    char text[QUANTITY_TEXT_SIZE];

    switch (settings[id].type) {
    case SETTING_TEXT:
    case SETTING_PATH: strbuf_add(out, *slot.text != NULL ? *slot.text : ""); break;
    case SETTING_TEXTS:
    case SETTING_PATHS:
        for (size_t i = 0; i < slot.list->count; i++) {
            strbuf_addf(out, "%s%s", i > 0 ? "," : "", slot.list->items[i]);
        }
        break;
    case SETTING_SWITCH: strbuf_add(out, *slot.is_on ? "true" : "false"); break;
    case SETTING_WORD: add_word(out, settings[id].value, *slot.number); break;
    case SETTING_TIME:
        strbuf_add(out, quantity_format_duration(*slot.number * INT64_C(1000), text));
        break;
    case SETTING_NUMBER:
        if (*slot.number > 0) {
            strbuf_addf(out, "%u", *slot.number);
        }
        break;
    case SETTING_SIZE:
        if (*slot.bytes > 0) {
            strbuf_add(out, quantity_format_bytes((int64_t)*slot.bytes, text));
        }
        break;
    }
}

void controller_options_done(struct controller_options *options)
{
    for (unsigned i = 0; i < SETTING_COUNT; i++) {
        union slot slot = slot_of((enum setting_id)i, options);

        if (settings[i].type == SETTING_TEXT || settings[i].type == SETTING_PATH) {
            free(*slot.text);
        } else if (settings[i].type == SETTING_TEXTS || settings[i].type == SETTING_PATHS) {
            list_done(slot.list);
        }
    }
    free(options->config_file);
    free(options->profile_trace_file);
    free(options->program);
    *options = (struct controller_options){0};
}
