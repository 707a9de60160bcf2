#include "cli/mirror_file.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "specs/repo_url.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MIRROR_FILE_MAX = 64 << 10 };

static json_t *read_json(const char *repos, const char *name)
{
    auto_free char *path = xasprintf("%s/%s/mirror.json", repos, name);
    auto_free char *text = NULL;
    struct error err = {0};
    size_t len;

    return file_read(AT_FDCWD, path, MIRROR_FILE_MAX, &text, &len, &err) < 0
               ? NULL
               : json_loadb(text, len, 0, NULL);
}

static bool is_about(const json_t *json, const char *url)
{
    const char *text = json_string_value(json_object_get(json, "url"));
    auto_done(repo_url) parsed = {0};
    struct error err = {0};

    return text != NULL && repo_url_parse(text, &parsed, &err) == 0 &&
           strcmp(parsed.canonical, url) == 0;
}

static void copy_text(char *to, size_t size, const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));

    snprintf(to, size, "%s", text != NULL ? text : "");
}

static void take(const json_t *json, struct mirror_file *ret_file)
{
    const json_t *failure = json_object_get(json, "failure");
    const char *fetched = json_string_value(json_object_get(json, "fetchTime"));

    *ret_file = (struct mirror_file){
        .fetched_wall_ms = json_integer_value(json_object_get(json, "fetchedAtMs")),
        .failed_wall_ms = json_integer_value(json_object_get(failure, "atMs")),
    };
    if (ret_file->fetched_wall_ms == 0 && fetched != NULL) { /* as an older controller wrote it */
        timestamp_parse(fetched, &ret_file->fetched_wall_ms);
    }
    copy_text(ret_file->reason, sizeof(ret_file->reason), failure, "reason");
    copy_text(ret_file->message, sizeof(ret_file->message), failure, "message");
}

int mirror_file_read(const char *state_dir, const char *url, struct mirror_file *ret_file)
{
    auto_free char *repos = path_join(state_dir, "repos");
    DIR *dir = url != NULL ? opendir(repos) : NULL;
    struct dirent *item;
    int result = -1;

    while (dir != NULL && result < 0 && (item = readdir(dir)) != NULL) {
        json_auto_t *json = item->d_name[0] != '.' ? read_json(repos, item->d_name) : NULL;

        if (is_about(json, url)) {
            take(json, ret_file);
            result = 0;
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return result;
}
