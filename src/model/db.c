/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The connection, prepared statements, transactions. Transactions nest by savepoints, so an inner
 * failure that the caller handles takes back the inner changes only. If SQLite gives up a
 * transaction by itself (full disk), every later write in it is refused: half of it can never be
 * committed piecemeal. */
#include "model-priv.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "str.h"

#define BUSY_TIMEOUT_MS 5000
#define SQL_MAX         16384

static int kind_of_sqlite(int rc, enum err_kind *ret)
{
    switch (rc & 0xff) {
    case SQLITE_FULL:
        *ret = ERR_LIMIT;
        return ENOSPC;
    case SQLITE_NOMEM:
        *ret = ERR_LIMIT;
        return ENOMEM;
    case SQLITE_IOERR:
        *ret = ERR_IO;
        return EIO;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        *ret = ERR_CORRUPT;
        return EUCLEAN;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        *ret = ERR_TIMEOUT;
        return ETIMEDOUT;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
        *ret = ERR_DENIED;
        return EACCES;
    case SQLITE_CONSTRAINT:
        *ret = rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY ? ERR_EXISTS
                                                                                    : ERR_CONFLICT;
        return *ret == ERR_EXISTS ? EEXIST : EBUSY;
    default:
        *ret = ERR_OTHER;
        return EPROTO;
    }
}

int db_fail(struct model *m, int rc, const char *what, struct err *e)
{
    enum err_kind kind;
    int no = kind_of_sqlite(rc, &kind);

    return err_set(e, no, kind, "database: %s: %s", what,
                   m->db ? sqlite3_errmsg(m->db) : sqlite3_errstr(rc));
}

static int run_plain(struct model *m, const char *sql, struct err *e)
{
    int rc = sqlite3_exec(m->db, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? 0 : db_fail(m, rc, sql, e);
}

/* ---- statements ------------------------------------------------------------------------------ */

static void add_columns(struct str *s, const struct table *t)
{
    for (size_t i = 0; i < t->n_cols; i++)
        str_addf(s, "%s\"%s\"", i ? ", " : "", t->cols[i].name);
}

static void add_assignments(struct str *s, const struct table *t)
{
    const char *sep = "";

    for (size_t i = 0; i < t->n_cols; i++)
        if (!(t->cols[i].flags & (COL_KEY | COL_FIXED))) {
            str_addf(s, "%s\"%s\" = ?%zu", sep, t->cols[i].name, i + 1);
            sep = ", ";
        }
    sep = " WHERE ";
    for (size_t i = 0; i < t->n_cols; i++)
        if (t->cols[i].flags & COL_KEY) {
            str_addf(s, "%s\"%s\" = ?%zu", sep, t->cols[i].name, i + 1);
            sep = " AND ";
        }
}

static void add_sql(struct str *s, const struct table *t, enum sql_verb verb, const char *tail)
{
    switch (verb) {
    case SQL_PLAIN:
        str_add(s, tail);
        return;
    case SQL_SELECT:
        str_add(s, "SELECT ");
        add_columns(s, t);
        str_addf(s, " FROM %s %s", t->name, tail);
        return;
    case SQL_INSERT:
        str_addf(s, "INSERT INTO %s (", t->name);
        add_columns(s, t);
        str_add(s, ") VALUES (");
        for (size_t i = 0; i < t->n_cols; i++)
            str_addf(s, "%s?%zu", i ? ", " : "", i + 1);
        str_add(s, ")");
        return;
    case SQL_UPDATE:
        str_addf(s, "UPDATE %s SET ", t->name);
        add_assignments(s, t);
        return;
    case SQL_REGION:
        str_addf(s, "SELECT region FROM %s WHERE id = ?1", t->name);
        return;
    }
}

static int prepare(struct model *m, const struct table *t, enum sql_verb verb, const char *tail,
                   sqlite3_stmt **ret, struct err *e)
{
    _cleanup_str_ struct str s = STR_INIT(SQL_MAX);
    int rc, r;

    add_sql(&s, t, verb, tail);
    r = str_check(&s, "a statement", e);
    if (r < 0)
        return r;
    assert(m->n_statements < MODEL_STATEMENTS_MAX);
    rc = sqlite3_prepare_v3(m->db, str_text(&s), -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);
    if (rc != SQLITE_OK)
        return db_fail(m, rc, str_text(&s), e);
    m->statements[m->n_statements++] = (struct statement){ t, verb, tail, *ret };
    return 0;
}

static int bind_all(sqlite3_stmt *s, const struct bind *b)
{
    int rc = SQLITE_OK;

    for (int i = 1; b->kind != BIND_END && rc == SQLITE_OK; i++, b++) {
        if (b->kind == BIND_TEXT)
            rc = sqlite3_bind_text(s, i, b->p, -1, SQLITE_STATIC);
        else if (b->kind == BIND_U64)
            rc = sqlite3_bind_int64(s, i, (sqlite3_int64)b->u);
        else
            rc = sqlite3_bind_blob64(s, i, b->p, b->u, SQLITE_STATIC);
    }
    return rc;
}

int db_statement(struct model *m, const struct table *t, enum sql_verb verb, const char *tail,
                 const struct bind *b, sqlite3_stmt **ret, struct err *e)
{
    sqlite3_stmt *s = NULL;
    int r, rc;

    assert(m->magic == MODEL_MAGIC);
    for (size_t i = 0; i < m->n_statements && !s; i++) {
        const struct statement *x = &m->statements[i];

        if (x->tail == tail && x->table == t && x->verb == verb)
            s = x->stmt;
    }
    if (!s) {
        r = prepare(m, t, verb, tail, &s, e);
        if (r < 0)
            return r;
    }
    assert(!sqlite3_stmt_busy(s));
    if (m->depth && sqlite3_get_autocommit(m->db))
        return err_set(e, EIO, ERR_IO, "database: the transaction was given up earlier");
    rc = bind_all(s, b);
    if (rc != SQLITE_OK)
        return db_fail(m, rc, "bind values", e);
    *ret = s;
    return 0;
}

void db_statement_done(sqlite3_stmt **s)
{
    if (!*s)
        return;
    (void)sqlite3_reset(*s); /* its code repeats what step said */
    (void)sqlite3_clear_bindings(*s);
}

int db_step(struct model *m, sqlite3_stmt *s, struct err *e)
{
    int rc = sqlite3_step(s);

    if (rc == SQLITE_ROW)
        return 1;
    return rc == SQLITE_DONE ? 0 : db_fail(m, rc, sqlite3_sql(s), e);
}

int db_exec(struct model *m, const char *sql, const struct bind *b, struct err *e)
{
    _cleanup_statement_ sqlite3_stmt *s = NULL;
    int r = db_statement(m, NULL, SQL_PLAIN, sql, b, &s, e);

    if (r < 0)
        return r;
    r = db_step(m, s, e);
    return r < 0 ? r : 0;
}

uint64_t db_changes(struct model *m)
{
    return (uint64_t)sqlite3_changes64(m->db);
}

int db_exec_on(struct model *m, const struct table *t, const char *id, const char *sql,
               const struct bind *b, struct err *e)
{
    int r = db_exec(m, sql, b, e);

    if (r < 0)
        return r;
    return db_changes(m) ? 0 : row_missing(t, id, e);
}

int db_u64(struct model *m, const char *sql, const struct bind *b, uint64_t *ret, struct err *e)
{
    _cleanup_statement_ sqlite3_stmt *s = NULL;
    int r = db_statement(m, NULL, SQL_PLAIN, sql, b, &s, e);

    if (r < 0)
        return r;
    r = db_step(m, s, e);
    if (r > 0)
        *ret = (uint64_t)sqlite3_column_int64(s, 0);
    return r;
}

int db_text(struct model *m, const char *sql, const struct bind *b, char *ret, size_t size,
            struct err *e)
{
    _cleanup_statement_ sqlite3_stmt *s = NULL;
    const char *text;
    int r = db_statement(m, NULL, SQL_PLAIN, sql, b, &s, e);

    if (r < 0)
        return r;
    r = db_step(m, s, e);
    if (r <= 0)
        return r;
    text = (const char *)sqlite3_column_text(s, 0);
    if (!text || strlen(text) >= size)
        return err_set(e, EUCLEAN, ERR_CORRUPT, "database: a text does not fit: %s", sql);
    memcpy(ret, text, strlen(text) + 1);
    return 1;
}

/* ---- transactions ---------------------------------------------------------------------------- */

static void notices_drop(struct model *m, size_t keep)
{
    while (m->n_notices > keep)
        free(m->notices[--m->n_notices]);
}

static void notices_log(struct model *m)
{
    for (size_t i = 0; i < m->n_notices; i++)
        log_notice("model", "%s", m->notices[i]);
    notices_drop(m, 0);
}

void db_notice(struct model *m, const char *fmt, ...)
{
    char line[512];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof line, fmt, ap); /* a log line may be cut */
    va_end(ap);
    assert(m->depth > 0);
    m->notices = realloc(m->notices, (m->n_notices + 1) * sizeof *m->notices);
    assert(m->notices);
    m->notices[m->n_notices++] = xstrdup(line);
}

static int begin(struct model *m, const char *outermost, struct err *e)
{
    int r;

    assert(m->magic == MODEL_MAGIC && m->depth < MODEL_DEPTH_MAX);
    r = db_exec(m, m->depth ? "SAVEPOINT inner" : outermost, NO_BINDS, e);
    if (r < 0)
        return err_wrap(e, "begin a transaction");
    m->notice_marks[m->depth++] = m->n_notices;
    return 0;
}

int model_begin(struct model *m, struct err *e)
{
    return begin(m, "BEGIN IMMEDIATE", e);
}

int model_begin_reading(struct model *m, struct err *e)
{
    return begin(m, "BEGIN", e);
}

uint64_t model_changes(const struct model *m)
{
    assert(m->magic == MODEL_MAGIC);
    return (uint64_t)sqlite3_total_changes64(m->db);
}

/* Never fails loudly: the reason for going back is what the caller must hear. */
static void go_back(struct model *m)
{
    const char *sql = m->depth ? "ROLLBACK TO inner; RELEASE inner" : "ROLLBACK";

    notices_drop(m, m->notice_marks[m->depth]);
    if (!sqlite3_get_autocommit(m->db))
        (void)sqlite3_exec(m->db, sql, NULL, NULL, NULL);
}

int model_end(struct model *m, int r, struct err *e)
{
    assert(m->magic == MODEL_MAGIC && m->depth > 0);
    if (r >= 0) {
        int c = db_exec(m, m->depth > 1 ? "RELEASE inner" : "COMMIT", NO_BINDS, e);

        if (c < 0)
            r = err_wrap(e, "commit");
    }
    m->depth--;
    if (r < 0)
        go_back(m);
    else if (m->depth == 0)
        notices_log(m);
    return r;
}

/* ---- open and close -------------------------------------------------------------------------- */

/* SQLite gives WAL and shared-memory files the mode of the database; it holds secret keys. */
static int make_private(const char *path, struct err *e)
{
    _cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    return fd < 0 ? err_errno(e, "create or open the file") : 0;
}

static int use_wal(struct model *m, struct err *e)
{
    char mode[16] = "";
    int r = db_text(m, "PRAGMA journal_mode = WAL", NO_BINDS, mode, sizeof mode, e);

    if (r < 0)
        return r;
    if (!str_eq(mode, "wal"))
        return err_set(e, ENOTSUP, ERR_IO, "the file system refuses a write-ahead log (mode '%s')",
                       mode);
    return 0;
}

static int connect_db(struct model *m, const char *path, struct err *e)
{
    int r = make_private(path, e), rc;

    if (r < 0)
        return r;
    rc = sqlite3_open_v2(path, &m->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK)
        return db_fail(m, rc, path, e);
    (void)sqlite3_extended_result_codes(m->db, 1);
    (void)sqlite3_busy_timeout(m->db, BUSY_TIMEOUT_MS);
    r = use_wal(m, e);
    if (r < 0)
        return r;
    return run_plain(m,
                     "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
                     "PRAGMA trusted_schema = OFF",
                     e);
}

int model_open(const char *path, struct model **ret, struct err *e)
{
    _cleanup_(model_closep) struct model *m = xcalloc(1, sizeof *m);
    int r;

    m->magic = MODEL_MAGIC;
    m->now_ms = clock_real_ms;
    r = connect_db(m, path, e);
    if (r >= 0)
        r = schema_upgrade(m, path, e);
    if (r >= 0)
        r = account_load(m, e);
    if (r >= 0)
        r = network_adopt(m, e);
    if (r < 0)
        return err_wrap(e, "open the database '%s'", path);
    *ret = TAKE_PTR(m);
    return 0;
}

void model_close(struct model *m)
{
    if (!m)
        return;
    assert(m->magic == MODEL_MAGIC);
    for (size_t i = 0; i < m->n_statements; i++)
        (void)sqlite3_finalize(m->statements[i].stmt);
    (void)sqlite3_close(m->db); /* an open transaction is rolled back */
    notices_drop(m, 0);
    free(m->notices);
    m->magic = 0;
    free(m);
}
