/*
 * Repository URLs: what is taken has a canonical form that is its own canonical form, a valid
 * container name, and nothing in it that git or a shell could take for an option or YAML for an end
 * of line; what is refused has a reason in one clean line.
 */
#include "base/memory.h"
#include "base/parse.h"
#include "specs/reason.h"
#include "specs/repo_url.h"
#include "specs/spec_file.h"
#include "specs/types.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void check_canonical(const struct repo_url *url)
{
    auto_free char *text = strcmp(url->scheme, "file") == 0
                               ? xstrdup(url->canonical)
                               : xasprintf("%s://%s", url->scheme, url->canonical);
    auto_done(repo_url) again = {0};
    struct error err = {0};

    if (text_has_suffix(url->canonical, ".git")) {
        return; /* of "/r.git.git": only one is taken off at a time */
    }
    assert(repo_url_parse(text, &again, &err) == 0);
    assert(strcmp(again.canonical, url->canonical) == 0);
}

/* As the settings of a repository that no spec is about are made. */
static void check_in_quotes(const char *text)
{
    auto_free char *spec =
        xasprintf("apiVersion: berth.dev/v1\nkind: Repository\nmetadata: {name: x}\n"
                  "spec: {url: \"%s\"}\n",
                  text);
    auto_owned(spec_file) *file = spec_file_parse("x.yaml", spec, strlen(spec));

    assert(file->count == 1 && file->documents[0].object != NULL);
    assert(strcmp(file->documents[0].object->repository.url, text) == 0);
}

static void check_url(const struct repo_url *url, const char *text)
{
    char name[REPO_CONTAINER_NAME_SIZE];

    assert(strcmp(url->text, text) == 0);
    assert(url->path[0] == '/' && strstr(url->path, "/../") == NULL);
    assert(url->host[0] != '-' && url->text[0] != '-' && strstr(url->path, "/-") == NULL);
    assert((url->host[0] == '\0') == (strcmp(url->scheme, "file") == 0));
    assert(url->owner[0] != '\0' && url->name[0] != '\0');
    assert(strpbrk(url->canonical, " \t\r\n?#\\") == NULL);
    assert(object_name_is_valid(repo_url_container_name(url, name)));
    assert(object_name_is_valid(repo_url_branch_container_name(url, text, name)));
    check_canonical(url);
    check_in_quotes(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *text = xmalloc(size + 1);
    auto_done(repo_url) url = {0};
    struct error err = {0};

    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    if (repo_url_parse(text, &url, &err) == 0) {
        check_url(&url, text);
        return 0;
    }
    assert(err.kind == ERROR_INVALID && strcmp(err.reason, REASON_INVALID_URL) == 0);
    assert(err.message[0] != '\0' && text_is_clean_utf8(err.message, strlen(err.message)));
    assert(strpbrk(err.message, "\r\n\t") == NULL);
    return 0;
}
