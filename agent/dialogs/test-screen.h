/* SPDX-License-Identifier: Apache-2.0 */
/* A screen in memory for the models of the dialogs: what stands in each control, what a person
 * answers, what was asked and told. */
#pragma once

#include "dialogs/dialog.h"
#include "engine/fake.h"

#define IDS 400

struct screen {
    struct dialog_ui ui; /* first */
    const struct dialog *d;
    struct win *w;
    bool on[IDS], enabled[IDS];
    char *text[IDS];
    bool answer, closed;
    unsigned answers; /* how often that answer is given, then No; 0: always */
    char asked[1024], told[1024];
};

/* NULL with *e held when the dialog cannot load its settings. */
struct screen *screen_open(const struct dialog *d, struct fake *f, struct err *e);
/* One that can; the test fails otherwise. */
struct screen *screen_new(const struct dialog *d, struct fake *f);
void screen_free(struct screen *s);

/* The number of the control with that label, '&' not counted; of the first one of a kind. */
int screen_id(const struct dialog *d, const char *label);
int screen_edit(const struct dialog *d, enum dialog_kind kind);
/* A person's click: radio buttons of one group exclude each other. */
void screen_click(struct screen *s, const char *label);
