/* screen.c - the terminal: what it can show, colours, progress; and the one way to standard output
 * and standard error. */
#include "cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool locale_is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"}; /* as POSIX ranks them */
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct str value = str_of(getenv(names[i]));
        if (value.n)
            return str_ifind(value, STR("utf-8"), 0) >= 0 || str_ifind(value, STR("utf8"), 0) >= 0;
    }
    return false;
}

static int width_of(bool terminal)
{
    struct winsize size;
    if (terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20)
        return size.ws_col;
    int64_t columns = str_number(str_of(getenv("COLUMNS")), 1000);
    return columns >= 20 ? (int)columns : 100;
}

struct screen screen_of(void)
{
    struct screen screen = {.terminal = isatty(STDOUT_FILENO) == 1, .utf8 = locale_is_utf8()};
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    screen.colour = screen.terminal && !(no_colour && *no_colour) && term &&
                    strcmp(term, "dumb") != 0;
    screen.width = width_of(screen.terminal);
    return screen;
}

void paint(struct buf *out, const struct screen *screen, enum paint how, struct str text)
{
    static const char *const codes[] = {"1", "2", "31", "33", "32"};
    if (screen->colour)
        buf_printf(out, "\033[%sm", codes[how]);
    escape_terminal(out, text);
    if (screen->colour)
        buf_str(out, STR("\033[0m"));
}

size_t text_columns(struct str escaped)
{
    size_t columns = 0;
    for (size_t i = 0; i < escaped.n; i++)
        columns += ((unsigned char)escaped.p[i] & 0xc0) != 0x80;
    return columns;
}

static void output_failed(void)
{
    if (errno == EPIPE)
        _exit(0); /* `| head` has what it wanted */
    complain("standard output: %s; free some space or write elsewhere", strerror(errno));
    _exit(3);
}

void out_write(struct str bytes)
{
    if (bytes.n && fwrite(bytes.p, 1, bytes.n, stdout) != bytes.n)
        output_failed();
}

void out_flush(void)
{
    if (fflush(stdout) != 0)
        output_failed();
}

void complain(const char *format, ...)
{
    struct err line = {0};
    va_list args;
    va_start(args, format);
    vsnprintf(line.text, sizeof line.text, format, args);
    va_end(args);
    struct buf safe = {0};
    buf_str(&safe, STR("tlstrail: "));
    escape_terminal(&safe, str_of(line.text));
    buf_char(&safe, '\n');
    fwrite(safe.p, 1, safe.n, stderr);
    buf_release(&safe);
}

volatile int stop_flag;

static void stop(int signal_number)
{
    (void)signal_number;
    stop_flag = 1;
}

void stop_on_signals(void)
{
    struct sigaction action = {.sa_handler = stop, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* ---- progress ---- */

void progress_begin(struct progress *p, const char *what)
{
    *p = (struct progress){.wanted = isatty(STDERR_FILENO) == 1,
                           .start_us = civil_now_us(),
                           .what = what};
}

static void draw_bar(const struct progress *p, uint64_t done, uint64_t total, uint64_t events)
{
    enum { WIDE = 30 };
    double seconds = (double)(civil_now_us() - p->start_us) / 1e6;
    double mb = (double)done / 1e6;
    fprintf(stderr, "\r\033[K%s ", p->what);
    if (total >= done && total > 0) {
        double part = (double)done / (double)total;
        int full = (int)(part * WIDE);
        fprintf(stderr, "[%.*s%*s] %3.0f%% ", full, "##############################", WIDE - full,
                "", part * 100);
        if (part > 0.02)
            fprintf(stderr, "%.0f s left ", seconds / part - seconds);
    }
    fprintf(stderr, "%.1f MB, %.1f MB/s, %llu events", mb, seconds > 0 ? mb / seconds : 0,
            (unsigned long long)events);
    fflush(stderr);
}

void progress_draw(struct progress *p, uint64_t done, uint64_t total, uint64_t events)
{
    int64_t now_us = civil_now_us();
    if (!p->wanted || now_us - p->start_us < US_PER_S || now_us - p->drawn_us < US_PER_S / 10)
        return;
    draw_bar(p, done, total, events);
    p->drawn_us = now_us;
    p->shown = true;
}

void progress_end(struct progress *p)
{
    if (p->shown)
        fputs("\r\033[K", stderr);
    p->shown = false;
}
