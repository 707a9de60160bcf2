/*
 * One look at the spec directory: which files are there, what is in them.
 *
 * Reads only *.yaml and *.yml that are not hidden and no status files, below the directory, through links only where they
 * stay inside it. A file that somebody is still writing keeps its last version. Unchanged files are not
 * read again (device, inode, size and times are remembered).
 */
#ifndef BERTH_CONTROLLER_SPEC_SCAN_H
#define BERTH_CONTROLLER_SPEC_SCAN_H

#include "base/error.h"
#include "base/map.h"
#include "specs/spec_set.h"

enum {
    SPEC_SCAN_MAX_DEPTH = 16,       /* folders below the directory; what lies deeper is not read */
    SPEC_SCAN_MAX_ITEMS = 100000,   /* files that can hold specs, and folders */
    SPEC_SCAN_MAX_BYTES = 64 << 20, /* of all files; those beyond keep their last version */
};

struct spec_scan {
    char *directory;
    size_t max_items, max_bytes; /* the two above; a test has less */
    struct map known;            /* file name -> what stat said when it was read */
    struct map directories;      /* seen in the last scan: relative names, "" for the top */
    bool is_being_written;       /* a file was open for writing: look again soon */
};

void spec_scan_init(struct spec_scan *scan, const char *directory);
void spec_scan_done(struct spec_scan *scan);

/*
 * Feeds the set with a scan. ERROR: the directory could not be read, or holds too much; the set is as it was. now_ms:
 * monotonic.
 */
int spec_scan_run(struct spec_scan *scan, struct spec_set *set, uint64_t now_ms,
                  bool is_deletion_confirmed, struct error *err);

/* True for names that can hold specs. */
bool spec_name_is_relevant(const char *name);

#endif
