#include "clients/docker_types.h"

#include "base/memory.h"
#include "base/parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The versions that Berth speaks; the newest is the last whose changes were looked through. */

static char *copy_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return xstrdup(text != NULL ? text : "");
}

static bool has_podman(const json_t *components)
{
    size_t i;
    json_t *component;

    json_array_foreach(components, i, component) {
        const char *name = json_string_value(json_object_get(component, "Name"));

        if (name != NULL && text_has_prefix(name, "Podman")) {
            return true;
        }
    }
    return false;
}

int docker_parse_engine(const json_t *json, struct docker_engine *ret, struct error *err)
{
    auto_done(docker_engine) engine = {
        .version = copy_text(json, "Version"),
        .api_version = copy_text(json, "ApiVersion"),
        .min_api_version = copy_text(json, "MinAPIVersion"),
        .os = copy_text(json, "Os"),
        .arch = copy_text(json, "Arch"),
        .is_podman = has_podman(json_object_get(json, "Components")),
    };

    if (engine.api_version[0] == '\0') {
        return error_set_reason(err, ERROR_TRANSIENT, "EngineUnavailable",
                                "the engine does not say which API version it speaks; is it a "
                                "Docker Engine?");
    }
    *ret = engine;
    engine = (struct docker_engine){0};
    return 0;
}

void docker_engine_done(struct docker_engine *engine)
{
    free(engine->version);
    free(engine->api_version);
    free(engine->min_api_version);
    free(engine->os);
    free(engine->arch);
    *engine = (struct docker_engine){0};
}

/* "1.41": both numbers below 1000; -1 when it is no such thing. */
static int parse_version(const char *text, unsigned *ret_major, unsigned *ret_minor)
{
    const char *dot = strchr(text, '.');
    uint64_t major, minor;

    if (dot == NULL) {
        return -1;
    }
    auto_free char *major_text = xstrndup(text, (size_t)(dot - text));

    if (parse_u64(major_text, &major) < 0 || parse_u64(dot + 1, &minor) < 0 || major > 999 ||
        minor > 999) {
        return -1;
    }
    *ret_major = (unsigned)major;
    *ret_minor = (unsigned)minor;
    return 0;
}

static int refuse(const struct docker_engine *engine, struct error *err)
{
    return error_set_reason(
        err, ERROR_INVALID, "EngineUnavailable",
        "the engine (version %.64s) speaks API %.16s to %.16s, Berth %d.%d to "
        "%d.%d; use a Docker Engine of version 20.10 or newer, or a newer Berth",
        engine->version, engine->min_api_version, engine->api_version, DOCKER_API_MAJOR,
        DOCKER_API_OLDEST_MINOR, DOCKER_API_MAJOR, DOCKER_API_NEWEST_MINOR);
}

int docker_negotiate(const struct docker_engine *engine, char ret_version[DOCKER_API_SIZE],
                     struct error *err)
{
    unsigned major, minor, min_major = 0, min_minor = 0;

    if (parse_version(engine->api_version, &major, &minor) < 0 || major < DOCKER_API_MAJOR ||
        (major == DOCKER_API_MAJOR && minor < DOCKER_API_OLDEST_MINOR)) {
        return refuse(engine, err);
    }
    /* an engine that does not tell its oldest is taken to have none */
    if (parse_version(engine->min_api_version, &min_major, &min_minor) == 0 &&
        (min_major > DOCKER_API_MAJOR ||
         (min_major == DOCKER_API_MAJOR && min_minor > DOCKER_API_NEWEST_MINOR))) {
        return refuse(engine, err);
    }
    if (major > DOCKER_API_MAJOR || minor > DOCKER_API_NEWEST_MINOR) {
        minor = DOCKER_API_NEWEST_MINOR;
    }
    snprintf(ret_version, DOCKER_API_SIZE, "%d.%u", DOCKER_API_MAJOR, minor);
    return 0;
}
