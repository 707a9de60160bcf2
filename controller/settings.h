/*
 * The settings of `berth run`: one table (settings.def) for its flags, the environment, the
 * configuration file, SIGHUP and the documentation, so that they cannot differ. Each is a member of
 * struct controller_options.
 *
 * What a flag or a variable says outweighs the configuration file, and that outweighs the default;
 * is_given of the options tells which were given. A text is taken alike wherever it stands.
 */
#ifndef BERTH_CONTROLLER_SETTINGS_H
#define BERTH_CONTROLLER_SETTINGS_H

#include "base/error.h"
#include "base/strbuf.h"
#include "controller/options.h"

enum setting_type {
    SETTING_TEXT,   /* char * */
    SETTING_PATH,   /* the same, made absolute */
    SETTING_TEXTS,  /* struct option_list, at most max */
    SETTING_PATHS,  /* the same */
    SETTING_SWITCH, /* bool; a flag without a value */
    SETTING_WORD,   /* unsigned: which one of the value, "text|json" */
    SETTING_TIME,   /* unsigned: seconds, from 1 to a day */
    SETTING_NUMBER, /* unsigned: from 1 to max */
    SETTING_SIZE,   /* uint64_t: bytes */
};

struct setting {
    const char *flag; /* "git-max-size" */
    const char *key;  /* in the file: "gitMaxSize" */
    enum setting_type type;
    size_t offset; /* in struct controller_options */
    unsigned max;
    int (*check)(const char *text, struct error *err); /* or NULL */
    const char *variable;                              /* of the environment, or NULL */
    const char *default_text;
    bool is_live;             /* SIGHUP changes it; otherwise it needs a restart */
    const char *value, *help; /* for people; a default is at the end of help, in brackets */
};

extern const struct setting settings[SETTING_COUNT]; /* by enum setting_id */

/*
 * Takes one text: of a list it is the next item. Relative paths count from the directory (NULL: the
 * current one). ERROR_INVALID: why it cannot be; the options are as before.
 */
int setting_take(enum setting_id id, struct controller_options *options, const char *text,
                 const char *directory, struct error *err);

/* Every variable of the environment whose setting is not given. */
int settings_take_environment(struct controller_options *options, struct error *err);

/*
 * What is not given in options is taken over from the file's, else by default. The file's options
 * are empty of it then.
 */
void settings_complete(struct controller_options *options, struct controller_options *file);

bool setting_is_equal(enum setting_id id, const struct controller_options *a,
                      const struct controller_options *b);

/* Both exchange their values. */
void setting_swap(enum setting_id id, struct controller_options *a, struct controller_options *b);

/* As it would be written: "60s", "a,b", "true"; "" where it is not set. */
void setting_add_text(struct strbuf *out, enum setting_id id,
                      const struct controller_options *options);

#endif
