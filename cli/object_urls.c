#include "cli/object_urls.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "cli/documents.h"

#include <string.h>

enum { PORT_OF_HTTPS = 443, OTHER_PORT_OF_HTTPS = 8443 };

char *engine_host_of(const char *address)
{
    static const char prefix[] = "tcp://";
    const char *host, *end;

    if (address == NULL || !text_has_prefix(address, prefix)) {
        return NULL;
    }
    host = address + strlen(prefix);
    if (host[0] == '[') {
        end = strchr(host, ']');
        return end != NULL ? xstrndup(host + 1, (size_t)(end - host - 1)) : NULL;
    }
    return xstrndup(host, strcspn(host, ":/"));
}

static bool is_any_address(const char *ip)
{
    return ip == NULL || ip[0] == '\0' || strcmp(ip, "0.0.0.0") == 0 || strcmp(ip, "::") == 0;
}

static bool speaks_https(const json_t *port)
{
    const char *name = document_text(port, "name");
    json_int_t number = json_integer_value(json_object_get(port, "containerPort"));

    return (name != NULL && text_has_prefix(name, "https")) || number == PORT_OF_HTTPS ||
           number == OTHER_PORT_OF_HTTPS;
}

static json_t *url_of(const json_t *port, const char *engine_host)
{
    const char *ip = document_text(port, "hostIP");
    json_int_t number = json_integer_value(json_object_get(port, "hostPort"));

    if (is_any_address(ip)) {
        ip = engine_host != NULL ? engine_host : "127.0.0.1";
    }
    return json_sprintf(strchr(ip, ':') != NULL ? "%s://[%s]:%lld/" : "%s://%s:%lld/",
                        speaks_https(port) ? "https" : "http", ip, (long long)number);
}

json_t *object_urls(const json_t *document, const char *engine_host)
{
    const json_t *status = document_status(document);
    const json_t *own = json_object_get(json_object_get(status, "task"), "ports");
    json_t *urls = json_array();
    size_t index;
    json_t *port;

    json_array_foreach(own != NULL ? own : json_object_get(status, "ports"), index, port) {
        const char *name = document_text(port, "name");

        if (json_integer_value(json_object_get(port, "hostPort")) > 0 &&
            !text_equal(document_text(port, "protocol"), "UDP")) {
            json_array_append_new(urls, json_pack("{s:s, s:o}", "name", name != NULL ? name : "",
                                                  "url", url_of(port, engine_host)));
        }
    }
    return urls;
}
