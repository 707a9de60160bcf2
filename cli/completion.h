/*
 * What a half-typed command line wants, from the tables of the commands: for `berth __complete`,
 * which the scripts of `berth completion` ask at every TAB.
 */
#ifndef BERTH_CLI_COMPLETION_H
#define BERTH_CLI_COMPLETION_H

#include "base/strbuf.h"
#include "cli/arguments.h"

struct completion_wish {
    const struct command *command; /* NULL: the name of one is wanted */
    bool wants_options;            /* of the command: the word begins with "-" */
    enum completion what;          /* otherwise */
    const char *value;             /* of COMPLETE_WORDS: "text|json" */
    const char *typed;             /* how the word begins so far */
    const char *lead; /* what stands before that in the same word: "--output="; lead_len bytes */
    int lead_len;
    const char *before; /* the operand before: of COMPLETE_NAMES a kind; or NULL */
    struct places places;
    const char *engine; /* of --engine, or NULL */
};

/*
 * words: the line without the program's name; the last one is being typed, and may be empty. A
 * shell may have split "--output=json" into three. The wish borrows from the words.
 */
void completion_read(const struct command *const *list, int count, char **words,
                     struct completion_wish *ret);

/*
 * A line for a candidate that begins as is typed, with the lead before and a tab and the help
 * behind.
 */
void completion_add(struct strbuf *out, const struct completion_wish *wish, const char *word,
                    const char *help);

/* The candidates that the tables themselves have: commands, options, words, kinds, fields. */
void completion_add_fixed(struct strbuf *out, const struct completion_wish *wish,
                          const struct command *const *list);

#endif
