/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The installation's key, HOME/keys/default: made once, read by the servers and workers of what is
 * encrypted, by path; this process never holds it. docs/design/encryption.md. */
#include <errno.h>

#include "file.h"
#include "jobs-priv.h"
#include "log.h"

#define KEY_DOMAIN 1U

char *jobs_key_path(const struct jobs *js)
{
    return xasprintf("%s/keys/default", js->cfg.home);
}

static int give_to_user(const char *path, const char *user, struct err *e)
{
    uid_t uid;
    gid_t gid;
    int r = child_user_find(user, &uid, &gid, e);

    if (r > 0 && chown(path, uid, gid) < 0)
        return err_errno(e, "give '%s' to the user '%s'", path, user);
    return r < 0 ? r : 0;
}

/* 1 when something here needs a key that was made earlier. */
static int key_is_missed(struct jobs *js, struct err *e)
{
    _cleanup_free_ struct volume_rec *v = NULL;
    _cleanup_free_ struct snapshot_rec *s = NULL;
    size_t nv = 0, ns = 0;
    int r = model_volume_list(js->model, NULL, &v, &nv, e);

    if (r == 0)
        r = model_snapshot_list(js->model, NULL, &s, &ns, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < nv; i++)
        if (v[i].encrypted)
            return 1;
    for (size_t i = 0; i < ns; i++)
        if (s[i].encrypted)
            return 1;
    return 0;
}

static int make_key(struct jobs *js, const char *path, struct err *e)
{
    int r = key_is_missed(js, e);

    if (r < 0)
        return r;
    if (r > 0) { /* a new one would open nothing, and stand in the way of the old one's return */
        log_error("jobs",
                  "the key '%s' is gone: encrypted volumes and snapshots cannot be used until "
                  "it is put back",
                  path);
        return 0;
    }
    r = store_key_create(path, KEY_DOMAIN, e);
    if (r < 0 && e->kind == ERR_EXISTS) {
        err_clear(e);
        r = 0;
    }
    if (r == 0)
        log_notice("jobs", "made the key of this installation, keep a copy of it: '%s'", path);
    return r;
}

int keys_open(struct jobs *js, struct err *e)
{
    _cleanup_free_ char *dir = xasprintf("%s/keys", js->cfg.home), *path = jobs_key_path(js);
    int r = dir_make(dir, 0750, e);

    if (r == 0)
        r = give_to_user(dir, js->cfg.user, e);
    if (r == 0 && !path_exists(path))
        r = make_key(js, path, e);
    if (r == 0 && path_exists(path))
        r = give_to_user(path, js->cfg.user, e);
    return r;
}
