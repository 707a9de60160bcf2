/*
 * Writes the pages of docs/reference into a folder (make docs, make check-docs). A program of its
 * own, so that the binary does not carry them.
 *
 *     berth-reference DIR
 */
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "specs/reference_pages.h"

#include <fcntl.h>
#include <stdio.h>

static int write_page(const char *folder, const char *name, void (*add)(struct strbuf *out))
{
    auto_free char *path = path_join(folder, name);
    auto_done(strbuf) text = {0};
    struct error err = {0};

    add(&text);
    if (file_replace(AT_FDCWD, path, strbuf_text(&text), text.len, 0644, FILE_VISIBLE, &err) < 0) {
        fprintf(stderr, "berth-reference: %s\n", err.message);
        return -1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    size_t count;
    const struct reference_page *pages = reference_page_list(&count);

    if (argc != 2) {
        fprintf(stderr, "usage: berth-reference DIR\n");
        return 2;
    }
    if (write_page(argv[1], "README.md", reference_add_index) < 0) {
        return 1;
    }
    for (size_t i = 0; i < count; i++) {
        if (write_page(argv[1], pages[i].name, pages[i].add) < 0) {
            return 1;
        }
    }
    return 0;
}
