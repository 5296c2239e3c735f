/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FIELD_MAX 1024 /* a row is for people; what is longer is cut */

static const char *const status_names[WIN_ROW_STATUS_MAX] = { "done", "kept", "cannot", "warning" };

struct win_plan {
    json_t *rows;
    size_t count[WIN_ROW_STATUS_MAX];
    int failed; /* sticky: 0, -E2BIG or -ENOMEM */
};

const char *win_row_status_name(enum win_row_status s)
{
    return s < WIN_ROW_STATUS_MAX ? status_names[s] : "?";
}

struct win_plan *win_plan_new(void)
{
    struct win_plan *p = xcalloc(1, sizeof *p);

    p->rows = json_array();
    if (!p->rows)
        p->failed = -ENOMEM;
    return p;
}

void win_plan_free(struct win_plan *p)
{
    if (!p)
        return;
    json_decref(p->rows);
    free(p);
}

/* JSON wants UTF-8; a name on a disk may be anything. */
static json_t *text_or_null(const char *text)
{
    char buf[FIELD_MAX];
    json_t *j;

    if (!text)
        return json_null();
    j = strlen(text) < FIELD_MAX ? json_string(text) : NULL;
    return j ? j : json_string_nocheck(str_show(text, buf, sizeof buf));
}

void win_plan_add(struct win_plan *p, enum win_row_status status, const char *what,
                  const char *where, const char *before, const char *after)
{
    json_t *row;

    if (p->failed)
        return;
    if (json_array_size(p->rows) >= WIN_PLAN_ROWS_MAX) {
        p->failed = -E2BIG;
        return;
    }
    row = json_pack("{s:s, s:o, s:o, s:o, s:o}", "status", win_row_status_name(status), "what",
                    text_or_null(what), "where", text_or_null(where), "before",
                    text_or_null(before), "after", text_or_null(after));
    if (!row || json_array_append_new(p->rows, row) < 0)
        p->failed = -ENOMEM;
    else
        p->count[status]++;
}

void win_plan_addf(struct win_plan *p, enum win_row_status status, const char *what,
                   const char *where, const char *before, const char *fmt, ...)
{
    char after[FIELD_MAX];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(after, sizeof after, fmt, ap);
    va_end(ap);
    win_plan_add(p, status, what, where, before, after);
}

int win_plan_check(const struct win_plan *p, struct err *e)
{
    if (p->failed == -E2BIG)
        return err_set(e, E2BIG, ERR_LIMIT, "the plan has more than %d rows", WIN_PLAN_ROWS_MAX);
    return p->failed ? err_oom(e) : 0;
}

size_t win_plan_count(const struct win_plan *p, enum win_row_status status)
{
    return status < WIN_ROW_STATUS_MAX ? p->count[status] : 0;
}

json_t *win_plan_json(const struct win_plan *p)
{
    return json_deep_copy(p->rows);
}

/* ---- for people ------------------------------------------------------------------------------ */

static const char *field(const json_t *row, const char *name)
{
    const char *text = json_string_value(json_object_get(row, name));

    return text ? text : "";
}

/* "done" is the only word that a dry run may not say. */
static const char *shown_status(const char *status, bool dry)
{
    return dry && strcmp(status, "done") == 0 ? "would" : status;
}

static void add_row(struct str *s, const json_t *row, bool dry)
{
    const char *before = field(row, "before"), *after = field(row, "after");

    str_addf(s, "%-8s %s", shown_status(field(row, "status"), dry), field(row, "what"));
    if (*before && *after)
        str_addf(s, ": %s -> %s", before, after);
    else if (*after)
        str_addf(s, ": %s", after);
    else if (*before)
        str_addf(s, ": was %s", before);
    str_addc(s, '\n');
    if (*field(row, "where"))
        str_addf(s, "         %s\n", field(row, "where"));
}

void win_plan_text(struct str *s, const json_t *rows, bool dry)
{
    size_t i;
    json_t *row;

    json_array_foreach ((json_t *)rows, i, row)
        add_row(s, row, dry);
}
