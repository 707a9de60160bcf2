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

void table_drop_rows(struct table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        free(table->cells[i].text);
    }
    table->count = 0;
}

void table_done(struct table *table)
{
    table_drop_rows(table);
    free(table->cells);
}

void table_add_styled(struct table *table, const char *cell, enum style style)
{
    char *text = xstrdup(cell != NULL && cell[0] != '\0' ? cell : "-");

    text_make_clean_line(text, strlen(text)); /* it goes to a terminal */
    array_grow(&table->cells, table->count, &table->capacity, sizeof(*table->cells));
    table->cells[table->count++] = (struct table_cell){.text = text, .style = style};
}

void table_add(struct table *table, const char *cell)
{
    table_add_styled(table, cell, STYLE_PLAIN);
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

static void print_cell(const struct table *table, const struct table_cell *cell, FILE *out)
{
    if (table->is_coloured && cell->style != STYLE_PLAIN) {
        fprintf(out, "%s%s%s", style_begin(cell->style), cell->text, style_end(cell->style));
    } else {
        fputs(cell->text, out);
    }
}

void table_print(struct table *table, FILE *out)
{
    for (size_t i = 0; i < table->count; i++) {
        size_t width = width_of(table->cells[i].text), *widest = &table->widths[i % table->columns];

        *widest = width > *widest ? width : *widest;
    }
    for (size_t i = 0; i < table->count; i++) {
        size_t column = i % table->columns;

        print_cell(table, &table->cells[i], out);
        if (column + 1 == table->columns) {
            fputc('\n', out);
        } else {
            fprintf(out, "%*s", (int)(table->widths[column] - width_of(table->cells[i].text) + 3),
                    "");
        }
    }
}
