/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Key pairs: the public half only. */
#include "model-priv.h"

#include <errno.h>

static const struct col cols[] = {
    KEY_COL(key_pair_rec, id),
    TEXT_COL(key_pair_rec, region),
    TEXT_COL(key_pair_rec, name),
    TEXT_COL(key_pair_rec, type),
    TEXT_COL(key_pair_rec, fingerprint),
    COL(key_pair_rec, public_key, COL_HEAP),
    COL(key_pair_rec, created_ms, COL_U64),
};
const struct table key_pair_table =
    TABLE("key_pairs", key_pair_rec, cols, "The key pair '", "' does not exist");

/* A name may look like an id: the name wins. */
#define BY_NAME_OR_ID "WHERE region = ?1 AND (name = ?2 OR id = ?2) ORDER BY name = ?2 DESC LIMIT 1"

void key_pair_rec_done(struct key_pair_rec *rec)
{
    row_done(&key_pair_table, rec);
}

void key_pair_list_free(struct key_pair_rec *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        key_pair_rec_done(&v[i]);
    free(v);
}

int model_key_pair_insert(struct model *m, const struct key_pair_rec *rec, struct err *e)
{
    struct err plain = { 0 };
    int r = row_insert(m, &key_pair_table, rec, &plain);

    if (r >= 0)
        return 0;
    if (plain.kind == ERR_EXISTS)
        return err_set(e, EEXIST, ERR_EXISTS, "The keypair '%s' already exists.", rec->name);
    *e = plain;
    return r;
}

int model_key_pair_get(struct model *m, const char *region, const char *name_or_id,
                       struct key_pair_rec *ret, struct err *e)
{
    int r = row_one(m, &key_pair_table, BY_NAME_OR_ID, BINDS(T(region), T(name_or_id)), ret, e);

    if (r < 0)
        return r;
    return r > 0 ? 0 : row_missing(&key_pair_table, name_or_id, e);
}

int model_key_pair_list(struct model *m, const char *region, struct key_pair_rec **ret,
                        size_t *ret_n, struct err *e)
{
    void *v = NULL;
    int r = row_list(m, &key_pair_table, "WHERE ?1 IS NULL OR region = ?1 ORDER BY name, region",
                     BINDS(T(region)), &v, ret_n, e);

    if (r >= 0)
        *ret = v;
    return r;
}

static int remove_pair(struct model *m, const char *region, const char *name_or_id, struct err *e)
{
    char id[MODEL_ID_MAX];
    int r = db_text(m, "SELECT id FROM key_pairs " BY_NAME_OR_ID, BINDS(T(region), T(name_or_id)),
                    id, sizeof id, e);

    if (r < 0)
        return r;
    if (r == 0)
        return row_missing(&key_pair_table, name_or_id, e);
    r = tags_forget(m, id, e);
    if (r < 0)
        return r;
    return db_exec(m, "DELETE FROM key_pairs WHERE id = ?1", BINDS(T(id)), e);
}

int model_key_pair_delete(struct model *m, const char *region, const char *name_or_id,
                          struct err *e)
{
    int r = model_begin(m, e);

    if (r < 0)
        return r;
    return model_end(m, remove_pair(m, region, name_or_id, e), e);
}
