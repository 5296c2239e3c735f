/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The directory of a point: made beside, published by a rename, removed map first, found again
 * after a restart. */
#include "point-priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "bits.h"
#include "file.h"
#include "log.h"

static char *path_in(const struct volume *v, const char *a, const char *b, const char *c)
{
    char *p = NULL;

    return asprintf(&p, "%s/%s%s%s%s%s", v->dir, a, b ? "/" : "", b ? b : "", c ? "/" : "",
                    c ? c : "") < 0
               ? NULL
               : p;
}

/* The map first: without it, what is left of the directory is no point any more. */
int point_files_remove(struct volume *v, const char *name, struct err *e)
{
    _cleanup_free_ char *dir = path_in(v, "points", name, NULL);
    _cleanup_free_ char *map = path_in(v, "points", name, "map");
    int r;

    if (!dir || !map)
        return err_oom(e);
    r = unlink_quiet(map, e);
    return r < 0 ? r : tree_remove(dir, e);
}

static int map_file(struct volume_point *p, const char *path, bool make, struct err *e)
{
    const struct layout *l = &p->v->maps.l;
    _cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC | (make ? O_CREAT | O_EXCL : 0), 0640);
    struct stat st;
    int r;

    if (fd < 0)
        return err_errno(e, "open '%s'", path);
    /* Room for every page now: a full disk under a mapped hole would be a SIGBUS. */
    r = make ? posix_fallocate(fd, 0, (off_t)l->end) : 0;
    if (r != 0)
        return err_no(e, r, "allocate '%s'", path);
    if (fstat(fd, &st) < 0 || (uint64_t)st.st_size != l->end)
        return err_set(e, EILSEQ, ERR_CORRUPT, "'%s' has a wrong size", path);
    p->mem = mmap(NULL, l->end, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p->mem == MAP_FAILED) {
        p->mem = NULL;
        return err_errno(e, "map '%s'", path);
    }
    p->a = areas_of(p->mem, l);
    return 0;
}

static int data_file(struct volume_point *p, const char *path, bool make, struct err *e)
{
    p->data_fd = open(path, O_RDWR | O_CLOEXEC | (make ? O_CREAT | O_EXCL : 0), 0640);
    if (p->data_fd < 0)
        return err_errno(e, "open '%s'", path);
    if (make && ftruncate(p->data_fd, (off_t)p->v->head.size_bytes) < 0)
        return err_errno(e, "set the size of '%s'", path);
    return 0;
}

int point_files_make(struct volume_point *p, struct err *e)
{
    _cleanup_free_ char *dir = path_in(p->v, "point.tmp", NULL, NULL);
    _cleanup_free_ char *map = path_in(p->v, "point.tmp", "map", NULL);
    _cleanup_free_ char *data = path_in(p->v, "point.tmp", "data", NULL);
    _cleanup_free_ char *points = path_in(p->v, "points", NULL, NULL);
    int r;

    if (!dir || !map || !data || !points)
        return err_oom(e);
    r = tree_remove(dir, e);
    if (r == 0)
        r = dir_make(dir, 0750, e);
    if (r == 0)
        r = dir_make(points, 0750, e);
    if (r == 0)
        r = map_file(p, map, true, e);
    return r < 0 ? r : data_file(p, data, true, e);
}

int point_files_publish(struct volume_point *p, struct err *e)
{
    _cleanup_free_ char *from = path_in(p->v, "point.tmp", NULL, NULL);
    _cleanup_free_ char *to = path_in(p->v, "points", p->name, NULL);
    int r;

    if (!from || !to)
        return err_oom(e);
    r = point_files_remove(p->v, p->name, e); /* what an interrupted removal left */
    if (r < 0)
        return r;
    return rename(from, to) < 0 ? err_errno(e, "rename '%s' to '%s'", from, to) : 0;
}

/* ---- after a restart ------------------------------------------------------------------------- */

static int load_one(struct volume *v, const char *name, const char *boot_id, struct err *e)
{
    _cleanup_free_ char *map = path_in(v, "points", name, "map");
    _cleanup_free_ char *data = path_in(v, "points", name, "data");
    _cleanup_(point_freep) struct volume_point *p = point_new(v, name);
    struct map_header h = { 0 };
    struct err why = { 0 };
    bool ours;

    if (!map || !data || !p)
        return err_oom(e);
    ours = map_file(p, map, false, &why) == 0 &&
           map_header_get(p->mem, POINT_MAGIC, v->head.size_bytes, &h) &&
           strcmp(h.boot_id, boot_id) == 0;
    if (ours && h.state != MAP_NONE && data_file(p, data, false, &why) == 0 &&
        v->n_points < POINTS_MAX) {
        p->order = h.order;
        p->broken = h.state == MAP_BROKEN;
        points_add(v, TAKE_PTR(p));
        return 0;
    }
    log_warning("volume", "point '%s' of volume '%s' did not survive, its changes count as new",
                name, v->head.name);
    if (ours) {
        bits_or(v->maps.a.dirty, p->a.dirty, words_for(v->maps.l.blocks));
        maps_touch_area(&v->maps, v->maps.a.dirty, v->maps.l.blocks);
    }
    return point_files_remove(v, name, e);
}

int points_load(struct volume *v, const char *boot_id, struct err *e)
{
    _cleanup_free_ char *dir = path_in(v, "points", NULL, NULL);
    _cleanup_free_ char *tmp = path_in(v, "point.tmp", NULL, NULL);
    struct dirent *d;
    DIR *all;
    int r;

    if (!dir || !tmp)
        return err_oom(e);
    r = tree_remove(tmp, e);
    if (r < 0)
        return r;
    all = opendir(dir);
    if (!all)
        return errno == ENOENT ? 0 : err_errno(e, "open '%s'", dir);
    while (r == 0 && (d = readdir(all)))
        if (head_name_is_ok(d->d_name))
            r = load_one(v, d->d_name, boot_id, e);
    (void)closedir(all);
    return r;
}
