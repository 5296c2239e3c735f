/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The buffer of a hive: mapped once and never moved, its bins and cells walked once into a bitmap
 * of cell starts, so that a reference into the middle of something is seen as what it is. Cells are
 * taken from holes, or from a new bin at the end. What is given back is overwritten with zeros:
 * secrets and old identities do not stay behind in free cells. */
#include "regf-priv.h"

#include <errno.h>
#include <sys/mman.h>

#define MAP_STEP    MIB(1)
#define CLASS_EXACT 128U /* sizes up to 1024 have a class each */
#define CLASSES     (CLASS_EXACT + 24U)
#define HOLES_MAX   (1U << 21) /* remembered; more are simply not used */
#define CLASS_TRIES 32U
#define BACK_WORDS  64U /* how far a free neighbour in front is looked for */

struct holes {
    uint32_t *at[CLASSES];
    uint32_t n[CLASSES], cap[CLASSES];
    uint32_t total;
};

void regf_holes_free(struct holes *holes)
{
    if (!holes)
        return;
    for (size_t i = 0; i < CLASSES; i++)
        free(holes->at[i]);
    free(holes);
}

/* --- the buffer --- */

static int reserve(struct regf *h, size_t want, struct err *e)
{
    size_t n = REGF_BYTES_MAX + REGF_BASE;
    void *p = mmap(NULL, n, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED) { /* a tight address space: room for a little growth */
        n = want + MIB(32);
        p = mmap(NULL, n, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    }
    if (p == MAP_FAILED)
        return err_errno(e, "reserve %zu bytes for a hive", n);
    if (want >= MIB(8))
        (void)madvise(p, n, MADV_HUGEPAGE); /* a hint: fewer page faults while it is read */
    h->p = p;
    h->reserved = n;
    return 0;
}

static int grow_starts(struct regf *h, size_t file_bytes, struct err *e)
{
    size_t words = (file_bytes - REGF_BASE) / 512 + 1;

    if (words > h->starts_n) {
        uint64_t *p = realloc(h->starts, words * sizeof *p);

        if (!p)
            return err_oom(e);
        memset(p + h->starts_n, 0, (words - h->starts_n) * sizeof *p);
        h->starts = p;
        h->starts_n = words;
    }
    return 0;
}

int regf_map(struct regf *h, uint64_t file_bytes, struct err *e)
{
    size_t want = (size_t)(div_up_u64(file_bytes, MAP_STEP) * MAP_STEP);
    int r;

    if (file_bytes > REGF_BYTES_MAX)
        return err_set(e, EFBIG, ERR_LIMIT, "a hive of %llu bytes: more than %llu are not handled",
                       (unsigned long long)file_bytes, (unsigned long long)REGF_BYTES_MAX);
    if (!h->p) {
        r = reserve(h, want, e);
        if (r < 0)
            return r;
    }
    want = (size_t)min_u64(want, h->reserved);
    if (file_bytes > want)
        return err_oom(e);
    if (want > h->mapped) {
        if (mprotect(h->p, want, PROT_READ | PROT_WRITE) < 0)
            return err_errno(e, "take %zu bytes for a hive", want);
        h->mapped = want;
    }
    return grow_starts(h, (size_t)file_bytes, e);
}

/* --- cells --- */

static void set_start(struct regf *h, uint32_t off)
{
    h->starts[off >> 9] |= UINT64_C(1) << (off >> 3 & 63);
}

static void clear_start(struct regf *h, uint32_t off)
{
    h->starts[off >> 9] &= ~(UINT64_C(1) << (off >> 3 & 63));
}

static uint32_t size_of(const struct regf *h, uint32_t off)
{
    uint32_t size = rd32(regf_at(h, off));

    return size & 0x80000000U ? 0U - size : size;
}

static bool is_free(const struct regf *h, uint32_t off)
{
    return !(rd32(regf_at(h, off)) & 0x80000000U);
}

static int bad_bins(struct err *e, uint32_t off, const char *what)
{
    return err_set(e, EBADMSG, ERR_CORRUPT, "damaged hive: %s at offset 0x%x", what,
                   off + REGF_BASE);
}

static int walk_bin(struct regf *h, uint32_t bin, uint32_t *ret_size, struct err *e)
{
    const uint8_t *p = regf_at(h, bin);
    uint32_t size, off;

    if (h->bins - bin < REGF_PAGE || memcmp(p, "hbin", 4) != 0)
        return bad_bins(e, bin, "no bin");
    size = rd32(p + 8);
    if (rd32(p + 4) != bin || !size || size % REGF_PAGE || size > h->bins - bin)
        return bad_bins(e, bin, "a bin with a wrong offset or size");
    for (off = bin + REGF_BIN_HEAD; off < bin + size;) {
        uint32_t n = size_of(h, off);

        if (n < 8 || n % 8 || n > bin + size - off)
            return bad_bins(e, off, "a cell with a wrong size");
        set_start(h, off);
        off += n;
    }
    *ret_size = size;
    return 0;
}

int regf_walk_bins(struct regf *h, struct err *e)
{
    uint32_t size = 0;

    memset(h->starts, 0, h->starts_n * sizeof *h->starts);
    for (uint32_t bin = 0; bin < h->bins; bin += size) {
        int r = walk_bin(h, bin, &size, e);

        if (r < 0)
            return r;
    }
    return 0;
}

uint8_t *regf_nk(const struct regf *h, uint32_t key)
{
    uint32_t n;
    uint8_t *p = regf_cell(h, key, NK_BYTES, &n);

    if (!p || p[0] != 'n' || p[1] != 'k' || rd16(p + 72) > n - NK_BYTES)
        return NULL;
    return p;
}

uint8_t *regf_vk(const struct regf *h, uint32_t value)
{
    uint32_t n;
    uint8_t *p = regf_cell(h, value, VK_BYTES, &n);

    if (!p || p[0] != 'v' || p[1] != 'k' || rd16(p + 2) > n - VK_BYTES)
        return NULL;
    return p;
}

/* The last start at or before off, looking at most so many words back; NIL: none there. */
static uint32_t start_before(const struct regf *h, uint32_t off, uint32_t words)
{
    uint32_t w = off >> 9;
    uint64_t bits = h->starts[w] & (~UINT64_C(0) >> (63 - (off >> 3 & 63)));

    for (; !bits && w && words; words--)
        bits = h->starts[--w];
    return bits ? (w << 9) + (63U - (uint32_t)__builtin_clzll(bits)) * 8 : REGF_NIL;
}

uint32_t regf_cell_covering(const struct regf *h, uint32_t off)
{
    uint32_t at = off < h->bins ? start_before(h, off, UINT32_MAX) : REGF_NIL;

    return at != REGF_NIL && off - at < size_of(h, at) ? at : 0;
}

/* --- holes --- */

static uint32_t class_of(uint32_t size)
{
    if (size <= CLASS_EXACT * 8)
        return size / 8 - 1;
    return CLASS_EXACT + (31U - (uint32_t)__builtin_clz(size)) - 10U;
}

/* What finds no room to be remembered stays a free cell that is not used: no failure. */
static void remember(struct holes *l, uint32_t off, uint32_t size)
{
    uint32_t c = class_of(size);

    if (l->total >= HOLES_MAX)
        return;
    if (l->n[c] == l->cap[c]) {
        uint32_t cap = l->cap[c] ? l->cap[c] * 2 : 16;
        uint32_t *p = realloc(l->at[c], cap * sizeof *p);

        if (!p)
            return;
        l->at[c] = p;
        l->cap[c] = cap;
    }
    l->at[c][l->n[c]++] = off;
    l->total++;
}

static int find_holes(struct regf *h, struct err *e)
{
    if (h->holes)
        return 0;
    h->holes = calloc(1, sizeof *h->holes);
    if (!h->holes)
        return err_oom(e);
    for (size_t w = 0; w < h->starts_n; w++)
        for (uint64_t bits = h->starts[w]; bits; bits &= bits - 1) {
            uint32_t off = (uint32_t)(w << 9) + (uint32_t)__builtin_ctzll(bits) * 8;

            if (is_free(h, off))
                remember(h->holes, off, size_of(h, off));
        }
    return 0;
}

/* Takes one hole of at least this size out of a class; stale entries are dropped. */
static uint32_t take_from(struct regf *h, uint32_t c, uint32_t size)
{
    struct holes *l = h->holes;
    uint32_t tries = 0;

    for (uint32_t i = l->n[c]; i-- > 0 && tries < CLASS_TRIES;) {
        uint32_t off = l->at[c][i];
        bool is_hole = regf_is_start(h, off) && is_free(h, off) && class_of(size_of(h, off)) == c;

        if (is_hole && size_of(h, off) < size) {
            tries++;
            continue;
        }
        l->at[c][i] = l->at[c][--l->n[c]];
        l->total--;
        if (is_hole)
            return off;
    }
    return REGF_NIL;
}

static uint32_t take_hole(struct regf *h, uint32_t size)
{
    uint32_t off = REGF_NIL;

    for (uint32_t c = class_of(size); c < CLASSES && off == REGF_NIL; c++)
        if (h->holes->n[c])
            off = take_from(h, c, size);
    return off;
}

/* A new bin at the end that is one hole. */
static int add_bin(struct regf *h, uint32_t size, uint32_t *ret, struct err *e)
{
    uint64_t bytes = div_up_u64((uint64_t)size + REGF_BIN_HEAD, REGF_PAGE) * REGF_PAGE;
    uint32_t bin = h->bins;
    uint8_t *p;
    int r = regf_map(h, REGF_BASE + bin + bytes, e);

    if (r < 0)
        return r;
    h->bins += (uint32_t)bytes;
    p = regf_at(h, bin);
    memset(p, 0, bytes);
    memcpy(p, "hbin", 4);
    wr32(p + 4, bin);
    wr32(p + 8, (uint32_t)bytes);
    wr32(p + REGF_BIN_HEAD, (uint32_t)bytes - REGF_BIN_HEAD);
    set_start(h, bin + REGF_BIN_HEAD);
    wr32(h->p + 40, h->bins);
    h->is_changed = true;
    *ret = bin + REGF_BIN_HEAD;
    return 0;
}

int regf_alloc(struct regf *h, uint32_t n, uint32_t *ret, struct err *e)
{
    uint32_t size = (n + 4 + 7) & ~7U, off, have;
    int r;

    if (n > REGF_BYTES_MAX / 2)
        return err_set(e, EFBIG, ERR_LIMIT, "a cell of %u bytes is too big", n);
    r = find_holes(h, e);
    if (r < 0)
        return r;
    off = take_hole(h, size);
    if (off == REGF_NIL) {
        r = add_bin(h, size, &off, e);
        if (r < 0)
            return r;
    }
    have = size_of(h, off);
    if (have > size) {
        wr32(regf_at(h, off + size), have - size);
        set_start(h, off + size);
        remember(h->holes, off + size, have - size);
        h->is_changed = true;
    }
    wr32(regf_at(h, off), 0U - size);
    memset(regf_at(h, off) + 4, 0, size - 4);
    h->is_changed = true;
    *ret = off;
    return 0;
}

void regf_release(struct regf *h, uint32_t off)
{
    uint32_t size, next, before;

    if (!regf_is_start(h, off) || is_free(h, off))
        return;
    size = size_of(h, off);
    memset(regf_at(h, off) + 4, 0, size - 4);
    h->is_changed = true;
    next = off + size;
    if (regf_is_start(h, next) && is_free(h, next)) {
        size += size_of(h, next);
        clear_start(h, next);
        wr32(regf_at(h, next), 0);
        h->is_changed = true;
    }
    before = off > REGF_BIN_HEAD ? start_before(h, off - 8, BACK_WORDS) : REGF_NIL;
    if (before != REGF_NIL && is_free(h, before) && before + size_of(h, before) == off) {
        wr32(regf_at(h, off), 0);
        clear_start(h, off);
        size += off - before;
        off = before;
    }
    wr32(regf_at(h, off), size);
    h->is_changed = true;
    if (h->holes)
        remember(h->holes, off, size);
}

int regf_resize(struct regf *h, uint32_t off, uint32_t n, uint32_t *ret, struct err *e)
{
    uint32_t have, to;
    const uint8_t *p = regf_cell(h, off, 0, &have);
    int r;

    if (p && have >= n) {
        *ret = off;
        return 0;
    }
    r = regf_alloc(h, n, &to, e);
    if (r < 0)
        return r;
    if (p)
        memcpy(regf_at(h, to) + 4, p, have);
    regf_release(h, off);
    *ret = to;
    return 0;
}

int regf_grow(struct regf *h, uint32_t *off, uint32_t n, struct err *e)
{
    if (regf_cell(h, *off, n, NULL))
        return 0;
    return regf_resize(h, *off, n + n / 4, off, e);
}
