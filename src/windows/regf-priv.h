/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of the registry layer: the buffer, cells, names, lists. Offsets are those of the format:
 * relative to the first bin, of a cell's size field. Nobody else includes this. */
#pragma once

#include <string.h>

#include "bytes.h"
#include "regf.h"

#define REGF_BASE      4096U /* base block; the bins follow */
#define REGF_PAGE      4096U
#define REGF_BIN_HEAD  32U
#define REGF_NIL       0xffffffffU /* "no cell" on disk */
#define NK_BYTES       76U         /* a key without its name */
#define VK_BYTES       20U
#define SK_BYTES       16U
#define KEY_NAME_MAX   255U /* UTF-16 units, as Windows has it */
#define VALUE_NAME_MAX 16383U
#define CHILDREN_MAX   (1U << 22) /* subkeys or values of one key */

struct holes; /* free cells by size, made at the first allocation */

struct regf {
    uint8_t *p;       /* base block and bins, mapped */
    size_t reserved;  /* address space behind p */
    size_t mapped;    /* of that, usable */
    uint32_t bins;    /* bytes of bins */
    uint64_t *starts; /* one bit for 8 bytes of bins: a cell starts here */
    size_t starts_n;  /* words */
    struct holes *holes;
    uint64_t now;
    uint32_t seq_max; /* highest sequence number of hive and logs */
    bool is_changed, is_broken;
    struct regf_info info;
};

/* --- cells (regf-cell.c) --- */

static inline uint8_t *regf_at(const struct regf *h, uint32_t off)
{
    return h->p + REGF_BASE + off;
}

static inline bool regf_is_start(const struct regf *h, uint32_t off)
{
    return off < h->bins && !(off & 7) && h->starts[off >> 9] >> (off >> 3 & 63) & 1;
}

/* The content of a cell in use that has at least min bytes of it, or NULL. */
static inline uint8_t *regf_cell(const struct regf *h, uint32_t off, uint32_t min, uint32_t *ret_n)
{
    uint32_t size;

    if (!regf_is_start(h, off))
        return NULL;
    size = rd32(regf_at(h, off));
    if (!(size & 0x80000000U) || 0U - size - 4 < min)
        return NULL;
    if (ret_n)
        *ret_n = 0U - size - 4;
    return regf_at(h, off) + 4;
}

/* A record of its kind, or NULL. */
uint8_t *regf_nk(const struct regf *h, uint32_t key);   /* its name is inside too */
uint8_t *regf_vk(const struct regf *h, uint32_t value); /* its name is inside too */
/* The cell that covers this offset of the bins (0: none, a bin's header). */
uint32_t regf_cell_covering(const struct regf *h, uint32_t off);

/* Walks all bins and fills h->starts. */
int regf_walk_bins(struct regf *h, struct err *e);
/* A cell in use with n bytes of zeros. The buffer never moves. */
int regf_alloc(struct regf *h, uint32_t n, uint32_t *ret, struct err *e);
void regf_release(struct regf *h, uint32_t off); /* 0, NIL and what is no cell: nothing */
/* Room for n bytes where the cell is, or elsewhere with its content copied. */
int regf_resize(struct regf *h, uint32_t off, uint32_t n, uint32_t *ret, struct err *e);
/* The same for a list that may go on growing: a quarter more than is asked for, so that it does not
 * leave a hole behind with each entry. */
int regf_grow(struct regf *h, uint32_t *off, uint32_t n, struct err *e);
void regf_holes_free(struct holes *holes);
/* The buffer and its bitmap reach file_bytes (at least a base block). */
int regf_map(struct regf *h, uint64_t file_bytes, struct err *e);
int regf_corrupt(struct err *e, const struct regf *h, uint32_t key, const char *what);
/* A failure in the middle of an edit: the hive is not to be written. */
int regf_break(struct regf *h, int r);
int regf_begin_edit(struct regf *h, struct err *e);

/* --- log replay (regf-log.c) --- */

uint32_t regf_checksum(const uint8_t *base);
bool regf_head_ok(const uint8_t *base, uint32_t type);
int regf_replay(struct regf *h, const struct regf_source *log1, const struct regf_source *log2,
                unsigned flags, struct err *e);
int regf_source_read(const struct regf_source *s, uint64_t offset, void *buf, size_t len,
                     struct err *e);
uint64_t regf_marvin32(const uint8_t *p, size_t n);

/* --- names (regf-name.c, regf-case.c) --- */

uint16_t regf_upper(uint16_t c);

struct regf_name { /* as stored */
    const uint8_t *p;
    uint32_t n; /* bytes */
    bool wide;
};

struct regf_wide { /* one to look for or to write: UTF-16 units */
    uint16_t *u;
    uint32_t n;
    bool latin; /* every unit below 0x100 */
};

void regf_wide_done(struct regf_wide *w);
#define _cleanup_wide_ _cleanup_(regf_wide_done)
/* n bytes of UTF-8 (as the door says) to UTF-16; more than max units: ERR_LIMIT. */
int regf_wide_from(const char *text, size_t n, uint32_t max, struct regf_wide *ret, struct err *e);
static inline uint32_t regf_wide_bytes(const struct regf_wide *w)
{
    return w->latin ? w->n : w->n * 2;
}
void regf_wide_store(const struct regf_wide *w, uint8_t *out); /* Latin-1 when latin */
struct regf_name regf_nk_name(const uint8_t *nk);
struct regf_name regf_vk_name(const uint8_t *vk);
uint32_t regf_name_units(const struct regf_name *n);
int regf_name_cmp(const struct regf_name *a, const struct regf_name *b); /* upper-cased */
int regf_name_cmp_wide(const struct regf_name *a, const struct regf_wide *b);
uint32_t regf_name_hash(const struct regf_name *n);
/* UTF-8 of UTF-16LE or Latin-1 into out, cut at cap - 1 bytes between characters; its length. */
size_t regf_name_utf8(const struct regf_name *n, char *out, size_t cap);

/* --- lists of subkeys (regf-list.c) --- */

struct regf_leaf {
    uint8_t *p;    /* the record */
    uint32_t n;    /* entries */
    uint32_t step; /* 4 or 8 */
    char kind;     /* 'f', 'h', 'i' */
};

bool regf_leaf(const struct regf *h, uint32_t cell, struct regf_leaf *ret);
uint32_t regf_ri(const struct regf *h, uint32_t cell, uint8_t **ret); /* entries, 0: it is none */
/* By name; 0: none. */
uint32_t regf_list_find(const struct regf *h, uint32_t key, const struct regf_wide *name);
/* The count of the key, the order and hashes or hints of the lists follow. */
int regf_list_insert(struct regf *h, uint32_t key, uint32_t child, struct err *e);
int regf_list_remove(struct regf *h, uint32_t key, uint32_t child, struct err *e);
void regf_list_release(struct regf *h, uint32_t list); /* the cells of the lists, not the keys */

/* --- values, security (regf-value.c, regf-set.c, regf-security.c) --- */

struct regf_db { /* data in segments */
    uint32_t segments, list_cell;
    const uint8_t *list;
};

/* Whether the data cell of a value of n bytes is a list of segments, and a sound one. */
bool regf_db(const struct regf *h, uint32_t cell, uint32_t n, struct regf_db *ret);
void regf_value_release(struct regf *h, uint32_t value); /* vk and data */
bool regf_is_split(const struct regf *h, uint32_t n);
/* nuls behind each text; MULTI_SZ gets one more at the end. */
int regf_set_texts(struct regf *h, uint32_t key, const char *name, uint32_t type,
                   const char *const *list, uint32_t nuls, struct err *e);
int regf_sk_ref(struct regf *h, uint32_t cell, struct err *e);
void regf_sk_unref(struct regf *h, uint32_t cell); /* the last one takes it out of the ring */
void regf_key_touch(struct regf *h, uint32_t key); /* last written: now */
