/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Images and their block device mappings. A deregistered one stays as a row that only its id
 * finds; its name is free and its snapshots are nobody's at once. */
#include "model-priv.h"

#include <errno.h>
#include <string.h>

#include "str.h"

static const struct col cols[] = {
    KEY_COL(image_rec, id),
    TEXT_COL(image_rec, region),
    TEXT_COL(image_rec, owner),
    TEXT_COL(image_rec, name),
    TEXT_COL(image_rec, description),
    WORD_COL(image_rec, state, &image_words),
    TEXT_COL(image_rec, state_reason_code),
    TEXT_COL(image_rec, state_reason),
    TEXT_COL(image_rec, platform),
    TEXT_COL(image_rec, platform_details),
    TEXT_COL(image_rec, usage_operation),
    TEXT_COL(image_rec, architecture),
    TEXT_COL(image_rec, root_device_name),
    TEXT_COL(image_rec, root_device_type),
    TEXT_COL(image_rec, virtualization_type),
    TEXT_COL(image_rec, boot_mode),
    TEXT_COL(image_rec, tpm_support),
    TEXT_COL(image_rec, imds_support),
    COL(image_rec, ena_support, COL_BOOL),
    COL(image_rec, sriov_net_support, COL_BOOL),
    COL(image_rec, is_public, COL_BOOL),
    TEXT_COL(image_rec, source_instance_id),
    TEXT_COL(image_rec, source_image_id),
    TEXT_COL(image_rec, source_image_region),
    COL(image_rec, created_ms, COL_U64),
    COL(image_rec, deregistered_ms, COL_U64),
    COL(image_rec, last_launched_ms, COL_U64),
    COL(image_rec, deprecated_ms, COL_U64),
    COL_AT(image_rec, "protection", protection, COL_WORD, &protection_words, 0),
    COL(image_rec, protected_until_ms, COL_U64),
};
const struct table image_table =
    TABLE("images", image_rec, cols, "The image id '[", "]' does not exist");

struct mapping_row {
    char image_id[MODEL_ID_MAX];
    uint32_t position;
    struct mapping m;
};
#define M_COL(field, kind) COL_AT(mapping_row, #field, m.field, kind, NULL, 0)
static const struct col mapping_cols[] = {
    KEY_COL(mapping_row, image_id),
    COL_AT(mapping_row, "position", position, COL_U32, NULL, COL_KEY),
    M_COL(device, COL_TEXT),
    M_COL(virtual_name, COL_TEXT),
    M_COL(no_device, COL_BOOL),
    M_COL(has_ebs, COL_BOOL),
    M_COL(snapshot_id, COL_TEXT),
    M_COL(size_gib, COL_U64),
    M_COL(volume_type, COL_TEXT),
    M_COL(iops, COL_U32),
    M_COL(throughput, COL_U32),
    M_COL(delete_on_termination, COL_TRI),
    M_COL(encrypted, COL_TRI),
};
const struct table image_mapping_table =
    TABLE("image_mappings", mapping_row, mapping_cols, "image '", "' has no such mapping");

void image_rec_done(struct image_rec *rec)
{
    mapping_list_done(&rec->mapping);
}

void image_list_free(struct image_rec *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        image_rec_done(&v[i]);
    free(v);
}

/* ---- mappings -------------------------------------------------------------------------------- */

static int mapping_store(struct model *m, const struct image_rec *rec, struct err *e)
{
    struct mapping_row row = { 0 };
    int r = db_exec(m, "DELETE FROM image_mappings WHERE image_id = ?1", BINDS(T(rec->id)), e);

    memcpy(row.image_id, rec->id, sizeof row.image_id);
    for (size_t i = 0; i < rec->mapping.n && r >= 0; i++) {
        row.position = (uint32_t)i;
        row.m = rec->mapping.v[i];
        r = row_insert(m, &image_mapping_table, &row, e);
    }
    return r;
}

static int mapping_load(struct model *m, struct image_rec *rec, struct err *e)
{
    _cleanup_free_ void *v = NULL;
    const struct mapping_row *rows;
    struct mapping_list l = { 0 };
    size_t n = 0;
    int r = row_list(m, &image_mapping_table, "WHERE image_id = ?1 ORDER BY position",
                     BINDS(T(rec->id)), &v, &n, e);

    rows = v;
    for (size_t i = 0; i < n && r >= 0; i++)
        if (mapping_list_add(&l, &rows[i].m) < 0)
            r = err_oom(e);
    if (r < 0) {
        mapping_list_done(&l);
        return r;
    }
    rec->mapping = l;
    return 0;
}

/* ---- insert, get, list, save ----------------------------------------------------------------- */

static int check_name(struct model *m, const struct image_rec *rec, struct err *e)
{
    char other[MODEL_ID_MAX];
    int r = db_text(m,
                    "SELECT id FROM images WHERE region = ?1 AND owner = ?2 AND name = ?3"
                    " AND state <> 'deregistered' AND id <> ?4",
                    BINDS(T(rec->region), T(rec->owner), T(rec->name), T(rec->id)), other,
                    sizeof other, e);

    if (r > 0)
        return err_set(e, EEXIST, ERR_EXISTS, "AMI name %s is already in use by AMI %s", rec->name,
                       other);
    return r;
}

static int insert(struct model *m, const struct image_rec *rec, struct err *e)
{
    int r = check_name(m, rec, e);

    if (r >= 0)
        r = row_insert(m, &image_table, rec, e);
    if (r >= 0)
        r = mapping_store(m, rec, e);
    return r;
}

int model_image_insert(struct model *m, const struct image_rec *rec, struct err *e)
{
    int r = model_begin(m, e);

    if (r < 0)
        return r;
    return model_end(m, insert(m, rec, e), e);
}

int model_image_get(struct model *m, const char *region, const char *id, struct image_rec *ret,
                    struct err *e)
{
    struct image_rec rec = { 0 };
    int r = row_get(m, &image_table, region, id, &rec, e);

    if (r >= 0)
        r = mapping_load(m, &rec, e);
    if (r >= 0)
        *ret = rec;
    return r;
}

int model_image_list(struct model *m, const char *region, struct image_rec **ret, size_t *ret_n,
                     struct err *e)
{
    void *v = NULL;
    struct image_rec *list;
    size_t n = 0;
    int r = row_list(m, &image_table,
                     "WHERE (?1 IS NULL OR region = ?1) AND state <> 'deregistered'"
                     " ORDER BY created_ms, id",
                     BINDS(T(region)), &v, &n, e);

    list = v;
    for (size_t i = 0; i < n && r >= 0; i++)
        r = mapping_load(m, &list[i], e);
    if (r < 0) {
        image_list_free(list, n);
        return r;
    }
    *ret = list;
    *ret_n = n;
    return 0;
}

static int save(struct model *m, const struct image_rec *rec, struct err *e)
{
    int r = check_name(m, rec, e);

    if (r >= 0)
        r = row_save(m, &image_table, rec, e);
    if (r >= 0)
        r = mapping_store(m, rec, e);
    return r;
}

int model_image_save(struct model *m, const struct image_rec *rec, struct err *e)
{
    int r = model_begin(m, e);

    if (r < 0)
        return r;
    return model_end(m, save(m, rec, e), e);
}

/* ---- moves ----------------------------------------------------------------------------------- */

static int next_state(const struct image_rec *rec, enum image_event ev, int *ret, struct err *e)
{
    if (rec->state == IMAGE_DEREGISTERED)
        return err_set(e, EBUSY, ERR_CONFLICT, "The image ID '%s' is no longer available", rec->id);
    return machine_next(&image_machine, rec->id, (int)rec->state, (int)ev, ret, e);
}

static int store_state(struct model *m, struct image_rec *rec, enum image_state to,
                       const char *code, const char *reason, struct err *e)
{
    int r;

    if (code)
        text_cut(rec->state_reason_code, sizeof rec->state_reason_code, code);
    if (reason)
        text_cut(rec->state_reason, sizeof rec->state_reason, reason);
    if (to == IMAGE_DEREGISTERED)
        rec->deregistered_ms = m->now_ms();
    r = row_save(m, &image_table, rec, e);
    if (r >= 0)
        r = db_exec(m, "UPDATE images SET state = ?2 WHERE id = ?1",
                    BINDS(T(rec->id), T(model_image_state_name(to))), e);
    if (r >= 0 && to == IMAGE_DEREGISTERED)
        r = tags_forget(m, rec->id, e);
    if (r >= 0 && (to == IMAGE_DEREGISTERED || to == IMAGE_DISABLED))
        r = model_permissions_reset(m, rec->id, e);
    return r;
}

static int move(struct model *m, const char *id, enum image_event ev, const char *code,
                const char *reason, enum image_state *ret, struct err *e)
{
    struct image_rec rec = { 0 }; /* its mapping stays out of this */
    int to = 0, r = row_get(m, &image_table, NULL, id, &rec, e);

    if (r >= 0)
        r = next_state(&rec, ev, &to, e);
    if (r < 0)
        return r;
    *ret = (enum image_state)to;
    if (*ret == rec.state)
        return 0;
    r = store_state(m, &rec, *ret, code, reason, e);
    if (r >= 0)
        db_notice(m, "image moved id=%s from=%s to=%s event=%s", id,
                  model_image_state_name(rec.state), model_image_state_name(*ret),
                  words_name(image_machine.events, (int)ev));
    return r;
}

int model_image_move(struct model *m, const char *id, enum image_event ev, const char *reason_code,
                     const char *reason, enum image_state *ret, struct err *e)
{
    enum image_state to = IMAGE_STATE_MAX;
    int r = model_begin(m, e);

    if (r < 0)
        return r;
    r = model_end(m, move(m, id, ev, reason_code, reason, &to, e), e);
    if (r >= 0 && ret)
        *ret = to;
    return r;
}
