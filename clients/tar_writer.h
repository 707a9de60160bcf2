/*
 * A tar archive in memory (ustar), for the engine's archive and import calls.
 */
#ifndef BERTH_CLIENTS_TAR_WRITER_H
#define BERTH_CLIENTS_TAR_WRITER_H

#include "base/strbuf.h"

#include <stddef.h>

/* Names are relative ("dir/file"), at most 99 bytes; owner is root, times are zero, so equal input gives equal bytes. */
void tar_add_directory(struct strbuf *tar, const char *name, unsigned mode);
void tar_add_file(struct strbuf *tar, const char *name, unsigned mode, const void *bytes, size_t len);
void tar_finish(struct strbuf *tar);

#endif
