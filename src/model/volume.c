/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Volumes. */
#include "model-priv.h"

#include <errno.h>

static const struct col cols[] = {
    KEY_COL(volume_rec, id),
    TEXT_COL(volume_rec, region),
    TEXT_COL(volume_rec, zone),
    TEXT_COL(volume_rec, owner),
    COL(volume_rec, size_gib, COL_U64),
    TEXT_COL(volume_rec, type),
    COL(volume_rec, iops, COL_U32),
    COL(volume_rec, throughput, COL_U32),
    COL(volume_rec, encrypted, COL_BOOL),
    TEXT_COL(volume_rec, snapshot_id),
    TEXT_COL(volume_rec, platform),
    WORD_COL(volume_rec, state, &volume_words),
    COL(volume_rec, created_ms, COL_U64),
};
const struct table volume_table =
    TABLE("volumes", volume_rec, cols, "The volume '", "' does not exist.");

int model_volume_insert(struct model *m, const struct volume_rec *rec, struct err *e)
{
    return row_insert(m, &volume_table, rec, e);
}

int model_volume_get(struct model *m, const char *region, const char *id, struct volume_rec *ret,
                     struct err *e)
{
    return row_get(m, &volume_table, region, id, ret, e);
}

int model_volume_list(struct model *m, const char *region, struct volume_rec **ret, size_t *ret_n,
                      struct err *e)
{
    void *v = NULL;
    int r = row_list(m, &volume_table, "WHERE ?1 IS NULL OR region = ?1 ORDER BY created_ms, id",
                     BINDS(T(region)), &v, ret_n, e);

    if (r >= 0)
        *ret = v;
    return r;
}

int model_volume_save(struct model *m, const struct volume_rec *rec, struct err *e)
{
    return row_save(m, &volume_table, rec, e);
}

static int next_state(struct model *m, const struct volume_rec *rec, enum volume_ev ev, int *ret,
                      struct err *e)
{
    struct attachment_rec a;

    if (rec->state == VOLUME_ST_IN_USE && ev == VOLUME_EV_DELETE) {
        int r = model_attachment_get(m, rec->id, &a, e);

        if (r < 0)
            return r;
        return err_set(e, EISCONN, ERR_CONFLICT, "Volume %s is currently attached to %s", rec->id,
                       a.instance_id);
    }
    if (rec->state == VOLUME_ST_IN_USE && ev == VOLUME_EV_ATTACH)
        return err_set(e, EISCONN, ERR_CONFLICT, "%s is already attached to an instance", rec->id);
    return machine_next(&volume_machine, rec->id, (int)rec->state, (int)ev, ret, e);
}

static int store_state(struct model *m, const char *id, enum volume_state to, struct err *e)
{
    int r;

    if (to != VOLUME_ST_DELETED)
        return db_exec(m, "UPDATE volumes SET state = ?2 WHERE id = ?1",
                       BINDS(T(id), T(model_volume_state_name(to))), e);
    r = tags_forget(m, id, e);
    if (r < 0)
        return r;
    return db_exec(m, "DELETE FROM volumes WHERE id = ?1", BINDS(T(id)), e);
}

static int move(struct model *m, const char *id, enum volume_ev ev, enum volume_state *ret,
                struct err *e)
{
    struct volume_rec rec;
    int to = 0, r = model_volume_get(m, NULL, id, &rec, e);

    if (r >= 0)
        r = next_state(m, &rec, ev, &to, e);
    if (r < 0)
        return r;
    *ret = (enum volume_state)to;
    if (*ret == rec.state)
        return 0;
    r = store_state(m, id, *ret, e);
    if (r >= 0)
        db_notice(m, "volume moved id=%s from=%s to=%s event=%s", id,
                  model_volume_state_name(rec.state), model_volume_state_name(*ret),
                  words_name(volume_machine.events, (int)ev));
    return r;
}

int model_volume_move(struct model *m, const char *id, enum volume_ev ev, enum volume_state *ret,
                      struct err *e)
{
    enum volume_state to = VOLUME_ST_MAX;
    int r = model_begin(m, e);

    if (r < 0)
        return r;
    r = model_end(m, move(m, id, ev, &to, e), e);
    if (r >= 0 && ret)
        *ret = to;
    return r;
}
