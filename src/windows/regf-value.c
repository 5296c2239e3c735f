/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values: finding them, and their data as bytes, numbers and text. */
#include "regf-priv.h"

#include <errno.h>

#define MULTI_MAX (1U << 20) /* strings of one value */

void regf_data_done(struct regf_data *d)
{
    free(d->owned);
    *d = (struct regf_data){ 0 };
}

uint32_t regf_value(const struct regf *h, uint32_t key, const char *name)
{
    struct regf_iter it = regf_values(h, key);
    _cleanup_wide_ struct regf_wide w = { 0 };
    struct err e = { 0 };
    uint32_t value;

    if (!name)
        name = "";
    if (regf_wide_from(name, strlen(name), VALUE_NAME_MAX, &w, &e) < 0)
        return 0;
    while ((value = regf_next_value(h, &it))) {
        struct regf_name have = regf_vk_name(regf_vk(h, value));

        if (regf_name_units(&have) == w.n && regf_name_cmp_wide(&have, &w) == 0)
            return value;
    }
    return 0;
}

char *regf_value_name(const struct regf *h, uint32_t value)
{
    const uint8_t *vk = regf_vk(h, value);
    struct regf_name name = vk ? regf_vk_name(vk) : (struct regf_name){ NULL, 0, false };
    size_t cap = (size_t)regf_name_units(&name) * 3 + 1;
    char *out = malloc(cap);

    if (out)
        (void)regf_name_utf8(&name, out, cap);
    return out;
}

uint32_t regf_value_type(const struct regf *h, uint32_t value)
{
    const uint8_t *vk = regf_vk(h, value);

    return vk ? rd32(vk + 12) : 0;
}

size_t regf_value_bytes(const struct regf *h, uint32_t value)
{
    const uint8_t *vk = regf_vk(h, value);

    return vk ? rd32(vk + 4) & 0x7fffffffU : 0;
}

/* --- order --- */

int regf_value_cmp(const struct regf *ha, uint32_t a, const struct regf *hb, uint32_t b)
{
    const uint8_t *va = regf_vk(ha, a), *vb = regf_vk(hb, b);
    struct regf_name x, y;

    if (!va || !vb)
        return va ? 1 : vb ? -1 : 0;
    x = regf_vk_name(va);
    y = regf_vk_name(vb);
    return regf_name_cmp(&x, &y);
}

struct placed {
    uint32_t value, at;
};

static int by_name(const void *a, const void *b, void *hive)
{
    const struct placed *x = a, *y = b;
    int d = regf_value_cmp(hive, x->value, hive, y->value);

    return d ? d : x->at < y->at ? -1 : x->at > y->at;
}

int regf_values_sorted(const struct regf *h, uint32_t key, uint32_t **ret, size_t *ret_n,
                       struct err *e)
{
    struct regf_iter it = regf_values(h, key);
    _cleanup_free_ struct placed *all = calloc((size_t)it.n + 1, sizeof *all);
    _cleanup_free_ uint32_t *out = calloc((size_t)it.n + 1, sizeof *out);
    uint32_t value, n = 0;
    size_t kept = 0;

    if (!all || !out)
        return err_oom(e);
    while ((value = regf_next_value(h, &it))) {
        all[n] = (struct placed){ value, n };
        n++;
    }
    qsort_r(all, n, sizeof *all, by_name, (void *)h);
    for (uint32_t i = 0; i < n; i++)
        if (!kept || regf_value_cmp(h, out[kept - 1], h, all[i].value) != 0)
            out[kept++] = all[i].value;
    *ret = TAKE_PTR(out);
    *ret_n = kept;
    return 0;
}

/* --- data --- */

bool regf_db(const struct regf *h, uint32_t cell, uint32_t n, struct regf_db *ret)
{
    uint32_t have, bytes;
    const uint8_t *db = regf_cell(h, cell, 8, &have);

    /* Plain data may begin with the same letters, but then its cell holds all of it. */
    if (n <= REGF_PLAIN_MAX || !db || db[0] != 'd' || db[1] != 'b' || have >= n)
        return false;
    ret->segments = rd16(db + 2);
    ret->list_cell = rd32(db + 4);
    ret->list = regf_cell(h, ret->list_cell, 0, &bytes);
    return ret->list && ret->segments == div_up_u64(n, REGF_PLAIN_MAX) &&
           bytes / 4 >= ret->segments;
}

static int bad_data(struct err *e, const struct regf *h, uint32_t value)
{
    _cleanup_free_ char *name = regf_value_name(h, value);

    return err_set(e, EBADMSG, ERR_CORRUPT, "damaged hive: the data of value '%s' (cell 0x%x)",
                   name ? name : "", value);
}

static int join_segments(const struct regf *h, uint32_t value, const struct regf_db *db, uint32_t n,
                         struct regf_data *ret, struct err *e)
{
    _cleanup_free_ uint8_t *all = malloc(n);

    if (!all)
        return err_oom(e);
    for (uint32_t i = 0, at = 0; i < db->segments; i++) {
        uint32_t part = (uint32_t)min_u64(n - at, REGF_PLAIN_MAX);
        const uint8_t *p = regf_cell(h, rd32(db->list + 4 * i), part, NULL);

        if (!p)
            return bad_data(e, h, value);
        memcpy(all + at, p, part);
        at += part;
    }
    ret->n = n;
    ret->p = ret->owned = TAKE_PTR(all);
    return 0;
}

int regf_value_data(const struct regf *h, uint32_t value, struct regf_data *ret, struct err *e)
{
    const uint8_t *vk = regf_vk(h, value), *p;
    struct regf_data d = { 0 };
    struct regf_db db;
    uint32_t n;
    int r = 0;

    if (!vk)
        return regf_corrupt(e, h, 0, "not a value");
    d.type = rd32(vk + 12);
    n = rd32(vk + 4);
    if (n & 0x80000000U) {
        n &= 0x7fffffffU;
        if (n > 4)
            return bad_data(e, h, value);
        d.p = vk + 8;
        d.n = n;
    } else if (!n) {
        d.p = vk + 8;
    } else if (n > REGF_VALUE_MAX) {
        return err_set(e, EFBIG, ERR_LIMIT, "a value of %u bytes is too big", n);
    } else if (regf_db(h, rd32(vk + 8), n, &db)) {
        r = join_segments(h, value, &db, n, &d, e);
    } else {
        p = regf_cell(h, rd32(vk + 8), n, NULL);
        if (!p)
            return bad_data(e, h, value);
        d.p = p;
        d.n = n;
    }
    if (r == 0)
        *ret = d;
    return r;
}

int regf_get(const struct regf *h, uint32_t key, const char *name, struct regf_data *ret,
             struct err *e)
{
    uint32_t value = regf_value(h, key, name);

    if (!value) {
        _cleanup_free_ char *path = regf_key_path(h, key);

        return err_set(e, ENOENT, ERR_NOT_FOUND, "no value '%s' at '%s'", name ? name : "",
                       path ? path : "");
    }
    return regf_value_data(h, value, ret, e);
}

/* --- short forms --- */

static bool get_quiet(const struct regf *h, uint32_t key, const char *name, struct regf_data *ret)
{
    struct err e = { 0 };
    uint32_t value = regf_value(h, key, name);

    return value && regf_value_data(h, value, ret, &e) == 0;
}

/* UTF-16LE up to its first NUL, or to its end. */
static struct regf_name text_part(const uint8_t *p, size_t n)
{
    struct regf_name t = { p, 0, true };

    while (t.n + 1 < n && rd16(p + t.n))
        t.n += 2;
    return t;
}

static char *to_text(struct regf_name t)
{
    size_t cap = (size_t)t.n / 2 * 3 + 1;
    char *out = malloc(cap);

    if (out)
        (void)regf_name_utf8(&t, out, cap);
    return out;
}

char *regf_value_text(const struct regf *h, uint32_t value)
{
    _cleanup_regf_data_ struct regf_data d = { 0 };
    struct err e = { 0 };

    if (regf_value_data(h, value, &d, &e) < 0 ||
        (d.type != REGF_SZ && d.type != REGF_EXPAND_SZ && d.type != REGF_LINK))
        return NULL;
    return to_text(text_part(d.p, d.n));
}

char *regf_text(const struct regf *h, uint32_t key, const char *name)
{
    uint32_t value = regf_value(h, key, name);

    return value ? regf_value_text(h, value) : NULL;
}

uint32_t regf_dword(const struct regf *h, uint32_t key, const char *name, uint32_t otherwise)
{
    _cleanup_regf_data_ struct regf_data d = { 0 };

    if (!get_quiet(h, key, name, &d) || d.n != 4)
        return otherwise;
    if (d.type == REGF_DWORD_BE)
        return __builtin_bswap32(rd32(d.p));
    return d.type == REGF_DWORD ? rd32(d.p) : otherwise;
}

static char **split_multi(const uint8_t *p, size_t n)
{
    char **list = calloc(1, sizeof *list);
    size_t count = 0, cap = 1;

    for (size_t at = 0; list && at + 1 < n && count < MULTI_MAX;) {
        struct regf_name t = text_part(p + at, n - at);

        if (!t.n)
            break;
        if (count + 1 == cap) {
            char **more = realloc(list, cap * 2 * sizeof *list);

            if (!more)
                break;
            list = more;
            cap *= 2;
        }
        list[count] = to_text(t);
        list[count + 1] = NULL;
        if (!list[count++])
            break;
        at += t.n + 2U;
    }
    return list;
}

char **regf_multi(const struct regf *h, uint32_t key, const char *name)
{
    _cleanup_regf_data_ struct regf_data d = { 0 };

    if (!get_quiet(h, key, name, &d) || (d.type != REGF_MULTI_SZ && d.type != REGF_SZ))
        return NULL;
    return split_multi(d.p, d.n);
}

void regf_multi_free(char **list)
{
    for (char **s = list; s && *s; s++)
        free(*s);
    free(list);
}

char *regf_class(const struct regf *h, uint32_t key)
{
    const uint8_t *nk = regf_nk(h, key), *p;
    uint32_t n = nk ? rd16(nk + 74) : 0;

    if (!n)
        return NULL;
    p = regf_cell(h, rd32(nk + 48), n, NULL);
    return p ? to_text((struct regf_name){ p, n, true }) : NULL;
}
