/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run-dir.h"

#include <errno.h>

#include "file.h"
#include "store.h"
#include "str.h"

void run_dir_done(struct run_dir *d)
{
    struct err ignored = { 0 };

    if (d->path)
        (void)tree_remove(d->path, &ignored); /* the next start sweeps it */
    free(d->path);
}

static bool is_id(const char *s)
{
    size_t n = 0;

    for (; s[n]; n++)
        if (!((s[n] >= '0' && s[n] <= '9') || (s[n] >= 'a' && s[n] <= 'z') ||
              (s[n] >= 'A' && s[n] <= 'Z') || s[n] == '.' || s[n] == '_' || s[n] == '-'))
            return false;
    return n > 0 && n < STORE_ID_MAX && s[0] != '.';
}

int run_dir_make(struct run_dir *d, const char *run, const char *id, struct err *e)
{
    char show[80];
    int r;

    if (!is_id(id))
        return err_set(e, EINVAL, ERR_INVALID, "'%s' is no name of a snapshot",
                       str_show(id, show, sizeof show));
    d->path = xasprintf("%s/worker-%s", run, id);
    r = tree_remove(d->path, e);
    if (r == 0)
        r = dir_make(d->path, 0700, e);
    return r;
}
