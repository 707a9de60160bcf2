/*
 * A devcontainer.json from a repository of anybody's. It has errors or is good; each error has a
 * place and one clean line; what is named is one clean line; and what is taken can stand in a
 * Repository: applied to one that says nothing, it gives an object that is valid when it is
 * written out and read again.
 */
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "specs/devcontainer.h"
#include "specs/reason.h"
#include "specs/schema.h"
#include "specs/yaml_writer.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char repository[] = "{apiVersion: berth.dev/v1, kind: Repository,"
                                 " metadata: {name: r}, spec: {url: 'https://h/o/r'}}";

static void check_line(const char *text)
{
    assert(text_is_clean_utf8(text, strlen(text)));
    assert(strpbrk(text, "\r\n\t") == NULL);
}

static void check_errors(const struct devcontainer *devcontainer)
{
    for (size_t i = 0; i < devcontainer->error_count; i++) {
        const struct spec_error *error = &devcontainer->errors[i];

        assert(error->message[0] != '\0' && (error->line == 0) == (error->column == 0));
        assert(i == 0 || error->line >= devcontainer->errors[i - 1].line);
        assert(strcmp(error->reason, REASON_INVALID_DEVCONTAINER) == 0);
        check_line(error->message);
        check_line(error->path);
    }
}

static void check_rewritten(const struct object *object)
{
    json_auto_t *json = schema_object_to_json(object);
    auto_owned(spec_file) *file = NULL;
    auto_done(strbuf) text = {0};

    assert(yaml_write(&text, json) == 0);
    file = spec_file_parse("rewritten.yaml", strbuf_text(&text), text.len);
    assert(file->count == 1 && file->documents[0].object != NULL);
    if (object->repository.user == NULL) {
        assert(strcmp(file->documents[0].object->hash, object->hash) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_owned(devcontainer) *devcontainer = devcontainer_parse((const char *)data, size);
    auto_owned(spec_file) *file = NULL;
    struct object *filled;

    check_errors(devcontainer);
    for (size_t i = 0; i < devcontainer->unsupported.count; i++) {
        assert(devcontainer->unsupported.items[i] != NULL);
        check_line(devcontainer->unsupported.items[i]);
    }
    if (devcontainer->error_count > 0) {
        return 0;
    }
    file = spec_file_parse("r.yaml", repository, sizeof(repository) - 1);
    filled = devcontainer_apply(devcontainer, file->documents[0].object);
    check_rewritten(filled);
    object_unref(filled);
    return 0;
}
