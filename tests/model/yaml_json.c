#include "tests/model/yaml_json.h"

#include <stdbool.h>
#include <stdio.h>
#include <yaml.h>

static json_t *node_to_json(yaml_document_t *document, int index)
{
    yaml_node_t *node = yaml_document_get_node(document, index);
    json_t *json = NULL;

    if (node == NULL) {
        return json_null();
    }
    switch (node->type) {
    case YAML_SCALAR_NODE:
        return json_stringn((const char *)node->data.scalar.value, node->data.scalar.length);
    case YAML_SEQUENCE_NODE:
        json = json_array();
        for (yaml_node_item_t *item = node->data.sequence.items.start;
             item < node->data.sequence.items.top; item++) {
            json_array_append_new(json, node_to_json(document, *item));
        }
        return json;
    case YAML_MAPPING_NODE:
        json = json_object();
        for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
             pair < node->data.mapping.pairs.top; pair++) {
            yaml_node_t *key = yaml_document_get_node(document, pair->key);

            if (key != NULL && key->type == YAML_SCALAR_NODE) {
                json_object_set_new(json, (const char *)key->data.scalar.value,
                                    node_to_json(document, pair->value));
            }
        }
        return json;
    case YAML_NO_NODE: break;
    }
    return json_null();
}

json_t *yaml_json_read(const char *path)
{
    FILE *file = fopen(path, "re");
    json_t *documents = json_array();
    yaml_parser_t parser;
    bool is_over = false;

    if (file == NULL) {
        json_decref(documents);
        return NULL;
    }
    yaml_parser_initialize(&parser);
    yaml_parser_set_input_file(&parser, file);
    while (!is_over) {
        yaml_document_t document;

        if (!yaml_parser_load(&parser, &document)) {
            json_decref(documents);
            documents = NULL;
            break;
        }
        is_over = yaml_document_get_root_node(&document) == NULL;
        if (!is_over) {
            json_array_append_new(documents, node_to_json(&document, 1));
        }
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
    fclose(file);
    return documents;
}
