/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names of a tree, kept: while it is listed or walked it must not be changed. */
#include <errno.h>
#include <string.h>

#include "tree.h"

void win_names_done(struct win_names *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->v[i].name);
    free(l->v);
    *l = (struct win_names){ 0 };
}

int win_names_keep(void *userdata, const char *name, const struct win_stat *st, struct err *e)
{
    struct win_names *l = userdata;

    if (l->max && l->n == l->max)
        return err_set(e, E2BIG, ERR_LIMIT, "there are more than %zu names", l->max);
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 64;
        void *v = reallocarray(l->v, cap, sizeof *l->v);

        if (!v)
            return err_oom(e);
        l->v = v;
        l->cap = cap;
    }
    l->v[l->n] = (struct win_name){ strdup(name), *st };
    if (!l->v[l->n].name)
        return err_oom(e);
    l->n++;
    return 0;
}

int win_tree_names(struct win_tree *t, const char *path, bool deep, struct win_names *l,
                   struct err *e)
{
    int r = deep ? win_tree_walk(t, path, win_names_keep, l, e)
                 : win_tree_list(t, path, win_names_keep, l, e);

    if (r != -ENOENT)
        return r;
    err_clear(e);
    return 0;
}
