/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tags of every kind of resource. */
#include "model-priv.h"

#include <errno.h>

#include "rules.h"
#include "str.h"

/* Keys of Kiln's own would not count and not be deletable, as EC2's aws: keys. */
#define IS_USER_KEY "lower(substr(key, 1, 4)) <> 'aws:'"

static int check_tags(const struct tag_list *tags, struct err *e)
{
    for (size_t i = 0; i < tags->n; i++) {
        int r = rules_tag(tags->v[i].key, tags->v[i].value, e);

        if (r < 0)
            return r;
        for (size_t k = 0; k < i; k++)
            if (str_eq(tags->v[i].key, tags->v[k].key))
                return err_set(e, EINVAL, ERR_INVALID, "Duplicate tag key '%s' specified.",
                               tags->v[i].key);
    }
    return 0;
}

static int check_count(struct model *m, const char *id, struct err *e)
{
    uint64_t n = 0;
    int r = db_u64(m, "SELECT count(*) FROM tags WHERE resource_id = ?1 AND " IS_USER_KEY,
                   BINDS(T(id)), &n, e);

    if (r < 0)
        return r;
    if (n > MODEL_TAGS_MAX)
        return err_set(e, E2BIG, ERR_LIMIT,
                       "The maximum number of Tags for a resource has been reached.");
    return 0;
}

static int find_region(struct model *m, const char *region, const char *id,
                       char ret[MODEL_REGION_MAX], struct err *e)
{
    const struct table *t = resource_table(id);
    char shown[64];
    int r;

    if (!t)
        return err_set(e, EINVAL, ERR_INVALID, "The ID '%s' is not valid",
                       str_show(id, shown, sizeof shown));
    r = row_region(m, t, id, ret, e);
    if (r < 0)
        return r;
    return region && !str_eq(region, ret) ? row_missing(t, id, e) : 0;
}

static int set(struct model *m, const char *region, const char *id, const struct tag_list *tags,
               struct err *e)
{
    char there[MODEL_REGION_MAX];
    int r = find_region(m, region, id, there, e);

    if (r >= 0)
        r = check_tags(tags, e);
    for (size_t i = 0; i < tags->n && r >= 0; i++)
        r = db_exec(m,
                    "INSERT INTO tags (resource_id, key, value, region) VALUES (?1, ?2, ?3, ?4)"
                    " ON CONFLICT DO UPDATE SET value = excluded.value",
                    BINDS(T(id), T(tags->v[i].key), T(tags->v[i].value), T(there)), e);
    return r < 0 ? r : check_count(m, id, e);
}

int model_tags_set(struct model *m, const char *region, const char *id, const struct tag_list *tags,
                   struct err *e)
{
    int r = model_begin(m, e);

    if (r < 0)
        return r;
    return model_end(m, set(m, region, id, tags, e), e);
}

int model_tag_delete(struct model *m, const char *id, const char *key, const char *value,
                     struct err *e)
{
    if (key && rules_tag_is_reserved(key))
        return err_set(e, EINVAL, ERR_INVALID,
                       "Tag keys starting with 'aws:' are reserved for internal use");
    return db_exec(m,
                   "DELETE FROM tags WHERE resource_id = ?1 AND (?2 IS NULL OR key = ?2)"
                   " AND (?3 IS NULL OR value = ?3) AND " IS_USER_KEY,
                   BINDS(T(id), T(key), T(value)), e);
}

int tags_forget(struct model *m, const char *id, struct err *e)
{
    return db_exec(m, "DELETE FROM tags WHERE resource_id = ?1", BINDS(T(id)), e);
}

int model_tags_get(struct model *m, const char *id, struct tag_list *ret, struct err *e)
{
    _cleanup_statement_ sqlite3_stmt *s = NULL;
    struct tag_list l = { 0 };
    int r = db_statement(m, NULL, SQL_PLAIN,
                         "SELECT key, value FROM tags WHERE resource_id = ?1 ORDER BY key",
                         BINDS(T(id)), &s, e);

    while (r >= 0 && (r = db_step(m, s, e)) > 0)
        if (tag_list_add(&l, (const char *)sqlite3_column_text(s, 0),
                         (const char *)sqlite3_column_text(s, 1)) < 0)
            r = err_oom(e);
    if (r < 0) {
        tag_list_done(&l);
        return r;
    }
    *ret = l;
    return 0;
}

struct row {
    char id[MODEL_ID_MAX];
    char *key, *value;
};
static const struct col cols[] = {
    COL_AT(row, "resource_id", id, COL_TEXT, NULL, COL_KEY),
    COL(row, key, COL_HEAP),
    COL(row, value, COL_HEAP),
};
static const struct table tag_table = TABLE("tags", row, cols, "'", "' has no tags");

int model_tags_each(struct model *m, const char *region,
                    int (*fn)(const char *id, const char *key, const char *value, void *userdata),
                    void *userdata, struct err *e)
{
    void *v = NULL;
    struct row *rows;
    size_t n = 0;
    /* All rows first: fn may use the model. */
    int r = row_list(m, &tag_table, "WHERE ?1 IS NULL OR region = ?1 ORDER BY resource_id, key",
                     BINDS(T(region)), &v, &n, e);

    rows = v;
    for (size_t i = 0; i < n; i++) {
        if (r >= 0)
            r = fn(rows[i].id, rows[i].key, rows[i].value, userdata);
        if (r < 0 && e->no == 0)
            r = err_no(e, -r, "list the tags");
        row_done(&tag_table, &rows[i]);
    }
    free(rows);
    return r < 0 ? r : 0;
}
