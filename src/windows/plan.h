/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an action does, one row for each thing: the same rows are printed by --dry-run and written
 * by --report. An action does its work on a copy-on-write layer and adds a row as it goes; a dry
 * run is the same run whose layer is dropped, so plan and deed cannot differ. */
#pragma once

#include <jansson.h>

#include "str.h"

#define WIN_PLAN_ROWS_MAX 20000

enum win_row_status {
    WIN_ROW_DONE,    /* changed (dry run: would be) */
    WIN_ROW_KEPT,    /* looked at, right already or deliberately left */
    WIN_ROW_CANNOT,  /* cannot be done offline; what says who does it instead */
    WIN_ROW_WARNING, /* somebody should know */
    WIN_ROW_STATUS_MAX
};
const char *win_row_status_name(enum win_row_status s); /* "done", "kept", "cannot", "warning" */

struct win_plan;

struct win_plan *win_plan_new(void); /* aborts without memory */
void win_plan_free(struct win_plan *p);
DEFINE_FREEP(win_plan_free, struct win_plan);

/* Texts are copied, UTF-8, shown as given: no secrets. what: "computer name"; where: the file or
 * "SYSTEM\\ControlSet001\\..."; before, after: NULL when there is none. A failure to grow is kept
 * inside and told by win_plan_check(). */
void win_plan_add(struct win_plan *p, enum win_row_status status, const char *what,
                  const char *where, const char *before, const char *after);
/* The same with a formatted "after". */
void win_plan_addf(struct win_plan *p, enum win_row_status status, const char *what,
                   const char *where, const char *before, const char *fmt, ...) PRINTF_LIKE(6, 7);
int win_plan_check(const struct win_plan *p, struct err *e);
size_t win_plan_count(const struct win_plan *p, enum win_row_status status);

/* [{"what":..,"where":..,"before":..,"after":..,"status":..}]; NULL without memory. */
json_t *win_plan_json(const struct win_plan *p);
/* The same rows for people, from the JSON: dry: "would". */
void win_plan_text(struct str *s, const json_t *rows, bool dry);
