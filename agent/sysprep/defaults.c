/* SPDX-License-Identifier: Apache-2.0 */
#include "sysprep/defaults.h"

#include "lib/str.h"

#define DEPTH_MAX 8U
#define FILE_MAX  MIB(1)

static char *join(const char *folder, const char *name, struct err *e)
{
    struct str s = STR_INIT(WIN_PATH_MAX);

    str_addf(&s, "%s\\%s", folder, name);
    if (str_check(&s, "a path", e) < 0) {
        str_done(&s);
        return NULL;
    }
    return str_take(&s);
}

/* 1: laid down; 0: something is there. */
static int copy_one(struct win *w, const char *from, const char *to, struct err *e)
{
    _cleanup_free_ char *data = NULL;
    struct win_name st;
    size_t n = 0;
    int r = w->file_stat(w, to, &st, e);

    if (r != 0)
        return r < 0 ? r : 0;
    if (w->file_read(w, from, FILE_MAX, &data, &n, e) < 0 || w->file_write(w, to, data, n, e) < 0)
        return -e->no;
    return 1;
}

static int copy_folder(struct win *w, const char *from, const char *to, unsigned depth,
                       unsigned *count, struct err *e)
{
    _cleanup_free_ struct win_name *list = NULL;
    size_t n = 0;

    if (w->dir_list(w, from, &list, &n, e) < 0)
        return -e->no;
    for (size_t i = 0; i < n; i++) {
        _cleanup_free_ char *a = join(from, list[i].name, e);
        _cleanup_free_ char *b = a ? join(to, list[i].name, e) : NULL;
        int r;
        if (!b)
            return -e->no;
        if (list[i].is_dir)
            r = depth < DEPTH_MAX ? copy_folder(w, a, b, depth + 1, count, e) : 0;
        else
            r = copy_one(w, a, b, e);
        if (r < 0)
            return r;
        *count += (unsigned)(list[i].is_dir ? 0 : r);
    }
    return 0;
}

int defaults_lay_down(struct win *w, const char *from, const char *to, unsigned *ret_n,
                      struct err *e)
{
    _cleanup_free_ char *source = win_expand(w, from, e);
    _cleanup_free_ char *target = source ? win_expand(w, to, e) : NULL;
    unsigned n = 0;

    if (!target || copy_folder(w, source, target, 0, &n, e) < 0)
        return e->no ? err_wrap(e, "lay down the settings") : err_oom(e);
    if (ret_n)
        *ret_n = n;
    return 0;
}
