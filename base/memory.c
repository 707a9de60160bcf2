#include "base/memory.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *pointer)
{
    if (pointer == NULL) {
        fputs("berth: out of memory\n", stderr);
        abort();
    }
    return pointer;
}

void *xmalloc(size_t size)
{
    return checked(malloc(size > 0 ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
    return checked(calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

void *xrealloc_array(void *pointer, size_t count, size_t size)
{
    return checked(reallocarray(pointer, count > 0 ? count : 1, size));
}

char *xstrdup(const char *text)
{
    return checked(strdup(text));
}

char *xstrdup_or_null(const char *text)
{
    return text != NULL ? xstrdup(text) : NULL;
}

char *xstrndup(const char *text, size_t len)
{
    return checked(strndup(text, len));
}

char *xmemdup(const void *bytes, size_t len)
{
    char *copy = xmalloc(len + 1);

    memcpy(copy, bytes, len);
    copy[len] = '\0';
    return copy;
}

char *xvasprintf(const char *format, va_list args)
{
    char *text = NULL;

    if (vasprintf(&text, format, args) < 0) {
        text = NULL;
    }
    return checked(text);
}

char *xasprintf(const char *format, ...)
{
    va_list args;
    char *text;

    va_start(args, format);
    text = xvasprintf(format, args);
    va_end(args);
    return text;
}

void array_grow(void *pointer_to_array, size_t count, size_t *capacity, size_t size)
{
    void **array = pointer_to_array;

    if (count < *capacity) {
        return;
    }
    *capacity = *capacity == 0 ? 8 : *capacity * 2;
    *array = xrealloc_array(*array, *capacity, size);
}

void memory_keep_little(void)
{
#ifdef __GLIBC__
    enum { LARGE = 512 << 10 };

    mallopt(M_MMAP_THRESHOLD, LARGE); /* both would grow with what was freed */
    mallopt(M_TRIM_THRESHOLD, LARGE);
#endif
}

void memory_give_back(void)
{
#ifdef __GLIBC__
    malloc_trim(0); /* others do it by themselves, or never */
#endif
}
