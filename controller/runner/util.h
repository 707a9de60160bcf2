/*
 * The few small helpers that all parts of the runner share.
 *
 * The runner reports trouble that belongs to an attempt in the attempt's exit record;
 * runner_complain() is for what happens before or outside one.
 */
#ifndef BERTH_CONTROLLER_RUNNER_UTIL_H
#define BERTH_CONTROLLER_RUNNER_UTIL_H

#include <stddef.h>
#include <stdint.h>

uint64_t util_monotonic_ms(void); /* for waiting: moments named _at_ms */
int64_t util_wall_ms(void);       /* for people: since 1970, UTC */

/* Writes one line "berth-runner: ..." to standard error. */
void runner_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Writes all of it and returns len; fewer when an error came in between (errno says which), so that
 * the caller knows how much is in the file.
 */
size_t util_write(int fd, const void *bytes, size_t len);

/* Decimal digits only, without leading zeros, in min..max; -1 otherwise. */
int util_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret_value);

/*
 * Takes "//", "/./" and an ending "/" out of an absolute path, in place; -1 when it is not absolute
 * or has a "..", and then it is unchanged.
 */
int util_clean_path(char *path);

/*
 * Where path lies below directory: "a/b" of "/d/a/b" below "/d", "" when they are the same; NULL
 * when it does not. Both cleaned.
 */
const char *util_path_below(const char *path, const char *directory);

/* What an errno means, as the end of a message: "no such file or directory". */
const char *util_errno_text(int number, char text[64]);

#endif
