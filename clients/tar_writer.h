/*
 * A tar archive in memory (ustar), for the engine's archive and import calls.
 *
 * Owner is root and times are zero, so equal input gives equal bytes. Names and contents are
 * ours: a name that does not fit, or an archive over the buffer's ceiling, is a bug and stops the
 * program.
 */
#ifndef BERTH_CLIENTS_TAR_WRITER_H
#define BERTH_CLIENTS_TAR_WRITER_H

#include "base/strbuf.h"

#include <stddef.h>

/*
 * Names are relative ("dir/file"), at most TAR_MAX_NAME bytes, without "..". A directory comes
 * before what is in it.
 */
enum { TAR_MAX_NAME = 98 };

void tar_add_directory(struct strbuf *tar, const char *name, unsigned mode);
void tar_add_file(struct strbuf *tar, const char *name, unsigned mode, const void *bytes,
                  size_t len);
void tar_finish(struct strbuf *tar); /* nothing can be added afterwards */

#endif
