#include "tests/unit/spec_directory.h"

#include "base/file.h"
#include "base/memory.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* after its friends, which it needs */
#include <cmocka.h>

/* A user without rights, for what root could read all the same. */
enum { NOBODY = 65534 };

int directory_setup(void **state)
{
    struct spec_directory *directory = xcalloc(1, sizeof(*directory));

    snprintf(directory->path, sizeof(directory->path), "/tmp/berth-spec-scan-XXXXXX");
    if (mkdtemp(directory->path) == NULL || chmod(directory->path, 0755) < 0) {
        return -1;
    }
    spec_scan_init(&directory->scan, directory->path);
    directory->set = spec_set_new();
    directory->now_ms = 1000;
    *state = directory;
    return 0;
}

int directory_teardown(void **state)
{
    struct spec_directory *directory = *state;
    struct error err = {0};
    int result = tree_remove(directory->path, &err);

    spec_scan_done(&directory->scan);
    spec_set_free(directory->set);
    free(directory);
    return result;
}

char *directory_path(const struct spec_directory *directory, const char *name)
{
    return path_join(directory->path, name);
}

char *directory_spec(const char *name, const char *image)
{
    return xasprintf("apiVersion: berth.dev/v1\nkind: Instance\nmetadata: {name: %s}\n"
                     "spec: {image: \"%s\"}\n",
                     name, image);
}

void directory_write(const struct spec_directory *directory, const char *name, const char *text)
{
    auto_free char *path = directory_path(directory, name);
    auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

void directory_drop(const struct spec_directory *directory, const char *name, const char *object,
                    const char *image)
{
    auto_free char *text = directory_spec(object, image);

    directory_write(directory, name, text);
}

void directory_make(const struct spec_directory *directory, const char *name)
{
    auto_free char *path = directory_path(directory, name);
    struct error err = {0};

    assert_int_equal(dir_make(path, 0755, &err), 0);
}

void directory_link(const struct spec_directory *directory, const char *name, const char *target)
{
    auto_free char *path = directory_path(directory, name);

    assert_int_equal(symlink(target, path), 0);
}

void directory_remove(const struct spec_directory *directory, const char *name)
{
    auto_free char *path = directory_path(directory, name);

    assert_int_equal(unlink(path), 0);
}

int directory_scan(struct spec_directory *directory)
{
    struct error err = {0};

    directory->now_ms += 1000;
    spec_set_clear_changes(directory->set);
    return spec_scan_run(&directory->scan, directory->set, directory->now_ms, false, &err);
}

void directory_scan_well(struct spec_directory *directory)
{
    assert_int_equal(directory_scan(directory), 0);
}

/* As a user who may read only what everybody may. */
int directory_scan_as_nobody(struct spec_directory *directory)
{
    bool is_root = geteuid() == 0;
    int result;

    if (is_root) {
        assert_int_equal(seteuid(NOBODY), 0);
    }
    result = directory_scan(directory);
    if (is_root) {
        assert_int_equal(seteuid(0), 0);
    }
    return result;
}

const char *directory_image_of(const struct spec_directory *directory, const char *object)
{
    auto_free char *key = object_key("Instance", object);
    const struct spec_entry *entry = spec_set_find(directory->set, key);

    return entry != NULL ? entry->object->instance.image : NULL;
}

const struct spec_set_file *directory_file_of(const struct spec_directory *directory,
                                              const char *name)
{
    return map_get(&directory->set->files, name);
}
