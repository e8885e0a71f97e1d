/* playbook.h - playbook.yaml as it stands in the file: what failures mean and what to do. */
#ifndef QUERY_PLAYBOOK_H
#define QUERY_PLAYBOOK_H

/* The kinds of hop, as playbook.yaml names them. */
enum hop { HOP_any, HOP_edge, HOP_lb, HOP_proxy, HOP_mesh, HOP_app, HOP_COUNT };

/* Absent scalars are NULL. */
struct playbook_reason {
    char *reason, *leg, *by, *meaning, *look_at;
    char **fix, **next, **next_client;
    unsigned fix_count, next_count, next_client_count;
};

struct playbook_fix {
    char *what, *as;
    char *text[HOP_COUNT]; /* by hop; NULL: as for any */
    char *other;
};

struct playbook_command {
    char *id, *what, *run; /* an id in `commands`; a what, or none, elsewhere */
};

struct playbook_hop {
    char *hop, **words, *owner;
    struct playbook_command *next;
    unsigned words_count, next_count;
};

struct playbook_setting {
    char *what, *as, *set;
};

struct playbook_product {
    char *product, *hop, **formats, **libraries, *port, *starttls;
    struct playbook_setting *settings;
    struct playbook_command *next;
    unsigned formats_count, libraries_count, settings_count, next_count;
};

struct playbook {
    struct playbook_reason *reasons;
    struct playbook_command *commands;
    struct playbook_fix *fixes;
    struct playbook_hop *hops;
    struct playbook_product *products;
    unsigned reasons_count, commands_count, fixes_count, hops_count, products_count;
};

/* The built-in one, read at the first call; any thread. */
const struct playbook *playbook(void);

#endif
