#include "specs/yaml_own.h"
#include "specs/yaml_reader.h"
#include "specs/yaml_scalar.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static json_t *number_to_json(const char *text, bool is_integer)
{
    double real;

    if (is_integer) {
        bool is_octal = text[0] == '0' && text[1] == 'o', is_hex = text[0] == '0' && text[1] == 'x';
        int base = is_octal ? 8 : is_hex ? 16 : 10;
        long long integer;

        errno = 0;
        integer = strtoll(is_octal || is_hex ? text + 2 : text, NULL, base);
        if (errno == 0) {
            return json_integer(integer);
        }
    }
    real = strtod(text, NULL);
    return isfinite(real) ? json_real(real) : json_string(text);
}

static json_t *scalar_to_json(const struct yaml_node *node)
{
    switch (node->is_plain ? yaml_meaning_1_2(node->text) : YAML_TEXT) {
    case YAML_NULL: return json_null();
    case YAML_BOOLEAN: return json_boolean(node->text[0] == 't' || node->text[0] == 'T');
    case YAML_INTEGER: return number_to_json(node->text, true);
    case YAML_FLOAT: return number_to_json(node->text, false);
    case YAML_TEXT: break;
    }
    return json_string(node->text);
}

json_t *yaml_node_to_json(const struct yaml_node *node)
{
    json_t *json;

    switch (node->type) {
    case YAML_NODE_LIST:
        json = json_array();
        for (size_t i = 0; i < node->count; i++) {
            json_array_append_new(json, yaml_node_to_json(node->items[i]));
        }
        return json;
    case YAML_NODE_MAP:
        json = json_object();
        for (size_t i = 0; i + 1 < node->count; i += 2) {
            json_object_set_new(json, node->items[i]->text, yaml_node_to_json(node->items[i + 1]));
        }
        return json;
    case YAML_NODE_SCALAR: break;
    }
    return scalar_to_json(node);
}

json_t *yaml_documents_read(const char *text, size_t len)
{
    json_t *documents = yaml_own_read(text, len);
    auto_owned(yaml_stream) *stream = NULL;

    if (documents != NULL) {
        return documents;
    }
    documents = json_array();
    stream = yaml_stream_parse_own(text, len);
    for (size_t i = 0; i < stream->count; i++) {
        json_array_append_new(documents, yaml_node_to_json(stream->documents[i]));
    }
    return documents;
}
