/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writing values. Data goes into its cell first, then the value is turned to it: what fails on the
 * way leaves the old data in force. Only the value itself is touched, never its neighbours. */
#include "regf-priv.h"

#include <errno.h>

struct stored {
    uint32_t size, ref; /* as in the vk record */
};

bool regf_is_split(const struct regf *h, uint32_t n)
{
    return h->info.minor >= 4 && n > REGF_PLAIN_MAX;
}

static void release_data(struct regf *h, uint32_t size, uint32_t ref)
{
    struct regf_db db;

    if (!size || size & 0x80000000U)
        return;
    if (regf_db(h, ref, size, &db)) {
        for (uint32_t i = 0; i < db.segments; i++)
            regf_release(h, rd32(db.list + 4 * i));
        regf_release(h, db.list_cell);
        regf_release(h, ref);
    } else if (regf_cell(h, ref, size, NULL)) { /* too small: it is not this value's any more */
        regf_release(h, ref);
    }
}

void regf_value_release(struct regf *h, uint32_t value)
{
    const uint8_t *vk = regf_vk(h, value);

    if (!vk)
        return;
    release_data(h, rd32(vk + 4), rd32(vk + 8));
    regf_release(h, value);
}

/* --- storing --- */

static int store_plain(struct regf *h, const uint8_t *p, uint32_t n, struct stored *ret,
                       struct err *e)
{
    uint32_t cell;
    int r = regf_alloc(h, n, &cell, e);

    if (r < 0)
        return r;
    memcpy(regf_at(h, cell) + 4, p, n);
    *ret = (struct stored){ n, cell };
    return 0;
}

static int store_segments(struct regf *h, const uint8_t *p, uint32_t n, uint32_t list,
                          struct err *e)
{
    for (uint32_t i = 0, at = 0; at < n; i++) {
        uint32_t part = (uint32_t)min_u64(n - at, REGF_PLAIN_MAX), cell;
        int r = regf_alloc(h, REGF_PLAIN_MAX + 4, &cell, e); /* Windows takes 16,352 for each */

        if (r < 0)
            return r;
        memcpy(regf_at(h, cell) + 4, p + at, part);
        wr32(regf_at(h, list) + 4 + 4 * i, cell);
        at += part;
    }
    return 0;
}

static int store_split(struct regf *h, const uint8_t *p, uint32_t n, struct stored *ret,
                       struct err *e)
{
    uint32_t segments = (uint32_t)div_up_u64(n, REGF_PLAIN_MAX), db, list;
    int r;

    if (segments > 0xffff)
        return err_set(e, EFBIG, ERR_LIMIT, "a value of %u bytes is too big", n);
    r = regf_alloc(h, 8, &db, e);
    if (r < 0)
        return r;
    r = regf_alloc(h, 4 * segments, &list, e);
    if (r < 0) {
        regf_release(h, db);
        return r;
    }
    r = store_segments(h, p, n, list, e);
    if (r < 0) {
        for (uint32_t i = 0; i < segments; i++)
            regf_release(h, rd32(regf_at(h, list) + 4 + 4 * i));
        regf_release(h, list);
        regf_release(h, db);
        return r;
    }
    regf_at(h, db)[4] = 'd', regf_at(h, db)[5] = 'b';
    wr16(regf_at(h, db) + 6, (uint16_t)segments);
    wr32(regf_at(h, db) + 8, list);
    *ret = (struct stored){ n, db };
    return 0;
}

static int store(struct regf *h, const void *data, size_t n, struct stored *ret, struct err *e)
{
    uint8_t small[4] = { 0 };

    if (n > REGF_VALUE_MAX)
        return err_set(e, EFBIG, ERR_LIMIT, "a value of %zu bytes is too big", n);
    if (n > 4)
        return regf_is_split(h, (uint32_t)n) ? store_split(h, data, (uint32_t)n, ret, e)
                                             : store_plain(h, data, (uint32_t)n, ret, e);
    if (n)
        memcpy(small, data, n);
    *ret = (struct stored){ 0x80000000U | (uint32_t)n, rd32(small) };
    return 0;
}

/* The same number of plain bytes, or a few less: where they are. */
static bool store_in_place(struct regf *h, const uint8_t *vk, const void *data, size_t n)
{
    uint32_t have, old = rd32(vk + 4);
    uint8_t *p;

    if (n <= 4 || old & 0x80000000U || n > old || old > REGF_PLAIN_MAX || old - n > 64)
        return false;
    p = regf_cell(h, rd32(vk + 8), old, &have);
    if (!p)
        return false;
    memmove(p, data, n);
    memset(p + n, 0, have - n);
    h->is_changed = true;
    return true;
}

static void turn_to(struct regf *h, uint8_t *vk, uint32_t type, struct stored s)
{
    wr32(vk + 4, s.size);
    wr32(vk + 8, s.ref);
    wr32(vk + 12, type);
    h->is_changed = true;
}

static void grow_u32(struct regf *h, uint8_t *p, uint32_t v)
{
    if (rd32(p) >= v)
        return;
    wr32(p, v);
    h->is_changed = true;
}

static int replace(struct regf *h, uint32_t value, uint32_t type, const void *data, size_t n,
                   struct err *e)
{
    uint8_t *vk = regf_vk(h, value);
    uint32_t size = rd32(vk + 4), ref = rd32(vk + 8);
    struct stored s = { (uint32_t)n, ref };
    int r;

    if (store_in_place(h, vk, data, n)) {
        turn_to(h, vk, type, s);
        return 0;
    }
    r = store(h, data, n, &s, e);
    if (r < 0)
        return r;
    turn_to(h, vk, type, s);
    release_data(h, size, ref);
    return 0;
}

/* --- the list of values --- */

static int append(struct regf *h, uint32_t key, uint32_t value, struct err *e)
{
    uint8_t *nk = regf_nk(h, key);
    uint32_t n = rd32(nk + 36), list = n ? rd32(nk + 40) : REGF_NIL;
    int r;

    if (n >= CHILDREN_MAX)
        return err_set(e, EFBIG, ERR_LIMIT, "a key has too many values");
    if (n && !regf_cell(h, list, 4 * n, NULL))
        return regf_corrupt(e, h, key, "the list of values");
    r = regf_grow(h, &list, 4 * (n + 1), e);
    if (r < 0)
        return r;
    wr32(regf_at(h, list) + 4 + 4 * n, value);
    wr32(nk + 36, n + 1);
    wr32(nk + 40, list);
    h->is_changed = true;
    return 0;
}

static int new_vk(struct regf *h, const struct regf_wide *name, uint32_t *ret, struct err *e)
{
    uint32_t n = regf_wide_bytes(name), cell;
    uint8_t *vk;
    int r = regf_alloc(h, VK_BYTES + n, &cell, e);

    if (r < 0)
        return r;
    vk = regf_at(h, cell) + 4;
    vk[0] = 'v', vk[1] = 'k';
    wr16(vk + 2, (uint16_t)n);
    wr16(vk + 16, name->latin && n ? 1 : 0);
    regf_wide_store(name, vk + VK_BYTES);
    *ret = cell;
    return 0;
}

static int add(struct regf *h, uint32_t key, const char *name, uint32_t type, const void *data,
               size_t n, struct err *e)
{
    _cleanup_wide_ struct regf_wide w = { 0 };
    struct stored s = { 0 };
    uint32_t value;
    int r = regf_wide_from(name, strlen(name), VALUE_NAME_MAX, &w, e);

    if (r < 0)
        return r;
    r = new_vk(h, &w, &value, e);
    if (r < 0)
        return r;
    r = store(h, data, n, &s, e);
    if (r == 0) {
        turn_to(h, regf_vk(h, value), type, s);
        r = append(h, key, value, e);
    }
    if (r < 0) {
        regf_value_release(h, value);
        return r;
    }
    grow_u32(h, regf_nk(h, key) + 60, w.n * 2);
    return 0;
}

int regf_set(struct regf *h, uint32_t key, const char *name, uint32_t type, const void *data,
             size_t n, struct err *e)
{
    uint32_t value;
    int r = regf_begin_edit(h, e);

    if (r < 0)
        return r;
    if (!regf_nk(h, key))
        return regf_corrupt(e, h, key, "not a key");
    if (!name)
        name = "";
    value = regf_value(h, key, name);
    r = value ? replace(h, value, type, data, n, e) : add(h, key, name, type, data, n, e);
    if (r < 0)
        return err_wrap(e, "set value '%s'", name);
    grow_u32(h, regf_nk(h, key) + 64, (uint32_t)n);
    regf_key_touch(h, key);
    return 0;
}

int regf_set_value_data(struct regf *h, uint32_t key, uint32_t value, const void *data, size_t n,
                        struct err *e)
{
    int r = regf_begin_edit(h, e);

    if (r < 0)
        return r;
    if (!regf_nk(h, key) || !regf_vk(h, value))
        return regf_corrupt(e, h, key, "not a value");
    r = replace(h, value, regf_value_type(h, value), data, n, e);
    if (r < 0)
        return err_wrap(e, "set the data of a value");
    grow_u32(h, regf_nk(h, key) + 64, (uint32_t)n);
    regf_key_touch(h, key);
    return 0;
}

/* --- typed --- */

int regf_set_text(struct regf *h, uint32_t key, const char *name, uint32_t type, const char *text,
                  struct err *e)
{
    const char *const one[] = { text, NULL };

    return regf_set_texts(h, key, name, type, one, type == REGF_LINK ? 0 : 1, e);
}

int regf_set_texts(struct regf *h, uint32_t key, const char *name, uint32_t type,
                   const char *const *list, uint32_t nuls, struct err *e)
{
    _cleanup_free_ uint8_t *out = NULL;
    size_t n = 0, cap = 0;

    for (; *list; list++) {
        _cleanup_wide_ struct regf_wide w = { 0 };
        int r = regf_wide_from(*list, strlen(*list), REGF_VALUE_MAX / 2 - 2, &w, e);
        uint8_t *more;

        if (r < 0)
            return err_wrap(e, "set value '%s'", name ? name : "");
        cap = n + (w.n + nuls) * 2ULL;
        more = realloc(out, cap + 2);
        if (!more)
            return err_oom(e);
        out = more;
        w.latin = false;
        memset(out + n, 0, cap + 2 - n);
        regf_wide_store(&w, out + n);
        n = cap;
    }
    if (type == REGF_MULTI_SZ)
        n += 2; /* the empty text that ends it; room is there, or made below */
    if (!out)
        out = calloc(1, 2);
    if (!out)
        return err_oom(e);
    return regf_set(h, key, name, type, out, n, e);
}

int regf_set_multi(struct regf *h, uint32_t key, const char *name, const char *const *list,
                   struct err *e)
{
    return regf_set_texts(h, key, name, REGF_MULTI_SZ, list, 1, e);
}

int regf_set_dword(struct regf *h, uint32_t key, const char *name, uint32_t v, struct err *e)
{
    uint8_t x[4];

    wr32(x, v);
    return regf_set(h, key, name, REGF_DWORD, x, sizeof x, e);
}

/* --- deleting, renaming --- */

/* Where a value stands in the list of its key; -1: not there. */
static int64_t index_of(const struct regf *h, uint32_t key, uint32_t value)
{
    struct regf_iter it = regf_values(h, key);

    while (it.i < it.n)
        if (regf_next_value(h, &it) == value)
            return (int64_t)it.i - 1;
    return -1;
}

static int take_out(struct regf *h, uint32_t key, uint32_t i, struct err *e)
{
    uint8_t *nk = regf_nk(h, key), *list;
    uint32_t n = rd32(nk + 36), bytes = 0;

    if (n == 1) {
        regf_release(h, rd32(nk + 40));
        wr32(nk + 40, REGF_NIL);
    } else {
        list = regf_cell(h, rd32(nk + 40), 0, &bytes);
        if (!list || bytes / 4 < n)
            return regf_corrupt(e, h, key, "the list of values");
        memmove(list + 4 * i, list + 4 * (i + 1), 4 * (n - i - 1));
        wr32(list + 4 * (n - 1), 0);
        h->is_changed = true;
    }
    wr32(nk + 36, n - 1);
    h->is_changed = true;
    return 0;
}

int regf_value_delete(struct regf *h, uint32_t key, const char *name, struct err *e)
{
    int r = regf_begin_edit(h, e);
    uint32_t value;
    int64_t i;

    if (r < 0)
        return r;
    value = regf_value(h, key, name);
    i = value ? index_of(h, key, value) : -1;
    if (i < 0)
        return 0;
    r = take_out(h, key, (uint32_t)i, e);
    if (r < 0)
        return r;
    regf_value_release(h, value);
    regf_key_touch(h, key);
    return 1;
}

int regf_value_rename(struct regf *h, uint32_t key, uint32_t value, const char *name, struct err *e)
{
    _cleanup_wide_ struct regf_wide w = { 0 };
    int64_t i = index_of(h, key, value);
    uint32_t other, cell;
    uint8_t *vk, *list;
    int r = regf_begin_edit(h, e);

    if (r < 0)
        return r;
    if (i < 0)
        return regf_corrupt(e, h, key, "a value that its key does not list");
    other = regf_value(h, key, name);
    if (other && other != value)
        return err_set(e, EEXIST, ERR_EXISTS, "a value '%s' is there already", name);
    r = regf_wide_from(name, strlen(name), VALUE_NAME_MAX, &w, e);
    if (r == 0)
        r = regf_resize(h, value, VK_BYTES + regf_wide_bytes(&w), &cell, e);
    if (r < 0)
        return r;
    vk = regf_at(h, cell) + 4;
    memset(vk + VK_BYTES, 0, 0U - rd32(vk - 4) - 4 - VK_BYTES);
    wr16(vk + 2, (uint16_t)regf_wide_bytes(&w));
    wr16(vk + 16, (uint16_t)((rd16(vk + 16) & ~1U) | (w.latin && w.n ? 1 : 0)));
    regf_wide_store(&w, vk + VK_BYTES);
    h->is_changed = true;
    list = regf_cell(h, rd32(regf_nk(h, key) + 40), 4 * ((uint32_t)i + 1), NULL);
    if (!list)
        return regf_break(h, regf_corrupt(e, h, key, "the list of values"));
    wr32(list + 4 * i, cell);
    h->is_changed = true;
    grow_u32(h, regf_nk(h, key) + 60, w.n * 2);
    regf_key_touch(h, key);
    return 0;
}
