/* SPDX-License-Identifier: Apache-2.0 */
/* The registry of the fake. */
#include "engine/fake.h"

#include <assert.h>
#include <string.h>

static struct win_reg *value_new(enum win_reg_type type, uint64_t number, const void *p, size_t n)
{
    struct win_reg *v = calloc(1, sizeof(*v) + n + 1);

    assert(v);
    v->type = type;
    v->number = number;
    v->len = n;
    if (n)
        memcpy(v->data, p, n);
    return v;
}

void fake_reg_text(struct fake *f, const char *key, const char *name, const char *text)
{
    struct fake_pair *p = fake_pair_put(&f->registry, key, name);

    p->value = value_new(WIN_REG_TEXT, 0, text, strlen(text));
}

void fake_reg_u32(struct fake *f, const char *key, const char *name, uint32_t v)
{
    struct fake_pair *p = fake_pair_put(&f->registry, key, name);

    p->value = value_new(WIN_REG_U32, v, NULL, 0);
}

void fake_reg_bytes(struct fake *f, const char *key, const char *name, const void *bytes, size_t n)
{
    struct fake_pair *p = fake_pair_put(&f->registry, key, name);

    p->value = value_new(WIN_REG_BYTES, 0, bytes, n);
}

const char *fake_reg_get_text(struct fake *f, const char *key, const char *name)
{
    struct fake_pair *p = fake_pair_find(f->registry, key, name);

    return p && p->value->type == WIN_REG_TEXT ? p->value->data : NULL;
}

int64_t fake_reg_get_u32(struct fake *f, const char *key, const char *name)
{
    struct fake_pair *p = fake_pair_find(f->registry, key, name);

    return p && p->value->type == WIN_REG_U32 ? (int64_t)p->value->number : -1;
}

static int reg_get(struct win *w, const char *key, const char *name, struct win_reg **ret,
                   struct err *e)
{
    struct fake *f = fake_of(w);
    struct fake_pair *p = fake_pair_find(f->registry, key, name);
    int r = fake_fails(f, "reg_get", e);

    if (r < 0)
        return r;
    if (!p)
        return 0;
    *ret = value_new(p->value->type, p->value->number, p->value->data, p->value->len);
    return 1;
}

static int reg_set_text(struct win *w, const char *key, const char *name, const char *text,
                        struct err *e)
{
    struct fake *f = fake_of(w);
    int r = fake_fails(f, "reg_set_text", e);

    if (r < 0)
        return r;
    fake_record(f, "reg_set_text %s %s = %s", key, name, text);
    fake_reg_text(f, key, name, text);
    return 0;
}

static int reg_set_u32(struct win *w, const char *key, const char *name, uint32_t v, struct err *e)
{
    struct fake *f = fake_of(w);
    int r = fake_fails(f, "reg_set_u32", e);

    if (r < 0)
        return r;
    fake_record(f, "reg_set_u32 %s %s = %u", key, name, v);
    fake_reg_u32(f, key, name, v);
    return 0;
}

static int reg_delete(struct win *w, const char *key, const char *name, struct err *e)
{
    struct fake *f = fake_of(w);
    int r = fake_fails(f, "reg_delete", e);

    if (r < 0)
        return r;
    fake_record(f, "reg_delete %s %s", key, name ? name : "");
    fake_pair_remove(&f->registry, key, name, !name);
    return 0;
}

static int reg_has_key(struct win *w, const char *key, struct err *e)
{
    for (struct fake_pair *p = fake_of(w)->registry; p; p = p->next) {
        char *child = fake_child_of(key, p->key);

        free(child);
        if (child || str_eq_nocase(p->key, key))
            return 1;
    }
    return 0;
}

static int reg_keys(struct win *w, const char *key, struct win_name **ret, size_t *ret_n,
                    struct err *e)
{
    struct win_name *list = calloc(FAKE_MAX, sizeof(*list));

    *ret_n = 0;
    for (struct fake_pair *p = fake_of(w)->registry; p; p = p->next) {
        char *child = fake_child_of(key, p->key);

        if (child)
            fake_name_once(list, ret_n, child, true, 0);
        free(child);
    }
    *ret = list;
    return 0;
}

static int reg_values(struct win *w, const char *key, struct win_name **ret, size_t *ret_n,
                      struct err *e)
{
    struct win_name *list = calloc(FAKE_MAX, sizeof(*list));

    *ret_n = 0;
    for (struct fake_pair *p = fake_of(w)->registry; p; p = p->next)
        if (str_eq_nocase(p->key, key))
            fake_name_once(list, ret_n, p->name, false, p->value->len);
    *ret = list;
    return 0;
}

void fake_fill_reg(struct win *w)
{
    w->reg_get = reg_get;
    w->reg_set_text = reg_set_text;
    w->reg_set_u32 = reg_set_u32;
    w->reg_delete = reg_delete;
    w->reg_has_key = reg_has_key;
    w->reg_keys = reg_keys;
    w->reg_values = reg_values;
}
