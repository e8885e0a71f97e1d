/* table.c - answers as tables, CSV and JSON. Every cell passes base/escape.h on its way out. */
#include "cli/cli.h"

#include <stdlib.h>

enum { COLUMNS_MAX = 24 };

const char *json_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static void cell_text(const json_t *value, struct buf *out)
{
    if (json_is_string(value))
        buf_add(out, json_string_value(value), json_string_length(value));
    else if (json_is_integer(value))
        buf_printf(out, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        buf_printf(out, "%.4g", json_real_value(value));
    else if (json_is_boolean(value))
        buf_str(out, json_is_true(value) ? STR("yes") : STR("no"));
    else if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            if (i)
                buf_str(out, STR(", "));
            cell_text(json_array_get(value, i), out);
        }
    }
}

static void terminal_cell(const json_t *row, const char *key, struct buf *out)
{
    struct buf text = {0};
    const json_t *value = json_object_get(row, key);
    if (strcmp(key, "p_value") == 0 && json_is_number(value) && json_number_value(value) < 1e-12)
        buf_str(&text, STR("<1e-12"));
    else
        cell_text(value, &text);
    escape_terminal(out, text.n ? buf_as_str(&text) : STR("-"));
    buf_release(&text);
}

static void pad(struct buf *out, size_t n)
{
    while (n--)
        buf_char(out, ' ');
}

static void put_cell(struct buf *out, struct str text, const struct column *column, size_t wide)
{
    size_t columns = text_columns(text), blank = wide > columns ? wide - columns : 0;
    if (column->right)
        pad(out, blank);
    buf_str(out, text);
    if (!column->right)
        pad(out, blank);
}

static void trim_line(struct buf *out)
{
    while (out->n && out->p[out->n - 1] == ' ')
        out->n--;
    buf_char(out, '\n');
}

static void measure(const json_t *rows, const struct column *columns, size_t n, size_t *wide)
{
    size_t i = 0;
    json_t *row = NULL;
    for (size_t c = 0; c < n; c++)
        wide[c] = strlen(columns[c].title);
    json_array_foreach((json_t *)rows, i, row) {
        for (size_t c = 0; c < n; c++) {
            struct buf cell = {0};
            terminal_cell(row, columns[c].key, &cell);
            size_t w = text_columns(buf_as_str(&cell));
            wide[c] = w > wide[c] ? w : wide[c];
            buf_release(&cell);
        }
    }
}

void table_rows(const struct screen *screen, const json_t *rows, const struct column *columns,
                size_t n, struct buf *out)
{
    size_t wide[COLUMNS_MAX] = {0}, i = 0;
    json_t *row = NULL;
    n = n < COLUMNS_MAX ? n : COLUMNS_MAX;
    measure(rows, columns, n, wide);
    struct buf head = {0};
    for (size_t c = 0; c < n; c++) {
        pad(&head, c ? 2 : 0);
        put_cell(&head, str_of(columns[c].title), &columns[c], wide[c]);
    }
    while (head.n && head.p[head.n - 1] == ' ')
        head.n--;
    paint(out, screen, PAINT_BOLD, buf_as_str(&head));
    buf_char(out, '\n');
    buf_release(&head);
    json_array_foreach((json_t *)rows, i, row) {
        for (size_t c = 0; c < n; c++) {
            struct buf cell = {0};
            terminal_cell(row, columns[c].key, &cell);
            pad(out, c ? 2 : 0);
            put_cell(out, buf_as_str(&cell), &columns[c], wide[c]);
            buf_release(&cell);
        }
        trim_line(out);
    }
}

void csv_rows(const json_t *rows, const struct column *columns, size_t n, struct buf *out)
{
    size_t i = 0;
    json_t *row = NULL;
    for (size_t c = 0; c < n; c++)
        buf_printf(out, "%s%s", c ? "," : "", columns[c].key);
    buf_str(out, STR("\r\n")); /* RFC 4180 */
    json_array_foreach((json_t *)rows, i, row) {
        for (size_t c = 0; c < n; c++) {
            struct buf cell = {0};
            const json_t *value = json_object_get(row, columns[c].key);
            cell_text(value, &cell);
            if (c)
                buf_char(out, ',');
            if (json_is_number(value)) /* -1 is a number, not a formula */
                buf_str(out, buf_as_str(&cell));
            else
                escape_csv(out, buf_as_str(&cell));
            buf_release(&cell);
        }
        buf_str(out, STR("\r\n"));
    }
}

static void json_line(const json_t *value, size_t flags, struct buf *out)
{
    char *text = json_dumps(value, JSON_ENSURE_ASCII | JSON_ENCODE_ANY | flags);
    if (text)
        buf_str(out, str_of(text));
    buf_char(out, '\n');
    free(text);
}

void answer_print(const struct cli *cli, json_t *answer, const struct view *view)
{
    struct buf out = {0};
    json_t *rows = view->key ? json_object_get(answer, view->key) : NULL;
    json_t *row = NULL;
    size_t i = 0;
    if (cli->output == OUTPUT_JSON)
        json_line(answer, cli->screen.terminal ? JSON_INDENT(2) : JSON_COMPACT, &out);
    else if (cli->output == OUTPUT_NDJSON && !rows)
        json_line(answer, JSON_COMPACT, &out);
    else if (cli->output == OUTPUT_NDJSON)
        json_array_foreach(rows, i, row) json_line(row, JSON_COMPACT, &out);
    else if (cli->output == OUTPUT_CSV)
        csv_rows(rows, view->columns, view->n_columns, &out);
    else if (view->table)
        view->table(cli, answer, &out);
    else
        table_rows(&cli->screen, rows, view->columns, view->n_columns, &out);
    out_write(buf_as_str(&out));
    buf_release(&out);
}
