/*
 * The user's editor, on a private temporary file.
 */
#ifndef BERTH_CLI_EDITOR_H
#define BERTH_CLI_EDITOR_H

#include "base/error.h"

#include <stdbool.h>

struct editor_file {
    char *folder; /* mode 0700, below TMPDIR or /tmp */
    char *path;
    bool is_kept; /* editor_file_done() leaves it */
};

/* Makes the file, empty: name is its last part. */
int editor_file_open(struct editor_file *file, const char *name, struct error *err);
void editor_file_done(struct editor_file *file); /* removes it */

/*
 * Writes the text, runs the editor on it and reads it again. The editor is $BERTH_EDITOR, $VISUAL,
 * $EDITOR or vi: words for a shell. ERROR_INVALID: it cannot be run, or did not end well.
 */
int editor_file_edit(struct editor_file *file, const char *text, char **ret_text,
                     struct error *err);

#endif
