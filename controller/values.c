#include "controller/values.h"

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "controller/controller.h"
#include "specs/reason.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* One value */

static int refuse(struct error *err, const struct env_var *variable, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int refuse(struct error *err, const struct env_var *variable, const char *format, ...)
{
    auto_free char *why = NULL;
    va_list args;

    va_start(args, format);
    why = xvasprintf(format, args);
    va_end(args);
    return error_set_reason(err, ERROR_TRANSIENT, REASON_VALUE_UNAVAILABLE, "env %s: %s",
                            variable->name, why);
}

static bool is_below_a_root(const struct controller *controller, const char *path, bool is_real)
{
    const struct controller_options *options = &controller->options;

    for (size_t i = 0; i < options->env_file_roots.count; i++) {
        auto_free char *root = is_real ? realpath(options->env_file_roots.items[i], NULL)
                                       : xstrdup(options->env_file_roots.items[i]);

        if (root != NULL && path_is_below(path, root)) {
            return true;
        }
    }
    return false;
}

/* What the descriptor refers to, behind all links: that it is allowed cannot change any more. */
static int check_opened(const struct controller *controller, const struct env_var *variable, int fd,
                        struct error *err)
{
    auto_free char *state = realpath(controller->state.path, NULL);
    char name[32], path[4096];
    struct stat stat;
    ssize_t len;

    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    len = readlink(name, path, sizeof(path) - 1);
    if (len < 0 || fstat(fd, &stat) < 0) {
        return refuse(err, variable, "file %s: %s", variable->from->file, strerror(errno));
    }
    path[len] = '\0';
    if (!is_below_a_root(controller, path, true) || state == NULL || path_is_below(path, state)) {
        return refuse(err, variable, "file %s leads to a place that --env-file-root does not allow",
                      variable->from->file);
    }
    if (!S_ISREG(stat.st_mode)) {
        return refuse(err, variable, "%s is no regular file", variable->from->file);
    }
    return 0;
}

/* Until the end; one byte more than allowed shows that it is too large. */
static ssize_t read_all(int fd, char *bytes, size_t size)
{
    size_t len = 0;
    ssize_t got = 1;

    while (len < size && got != 0) {
        got = read(fd, bytes + len, size - len);
        if (got < 0 && errno != EINTR) {
            return -1;
        }
        len += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)len;
}

static int read_opened(const struct env_var *variable, int path_fd, char **ret_value,
                       struct error *err)
{
    const char *file = variable->from->file;
    auto_free char *bytes = xcalloc(1, VALUE_MAX + 2);
    auto_close int fd = -1;
    char name[32];
    ssize_t len;
    int result = -1;

    snprintf(name, sizeof(name), "/proc/self/fd/%d", path_fd);
    fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    len = fd < 0 ? -1 : read_all(fd, bytes, VALUE_MAX + 1);
    if (len < 0) {
        refuse(err, variable, "file %s: %s", file, strerror(errno));
    } else if (len > VALUE_MAX) {
        refuse(err, variable, "file %s is larger than %d KiB", file, VALUE_MAX >> 10);
    } else if (memchr(bytes, '\0', (size_t)len) != NULL) {
        refuse(err, variable, "file %s has a NUL byte", file);
    } else {
        len -= len > 0 && bytes[len - 1] == '\n' ? 1 : 0;
        *ret_value = xstrndup(bytes, (size_t)len);
        result = 0;
    }
    explicit_bzero(bytes, VALUE_MAX + 1);
    return result;
}

static int read_file(const struct controller *controller, const struct env_var *variable,
                     char **ret_value, struct error *err)
{
    auto_free char *path = path_absolute(variable->from->file);
    auto_close int fd = -1;

    if (!is_below_a_root(controller, path, false)) {
        return refuse(err, variable, "file %s is not below a directory that --env-file-root names",
                      path);
    }
    fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) {
        return refuse(err, variable, "file %s: %s", path, strerror(errno));
    }
    return check_opened(controller, variable, fd, err) < 0
               ? -1
               : read_opened(variable, fd, ret_value, err);
}

static bool is_allowed(const struct controller_options *options, const char *name)
{
    for (size_t i = 0; i < options->allowed_env.count; i++) {
        const char *pattern = options->allowed_env.items[i];
        size_t len = strlen(pattern);

        if (len > 0 && pattern[len - 1] == '*' ? strncmp(name, pattern, len - 1) == 0
                                               : strcmp(name, pattern) == 0) {
            return true;
        }
    }
    return false;
}

static int read_variable(const struct controller *controller, const struct env_var *variable,
                         char **ret_value, struct error *err)
{
    const char *name = variable->from->env;
    const char *value;

    if (!is_allowed(&controller->options, name)) {
        return refuse(err, variable, "the controller's variable %s is not named by --allow-env",
                      name);
    }
    value = getenv(name);
    if (value == NULL) {
        return refuse(err, variable, "the controller has no variable %s", name);
    }
    if (strlen(value) > VALUE_MAX) {
        return refuse(err, variable, "the controller's variable %s is larger than %d KiB", name,
                      VALUE_MAX >> 10);
    }
    *ret_value = xstrdup(value);
    return 0;
}

static bool is_utf8(const char *text)
{
    size_t left = strlen(text), len;
    uint32_t code;

    for (; left > 0; text += len, left -= len) {
        len = utf8_decode(text, left, &code);
        if (len == 0) {
            return false;
        }
    }
    return true;
}

/* All of an env */

bool env_has_sources(const struct env_list *env)
{
    for (size_t i = 0; i < env->count; i++) {
        if (env->items[i].from != NULL) {
            return true;
        }
    }
    return false;
}

void secret_values_done(struct secret_values *values)
{
    for (size_t i = 0; i < values->count; i++) {
        if (values->items[i] != NULL) {
            explicit_bzero(values->items[i], strlen(values->items[i]));
        }
        free(values->items[i]);
    }
    free(values->items);
    *values = (struct secret_values){0};
}

int secret_values_read(const struct controller *controller, const struct env_list *env,
                       struct secret_values *ret_values, struct error *err)
{
    auto_done(secret_values) values = {
        .items = xcalloc(env->count + 1, sizeof(char *)),
        .count = env->count,
    };

    for (size_t i = 0; i < env->count; i++) {
        const struct env_var *variable = &env->items[i];

        if (variable->from == NULL) {
            continue;
        }
        if ((variable->from->file != NULL
                 ? read_file(controller, variable, &values.items[i], err)
                 : read_variable(controller, variable, &values.items[i], err)) < 0) {
            return -1;
        }
        if (!is_utf8(values.items[i])) {
            return refuse(err, variable, "its value is not UTF-8");
        }
    }
    *ret_values = values;
    values = (struct secret_values){0};
    return 0;
}

void secret_values_add_env(json_t *array, const struct env_list *env,
                           const struct secret_values *values)
{
    for (size_t i = 0; i < env->count; i++) {
        const char *secret = values != NULL && i < values->count ? values->items[i] : NULL;

        json_array_append_new(array, json_sprintf("%s=%s", env->items[i].name,
                                                  secret != NULL ? secret : env->items[i].value));
    }
}

void secret_values_wipe(json_t *array)
{
    size_t index;
    json_t *item;

    json_array_foreach(array, index, item) {
        union {
            const char *borrowed;
            char *bytes;
        } text = {.borrowed = json_string_value(item)}; /* the last use of it */

        explicit_bzero(text.bytes, json_string_length(item));
    }
}

/* The key and its digests */

#define KEY_FILE "env-key"

static int hex_digit(char digit)
{
    return digit >= '0' && digit <= '9'   ? digit - '0'
           : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
                                          : -1;
}

static bool parse_key(const char *text, struct value_key *key)
{
    if (strspn(text, "0123456789abcdef") != VALUE_KEY_BYTES * 2) {
        return false;
    }
    for (size_t i = 0; i < VALUE_KEY_BYTES; i++) {
        key->bytes[i] = (unsigned char)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
    }
    return true;
}

static void make_key(struct controller *controller, struct value_key *key)
{
    char text[2 * VALUE_KEY_BYTES + 2];

    if (getrandom(key->bytes, sizeof(key->bytes), 0) != sizeof(key->bytes)) {
        abort(); /* the kernel has no randomness: nothing is secret any more */
    }
    for (size_t i = 0; i < VALUE_KEY_BYTES; i++) {
        snprintf(text + 2 * i, 3, "%02x", key->bytes[i]);
    }
    text[2 * VALUE_KEY_BYTES] = '\n';
    text[2 * VALUE_KEY_BYTES + 1] = '\0';
    state_keep_text(&controller->state, KEY_FILE, text);
    explicit_bzero(text, sizeof(text));
}

static const struct value_key *load_key(struct controller *controller)
{
    struct value_key *key = &controller->value_key;
    auto_free char *path = state_path(&controller->state, KEY_FILE);
    auto_free char *text = NULL;
    char hex[SHA256_HEX_SIZE];
    struct error err = {0};
    bool is_known = true;

    if (key->is_loaded) {
        return key;
    }
    key->is_loaded = true;
    if (file_read(AT_FDCWD, path, 256, &text, NULL, &err) < 0 || !parse_key(text, key)) {
        is_known = controller->state.is_writable;
        if (is_known) {
            make_key(controller, key);
        }
    }
    if (is_known) {
        hmac_sha256_hex(key->bytes, VALUE_KEY_BYTES, "id", strlen("id"), hex);
        snprintf(key->id, sizeof(key->id), "%.8s", hex);
    }
    if (text != NULL) {
        explicit_bzero(text, strlen(text));
    }
    return key;
}

/* Owner and name are part of it, so that equal values do not show as such. */
static void digest_value(const struct value_key *key, const char *owner, const char *name,
                         const char *value, char digest[VALUE_DIGEST_SIZE])
{
    size_t owner_len = strlen(owner) + 1, name_len = strlen(name) + 1, value_len = strlen(value);
    auto_free char *bytes = xmalloc(owner_len + name_len + value_len + 1);
    char hex[SHA256_HEX_SIZE];

    memcpy(bytes, owner, owner_len);
    memcpy(bytes + owner_len, name, name_len);
    memcpy(bytes + owner_len + name_len, value, value_len + 1);
    hmac_sha256_hex(key->bytes, VALUE_KEY_BYTES, bytes, owner_len + name_len + value_len, hex);
    explicit_bzero(bytes, owner_len + name_len + value_len);
    snprintf(digest, VALUE_DIGEST_SIZE, "%.16s", hex);
}

/* What an entry's passes know */

struct entry_values {
    struct observed_values observed;
    struct observed_value *items;
    struct arena arena; /* names and sources; the spec that they come from may go */
    char *unavailable;
};

void entry_values_free(struct entry_values *values)
{
    if (values != NULL) {
        arena_done(&values->arena);
        free(values->items);
        free(values->unavailable);
        free(values);
    }
}

static void fill_items(struct controller *controller, const char *owner, const struct env_list *env,
                       const struct secret_values *secrets, struct entry_values *values)
{
    const struct value_key *key = load_key(controller);
    size_t count = 0;

    assert(env->count == 0 || secrets->items != NULL); /* one for each variable */
    values->items = xcalloc(env->count + 1, sizeof(*values->items));
    for (size_t i = 0; i < env->count; i++) {
        const struct env_var *variable = &env->items[i];
        struct observed_value *value = &values->items[count];

        if (variable->from == NULL) {
            continue;
        }
        value->name = arena_strdup(&values->arena, variable->name);
        value->source = variable->from->file != NULL
                            ? arena_strdup(&values->arena, variable->from->file)
                            : arena_printf(&values->arena, "variable %s", variable->from->env);
        digest_value(key, owner, variable->name, secrets->items[i], value->digest);
        count++;
    }
    values->observed = (struct observed_values){
        .items = values->items,
        .count = count,
        .key_id = key->id,
    };
}

static struct entry_values *observe(struct controller *controller, const char *owner,
                                    const struct env_list *env)
{
    struct entry_values *values = xcalloc(1, sizeof(*values));
    auto_done(secret_values) secrets = {0};
    struct error err = {0};

    if (secret_values_read(controller, env, &secrets, &err) < 0) {
        values->unavailable = xstrdup(err.message);
        values->observed.unavailable = values->unavailable;
    } else {
        fill_items(controller, owner, env, &secrets, values);
    }
    return values;
}

const struct observed_values *values_observe(struct entry *entry, const struct env_list *env)
{
    entry_values_free(entry->values);
    entry->values = env_has_sources(env) ? observe(entry->controller, entry->key, env) : NULL;
    return entry->values != NULL ? &entry->values->observed : NULL;
}

char *secret_values_label(struct controller *controller, const char *owner,
                          const struct env_list *env, const struct secret_values *values)
{
    struct entry_values *filled;
    char *label;

    if (!env_has_sources(env)) {
        return NULL;
    }
    filled = xcalloc(1, sizeof(*filled));
    fill_items(controller, owner, env, values, filled);
    label = values_label(&filled->observed);
    entry_values_free(filled);
    return label;
}

static const struct env_list *env_of(const struct entry *entry)
{
    static const struct env_list none;

    switch (entry->kind) {
    case ENTRY_INSTANCE: return entry->desired != NULL ? &entry->desired->instance.env : &none;
    case ENTRY_REPOSITORY: {
        const struct object *settings = repository_settings(entry);

        return settings != NULL ? &settings->repository.env : &none;
    }
    case ENTRY_MIRROR:
    case ENTRY_SETUP:
    case ENTRY_POOL: return &none; /* its members have their own */
    case ENTRY_TASK: return entry->desired != NULL ? &entry->desired->task.env : &none;
    }
    return &none;
}

static bool is_as_seen(const struct entry_values *seen, const struct entry_values *now)
{
    auto_free char *before = values_label(&seen->observed), *after = values_label(&now->observed);

    return text_equal(seen->unavailable, now->unavailable) && text_equal(before, after);
}

void values_rescan(struct controller *controller)
{
    for (struct map_entry *at = map_first(&controller->entries); at != NULL; at = map_next(at)) {
        struct entry *entry = map_value(at);

        if (entry->values != NULL && env_has_sources(env_of(entry))) {
            struct entry_values *now = observe(controller, entry->key, env_of(entry));

            if (!is_as_seen(entry->values, now)) {
                entry_enqueue(entry);
            }
            entry_values_free(now);
        }
    }
}
