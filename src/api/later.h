/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers that come later. A handler that must wait takes one (its answer so far moves into it),
 * starts the work, sets c->later and returns 0; the work's end writes the rest and calls
 * api_later_end or api_later_fail, once. The listener puts the connection aside meanwhile. */
#pragma once

#include "dispatch.h"
#include "xml.h"

struct api_later {
    const char *action, *resource;
    struct xml body; /* the answer so far; the end of the work writes here */
    struct api_out out;
    bool done, orphan;
    void (*wake)(void *userdata);
    void *userdata;
};

/* Takes the answer that c has begun. */
struct api_later *api_later_new(struct api_call *c);
/* When the work did not start: gives the answer back. */
void api_later_cancel(struct api_call *c, struct api_later *l);
void api_later_end(struct api_later *l);
void api_later_fail(struct api_later *l, const struct err *why);

/* For who sends the answer: true and *out (api_out_done) when it is there, and l is gone. */
bool api_later_take(struct api_later *l, struct api_out *out);
/* wake is called once, at the end of the work. */
void api_later_wait(struct api_later *l, void (*wake)(void *userdata), void *userdata);
/* Nobody waits any more; l is freed at the end of the work. */
void api_later_forget(struct api_later *l);
