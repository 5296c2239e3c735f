/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "work.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int work_open(struct work *k, struct windows *w, const struct windows_options *o,
              struct win_plan *p, struct err *e)
{
    int r;

    *k = (struct work){ .w = w, .o = o, .p = p, .os = w->os };
    r = dialect_find(o->dialect, &k->dialect, e);
    if (r == 0)
        r = inspect_open(&k->i, w, true, e);
    if (r < 0)
        return r;
    k->h = k->i.h;
    k->system = k->i.system;
    k->software = k->i.software;
    k->sam = k->i.sam;
    k->security = k->i.security;
    k->sets = &k->i.sets;
    if (!k->system || !k->software || !k->sam || !k->security || !k->sets->n)
        return err_set(e, ENOENT, ERR_NOT_FOUND,
                       "one of the hives SYSTEM, SOFTWARE, SAM and SECURITY is not there");
    return 0;
}

int work_save(struct work *k, struct err *e)
{
    int r = hives_save(k->h, k->p, e);

    return r < 0 ? r : win_plan_check(k->p, e);
}

void work_done(struct work *k)
{
    inspect_done(&k->i);
    *k = (struct work){ 0 };
}

/* ---- one hive -------------------------------------------------------------------------------- */

static char *place(const char *hive, const char *path)
{
    return *path ? xasprintf("%s\\%s", hive, path) : xstrdup(hive);
}

static int delete_values(struct work *k, struct regf *h, const char *hive, uint32_t base,
                         const char *path, const char *const *names, const char *what,
                         struct err *e)
{
    _cleanup_free_ char *where = place(hive, path);
    uint32_t key = regf_find(h, base, path);

    for (; key && *names; names++) {
        int r = regf_value_delete(h, key, *names, e);

        if (r < 0)
            return err_wrap(e, "delete '%s' in '%s'", *names, where);
        if (r)
            win_plan_addf(k->p, WIN_ROW_DONE, what, where, NULL, "%s deleted", *names);
    }
    return 0;
}

int value_delete(struct work *k, struct regf *h, const char *hive, const char *path,
                 const char *const *names, const char *what, struct err *e)
{
    return delete_values(k, h, hive, 0, path, names, what, e);
}

static int delete_key(struct work *k, struct regf *h, const char *hive, uint32_t base,
                      const char *path, const char *what, struct err *e)
{
    _cleanup_free_ char *where = place(hive, path);
    int r = regf_key_delete_path(h, base, path, e);

    if (r < 0)
        return err_wrap(e, "delete '%s'", where);
    if (r)
        win_plan_add(k->p, WIN_ROW_DONE, what, where, NULL, "deleted");
    return 0;
}

int key_delete(struct work *k, struct regf *h, const char *hive, const char *path, const char *what,
               struct err *e)
{
    return delete_key(k, h, hive, 0, path, what, e);
}

int key_empty(struct work *k, struct regf *h, const char *hive, uint32_t base, const char *path,
              const char *what, struct err *e)
{
    _cleanup_free_ char *where = place(hive, path);
    _cleanup_free_ uint32_t *keys = NULL;
    uint32_t key = regf_find(h, base, path);
    size_t n = 0;
    int r;

    if (!key)
        return 0;
    r = regf_children(h, key, &keys, &n, e);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = regf_key_delete(h, keys[i], e);
    if (r < 0)
        return err_wrap(e, "empty '%s'", where);
    if (n)
        win_plan_addf(k->p, WIN_ROW_DONE, what, where, NULL, "%zu keys deleted", n);
    return 0;
}

static int set_text(struct work *k, struct regf *h, const char *hive, uint32_t base,
                    const char *path, const char *name, const char *text, const char *what,
                    struct err *e)
{
    _cleanup_free_ char *where = place(hive, path), *old = NULL;
    uint32_t key;
    int r;

    r = regf_key_create(h, base, path, &key, e);
    if (r == 0) {
        old = regf_text(h, key, name);
        r = regf_set_text(h, key, name, REGF_SZ, text, e);
    }
    if (r < 0)
        return err_wrap(e, "set '%s' in '%s'", name, where);
    win_plan_add(k->p, WIN_ROW_DONE, what, where, old, text);
    return 0;
}

int text_set(struct work *k, struct regf *h, const char *hive, const char *path, const char *name,
             const char *text, const char *what, struct err *e)
{
    return set_text(k, h, hive, 0, path, name, text, what, e);
}

static int set_dword(struct work *k, struct regf *h, const char *hive, uint32_t base,
                     const char *path, const char *name, uint32_t v, const char *what,
                     struct err *e)
{
    _cleanup_free_ char *where = place(hive, path);
    char before[16] = "";
    uint32_t key, old;
    int r;

    r = regf_key_create(h, base, path, &key, e);
    if (r < 0)
        return err_wrap(e, "make '%s'", where);
    old = regf_dword(h, key, name, UINT32_MAX);
    if (old == v) {
        win_plan_addf(k->p, WIN_ROW_KEPT, what, where, NULL, "%s is %u", name, v);
        return 0;
    }
    if (old != UINT32_MAX)
        (void)snprintf(before, sizeof before, "%u", old);
    r = regf_set_dword(h, key, name, v, e);
    if (r < 0)
        return err_wrap(e, "set '%s' in '%s'", name, where);
    win_plan_addf(k->p, WIN_ROW_DONE, what, where, before[0] ? before : NULL, "%u", v);
    return 0;
}

int dword_set(struct work *k, struct regf *h, const char *hive, const char *path, const char *name,
              uint32_t v, const char *what, struct err *e)
{
    return set_dword(k, h, hive, 0, path, name, v, what, e);
}

/* ---- every control set ----------------------------------------------------------------------- */

static const char *set_name(const struct work *k, size_t i, char out[32])
{
    (void)snprintf(out, 32, "SYSTEM\\ControlSet%03u", k->sets->no[i]);
    return out;
}

int each_set_value_delete(struct work *k, const char *path, const char *const *names,
                          const char *what, struct err *e)
{
    char name[32];
    int r = 0;

    for (size_t i = 0; r == 0 && i < k->sets->n; i++)
        r = delete_values(k, k->system, set_name(k, i, name), k->sets->key[i], path, names, what,
                          e);
    return r;
}

int each_set_key_delete(struct work *k, const char *path, const char *what, struct err *e)
{
    char name[32];
    int r = 0;

    for (size_t i = 0; r == 0 && i < k->sets->n; i++)
        r = delete_key(k, k->system, set_name(k, i, name), k->sets->key[i], path, what, e);
    return r;
}

int each_set_text(struct work *k, const char *path, const char *name, const char *text,
                  const char *what, struct err *e)
{
    char set[32];
    int r = 0;

    for (size_t i = 0; r == 0 && i < k->sets->n; i++)
        r = set_text(k, k->system, set_name(k, i, set), k->sets->key[i], path, name, text, what, e);
    return r;
}

int each_set_dword(struct work *k, const char *path, const char *name, uint32_t v, const char *what,
                   struct err *e)
{
    char set[32];
    int r = 0;

    for (size_t i = 0; r == 0 && i < k->sets->n; i++)
        r = set_dword(k, k->system, set_name(k, i, set), k->sets->key[i], path, name, v, what, e);
    return r;
}
