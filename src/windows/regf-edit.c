/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys: made, deleted with all below them, renamed; their class and time. */
#include "regf-priv.h"

#include <errno.h>

#define FLAG_LATIN 0x20U

void regf_key_touch(struct regf *h, uint32_t key)
{
    uint8_t *nk = regf_nk(h, key);

    if (!nk)
        return;
    wr64(nk + 4, h->now);
    h->is_changed = true;
}

/* --- making --- */

static uint32_t depth_of(const struct regf *h, uint32_t key)
{
    uint32_t n = 0;

    while (n < REGF_DEPTH_MAX && (key = regf_parent(h, key)))
        n++;
    return n;
}

static void note_lengths(struct regf *h, uint32_t key, uint32_t name_units, uint32_t class_bytes)
{
    uint8_t *nk = regf_nk(h, key);

    if (rd16(nk + 52) < name_units * 2) /* the half above it holds flags */
        wr16(nk + 52, (uint16_t)(name_units * 2));
    if (rd32(nk + 56) < class_bytes)
        wr32(nk + 56, class_bytes);
    h->is_changed = true;
}

/* A key that nobody lists yet, with the security of its parent. */
static int new_nk(struct regf *h, uint32_t parent, const struct regf_wide *name, uint32_t *ret,
                  struct err *e)
{
    uint32_t sk = rd32(regf_nk(h, parent) + 44), cell;
    uint8_t *nk;
    int r = regf_alloc(h, NK_BYTES + regf_wide_bytes(name), &cell, e);

    if (r < 0)
        return r;
    r = regf_sk_ref(h, sk, e);
    if (r < 0) {
        regf_release(h, cell);
        return r;
    }
    nk = regf_at(h, cell) + 4;
    nk[0] = 'n', nk[1] = 'k';
    wr16(nk + 2, name->latin ? FLAG_LATIN : 0);
    wr64(nk + 4, h->now);
    wr32(nk + 16, parent);
    wr32(nk + 28, REGF_NIL);
    wr32(nk + 32, REGF_NIL);
    wr32(nk + 40, REGF_NIL);
    wr32(nk + 44, sk);
    wr32(nk + 48, REGF_NIL);
    wr16(nk + 72, (uint16_t)regf_wide_bytes(name));
    regf_wide_store(name, nk + NK_BYTES);
    *ret = cell;
    return 0;
}

static int make_child(struct regf *h, uint32_t parent, const struct regf_wide *name, uint32_t *ret,
                      struct err *e)
{
    uint32_t key;
    int r;

    if (depth_of(h, parent) + 1 >= REGF_DEPTH_MAX)
        return err_set(e, ELOOP, ERR_LIMIT, "more than %d levels of keys", REGF_DEPTH_MAX);
    r = new_nk(h, parent, name, &key, e);
    if (r < 0)
        return r;
    r = regf_list_insert(h, parent, key, e);
    if (r < 0) {
        regf_sk_unref(h, rd32(regf_nk(h, key) + 44));
        regf_release(h, key);
        return r;
    }
    note_lengths(h, parent, name->n, 0);
    regf_key_touch(h, parent);
    *ret = key;
    return 0;
}

static int find_or_make(struct regf *h, uint32_t *key, const char *name, size_t n, struct err *e)
{
    _cleanup_wide_ struct regf_wide w = { 0 };
    uint32_t child;
    int r = regf_wide_from(name, n, KEY_NAME_MAX, &w, e);

    if (r < 0)
        return r;
    child = regf_list_find(h, *key, &w);
    if (!child)
        r = make_child(h, *key, &w, &child, e);
    if (r == 0)
        *key = child;
    return r;
}

int regf_key_create(struct regf *h, uint32_t base, const char *path, uint32_t *ret, struct err *e)
{
    uint32_t key = base ? base : regf_root(h);
    int r = regf_begin_edit(h, e);

    if (r < 0)
        return r;
    if (!regf_nk(h, key))
        return regf_corrupt(e, h, key, "not a key");
    for (const char *p = path; *p;) {
        size_t n = strcspn(p, "\\");

        r = n ? find_or_make(h, &key, p, n, e) : 0;
        if (r < 0)
            return err_wrap(e, "make registry key '%s'", path);
        p += n + (p[n] == '\\');
    }
    *ret = key;
    return 0;
}

/* --- deleting --- */

static void release_values(struct regf *h, uint32_t key)
{
    struct regf_iter it = regf_values(h, key);
    uint32_t value;

    while ((value = regf_next_value(h, &it)))
        regf_value_release(h, value);
    if (it.n)
        regf_release(h, it.list);
}

static void release_class(struct regf *h, uint32_t key)
{
    const uint8_t *nk = regf_nk(h, key);

    if (rd16(nk + 74))
        regf_release(h, rd32(nk + 48));
}

/* The key is in no list any more. Its own list goes before its children are entered, so whatever a
 * damaged hive says, each list is read once. */
static int release_tree(struct regf *h, uint32_t key, unsigned depth, struct err *e)
{
    _cleanup_free_ uint32_t *child = NULL;
    size_t n = 0;
    uint8_t *nk = regf_nk(h, key);
    int r;

    if (depth > REGF_DEPTH_MAX)
        return err_set(e, ELOOP, ERR_CORRUPT, "more than %d levels of keys", REGF_DEPTH_MAX);
    r = regf_children(h, key, &child, &n, e);
    if (r < 0)
        return r;
    regf_list_release(h, rd32(nk + 28));
    wr32(nk + 20, 0);
    for (size_t i = 0; i < n; i++) {
        if (!regf_nk(h, child[i]))
            continue; /* named twice: gone already */
        r = release_tree(h, child[i], depth + 1, e);
        if (r < 0)
            return r;
    }
    if (!regf_nk(h, key))
        return 0;
    release_values(h, key);
    nk = regf_nk(h, key);
    if (!nk)
        return 0;
    release_class(h, key);
    regf_sk_unref(h, rd32(nk + 44));
    regf_release(h, key);
    return 0;
}

int regf_key_delete(struct regf *h, uint32_t key, struct err *e)
{
    uint32_t parent = regf_parent(h, key);
    int r = regf_begin_edit(h, e);

    if (r < 0)
        return r;
    if (!regf_nk(h, key) || !parent)
        return err_set(e, EINVAL, ERR_INVALID, "this registry key cannot be deleted");
    r = regf_list_remove(h, parent, key, e);
    if (r < 0)
        return r;
    regf_key_touch(h, parent);
    r = release_tree(h, key, 0, e);
    return r < 0 ? regf_break(h, r) : 0;
}

int regf_key_delete_path(struct regf *h, uint32_t base, const char *path, struct err *e)
{
    uint32_t key = regf_find(h, base, path);
    int r;

    if (!key)
        return 0;
    r = regf_key_delete(h, key, e);
    return r < 0 ? err_wrap(e, "delete registry key '%s'", path) : 1;
}

/* --- renaming --- */

/* The record gets the name, in a bigger cell if need be; its subkeys follow. */
static int rewrite_name(struct regf *h, uint32_t key, const struct regf_wide *name, uint32_t *ret,
                        struct err *e)
{
    _cleanup_free_ uint32_t *child = NULL;
    size_t n = 0;
    uint32_t cell, bytes = regf_wide_bytes(name), have = 0;
    bool is_root = key == regf_root(h);
    uint8_t *nk;
    int r = regf_children(h, key, &child, &n, e);

    if (r == 0)
        r = regf_resize(h, key, NK_BYTES + bytes, &cell, e);
    if (r < 0)
        return r;
    nk = regf_cell(h, cell, NK_BYTES, &have);
    if (!nk)
        return regf_corrupt(e, h, key, "not a key");
    memset(nk + NK_BYTES, 0, have - NK_BYTES);
    wr16(nk + 2, (uint16_t)((rd16(nk + 2) & ~FLAG_LATIN) | (name->latin ? FLAG_LATIN : 0)));
    wr16(nk + 72, (uint16_t)bytes);
    regf_wide_store(name, nk + NK_BYTES);
    h->is_changed = true;
    for (size_t i = 0; i < n && cell != key; i++) {
        uint8_t *c = regf_nk(h, child[i]);

        wr32(c + 16, cell);
    }
    if (is_root)
        wr32(h->p + 36, cell);
    *ret = cell;
    return 0;
}

static int rename_in_parent(struct regf *h, uint32_t parent, uint32_t key,
                            const struct regf_wide *name, uint32_t *ret, struct err *e)
{
    uint32_t other = regf_list_find(h, parent, name);
    int r;

    if (other && other != key)
        return err_set(e, EEXIST, ERR_EXISTS, "a key of that name is there already");
    r = regf_list_remove(h, parent, key, e);
    if (r < 0)
        return r;
    r = rewrite_name(h, key, name, ret, e);
    if (r == 0)
        r = regf_list_insert(h, parent, *ret, e);
    if (r < 0)
        return regf_break(h, r);
    note_lengths(h, parent, name->n, 0);
    regf_key_touch(h, parent);
    return 0;
}

int regf_key_rename(struct regf *h, uint32_t key, const char *name, uint32_t *ret, struct err *e)
{
    _cleanup_wide_ struct regf_wide w = { 0 };
    uint32_t parent = regf_parent(h, key), now = key;
    int r = regf_begin_edit(h, e);

    if (r < 0)
        return r;
    if (!regf_nk(h, key) || !*name || strchr(name, '\\'))
        return err_set(e, EINVAL, ERR_INVALID, "rename a registry key to '%s'", name);
    r = regf_wide_from(name, strlen(name), KEY_NAME_MAX, &w, e);
    if (r == 0)
        r = parent ? rename_in_parent(h, parent, key, &w, &now, e)
                   : rewrite_name(h, key, &w, &now, e);
    if (r < 0)
        return err_wrap(e, "rename a registry key to '%s'", name);
    *ret = now;
    return 0;
}

/* --- class --- */

int regf_set_class(struct regf *h, uint32_t key, const char *text, struct err *e)
{
    _cleanup_wide_ struct regf_wide w = { 0 };
    uint32_t cell = REGF_NIL, parent = regf_parent(h, key);
    uint8_t *nk = regf_nk(h, key);
    int r = regf_begin_edit(h, e);

    if (r < 0)
        return r;
    if (!nk)
        return regf_corrupt(e, h, key, "not a key");
    if (text && *text) {
        r = regf_wide_from(text, strlen(text), 0x7fff, &w, e);
        if (r == 0)
            r = regf_alloc(h, w.n * 2, &cell, e);
        if (r < 0)
            return err_wrap(e, "set the class of a registry key");
        w.latin = false;
        regf_wide_store(&w, regf_at(h, cell) + 4);
    }
    release_class(h, key);
    wr32(nk + 48, cell);
    wr16(nk + 74, (uint16_t)(w.n * 2));
    h->is_changed = true;
    if (parent)
        note_lengths(h, parent, 0, w.n * 2);
    regf_key_touch(h, key);
    return 0;
}
