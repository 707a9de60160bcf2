#include "tests/support/fake_engine/memory_world.h"

#include "base/memory.h"
#include "base/parse.h"
#include "base/sha256.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_tag(const struct image *image, const char *tag)
{
    size_t i;
    json_t *value;

    json_array_foreach(image->tags, i, value) {
        if (strcmp(json_string_value(value), tag) == 0) {
            return true;
        }
    }
    return false;
}

/* "busybox" is "busybox:latest"; the caller's to free. */
static char *full_name(const char *name)
{
    const char *slash = strrchr(name, '/');
    bool has = strchr(slash != NULL ? slash : name, ':') != NULL;

    return xasprintf("%s%s", name, has ? "" : ":latest");
}

struct image *find_image(struct memory *memory, const char *name)
{
    auto_free char *full = full_name(name);
    const char *id = text_has_prefix(name, "sha256:") ? name + strlen("sha256:") : name;

    for (struct map_entry *at = map_first(&memory->images); at != NULL; at = map_next(at)) {
        struct image *image = map_value(at);

        if (has_tag(image, full) ||
            (strlen(id) >= 12 && strncmp(image->id + strlen("sha256:"), id, strlen(id)) == 0)) {
            return image;
        }
    }
    return NULL;
}

static struct image *need_image(struct memory *memory, struct call *call, const char *name)
{
    struct image *image = find_image(memory, name);

    if (image == NULL) {
        auto_free char *full = full_name(name);

        reply_message(call, 404, "No such image: %s", full);
    }
    return image;
}

void image_free(struct image *image)
{
    json_decref(image->tags);
    json_decref(image->config);
    free(image);
}

/* --- making one --- */

static void untag(struct memory *memory, const char *tag)
{
    for (struct map_entry *at = map_first(&memory->images); at != NULL; at = map_next(at)) {
        struct image *image = map_value(at);

        for (size_t i = json_array_size(image->tags); i-- > 0;) {
            if (strcmp(json_string_value(json_array_get(image->tags, i)), tag) == 0) {
                json_array_remove(image->tags, i);
            }
        }
    }
}

/* The same content is the same image; the tag moves to it. config: taken. */
static struct image *image_make(struct memory *memory, const char *tag, json_t *config,
                                const void *content, size_t len, const char *action)
{
    auto_free char *text = json_dumps(config, JSON_COMPACT | JSON_SORT_KEYS);
    char digest[ID_SIZE];
    auto_free char *seed = NULL;
    char id[ID_SIZE + 8];
    struct image *image;

    sha256_hex(content, len, digest);
    seed = xasprintf("%s%s", digest, text);
    sha256_hex(seed, strlen(seed), digest);
    snprintf(id, sizeof(id), "sha256:%s", digest);
    image = map_get(&memory->images, id);
    if (image == NULL) {
        image = xcalloc(1, sizeof(*image));
        memcpy(image->id, id, sizeof(id));
        image->tags = json_array();
        image->config = json_incref(config);
        image->created_ns = wall_ns();
        map_put(&memory->images, image->id, image);
    }
    json_decref(config);
    if (tag[0] != '\0') {
        untag(memory, tag);
        json_array_append_new(image->tags, json_string(tag));
    }
    emit_event(memory, "image", action, tag[0] != '\0' ? tag : image->id,
               json_pack("{s:s}", "name", tag));
    return image;
}

/* "KEY=value" or "KEY value", of which there may be several; quotes around a value go. */
static void add_label(json_t *config, const char *text)
{
    size_t key_len = strcspn(text, "= ");
    auto_free char *key = xstrndup(text, key_len);
    const char *value = text + key_len + (text[key_len] != '\0');
    size_t len = strlen(value);
    json_t *labels = json_object_get(config, "Labels");

    if (labels == NULL) {
        labels = json_object();
        json_object_set_new(config, "Labels", labels);
    }
    if (len >= 2 && value[0] == '"' && value[len - 1] == '"') {
        value++;
        len -= 2;
    }
    json_object_set_new(labels, key, json_stringn(value, len));
}

/* A line of a Dockerfile. */
static void apply_change(json_t *config, const char *line)
{
    static const struct {
        const char *word, *key;
    } texts[] = {{"USER ", "User"}, {"WORKDIR ", "WorkingDir"}},
      lists[] = {{"CMD ", "Cmd"}, {"ENTRYPOINT ", "Entrypoint"}};

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        if (text_has_prefix(line, texts[i].word)) {
            json_object_set_new(config, texts[i].key, json_string(line + strlen(texts[i].word)));
        }
        if (text_has_prefix(line, lists[i].word)) {
            const char *words = line + strlen(lists[i].word);
            json_t *list = json_loads(words, 0, NULL);

            json_object_set_new(config, lists[i].key,
                                list != NULL ? list
                                             : json_pack("[s, s, s]", "/bin/sh", "-c", words));
        }
    }
    if (text_has_prefix(line, "LABEL ")) {
        add_label(config, line + strlen("LABEL "));
    }
}

/* All "changes" of the query, each with as many lines as it has. */
static json_t *config_of_changes(const struct call *call)
{
    json_t *config = json_object();

    for (const char *at = call->query; at != NULL && *at != '\0'; at = strchr(at, '&')) {
        at += *at == '&';
        if (text_has_prefix(at, "changes=")) {
            const char *value = at + strlen("changes=");
            auto_free char *text = call_decode(value, strcspn(value, "&"));
            char *rest = NULL;

            for (char *line = strtok_r(text, "\n", &rest); line != NULL;
                 line = strtok_r(NULL, "\n", &rest)) {
                apply_change(config, line);
            }
        }
    }
    return config;
}

static char *tag_of_query(const struct call *call, const char *repository_key)
{
    auto_free char *repository = call_parameter(call, repository_key);
    auto_free char *tag = call_parameter(call, "tag");
    bool has_tag_given = tag != NULL && tag[0] != '\0';

    if (repository == NULL || repository[0] == '\0') {
        return xstrdup("");
    }
    if (!has_tag_given) {
        return full_name(repository);
    }
    return xasprintf("%s:%s", repository, tag);
}

static void stream_line(struct call *call, json_t *line)
{
    auto_free char *text = json_dumps(line, JSON_COMPACT);

    json_decref(line);
    back_end_reply_bytes(call, text, strlen(text));
    back_end_reply_bytes(call, "\r\n", 2);
}

static void import_image(struct memory *memory, struct call *call)
{
    auto_free char *tag = tag_of_query(call, "repo");
    const struct image *image = image_make(memory, tag, config_of_changes(call),
                                           strbuf_text(&call->body), call->body.len, "import");

    back_end_reply_head(call, 200, "Content-Type: application/json\r\n");
    stream_line(call, json_pack("{s:s}", "status", image->id));
    back_end_reply_end(call);
}

static void pull_image(struct memory *memory, struct call *call)
{
    auto_free char *tag = tag_of_query(call, "fromImage");

    if (strstr(tag, "missing") != NULL) {
        reply_message(call, 404,
                      "pull access denied for %s, repository does not exist or may require 'docker "
                      "login': denied: requested access to the resource is denied",
                      tag);
        return;
    }
    image_make(memory, tag, json_pack("{s:[s]}", "Cmd", "serve"), tag, strlen(tag), "pull");
    back_end_reply_head(call, 200, "Content-Type: application/json\r\n");
    stream_line(call, json_pack("{s:s, s:s}", "status", "Pulling from fake", "id", "latest"));
    stream_line(call, json_pack("{s:s}", "status", "Status: Downloaded newer image"));
    back_end_reply_end(call);
}

void make_image(struct memory *memory, struct call *call, const char *name)
{
    auto_free char *source = call_parameter(call, "fromSrc");

    (void)name;
    if (source != NULL && source[0] != '\0') {
        import_image(memory, call);
    } else {
        pull_image(memory, call);
    }
}

void commit_container(struct memory *memory, struct call *call, const char *ignored)
{
    auto_free char *name = call_parameter(call, "container");
    auto_free char *tag = tag_of_query(call, "repo");
    struct container *container = need_container(memory, call, name != NULL ? name : "");
    json_t *config;

    (void)ignored;
    if (container == NULL) {
        return;
    }
    config = json_deep_copy(container->config);
    json_object_update_new(config, config_of_changes(call));
    reply_json(call, 201,
               json_pack("{s:s}", "Id",
                         image_make(memory, tag, config, container->id, ID_SIZE, "tag")->id));
}

void tag_image(struct memory *memory, struct call *call, const char *name)
{
    struct image *image = need_image(memory, call, name);
    auto_free char *tag = tag_of_query(call, "repo");

    if (image != NULL) {
        untag(memory, tag);
        json_array_append_new(image->tags, json_string(tag));
        emit_event(memory, "image", "tag", image->id, json_pack("{s:s}", "name", tag));
        reply_status(call, 201);
    }
}

/* --- showing and removing --- */

static bool has_wanted_tag(const struct image *image, const json_t *filters)
{
    size_t i;
    json_t *value;

    json_array_foreach(image->tags, i, value) {
        auto_free char *repository = xstrdup(json_string_value(value));

        *strrchr(repository, ':') = '\0';
        if (filter_has(filters, "reference", json_string_value(value)) ||
            filter_has(filters, "reference", repository)) {
            return true;
        }
    }
    return json_object_get(filters, "reference") == NULL;
}

void list_images(struct memory *memory, struct call *call, const char *name)
{
    json_auto_t *filters = filters_of(call);
    json_t *list = json_array();

    (void)name;
    for (struct map_entry *at = map_first(&memory->images); at != NULL; at = map_next(at)) {
        const struct image *image = map_value(at);
        json_t *labels = json_object_get(image->config, "Labels");

        if (filter_fits_labels(filters, labels) && has_wanted_tag(image, filters)) {
            json_array_append_new(
                list, json_pack("{s:s, s:O, s:[], s:O?, s:I, s:i, s:s, s:i, s:i}", "Id", image->id,
                                "RepoTags", image->tags, "RepoDigests", "Labels", labels, "Created",
                                (json_int_t)(image->created_ns / 1000000000), "Size", 1000000,
                                "ParentId", "", "Containers", -1, "SharedSize", -1));
        }
    }
    reply_json(call, 200, list);
}

void inspect_image(struct memory *memory, struct call *call, const char *name)
{
    struct image *image = need_image(memory, call, name);

    if (image != NULL) {
        reply_json(call, 200,
                   json_pack("{s:s, s:O, s:[], s:O, s:o, s:s, s:s, s:i}", "Id", image->id,
                             "RepoTags", image->tags, "RepoDigests", "Config", image->config,
                             "Created", time_text(image->created_ns), "Os", "linux", "Architecture",
                             "amd64", "Size", 1000000));
    }
}

static const struct container *user_of(struct memory *memory, const struct image *image)
{
    for (struct map_entry *at = map_first(&memory->containers); at != NULL; at = map_next(at)) {
        const struct container *container = map_value(at);

        if (strcmp(container->image_id, image->id) == 0) {
            return container;
        }
    }
    return NULL;
}

void remove_image(struct memory *memory, struct call *call, const char *name)
{
    struct image *image = need_image(memory, call, name);
    const struct container *user = image != NULL ? user_of(memory, image) : NULL;
    auto_free char *full = full_name(name);
    json_t *done;

    if (image == NULL) {
        return;
    }
    if (user != NULL && json_array_size(image->tags) <= 1 && !call_has_flag(call, "force")) {
        reply_message(call, 409,
                      "conflict: unable to remove repository reference \"%s\" (must force) - "
                      "container %.12s is using its referenced image %.12s",
                      name, user->id, image->id + strlen("sha256:"));
        return;
    }
    done = json_array();
    untag(memory, full);
    json_array_append_new(done, json_pack("{s:s}", "Untagged", full));
    emit_event(memory, "image", "untag", image->id, json_pack("{s:s}", "name", image->id));
    if (json_array_size(image->tags) == 0 && user == NULL) {
        json_array_append_new(done, json_pack("{s:s}", "Deleted", image->id));
        emit_event(memory, "image", "delete", image->id, json_pack("{s:s}", "name", image->id));
        map_remove(&memory->images, image->id);
        image_free(image);
    }
    reply_json(call, 200, done);
}
