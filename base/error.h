/*
 * Errors as values: a fallible function returns 0 or -1 and fills the caller's struct error.
 *
 * What a program does next depends on the kind alone. The reason is a word from the catalogue in
 * specs/reason.h, for statuses and scripts; the message is for people and nothing looks at its
 * text. An error starts zeroed and is set once; each layer that passes it on may put its own object
 * in front with error_wrap().
 */
#ifndef BERTH_BASE_ERROR_H
#define BERTH_BASE_ERROR_H

#include <stdbool.h>

enum error_kind {
    ERROR_NONE = 0,
    ERROR_TRANSIENT, /* may pass by itself: try again later */
    ERROR_CONFLICT,  /* the world is not as expected: observe again, then decide */
    ERROR_NOT_FOUND, /* the thing asked for does not exist */
    ERROR_INVALID,   /* will fail until somebody changes something */
    ERROR_INTERNAL,  /* our own bug */
};

struct error {
    enum error_kind kind;
    const char *reason; /* a static word such as "ImagePullFailed", or NULL */
    char message[1024];
};

/*
 * All of these return -1, so that failing is one line. error_set* asserts that err is still unset.
 */
int error_set(struct error *err, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int error_set_reason(struct error *err, enum error_kind kind, const char *reason,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));

/*
 * The message gets ": <strerror(number)>"; the kind follows from the number (ENOENT: NOT_FOUND
 * ...).
 */
int error_set_errno(struct error *err, int number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "<text>: " in front of the message; keeps kind and reason. A long message loses its end. */
int error_wrap(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Back to unset, for an error that was dealt with. */
void error_clear(struct error *err);

/* "transient", "conflict", ... for logs and tests. */
const char *error_kind_name(enum error_kind kind);

/*
 * Compilers and analyzers see one source at a time, and would follow paths on which these do not
 * fail, only to warn of what happens there. error.c, which defines them, is not told.
 */
#ifndef BERTH_BASE_ERROR_C
static inline int error_minus_one(int result)
{
    (void)result;
    return -1;
}
#define error_set(...) error_minus_one(error_set(__VA_ARGS__))
#define error_set_reason(...) error_minus_one(error_set_reason(__VA_ARGS__))
#define error_set_errno(...) error_minus_one(error_set_errno(__VA_ARGS__))
#define error_wrap(...) error_minus_one(error_wrap(__VA_ARGS__))
#endif

#endif
