#include "cli/jsonpath_parts.h"

#include "base/memory.h"

#include <stdlib.h>

static void path_done(struct path *path);

static void step_done(struct step *step)
{
    free(step->name);
    for (size_t i = 0; i < step->count; i++) {
        step_done(&step->parts[i]);
    }
    free(step->parts);
    if (step->filter != NULL) {
        json_decref(step->filter->left.literal);
        json_decref(step->filter->right.literal);
        path_done(&step->filter->left.path);
        path_done(&step->filter->right.path);
        free(step->filter);
    }
}

static void path_done(struct path *path)
{
    for (size_t i = 0; i < path->count; i++) {
        step_done(&path->steps[i]);
    }
    free(path->steps);
}

void jsonpath_free(struct jsonpath *path)
{
    if (path == NULL) {
        return;
    }
    for (size_t i = 0; i < path->count; i++) {
        free(path->nodes[i].text);
        path_done(&path->nodes[i].path);
    }
    free(path->nodes);
    free(path);
}

struct step *path_add_step(struct path *path, enum step_kind kind)
{
    array_grow(&path->steps, path->count, &path->capacity, sizeof(*path->steps));
    path->steps[path->count] = (struct step){.kind = kind};
    return &path->steps[path->count++];
}

struct step *step_add_part(struct step *step, enum step_kind kind)
{
    array_grow(&step->parts, step->count, &step->capacity, sizeof(*step->parts));
    step->parts[step->count] = (struct step){.kind = kind};
    return &step->parts[step->count++];
}

struct node *jsonpath_add_node(struct jsonpath *result, enum node_kind kind)
{
    array_grow(&result->nodes, result->count, &result->capacity, sizeof(*result->nodes));
    result->nodes[result->count] = (struct node){.kind = kind};
    return &result->nodes[result->count++];
}
