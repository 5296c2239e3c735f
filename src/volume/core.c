/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening and closing a volume, its changes, its flush. The order of writes is told in
 * docs/formats/volume.md; "rule N" cites it. */
#include "core-priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "bits.h"
#include "clock.h"
#include "file.h"
#include "log.h"
#include "str.h"

static int disk_pwrite(const struct volume_io *io, enum volume_file f, int fd, const void *buf,
                       size_t n, uint64_t offset)
{
    (void)io, (void)f;
    return pwrite_full(fd, buf, n, offset);
}

static int disk_sync(const struct volume_io *io, enum volume_file f, int fd)
{
    (void)io, (void)f;
    return fdatasync(fd) < 0 ? -errno : 0;
}

static const struct volume_io disk = { disk_pwrite, disk_sync, NULL };

/* ---- changes --------------------------------------------------------------------------------- */

struct change {
    const uint8_t *buf; /* NULL: zeros */
    unsigned flags;     /* of zeros */
};

static int apply(struct volume *v, const struct change *c, uint64_t n, uint64_t offset,
                 struct err *e)
{
    return c->buf ? volume_put(v, c->buf, (size_t)n, offset, e)
                  : volume_punch(v, n, offset, c->flags, e);
}

/* The caller holds the stripe. */
void volume_make_present(struct volume *v, uint64_t block)
{
    if (!maps_set(&v->maps, v->maps.a.present, block))
        return;
    (void)count_add(&v->maps.n_present, 1);
    if (base_has_data(v, block))
        (void)count_add(&v->fill_done, 1);
}

static void make_local(struct volume *v, uint64_t block, uint64_t first, uint64_t last)
{
    struct areas *a = &v->maps.a;
    uint64_t at = block * BLOCK_SECTORS, all;

    for (uint64_t s = first; s <= last; s++)
        (void)maps_set(&v->maps, a->sectors, at + s);
    (void)maps_set(&v->maps, a->partial, block);
    all = div_up_u64(volume_block_bytes(v, block), SECTOR_BYTES);
    for (uint64_t s = 0; s < all; s++)
        if (!bit_get(a->sectors, at + s))
            return;
    volume_make_present(v, block);
}

/* A sector that is about to be overwritten in part gets its old content first. */
static int localise(struct volume *v, uint64_t block, uint64_t sector, struct err *e)
{
    uint64_t offset = (block << STORE_BLOCK_SHIFT) + sector * SECTOR_BYTES;
    size_t n = (size_t)min_u64(SECTOR_BYTES, v->head.size_bytes - offset);
    uint8_t old[SECTOR_BYTES];
    int r;

    if (bit_get(v->maps.a.sectors, block * BLOCK_SECTORS + sector))
        return 0;
    r = base_read(v, old, n, offset, e);
    if (r == 0)
        r = volume_put(v, old, n, offset, e);
    if (r == 0)
        make_local(v, block, sector, sector);
    return r;
}

static int change_partial(struct volume *v, const struct change *c, uint64_t block, uint64_t in,
                          uint64_t n, struct err *e)
{
    uint64_t end = in + n, first = in / SECTOR_BYTES, last = (end - 1) / SECTOR_BYTES;
    bool to_the_end = end == volume_block_bytes(v, block);
    int r = 0;

    if (in % SECTOR_BYTES)
        r = localise(v, block, first, e);
    if (r == 0 && end % SECTOR_BYTES && !to_the_end)
        r = localise(v, block, last, e);
    if (r == 0)
        r = apply(v, c, n, (block << STORE_BLOCK_SHIFT) + in, e);
    if (r == 0)
        make_local(v, block, first, last);
    return r;
}

static int change_absent(struct volume *v, const struct change *c, uint64_t block, uint64_t in,
                         uint64_t n, struct err *e)
{
    int r;

    /* rule 1, the exception: nothing in the base, so the whole block may be called local first */
    if (!bit_get(v->maps.a.partial, block) && !base_has_data(v, block)) {
        volume_make_present(v, block);
        return apply(v, c, n, (block << STORE_BLOCK_SHIFT) + in, e);
    }
    if (n < volume_block_bytes(v, block))
        return change_partial(v, c, block, in, n, e);
    r = apply(v, c, n, block << STORE_BLOCK_SHIFT, e);
    if (r == 0)
        volume_make_present(v, block);
    return r;
}

static int change_block(struct volume *v, const struct change *c, uint64_t block, uint64_t in,
                        uint64_t n, struct err *e)
{
    int r = maps_intend(&v->maps, block / REGION_BLOCKS, e); /* rule 3 */

    if (r < 0)
        return r;
    _with_lock_(volume_stripe(v, block));
    (void)maps_set(&v->maps, v->maps.a.dirty, block); /* rule 1 */
    if (v->n_points)
        points_save(v, block, in, n);
    if (bit_get(v->maps.a.present, block))
        return apply(v, c, n, (block << STORE_BLOCK_SHIFT) + in, e);
    return change_absent(v, c, block, in, n, e);
}

static int change_inside(struct volume *v, struct change c, uint64_t n, uint64_t offset,
                         struct err *e)
{
    int r = 0;

    if (__atomic_load_n(&v->closing, __ATOMIC_ACQUIRE))
        return err_set(e, ESHUTDOWN, ERR_CONFLICT, "volume '%s' is closed", v->head.name);
    for (uint64_t k; n && r == 0; n -= k, offset += k) {
        uint64_t in = offset % STORE_BLOCK_BYTES;

        k = min_u64(n, STORE_BLOCK_BYTES - in);
        r = change_block(v, &c, offset >> STORE_BLOCK_SHIFT, in, k, e);
        if (c.buf)
            c.buf += k;
    }
    return r;
}

static int change(struct volume *v, struct change c, uint64_t n, uint64_t offset, bool fua,
                  struct err *e)
{
    int r;

    gate_enter(&v->gate);
    r = change_inside(v, c, n, offset, e);
    gate_leave(&v->gate);
    if (r == 0 && fua)
        r = volume_flush(v, e);
    return r;
}

int volume_write(struct volume *v, const void *buf, size_t n, uint64_t offset, bool fua,
                 struct err *e)
{
    return change(v, (struct change){ .buf = buf }, n, offset, fua, e);
}

int volume_zero(struct volume *v, uint64_t n, uint64_t offset, unsigned flags, struct err *e)
{
    return change(v, (struct change){ .flags = flags }, n, offset, flags & VOLUME_ZERO_FUA, e);
}

/* ---- flush: rule 4 --------------------------------------------------------------------------- */

static void stage(struct volume *v)
{
    uint64_t *sets[POINTS_MAX];

    _with_lock_(&v->map_lock);
    for (size_t i = 0; i < v->n_points; i++)
        sets[i] = v->points[i]->a.dirty;
    maps_stage(&v->maps, sets, v->n_points);
}

static int sync_data(struct volume *v, struct err *e)
{
    int r = 0;

    if (__atomic_load_n(&v->failed, __ATOMIC_ACQUIRE))
        r = -EIO;
    else if (__atomic_exchange_n(&v->unsynced, false, __ATOMIC_SEQ_CST))
        r = v->io->sync(v->io, VOLUME_FILE_DATA, v->data_fd);
    if (r == 0)
        return 0;
    /* The kernel reports a lost write once and then forgets it. We do not. */
    __atomic_store_n(&v->failed, true, __ATOMIC_RELEASE);
    return err_no(e, r, "flush the data of volume '%s'", v->head.name);
}

int volume_flush(struct volume *v, struct err *e)
{
    uint64_t before = __atomic_load_n(&v->flushes_started, __ATOMIC_SEQ_CST), mine;
    int r;

    _with_lock_(&v->flush_lock);
    if (v->flushes_done > before)
        return 0; /* one that started after this call came has done it */
    mine = __atomic_add_fetch(&v->flushes_started, 1, __ATOMIC_SEQ_CST);
    stage(v);
    r = sync_data(v, e);
    if (r == 0 && maps_is_staged(&v->maps))
        r = maps_commit(&v->maps, e);
    if (r == 0)
        v->flushes_done = mine;
    return r;
}

/* ---- opening and closing --------------------------------------------------------------------- */

static int open_in(struct volume *v, const char *name, int flags, int *ret_fd, struct err *e)
{
    _cleanup_free_ char *path = NULL;

    if (asprintf(&path, "%s/%s", v->dir, name) < 0)
        return err_oom(e);
    *ret_fd = open(path, flags | O_CLOEXEC, 0640);
    return *ret_fd < 0 ? err_errno(e, "open '%s'", path) : 0;
}

static int open_files(struct volume *v, struct err *e)
{
    struct stat st;
    int r = open_in(v, "lock", O_RDWR | O_CREAT, &v->lock_fd, e);

    if (r < 0)
        return r;
    if (flock(v->lock_fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK
                   ? err_set(e, EBUSY, ERR_CONFLICT, "'%s' is served by another process", v->dir)
                   : err_errno(e, "lock '%s'", v->dir);
    r = head_read(v->dir, &v->head, e);
    if (r == 0)
        r = open_in(v, "data", O_RDWR, &v->data_fd, e);
    if (r < 0)
        return r;
    if (fstat(v->data_fd, &st) < 0 || (uint64_t)st.st_size != v->head.size_bytes)
        return err_set(e, EILSEQ, ERR_CORRUPT, "the data of '%s' has not the volume's size",
                       v->dir);
    return 0;
}

static int open_key(struct volume *v, const char *key_path, struct err *e)
{
    int r;

    if (!v->head.domain)
        return 0;
    if (!key_path || !key_path[0])
        return err_set(e, EACCES, ERR_DENIED,
                       "volume '%s' is encrypted in key domain %u, and no key was given",
                       v->head.name, v->head.domain);
    r = store_key_load(key_path, &v->key, e);
    return r < 0 ? r : crypt_new(&v->head, v->key, &v->crypt, e);
}

/* Rule 6: bytes of unflushed writes, in blocks that nothing calls local. */
static int punch_leftovers(struct volume *v, struct err *e)
{
    struct maps *m = &v->maps;
    uint64_t from = 0, n = 0;
    int r = 0;

    for (uint64_t b = 0; b <= m->l.blocks && r == 0; b++) {
        bool left = b < m->l.blocks && bit_get(m->a.intent, b / REGION_BLOCKS) &&
                    !bit_get(m->a.present, b) && !bit_get(m->a.partial, b);

        if (left) {
            from = n ? from : b;
            n++;
        } else if (n) {
            uint64_t at = from << STORE_BLOCK_SHIFT;

            r = volume_punch(v, min_u64(n << STORE_BLOCK_SHIFT, v->head.size_bytes - at), at, 0, e);
            n = 0;
        }
    }
    return r;
}

static int open_maps(struct volume *v, struct err *e)
{
    struct maps_found found;
    int r = maps_open(&v->maps, v->dir, v->head.size_bytes, v->head.base[0] != 0, v->boot_id, v->io,
                      &found, e);

    if (r < 0)
        return r;
    v->clean_start = found.clean;
    if (!found.clean)
        log_notice("volume", "'%s' was not closed in order, %s", v->head.name,
                   found.power_lost ? "and the machine has stopped since" : "nothing is lost");
    r = found.power_lost ? punch_leftovers(v, e) : 0;
    return r < 0 ? r : points_load(v, v->boot_id, e);
}

static int open_base(struct volume *v, struct err *e)
{
    struct base *b = NULL;
    int r = 0;

    v->touched = calloc(words_for(v->maps.l.blocks), 8);
    if (!v->touched)
        return err_oom(e);
    if (v->head.base[0])
        r = base_open(v, v->head.base, true, &b, e);
    if (r == 0)
        base_take(v, b);
    return r;
}

static struct volume *volume_new(const char *dir, const struct volume_io *io)
{
    struct volume *v = calloc(1, sizeof *v);

    if (!v)
        return NULL;
    v->lock_fd = v->data_fd = v->maps.map_fd = -1;
    v->io = io ? io : &disk;
    v->dir = strdup(dir);
    v->unsynced = true; /* of the server before */
    gate_init(&v->gate);
    lock_init(&v->flush_lock);
    lock_init(&v->map_lock);
    lock_init(&v->base_lock);
    lock_init(&v->points_lock);
    lock_init(&v->loader.l);
    (void)pthread_cond_init(&v->loader.work, NULL);
    (void)pthread_cond_init(&v->loader.loaded, NULL);
    for (size_t i = 0; i < STRIPES; i++)
        lock_init(&v->stripes[i]);
    if (!v->dir) {
        volume_free(v);
        return NULL;
    }
    return v;
}

int volume_open(const struct volume_open_spec *spec, struct volume **ret, struct err *e)
{
    _cleanup_(volume_freep) struct volume *v = volume_new(spec->dir, spec->io);
    int r;

    if (!v)
        return err_oom(e);
    r = spec->boot_id ? str_copy(v->boot_id, sizeof v->boot_id, spec->boot_id)
                      : clock_boot_id(v->boot_id);
    if (r < 0)
        return err_no(e, r, "read the boot id");
    r = open_files(v, e);
    if (r == 0 && !(v->store_dir = strdup(spec->store_dir ? spec->store_dir : v->head.store)))
        r = err_oom(e);
    if (r == 0)
        r = open_key(v, spec->key_path, e);
    if (r == 0)
        r = open_maps(v, e);
    if (r == 0)
        r = loader_init(v, e);
    if (r == 0)
        r = open_base(v, e);
    if (r == 0 && !spec->no_loader)
        r = loader_start(v, e);
    if (r < 0)
        return err_wrap(e, "open the volume in '%s'", spec->dir);
    volume_fill(v, spec->fill_bytes_per_s);
    *ret = TAKE_PTR(v);
    return 0;
}

int volume_close(struct volume *v, struct err *e)
{
    int r;

    __atomic_store_n(&v->closing, true, __ATOMIC_RELEASE);
    loader_stop(v);
    if (v->frozen)
        volume_thaw(v); /* who waits is refused */
    r = gate_close(&v->gate, GATE_TIMEOUT_MS);
    if (r < 0)
        return err_no(e, r, "wait for the requests of volume '%s'", v->head.name);
    gate_open(&v->gate);
    r = volume_flush(v, e);
    if (r == 0)
        r = maps_mark_clean(&v->maps, e);
    return r;
}

void volume_free(struct volume *v)
{
    if (!v)
        return;
    loader_done(v);
    points_done(v);
    base_put(v, v->base);
    store_close(v->store);
    crypt_free(v->crypt);
    store_key_free(v->key);
    if (v->maps.io)
        maps_done(&v->maps);
    close_fdp(&v->data_fd);
    close_fdp(&v->lock_fd);
    free(v->touched);
    free(v->dir);
    free(v->store_dir);
    for (size_t i = 0; i < STRIPES; i++)
        lock_done(&v->stripes[i]);
    (void)pthread_cond_destroy(&v->loader.work);
    (void)pthread_cond_destroy(&v->loader.loaded);
    lock_done(&v->loader.l);
    lock_done(&v->points_lock);
    lock_done(&v->base_lock);
    lock_done(&v->map_lock);
    lock_done(&v->flush_lock);
    gate_done(&v->gate);
    free(v);
}

uint64_t volume_size(const struct volume *v)
{
    return v->head.size_bytes;
}

void volume_status(struct volume *v, struct volume_status *ret)
{
    *ret = (struct volume_status){
        .size_bytes = v->head.size_bytes,
        .blocks = v->maps.l.blocks,
        .blocks_present = count_get(&v->maps.n_present),
        .blocks_base = base_data_blocks(v),
        .blocks_dirty = bits_count(v->maps.a.dirty, v->maps.l.blocks),
        .store_bytes_read = count_get(&v->store_bytes),
        .store_blocks_read = count_get(&v->n_touched),
        .fill_done = count_get(&v->fill_done),
        .fill_total = base_data_blocks(v),
        .clean_start = v->clean_start,
    };
    {
        _with_lock_(&v->loader.l);
        ret->fill_rate = v->loader.rate;
    }
    (void)str_copy(ret->base, sizeof ret->base, v->head.base);
}
