/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Client tokens: which request made which resource, for a day. */
#include "model-priv.h"

#include <errno.h>
#include <string.h>

#define SHA256_BYTES 32

static uint64_t oldest(const struct model *m)
{
    uint64_t now = m->now_ms();

    return now > MODEL_TOKEN_MS ? now - MODEL_TOKEN_MS : 0;
}

int model_token_find(struct model *m, const char *region, const char *action, const char *token,
                     const uint8_t params_sha256[32], char ret_id[MODEL_ID_MAX], struct err *e)
{
    _cleanup_statement_ sqlite3_stmt *s = NULL;
    const char *id;
    int r = db_statement(m, NULL, SQL_PLAIN,
                         "SELECT params, resource_id FROM tokens"
                         " WHERE region = ?1 AND action = ?2 AND token = ?3 AND kept_ms >= ?4",
                         BINDS(T(region), T(action), T(token), U(oldest(m))), &s, e);

    if (r >= 0)
        r = db_step(m, s, e);
    if (r <= 0)
        return r;
    id = (const char *)sqlite3_column_text(s, 1);
    if (sqlite3_column_bytes(s, 0) != SHA256_BYTES || !id || strlen(id) >= MODEL_ID_MAX)
        return err_set(e, EUCLEAN, ERR_CORRUPT, "database: a client token of '%s'", action);
    if (memcmp(sqlite3_column_blob(s, 0), params_sha256, SHA256_BYTES) != 0)
        return err_set(e, EBUSY, ERR_CONFLICT,
                       "the client token was used for a '%s' request with other parameters",
                       action);
    memcpy(ret_id, id, strlen(id) + 1);
    return 1;
}

static int keep(struct model *m, const char *region, const char *action, const char *token,
                const uint8_t params_sha256[32], const char *id, struct err *e)
{
    int r = db_exec(m, "DELETE FROM tokens WHERE kept_ms < ?1", BINDS(U(oldest(m))), e);

    if (r < 0)
        return r;
    return db_exec(m,
                   "INSERT OR REPLACE INTO tokens"
                   " (region, action, token, params, resource_id, kept_ms)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                   BINDS(T(region), T(action), T(token), BLOB(params_sha256, SHA256_BYTES), T(id),
                         U(m->now_ms())),
                   e);
}

int model_token_keep(struct model *m, const char *region, const char *action, const char *token,
                     const uint8_t params_sha256[32], const char *id, struct err *e)
{
    int r = model_begin(m, e);

    if (r < 0)
        return r;
    return model_end(m, keep(m, region, action, token, params_sha256, id, e), e);
}
