/* events.c - the events of all streams merged into one order of time.
 *
 * Each stream is read a page at a time; a page goes on behind the last event of the one before, by
 * (time, id), so that no read is open while the caller works. */
#include "query/internal.h"

#include <stdlib.h>

enum { PAGE_FIRST = 64, PAGE_MAX = 8192 };
static const size_t PAGE_BYTES = 2 * 1024 * 1024;

struct item {
    int64_t id;
    struct event event; /* texts in the page's arena */
};

struct page {
    const struct selection *sel;
    const struct slice *slice;
    struct arena arena;
    struct item *items;
    size_t n, next, want, bytes;
    struct event_query query;
    struct event_key last; /* of the page before; id 0: none */
    bool newest_first, end;
};

/* At the same time, ids rise in an ascending walk and fall in a descending one. */
static bool behind_last(const struct page *page, int64_t id, int64_t time_us)
{
    if (page->last.id == 0 || time_us != page->last.time_us)
        return true;
    return page->newest_first ? id < page->last.id : id > page->last.id;
}

static int on_event(void *context, int64_t id, const struct event *event)
{
    struct page *page = context;
    if (!behind_last(page, id, event->time_us) ||
        !selection_field_matches(page->sel, FIELD_peer, event->peer))
        return 0;
    struct item *item = &page->items[page->n++];
    *item = (struct item){.id = id, .event = *event};
    struct str *texts[] = {&item->event.host,   &item->event.peer,    &item->event.tls_version,
                           &item->event.cipher, &item->event.format,  &item->event.library,
                           &item->event.raw};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        *texts[i] = arena_copy(&page->arena, *texts[i]);
        page->bytes += texts[i]->n;
    }
    return page->n == page->want || page->bytes > PAGE_BYTES;
}

static int fill(struct store *s, struct page *page, struct err *err)
{
    if (page->n) {
        page->last.time_us = page->items[page->n - 1].event.time_us;
        page->last.id = page->items[page->n - 1].id;
        *(page->newest_first ? &page->query.until_us : &page->query.from_us) =
            page->last.time_us + (page->newest_first ? 1 : 0);
        page->want = page->want * 2 < PAGE_MAX ? page->want * 2 : PAGE_MAX;
    }
    arena_reset(&page->arena);
    page->n = page->next = page->bytes = 0;
    page->items = xrealloc(page->items, page->want * sizeof *page->items);
    if (page->end)
        return 0;
    if (store_events(s, page->slice->stream, &page->query, on_event, page, err) != 0)
        return err_wrap(err, "stream %.*s", STR_ARG(page->slice->stream));
    page->end = page->n < page->want && page->bytes <= PAGE_BYTES;
    return 0;
}

/* The page whose next event comes first; NULL when all are read. */
static struct page *first_page(struct page *pages, size_t n, bool newest_first)
{
    struct page *best = NULL;
    for (size_t i = 0; i < n; i++) {
        struct page *page = &pages[i];
        if (page->next == page->n)
            continue;
        int64_t time_us = page->items[page->next].event.time_us;
        int64_t best_us = best ? best->items[best->next].event.time_us : 0;
        if (!best || (newest_first ? time_us > best_us : time_us < best_us))
            best = page;
    }
    return best;
}

static int merge(struct store *s, struct page *pages, size_t n, query_event *visit, void *context,
                 struct err *err)
{
    uint64_t left = n && pages[0].sel->limit ? pages[0].sel->limit : UINT64_MAX;
    bool newest_first = n && pages[0].newest_first;
    for (size_t i = 0; i < n; i++)
        if (fill(s, &pages[i], err) != 0)
            return err->code;
    for (struct page *page; left > 0 && (page = first_page(pages, n, newest_first)); left--) {
        const struct item *item = &page->items[page->next++];
        if (visit(context, page->slice->stream, item->id, &item->event) != 0)
            return 0;
        if (page->next == page->n && fill(s, page, err) != 0)
            return err->code;
    }
    return 0;
}

int query_events(struct store *s, const struct selection *sel, bool newest_first,
                 query_event *visit, void *context, struct err *err)
{
    struct arena arena = {0};
    struct slice *slices = NULL;
    size_t n = 0, used = 0;
    if (slices_open(s, sel, &arena, &slices, &n, err) != 0) {
        arena_release(&arena);
        return err->code;
    }
    struct page *pages = xcalloc(n, sizeof *pages);
    for (size_t i = 0; i < n; i++) {
        if (slices[i].n_wanted == 0)
            continue;
        pages[used++] = (struct page){
            .sel = sel,
            .slice = &slices[i],
            .want = PAGE_FIRST,
            .newest_first = newest_first,
            .query = slice_query(&slices[i], sel->since_us == TIME_NONE ? INT64_MIN : sel->since_us,
                                 sel->until_us == TIME_NONE ? INT64_MAX : sel->until_us)};
        pages[used - 1].query.newest_first = newest_first;
        pages[used - 1].query.want_raw = true;
    }
    int rc = merge(s, pages, used, visit, context, err);
    for (size_t i = 0; i < used; i++) {
        arena_release(&pages[i].arena);
        free(pages[i].items);
    }
    free(pages);
    arena_release(&arena);
    return rc;
}
