/*
 * The texts of the files that `berth init` writes.
 */
#ifndef BERTH_CLI_INIT_FILES_H
#define BERTH_CLI_INIT_FILES_H

#include "base/strbuf.h"

struct init_file {
    const char *name; /* below the directory */
    void (*add)(struct strbuf *out);
};

/* In the order in which they are told; one without a name ends. */
extern const struct init_file init_files[];

#endif
