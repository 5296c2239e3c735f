/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records to rows and back, by their tables of columns. A row that does not fit its record is an
 * error (ERR_CORRUPT), never a shortened value. */
#include "model-priv.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "str.h"
#include "utf8.h"

#define LIST_FIRST 16

const struct table *const model_tables[] = {
    &instance_table,
    &ephemeral_table,
    &volume_table,
    &attachment_table,
    &snapshot_table,
    &image_table,
    &image_mapping_table,
    &key_pair_table,
    &import_table,
    &job_table,
    &vpc_table,
    &subnet_table,
    &group_table,
    &rule_table,
    &interface_table,
    &permission_table,
    &address_table,
    &modification_table,
    NULL,
};

const char *words_name(const struct words *w, int value)
{
    if (value < 0 || (size_t)value >= w->n || !w->names[value])
        return "?";
    return w->names[value];
}

int words_value(const struct words *w, const char *name)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->names[i] && str_eq(w->names[i], name))
            return (int)i;
    return -1;
}

void text_cut(char *dst, size_t size, const char *src)
{
    size_t len = strlen(src), used = 0;

    while (used < len) {
        uint32_t c;
        size_t n = utf8_next(src + used, len - used, &c);

        n = n ? n : 1;
        if (used + n >= size)
            break;
        used += n;
    }
    memmove(dst, src, used);
    dst[used] = '\0';
}

int row_missing(const struct table *t, const char *id, struct err *e)
{
    char shown[128];

    return err_set(e, ENOENT, ERR_NOT_FOUND, "%s%s%s", t->missing[0],
                   str_show(id, shown, sizeof shown), t->missing[1]);
}

/* ---- record to row --------------------------------------------------------------------------- */

static int bind_col(sqlite3_stmt *s, int at, const struct col *c, const char *field)
{
    union {
        uint32_t u32;
        uint64_t u64;
        int i;
        bool b;
        const char *p;
    } v = { 0 };

    if (c->kind == COL_TEXT)
        return sqlite3_bind_text(s, at, field, (int)strnlen(field, c->size), SQLITE_STATIC);
    assert(c->size <= sizeof v);
    memcpy(&v, field, c->size);
    switch (c->kind) {
    case COL_TEXT:
        break;
    case COL_HEAP:
        return sqlite3_bind_text(s, at, v.p ? v.p : "", -1, SQLITE_STATIC);
    case COL_U32:
        return sqlite3_bind_int64(s, at, v.u32);
    case COL_U64:
        return sqlite3_bind_int64(s, at, (sqlite3_int64)v.u64);
    case COL_BOOL:
        return sqlite3_bind_int(s, at, v.b);
    case COL_TRI:
    case COL_INT:
        return sqlite3_bind_int(s, at, v.i);
    case COL_WORD:
        return sqlite3_bind_text(s, at, words_name(c->words, v.i), -1, SQLITE_STATIC);
    }
    return SQLITE_MISUSE;
}

static int bind_rec(struct model *m, sqlite3_stmt *s, const struct table *t, const void *rec,
                    unsigned skip, struct err *e)
{
    for (size_t i = 0; i < t->n_cols; i++) {
        const struct col *c = &t->cols[i];
        int rc;

        if (c->flags & skip)
            continue;
        rc = bind_col(s, (int)i + 1, c, (const char *)rec + c->offset);
        if (rc != SQLITE_OK)
            return db_fail(m, rc, c->name, e);
    }
    return 0;
}

static int write_rec(struct model *m, const struct table *t, enum sql_verb verb, const void *rec,
                     unsigned skip, struct err *e)
{
    _cleanup_statement_ sqlite3_stmt *s = NULL;
    int r = db_statement(m, t, verb, "", NO_BINDS, &s, e);

    if (r >= 0)
        r = bind_rec(m, s, t, rec, skip, e);
    if (r >= 0)
        r = db_step(m, s, e);
    return r < 0 ? r : 0;
}

int row_insert(struct model *m, const struct table *t, const void *rec, struct err *e)
{
    return write_rec(m, t, SQL_INSERT, rec, 0, e);
}

int row_save(struct model *m, const struct table *t, const void *rec, struct err *e)
{
    int r = write_rec(m, t, SQL_UPDATE, rec, COL_FIXED, e);

    if (r < 0)
        return r;
    return db_changes(m) ? 0 : row_missing(t, (const char *)rec + t->cols[0].offset, e);
}

/* ---- row to record --------------------------------------------------------------------------- */

static int misfit(const struct table *t, const struct col *c, const char *why, struct err *e)
{
    return err_set(e, EUCLEAN, ERR_CORRUPT, "database: %s.%s: %s", t->name, c->name, why);
}

static int read_text(sqlite3_stmt *s, int at, const struct table *t, const struct col *c,
                     char *field, struct err *e)
{
    const char *text = (const char *)sqlite3_column_text(s, at);
    size_t len = text ? strlen(text) : 0;
    int v;

    if (!text)
        return misfit(t, c, "no text", e);
    if (c->kind == COL_HEAP) {
        char *copy = strdup(text);

        if (!copy)
            return err_oom(e);
        memcpy(field, &copy, sizeof copy);
        return 0;
    }
    if (c->kind == COL_WORD) {
        v = words_value(c->words, text);
        if (v < 0)
            return misfit(t, c, "an unknown word", e);
        memcpy(field, &v, sizeof v);
        return 0;
    }
    if (len >= c->size)
        return misfit(t, c, "a text that is too long", e);
    memcpy(field, text, len + 1);
    return 0;
}

static int read_col(sqlite3_stmt *s, int at, const struct table *t, const struct col *c,
                    char *field, struct err *e)
{
    uint64_t u64 = (uint64_t)sqlite3_column_int64(s, at);
    uint32_t u32 = (uint32_t)u64;
    int i = (int)(int64_t)u64;
    bool b = u64 != 0;

    switch (c->kind) {
    case COL_TEXT:
    case COL_HEAP:
    case COL_WORD:
        return read_text(s, at, t, c, field, e);
    case COL_U32:
        if (u64 > UINT32_MAX)
            return misfit(t, c, "a number that is too big", e);
        memcpy(field, &u32, sizeof u32);
        return 0;
    case COL_U64:
        memcpy(field, &u64, sizeof u64);
        return 0;
    case COL_BOOL:
        memcpy(field, &b, sizeof b);
        return 0;
    case COL_TRI:
    case COL_INT:
        memcpy(field, &i, sizeof i);
        return 0;
    }
    return misfit(t, c, "a kind of column that nobody knows", e);
}

/* rec is all zero before; on failure nothing is held in it. */
static int read_rec(sqlite3_stmt *s, const struct table *t, void *rec, struct err *e)
{
    for (size_t i = 0; i < t->n_cols; i++) {
        const struct col *c = &t->cols[i];
        int r = read_col(s, (int)i, t, c, (char *)rec + c->offset, e);

        if (r < 0) {
            row_done(t, rec);
            return r;
        }
    }
    return 0;
}

void row_done(const struct table *t, void *rec)
{
    for (size_t i = 0; i < t->n_cols; i++) {
        char *field = (char *)rec + t->cols[i].offset, *p, *none = NULL;

        if (t->cols[i].kind != COL_HEAP)
            continue;
        memcpy(&p, field, sizeof p);
        free(p);
        memcpy(field, &none, sizeof none);
    }
}

int row_one(struct model *m, const struct table *t, const char *tail, const struct bind *b,
            void *ret, struct err *e)
{
    _cleanup_free_ void *rec = xcalloc(1, t->rec_size);
    _cleanup_statement_ sqlite3_stmt *s = NULL;
    int r = db_statement(m, t, SQL_SELECT, tail, b, &s, e);

    if (r >= 0)
        r = db_step(m, s, e);
    if (r <= 0)
        return r;
    r = read_rec(s, t, rec, e);
    if (r < 0)
        return r;
    memcpy(ret, rec, t->rec_size);
    return 1;
}

int row_get(struct model *m, const struct table *t, const char *region, const char *id, void *ret,
            struct err *e)
{
    int r = row_one(m, t, "WHERE id = ?1 AND (?2 IS NULL OR region = ?2)", BINDS(T(id), T(region)),
                    ret, e);

    if (r < 0)
        return r;
    return r > 0 ? 0 : row_missing(t, id, e);
}

int row_region(struct model *m, const struct table *t, const char *id, char ret[MODEL_REGION_MAX],
               struct err *e)
{
    _cleanup_statement_ sqlite3_stmt *s = NULL;
    const char *text;
    int r = db_statement(m, t, SQL_REGION, "", BINDS(T(id)), &s, e);

    if (r >= 0)
        r = db_step(m, s, e);
    if (r < 0)
        return r;
    if (r == 0)
        return row_missing(t, id, e);
    text = (const char *)sqlite3_column_text(s, 0);
    if (!text || str_copy(ret, MODEL_REGION_MAX, text) < 0)
        return err_set(e, EUCLEAN, ERR_CORRUPT, "database: %s.region of '%s'", t->name, id);
    return 0;
}

struct list {
    char *v;
    size_t n, cap;
};

static int list_read(struct list *l, sqlite3_stmt *s, const struct table *t, struct err *e)
{
    int r;

    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : LIST_FIRST;
        char *v = reallocarray(l->v, cap, t->rec_size);

        if (!v)
            return err_oom(e);
        l->v = v;
        l->cap = cap;
    }
    memset(l->v + l->n * t->rec_size, 0, t->rec_size);
    r = read_rec(s, t, l->v + l->n * t->rec_size, e);
    if (r >= 0)
        l->n++;
    return r;
}

int row_list(struct model *m, const struct table *t, const char *tail, const struct bind *b,
             void **ret, size_t *ret_n, struct err *e)
{
    _cleanup_statement_ sqlite3_stmt *s = NULL;
    struct list l = { 0 };
    int r = db_statement(m, t, SQL_SELECT, tail, b, &s, e);

    while (r >= 0) {
        r = db_step(m, s, e);
        if (r == 0)
            break;
        if (r > 0)
            r = list_read(&l, s, t, e);
    }
    if (r < 0) {
        for (size_t i = 0; i < l.n; i++)
            row_done(t, l.v + i * t->rec_size);
        free(l.v);
        return r;
    }
    *ret = l.v;
    *ret_n = l.n;
    return 0;
}
