/* question.c - what every question to the store does: opens it, selects, asks, prints. */
#include "cli/cli.h"

int question_run(struct question *q, question_ask *ask, struct err *err)
{
    int rc = store_of(q->cli, STORE_READ, NULL, &q->store, err);
    if (rc == 0)
        rc = selection_of(q->cli, q->store, &q->sel, err);
    if (rc == 0)
        rc = ask(q, err);
    if (rc == 0)
        answer_print(q->cli, q->answer, &q->view);
    json_decref(q->answer);
    selection_release(&q->sel);
    store_close(q->store);
    return rc != 0 ? rc : q->nothing;
}
