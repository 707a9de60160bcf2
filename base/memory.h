/*
 * Allocation that cannot fail: small allocations abort the process when memory is used up.
 *
 * Everything sized from outside is capped and checked before it gets here; the truth is on disk and
 * in Docker, so a restart is a normal event.
 */
#ifndef BERTH_BASE_MEMORY_H
#define BERTH_BASE_MEMORY_H

#include <stdarg.h>
#include <stddef.h>

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size); /* zeroed */
void *xrealloc_array(void *pointer, size_t count, size_t size);
char *xstrdup(const char *text);
char *xstrdup_or_null(const char *text); /* NULL stays NULL */
char *xstrndup(const char *text, size_t len);
char *xmemdup(const void *bytes, size_t len); /* with a NUL behind */
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *xvasprintf(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/*
 * Makes room for one more element: grows *array (of *capacity elements of size bytes) when
 * count == *capacity.
 *
 *     array_grow(&list->items, list->count, &list->capacity, sizeof(*list->items));
 *     list->items[list->count++] = item;
 */
void array_grow(void *pointer_to_array, size_t count, size_t *capacity, size_t size);

/* For who runs long: large pieces go back to the kernel when they are freed, each time. */
void memory_keep_little(void);

/*
 * Gives the pages of what was freed back to the kernel. It looks at all of the memory: for the
 * end of something large, not for every turn.
 */
void memory_give_back(void);

#endif
