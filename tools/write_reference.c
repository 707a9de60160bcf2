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
#include "controller/settings_page.h"
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

/* Made of what is above specs/; what the binary itself writes (berth __pages) has no function. */
static const struct reference_page others[] = {
    {"commands.md", "every command: options, exit codes, examples", NULL},
    {"configuration.md", "berth.yaml: every setting of the controller", settings_page_add},
};

static void add_index(struct strbuf *out)
{
    reference_add_index(out, others, ARRAY_SIZE(others));
}

static int write_pages(const char *folder, const struct reference_page *pages, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (pages[i].add != NULL && write_page(folder, pages[i].name, pages[i].add) < 0) {
            return -1;
        }
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
    return write_page(argv[1], "README.md", add_index) < 0 ||
                   write_pages(argv[1], pages, count) < 0 ||
                   write_pages(argv[1], others, ARRAY_SIZE(others)) < 0
               ? 1
               : 0;
}
