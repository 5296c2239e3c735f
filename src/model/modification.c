/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The last change of each volume that was changed: from what, to what, how far. */
#include "model-priv.h"

static const struct col cols[] = {
    KEY_COL(modification_rec, volume_id),
    TEXT_COL(modification_rec, region),
    COL_AT(modification_rec, "state", state, COL_WORD, &modification_words, 0),
    TEXT_COL(modification_rec, status_message),
    COL_AT(modification_rec, "old_size_gib", from.size_gib, COL_U64, NULL, 0),
    COL_AT(modification_rec, "old_type", from.type, COL_TEXT, NULL, 0),
    COL_AT(modification_rec, "old_iops", from.iops, COL_U32, NULL, 0),
    COL_AT(modification_rec, "old_throughput", from.throughput, COL_U32, NULL, 0),
    COL_AT(modification_rec, "size_gib", to.size_gib, COL_U64, NULL, 0),
    COL_AT(modification_rec, "type", to.type, COL_TEXT, NULL, 0),
    COL_AT(modification_rec, "iops", to.iops, COL_U32, NULL, 0),
    COL_AT(modification_rec, "throughput", to.throughput, COL_U32, NULL, 0),
    COL(modification_rec, started_ms, COL_U64),
    COL(modification_rec, ended_ms, COL_U64),
};
const struct table modification_table = TABLE("modifications", modification_rec, cols,
                                              "Modification for volume '", "' does not exist.");

static int put(struct model *m, const struct modification_rec *rec, struct err *e)
{
    int r =
        db_exec(m, "DELETE FROM modifications WHERE volume_id = ?1", BINDS(T(rec->volume_id)), e);

    return r < 0 ? r : row_insert(m, &modification_table, rec, e);
}

int model_modification_put(struct model *m, const struct modification_rec *rec, struct err *e)
{
    int r = model_begin(m, e);

    return r < 0 ? r : model_end(m, put(m, rec, e), e);
}

int model_modification_get(struct model *m, const char *region, const char *volume_id,
                           struct modification_rec *ret, struct err *e)
{
    struct modification_rec rec;
    int r = row_one(m, &modification_table, "WHERE volume_id = ?1 AND (?2 IS NULL OR region = ?2)",
                    BINDS(T(volume_id), T(region)), &rec, e);

    if (r == 0)
        return row_missing(&modification_table, volume_id, e);
    if (r > 0)
        *ret = rec;
    return r < 0 ? r : 0;
}

int model_modification_list(struct model *m, const char *region, struct modification_rec **ret,
                            size_t *ret_n, struct err *e)
{
    void *v = NULL;
    int r = row_list(m, &modification_table,
                     "WHERE ?1 IS NULL OR region = ?1 ORDER BY started_ms, volume_id",
                     BINDS(T(region)), &v, ret_n, e);

    if (r >= 0)
        *ret = v;
    return r;
}
