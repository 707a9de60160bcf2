/*
 * All branches and tags of a repository as one file, git's "packed-refs".
 *
 * A file for each, which is what libgit2 writes, takes seconds for some thousands, and is changed
 * one after the other; this one is replaced, so that a reader sees either the old or the new ones.
 */
#ifndef BERTH_CLIENTS_GIT_PACKED_REFS_H
#define BERTH_CLIENTS_GIT_PACKED_REFS_H

#include "base/error.h"
#include "base/file.h"

#include <git2.h>

struct git_packed_ref {
    char *name;
    git_oid id, peeled; /* the same, but for annotated tags */
};

struct git_packed_refs {
    struct git_packed_ref *items;
    size_t count, capacity;
};

void git_packed_refs_done(struct git_packed_refs *refs);

/* name becomes theirs; "refs/...". */
void git_packed_refs_add_take(struct git_packed_refs *refs, char *name, const git_oid *id,
                              const git_oid *peeled);

/* Sets what each is peeled to. Returns libgit2's code: an object is missing, or cannot be read. */
int git_packed_refs_peel(struct git_packed_refs *refs, git_repository *repository);

/* Sorts them and replaces the file in the directory, if it is not the same. */
int git_packed_refs_write(struct git_packed_refs *refs, const char *git_directory,
                          enum file_durability durability, struct error *err);

#endif
