/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which volume hangs at which device of which instance. A volume is in-use exactly while it has a
 * row here. */
#include "model-priv.h"

#include <errno.h>

#include "str.h"

static const struct col cols[] = {
    KEY_COL(attachment_rec, volume_id),        TEXT_COL(attachment_rec, instance_id),
    TEXT_COL(attachment_rec, device),          WORD_COL(attachment_rec, state, &attach_words),
    COL(attachment_rec, attached_ms, COL_U64), COL(attachment_rec, delete_on_termination, COL_BOOL),
};
const struct table attachment_table =
    TABLE("attachments", attachment_rec, cols, "The volume '", "' is not attached.");

static int check_places(struct model *m, const struct attachment_rec *rec, struct err *e)
{
    struct instance_rec i;
    struct volume_rec v;
    char other[MODEL_ID_MAX];
    int r = model_volume_get(m, NULL, rec->volume_id, &v, e);

    if (r >= 0)
        r = model_instance_get(m, NULL, rec->instance_id, &i, e);
    if (r < 0)
        return r;
    if (i.state == INSTANCE_SHUTTING_DOWN || i.state == INSTANCE_TERMINATED)
        return err_set(e, EBUSY, ERR_CONFLICT, "instance '%s' is '%s', 'attach' is refused", i.id,
                       model_instance_state_name(i.state));
    if (!str_eq(i.zone, v.zone))
        return err_set(e, EXDEV, ERR_INVALID,
                       "The volume '%s' is not in the same availability zone as instance '%s'",
                       v.id, i.id);
    r = db_text(m, "SELECT volume_id FROM attachments WHERE instance_id = ?1 AND device = ?2",
                BINDS(T(rec->instance_id), T(rec->device)), other, sizeof other, e);
    if (r > 0 && !str_eq(other, rec->volume_id))
        return err_set(e, EADDRINUSE, ERR_CONFLICT,
                       "Invalid value '%s' for unixDevice. Attachment point %s is already in use",
                       rec->device, rec->device);
    return r < 0 ? r : 0;
}

static int attach(struct model *m, const struct attachment_rec *rec, struct err *e)
{
    int r = check_places(m, rec, e);

    if (r >= 0)
        r = model_volume_move(m, rec->volume_id, VOLUME_EV_ATTACH, NULL, e);
    if (r >= 0)
        r = row_insert(m, &attachment_table, rec, e);
    return r;
}

int model_attach(struct model *m, const struct attachment_rec *rec, struct err *e)
{
    int r = model_begin(m, e);

    if (r < 0)
        return r;
    return model_end(m, attach(m, rec, e), e);
}

int model_attachment_state(struct model *m, const char *volume_id, enum attach_state st,
                           struct err *e)
{
    return db_exec_on(m, &attachment_table, volume_id,
                      "UPDATE attachments SET state = ?2 WHERE volume_id = ?1",
                      BINDS(T(volume_id), T(model_attach_state_name(st))), e);
}

int model_attachment_save(struct model *m, const struct attachment_rec *rec, struct err *e)
{
    return row_save(m, &attachment_table, rec, e);
}

static int detach(struct model *m, const char *volume_id, struct err *e)
{
    int r = db_exec_on(m, &attachment_table, volume_id,
                       "DELETE FROM attachments WHERE volume_id = ?1", BINDS(T(volume_id)), e);

    if (r < 0)
        return r;
    return model_volume_move(m, volume_id, VOLUME_EV_DETACHED, NULL, e);
}

int model_detach(struct model *m, const char *volume_id, struct err *e)
{
    int r = model_begin(m, e);

    if (r < 0)
        return r;
    return model_end(m, detach(m, volume_id, e), e);
}

int model_attachment_get(struct model *m, const char *volume_id, struct attachment_rec *ret,
                         struct err *e)
{
    int r = row_one(m, &attachment_table, "WHERE volume_id = ?1", BINDS(T(volume_id)), ret, e);

    if (r < 0)
        return r;
    return r > 0 ? 0 : row_missing(&attachment_table, volume_id, e);
}

int model_attachment_list(struct model *m, const char *instance_id, struct attachment_rec **ret,
                          size_t *ret_n, struct err *e)
{
    static const char of_one[] =
        "WHERE instance_id = ?1"
        " ORDER BY device = (SELECT root_device_name FROM instances WHERE id = ?1) DESC, device";
    static const char of_all[] = "ORDER BY instance_id, device";
    void *v = NULL;
    int r;

    if (instance_id)
        r = row_list(m, &attachment_table, of_one, BINDS(T(instance_id)), &v, ret_n, e);
    else
        r = row_list(m, &attachment_table, of_all, NO_BINDS, &v, ret_n, e);
    if (r >= 0)
        *ret = v;
    return r;
}
