/*
 * Scope-bound release of resources.
 *
 * A variable is initialised where it is declared and let go when its scope ends, so every early
 * return is correct. TAKE moves ownership out of such a variable on one visible line:
 *
 *     auto_free char *name = xstrdup(text);
 *     ...
 *     *ret_name = TAKE(name);
 */
#ifndef BERTH_BASE_CLEANUP_H
#define BERTH_BASE_CLEANUP_H

#include <stddef.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* The value of a pointer variable, which becomes NULL. */
#define TAKE(pointer)                                                                              \
    __extension__({                                                                                \
        __typeof__(pointer) taken_ = (pointer);                                                    \
        (pointer) = NULL;                                                                          \
        taken_;                                                                                    \
    })

/* The value of a descriptor variable, which becomes -1. */
#define TAKE_FD(fd)                                                                                \
    __extension__({                                                                                \
        int taken_ = (fd);                                                                         \
        (fd) = -1;                                                                                 \
        taken_;                                                                                    \
    })

void cleanup_free(void *pointer_to_pointer);
void cleanup_close(int *fd);

#define auto_free __attribute__((cleanup(cleanup_free)))
#define auto_close __attribute__((cleanup(cleanup_close)))

/*
 * auto_done(strbuf) struct-typed variable: calls strbuf_done(&variable) at the end of the scope.
 * auto_owned(object) *variable: calls object_free(variable); the module says
 * DEFINE_AUTO_FREE(object); once.
 */
#define auto_done(type) __attribute__((cleanup(type##_done))) struct type
#define DEFINE_AUTO_FREE(type)                                                                     \
    static inline void type##_cleanup(struct type **pointer)                                       \
    {                                                                                              \
        type##_free(*pointer);                                                                     \
    }                                                                                              \
    struct type
#define auto_owned(type) __attribute__((cleanup(type##_cleanup))) struct type

#endif
