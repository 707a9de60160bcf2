/*
 * A spec directory as tests of the spec set see it: names and texts, put into the set scan by scan.
 */
#ifndef BERTH_TESTS_UNIT_SPEC_SET_SCANS_H
#define BERTH_TESTS_UNIT_SPEC_SET_SCANS_H

#include "specs/spec_set.h"

struct scanned_file {
    const char *name;
    const char *text; /* NULL: it cannot be read */
};

#define OBJECT(name, image)                                                                        \
    "apiVersion: berth.dev/v1\nkind: Instance\nmetadata: {name: " name "}\nspec: {image: \"" image \
    "\"}\n"
#define BROKEN(name)                                                                               \
    "apiVersion: berth.dev/v1\nkind: Instance\nmetadata: {name: " name "}\nspec: {imagge: "        \
    "\"x\"}\n"

/* One file of a scan that was begun. */
void scans_put(struct spec_set *set, const struct scanned_file *file);
/* A whole scan, of the files up to one without a name. */
void scans_scan(struct spec_set *set, uint64_t now_ms, const struct scanned_file *files);
void scans_empty(struct spec_set *set, uint64_t now_ms);

#define SCAN(set, now_ms, ...)                                                                     \
    scans_scan(set, now_ms, (const struct scanned_file[]){__VA_ARGS__, {NULL, NULL}})

/* The image of the Instance that is in force; NULL: there is none. */
const char *scans_image_of(const struct spec_set *set, const char *key);
bool scans_is_changed(const struct spec_set *set, const char *key);
size_t scans_count(const struct spec_set *set); /* objects */

#endif
