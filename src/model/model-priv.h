/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of the model room. A record is described once, as a table of columns; insert, get,
 * list and save are made from that table (row.c). SQL that is not made so is a literal, and every
 * statement is prepared once (db.c). */
#pragma once

#include <sqlite3.h>

#include "model.h"

#define MODEL_MAGIC          0x6b6d646cU
#define MODEL_DEPTH_MAX      8
#define MODEL_STATEMENTS_MAX 256
#define MODEL_TOKEN_MS       (24ULL * 3600 * 1000)

/* ---- columns --------------------------------------------------------------------------------- */

enum col_kind {
    COL_TEXT, /* char[n] in the record */
    COL_HEAP, /* char *, never NULL in the database */
    COL_U32,
    COL_U64,
    COL_BOOL,
    COL_WORD, /* an enum, stored as its name */
    COL_TRI,
    COL_INT, /* may be negative */
};
enum { COL_KEY = 1, COL_FIXED = 2 }; /* which row it is; not written by row_save */

struct words {
    const char *what;
    const char *const *names; /* NULL: a gap */
    size_t n;
};
struct col {
    const char *name;
    enum col_kind kind;
    size_t offset, size;
    const struct words *words;
    unsigned flags;
};
struct table {
    const char *name;
    const struct col *cols;
    size_t n_cols, rec_size;
    const char *missing[2]; /* what stands before and behind the id when there is no such row */
};

#define COL_AT(rec, col_name, field, kind_, words_, flags_)                                        \
    {                                                                                              \
        col_name, kind_, offsetof(struct rec, field), sizeof(((struct rec *)0)->field), words_,    \
            flags_                                                                                 \
    }
#define COL(rec, field, kind)       COL_AT(rec, #field, field, kind, NULL, 0)
#define TEXT_COL(rec, field)        COL(rec, field, COL_TEXT)
#define KEY_COL(rec, field)         COL_AT(rec, #field, field, COL_TEXT, NULL, COL_KEY)
#define WORD_COL(rec, field, words) COL_AT(rec, #field, field, COL_WORD, words, COL_FIXED)
#define TABLE(name_, rec, cols_, before, after)                                                    \
    {                                                                                              \
        name_, cols_, ARRAY_LEN(cols_), sizeof(struct rec),                                        \
        {                                                                                          \
            before, after                                                                          \
        }                                                                                          \
    }

extern const struct table instance_table, ephemeral_table, volume_table, attachment_table,
    snapshot_table, image_table, image_mapping_table, key_pair_table, import_table, job_table,
    vpc_table, subnet_table, group_table, rule_table, interface_table, permission_table,
    address_table, modification_table;
/* All of the above, NULL at the end. */
extern const struct table *const model_tables[];

extern const struct words instance_words, image_words, snapshot_words, volume_words, attach_words,
    import_words, job_words, protection_words, modification_words;
const char *words_name(const struct words *w, int value); /* "?" when it has none */
int words_value(const struct words *w, const char *name); /* -1 when unknown */

/* ---- the database ---------------------------------------------------------------------------- */

enum sql_verb { SQL_PLAIN, SQL_SELECT, SQL_INSERT, SQL_UPDATE, SQL_REGION };
struct statement { /* literals are told apart by their address */
    const struct table *table;
    enum sql_verb verb;
    const char *tail;
    sqlite3_stmt *stmt;
};
struct model {
    unsigned magic;
    sqlite3 *db;
    struct statement statements[MODEL_STATEMENTS_MAX];
    size_t n_statements;
    unsigned depth; /* of model_begin */
    char account[16];
    char public_range[MODEL_CIDR_MAX]; /* "": there are no public addresses */
    char **notices;                    /* logged when the outermost transaction is on disk */
    size_t n_notices, notice_marks[MODEL_DEPTH_MAX];
    uint64_t (*now_ms)(void); /* tests own the time */
};

struct bind {
    enum { BIND_END, BIND_TEXT, BIND_U64, BIND_BLOB } kind;
    const void *p; /* NULL text binds NULL */
    uint64_t u;    /* value, or length of the blob */
};
#define T(x)       ((struct bind){ BIND_TEXT, (x), 0 })
#define U(x)       ((struct bind){ BIND_U64, NULL, (uint64_t)(x) })
#define BLOB(x, n) ((struct bind){ BIND_BLOB, (x), (n) })
#define BINDS(...) ((const struct bind[]){ __VA_ARGS__, { 0 } })
#define NO_BINDS   ((const struct bind[]){ { 0 } })

int db_statement(struct model *m, const struct table *t, enum sql_verb verb, const char *tail,
                 const struct bind *b, sqlite3_stmt **ret, struct err *e);
void db_statement_done(sqlite3_stmt **s);
#define _cleanup_statement_ _cleanup_(db_statement_done)
/* 1 a row, 0 the end */
int db_step(struct model *m, sqlite3_stmt *s, struct err *e);
int db_fail(struct model *m, int rc, const char *what, struct err *e);
int db_exec(struct model *m, const char *sql, const struct bind *b, struct err *e);
/* As db_exec; ERR_NOT_FOUND in the words of the table when no row was changed. */
int db_exec_on(struct model *m, const struct table *t, const char *id, const char *sql,
               const struct bind *b, struct err *e);
uint64_t db_changes(struct model *m);
/* First column of the first row: 1, or 0 when there is no row. */
int db_u64(struct model *m, const char *sql, const struct bind *b, uint64_t *ret, struct err *e);
int db_text(struct model *m, const char *sql, const struct bind *b, char *ret, size_t size,
            struct err *e);
void db_notice(struct model *m, const char *fmt, ...) PRINTF_LIKE(2, 3);

int schema_upgrade(struct model *m, const char *path, struct err *e);
int account_load(struct model *m, struct err *e);

/* ---- records --------------------------------------------------------------------------------- */

int row_missing(const struct table *t, const char *id, struct err *e);
int row_insert(struct model *m, const struct table *t, const void *rec, struct err *e);
/* Everything but COL_FIXED columns. */
int row_save(struct model *m, const struct table *t, const void *rec, struct err *e);
/* 1, or 0 when there is none; *ret is untouched then */
int row_one(struct model *m, const struct table *t, const char *tail, const struct bind *b,
            void *ret, struct err *e);
int row_get(struct model *m, const struct table *t, const char *region, const char *id, void *ret,
            struct err *e);
/* 0 and the region, or ERR_NOT_FOUND */
int row_region(struct model *m, const struct table *t, const char *id, char ret[MODEL_REGION_MAX],
               struct err *e);
int row_list(struct model *m, const struct table *t, const char *tail, const struct bind *b,
             void **ret, size_t *ret_n, struct err *e);
void row_done(const struct table *t, void *rec); /* frees the heap columns */
/* Copies what fits, whole characters only. */
void text_cut(char *dst, size_t size, const char *src);

/* ---- state machines (states.c) --------------------------------------------------------------- */

struct move {
    int from, ev, to; /* from == to: accepted, nothing changes */
};
struct machine {
    const char *what;
    const struct words *states;
    const struct words *events;
    const struct move *moves;
    size_t n_moves;
};
/* What a guest's own shutdown is when the instance ends with it. */
#define INSTANCE_EV_GUEST_GONE ((enum instance_event)INSTANCE_EV_MAX)
extern const struct machine instance_machine, image_machine, snapshot_machine, volume_machine;
/* 0 and *ret_to; ERR_CONFLICT "volume 'vol-1' is 'creating', 'attach' is refused". */
int machine_next(const struct machine *mc, const char *id, int from, int ev, int *ret_to,
                 struct err *e);

int tags_forget(struct model *m, const char *id, struct err *e);
/* Ends the network interface of an instance and gives its address back; fine when it has none. */
int interface_forget(struct model *m, const char *instance_id, struct err *e);
/* public.c, elastic.c */
bool public_in_range(const struct model *m, const char *ip);
/* The next free address; not yet given to anybody. */
int public_choose(struct model *m, char ret[16], struct err *e);
/* 1, or 0 when the interface has none. */
int public_elastic_of(struct model *m, const char *interface_id, struct address_rec *ret,
                      struct err *e);
/* To the interface of an instance that runs, after an elastic address went. */
int public_give_again(struct model *m, const char *interface_id, struct err *e);
/* Gives an interface a public address when it wants one, there are some, and it has no
 * elastic one; takes that of an instance away, and elastic ones too when it ends. */
int public_give(struct model *m, struct interface_rec *nic, struct err *e);
int public_start(struct model *m, const char *instance_id, struct err *e);
int public_stop(struct model *m, const char *instance_id, struct err *e);
int public_end(struct model *m, const char *instance_id, struct err *e);
/* The group "default" of a new VPC. */
int group_make_default(struct model *m, const struct vpc_rec *vpc, struct err *e);
/* Gives living instances of older databases their network interfaces. */
int network_adopt(struct model *m, struct err *e);
/* The table that an id is a row of; NULL: unknown prefix. */
const struct table *resource_table(const char *id);
