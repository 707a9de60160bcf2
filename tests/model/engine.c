#include "tests/model/engine.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/strbuf.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

enum { CALL_TIMEOUT_S = 60 };

void engine_open(struct engine *engine, const char *url)
{
    *engine = (struct engine){.curl = curl_easy_init()};
    if (strncmp(url, "unix://", strlen("unix://")) == 0) {
        engine->socket = xstrdup(url + strlen("unix://"));
        engine->base = xstrdup("http://engine");
    } else {
        engine->base = xasprintf("http://%s", url + strlen("tcp://"));
    }
}

void engine_close(struct engine *engine)
{
    curl_easy_cleanup(engine->curl);
    free(engine->socket);
    free(engine->base);
    *engine = (struct engine){0};
}

static size_t on_bytes(char *bytes, size_t size, size_t count, void *user)
{
    return strbuf_append(user, bytes, size * count) < 0 ? 0 : size * count;
}

long engine_call(struct engine *engine, const char *method, const char *path, const json_t *body,
                 json_t **ret_reply)
{
    auto_free char *url = xasprintf("%s/v1.41%s", engine->base, path);
    auto_free char *text = body != NULL ? json_dumps(body, 0) : NULL;
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    auto_done(strbuf) reply = {0};
    long status = 0;

    curl_easy_reset(engine->curl);
    curl_easy_setopt(engine->curl, CURLOPT_URL, url);
    curl_easy_setopt(engine->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(engine->curl, CURLOPT_TIMEOUT, (long)CALL_TIMEOUT_S);
    curl_easy_setopt(engine->curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(engine->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(engine->curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(engine->curl, CURLOPT_WRITEDATA, &reply);
    if (engine->socket != NULL) {
        curl_easy_setopt(engine->curl, CURLOPT_UNIX_SOCKET_PATH, engine->socket);
    }
    if (strcmp(method, "POST") == 0) {
        curl_easy_setopt(engine->curl, CURLOPT_POSTFIELDS, text != NULL ? text : "");
    }
    if (curl_easy_perform(engine->curl) == CURLE_OK) {
        curl_easy_getinfo(engine->curl, CURLINFO_RESPONSE_CODE, &status);
    }
    curl_slist_free_all(headers);
    if (ret_reply != NULL) {
        *ret_reply = json_loadb(strbuf_text(&reply), reply.len, 0, NULL);
    }
    return status;
}

json_t *engine_containers(struct engine *engine)
{
    json_auto_t *list = NULL;
    json_t *all = json_array(), *item;
    size_t i;

    if (engine_call(engine, "GET", "/containers/json?all=1", NULL, &list) != 200) {
        json_decref(all);
        return NULL;
    }
    json_array_foreach(list, i, item) {
        auto_free char *path = xasprintf("/containers/%s/json", engine_text(item, "Id"));
        json_t *container = NULL;

        if (engine_call(engine, "GET", path, NULL, &container) == 200) {
            json_array_append_new(all, container);
        } else {
            json_decref(container);
        }
    }
    return all;
}

json_t *engine_networks(struct engine *engine)
{
    json_t *list = NULL;

    if (engine_call(engine, "GET", "/networks", NULL, &list) != 200) {
        json_decref(list);
        return NULL;
    }
    return list;
}

const json_t *engine_field(const json_t *object, const char *path)
{
    auto_free char *copy = xstrdup(path);
    char *rest = copy, *word;

    while (object != NULL && (word = strsep(&rest, ".")) != NULL) {
        object = json_is_array(object) ? json_array_get(object, strtoul(word, NULL, 10))
                                       : json_object_get(object, word);
    }
    return object;
}

const char *engine_text(const json_t *object, const char *path)
{
    const char *text = json_string_value(engine_field(object, path));

    return text != NULL ? text : "";
}
