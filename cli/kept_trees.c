#include "cli/kept_trees.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_MAX = 64 << 10 };

struct search {
    const char *task;
    json_t *found; /* the answer so far */
    json_int_t used_at_ms;
};

static void take_record(struct search *search, const char *container, const char *name,
                        const json_t *record)
{
    json_int_t used_at_ms = json_integer_value(json_object_get(record, "usedAtMs"));

    if (!text_equal(json_string_value(json_object_get(record, "task")), search->task) ||
        (search->found != NULL && used_at_ms <= search->used_at_ms)) {
        return;
    }
    json_decref(search->found);
    search->used_at_ms = used_at_ms;
    search->found =
        json_pack("{s:s, s:O?, s:{s:s#, s:O?, s:O?, s:O?}}", "repositoryContainer", container,
                  "commit", json_object_get(record, "commit"), "tree", "name", name,
                  (int)strlen(name) - 5, "method", json_object_get(record, "method"), "uid",
                  json_object_get(record, "uid"), "gid", json_object_get(record, "gid"));
}

static void read_record(struct search *search, const char *folder, const char *container,
                        const char *name)
{
    auto_free char *path = path_join(folder, name);
    auto_free char *text = NULL;
    json_auto_t *record = NULL;
    struct error err = {0};
    size_t len;

    if (!text_has_suffix(name, ".json") || name[0] == '.' ||
        file_read(AT_FDCWD, path, RECORD_MAX, &text, &len, &err) < 0) {
        return;
    }
    record = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    take_record(search, container, name, record);
}

static void search_container(struct search *search, const char *repos, const char *container)
{
    auto_free char *folder = xasprintf("%s/%s/records", repos, container);
    DIR *dir = opendir(folder);
    const struct dirent *entry;

    if (dir == NULL) {
        return;
    }
    while ((entry = readdir(dir)) != NULL) {
        read_record(search, folder, container, entry->d_name);
    }
    closedir(dir);
}

json_t *kept_tree_of_task(const char *state_dir, const char *task)
{
    auto_free char *repos = path_join(state_dir, "repos");
    struct search search = {.task = task};
    DIR *dir = opendir(repos);
    const struct dirent *entry;

    if (dir == NULL) {
        return NULL;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.') {
            search_container(&search, repos, entry->d_name);
        }
    }
    closedir(dir);
    return search.found;
}
