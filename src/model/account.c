/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The installation's account and its access keys. */
#include "model-priv.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rand.h"

static const char id_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
static const char secret_letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The alphabets have 32 and 64 letters: no letter is likelier than another. */
static void random_letters(char *out, size_t n, const char *letters, size_t n_letters)
{
    uint8_t b[64];

    assert(n < sizeof b);
    rand_bytes(b, n);
    for (size_t i = 0; i < n; i++)
        out[i] = letters[b[i] % n_letters];
    out[n] = '\0';
}

/* Twelve digits, the first not 0: clients print account ids as numbers. */
static void new_account(char out[16])
{
    uint64_t v;

    rand_bytes(&v, sizeof v);
    (void)snprintf(out, 16, "%012llu", (unsigned long long)(100000000000ULL + v % 900000000000ULL));
}

static int account_make(struct model *m, struct err *e)
{
    char id[32] = "AKIA", secret[48];
    int r;

    new_account(m->account);
    random_letters(id + 4, 16, id_letters, 32);
    random_letters(secret, 40, secret_letters, 64);
    r = db_exec(m, "INSERT INTO meta (name, value) VALUES ('account', ?1)", BINDS(T(m->account)),
                e);
    if (r < 0)
        return r;
    return db_exec(m,
                   "INSERT INTO access_keys (id, secret, account, created_ms)"
                   " VALUES (?1, ?2, ?3, ?4)",
                   BINDS(T(id), T(secret), T(m->account), U(m->now_ms())), e);
}

static int load(struct model *m, struct err *e)
{
    int r = db_text(m, "SELECT value FROM meta WHERE name = 'account'", NO_BINDS, m->account,
                    sizeof m->account, e);

    return r != 0 ? r : account_make(m, e);
}

int account_load(struct model *m, struct err *e)
{
    int r = model_begin(m, e);

    if (r < 0)
        return r;
    return model_end(m, load(m, e), e);
}

const char *model_account(const struct model *m)
{
    return m->account;
}

static const struct col cols[] = {
    KEY_COL(access_key, id),
    TEXT_COL(access_key, secret),
    TEXT_COL(access_key, account),
};
static const struct table access_key_table =
    TABLE("access_keys", access_key, cols, "the access key '", "' does not exist");

int model_access_key_get(struct model *m, const char *id, struct access_key *ret, struct err *e)
{
    int r = row_one(m, &access_key_table, "WHERE id = ?1", BINDS(T(id)), ret, e);

    if (r < 0)
        return r;
    return r > 0 ? 0 : row_missing(&access_key_table, id, e);
}

int model_access_key_first(struct model *m, struct access_key *ret, struct err *e)
{
    int r = row_one(m, &access_key_table, "ORDER BY created_ms, id LIMIT 1", NO_BINDS, ret, e);

    if (r < 0)
        return r;
    return r > 0 ? 0 : row_missing(&access_key_table, "(any)", e);
}
