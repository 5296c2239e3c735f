/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Snapshots as resources; their content is the store's. */
#include "model-priv.h"

#include <errno.h>

static const struct col cols[] = {
    KEY_COL(snapshot_rec, id),
    TEXT_COL(snapshot_rec, region),
    TEXT_COL(snapshot_rec, owner),
    TEXT_COL(snapshot_rec, volume_id),
    TEXT_COL(snapshot_rec, description),
    WORD_COL(snapshot_rec, state, &snapshot_words),
    TEXT_COL(snapshot_rec, state_message),
    COL(snapshot_rec, progress, COL_U32),
    COL(snapshot_rec, volume_size_gib, COL_U64),
    COL(snapshot_rec, started_ms, COL_U64),
    COL(snapshot_rec, completed_ms, COL_U64),
    COL(snapshot_rec, encrypted, COL_BOOL),
    TEXT_COL(snapshot_rec, platform),
    TEXT_COL(snapshot_rec, parent),
    COL(snapshot_rec, bytes_read, COL_U64),
    COL(snapshot_rec, bytes_stored, COL_U64),
    COL(snapshot_rec, bytes_done, COL_U64),
    COL(snapshot_rec, bytes_total, COL_U64),
    COL(snapshot_rec, bytes_per_s, COL_U64),
};
const struct table snapshot_table =
    TABLE("snapshots", snapshot_rec, cols, "The snapshot '", "' does not exist.");

int model_snapshot_insert(struct model *m, const struct snapshot_rec *rec, struct err *e)
{
    return row_insert(m, &snapshot_table, rec, e);
}

int model_snapshot_get(struct model *m, const char *region, const char *id,
                       struct snapshot_rec *ret, struct err *e)
{
    return row_get(m, &snapshot_table, region, id, ret, e);
}

int model_snapshot_list(struct model *m, const char *region, struct snapshot_rec **ret,
                        size_t *ret_n, struct err *e)
{
    void *v = NULL;
    int r = row_list(m, &snapshot_table, "WHERE ?1 IS NULL OR region = ?1 ORDER BY started_ms, id",
                     BINDS(T(region)), &v, ret_n, e);

    if (r >= 0)
        *ret = v;
    return r;
}

int model_snapshot_save(struct model *m, const struct snapshot_rec *rec, struct err *e)
{
    return row_save(m, &snapshot_table, rec, e);
}

/* The pragma works when the statement is compiled, and never inside a transaction. */
static void set_synchronous(struct model *m, const char *pragma)
{
    if (m->depth == 0)
        (void)sqlite3_exec(m->db, pragma, NULL, NULL, NULL); /* costs a flush at worst */
}

int model_snapshot_progress(struct model *m, const char *id, const struct snapshot_progress *p,
                            struct err *e)
{
    int r;

    /* No flush of its own: a percentage that a power cut takes back harms nobody, and the next
     * change that matters flushes the log as a whole. */
    set_synchronous(m, "PRAGMA synchronous = NORMAL");
    r = db_exec(m,
                "UPDATE snapshots SET progress = ?2, bytes_read = ?3, bytes_stored = ?4,"
                " bytes_done = ?5, bytes_total = ?6, bytes_per_s = ?7"
                " WHERE id = ?1 AND state = 'pending'",
                BINDS(T(id), U(p->percent), U(p->read), U(p->stored), U(p->done), U(p->total),
                      U(p->per_s)),
                e);
    set_synchronous(m, "PRAGMA synchronous = FULL");
    return r;
}

static int move(struct model *m, const char *id, enum snapshot_event ev, const char *message,
                enum snapshot_state *ret, struct err *e)
{
    struct snapshot_rec rec;
    int to = 0, r = model_snapshot_get(m, NULL, id, &rec, e);

    if (r >= 0)
        r = machine_next(&snapshot_machine, id, (int)rec.state, (int)ev, &to, e);
    if (r < 0)
        return r;
    *ret = (enum snapshot_state)to;
    if (*ret == rec.state)
        return 0;
    if (message)
        text_cut(rec.state_message, sizeof rec.state_message, message);
    if (*ret == SNAPSHOT_COMPLETED) {
        rec.progress = 100;
        rec.completed_ms = m->now_ms();
    }
    r = row_save(m, &snapshot_table, &rec, e);
    if (r >= 0)
        r = db_exec(m, "UPDATE snapshots SET state = ?2 WHERE id = ?1",
                    BINDS(T(id), T(model_snapshot_state_name(*ret))), e);
    if (r >= 0)
        db_notice(m, "snapshot moved id=%s from=%s to=%s event=%s", id,
                  model_snapshot_state_name(rec.state), model_snapshot_state_name(*ret),
                  words_name(snapshot_machine.events, (int)ev));
    return r;
}

int model_snapshot_move(struct model *m, const char *id, enum snapshot_event ev,
                        const char *message, enum snapshot_state *ret, struct err *e)
{
    enum snapshot_state to = SNAPSHOT_STATE_MAX;
    int r = model_begin(m, e);

    if (r < 0)
        return r;
    r = model_end(m, move(m, id, ev, message, &to, e), e);
    if (r >= 0 && ret)
        *ret = to;
    return r;
}

int model_snapshot_user(struct model *m, const char *id, char ret_image_id[MODEL_ID_MAX],
                        struct err *e)
{
    return db_text(m,
                   "SELECT i.id FROM image_mappings p JOIN images i ON i.id = p.image_id"
                   " WHERE p.snapshot_id = ?1 AND i.state <> 'deregistered'"
                   " ORDER BY i.created_ms, i.id LIMIT 1",
                   BINDS(T(id)), ret_image_id, MODEL_ID_MAX, e);
}

static int remove_snapshot(struct model *m, const char *id, struct err *e)
{
    char user[MODEL_ID_MAX];
    int r = model_snapshot_user(m, id, user, e);

    if (r > 0)
        return err_set(e, EBUSY, ERR_CONFLICT, "The snapshot %s is currently in use by %s", id,
                       user);
    if (r >= 0)
        r = db_exec_on(m, &snapshot_table, id, "DELETE FROM snapshots WHERE id = ?1", BINDS(T(id)),
                       e);
    if (r >= 0)
        r = tags_forget(m, id, e);
    if (r >= 0)
        r = model_permissions_reset(m, id, e);
    if (r >= 0)
        db_notice(m, "snapshot deleted id=%s", id);
    return r;
}

int model_snapshot_delete(struct model *m, const char *id, struct err *e)
{
    int r = model_begin(m, e);

    if (r < 0)
        return r;
    return model_end(m, remove_snapshot(m, id, e), e);
}
