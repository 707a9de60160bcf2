/*
 * Jobs as the children read them: what is taken is written again as the same, and every path in it
 * is absolute.
 */
#include "base/cleanup.h"
#include "base/memory.h"
#include "clients/git_protocol.h"
#include "clients/tree_job.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

static void read_git_job(const json_t *json)
{
    struct git_job job, again;
    json_auto_t *written = NULL, *rewritten = NULL;
    auto_free char *text = NULL;
    struct error err = {0};
    int result = git_job_from_json(json, &job, &err);

    assert((result < 0) == (err.kind != ERROR_NONE));
    if (result < 0) {
        assert(err.kind == ERROR_INVALID && err.message[0] != '\0');
        return;
    }
    assert(job.url != NULL && job.mirror[0] == '/' && job.revision_count <= GIT_REVISIONS_MAX);
    assert(job.tree == NULL || (job.tree[0] == '/' && strlen(job.commit) == 40));
    assert(git_job_to_json(&job, &written, &err) == 0);
    assert(git_job_from_json(written, &again, &err) == 0);
    assert(git_job_to_json(&again, &rewritten, &err) == 0 && json_equal(written, rewritten));
    text = json_dumps(written, JSON_COMPACT);
    git_job_hide_secrets(&job, text);
}

static void read_tree_job(const json_t *json)
{
    struct tree_job job, again;
    json_auto_t *written = NULL, *rewritten = NULL;
    struct error err = {0};
    int result = tree_job_from_json(json, &job, &err);

    assert((result < 0) == (err.kind != ERROR_NONE));
    if (result < 0) {
        assert(err.kind == ERROR_INVALID && err.message[0] != '\0');
        return;
    }
    assert(job.verb <= TREE_MEASURE && job.lower_count <= TREE_LOWERS_MAX);
    assert(job.trees == NULL || job.trees[0] == '/');
    assert(job.layers == NULL || job.layers[0] == '/');
    for (size_t i = 0; i < job.lower_count; i++) {
        assert(job.lowers[i][0] == '/');
    }
    assert(tree_job_to_json(&job, &written, &err) == 0);
    assert(tree_job_from_json(written, &again, &err) == 0);
    assert(tree_job_to_json(&again, &rewritten, &err) == 0 && json_equal(written, rewritten));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_auto_t *json =
        json_loadb(size > 0 ? (const char *)data : "", size, JSON_REJECT_DUPLICATES, NULL);

    if (json != NULL) {
        read_git_job(json);
        read_tree_job(json);
    }
    return 0;
}
