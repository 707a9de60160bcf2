/*
 * A spec file from anybody. Each document has an object or errors, never both and never neither;
 * each error has a place, a known reason and one clean line; the same text gives the same hashes;
 * and an object that is written out as YAML is read as the same object.
 */
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "specs/reason.h"
#include "specs/schema.h"
#include "specs/spec_file.h"
#include "specs/yaml_writer.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void check_line(const char *text)
{
    assert(text_is_clean_utf8(text, strlen(text)));
    assert(strpbrk(text, "\r\n\t") == NULL);
}

static void check_errors(const struct spec_error *errors, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert(errors[i].message[0] != '\0');
        assert((errors[i].line == 0) == (errors[i].column == 0));
        assert(reason_find(errors[i].reason) != NULL);
        check_line(errors[i].message);
        check_line(errors[i].path);
    }
}

static void check_rewritten(const struct object *object)
{
    json_auto_t *json = schema_object_to_json(object);
    auto_done(strbuf) text = {0};
    struct spec_file *file;

    assert(yaml_write(&text, json) == 0);
    file = spec_file_parse("rewritten.yaml", strbuf_text(&text), text.len);
    assert(file->count == 1 && file->documents[0].object != NULL);
    assert(strcmp(file->documents[0].object->hash, object->hash) == 0);
    assert(strcmp(file->documents[0].object->container_hash, object->container_hash) == 0);
    assert(strcmp(file->documents[0].object->field_hashes, object->field_hashes) == 0);
    spec_file_free(file);
}

static void check_document(const struct spec_document *document)
{
    assert((document->object != NULL) == (document->error_count == 0));
    assert(document->line > 0 && document->column > 0);
    check_errors(document->errors, document->error_count);
    for (size_t i = 0; i < document->error_count; i++) {
        assert(document->errors[i].line >= document->line);
        assert(i == 0 || document->errors[i].line >= document->errors[i - 1].line);
    }
    if (document->object != NULL) {
        assert(object_name_is_valid(document->object->name));
        assert(strcmp(document->name, document->object->name) == 0);
        check_rewritten(document->object);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_owned(spec_file) *file = spec_file_parse("fuzz.yaml", (const char *)data, size);
    auto_owned(spec_file) *again = spec_file_parse("fuzz.yaml", (const char *)data, size);

    assert(file->is_complete || file->error_count > 0);
    assert(again->count == file->count && again->error_count == file->error_count);
    check_errors(file->errors, file->error_count);
    for (size_t i = 0; i < file->count; i++) {
        check_document(&file->documents[i]);
        assert(again->documents[i].error_count == file->documents[i].error_count);
        if (file->documents[i].object != NULL) {
            assert(strcmp(again->documents[i].object->hash, file->documents[i].object->hash) == 0);
        }
    }
    return 0;
}
