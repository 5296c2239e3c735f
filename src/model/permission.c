/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who besides its owner may use an image or a snapshot: accounts, or the group "all". They are kept
 * and shown; an installation of Kiln has one account, so nothing is asked of them. */
#include "model-priv.h"

#include <errno.h>

#include "str.h"

static const struct col cols[] = {
    KEY_COL(permission_rec, resource_id),
    KEY_COL(permission_rec, grantee),
    COL(permission_rec, created_ms, COL_U64),
};
const struct table permission_table =
    TABLE("permissions", permission_rec, cols, "'", "' has no such permission");

int model_permissions_list(struct model *m, const char *id, struct permission_rec **ret,
                           size_t *ret_n, struct err *e)
{
    void *v = NULL;
    int r = row_list(m, &permission_table, "WHERE resource_id = ?1 ORDER BY grantee", BINDS(T(id)),
                     &v, ret_n, e);

    if (r >= 0)
        *ret = v;
    return r;
}

/* What DescribeImages asks of every image is a column of it. */
static int note_public(struct model *m, const char *id, struct err *e)
{
    return db_exec(m,
                   "UPDATE images SET is_public = EXISTS (SELECT 1 FROM permissions"
                   " WHERE resource_id = ?1 AND grantee = 'all') WHERE id = ?1",
                   BINDS(T(id)), e);
}

static int change(struct model *m, const struct permission_change *v, size_t n, const char *id,
                  struct err *e)
{
    uint64_t count = 0;
    int r = 0;

    for (size_t i = 0; i < n && r >= 0; i++)
        r = v[i].add ? db_exec(m,
                               "INSERT INTO permissions (resource_id, grantee, created_ms)"
                               " VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                               BINDS(T(id), T(v[i].grantee), U(m->now_ms())), e)
                     : db_exec(m, "DELETE FROM permissions WHERE resource_id = ?1 AND grantee = ?2",
                               BINDS(T(id), T(v[i].grantee)), e);
    if (r >= 0)
        r = db_u64(m, "SELECT count(*) FROM permissions WHERE resource_id = ?1", BINDS(T(id)),
                   &count, e);
    if (r >= 0 && count > MODEL_PERMISSIONS_MAX)
        return err_set(e, E2BIG, ERR_LIMIT, "'%s' would be shared with more than %d accounts", id,
                       MODEL_PERMISSIONS_MAX);
    return r < 0 ? r : note_public(m, id, e);
}

int model_permissions_change(struct model *m, const char *id, const struct permission_change *v,
                             size_t n, struct err *e)
{
    int r = model_begin(m, e);

    if (r < 0)
        return r;
    return model_end(m, change(m, v, n, id, e), e);
}

int model_permissions_reset(struct model *m, const char *id, struct err *e)
{
    int r = db_exec(m, "DELETE FROM permissions WHERE resource_id = ?1", BINDS(T(id)), e);

    return r < 0 ? r : note_public(m, id, e);
}
