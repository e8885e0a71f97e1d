/* plot.c - a timeline as rows of bars, one row a series, over one axis of time. Bars are Unicode
 * eighths (U+2581 to U+2588), or ASCII of growing weight where the locale isn't UTF-8. */
#include "cli/cli.h"

enum { NAME_LEAST = 4, NAME_MOST = 32, TICK = 14 };

struct plot {
    const struct screen *screen;
    size_t name_wide, count_wide;
    size_t steps;   /* of the answer */
    size_t columns; /* of the plot */
    int64_t from_us;
    double step_s;
};

static void series_name(const json_t *series, struct buf *out)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)series, key, value) {
        if (strcmp(key, "counts") == 0 || strcmp(key, "total") == 0)
            continue;
        if (json_is_string(value))
            escape_terminal(out, str_make(json_string_value(value), json_string_length(value)));
        else if (json_is_integer(value))
            buf_printf(out, "%lld", (long long)json_integer_value(value));
        else
            buf_char(out, '-');
        return;
    }
    buf_str(out, STR("all"));
}

/* The counts of the steps that share a column. */
static double column_of(const struct plot *p, const json_t *counts, size_t column)
{
    size_t from = column * p->steps / p->columns, to = (column + 1) * p->steps / p->columns;
    double sum = 0;
    for (size_t i = from; i < to; i++)
        sum += json_number_value(json_array_get(counts, i));
    return sum;
}

static double total_of(const json_t *counts)
{
    double sum = 0;
    for (size_t i = 0; i < json_array_size(counts); i++)
        sum += json_number_value(json_array_get(counts, i));
    return sum;
}

/* Each row has its own scale: a quiet stream's rise counts as much as a loud one's. */
static void bar(const struct plot *p, double value, double most, struct buf *out)
{
    static const char *const blocks[] = {"·", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const ascii[] = {" ", ".", ":", "-", "=", "+", "*", "#", "@"};
    size_t level = 0;
    if (value > 0 && most > 0)
        level = 1 + (size_t)(value / most * 7.999);
    level = level > 8 ? 8 : level;
    buf_str(out, str_of(p->screen->utf8 ? blocks[level] : ascii[level]));
}

/* Columns before the bars: name, total, highest. */
static size_t left_of(const struct plot *p)
{
    return p->name_wide + 2 * p->count_wide + 6;
}

static void fit(const struct screen *screen, struct plot *p)
{
    size_t left = left_of(p);
    size_t room = (size_t)screen->width > left + 10 ? (size_t)screen->width - left : 10;
    p->columns = p->steps < room ? p->steps : room;
}

static void measure(const json_t *all, struct plot *p)
{
    size_t i = 0;
    json_t *series = NULL;
    p->count_wide = 5;
    json_array_foreach((json_t *)all, i, series) {
        struct buf name = {0};
        char number[32];
        const json_t *counts = json_object_get(series, "counts");
        series_name(series, &name);
        size_t wide = text_columns(buf_as_str(&name));
        p->name_wide = wide > p->name_wide ? wide : p->name_wide;
        size_t digits = (size_t)snprintf(number, sizeof number, "%.0f", total_of(counts));
        p->count_wide = digits > p->count_wide ? digits : p->count_wide;
        p->steps = json_array_size(counts) > p->steps ? json_array_size(counts) : p->steps;
        buf_release(&name);
    }
    p->name_wide = p->name_wide < NAME_MOST ? p->name_wide : NAME_MOST;
    p->name_wide = p->name_wide > NAME_LEAST ? p->name_wide : NAME_LEAST;
    fit(p->screen, p);
}

static void put_name(struct buf *out, struct str name, size_t wide)
{
    size_t columns = 0;
    for (size_t i = 0; i < name.n; i++) {
        bool starts = ((unsigned char)name.p[i] & 0xc0) != 0x80;
        if (starts && columns == wide)
            break;
        columns += starts;
        buf_char(out, name.p[i]);
    }
    for (; columns < wide; columns++)
        buf_char(out, ' ');
}

static void row(const struct plot *p, const json_t *series, struct buf *out)
{
    struct buf name = {0};
    const json_t *counts = json_object_get(series, "counts");
    double most = 0;
    for (size_t c = 0; c < p->columns; c++)
        most = column_of(p, counts, c) > most ? column_of(p, counts, c) : most;
    series_name(series, &name);
    put_name(out, buf_as_str(&name), p->name_wide);
    buf_release(&name);
    buf_printf(out, "  %*.0f  %*.0f  ", (int)p->count_wide, total_of(counts), (int)p->count_wide,
               most);
    if (p->screen->colour)
        buf_str(out, STR("\033[31m"));
    for (size_t c = 0; c < p->columns; c++)
        bar(p, column_of(p, counts, c), most, out);
    buf_str(out, p->screen->colour ? STR("\033[0m\n") : STR("\n"));
}

static void head(const struct plot *p, struct buf *out)
{
    put_name(out, STR(""), p->name_wide);
    buf_printf(out, "  %*s  %*s\n", (int)p->count_wide, "total", (int)p->count_wide, "most");
}

/* "04:10:00" under every so many columns; the day once, in front. */
static void axis(const struct plot *p, struct buf *out)
{
    char time[CIVIL_TEXT];
    struct buf line = {0};
    civil_format(p->from_us, time);
    put_name(out, str_make(time, 10), left_of(p));
    for (size_t c = 0; c + 8 <= p->columns || c == 0; c += TICK) {
        double at_s = (double)(c * p->steps / p->columns) * p->step_s;
        civil_format(p->from_us + (int64_t)(at_s * 1e6), time);
        while (line.n < c)
            buf_char(&line, ' ');
        buf_add(&line, time + 11, 8);
    }
    buf_str(out, buf_as_str(&line));
    buf_char(out, '\n');
    buf_release(&line);
}

void plot_timeline(const struct cli *cli, json_t *answer, struct buf *out)
{
    const json_t *all = json_object_get(answer, "series");
    struct plot p = {.screen = &cli->screen,
                     .step_s = json_number_value(json_object_get(answer, "step_s"))};
    struct err err = {0};
    measure(all, &p);
    if (!p.steps) {
        buf_str(out, STR("no events\n"));
        return;
    }
    (void)time_parse(NULL, str_of(json_text(answer, "from")), cli->now_us, &p.from_us, &err);
    size_t i = 0;
    json_t *series = NULL;
    head(&p, out);
    json_array_foreach((json_t *)all, i, series) row(&p, series, out);
    axis(&p, out);
    buf_printf(out, "one column is %.3g s; each row has its own scale\n",
               p.step_s * (double)p.steps / (double)p.columns);
}
