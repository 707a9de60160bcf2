#include "cli/status_watch.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "cli/documents.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* after its friends, which it needs */
#include <cmocka.h>

static char directory[64];

static int make_directory(void **state)
{
    (void)state;
    strncpy(directory, "/tmp/berth-watch-XXXXXX", sizeof(directory) - 1);
    return mkdtemp(directory) != NULL ? 0 : -1;
}

static int remove_directory(void **state)
{
    struct error err = {0};

    (void)state;
    return tree_remove(directory, &err);
}

static void write_status(const char *name, const char *text)
{
    auto_free char *path = path_join(directory, name);
    struct error err = {0};

    assert_int_equal(file_replace(AT_FDCWD, path, text, strlen(text), 0600, FILE_VISIBLE, &err), 0);
}

/* "+a/RUNNING -b/STOPPING": what has changed, and what has gone. */
static void assert_seen(struct status_watch *watch, const char *expected)
{
    json_auto_t *changed = NULL, *gone = NULL;
    auto_done(strbuf) text = {0};
    struct error err = {0};
    size_t index;
    json_t *item;

    assert_int_equal(status_watch_poll(watch, &changed, &gone, &err), 0);
    json_array_foreach(changed, index, item) {
        strbuf_addf(&text, "+%s/%s ", document_name(item), document_phase(item));
    }
    json_array_foreach(gone, index, item) {
        strbuf_addf(&text, "-%s/%s ", document_name(item), document_phase(item));
    }
    assert_string_equal(strbuf_text(&text), expected);
}

#define ONE(name, phase) "kind: Task\nmetadata:\n  name: " name "\nstatus:\n  phase: " phase "\n"

static void what_changes_is_seen_once(void **state)
{
    auto_owned(status_watch) *watch = status_watch_new(directory);

    (void)state;
    assert_seen(watch, "");
    write_status("x.status.yaml", ONE("a", "Pending") "---\n" ONE("b", "Pending"));
    write_status("other.yaml", ONE("no", "Pending"));
    assert_seen(watch, "+a/Pending +b/Pending ");
    assert_seen(watch, "");
    write_status("x.status.yaml", ONE("a", "Running") "---\n" ONE("b", "Pending"));
    assert_seen(watch, "+a/Running ");
    write_status("x.status.yaml", ONE("a", "Running"));
    assert_seen(watch, "-b/Pending ");
    write_status("x.status.yaml", ONE("a", "Running") "\n");
    assert_seen(watch, ""); /* another file, and the same documents */
    write_status("y.status.yaml", ONE("c", "Failed"));
    assert_seen(watch, "+c/Failed ");
}

static void what_goes_is_seen_once(void **state)
{
    auto_owned(status_watch) *watch = status_watch_new(directory);
    auto_free char *path = path_join(directory, "x.status.yaml");
    json_auto_t *changed = NULL, *gone = NULL;
    struct error err = {0};

    (void)state;
    assert_seen(watch, "+a/Running +c/Failed ");
    assert_int_equal(unlink(path), 0);
    assert_seen(watch, "-a/Running ");
    assert_seen(watch, "");
    assert_int_equal(tree_remove(directory, &err), 0);
    assert_int_equal(status_watch_poll(watch, &changed, &gone, &err), -1);
    assert_non_null(strstr(err.message, directory));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_changes_is_seen_once),
        cmocka_unit_test(what_goes_is_seen_once),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
