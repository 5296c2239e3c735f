/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A machine SID counted or replaced in a hive. The tree is walked once, so that split values and
 * names are seen as what they are; then the whole buffer is swept for what lies in free cells and
 * padding. */
#include "sid-priv.h"

#include <errno.h>
#include <string.h>

#include "regf-priv.h"
#include "str.h"

struct job {
    const struct regf *h;
    struct regf *edit; /* the same; NULL: look only */
    struct sid_forms old, with;
    bool same_length;
    struct sid_counts n;
    uint32_t *renames; /* keys; their lists must not move under the walk */
    size_t n_renames, cap;
};

/* --- text of any length --- */

static void add_replaced(struct str *s, const uint8_t *p, size_t n, const struct job *j,
                         enum sid_form form)
{
    size_t from = 0, at;

    while ((at = sid_find(p, n, from, &j->old, form)) != SIZE_MAX) {
        str_add_mem(s, p + from, at - from);
        str_add_mem(s, j->with.p[form], j->with.n[form]);
        from = at + j->old.n[form];
    }
    str_add_mem(s, p + from, n - from);
}

/* The name with the new SID, or NULL when it has not the old one. */
static char *new_name(const struct job *j, const char *name)
{
    struct str s = STR_INIT(KIB(64));
    size_t n = strlen(name);

    if (sid_find((const uint8_t *)name, n, 0, &j->old, SID_TEXT8) == SIZE_MAX)
        return NULL;
    add_replaced(&s, (const uint8_t *)name, n, j, SID_TEXT8);
    return str_take(&s);
}

static bool is_text(uint32_t type)
{
    return type == REGF_SZ || type == REGF_EXPAND_SZ || type == REGF_MULTI_SZ || type == REGF_LINK;
}

/* --- values --- */

static int change_data(struct job *j, uint32_t key, uint32_t value, const struct regf_data *d,
                       struct err *e)
{
    struct str s = STR_INIT(REGF_VALUE_MAX + KIB(64));
    bool has_text = sid_find(d->p, d->n, 0, &j->old, SID_TEXT8) != SIZE_MAX ||
                    sid_find(d->p, d->n, 0, &j->old, SID_TEXT16) != SIZE_MAX;
    int r;

    if (!j->same_length && has_text)
        add_replaced(&s, d->p, d->n, j, SID_TEXT16);
    else
        str_add_mem(&s, d->p, d->n);
    r = str_check(&s, "the new data of a value", e);
    if (r == 0) {
        if (j->same_length)
            (void)sid_patch((uint8_t *)s.p, s.len, &j->old, &j->with);
        else
            for (size_t at = 0;
                 (at = sid_find((uint8_t *)s.p, s.len, at, &j->old, SID_BINARY)) != SIZE_MAX;)
                memcpy(s.p + at, j->with.p[SID_BINARY], 12);
        r = regf_set_value_data(j->edit, key, value, s.p, s.len, e);
    }
    str_done(&s);
    return r;
}

/* Text whose length would change, where a length may be written beside it. */
static int refuse_data(const struct job *j, uint32_t key, const struct regf_data *d, struct err *e)
{
    _cleanup_free_ char *path = NULL;

    if (j->same_length ||
        (sid_find(d->p, d->n, 0, &j->old, SID_TEXT8) == SIZE_MAX &&
         (is_text(d->type) || sid_find(d->p, d->n, 0, &j->old, SID_TEXT16) == SIZE_MAX)))
        return 0;
    path = regf_key_path(j->h, key);
    return err_set(e, ENOTSUP, ERR_INVALID,
                   "the new machine SID is not as long as the old one as text, which is inside "
                   "binary data at '%s'",
                   path ? path : "");
}

static int visit_data(struct job *j, uint32_t key, uint32_t value, struct err *e)
{
    _cleanup_regf_data_ struct regf_data d = { 0 };
    struct err scratch = { 0 };
    int r;

    if (regf_value_bytes(j->h, value) < 12)
        return 0;
    r = regf_value_data(j->h, value, &d, &scratch);
    if (r == -ENOMEM)
        return err_oom(e);
    if (r < 0 || !sid_occurs(d.p, d.n, &j->old))
        return 0; /* what has no data has no SID */
    j->n.data++;
    return j->edit ? change_data(j, key, value, &d, e) : refuse_data(j, key, &d, e);
}

static int visit_value(struct job *j, uint32_t key, uint32_t value, struct err *e)
{
    const uint8_t *vk = regf_vk(j->h, value);
    int r = visit_data(j, key, value, e);

    if (r < 0 || rd16(vk + 2) < 14)
        return r;
    _cleanup_free_ char *name = regf_value_name(j->h, value), *to = NULL;
    if (!name)
        return err_oom(e);
    to = new_name(j, name);
    if (!to)
        return 0;
    j->n.value_names++;
    return j->edit ? regf_value_rename(j->edit, key, value, to, e) : 0;
}

/* --- keys --- */

static int remember(struct job *j, uint32_t key, struct err *e)
{
    if (j->n_renames == j->cap) {
        size_t cap = j->cap ? j->cap * 2 : 16;
        uint32_t *p = realloc(j->renames, cap * sizeof *p);

        if (!p)
            return err_oom(e);
        j->renames = p;
        j->cap = cap;
    }
    j->renames[j->n_renames++] = key;
    return 0;
}

static int visit_names(struct job *j, uint32_t key, struct err *e)
{
    const uint8_t *nk = regf_nk(j->h, key);
    char name[REGF_NAME_BYTES];
    int r = 0;

    (void)regf_key_name(j->h, key, name);
    if (sid_find((const uint8_t *)name, strlen(name), 0, &j->old, SID_TEXT8) != SIZE_MAX) {
        j->n.key_names++;
        r = j->edit ? remember(j, key, e) : 0;
    }
    if (r == 0 && rd16(nk + 74) >= 28) {
        _cleanup_free_ char *text = regf_class(j->h, key), *to = text ? new_name(j, text) : NULL;

        j->n.classes += to != NULL;
        if (to && j->edit)
            r = regf_set_class(j->edit, key, to, e);
    }
    return r;
}

static int visit_key(struct job *j, uint32_t key, struct err *e)
{
    struct regf_iter it = regf_values(j->h, key);
    uint32_t value;
    int r = visit_names(j, key, e);

    while (r == 0 && (value = regf_next_value(j->h, &it)))
        r = visit_value(j, key, value, e);
    return r;
}

static int walk(struct job *j, struct err *e)
{
    struct regf_iter up[REGF_DEPTH_MAX];
    unsigned depth = 0;
    uint32_t key = regf_root(j->h);

    for (;;) {
        int r = visit_key(j, key, e);

        if (r < 0)
            return r;
        if (depth < REGF_DEPTH_MAX) /* verified: it is never deeper */
            up[depth++] = regf_subkeys(j->h, key);
        while (depth && !(key = regf_next_subkey(j->h, &up[depth - 1])))
            depth--;
        if (!depth)
            return 0;
    }
}

static int rename_keys(struct job *j, struct err *e)
{
    char name[REGF_NAME_BYTES];

    for (size_t i = 0; i < j->n_renames; i++) {
        _cleanup_free_ char *to = new_name(j, regf_key_name(j->h, j->renames[i], name));
        uint32_t now;
        int r = to ? regf_key_rename(j->edit, j->renames[i], to, &now, e) : 0;

        if (r < 0)
            return r;
    }
    return 0;
}

static int visit_security(struct job *j, struct err *e)
{
    for (uint32_t c = 0; (c = regf_next_security(j->h, c));) {
        const uint8_t *p;
        size_t n;
        int r = regf_security_bytes(j->h, c, &p, &n, e);

        if (r < 0)
            return r;
        if (sid_find(p, n, 0, &j->old, SID_BINARY) == SIZE_MAX)
            continue;
        j->n.security++;
        for (size_t at = 0; j->edit && (at = sid_find(p, n, at, &j->old, SID_BINARY)) != SIZE_MAX;)
            r = regf_security_patch(j->edit, c, at, j->with.p[SID_BINARY], 12, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* --- what nobody owns --- */

static bool is_unused(const struct regf *h, uint32_t off, uint32_t *cell, uint64_t *end)
{
    if (off >= *end || off < *cell) {
        *cell = regf_cell_covering(h, off);
        if (!*cell)
            return true;
        *end =
            *cell + (uint64_t)(rd32(regf_at(h, *cell)) & 0x80000000U ? 0U - rd32(regf_at(h, *cell))
                                                                     : rd32(regf_at(h, *cell)));
    }
    return !regf_cell(h, *cell, 0, NULL);
}

/* Looking: what is in free cells. Editing: all that is left, wherever it is. */
static void sweep(struct job *j)
{
    for (unsigned form = 0; form < SID_FORM_COUNT; form++) {
        uint32_t cell = UINT32_MAX;
        uint64_t end = 0;

        for (size_t at = 0;
             (at = sid_find(regf_at(j->h, 0), j->h->bins, at, &j->old, form)) != SIZE_MAX;
             at += j->old.n[form]) {
            if (j->edit) {
                memset(regf_at(j->h, (uint32_t)at), 0, j->old.n[form]);
                j->edit->is_changed = true;
                j->n.unused++;
            } else {
                j->n.unused += is_unused(j->h, (uint32_t)at, &cell, &end);
            }
        }
    }
}

/* --- doors --- */

static int look(struct job *j, struct err *e)
{
    int r = regf_verify(j->h, NULL, e);

    if (r == 0)
        r = walk(j, e);
    if (r == 0)
        r = visit_security(j, e);
    return r;
}

int sid_count(const struct regf *h, const uint8_t machine[SID_MACHINE_BYTES],
              struct sid_counts *ret, struct err *e)
{
    struct job j = { .h = h, .same_length = true };
    int r;

    sid_forms(machine, &j.old);
    j.with = j.old;
    r = look(&j, e);
    if (r < 0)
        return r;
    sweep(&j);
    *ret = j.n;
    return 0;
}

static uint64_t total(const struct sid_counts *n)
{
    return n->key_names + n->value_names + n->classes + n->data + n->security + n->unused;
}

static int change(struct job *j, struct err *e)
{
    struct job after = { .h = j->h, .old = j->old, .with = j->with, .same_length = true };
    int r = walk(j, e);

    if (r == 0)
        r = visit_security(j, e);
    if (r == 0)
        r = rename_keys(j, e);
    free(j->renames);
    if (r < 0)
        return r;
    sweep(j);
    r = look(&after, e);
    if (r < 0)
        return err_wrap(e, "read the hive again after the change");
    sweep(&after);
    if (total(&after.n))
        return err_set(e, EBADMSG, ERR_CORRUPT, "%llu places still have the old machine SID",
                       (unsigned long long)total(&after.n));
    return 0;
}

static void add_counts(struct sid_counts *to, const struct sid_counts *n)
{
    to->key_names += n->key_names;
    to->value_names += n->value_names;
    to->classes += n->classes;
    to->data += n->data;
    to->security += n->security;
    to->unused += n->unused;
}

int sid_replace(struct regf *h, const uint8_t old[SID_MACHINE_BYTES],
                const uint8_t with[SID_MACHINE_BYTES], struct sid_counts *ret, struct err *e)
{
    struct job first = { .h = h }, j = { .h = h, .edit = h };
    int r = regf_begin_edit(h, e);

    if (r < 0)
        return r;
    if (!sid_is_machine(old, SID_MACHINE_BYTES) || !sid_is_machine(with, SID_MACHINE_BYTES) ||
        sid_is_constant(old) || sid_is_constant(with))
        return err_set(e, EINVAL, ERR_INVALID, "not the SID of a machine of its own");
    sid_forms(old, &first.old);
    sid_forms(with, &first.with);
    first.same_length = first.old.n[SID_TEXT8] == first.with.n[SID_TEXT8];
    r = look(&first, e); /* and what cannot be done is known before anything is */
    if (r < 0)
        return r;
    if (!total(&first.n) && !sid_occurs(regf_at(h, 0), h->bins, &first.old))
        return 0;
    j.old = first.old;
    j.with = first.with;
    j.same_length = first.same_length;
    r = change(&j, e);
    if (r < 0)
        return regf_break(h, r);
    add_counts(ret, &j.n);
    return 0;
}
