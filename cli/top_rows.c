#include "cli/top_rows.h"

#include "base/memory.h"
#include "base/parse.h"
#include "cli/documents.h"
#include "cli/table.h"
#include "specs/status.h"
#include "specs/types.h"

#include <stdlib.h>
#include <string.h>

void top_rows_done(struct top_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        free(rows->items[i].kind);
        free(rows->items[i].name);
        free(rows->items[i].container);
        free(rows->items[i].pool);
    }
    free(rows->items);
    *rows = (struct top_rows){0};
}

/* --- which ------------------------------------------------------------------------------------ */

static const json_t *part(const json_t *document, const char *key)
{
    return json_object_get(document_status(document), key);
}

static struct top_row *add(struct top_rows *rows, const char *kind, const char *name,
                           const char *container)
{
    array_grow(&rows->items, rows->count, &rows->capacity, sizeof(*rows->items));
    rows->items[rows->count] = (struct top_row){
        .kind = xstrdup(kind),
        .name = xstrdup(name != NULL ? name : ""),
        .container = xstrdup_or_null(container),
        .cores = -1,
    };
    return &rows->items[rows->count++];
}

static bool is_active(const json_t *task)
{
    const char *phase = document_phase(task);

    return text_equal(phase, phase_name(PHASE_TASK_RUNNING)) ||
           text_equal(phase, phase_name(PHASE_PREPARING));
}

/* Active tasks whose status.task has that text at the key. */
static size_t count_tasks(const json_t *documents, const char *key, const char *text)
{
    size_t count = 0, index;
    json_t *document;

    json_array_foreach(documents, index, document) {
        const json_t *task = part(document, "task");

        count += task != NULL && text != NULL && text_equal(document_text(task, key), text) &&
                 is_active(document);
    }
    return count;
}

static bool has_container(const struct top_rows *rows, const char *container)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (text_equal(rows->items[i].container, container) &&
            strcmp(rows->items[i].kind, kind_name(KIND_TASK)) != 0) {
            return true;
        }
    }
    return false;
}

/* Nothing in particular was asked for. */
static bool is_open(const struct get_selection *selection)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (selection->kinds[i]) {
            return false;
        }
    }
    return selection->count == 0;
}

static void add_branches(struct top_rows *rows, const json_t *document, bool is_shown)
{
    size_t index;
    json_t *branch;

    json_array_foreach(json_object_get(part(document, "repository"), "branches"), index, branch) {
        const char *container = document_text(branch, "container");

        if (container != NULL) {
            struct top_row *row = add(rows, "Container", container, container);

            row->is_shown = is_shown;
            row->pool = xstrdup_or_null(document_text(part(document, "repository"), "pool"));
        }
    }
}

static void add_document(struct top_rows *rows, const json_t *document,
                         const struct get_selection *selection)
{
    const char *kind = document_kind(document), *container;
    const json_t *facts = part(document, "repository");
    bool is_task = text_equal(kind, kind_name(KIND_TASK));
    bool is_pool = text_equal(kind, kind_name(KIND_INSTANCE_POOL));
    struct top_row *row;

    if (part(document, "phase") == NULL || kind == NULL) {
        return;
    }
    container = is_task && is_active(document)
                    ? document_text(part(document, "task"), "repositoryContainer")
                    : document_text(part(document, "container"), "name");
    row = add(rows, kind, document_name(document), container);
    row->pool = xstrdup_or_null(is_task         ? NULL
                                : facts != NULL ? document_text(facts, "pool")
                                                : document_text(document, "pool"));
    row->is_shown = get_selects(selection, document) &&
                    (!is_open(selection) || (container != NULL && !is_task && !is_pool));
    if (facts != NULL) {
        add_branches(rows, document, get_selects(selection, document));
    }
}

/* Containers of repositories that have no object are known from the tasks in them. */
static void add_of_task(struct top_rows *rows, const json_t *document,
                        const struct get_selection *selection)
{
    const json_t *task = part(document, "task");
    const char *container = document_text(task, "repositoryContainer");

    if (is_active(document) && container != NULL && !has_container(rows, container)) {
        struct top_row *row = add(rows, "Container", container, container);

        row->is_shown =
            is_open(selection) || (selection->count == 0 && selection->kinds[KIND_REPOSITORY]);
        row->pool = xstrdup_or_null(document_text(task, "pool"));
    }
}

void top_rows_find(struct top_rows *rows, const json_t *documents,
                   const struct get_selection *selection)
{
    size_t index;
    json_t *document;

    json_array_foreach(documents, index, document) {
        add_document(rows, document, selection);
    }
    json_array_foreach(documents, index, document) {
        add_of_task(rows, document, selection);
    }
    for (size_t i = 0; i < rows->count; i++) {
        struct top_row *row = &rows->items[i];

        if (strcmp(row->kind, kind_name(KIND_INSTANCE)) == 0) {
            row->tasks = count_tasks(documents, "instance", row->name);
        } else if (strcmp(row->kind, kind_name(KIND_INSTANCE_POOL)) == 0) {
            row->tasks = count_tasks(documents, "pool", row->name);
        } else {
            row->tasks = count_tasks(documents, "repositoryContainer", row->container);
        }
    }
}

/* --- figures ---------------------------------------------------------------------------------- */

static void add_to_pool(struct top_row *pool, const struct top_row *row)
{
    if (!text_equal(row->pool, pool->name) || !row->after.is_running) {
        return;
    }
    pool->after.is_running = true;
    pool->after.memory_bytes += row->after.memory_bytes;
    if (row->cores >= 0) {
        pool->cores = (pool->cores > 0 ? pool->cores : 0) + row->cores;
    }
}

void top_rows_add_up(struct top_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        rows->items[i].cores = usage_cores(&rows->items[i].before, &rows->items[i].after);
    }
    for (size_t i = 0; i < rows->count; i++) {
        struct top_row *pool = &rows->items[i];

        if (strcmp(pool->kind, kind_name(KIND_INSTANCE_POOL)) == 0) {
            pool->after = (struct usage_sample){0};
            for (size_t j = 0; j < rows->count; j++) {
                add_to_pool(pool, &rows->items[j]);
            }
        }
    }
}

static int by_cpu(const void *left, const void *right)
{
    const struct top_row *a = left, *b = right;

    return a->cores > b->cores ? -1 : a->cores < b->cores ? 1 : strcmp(a->name, b->name);
}

static int by_memory(const void *left, const void *right)
{
    uint64_t a = ((const struct top_row *)left)->after.memory_bytes;
    uint64_t b = ((const struct top_row *)right)->after.memory_bytes;

    return a > b   ? -1
           : a < b ? 1
                   : strcmp(((const struct top_row *)left)->name,
                            ((const struct top_row *)right)->name);
}

void top_rows_sort(struct top_rows *rows, enum top_order order)
{
    if (order != TOP_BY_FILE && rows->count > 0) {
        qsort(rows->items, rows->count, sizeof(*rows->items),
              order == TOP_BY_CPU ? by_cpu : by_memory);
    }
}

static void add_figures(struct table *table, const struct top_row *row)
{
    const struct usage_sample *now = &row->after;
    auto_free char *cpu = row->cores >= 0 ? xasprintf("%.1f%%", row->cores * 100) : NULL;
    auto_free char *share =
        now->is_running && now->limit_bytes > 0
            ? xasprintf("%.1f%%", (double)now->memory_bytes * 100 / (double)now->limit_bytes)
            : NULL;
    char memory[USAGE_TEXT_SIZE], limit[USAGE_TEXT_SIZE];

    table_add(table, cpu);
    table_add(table, now->is_running ? usage_bytes_text(now->memory_bytes, memory) : NULL);
    table_add(table, now->is_running && now->limit_bytes > 0
                         ? usage_bytes_text(now->limit_bytes, limit)
                         : NULL);
    table_add(table, share);
}

void top_rows_print(const struct top_rows *rows, const char *kind, bool has_headers, FILE *out)
{
    static const char *const titles[] = {"NAME", "CPU",   "MEMORY",   "LIMIT",
                                         "MEM%", "TASKS", "CONTAINER"};
    auto_done(table) table = {0};

    table_init(&table, ARRAY_SIZE(titles));
    for (size_t i = 0; i < ARRAY_SIZE(titles) && has_headers; i++) {
        table_add(&table, titles[i]);
    }
    for (size_t i = 0; i < rows->count; i++) {
        const struct top_row *row = &rows->items[i];
        json_auto_t *like =
            json_pack("{s:s, s:{s:s}}", "kind", row->kind, "metadata", "name", row->name);
        auto_free char *spelling = document_spelling(like);
        auto_free char *tasks = xasprintf("%zu", row->tasks);

        if (row->is_shown) {
            table_add(&table, text_equal(row->kind, kind) ? row->name : spelling);
            add_figures(&table, row);
            table_add(&table, tasks);
            table_add(&table, row->container);
        }
    }
    table_print(&table, out);
}

json_t *top_rows_to_json(const struct top_rows *rows)
{
    json_t *items = json_array();

    for (size_t i = 0; i < rows->count; i++) {
        const struct top_row *row = &rows->items[i];
        json_t *item;

        if (!row->is_shown) {
            continue;
        }
        item = json_pack("{s:s, s:s, s:I}", "kind", row->kind, "name", row->name, "tasks",
                         (json_int_t)row->tasks);
        if (row->container != NULL) {
            json_object_set_new(item, "container", json_string(row->container));
        }
        if (row->cores >= 0) {
            json_object_set_new(item, "cpuCores", json_real(row->cores));
        }
        if (row->after.is_running) {
            json_object_set_new(item, "memoryBytes",
                                json_integer((json_int_t)row->after.memory_bytes));
        }
        if (row->after.is_running && row->after.limit_bytes > 0) {
            json_object_set_new(item, "memoryLimitBytes",
                                json_integer((json_int_t)row->after.limit_bytes));
        }
        json_array_append_new(items, item);
    }
    return json_pack("{s:o}", "items", items);
}
