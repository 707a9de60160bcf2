/*
 * A real directory below /tmp, and the spec set that scans of it feed: for tests of the scan.
 * All assert that they succeed, in the manner of cmocka.
 */
#ifndef BERTH_TESTS_UNIT_SPEC_DIRECTORY_H
#define BERTH_TESTS_UNIT_SPEC_DIRECTORY_H

#include "controller/spec_scan.h"

struct spec_directory {
    char path[64];
    struct spec_scan scan;
    struct spec_set *set;
    uint64_t now_ms; /* of the last scan */
};

/* For cmocka_unit_test_setup_teardown(): *state is a struct spec_directory. */
int directory_setup(void **state);
int directory_teardown(void **state);

/* The path of a name in it, and the text of an Instance; the caller's to free. */
char *directory_path(const struct spec_directory *directory, const char *name);
char *directory_spec(const char *name, const char *image);

void directory_write(const struct spec_directory *directory, const char *name, const char *text);
/* A file with one Instance. */
void directory_drop(const struct spec_directory *directory, const char *name, const char *object,
                    const char *image);
void directory_make(const struct spec_directory *directory, const char *name);
void directory_link(const struct spec_directory *directory, const char *name, const char *target);
void directory_remove(const struct spec_directory *directory, const char *name);

/* A second later than the last one; what spec_scan_run() returns. */
int directory_scan(struct spec_directory *directory);
void directory_scan_well(struct spec_directory *directory);
/* As a user who may read only what everybody may. */
int directory_scan_as_nobody(struct spec_directory *directory);

/* The image of the Instance that is in force; NULL: there is none. */
const char *directory_image_of(const struct spec_directory *directory, const char *object);
const struct spec_set_file *directory_file_of(const struct spec_directory *directory,
                                              const char *name);

#endif
