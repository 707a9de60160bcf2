/*
 * One look at the spec directory: which files are there, what is in them.
 *
 * Reads only *.yaml and *.yml that are not hidden and no status files, below the directory, through
 * links only where they stay inside it. A file that somebody is still writing keeps its last
 * version; where the kernel does not tell who writes (files of others, network file systems), a
 * file must rest for a moment before it is read. An empty file does not speak for the objects that
 * were in it. Unchanged files are not read again (device, inode, size and times are remembered).
 *
 * Where files were seen is remembered too: a directory that is empty all of a sudden, and is
 * another one (unmounted, replaced), deletes nothing. That outlives the controller as a document.
 */
#ifndef BERTH_CONTROLLER_SPEC_SCAN_H
#define BERTH_CONTROLLER_SPEC_SCAN_H

#include "base/error.h"
#include "base/map.h"
#include "specs/spec_set.h"

#include <jansson.h>

enum {
    SPEC_SCAN_MAX_DEPTH = 16,       /* folders below the directory; what lies deeper is not read */
    SPEC_SCAN_MAX_ITEMS = 100000,   /* files that can hold specs, and folders */
    SPEC_SCAN_MAX_BYTES = 64 << 20, /* of all files; those beyond keep their last version */
};

/* A text in place of a file, or one more. */
struct spec_overlay {
    const char *name, *text;
    size_t len;
};

struct spec_scan {
    char *directory;
    const struct spec_overlay *overlays; /* the caller's; for who only asks what would be */
    size_t overlay_count;
    size_t max_items, max_bytes; /* the two above; a test has less */
    struct map known;            /* file name -> struct file_mark: of the version that was read */
    struct map resting; /* file name -> struct resting_file: not read yet, may still be written */
    struct map directories;  /* seen in the last scan: relative names, "" for the top */
    struct map places;       /* of directories with something in it: name -> struct place */
    bool are_places_changed; /* since spec_scan_places() was asked */
    bool is_being_written;   /* a file was open for writing: look again soon */
    size_t items, bytes;     /* that the last scan found, and what came since */
    bool has_links;          /* it found files that have other names, or may have */
    bool is_single; /* there will be no second look: what is being written is read as it is */
};

void spec_scan_init(struct spec_scan *scan, const char *directory);
void spec_scan_done(struct spec_scan *scan);

/*
 * Feeds the set with a scan. ERROR: the directory could not be read, or holds too much; the set is
 * as it was. now_ms: monotonic.
 */
int spec_scan_run(struct spec_scan *scan, struct spec_set *set, uint64_t now_ms,
                  bool is_deletion_confirmed, struct error *err);

/*
 * Between scans: only these files (relative names; values are unused) have changed, or came. True:
 * the set is as a scan would have made it. False: a scan is needed; some of them may have been
 * taken. Never says that something is gone.
 */
bool spec_scan_files(struct spec_scan *scan, struct spec_set *set, const struct map *names,
                     uint64_t now_ms);

/*
 * Where files were seen, for the next controller; new reference. And what the one before has seen;
 * NULL: nothing.
 */
json_t *spec_scan_places(struct spec_scan *scan);
void spec_scan_recall_places(struct spec_scan *scan, const json_t *places);

/*
 * True for file systems (statfs's f_type) whose changes may come from elsewhere, where the kernel
 * sees no writer.
 */
bool spec_file_system_is_remote(long type);

/* True for names that can hold specs. */
bool spec_name_is_relevant(const char *name);

#endif
