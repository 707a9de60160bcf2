#include "cli/tree_view.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "cli/documents.h"
#include "cli/table.h"
#include "specs/status.h"
#include "specs/types.h"

#include <string.h>

static const char container_kind[] = "Container", selected_key[] = "selected";

/* All borrowed: roots own their children. */
struct tree {
    json_t *roots;
    json_t *nodes;                            /* "Kind/name" -> node */
    json_t *repository_containers, *with_url; /* of Repositories: container, URL -> node */
};

/* --- nodes ------------------------------------------------------------------------------------ */

static json_t *find_node(const struct tree *tree, const char *kind, const char *name)
{
    auto_free char *key = NULL;

    if (kind == NULL || name == NULL) {
        return NULL;
    }
    key = xasprintf("%s/%s", kind, name);
    return json_object_get(tree->nodes, key);
}

static void put_text(json_t *node, const char *key, const char *text)
{
    if (text != NULL && text[0] != '\0') {
        json_object_set_new(node, key, json_string(text));
    }
}

/* All nodes, also those of a second document of one name. */
static void unmark(json_t *nodes)
{
    size_t index;
    json_t *node;

    json_array_foreach(nodes, index, node) {
        json_object_del(node, selected_key);
        unmark(json_object_get(node, "children"));
    }
}

/* Below the parent; NULL: below nothing. */
static json_t *add_node(struct tree *tree, json_t *parent, const char *kind, const char *name)
{
    auto_free char *key = xasprintf("%s/%s", kind, name);
    json_t *node = json_object(), *children = json_object_get(parent, "children");

    put_text(node, "kind", kind);
    put_text(node, "name", name);
    if (parent != NULL && children == NULL) {
        children = json_array();
        json_object_set_new(parent, "children", children);
    }
    json_array_append_new(parent != NULL ? children : tree->roots, node);
    if (json_object_get(tree->nodes, key) == NULL) {
        json_object_set(tree->nodes, key, node);
    }
    return node;
}

static json_t *add_document(struct tree *tree, json_t *parent, const json_t *document,
                            const struct get_selection *selection)
{
    const char *kind = document_kind(document), *name = document_name(document);
    json_t *node = add_node(tree, parent, kind != NULL ? kind : "", name != NULL ? name : "");

    put_text(node, "phase", document_phase(document));
    put_text(node, "reason", document_reason(document));
    put_text(node, "message", document_message(document));
    if (get_selects(selection, document)) {
        json_object_set_new(node, selected_key, json_true());
    }
    return node;
}

static const json_t *part(const json_t *document, const char *key)
{
    return json_object_get(document_status(document), key);
}

/* --- where each belongs ----------------------------------------------------------------------- */

static json_t *pool_of_member(const struct tree *tree, const json_t *document)
{
    return find_node(tree, kind_name(KIND_INSTANCE_POOL), document_text(document, "pool"));
}

static json_t *instance_of(const struct tree *tree, const json_t *facts)
{
    return find_node(tree, kind_name(KIND_INSTANCE), document_text(facts, "instance"));
}

static void add_branches(struct tree *tree, json_t *repository, const json_t *document)
{
    size_t index;
    json_t *branch;

    json_array_foreach(json_object_get(part(document, "repository"), "branches"), index, branch) {
        const char *name = document_text(branch, "container");
        json_t *node;

        if (name != NULL) {
            node = add_node(tree, repository, container_kind, name);
            put_text(node, "phase", document_text(branch, "phase"));
            put_text(node, "reason", document_text(branch, "reason"));
        }
    }
}

static void add_repository(struct tree *tree, const json_t *document,
                           const struct get_selection *selection)
{
    const json_t *facts = part(document, "repository");
    const char *container = document_text(part(document, "container"), "name");
    const char *url = document_text(facts, "url");
    json_t *node = add_document(tree, instance_of(tree, facts), document, selection);

    put_text(node, "container", container);
    put_text(node, "url", url);
    if (container != NULL) {
        json_object_set(tree->repository_containers, container, node);
    }
    if (url != NULL && json_object_get(tree->with_url, url) == NULL) {
        json_object_set(tree->with_url, url, node);
    }
    add_branches(tree, node, document);
}

/* The Repository whose own container this is, or at least whose URL the task's is. */
static json_t *repository_of(const struct tree *tree, const json_t *task)
{
    const char *container = document_text(task, "repositoryContainer");
    const char *url = document_text(task, "repository");
    json_t *node =
        container != NULL ? json_object_get(tree->repository_containers, container) : NULL;

    return node != NULL || url == NULL ? node : json_object_get(tree->with_url, url);
}

static bool is_waiting_for_place(const json_t *document)
{
    const json_t *task = part(document, "task");

    return text_equal(document_phase(document), phase_name(PHASE_PENDING)) &&
           document_text(task, "pool") != NULL && document_text(task, "instance") == NULL;
}

static json_t *parent_of_task(struct tree *tree, const json_t *document)
{
    const json_t *task = part(document, "task");
    const char *container = document_text(task, "repositoryContainer");
    json_t *pool = find_node(tree, kind_name(KIND_INSTANCE_POOL), document_text(task, "pool"));
    json_t *node;

    if (pool != NULL && is_waiting_for_place(document)) {
        return pool;
    }
    node = find_node(tree, container_kind, container);
    if (node == NULL) {
        node = repository_of(tree, task);
    }
    if (node == NULL && container != NULL) {
        node = add_node(tree, instance_of(tree, task), container_kind, container);
        put_text(node, "url", document_text(task, "repository"));
    }
    return node;
}

static void add(struct tree *tree, const json_t *document, const struct get_selection *selection,
                enum kind kind)
{
    switch (kind) {
    case KIND_INSTANCE_POOL: add_document(tree, NULL, document, selection); break;
    case KIND_INSTANCE:
        add_document(tree, pool_of_member(tree, document), document, selection);
        break;
    case KIND_REPOSITORY: add_repository(tree, document, selection); break;
    case KIND_TASK: add_document(tree, parent_of_task(tree, document), document, selection); break;
    }
}

/* What is not selected, has nothing selected below and is below nothing selected goes. */
static bool prune(json_t *nodes)
{
    bool any = false;

    for (size_t i = json_array_size(nodes); i > 0; i--) {
        json_t *node = json_array_get(nodes, i - 1);
        bool is_selected = json_object_get(node, selected_key) != NULL;
        json_t *children = json_object_get(node, "children");

        if (is_selected || prune(children)) {
            any = true;
        } else {
            json_array_remove(nodes, i - 1);
        }
    }
    return any;
}

json_t *tree_view_build(const json_t *documents, const struct get_selection *selection)
{
    static const enum kind order[] = {KIND_INSTANCE_POOL, KIND_INSTANCE, KIND_REPOSITORY,
                                      KIND_TASK};
    struct tree tree = {
        .roots = json_array(),
        .nodes = json_object(),
        .repository_containers = json_object(),
        .with_url = json_object(),
    };
    size_t index;
    json_t *document;

    for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
        json_array_foreach(documents, index, document) {
            if (text_equal(document_kind(document), kind_name(order[i]))) {
                add(&tree, document, selection, order[i]);
            }
        }
    }
    json_array_foreach(documents, index, document) {
        enum kind kind;

        if (document_kind(document) == NULL || kind_from_name(document_kind(document), &kind) < 0) {
            add_document(&tree, NULL, document, selection);
        }
    }
    prune(tree.roots);
    unmark(tree.roots);
    json_decref(tree.nodes);
    json_decref(tree.repository_containers);
    json_decref(tree.with_url);
    return tree.roots;
}

/* --- lines ------------------------------------------------------------------------------------ */

struct printer {
    struct table table;
    const struct tree_look *look;
    struct strbuf prefix; /* of what is below the node at hand */
};

static void print_nodes(struct printer *printer, const json_t *nodes, bool are_roots);

static void print_node(struct printer *printer, const json_t *node, const char *branch)
{
    const char *phase = document_text(node, "phase"), *kind = document_text(node, "kind");
    json_auto_t *like = json_pack("{s:s?, s:{s:s?}}", "kind", kind, "metadata", "name",
                                  document_text(node, "name"));
    auto_free char *spelling = document_spelling(like);
    auto_free char *cell = xasprintf("%s%s%s", strbuf_text(&printer->prefix), branch, spelling);

    table_add(&printer->table, cell);
    table_add_styled(&printer->table, phase, style_of_phase(phase));
    table_add(&printer->table, document_text(node, "reason"));
    if (printer->look->is_wide) {
        table_add(&printer->table, document_text(node, "message"));
    }
}

static void print_nodes(struct printer *printer, const json_t *nodes, bool are_roots)
{
    static const char *const branches[2][2] = {{"|- ", "`- "}, {"├─ ", "└─ "}};
    static const char *const lines[2] = {"|  ", "│  "};
    size_t index, count = json_array_size(nodes);
    json_t *node;

    json_array_foreach(nodes, index, node) {
        size_t before = printer->prefix.len;
        bool is_last = index + 1 == count;

        print_node(printer, node, are_roots ? "" : branches[printer->look->is_utf8][is_last]);
        if (!are_roots) {
            strbuf_add(&printer->prefix, is_last ? "   " : lines[printer->look->is_utf8]);
        }
        print_nodes(printer, json_object_get(node, "children"), false);
        printer->prefix.len = before;
        if (printer->prefix.text != NULL) {
            printer->prefix.text[before] = '\0';
        }
    }
}

void tree_view_print(const json_t *roots, const struct tree_look *look, FILE *out)
{
    static const char *const titles[] = {"NAME", "PHASE", "REASON", "MESSAGE"};
    struct printer printer = {.look = look};
    size_t columns = look->is_wide ? 4 : 3;

    table_init(&printer.table, columns);
    printer.table.is_coloured = look->is_coloured;
    for (size_t i = 0; i < columns && !look->has_no_headers; i++) {
        table_add(&printer.table, titles[i]);
    }
    print_nodes(&printer, roots, true);
    table_print(&printer.table, out);
    table_done(&printer.table);
    strbuf_done(&printer.prefix);
}
