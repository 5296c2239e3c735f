/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bytes on disk (docs/formats/store.md) and the functions that check them. None of these does
 * I/O. "sums" false leaves out the checksums: for fuzzing, which cannot guess them. */
#pragma once

#include <assert.h>
#include <string.h>

#include "cur.h"
#include "err.h"
#include "store.h"
#include "sum.h"

#define FORMAT_VERSION     1U
#define UUID_BYTES         16
#define LEAF_ENTRIES       1024U
#define LEAF_BYTES         (LEAF_ENTRIES * 8U)
#define FRAMES_MAX         4U
#define FRAME_RAW          0x80000000U
#define SEAL_TAG_BYTES     16U
#define FORMAT_DOMAINS     1U /* incompat: there are key domains */
#define VOLUME_BYTES_MAX   (1ULL << 46)
#define LEAVES_MAX         (VOLUME_BYTES_MAX / STORE_BLOCK_BYTES / LEAF_ENTRIES)
#define PACK_RECORDS_MAX   (1U << 20)
#define PACK_BYTES_MAX     (1ULL << 31) /* what a reader accepts; writers stop at 128 MiB */
#define SEQ_MAX            ((1ULL << 40) - 1)
#define LOC_HOLE           0ULL
#define LOC_ZERO           1ULL
#define LOC(seq, slot)     ((uint64_t)(seq) << 24 | (slot))
#define LOC_SEQ(loc)       ((loc) >> 24)
#define LOC_SLOT(loc)      ((uint32_t)((loc)&0xffffffU))
#define LOC_IS_RECORD(loc) (LOC_SEQ(loc) != 0)

struct format_disk {
    uint8_t magic[8];         /* +0 "KILNSTOR" */
    le32 version;             /* +8 */
    le32 incompat;            /* +12 */
    le32 compat;              /* +16 */
    le32 reserved1;           /* +20 */
    uint8_t uuid[UUID_BYTES]; /* +24 */
    uint8_t reserved2[20];    /* +40 */
    le32 crc;                 /* +60 */
};
static_assert(sizeof(struct format_disk) == 64, "format layout");

struct pack_header_disk {
    uint8_t magic[8];         /* +0 "KILNPACK" */
    le32 version;             /* +8 */
    le32 reserved1;           /* +12 */
    uint8_t uuid[UUID_BYTES]; /* +16 */
    le64 seq;                 /* +32 */
    le32 domain;              /* +40 */
    uint8_t key_check[4];     /* +44 */
    uint8_t salt[12];         /* +48 */
    le32 crc;                 /* +60 */
};
static_assert(sizeof(struct pack_header_disk) == 64, "pack header layout");

enum rec_kind { REC_BLOCK = 1, REC_LEAF = 2 };

struct rec_disk {
    uint8_t magic[4];       /* +0 "KREC" */
    uint8_t kind;           /* +4 */
    uint8_t codec;          /* +5 */
    le16 reserved1;         /* +6 */
    le32 domain;            /* +8 */
    le32 plain_len;         /* +12 */
    le32 stored_len;        /* +16 */
    le32 reserved2;         /* +20 */
    uint8_t sha[SHA_BYTES]; /* +24 */
    struct {
        le32 len;
        le32 crc;
    } frame[FRAMES_MAX]; /* +56 */
    le32 reserved3;      /* +88 */
    le32 crc;            /* +92 */
};
static_assert(sizeof(struct rec_disk) == 96, "record header layout");

struct entry_disk {
    uint8_t sha[SHA_BYTES]; /* +0 */
    le64 offset;            /* +32 */
    le32 len;               /* +40 */
    uint8_t kind;           /* +44 */
    uint8_t reserved[3];    /* +45 */
};
static_assert(sizeof(struct entry_disk) == 48, "pack table entry layout");

/* A slot whose record was taken out when the pack was compacted: no content has that identity. */
static inline bool entry_is_gone(const struct entry_disk *t)
{
    static const uint8_t none[SHA_BYTES];

    return memcmp(t->sha, none, SHA_BYTES) == 0;
}

struct trailer_disk {
    uint8_t magic[8];  /* +0 "KILNFOOT" */
    le64 seq;          /* +8 */
    le64 table_offset; /* +16 */
    le32 count;        /* +24 */
    le32 reserved;     /* +28 */
    le32 table_crc;    /* +32 */
    le32 crc;          /* +36 */
};
static_assert(sizeof(struct trailer_disk) == 40, "pack trailer layout");

struct root_disk {
    uint8_t magic[8];            /* +0 "KILNSNAP" */
    le32 version;                /* +8 */
    le32 leaves;                 /* +12 */
    uint8_t uuid[UUID_BYTES];    /* +16 */
    char id[64];                 /* +32 */
    char parent[64];             /* +96 */
    le64 volume_bytes;           /* +160 */
    le64 created_ms;             /* +168 */
    le64 data_blocks;            /* +176 */
    le64 zero_blocks;            /* +184 */
    le64 stored_bytes;           /* +192 */
    uint8_t root_sha[SHA_BYTES]; /* +200 */
    le32 domain;                 /* +232 */
    uint8_t key_id[16];          /* +236 */
    le32 crc;                    /* +252 */
};
static_assert(sizeof(struct root_disk) == 256, "root header layout");

struct ref_disk {
    le64 loc;               /* +0 */
    uint8_t sha[SHA_BYTES]; /* +8 */
    le32 data_blocks;       /* +40 */
    le32 zero_blocks;       /* +44 */
};
static_assert(sizeof(struct ref_disk) == 48, "leaf reference layout");

/* ---- checked forms ---- */

struct rec {
    enum rec_kind kind;
    uint32_t plain_len, stored_len;
    uint32_t domain;
    bool sealed; /* the frames are encrypted */
    unsigned frames;
    struct {
        uint32_t offset; /* of the stored bytes, behind the header */
        uint32_t len;    /* stored; 0: zeros */
        uint32_t packed; /* of them, what is to be unpacked: without a tag */
        bool raw;
        uint32_t crc;
        uint32_t plain_len;
    } frame[FRAMES_MAX];
    uint8_t sha[SHA_BYTES];
};

struct root {
    struct store_snap_info info;
    uint64_t zero_blocks;
    uint32_t leaves;
    struct ref_disk *ref; /* leaves of them; owned */
};

#define SUMS_CHECK true
#define SUMS_SKIP  false

void format_build(struct format_disk *d, const uint8_t uuid[UUID_BYTES], uint32_t incompat);
int format_parse(const struct format_disk *d, uint8_t ret_uuid[UUID_BYTES], uint32_t *ret_incompat,
                 struct err *e);

struct pack_domain; /* seal.h */
void pack_header_build(struct pack_header_disk *d, const uint8_t uuid[UUID_BYTES], uint64_t seq,
                       const struct pack_domain *domain);
void pack_header_domain(const struct pack_header_disk *d, struct pack_domain *ret);
int pack_header_parse(const struct pack_header_disk *d, const uint8_t uuid[UUID_BYTES],
                      uint64_t seq, bool sums, struct err *e);
void trailer_build(struct trailer_disk *d, uint64_t seq, uint64_t table_offset, uint32_t count,
                   const struct entry_disk *table);
/* The trailer against the size of its file; tells where the table is. */
int trailer_parse(const struct trailer_disk *d, uint64_t seq, uint64_t file_bytes, bool sums,
                  uint64_t *ret_offset, uint32_t *ret_count, struct err *e);
/* The table: offsets in order, inside, without overlap; after this the entries may be trusted. */
int table_parse(const struct entry_disk *table, const struct trailer_disk *trailer, bool sums,
                struct err *e);

/* Leaves hold locations only and stay in the clear: a collection needs no key. */
static inline bool rec_is_sealed(enum rec_kind kind, uint32_t domain)
{
    return domain != 0 && kind == REC_BLOCK;
}

/* Fills all but the frames' fields and the sum, which rec_seal adds. */
void rec_build(struct rec_disk *d, enum rec_kind kind, uint32_t domain, uint32_t plain_len,
               const uint8_t sha[SHA_BYTES]);
void rec_lengths(struct rec_disk *d); /* stored_len, from the frames' */
void rec_seal(struct rec_disk *d);
int rec_parse(const struct rec_disk *d, bool sums, struct rec *ret, struct err *e);

/* SHA-256 of 512 KiB of zeros. */
extern const uint8_t format_zero_sha[SHA_BYTES];
/* Locations of a leaf: each a hole, zeros or a record. */
int leaf_parse(const uint8_t plain[LEAF_BYTES], uint64_t loc[LEAF_ENTRIES], struct err *e);
void leaf_build(const uint64_t loc[LEAF_ENTRIES], uint8_t plain[LEAF_BYTES]);

uint32_t leaves_for(uint64_t volume_bytes);
static inline uint64_t blocks_for(uint64_t volume_bytes)
{
    return div_up_u64(volume_bytes, STORE_BLOCK_BYTES);
}
size_t root_bytes(uint32_t leaves);
int root_sha(uint64_t volume_bytes, const struct ref_disk *ref, uint32_t leaves,
             uint8_t out[SHA_BYTES], struct err *e);
/* The whole record, ready to write; r->info.root_sha256 is filled in here. Caller frees. */
int root_build(struct root *r, const uint8_t uuid[UUID_BYTES], void **ret, size_t *ret_len,
               struct err *e);
int root_header_parse(const struct root_disk *d, const uint8_t uuid[UUID_BYTES], bool sums,
                      struct root *ret, struct err *e);
int root_parse(const void *p, size_t n, const uint8_t uuid[UUID_BYTES], bool sums, struct root *ret,
               struct err *e);
void root_done(struct root *r);
/* 1 to 63 characters of [A-Za-z0-9._-], not beginning with a dot. */
bool name_is_ok(const char *name);
