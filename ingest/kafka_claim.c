/* kafka_claim.c - which store reads which records of a partition, kept by the group in Kafka itself.
 *
 * Stores don't share files, so a consumer that takes over a partition can't see what the one before
 * has stored behind the last commit. So a store first claims records, in the text beside the group's
 * offset, and hands them to its pipeline only then; whoever comes next starts behind the claim, and
 * the claim stays there for the store that made it. The broker takes commits from members of the
 * current generation alone: a consumer that was thrown out can't claim any more.
 *
 *   text = "1 " ID " " TO (" " ID ":" FROM "-" TO)*       the owner's claim is from the offset to TO;
 *                                                         the others are what earlier owners left */
#include "ingest/kafka_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static struct str word(struct str *rest)
{
    while (rest->n && rest->p[0] == ' ')
        *rest = str_from(*rest, 1);
    ptrdiff_t end = str_findc(*rest, ' ', 0);
    struct str w = str_head(*rest, end < 0 ? rest->n : (size_t)end);
    *rest = str_from(*rest, w.n);
    return w;
}

static bool id_read(struct str s, char out[STORE_ID_LEN + 1])
{
    if (s.n != STORE_ID_LEN)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
            return false;
    memcpy(out, s.p, STORE_ID_LEN);
    out[STORE_ID_LEN] = '\0';
    return true;
}

/* ID:FROM-TO */
static bool left_read(struct str s, struct claim *out)
{
    if (s.n < STORE_ID_LEN + 4 || s.p[STORE_ID_LEN] != ':' ||
        !id_read(str_head(s, STORE_ID_LEN), out->id))
        return false;
    s = str_from(s, STORE_ID_LEN + 1);
    ptrdiff_t dash = str_findc(s, '-', 0);
    if (dash <= 0)
        return false;
    out->range.from = str_number(str_head(s, (size_t)dash), INT64_MAX);
    out->range.to = str_number(str_from(s, (size_t)dash + 1), INT64_MAX);
    return out->range.from >= 0 && out->range.to > out->range.from;
}

bool claims_read(struct str text, int64_t offset, struct claims *out)
{
    *out = (struct claims){0};
    if (!str_eq(word(&text), STR("1")) || !id_read(word(&text), out->owner.id))
        return false;
    out->owner.range = (struct range){offset, str_number(word(&text), INT64_MAX)};
    if (out->owner.range.to < offset)
        out->owner.range.to = offset;
    struct str w;
    while ((w = word(&text)).n > 0 && out->n_left < CLAIMS_MAX)
        if (left_read(w, &out->left[out->n_left]))
            out->n_left++;
    return true;
}

char *claims_text(const struct claims *claims)
{
    struct buf out = {0};
    buf_printf(&out, "1 %s %" PRId64, claims->owner.id, claims->owner.range.to);
    for (size_t i = 0; i < claims->n_left; i++)
        buf_printf(&out, " %s:%" PRId64 "-%" PRId64, claims->left[i].id, claims->left[i].range.from,
                   claims->left[i].range.to);
    char *text = str_dup(buf_as_str(&out));
    buf_release(&out);
    return text;
}

void claims_leave(struct claims *claims, const struct claim *claim)
{
    if (claims->n_left == CLAIMS_MAX)
        memmove(claims->left, claims->left + 1, --claims->n_left * sizeof *claims->left);
    claims->left[claims->n_left++] = *claim;
}

void claims_drop(struct claims *claims, const char *id, int64_t below)
{
    size_t kept = 0;
    for (size_t i = 0; i < claims->n_left; i++) {
        const struct claim *c = &claims->left[i];
        if (id ? strcmp(c->id, id) != 0 : c->range.to > below)
            claims->left[kept++] = *c;
    }
    claims->n_left = kept;
}
