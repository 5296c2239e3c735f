/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Import tasks: what ImportImage made, for DescribeImportImageTasks. */
#include "model-priv.h"

static const struct col cols[] = {
    KEY_COL(import_rec, id),
    TEXT_COL(import_rec, region),
    TEXT_COL(import_rec, description),
    TEXT_COL(import_rec, name),
    TEXT_COL(import_rec, format),
    TEXT_COL(import_rec, url),
    TEXT_COL(import_rec, platform),
    TEXT_COL(import_rec, boot_mode),
    COL_AT(import_rec, "state", state, COL_WORD, &import_words, 0),
    TEXT_COL(import_rec, status_message),
    COL(import_rec, progress, COL_U32),
    COL(import_rec, bytes_done, COL_U64),
    COL(import_rec, bytes_total, COL_U64),
    COL(import_rec, bytes_per_s, COL_U64),
    COL(import_rec, disk_bytes, COL_U64),
    TEXT_COL(import_rec, image_id),
    TEXT_COL(import_rec, snapshot_id),
    TEXT_COL(import_rec, warning),
    COL(import_rec, created_ms, COL_U64),
};
const struct table import_table =
    TABLE("imports", import_rec, cols, "The import task '", "' does not exist");

int model_import_insert(struct model *m, const struct import_rec *rec, struct err *e)
{
    return row_insert(m, &import_table, rec, e);
}

int model_import_get(struct model *m, const char *region, const char *id, struct import_rec *ret,
                     struct err *e)
{
    return row_get(m, &import_table, region, id, ret, e);
}

int model_import_list(struct model *m, const char *region, struct import_rec **ret, size_t *ret_n,
                      struct err *e)
{
    void *v = NULL;
    int r = row_list(m, &import_table, "WHERE ?1 IS NULL OR region = ?1 ORDER BY created_ms, id",
                     BINDS(T(region)), &v, ret_n, e);

    if (r >= 0)
        *ret = v;
    return r;
}

int model_import_save(struct model *m, const struct import_rec *rec, struct err *e)
{
    return row_save(m, &import_table, rec, e);
}
