/* shell.h - what a transport put in front of each line, as far as joining lines needs it: two lines
 * of one writer have the same kind and id, and their inner texts tell whether they belong together.
 * (What the envelope means is the envelope packs' business.) */
#ifndef PARSERS_SHELL_H
#define PARSERS_SHELL_H

#include "base/str.h"

enum shell_kind {
    SHELL_NONE,
    SHELL_CRI,     /* 2024-05-01T12:00:00.1Z stderr F text */
    SHELL_DOCKER,  /* {"log":"text\n","stream":"stderr","time":"…"}; the text still escaped */
    SHELL_KUBECTL, /* [pod/name/container] text */
    SHELL_COMPOSE, /* name_1  | text */
    SHELL_SYSLOG,  /* <134>Jan  5 15:08:58 host tag[pid]: text; RFC 5424; ISO times */
    SHELL_ERLANG,  /* 2018-09-18 05:40:11.092 [info] <0.1101.0> text */
    SHELL_STERN,   /* pod-name container text */
    SHELL_TIMED,   /* 2025-05-09T15:44:01.975482390Z text: kubectl logs --timestamps */
};

struct shell {
    enum shell_kind kind;
    struct str id;    /* the writer, as the line spells it: compare with str_eq() */
    struct str inner; /* the line itself for SHELL_NONE */
    bool partial;     /* the transport cut here: the next line of the same writer goes on */
};

/* Looks at a bounded part of the line only. The line has no LF. */
struct shell shell_of(struct str line);

#endif
