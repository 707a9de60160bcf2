#include "cli/table.h"

#include "base/memory.h"
#include "base/parse.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void table_init(struct table *table, size_t columns)
{
    assert(columns > 0 && columns <= TABLE_MAX_COLUMNS);
    *table = (struct table){.columns = columns};
}

void table_done(struct table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        free(table->cells[i]);
    }
    free(table->cells);
}

void table_add(struct table *table, const char *cell)
{
    char *text = xstrdup(cell != NULL && cell[0] != '\0' ? cell : "-");

    text_make_clean_line(text, strlen(text)); /* it goes to a terminal */
    array_grow(&table->cells, table->count, &table->capacity, sizeof(*table->cells));
    table->cells[table->count++] = text;
}

/* Code points, which is near enough to columns for names, addresses and messages. */
static size_t width_of(const char *text)
{
    size_t width = 0;

    for (; *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return width;
}

void table_print(const struct table *table, FILE *out)
{
    size_t widths[TABLE_MAX_COLUMNS] = {0};

    for (size_t i = 0; i < table->count; i++) {
        size_t width = width_of(table->cells[i]);

        if (width > widths[i % table->columns]) {
            widths[i % table->columns] = width;
        }
    }
    for (size_t i = 0; i < table->count; i++) {
        size_t column = i % table->columns;

        fputs(table->cells[i], out);
        if (column + 1 == table->columns) {
            fputc('\n', out);
        } else {
            fprintf(out, "%*s", (int)(widths[column] - width_of(table->cells[i]) + 3), "");
        }
    }
}
