/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test-disk-priv.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- small things ---- */

static struct disk *of(const struct store_io *io)
{
    struct disk *d = (struct disk *)(uintptr_t)io; /* io is its first member */

    (void)pthread_mutex_lock(&d->lock);
    return d;
}

static int done(struct disk *d, int r)
{
    (void)pthread_mutex_unlock(&d->lock);
    return r;
}

/* Each call begins here. */
static int call(struct disk *d)
{
    if (d->dead)
        return -EIO;
    if (d->calls++ == d->fail_at)
        return -d->fail_no;
    return 0;
}

static int flush_call(struct disk *d)
{
    int r = call(d);

    if (r == 0 && d->flushes++ == d->plug_at) {
        d->dead = true;
        r = -EIO;
    }
    return r;
}

static struct name *find(const struct names_table *t, const char *path)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->name[i].path, path) == 0)
            return &t->name[i];
    return NULL;
}

static void take_name(struct names_table *t, const char *path)
{
    struct name *x = find(t, path);

    if (x)
        *x = t->name[--t->n];
}

static void give_name(struct names_table *t, const char *path, int inode)
{
    struct name *x = find(t, path);

    if (!x) {
        assert(t->n < FILES_MAX);
        x = &t->name[t->n++];
        (void)snprintf(x->path, sizeof x->path, "%s", path);
    }
    x->inode = inode;
}

void disk_apply(struct names_table *t, const struct change *c)
{
    if (c->take[0])
        take_name(t, c->take);
    if (c->give[0])
        give_name(t, c->give, c->inode);
}

static void change(struct disk *d, const char *take, const char *give, int inode)
{
    struct change *c = &d->pending[d->n_pending++];

    assert(d->n_pending < PENDING_MAX && strlen(give) < PATH_LEN && strlen(take) < PATH_LEN);
    *c = (struct change){ .inode = inode };
    (void)snprintf(c->take, sizeof c->take, "%s", take);
    (void)snprintf(c->give, sizeof c->give, "%s", give);
    disk_apply(&d->now, c);
}

static bool is_in(const char *path, const char *dir)
{
    size_t n = strlen(dir);

    return strncmp(path, dir, n) == 0 && path[n] == '/' && !strchr(path + n + 1, '/');
}

/* "a/./b" and "a/." as the store may say them. */
static const char *plain(const char *path, char out[PATH_LEN])
{
    size_t n = 0;

    for (const char *p = path; *p && n + 1 < PATH_LEN; p++) {
        if (p[0] == '/' && p[1] == '.' && (p[2] == '/' || !p[2])) {
            p++;
            continue;
        }
        out[n++] = *p;
    }
    out[n] = '\0';
    return out;
}

static int inode_new(struct disk *d, bool dir)
{
    for (int i = 0; i < FILES_MAX; i++)
        if (!d->inode[i].used) {
            d->inode[i] = (struct inode){ .used = true, .dir = dir };
            return i;
        }
    assert(!"the test disk has no more inodes");
    return -1;
}

static int handle_new(struct disk *d, int inode)
{
    for (int i = 0; i < HANDLES_MAX; i++)
        if (!d->handle[i].used) {
            d->handle[i] = (struct handle){ .used = true, .inode = inode };
            return i;
        }
    return -EMFILE;
}

void content_resize(struct content *c, size_t len)
{
    if (len <= c->len)
        return;
    c->p = realloc(c->p, len);
    assert(c->p);
    memset(c->p + c->len, 0, len - c->len);
    c->len = len;
}

void content_copy(struct content *to, const struct content *from)
{
    free(to->p);
    *to = (struct content){ 0 };
    content_resize(to, from->len);
    if (from->len)
        memcpy(to->p, from->p, from->len);
}

/* ---- the calls ---- */

static int mem_open(const struct store_io *io, const char *path0, enum store_io_how how)
{
    struct disk *d = of(io);
    char buf[PATH_LEN];
    const char *path = plain(path0, buf);
    int r = call(d), inode;
    struct name *x;

    if (r < 0)
        return done(d, r);
    x = find(&d->now, path);
    if (how == STORE_IO_READ)
        return done(d, x ? handle_new(d, x->inode) : -ENOENT);
    if (x)
        return done(d, -EEXIST);
    inode = inode_new(d, false);
    change(d, "", path, inode);
    return done(d, handle_new(d, inode));
}

static void mem_close(const struct store_io *io, int h)
{
    struct disk *d = of(io);

    if (!d->dead)
        d->handle[h].used = false;
    (void)done(d, 0);
}

static int mem_pread(const struct store_io *io, int h, void *buf, size_t n, uint64_t offset)
{
    struct disk *d = of(io);
    int r = call(d);
    struct content *c = &d->inode[d->handle[h].inode].now;

    if (r < 0)
        return done(d, r);
    if (offset > c->len || n > c->len - offset)
        return done(d, -ENODATA);
    if (n)
        memcpy(buf, c->p + offset, n);
    return done(d, 0);
}

static int mem_pwrite(const struct store_io *io, int h, const void *buf, size_t n, uint64_t offset)
{
    struct disk *d = of(io);
    int r = call(d);
    struct inode *x = &d->inode[d->handle[h].inode];

    if (r < 0)
        return done(d, r);
    if (offset + n > x->now.len)
        content_resize(&x->now, offset + n);
    memcpy(x->now.p + offset, buf, n);
    x->write = realloc(x->write, (x->writes + 1) * sizeof *x->write);
    assert(x->write);
    x->write[x->writes++] = (struct write){ offset, n };
    return done(d, 0);
}

static void mem_start_sync(const struct store_io *io, int h, uint64_t offset, uint64_t n)
{
    (void)io, (void)h, (void)offset, (void)n;
}

static int mem_sync(const struct store_io *io, int h)
{
    struct disk *d = of(io);
    struct inode *x = &d->inode[d->handle[h].inode];
    int r = flush_call(d);

    if (r == 0) {
        content_copy(&x->flushed, &x->now);
        x->writes = 0;
    }
    return done(d, r);
}

static int mem_sync_dir(const struct store_io *io, const char *path0)
{
    struct disk *d = of(io);
    char buf[PATH_LEN];
    const char *path = plain(path0, buf);
    int r = flush_call(d);
    size_t kept = 0;

    for (size_t i = 0; r == 0 && i < d->n_pending; i++) {
        struct change *c = &d->pending[i];

        if (is_in(c->give[0] ? c->give : c->take, path))
            disk_apply(&d->flushed, c);
        else
            d->pending[kept++] = *c;
    }
    if (r == 0)
        d->n_pending = kept;
    return done(d, r);
}

static int mem_stat(const struct store_io *io, int h, uint64_t *ret_size, uint64_t *ret_links)
{
    struct disk *d = of(io);
    int r = call(d), inode = d->handle[h].inode;

    if (r < 0)
        return done(d, r);
    *ret_size = d->inode[inode].now.len;
    *ret_links = 0;
    for (size_t i = 0; i < d->now.n; i++)
        *ret_links += d->now.name[i].inode == inode;
    return done(d, 0);
}

static int mem_rename(const struct store_io *io, const char *from0, const char *to0, bool replace)
{
    struct disk *d = of(io);
    char a[PATH_LEN], b[PATH_LEN];
    const char *from = plain(from0, a), *to = plain(to0, b);
    struct name *x = find(&d->now, from);
    int r = call(d);

    if (r < 0)
        return done(d, r);
    if (!x)
        return done(d, -ENOENT);
    if (!replace && find(&d->now, to))
        return done(d, -EEXIST);
    change(d, from, to, x->inode);
    return done(d, 0);
}

static int mem_unlink(const struct store_io *io, const char *path0)
{
    struct disk *d = of(io);
    char buf[PATH_LEN];
    const char *path = plain(path0, buf);
    int r = call(d);

    if (r < 0)
        return done(d, r);
    if (!find(&d->now, path))
        return done(d, -ENOENT);
    change(d, path, "", -1);
    return done(d, 0);
}

static int mem_mkdir(const struct store_io *io, const char *path)
{
    struct disk *d = of(io);
    int r = call(d);

    if (r < 0)
        return done(d, r);
    if (find(&d->now, path))
        return done(d, -EEXIST);
    change(d, "", path, inode_new(d, true));
    return done(d, 0);
}

static int mem_exists(const struct store_io *io, const char *path)
{
    struct disk *d = of(io);
    int r = call(d);

    return done(d, r < 0 ? r : find(&d->now, path) != NULL);
}

static int mem_list(const struct store_io *io, const char *path, int (*fn)(const char *, void *),
                    void *u)
{
    struct disk *d = of(io);
    char buf[PATH_LEN];
    int r = call(d);

    (void)plain(path, buf);
    for (size_t i = 0; r == 0 && i < d->now.n; i++)
        if (is_in(d->now.name[i].path, buf))
            r = fn(d->now.name[i].path + strlen(buf) + 1, u);
    return done(d, r);
}

static int mem_lock(const struct store_io *io, int h, enum store_io_lock how, bool wait)
{
    struct disk *d = of(io);
    struct handle *x = &d->handle[h];
    int r = call(d);

    for (int i = 0; r == 0 && i < HANDLES_MAX; i++) {
        struct handle *y = &d->handle[i];

        if (i == h || !y->used || y->inode != x->inode)
            continue;
        if (y->exclusive || (how == STORE_IO_EXCLUSIVE && y->shared))
            r = wait ? -EDEADLK : -EAGAIN; /* tests have one thread: it would wait for ever */
    }
    if (r == 0) {
        x->exclusive = how == STORE_IO_EXCLUSIVE;
        x->shared = how == STORE_IO_SHARED;
    }
    return done(d, r);
}

/* ---- the test's side ---- */

static struct names_table table_new(void)
{
    struct names_table t = { .name = calloc(FILES_MAX, sizeof *t.name) };

    assert(t.name);
    return t;
}

struct disk *disk_new(void)
{
    struct disk *d = calloc(1, sizeof *d);

    assert(d);
    d->io = (struct store_io){ .open = mem_open,
                               .close = mem_close,
                               .pread = mem_pread,
                               .pwrite = mem_pwrite,
                               .start_sync = mem_start_sync,
                               .sync = mem_sync,
                               .sync_dir = mem_sync_dir,
                               .stat = mem_stat,
                               .rename = mem_rename,
                               .unlink = mem_unlink,
                               .mkdir = mem_mkdir,
                               .exists = mem_exists,
                               .list = mem_list,
                               .lock = mem_lock };
    (void)pthread_mutex_init(&d->lock, NULL);
    d->fail_at = d->plug_at = -1;
    d->now = table_new();
    d->flushed = table_new();
    return d;
}

static void inode_done(struct inode *x)
{
    free(x->now.p);
    free(x->flushed.p);
    free(x->write);
    *x = (struct inode){ 0 };
}

void disk_free(struct disk *d)
{
    for (int i = 0; i < FILES_MAX; i++)
        inode_done(&d->inode[i]);
    free(d->now.name);
    free(d->flushed.name);
    (void)pthread_mutex_destroy(&d->lock);
    free(d);
}

const struct store_io *disk_io(struct disk *d)
{
    return &d->io;
}
