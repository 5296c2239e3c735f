/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a guest is given and what it says: user data, its key, its password, its last words. */
#include "model-priv.h"

#include <errno.h>
#include <string.h>

static int set(struct model *m, const char *instance_id, const void *p, size_t n, struct err *e)
{
    struct instance_rec rec;
    int r = model_instance_get(m, NULL, instance_id, &rec, e);

    if (r < 0)
        return r;
    if (n == 0)
        return db_exec(m, "DELETE FROM user_data WHERE instance_id = ?1", BINDS(T(instance_id)), e);
    return db_exec(m, "INSERT OR REPLACE INTO user_data (instance_id, data) VALUES (?1, ?2)",
                   BINDS(T(instance_id), BLOB(p, n)), e);
}

int model_user_data_set(struct model *m, const char *instance_id, const void *p, size_t n,
                        struct err *e)
{
    int r;

    if (n > MODEL_USER_DATA_MAX)
        return err_set(e, EINVAL, ERR_INVALID, "User data is limited to %d bytes",
                       MODEL_USER_DATA_MAX);
    r = model_begin(m, e);
    if (r < 0)
        return r;
    return model_end(m, set(m, instance_id, p, n, e), e);
}

int model_user_data_get(struct model *m, const char *instance_id, void **ret, size_t *ret_n,
                        struct err *e)
{
    _cleanup_statement_ sqlite3_stmt *s = NULL;
    char *copy;
    size_t n;
    int r = db_statement(m, NULL, SQL_PLAIN, "SELECT data FROM user_data WHERE instance_id = ?1",
                         BINDS(T(instance_id)), &s, e);

    if (r >= 0)
        r = db_step(m, s, e);
    if (r < 0)
        return r;
    if (r == 0) {
        *ret = NULL;
        *ret_n = 0;
        return 0;
    }
    n = (size_t)sqlite3_column_bytes(s, 0);
    if (n > MODEL_USER_DATA_MAX)
        return err_set(e, EUCLEAN, ERR_CORRUPT, "database: user data of '%s': too many bytes",
                       instance_id);
    copy = calloc(1, n + 1);
    if (!copy)
        return err_oom(e);
    if (n)
        memcpy(copy, sqlite3_column_blob(s, 0), n);
    *ret = copy;
    *ret_n = n;
    return 0;
}

int model_launch_key_set(struct model *m, const char *instance_id, const char *line, struct err *e)
{
    return db_exec(m, "INSERT INTO launch_keys (instance_id, line) VALUES (?1, ?2)",
                   BINDS(T(instance_id), T(line)), e);
}

int model_launch_key_get(struct model *m, const char *instance_id, char **ret, struct err *e)
{
    _cleanup_statement_ sqlite3_stmt *s = NULL;
    int r = db_statement(m, NULL, SQL_PLAIN, "SELECT line FROM launch_keys WHERE instance_id = ?1",
                         BINDS(T(instance_id)), &s, e);

    if (r >= 0)
        r = db_step(m, s, e);
    if (r < 0)
        return r;
    *ret = r > 0 ? strdup((const char *)sqlite3_column_text(s, 0)) : NULL;
    return r > 0 && !*ret ? err_oom(e) : 0;
}

int model_instance_guest(struct model *m, const char *id, const char *status,
                         const char *password_data, struct err *e)
{
    char cut[MODEL_STATUS_MAX] = "";

    if (status)
        text_cut(cut, sizeof cut, status);
    if (password_data && strlen(password_data) >= MODEL_PASSWORD_MAX)
        return err_set(e, EINVAL, ERR_INVALID,
                       "the guest of '%s' printed a password of %zu characters", id,
                       strlen(password_data));
    return db_exec_on(m, &instance_table, id,
                      "UPDATE instances SET guest_status = coalesce(?2, guest_status),"
                      " password_data = coalesce(?3, password_data) WHERE id = ?1",
                      BINDS(T(id), T(status ? cut : NULL), T(password_data)), e);
}
