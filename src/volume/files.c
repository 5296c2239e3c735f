/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Making and removing a volume's files: the daemon's side, while no server runs. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "crypt.h"
#include "file.h"
#include "files.h"
#include "head.h"
#include "maps.h"
#include "str.h"
#include "volume.h"

static int check_spec(const struct volume_spec *s, struct err *e)
{
    if (s->size_bytes == 0 || s->size_bytes % 512 != 0 || s->size_bytes > VOLUME_MAX)
        return err_set(e, EINVAL, ERR_INVALID, "%llu bytes cannot be the size of a volume",
                       (unsigned long long)s->size_bytes);
    if (!head_name_is_ok(s->name))
        return err_set(e, EINVAL, ERR_INVALID, "'%.80s' cannot be the name of a volume", s->name);
    if (s->base && (!s->store_dir || !head_name_is_ok(s->base)))
        return err_set(e, EINVAL, ERR_INVALID, "'%.80s' cannot be the base of a volume", s->base);
    if (s->store_dir && strlen(s->store_dir) >= HEAD_STORE_MAX)
        return err_set(e, ENAMETOOLONG, ERR_INVALID, "the path of the store is too long");
    return 0;
}

static int pin_base(const struct volume_spec *s, struct err *e)
{
    _cleanup_(store_closep) struct store *st = NULL;
    _cleanup_(store_snap_closep) struct store_snap *sn = NULL;
    int r = store_open(s->store_dir, NULL, &st, e);

    if (r == 0)
        r = store_snap_open(st, s->base, &sn, e);
    if (r < 0)
        return r;
    if (store_snap_info(sn)->domain && !s->key_path)
        return err_set(e, EINVAL, ERR_INVALID,
                       "snapshot '%s' is encrypted, and so must be a volume of it", s->base);
    if (store_snap_info(sn)->volume_bytes > s->size_bytes)
        return err_set(e, EINVAL, ERR_INVALID, "snapshot '%s' is larger than %llu bytes", s->base,
                       (unsigned long long)s->size_bytes);
    return store_pin(st, s->base, s->name, e);
}

static int own(const char *path, const char *user, struct err *e)
{
    struct passwd pw, *found = NULL;
    char buf[4096];
    int r;

    if (!user || geteuid() != 0)
        return 0;
    r = getpwnam_r(user, &pw, buf, sizeof buf, &found);
    if (r != 0)
        return err_no(e, r, "look up the user '%s'", user);
    if (found && lchown(path, found->pw_uid, found->pw_gid) < 0)
        return err_errno(e, "give '%s' to '%s'", path, user);
    return 0;
}

int volume_own(const char *dir, const char *name, const char *user, struct err *e)
{
    _cleanup_free_ char *path = NULL;

    if (asprintf(&path, "%s/%s", dir, name) < 0)
        return err_oom(e);
    return own(path, user, e);
}

static int make_data(const struct volume_spec *s, int *ret_fd, struct err *e)
{
    _cleanup_free_ char *path = NULL;
    _cleanup_close_ int fd = -1;

    if (asprintf(&path, "%s/data", s->dir) < 0)
        return err_oom(e);
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return err_errno(e, "create '%s'", path);
    if (ftruncate(fd, (off_t)s->size_bytes) < 0)
        return err_errno(e, "set the size of '%s'", path);
    *ret_fd = TAKE_FD(fd);
    return 0;
}

int volume_own_all(const struct volume_spec *s, struct err *e)
{
    static const char *const names[] = { "data", "map", "head" };
    int r = own(s->dir, s->user, e);

    for (size_t i = 0; i < ARRAY_LEN(names) && r == 0; i++)
        r = volume_own(s->dir, names[i], s->user, e);
    return r;
}

static int load_key(const struct volume_spec *s, struct store_key **ret, struct err *e)
{
    return s->key_path ? store_key_load(s->key_path, ret, e) : 0;
}

/* The head is written last: a directory without one is half made. */
static int make(const struct volume_spec *s, const struct store_key *key, struct err *e)
{
    struct head h = { .size_bytes = s->size_bytes };
    _cleanup_close_ int data = -1;
    int r = tree_remove(s->dir, e);

    if (r == 0)
        r = dir_make(s->dir, 0750, e);
    if (r == 0)
        r = make_data(s, &data, e);
    if (r == 0)
        r = maps_create(s->dir, s->size_bytes, s->base != NULL, e);
    if (r < 0)
        return r;
    /* After the map's sync, a journal has this one's work done already. */
    if (fsync(data) < 0)
        return err_errno(e, "flush the data of '%s'", s->dir);
    (void)str_copy(h.name, sizeof h.name, s->name);
    (void)str_copy(h.base, sizeof h.base, s->base ? s->base : "");
    (void)str_copy(h.store, sizeof h.store, s->store_dir ? s->store_dir : "");
    if (key)
        crypt_head(&h, key);
    r = head_write(s->dir, &h, e);
    return r < 0 ? r : volume_own_all(s, e);
}

int volume_create(const struct volume_spec *s, struct err *e)
{
    _cleanup_(store_key_freep) struct store_key *key = NULL;
    _cleanup_free_ char *path = NULL;
    struct head h;
    int r = check_spec(s, e);

    if (r == 0)
        r = load_key(s, &key, e);
    if (r == 0 && asprintf(&path, "%s/head", s->dir) < 0)
        r = err_oom(e);
    if (r == 0 && s->base)
        r = pin_base(s, e);
    if (r < 0)
        return err_wrap(e, "create volume '%s'", s->name);
    if (!path_exists(path)) {
        r = make(s, key, e);
        return r < 0 ? err_wrap(e, "create volume '%s'", s->name) : 0;
    }
    /* Repeated after a crash that came when all was done. */
    r = head_read(s->dir, &h, e);
    if (r < 0)
        return r;
    if (h.size_bytes == s->size_bytes && str_eq(h.name, s->name) &&
        str_eq(h.base, s->base ? s->base : "") && h.domain == (key ? store_key_domain(key) : 0))
        return volume_own_all(s, e);
    return err_set(e, EEXIST, ERR_EXISTS, "'%s' holds another volume", s->dir);
}

int volume_remove(const char *dir, const char *store_dir, const char *name, struct err *e)
{
    _cleanup_(store_closep) struct store *st = NULL;
    int r = tree_remove(dir, e);

    if (r == 0 && store_dir && path_exists(store_dir)) {
        r = store_open(store_dir, NULL, &st, e);
        if (r == 0)
            r = store_unpin(st, name, e);
    }
    return r < 0 ? err_wrap(e, "remove volume '%s'", name) : 0;
}
