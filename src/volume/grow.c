/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A larger volume, while no server runs. The head is written last: until then each step may be
 * repeated, and must be before a server opens the volume.
 *
 *   live away -> map in the new layout, by a rename -> data longer -> head */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>

#include "file.h"
#include "files.h"
#include "head.h"
#include "maps.h"

struct grow {
    const struct volume_spec *spec;
    struct head head;
    int lock_fd;
};

static int open_at(const struct grow *g, const char *name, int flags, int *ret_fd, struct err *e)
{
    _cleanup_free_ char *path = NULL;

    if (asprintf(&path, "%s/%s", g->spec->dir, name) < 0)
        return err_oom(e);
    *ret_fd = open(path, flags | O_CLOEXEC, 0640);
    return *ret_fd < 0 ? err_errno(e, "open '%s'", path) : 0;
}

/* 1 when a snapshot of it is still being read: its maps have the old layout. */
static int has_points(const struct grow *g, struct err *e)
{
    _cleanup_free_ char *path = NULL;
    const struct dirent *de;
    bool any = false;
    DIR *d;

    if (asprintf(&path, "%s/points", g->spec->dir) < 0)
        return err_oom(e);
    d = opendir(path);
    if (!d)
        return errno == ENOENT ? 0 : err_errno(e, "open '%s'", path);
    while (!any && (de = readdir(d)))
        any = de->d_name[0] != '.';
    (void)closedir(d);
    return any;
}

/* 1 ours; 0: a server runs. */
static int take_lock(struct grow *g, struct err *e)
{
    int r = open_at(g, "lock", O_RDWR | O_CREAT, &g->lock_fd, e);

    if (r == 0)
        r = volume_own(g->spec->dir, "lock", g->spec->user, e); /* perhaps it was not there */
    if (r < 0)
        return r;
    if (flock(g->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return 1;
    return errno == EWOULDBLOCK ? 0 : err_errno(e, "lock '%s'", g->spec->dir);
}

/* ---- the map --------------------------------------------------------------------------------- */

static int put_area(int fd, uint64_t to, const uint8_t *from, uint64_t bytes, struct err *e)
{
    static const uint8_t zeros[MAP_PAGE];

    for (uint64_t at = 0; at < bytes; at += MAP_PAGE) {
        int r;

        if (memcmp(from + at, zeros, MAP_PAGE) == 0)
            continue; /* stays a hole */
        r = pwrite_full(fd, from + at, MAP_PAGE, to + at);
        if (r < 0)
            return err_no(e, r, "write the new map");
    }
    return 0;
}

/* Both layouts have the areas in the same order, each a whole number of pages. */
static int put_areas(const struct grow *g, int fd, const uint8_t *old, struct err *e)
{
    struct layout a = layout_of(g->head.size_bytes), b = layout_of(g->spec->size_bytes);
    uint64_t bitmap = a.dirty - a.present;
    int r = put_area(fd, b.intent, old + a.intent, a.present - a.intent, e);

    if (r == 0)
        r = put_area(fd, b.present, old + a.present, bitmap, e);
    if (r == 0)
        r = put_area(fd, b.dirty, old + a.dirty, bitmap, e);
    if (r == 0)
        r = put_area(fd, b.partial, old + a.partial, bitmap, e);
    return r < 0 ? r : put_area(fd, b.sectors, old + a.sectors, a.saved - a.sectors, e);
}

static int write_map(const struct grow *g, int old_fd, struct err *e)
{
    uint64_t bytes = layout_of(g->head.size_bytes).saved;
    _cleanup_free_ char *from = NULL, *to = NULL;
    _cleanup_close_ int fd = -1;
    uint8_t *old;
    int r;

    if (asprintf(&from, "%s/map.new", g->spec->dir) < 0 ||
        asprintf(&to, "%s/map", g->spec->dir) < 0)
        return err_oom(e);
    r = maps_create_as(from, g->spec->size_bytes, g->head.base[0] != 0, e);
    if (r == 0)
        r = open_at(g, "map.new", O_RDWR, &fd, e);
    if (r < 0)
        return r;
    old = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, old_fd, 0);
    if (old == MAP_FAILED)
        return err_errno(e, "map '%s'", to);
    r = put_areas(g, fd, old, e);
    (void)munmap(old, bytes);
    if (r < 0)
        return r;
    if (fsync(fd) < 0)
        return err_errno(e, "flush '%s'", from);
    if (rename(from, to) < 0)
        return err_errno(e, "rename '%s' to '%s'", from, to);
    return dir_sync(g->spec->dir, e);
}

/* An earlier growth, to less than what is wanted now, may have ended behind its map. */
static bool take_size(struct grow *g, const void *page, struct map_header *h)
{
    uint64_t size = map_header_size(page);

    if (size < g->head.size_bytes || size > g->spec->size_bytes ||
        !map_header_get(page, MAP_MAGIC, size, h))
        return false;
    g->head.size_bytes = size;
    return true;
}

/* 1 when the map has the new layout; 0: the last server left it unclean. */
static int grow_map(struct grow *g, struct err *e)
{
    _cleanup_free_ char *live = NULL;
    _cleanup_close_ int fd = -1;
    uint8_t page[MAP_PAGE];
    struct map_header h;
    int r = open_at(g, "map", O_RDONLY, &fd, e);

    if (r < 0)
        return r;
    r = pread_full(fd, page, sizeof page, 0);
    if (r < 0)
        return err_no(e, r, "read the map of '%s'", g->spec->name);
    if (!take_size(g, page, &h))
        return err_set(e, EILSEQ, ERR_CORRUPT, "the map of '%s' is damaged: its header is wrong",
                       g->spec->name);
    if (g->head.size_bytes == g->spec->size_bytes)
        return 1; /* an earlier run came so far */
    if (h.state != MAP_GOOD)
        return 0;
    if (asprintf(&live, "%s/live", g->spec->dir) < 0)
        return err_oom(e);
    r = unlink_quiet(live, e); /* a clean map has all that it had */
    if (r == 0)
        r = write_map(g, fd, e);
    return r < 0 ? r : 1;
}

/* ---- data and head --------------------------------------------------------------------------- */

static int grow_data(const struct grow *g, struct err *e)
{
    _cleanup_close_ int fd = -1;
    int r = open_at(g, "data", O_RDWR, &fd, e);

    if (r < 0)
        return r;
    if (ftruncate(fd, (off_t)g->spec->size_bytes) < 0 || fsync(fd) < 0)
        return err_errno(e, "set the size of the data of '%s'", g->spec->name);
    return 0;
}

static int grow(struct grow *g, struct err *e)
{
    int r = take_lock(g, e);

    if (r <= 0)
        return r;
    r = has_points(g, e);
    if (r != 0)
        return r < 0 ? r : 0;
    r = grow_map(g, e);
    if (r <= 0)
        return r;
    r = grow_data(g, e);
    if (r < 0)
        return r;
    g->head.size_bytes = g->spec->size_bytes;
    r = head_write(g->spec->dir, &g->head, e);
    return r < 0 ? r : 1;
}

int volume_grow(const struct volume_spec *spec, struct err *e)
{
    struct grow g = { .spec = spec, .lock_fd = -1 };
    int r = head_read(spec->dir, &g.head, e);

    if (r == 0)
        r = g.head.size_bytes >= spec->size_bytes ? 1 : grow(&g, e);
    close_fdp(&g.lock_fd);
    if (r > 0 && volume_own_all(spec, e) < 0)
        r = -e->no;
    return r < 0 ? err_wrap(e, "make volume '%s' larger", spec->name) : r;
}
