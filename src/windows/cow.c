/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cow.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cur.h"
#include "file.h"
#include "str.h"

#define BLOCK      4096U
#define SECTOR     512U
#define SUMS       (BLOCK / SECTOR)
#define MAGIC      "KILNJRN1"
#define BLOCKS_MAX (1U << 24) /* 64 GiB of changes */
#define RUN_MAX    256U       /* blocks written at once */

/* The file: blocks in the order they were first changed, from offset 0; then, at a commit, the
 * index, one struct entry for each block in the same order; then the trailer, the last 64 bytes. */
struct entry {
    le64 number;    /* of the block on the disk */
    le32 old[SUMS]; /* of the sectors that were there: who finishes an interrupted commit must find
                       the old or the new content in each, else the disk is another one */
};
_Static_assert(sizeof(struct entry) == 40, "an entry of the journal's index");

struct trailer {
    char magic[8];
    le64 disk_bytes, blocks;
    uint8_t sha256[32]; /* of all before it, and of the fields above */
    le64 zero;
};
_Static_assert(sizeof(struct trailer) == 64, "the journal's trailer");

struct win_cow {
    struct win_disk *below, *face;
    char *journal, *fresh; /* paths; NULL: a scratch file without a name */
    int fd;
    struct entry *entries; /* by slot */
    uint32_t n, cap;
    uint32_t *table; /* of slots + 1, open addressing by block number; a power of two */
    uint32_t table_size;
};

/* ---- sums ------------------------------------------------------------------------------------ */

/* Tells old from new content; not against an adversary. */
static uint32_t sector_sum(const uint8_t *p)
{
    uint64_t h = 0x9e3779b97f4a7c15ULL;

    for (size_t i = 0; i < SECTOR; i += 8) {
        le64 v;

        memcpy(&v, p + i, 8);
        h = (h ^ get_le64(v)) * 0xff51afd7ed558ccdULL;
        h ^= h >> 32;
    }
    return (uint32_t)(h ^ h >> 29);
}

/* ---- the index of blocks --------------------------------------------------------------------- */

static uint32_t hash(const struct win_cow *c, uint64_t number)
{
    return (uint32_t)((number * 0x9e3779b97f4a7c15ULL) >> 32) & (c->table_size - 1);
}

/* The slot, or -1. */
static int64_t find(const struct win_cow *c, uint64_t number)
{
    if (!c->table_size)
        return -1;
    for (uint32_t i = hash(c, number); c->table[i]; i = (i + 1) & (c->table_size - 1))
        if (get_le64(c->entries[c->table[i] - 1].number) == number)
            return (int64_t)c->table[i] - 1;
    return -1;
}

static void table_put(struct win_cow *c, uint32_t slot)
{
    uint32_t i = hash(c, get_le64(c->entries[slot].number));

    while (c->table[i])
        i = (i + 1) & (c->table_size - 1);
    c->table[i] = slot + 1;
}

static int make_room(struct win_cow *c, struct err *e)
{
    uint32_t cap = c->cap ? c->cap * 2 : 1024;
    struct entry *entries;
    uint32_t *table;

    if (c->n < c->cap)
        return 0;
    if (cap > BLOCKS_MAX)
        return err_set(e, EFBIG, ERR_LIMIT, "more than %u GiB of changes",
                       BLOCKS_MAX / (1U << 20) * (BLOCK / 1024));
    entries = reallocarray(c->entries, cap, sizeof *entries);
    if (!entries)
        return err_oom(e);
    c->entries = entries;
    table = calloc((size_t)cap * 2, sizeof *table);
    if (!table)
        return err_oom(e);
    free(c->table);
    c->table = table;
    c->table_size = cap * 2;
    c->cap = cap;
    for (uint32_t i = 0; i < c->n; i++)
        table_put(c, i);
    return 0;
}

/* ---- reading and writing the layer ----------------------------------------------------------- */

static size_t block_len(const struct win_cow *c, uint64_t number)
{
    return (size_t)min_u64(BLOCK, win_disk_bytes(c->below) - number * BLOCK);
}

static int slot_read(const struct win_cow *c, uint32_t slot, uint32_t in, void *buf, size_t n,
                     struct err *e)
{
    int r = pread_full(c->fd, buf, n, (uint64_t)slot * BLOCK + in);

    return r < 0 ? err_no(e, -r, "read the changes back") : 0;
}

static int slot_write(const struct win_cow *c, uint32_t slot, const void *buf, struct err *e)
{
    int r = pwrite_full(c->fd, buf, BLOCK, (uint64_t)slot * BLOCK);

    return r < 0
               ? err_no(e, -r, "keep changes%s%s", c->fresh ? " in " : "", c->fresh ? c->fresh : "")
               : 0;
}

static int layer_read(void *state, uint64_t offset, void *buf, size_t len, struct err *e)
{
    struct win_cow *c = state;
    uint8_t *p = buf;
    int r = 0;

    while (len && r == 0) {
        int64_t slot = find(c, offset / BLOCK);
        size_t k = (size_t)min_u64(len, BLOCK - offset % BLOCK);

        /* Whole runs of what never changed. */
        while (slot < 0 && k < len && find(c, (offset + k) / BLOCK) < 0)
            k += (size_t)min_u64(BLOCK, len - k);
        r = slot < 0 ? win_disk_read(c->below, offset, p, k, e)
                     : slot_read(c, (uint32_t)slot, (uint32_t)(offset % BLOCK), p, k, e);
        offset += k;
        p += k;
        len -= k;
    }
    return r;
}

static int add_block(struct win_cow *c, uint64_t number, const uint8_t *old, const uint8_t *now,
                     struct err *e)
{
    int r = make_room(c, e);

    if (r == 0)
        r = slot_write(c, c->n, now, e);
    if (r < 0)
        return r;
    c->entries[c->n].number = put_le64(number);
    for (unsigned i = 0; i < SUMS; i++)
        c->entries[c->n].old[i] = put_le32(sector_sum(old + (size_t)i * SECTOR));
    table_put(c, c->n++);
    return 0;
}

/* k bytes of one block. What is as it was is not kept. */
static int block_write(struct win_cow *c, uint64_t offset, const uint8_t *p, size_t k,
                       struct err *e)
{
    uint64_t number = offset / BLOCK;
    int64_t slot = find(c, number);
    uint8_t old[BLOCK], now[BLOCK];
    int r;

    if (slot >= 0 && k < BLOCK)
        r = slot_read(c, (uint32_t)slot, 0, now, BLOCK, e);
    else if (slot >= 0)
        r = 0;
    else {
        memset(old, 0, sizeof old);
        r = win_disk_read(c->below, number * BLOCK, old, block_len(c, number), e);
        memcpy(now, old, sizeof now);
    }
    if (r < 0)
        return r;
    memcpy(now + offset % BLOCK, p, k);
    if (slot >= 0)
        return slot_write(c, (uint32_t)slot, now, e);
    return memcmp(old, now, BLOCK) == 0 ? 0 : add_block(c, number, old, now, e);
}

static int layer_write(void *state, uint64_t offset, const void *buf, size_t len, struct err *e)
{
    struct win_cow *c = state;
    const uint8_t *p = buf;
    int r = 0;

    while (len && r == 0) {
        size_t k = (size_t)min_u64(len, BLOCK - offset % BLOCK);

        r = block_write(c, offset, p, k, e);
        offset += k;
        p += k;
        len -= k;
    }
    return r;
}

static void layer_free(void *state)
{
    (void)state; /* the face of a layer owns nothing */
}

/* ---- life ------------------------------------------------------------------------------------ */

static const struct win_disk_ops layer_ops = { layer_read, layer_write, NULL, layer_free };

static int scratch_dir(const char *journal, char **ret, struct err *e)
{
    const char *slash = strrchr(journal, '/');
    char *dir = slash == journal ? strdup("/")
                : slash          ? strndup(journal, (size_t)(slash - journal))
                                 : strdup(".");

    if (!dir)
        return err_oom(e);
    *ret = dir;
    return 0;
}

static int open_scratch(struct win_cow *c, const char *journal, struct err *e)
{
    const char *tmp = getenv("TMPDIR");

    if (!journal) {
        c->fd = open(tmp && *tmp ? tmp : "/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        return c->fd < 0
                   ? err_errno(e, "make a scratch file in '%s'", tmp && *tmp ? tmp : "/var/tmp")
                   : 0;
    }
    c->journal = strdup(journal);
    if (!c->journal || asprintf(&c->fresh, "%s.new", journal) < 0) {
        c->fresh = NULL;
        return err_oom(e);
    }
    c->fd = open(c->fresh, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return c->fd < 0 ? err_errno(e, "create '%s'", c->fresh) : 0;
}

void win_cow_free(struct win_cow *c)
{
    if (!c)
        return;
    if (c->fd >= 0 && c->fresh)
        (void)unlink(c->fresh);
    close_fdp(&c->fd);
    win_disk_free(c->face);
    free(c->journal);
    free(c->fresh);
    free(c->entries);
    free(c->table);
    free(c);
}

int win_cow_open(struct win_disk *below, const char *journal, struct win_cow **ret, struct err *e)
{
    _cleanup_(win_cow_freep) struct win_cow *c = calloc(1, sizeof *c);
    int r;

    if (!c)
        return err_oom(e);
    c->fd = -1;
    c->below = below;
    r = open_scratch(c, journal, e);
    if (r == 0)
        r = win_disk_new(&layer_ops, c, win_disk_bytes(below), &c->face, e);
    if (r == 0)
        *ret = TAKE_PTR(c);
    return r;
}

struct win_disk *win_cow_disk(struct win_cow *c)
{
    return c->face;
}

uint64_t win_cow_changed_bytes(const struct win_cow *c)
{
    return (uint64_t)c->n * BLOCK;
}

/* ---- applying -------------------------------------------------------------------------------- */

struct by_number {
    uint64_t number;
    uint32_t slot;
};

static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = ((const struct by_number *)a)->number, y = ((const struct by_number *)b)->number;

    return x < y ? -1 : x > y;
}

static struct by_number *in_order(const struct win_cow *c)
{
    struct by_number *v = calloc((size_t)c->n + 1, sizeof *v);

    for (uint32_t i = 0; v && i < c->n; i++)
        v[i] = (struct by_number){ get_le64(c->entries[i].number), i };
    if (v)
        qsort(v, c->n, sizeof *v, compare_numbers);
    return v;
}

/* Neighbours go out in one write. */
static int write_run(const struct win_cow *c, const struct by_number *v, uint32_t n, uint8_t *buf,
                     struct err *e)
{
    uint64_t at = v[0].number * BLOCK;
    size_t len = (size_t)(n - 1) * BLOCK + block_len(c, v[n - 1].number);

    for (uint32_t i = 0; i < n; i++) {
        int r = slot_read(c, v[i].slot, 0, buf + (size_t)i * BLOCK, BLOCK, e);

        if (r < 0)
            return r;
    }
    return win_disk_write(c->below, at, buf, len, e);
}

static int apply(const struct win_cow *c, struct err *e)
{
    _cleanup_free_ struct by_number *v = in_order(c);
    _cleanup_free_ uint8_t *buf = malloc((size_t)RUN_MAX * BLOCK);
    int r = 0;

    if (!v || !buf)
        return err_oom(e);
    for (uint32_t i = 0; i < c->n && r == 0;) {
        uint32_t n = 1;

        while (i + n < c->n && n < RUN_MAX && v[i + n].number == v[i].number + n)
            n++;
        r = write_run(c, v + i, n, buf, e);
        i += n;
    }
    return r < 0 ? r : win_disk_flush(c->below, e);
}

/* ---- the journal ----------------------------------------------------------------------------- */

static int digest_file(int fd, uint64_t bytes, const struct trailer *t, uint8_t out[32],
                       struct err *e)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    _cleanup_free_ uint8_t *buf = malloc(MIB(1));
    uint64_t done = 0;
    bool ok = md && buf && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;
    int r = 0;

    while (ok && r == 0 && done < bytes) {
        size_t k = (size_t)min_u64(MIB(1), bytes - done);

        r = pread_full(fd, buf, k, done);
        ok = r < 0 || EVP_DigestUpdate(md, buf, k) == 1;
        done += k;
    }
    ok = ok && EVP_DigestUpdate(md, t, offsetof(struct trailer, sha256)) == 1 &&
         EVP_DigestFinal_ex(md, out, NULL) == 1;
    EVP_MD_CTX_free(md);
    if (r < 0)
        return err_no(e, -r, "read the journal");
    return ok ? 0 : err_oom(e);
}

static int seal(struct win_cow *c, struct err *e)
{
    uint64_t blocks = (uint64_t)c->n * BLOCK, index = (uint64_t)c->n * sizeof *c->entries;
    struct trailer t = { .disk_bytes = put_le64(win_disk_bytes(c->below)),
                         .blocks = put_le64(c->n) };
    _cleanup_free_ char *dir = NULL;
    int r = scratch_dir(c->journal, &dir, e);

    memcpy(t.magic, MAGIC, sizeof t.magic);
    if (r < 0)
        return r;
    r = pwrite_full(c->fd, c->entries, (size_t)index, blocks);
    if (r < 0)
        return err_no(e, -r, "write '%s'", c->fresh);
    r = digest_file(c->fd, blocks + index, &t, t.sha256, e);
    if (r < 0)
        return r;
    r = pwrite_full(c->fd, &t, sizeof t, blocks + index);
    if (r < 0)
        return err_no(e, -r, "write '%s'", c->fresh);
    if (fsync(c->fd) < 0)
        return err_errno(e, "flush '%s'", c->fresh);
    if (rename(c->fresh, c->journal) < 0)
        return err_errno(e, "rename '%s' to '%s'", c->fresh, c->journal);
    return dir_sync(dir, e);
}

/* From here on an error leaves the journal: the next opening finishes it. */
static int finish(struct win_cow *c, struct err *e)
{
    _cleanup_free_ char *dir = NULL;
    int r = apply(c, e);

    if (r == 0)
        r = scratch_dir(c->journal, &dir, e);
    if (r == 0 && unlink(c->journal) < 0)
        r = err_errno(e, "remove '%s'", c->journal);
    if (r == 0)
        r = dir_sync(dir, e);
    return r < 0 ? err_wrap(e,
                            "the change is complete in '%s' and not yet on the disk; the next "
                            "command on this disk finishes it",
                            c->journal)
                 : 0;
}

int win_cow_seal(struct win_cow *c, struct err *e)
{
    int r = seal(c, e);

    close_fdp(&c->fd);
    c->fd = -1;
    return r;
}

int win_cow_changes(const struct win_cow *c, uint64_t grain, uint64_t **ret, size_t *ret_n,
                    struct err *e)
{
    _cleanup_free_ struct by_number *v = in_order(c);
    uint64_t *out = calloc((size_t)c->n + 1, sizeof *out);
    size_t n = 0;

    if (!v || !out) {
        free(out);
        return err_oom(e);
    }
    for (uint32_t i = 0; i < c->n; i++) {
        uint64_t number = v[i].number * BLOCK / grain;

        if (n == 0 || out[n - 1] != number)
            out[n++] = number;
    }
    *ret = out;
    *ret_n = n;
    return 0;
}

int win_cow_commit(struct win_cow *c, struct err *e)
{
    int r = 0;

    if (c->n && c->journal) {
        r = seal(c, e);
        if (r == 0)
            r = finish(c, e);
        close_fdp(&c->fd); /* the layer is used up */
        c->fd = -1;
    } else if (c->n) {
        r = apply(c, e);
    }
    if (r == 0) {
        c->n = 0;
        if (c->table)
            memset(c->table, 0, (size_t)c->table_size * sizeof *c->table);
    }
    return r;
}

/* ---- finishing what was interrupted ---------------------------------------------------------- */

/* 1: sound; 0: not a whole journal. */
static int load(struct win_cow *c, struct err *e)
{
    struct trailer t;
    uint8_t sha[32];
    uint64_t blocks, index;
    struct stat st;
    int r;

    if (fstat(c->fd, &st) < 0)
        return err_errno(e, "look at '%s'", c->journal);
    if ((uint64_t)st.st_size < sizeof t)
        return 0;
    r = pread_full(c->fd, &t, sizeof t, (uint64_t)st.st_size - sizeof t);
    if (r < 0)
        return err_no(e, -r, "read '%s'", c->journal);
    blocks = get_le64(t.blocks);
    if (memcmp(t.magic, MAGIC, sizeof t.magic) != 0 || blocks > BLOCKS_MAX ||
        blocks * (BLOCK + sizeof(struct entry)) + sizeof t != (uint64_t)st.st_size)
        return 0;
    index = blocks * BLOCK;
    r = digest_file(c->fd, index + blocks * sizeof(struct entry), &t, sha, e);
    if (r < 0)
        return r;
    if (memcmp(sha, t.sha256, sizeof sha) != 0)
        return 0;
    if (get_le64(t.disk_bytes) != win_disk_bytes(c->below))
        return err_set(e, EINVAL, ERR_CONFLICT, "'%s' belongs to a disk of another size",
                       c->journal);
    c->entries = calloc((size_t)blocks + 1, sizeof *c->entries);
    if (!c->entries)
        return err_oom(e);
    r = pread_full(c->fd, c->entries, (size_t)blocks * sizeof *c->entries, index);
    if (r < 0)
        return err_no(e, -r, "read '%s'", c->journal);
    c->n = (uint32_t)blocks;
    return 1;
}

/* Each sector is the old or the new one: nobody else has written here since. */
static int check_same_disk(const struct win_cow *c, struct err *e)
{
    for (uint32_t i = 0; i < c->n; i++) {
        uint64_t number = get_le64(c->entries[i].number);
        uint8_t there[BLOCK] = { 0 }, now[BLOCK];
        int r;

        if (number > win_disk_bytes(c->below) / BLOCK || number * BLOCK >= win_disk_bytes(c->below))
            return err_set(e, EINVAL, ERR_CORRUPT, "'%s' names a block behind the disk's end",
                           c->journal);
        r = win_disk_read(c->below, number * BLOCK, there, block_len(c, number), e);
        if (r == 0)
            r = slot_read(c, i, 0, now, BLOCK, e);
        if (r < 0)
            return r;
        for (unsigned k = 0; k < SUMS; k++)
            if (memcmp(there + (size_t)k * SECTOR, now + (size_t)k * SECTOR, SECTOR) != 0 &&
                sector_sum(there + (size_t)k * SECTOR) != get_le32(c->entries[i].old[k]))
                return err_set(e, EINVAL, ERR_CONFLICT,
                               "'%s' is of an interrupted change, but the disk was written since; "
                               "take it from a copy, or remove that file to keep it as it is",
                               c->journal);
    }
    return 0;
}

static int index_all(struct win_cow *c, struct err *e)
{
    uint32_t size = 1024;

    while (size < c->n * 2)
        size *= 2;
    c->table = calloc(size, sizeof *c->table);
    if (!c->table)
        return err_oom(e);
    c->table_size = size;
    for (uint32_t i = 0; i < c->n; i++)
        table_put(c, i);
    return 0;
}

int win_cow_open_sealed(struct win_disk *below, const char *journal, struct win_cow **ret,
                        struct err *e)
{
    _cleanup_(win_cow_freep) struct win_cow *c = calloc(1, sizeof *c);
    int r;

    if (!c)
        return err_oom(e);
    c->below = below;
    c->fd = open(journal, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (c->fd < 0)
        return err_errno(e, "open '%s'", journal);
    c->journal = strdup(journal);
    r = c->journal ? load(c, e) : err_oom(e);
    if (r == 0)
        return err_set(e, EINVAL, ERR_CORRUPT, "'%s' is no whole journal", journal);
    if (r == 1)
        r = check_same_disk(c, e);
    if (r == 0)
        r = index_all(c, e);
    if (r == 0)
        r = win_disk_new(&layer_ops, c, win_disk_bytes(below), &c->face, e);
    if (r == 0)
        *ret = TAKE_PTR(c);
    return r;
}

int win_cow_pending(const char *journal)
{
    return path_exists(journal);
}

int win_cow_recover(struct win_disk *below, const char *journal, bool *ret_finished, struct err *e)
{
    _cleanup_(win_cow_freep) struct win_cow *c = calloc(1, sizeof *c);
    _cleanup_free_ char *fresh = NULL;
    int r;

    *ret_finished = false;
    if (!c)
        return err_oom(e);
    c->fd = -1;
    c->below = below;
    c->journal = strdup(journal);
    if (!c->journal || asprintf(&fresh, "%s.new", journal) < 0) {
        fresh = NULL;
        return err_oom(e);
    }
    if (win_disk_writable(below)) {
        r = unlink_quiet(fresh, e); /* never became valid */
        if (r < 0)
            return r;
    }
    c->fd = open(journal, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (c->fd < 0)
        return errno == ENOENT ? 0 : err_errno(e, "open '%s'", journal);
    r = load(c, e);
    if (r < 0)
        return r;
    if (r == 0)
        return err_set(e, EINVAL, ERR_CORRUPT,
                       "'%s' is damaged; remove it, and take the disk from a copy", journal);
    r = check_same_disk(c, e);
    if (r == 0 && !win_disk_writable(below))
        return err_set(e, EROFS, ERR_CONFLICT,
                       "the disk has an interrupted change in '%s', which "
                       "only a writable opening can finish",
                       journal);
    if (r == 0)
        r = finish(c, e);
    if (r == 0)
        *ret_finished = true;
    return r;
}
