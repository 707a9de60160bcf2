/*
 * Files: bounded reads, atomic replacement, directories.
 *
 * Nothing here follows a symbolic link in the last part of a path, blocks on a FIFO or reads past a
 * ceiling. A file that is replaced is either the old or the new one for every reader, also after a
 * crash or on a full disk.
 */
#ifndef BERTH_BASE_FILE_H
#define BERTH_BASE_FILE_H

#include "base/error.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* dir_fd may be AT_FDCWD everywhere. */

/*
 * The whole regular file, NUL-terminated (the bytes may hold NULs too: see *ret_len; ret_len may be
 * NULL). ERROR_NOT_FOUND: it does not exist; ERROR_INVALID: it is larger than max_len or no regular
 * file.
 */
int file_read(int dir_fd, const char *path, size_t max_len, char **ret_text, size_t *ret_len,
              struct error *err);

/*
 * A small file that the kernel makes, below /proc or /sys, by one read; what is beyond max_len is
 * cut. NUL-terminated, the caller's to free; NULL with errno.
 */
char *file_read_kernel(const char *path, size_t max_len);

/* The last max_len bytes (or fewer) of a regular file; the same errors. */
int file_read_tail(int dir_fd, const char *path, size_t max_len, char **ret_text, size_t *ret_len,
                   struct error *err);

/*
 * All of an open file, pipe or stream that there is, up to the first chunk beyond max_len bytes:
 * who reads it says that it is too large. -1 with errno.
 */
int file_read_all(int fd, size_t max_len, struct strbuf *text);

/* All of it, however many calls that takes. -1 with errno: a part may have been written. */
int file_write_all(int fd, const char *bytes, size_t len);

enum file_durability {
    FILE_VISIBLE, /* readers never see half of it; a power cut may lose the change */
    FILE_DURABLE, /* on disk when the call returns */
};

/*
 * Replaces the file through a temporary name ".<name>.tmp" (a long one is cut) beside it. On an
 * error the old file is untouched and the temporary one removed.
 */
int file_replace(int dir_fd, const char *path, const void *bytes, size_t len, mode_t mode,
                 enum file_durability durability, struct error *err);

/*
 * Removes from the directory, not from those below it, the temporary files of file_replace() whose
 * names end with suffix and ".tmp": its process was killed. Only for who is alone in replacing such
 * files there.
 */
void dir_remove_temporary(const char *path, const char *suffix);

/* Creates the directory and its parents where they are missing (mode for the new ones). */
int dir_make(const char *path, mode_t mode, struct error *err);

/*
 * Removes the file or the whole tree; never leaves it through a link. Missing is success, also what
 * somebody else removes meanwhile.
 */
int tree_remove(const char *path, struct error *err);

bool path_exists(const char *path);

/* "a/b" from "a" and "b"; an absolute second part wins. The caller's to free. */
char *path_join(const char *directory, const char *name);

/* The absolute form of a path that need not exist, without "." and ".." and double slashes. */
char *path_absolute(const char *path);
/* "/a/" of "/a/b", "./" of "b": where the file is. The caller's to free. */
char *path_directory(const char *path);
/* True when one of its parts is "..". */
bool path_has_dot_dot(const char *path);

/* True when path is directory itself or below it; both in path_absolute() form. */
bool path_is_below(const char *path, const char *directory);

#endif
