/* event.h - one failed TLS handshake in the normal form. No I/O, no ownership: every str borrows. */
#ifndef PARSERS_EVENT_H
#define PARSERS_EVENT_H

#include "base/civil.h"
#include "base/str.h"

enum tls_class {
    CLASS_NONE,
#define CLASS(name) CLASS_##name,
#include "parsers/reasons.def"
#undef CLASS
    CLASS_COUNT
};

enum reason {
    REASON_NONE,
#define REASON(name, class, rank) REASON_##name,
#include "parsers/reasons.def"
#undef REASON
    REASON_COUNT
};

/* downstream: the component that logged was the TLS server; upstream: it was the client. */
enum leg { LEG_NONE, LEG_downstream, LEG_upstream, LEG_COUNT };
/* local: the component's own TLS stack refused; peer: the other side did. */
enum side { SIDE_NONE, SIDE_local, SIDE_peer, SIDE_COUNT };

enum { ALERT_NONE = -1, ALERT_MAX = 255 };

struct event {
    int64_t time_us;         /* when it was logged; the moment of reading where it has no time */
    bool time_is_read;       /* time_us is the moment of reading */
    bool truncated;          /* the raw record was longer than RECORD_MAX and is cut there */
    enum reason reason;      /* the class follows from it: reason_class() */
    enum leg leg;
    enum side rejected_by;
    int alert;               /* 0..255 or ALERT_NONE */
    struct str host, peer;   /* absent: p == NULL */
    struct str tls_version, cipher;
    struct str format, library; /* ids of the packs that matched, e.g. "nginx_error", "openssl" */
    struct str raw;          /* the record as it was read, without its last LF */
};

/* Names as the taxonomy spells them; "" for NONE. Lookups return 0 (..._NONE) for none. */
const char *class_name(enum tls_class c);
const char *reason_name(enum reason r);
const char *leg_name(enum leg l);
const char *side_name(enum side s);
enum tls_class class_find(struct str name);
enum reason reason_find(struct str name);
enum leg leg_find(struct str name);
enum side side_find(struct str name);
enum tls_class reason_class(enum reason r);
int reason_rank(enum reason r);

const char *alert_name(int alert);      /* "" for a number that RFC 8446 doesn't name */
int alert_find(struct str name);        /* by name, whatever its case and separators (BadCertificate), or ALERT_NONE */
enum reason alert_reason(int alert);    /* what the alert alone tells, REASON_NONE for none */

#endif
