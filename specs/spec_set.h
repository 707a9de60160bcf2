/*
 * The desired objects of a spec directory, over time.
 *
 * Fed with scans (which files are there, what is in them), it decides what is desired now: the last
 * good version of a spec stays in force while its file is broken; a name belongs to the file that
 * had it first; an object is gone only when two scans at least a second apart miss it and nothing
 * else came or changed in between. Somebody may be moving things: that is waited for, for some
 * seconds, and for half a minute while something that was missing comes back or a new file cannot
 * be read to its end. When more than half of the objects and more than five would go that were
 * missed at once, or a directory may only be unmounted, they are held until somebody confirms.
 * Pure: the clock is an argument, files are read by the caller.
 */
#ifndef BERTH_SPECS_SPEC_SET_H
#define BERTH_SPECS_SPEC_SET_H

#include "base/map.h"
#include "specs/spec_file.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    SPEC_DELETION_DELAY_MS = 1000,
    SPEC_DELETION_PATIENCE_MS = 30000,       /* with what seems to be moving */
    SPEC_DELETION_CHANGE_PATIENCE_MS = 5000, /* with new objects and versions */
    SPEC_HOLD_MINIMUM = 5,
    SPEC_HOLD_WINDOW_MS =
        /* missed within less than this: at once. Less than half of the patience with changes */
    2000,
};

/* One file that was seen. */
struct spec_set_file {
    char *name;               /* relative to the directory */
    char digest[72];          /* of the text that was parsed last */
    struct spec_file *parsed; /* NULL: never readable */
    char *unreadable;         /* why the last reading failed, or NULL */
    bool is_seen;             /* in the scan at hand or the last one */
    bool is_changed;          /* since spec_set_clear_changes() */
    bool has_missing;         /* objects of it are missing: held, or not sure to be gone */
    /* objects of it are in force that its documents do not show: missing, or it is broken */
    bool has_hidden;
    /* a good version that nobody has kept yet: the text, or what is in force of it */
    char *good_text;
    bool has_good; /* there was one */
    size_t good_len;
    /*
     * who owned the file when that text was read; for who reads files: the set does not look at it
     */
    int64_t owner_uid;
};

/* One desired object. */
struct spec_entry {
    char *key;                 /* "Instance/web" */
    struct object *object;     /* the version in force */
    char *file;                /* its owner */
    uint64_t missing_since_ms; /* 0: present */
    bool is_valid;             /* false: the file has a newer version with errors */
    bool is_held;              /* would be deleted, but the hold is on */
    bool is_doubted;           /* its directory may only be unmounted */
    bool is_meant;             /* spec_set_mean_deletion() */
    bool is_seen;
};

struct spec_set {
    struct map files;   /* name -> struct spec_set_file */
    struct map entries; /* key -> struct spec_entry */
    struct map changes; /* keys whose object was added, replaced or removed; values are unused */
    size_t held_count;
    size_t hold_total;      /* how many objects there were when the hold began; 0: there is none */
    bool is_waiting;        /* an object is missing: scan again after SPEC_DELETION_DELAY_MS */
    bool has_doubts;        /* of the scan at hand or the last one */
    bool is_stirred;        /* the scan at hand found something new */
    bool is_moving;         /* it found what was missing, or what may hold it */
    uint64_t stirred_at_ms; /* when one last did */
    uint64_t moved_at_ms;
};

struct spec_set *spec_set_new(void);
void spec_set_free(struct spec_set *set);

/*
 * A scan: begin, then one of the file functions for every file, then end. A scan that could not
 * look everywhere (the directory is missing or unreadable) is given up with spec_set_scan_abort():
 * unknown is never empty.
 */
void spec_set_scan_begin(struct spec_set *set);
/* True when the file is known with this digest (and readable): nothing more to do for it. */
bool spec_set_file_is_known(struct spec_set *set, const char *name, const char *digest);
void spec_set_file_put(struct spec_set *set, const char *name, const char *digest, const char *text,
                       size_t len);
/* The file is there but cannot be read (or is being written): what was known of it stays. */
void spec_set_file_keep(struct spec_set *set, const char *name, const char *why_unreadable);
/* A file that never was read is still being written: what is missing may be in it. */
void spec_set_file_unknown(struct spec_set *set);
/* All known files below a directory that could not be listed stay. */
void spec_set_keep_below(struct spec_set *set, const char *directory);
/*
 * The directory is there and empty, but is not the one that files were seen in: what is missing
 * from it is held, however little.
 */
void spec_set_doubt_below(struct spec_set *set, const char *directory);
/*
 * Somebody has said by name that this object is to go: if the next scan that ends does not see it,
 * it is deleted there and then, and not counted among those that went at once. It means nothing for
 * one that is seen, or whose directory is doubted.
 */
void spec_set_mean_deletion(struct spec_set *set, const char *key);
void spec_set_scan_end(struct spec_set *set, uint64_t now_ms, bool is_deletion_confirmed);
void spec_set_scan_abort(struct spec_set *set);

/*
 * Between scans: one file has a new text. True: what a scan of all files would have come to is in
 * force. False: nothing was done, and only a scan can tell: something is missing or held, the text
 * is not whole, or objects come to the file or leave it that others may have to do with.
 */
bool spec_set_file_replace(struct spec_set *set, const char *name, const char *digest,
                           const char *text, size_t len, uint64_t now_ms);

/* True when the file is the owner of objects in force. */
bool spec_set_file_owns(const struct spec_set *set, const char *name);

/* Forgets the changes after they were handled; those of one file, where no other has any. */
void spec_set_clear_changes(struct spec_set *set);
void spec_set_clear_changes_of(struct spec_set *set, struct spec_set_file *file);

const struct spec_entry *spec_set_find(const struct spec_set *set, const char *key); /* or NULL */

/* Which file owns a document of this file: NULL when it is this one, else the other file's name. */
const char *spec_set_other_owner(const struct spec_set *set, const struct spec_set_file *file,
                                 const struct spec_document *document);

/* "Instance/web" */
char *object_key(const char *kind, const char *name);

#endif
