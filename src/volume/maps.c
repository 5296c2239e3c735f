/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "maps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "bits.h"
#include "cur.h"
#include "file.h"
#include "head.h"
#include "str.h"

static const char magic_live[8] = { 'K', 'I', 'L', 'N', 'L', 'I', 'V', '\n' };

struct header_disk {
    uint8_t magic[8];          /* +0x00 */
    le32 version;              /* +0x08 */
    le32 state;                /* +0x0c  outside of the checksum */
    le64 size_bytes;           /* +0x10 */
    char boot_id[BOOT_ID_MAX]; /* +0x18 */
    le64 order;                /* +0x40 */
    le32 crc;                  /* +0x48 */
};
_Static_assert(sizeof(struct header_disk) == 0x4c, "map header layout");

static uint64_t page_up(uint64_t n)
{
    return (n + MAP_PAGE - 1) / MAP_PAGE * MAP_PAGE;
}

struct layout layout_of(uint64_t size_bytes)
{
    struct layout l = { .size_bytes = size_bytes };
    uint64_t bitmap;

    l.blocks = div_up_u64(size_bytes, STORE_BLOCK_BYTES);
    l.regions = div_up_u64(l.blocks, REGION_BLOCKS);
    bitmap = page_up(words_for(l.blocks) * 8);
    l.intent = MAP_PAGE;
    l.present = l.intent + page_up(words_for(l.regions) * 8);
    l.dirty = l.present + bitmap;
    l.partial = l.dirty + bitmap;
    l.sectors = l.partial + bitmap;
    l.saved = l.sectors + page_up(l.blocks * BLOCK_SECTORS / 8);
    l.end = l.saved + page_up(words_for(l.blocks * BLOCK_SUBS) * 8);
    return l;
}

struct areas areas_of(void *mem, const struct layout *l)
{
    uint8_t *p = mem;

    return (
        struct areas){ (uint64_t *)(void *)(p + l->intent),  (uint64_t *)(void *)(p + l->present),
                       (uint64_t *)(void *)(p + l->dirty),   (uint64_t *)(void *)(p + l->partial),
                       (uint64_t *)(void *)(p + l->sectors), (uint64_t *)(void *)(p + l->saved) };
}

static uint32_t header_crc(const struct header_disk *d)
{
    uint32_t c = head_crc32c(d, offsetof(struct header_disk, state), 0);

    return head_crc32c(&d->size_bytes,
                       offsetof(struct header_disk, crc) - offsetof(struct header_disk, size_bytes),
                       c);
}

void map_header_put(void *p, const char magic[8], uint64_t size_bytes, const struct map_header *h)
{
    struct header_disk d = { .version = put_le32(1),
                             .state = put_le32(h->state),
                             .size_bytes = put_le64(size_bytes),
                             .order = put_le64(h->order) };

    memcpy(d.magic, magic, sizeof d.magic);
    (void)str_copy(d.boot_id, sizeof d.boot_id, h->boot_id);
    d.crc = put_le32(header_crc(&d));
    memcpy(p, &d, sizeof d);
}

bool map_header_get(const void *p, const char magic[8], uint64_t size_bytes, struct map_header *ret)
{
    struct header_disk d;

    memcpy(&d, p, sizeof d);
    if (memcmp(d.magic, magic, sizeof d.magic) != 0 || get_le32(d.version) != 1 ||
        get_le32(d.crc) != header_crc(&d) || get_le64(d.size_bytes) != size_bytes ||
        !memchr(d.boot_id, 0, sizeof d.boot_id))
        return false;
    ret->state = get_le32(d.state);
    ret->order = get_le64(d.order);
    memcpy(ret->boot_id, d.boot_id, sizeof ret->boot_id);
    return true;
}

uint64_t map_header_size(const void *p)
{
    struct header_disk d;

    memcpy(&d, p, sizeof d);
    return get_le64(d.size_bytes);
}

void map_header_state(void *p, enum map_state state)
{
    le32 v = put_le32(state);

    memcpy((uint8_t *)p + offsetof(struct header_disk, state), &v, sizeof v);
}

/* ---- the durable map ------------------------------------------------------------------------- */

static uint64_t wanted_bytes(const struct layout *l, bool with_sectors)
{
    return with_sectors ? l->saved : l->sectors;
}

int maps_create(const char *dir, uint64_t size_bytes, bool with_sectors, struct err *e)
{
    _cleanup_free_ char *path = NULL;

    if (asprintf(&path, "%s/map", dir) < 0)
        return err_oom(e);
    return maps_create_as(path, size_bytes, with_sectors, e);
}

int maps_create_as(const char *path, uint64_t size_bytes, bool with_sectors, struct err *e)
{
    struct layout l = layout_of(size_bytes);
    struct map_header h = { .state = MAP_GOOD };
    _cleanup_close_ int fd = -1;
    uint8_t page[MAP_PAGE] = { 0 };
    int r;

    fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return err_errno(e, "create '%s'", path);
    map_header_put(page, MAP_MAGIC, size_bytes, &h);
    if (ftruncate(fd, (off_t)l.saved) < 0)
        return err_errno(e, "set the size of '%s'", path);
    r = posix_fallocate(fd, 0, (off_t)wanted_bytes(&l, with_sectors));
    if (r != 0)
        return err_no(e, r, "allocate '%s'", path);
    r = pwrite_full(fd, page, sizeof page, 0);
    if (r < 0)
        return err_no(e, r, "write '%s'", path);
    if (fsync(fd) < 0)
        return err_errno(e, "flush '%s'", path);
    return 0;
}

/* What the map holds, into memory that is all zeros; holes are not touched. */
static int load_map(struct maps *m, struct err *e)
{
    uint64_t at = MAP_PAGE;
    int r;

    while (at < m->l.saved) {
        off_t from = lseek(m->map_fd, (off_t)at, SEEK_DATA), to;

        if (from < 0 && errno == ENXIO)
            return 0;
        if (from < 0)
            return err_errno(e, "find what the map holds");
        to = lseek(m->map_fd, from, SEEK_HOLE);
        if (to < 0)
            return err_errno(e, "find what the map holds");
        if ((uint64_t)to > m->l.saved)
            to = (off_t)m->l.saved;
        if (to <= from)
            return 0;
        r = pread_full(m->map_fd, m->mem + from, (size_t)(to - from), (uint64_t)from);
        if (r < 0)
            return err_no(e, r, "read the map");
        at = (uint64_t)to;
    }
    return 0;
}

static void touch(struct maps *m, const void *word)
{
    uint64_t page = (uint64_t)((const uint8_t *)word - m->mem) / MAP_PAGE;

    /* Always an atomic or, never only a look: it orders the bit before the next flush's copy. */
    (void)__atomic_fetch_or(&m->touched[page / 64], 1ULL << (page % 64), __ATOMIC_SEQ_CST);
}

/* After power loss dirty may lack what was not flushed; intent says where to call too much. */
static void assume_dirty_where_intended(struct maps *m)
{
    for (uint64_t b = 0; b < m->l.blocks; b++) {
        if (!bit_get(m->a.intent, b / REGION_BLOCKS)) {
            b += REGION_BLOCKS - 1;
            continue;
        }
        if (bit_get(m->a.present, b) || bit_get(m->a.partial, b))
            (void)maps_set(m, m->a.dirty, b);
    }
}

static int sync_map(struct maps *m, struct err *e)
{
    int r = m->failed ? -EIO : m->io->sync(m->io, VOLUME_FILE_MAP, m->map_fd);

    if (r < 0) {
        __atomic_store_n(&m->failed, true, __ATOMIC_RELAXED);
        return err_no(e, r, "flush the map");
    }
    return 0;
}

static int write_map(struct maps *m, const void *p, size_t n, uint64_t offset, struct err *e)
{
    int r = m->io->pwrite(m->io, VOLUME_FILE_MAP, m->map_fd, p, n, offset);

    return r < 0 ? err_no(e, r, "write the map") : 0;
}

static int write_state(struct maps *m, enum map_state state, struct err *e)
{
    struct map_header h = { .state = state };
    uint8_t page[MAP_PAGE] = { 0 };

    map_header_put(page, MAP_MAGIC, m->l.size_bytes, &h);
    return write_map(m, page, sizeof page, 0, e);
}

/* ---- opening --------------------------------------------------------------------------------- */

static int open_map(struct maps *m, const char *dir, bool *ret_clean, struct err *e)
{
    _cleanup_free_ char *path = NULL;
    uint8_t page[MAP_PAGE];
    struct map_header h;

    if (asprintf(&path, "%s/map", dir) < 0)
        return err_oom(e);
    m->map_fd = open(path, O_RDWR | O_CLOEXEC);
    if (m->map_fd < 0)
        return err_errno(e, "open '%s'", path);
    if (pread_full(m->map_fd, page, sizeof page, 0) < 0 ||
        !map_header_get(page, MAP_MAGIC, m->l.size_bytes, &h))
        return err_set(e, EILSEQ, ERR_CORRUPT, "'%s' is damaged: its header is wrong", path);
    *ret_clean = h.state == MAP_GOOD;
    return 0;
}

/* Maps live; *ret_valid when this boot's server left it complete. */
static int open_live(struct maps *m, const char *dir, bool with_sectors, const char *boot_id,
                     bool *ret_valid, struct err *e)
{
    _cleanup_free_ char *path = NULL;
    _cleanup_close_ int fd = -1;
    uint8_t page[MAP_PAGE] = { 0 };
    struct map_header h;
    int r;

    if (asprintf(&path, "%s/live", dir) < 0)
        return err_oom(e);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0)
        return err_errno(e, "open '%s'", path);
    *ret_valid = pread_full(fd, page, sizeof page, 0) == 0 &&
                 map_header_get(page, magic_live, m->l.size_bytes, &h) &&
                 lseek(fd, 0, SEEK_END) == (off_t)m->l.saved && strcmp(h.boot_id, boot_id) == 0;
    if (!*ret_valid && (ftruncate(fd, 0) < 0 || ftruncate(fd, (off_t)m->l.saved) < 0))
        return err_errno(e, "set the size of '%s'", path);
    /* Room for every page now: a full disk under a mapped hole would be a SIGBUS. */
    r = posix_fallocate(fd, 0, (off_t)wanted_bytes(&m->l, with_sectors));
    if (r != 0)
        return err_no(e, r, "allocate '%s'", path);
    m->mem = mmap(NULL, m->l.saved, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (m->mem == MAP_FAILED) {
        m->mem = NULL;
        return err_errno(e, "map '%s'", path);
    }
    m->a = areas_of(m->mem, &m->l);
    return 0;
}

static int make_live(struct maps *m, bool clean, const char *boot_id, struct err *e)
{
    struct map_header h = { .state = MAP_GOOD };
    int r = load_map(m, e);

    if (r < 0)
        return r;
    if (!clean)
        assume_dirty_where_intended(m);
    (void)str_copy(h.boot_id, sizeof h.boot_id, boot_id);
    /* The header last: killed before it, the next start makes live again. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    map_header_put(m->mem, magic_live, m->l.size_bytes, &h);
    return 0;
}

/* live of this boot may be ahead of the map anywhere. */
static void touch_all(struct maps *m)
{
    maps_touch_area(m, m->a.intent, (m->l.sectors - m->l.intent) * 8);
    for (uint64_t b = 0; b < m->l.blocks; b++) {
        if (b % 64 == 0 && !word_get(&m->a.partial[b / 64]))
            b += 63;
        else if (bit_get(m->a.partial, b))
            touch(m, areas_sectors(&m->a, b));
    }
}

int maps_open(struct maps *m, const char *dir, uint64_t size_bytes, bool with_sectors,
              const char *boot_id, const struct volume_io *io, struct maps_found *ret,
              struct err *e)
{
    struct maps_found found = { 0 };
    bool valid = false;
    uint64_t pages;
    int r;

    *m = (struct maps){ .l = layout_of(size_bytes), .io = io, .map_fd = -1 };
    lock_init(&m->intent_lock);
    pages = m->l.saved / MAP_PAGE;
    m->touched = calloc(words_for(pages), 8);
    m->staged = calloc(words_for(pages), 8);
    m->shadow = mmap(NULL, m->l.saved, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (m->shadow == MAP_FAILED)
        m->shadow = NULL;
    if (!m->touched || !m->staged || !m->shadow)
        return err_oom(e);
    r = open_map(m, dir, &found.clean, e);
    if (r == 0)
        r = open_live(m, dir, with_sectors, boot_id, &valid, e);
    if (r == 0 && !valid)
        r = make_live(m, found.clean, boot_id, e);
    if (r < 0)
        return r;
    if (valid && !found.clean)
        touch_all(m);
    /* With a clean map, intent has nothing to tell any more; and the first change of all has to ask
     * for it, which is where the map stops being clean. */
    if (found.clean) {
        bits_zero(m->a.intent, words_for(m->l.regions));
        maps_touch_area(m, m->a.intent, m->l.regions);
    }
    m->marked_clean = found.clean;
    m->n_present = bits_count(m->a.present, m->l.blocks);
    found.power_lost = !valid && !found.clean;
    *ret = found;
    return 0;
}

void maps_done(struct maps *m)
{
    if (m->mem)
        (void)munmap(m->mem, m->l.saved);
    if (m->shadow)
        (void)munmap(m->shadow, m->l.saved);
    close_fdp(&m->map_fd);
    free(m->touched);
    free(m->staged);
    lock_done(&m->intent_lock);
}

/* ---- changing -------------------------------------------------------------------------------- */

bool maps_set(struct maps *m, uint64_t *area, uint64_t i)
{
    if (!bit_set(area, i))
        return false;
    touch(m, &area[i / 64]);
    return true;
}

void maps_touch_area(struct maps *m, const uint64_t *area, uint64_t bits)
{
    for (uint64_t w = 0; w < words_for(bits); w += MAP_PAGE / 8)
        touch(m, &area[w]);
}

int maps_intend(struct maps *m, uint64_t region, struct err *e)
{
    uint64_t page[MAP_PAGE / 8], first = region / 64 / ARRAY_LEN(page) * ARRAY_LEN(page);
    int r;

    if (bit_get(m->a.intent, region))
        return 0;
    _with_lock_(&m->intent_lock);
    if (bit_get(m->a.intent, region))
        return 0;
    bits_copy(page, &m->a.intent[first], ARRAY_LEN(page));
    page[region / 64 - first] |= 1ULL << (region % 64);
    r = m->marked_clean ? write_state(m, MAP_NONE, e) : 0;
    if (r == 0)
        r = write_map(m, page, sizeof page, m->l.intent + first * 8, e);
    if (r == 0)
        r = sync_map(m, e);
    if (r < 0)
        return r;
    m->marked_clean = false;
    (void)bit_set(m->a.intent, region); /* only now may others pass */
    return 0;
}

/* ---- flushing -------------------------------------------------------------------------------- */

static void stage_page(struct maps *m, uint64_t page, uint64_t *const *more, size_t n_more)
{
    uint64_t at = page * MAP_PAGE, words = MAP_PAGE / 8;
    uint64_t *to = (uint64_t *)(void *)(m->shadow + at);

    bits_copy(to, (uint64_t *)(void *)(m->mem + at), words);
    if (at >= m->l.dirty && at < m->l.partial)
        for (size_t i = 0; i < n_more; i++)
            for (uint64_t w = 0; w < words; w++)
                to[w] |= word_get(&more[i][(at - m->l.dirty) / 8 + w]);
}

void maps_stage(struct maps *m, uint64_t *const *more, size_t n_more)
{
    uint64_t pages = m->l.saved / MAP_PAGE;

    for (uint64_t w = 0; w < words_for(pages); w++) {
        uint64_t bits =
            word_get(&m->touched[w]) ? __atomic_exchange_n(&m->touched[w], 0, __ATOMIC_SEQ_CST) : 0;

        m->staged[w] |= bits;
        for (; bits; bits &= bits - 1)
            stage_page(m, w * 64 + (uint64_t)__builtin_ctzll(bits), more, n_more);
    }
}

bool maps_is_staged(const struct maps *m)
{
    for (uint64_t w = 0; w < words_for(m->l.saved / MAP_PAGE); w++)
        if (m->staged[w])
            return true;
    return false;
}

/* Intent pages are written by their own rule: not from the copy, which may be older than what
 * maps_intend wrote meanwhile. */
static int write_intent_page(struct maps *m, uint64_t page, struct err *e)
{
    _with_lock_(&m->intent_lock);
    return write_map(m, m->mem + page * MAP_PAGE, MAP_PAGE, page * MAP_PAGE, e);
}

static int write_run(struct maps *m, uint64_t page, uint64_t *ret_next, struct err *e)
{
    uint64_t n = 1, pages = m->l.saved / MAP_PAGE;

    *ret_next = page + 1;
    if (page * MAP_PAGE < m->l.present)
        return write_intent_page(m, page, e);
    while (page + n < pages && bit_get(m->staged, page + n))
        n++;
    *ret_next = page + n;
    return write_map(m, m->shadow + page * MAP_PAGE, n * MAP_PAGE, page * MAP_PAGE, e);
}

int maps_commit(struct maps *m, struct err *e)
{
    uint64_t pages = m->l.saved / MAP_PAGE, next = 0;
    int r;

    for (uint64_t p = 0; p < pages; p = next) {
        next = p + 1;
        if (!m->staged[p / 64]) {
            next = (p / 64 + 1) * 64;
            continue;
        }
        if (!bit_get(m->staged, p))
            continue;
        r = write_run(m, p, &next, e);
        if (r < 0)
            return r; /* all stay staged for the next attempt */
    }
    r = sync_map(m, e);
    if (r < 0)
        return r;
    bits_zero(m->staged, words_for(pages));
    return 0;
}

int maps_mark_clean(struct maps *m, struct err *e)
{
    int r = write_state(m, MAP_GOOD, e);

    return r < 0 ? r : sync_map(m, e);
}
