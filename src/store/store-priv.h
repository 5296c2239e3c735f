/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside the room. Lock order: a writer's lock, then a snapshot's, then the store's; none is held
 * while another process could make us wait. */
#pragma once

#include <inttypes.h>

#include "format.h"
#include "frame.h"
#include "lock.h"
#include "seal.h"
#include "store-io.h"
#include "store.h"

#define PACK_BYTES_TARGET (128ULL << 20)
#define COMPACT_MIN       (64ULL << 10) /* what it must bring to write a pack anew */
#define COMPACT_MAX       (4ULL << 30)  /* bytes that one collection moves */
#define PACK_CACHE_MAX    128U /* open packs: descriptors, and about 40 KiB of table each */
#define PACK_BUCKETS      128U
#define SCRATCH_MAX       16U
#define STORE_KEYS_MAX    8U
#define PATH_BYTES        4096U
#define STORE_PATH_MAX    3900U

struct scratch; /* what unpacking needs; pack.c */
struct pack;    /* a sealed pack, open for reading; pack.c */
struct packw;   /* a pack being written; packw.c */

struct store {
    const struct store_io *io;
    char *path;
    uint8_t uuid[UUID_BYTES];
    uint32_t incompat;    /* of its format file */
    uint64_t pack_target; /* tests make these small */
    uint64_t compact_min, compact_max;
    struct store_key *key[STORE_KEYS_MAX]; /* set before anything is read */
    unsigned n_keys;
    int hold_h; /* store_hold */

    struct lock lock; /* over what follows */
    struct pack *bucket[PACK_BUCKETS];
    unsigned packs_open;
    uint64_t tick;
    struct scratch *scratch[SCRATCH_MAX];
    unsigned n_scratch;
};

/* ---- store.c ---- */
int store_create_io(const char *path, const struct store_io *io, struct err *e);
void store_path(const struct store *s, char out[PATH_BYTES], const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* The format file says from now on that there are key domains. */
int store_note_domains(struct store *s, struct err *e);

/* ---- locks.c ---- */
/* Holds locks/gc until the handle is closed; -EAGAIN without a story when it is held by others and
 * wait is false. */
int gc_lock(struct store *s, enum store_io_lock how, bool wait, int *ret, struct err *e);
/* Somebody waits for locks/gc: the collection that has it should come to an end. */
bool gc_is_wanted(struct store *s);
/* Removes packs of dead writers. */
int sweep_open_packs(struct store *s, uint64_t *ret_swept, uint64_t *ret_bytes, struct err *e);
/* True: removed, or (remove false) only found: the file is nobody's any more. */
int open_pack_is_dead(struct store *s, const char *name, bool remove, uint64_t *ret_bytes,
                      struct err *e);

/* ---- store.c ---- */
struct io_handle { /* for _cleanup_(io_handle_done) */
    const struct store_io *io;
    int h;
};
void io_handle_done(struct io_handle *x);

struct names {
    char **name;
    size_t n, cap;
};
/* All names in a directory of the store, sorted. */
int names_list(struct store *s, const char *dir, struct names *ret, struct err *e);
void names_done(struct names *l);
/* ERR_INVALID for what cannot be the name of a snapshot or pin (what says which). */
int name_check(const char *what, const char *name, struct err *e);
/* "<16 hex><suffix>" */
bool pack_name_parse(const char *name, const char *suffix, uint64_t *ret_seq);
bool name_is_temporary(const char *name);
/* New file under dir/name by way of a temporary one; visible only when whole and on disk. */
int file_put(struct store *s, const char *dir, const char *name, const void *p, size_t n,
             bool replace, struct err *e);

/* ---- key.c ---- */
const struct store_key *store_key_of(const struct store *s, uint32_t domain); /* NULL: not here */
void store_keys_drop(struct store *s);
/* Why it cannot be read: ERR_DENIED. */
int key_refuse(const struct store *s, uint32_t domain, struct err *e);

/* ---- pack.c: which are open; record.c: what is in them ---- */
/* From the cache or the disk. */
int pack_get(struct store *s, uint64_t seq, struct pack **ret, struct err *e);
void pack_put(struct store *s, struct pack *p);
/* As pack_get, from packs/<seq>.open, not kept: the copy that is about to take the pack's place. */
int pack_get_copy(struct store *s, uint64_t seq, struct pack **ret, struct err *e);
void pack_forget(struct store *s, uint64_t seq); /* it was removed, or another file has its name */
/* The same for those that another process has removed or written anew. */
void packs_forget_stale(struct store *s);
/* As pack_get, and never one from before a compaction: its table names records that are gone. For
 * who looks for content to share; under locks/gc. */
int pack_get_fresh(struct store *s, uint64_t seq, struct pack **ret, struct err *e);
void packs_close(struct store *s);
uint32_t pack_count(const struct pack *p);
uint64_t pack_bytes(const struct pack *p);
const struct entry_disk *pack_entry(const struct pack *p, uint32_t slot); /* slot < count */
const struct pack_domain *pack_domain(const struct pack *p);
/* Part of a record's content; each frame touched is checked by its sum. */
int pack_read(struct store *s, struct pack *p, uint32_t slot, enum rec_kind kind, uint32_t offset,
              void *buf, uint32_t len, uint64_t *stored_bytes, struct err *e);
/* A whole record's frames against their checksums only: all that is possible without a key. */
int pack_read_sums(struct store *s, struct pack *p, uint32_t slot, enum rec_kind kind,
                   uint64_t *stored_bytes, struct err *e);
/* Content and identity of a record to buf (STORE_BLOCK_BYTES). Of a leaf only that it has the form
 * of one. Without the key of a block: as pack_read_sums, and *ret_sealed. */
int pack_prove(struct store *s, struct pack *p, uint32_t slot, void *buf, uint64_t *stored_bytes,
               bool *ret_sealed, struct err *e);
/* Header and frames as they lie in the file, their checksums checked. buf: RECORD_BYTES_MAX. */
#define RECORD_BYTES_MAX (sizeof(struct rec_disk) + STORE_BLOCK_BYTES + FRAMES_MAX * SEAL_TAG_BYTES)
int pack_read_stored(struct store *s, struct pack *p, uint32_t slot, uint8_t *buf,
                     uint32_t *ret_len, struct err *e);
/* The same from a location. */
int loc_read(struct store *s, uint64_t loc, enum rec_kind kind, uint32_t offset, void *buf,
             uint32_t len, uint64_t *stored_bytes, struct err *e);
/* Identity of a record that must lie in this domain. */
int loc_sha(struct store *s, uint32_t domain, uint64_t loc, enum rec_kind kind,
            uint8_t out[SHA_BYTES], struct err *e);

/* ---- packw.c: writing ---- */
/* A record, packed and ready to append. */
struct packed {
    ZSTD_CCtx *c;
    EVP_CIPHER_CTX *gcm;
    uint32_t domain;
    uint8_t *buf; /* header and frames; behind a frame that will be sealed, room for its tag */
    uint32_t len;
};
int packed_init(struct packed *p, int level, uint32_t domain, struct err *e);
void packed_done(struct packed *p);
int packed_make(struct packed *p, enum rec_kind kind, const void *plain, uint32_t plain_len,
                const uint8_t sha[SHA_BYTES], struct err *e);
uint32_t packed_bound(uint32_t plain_len);

/* key NULL: not encrypted. */
int packw_open(struct store *s, const struct store_key *key, struct packw **ret, struct err *e);
/* To take the place of sealed pack seq; every record goes to the slot that it had. */
int packw_open_again(struct store *s, uint64_t seq, const struct pack_domain *domain,
                     struct packw **ret, struct err *e);
int packw_skip(struct packw *p, struct err *e); /* a slot whose record is gone */
/* Encrypts a record of its domain for its place; nothing to do for others. */
int packw_seal_record(const struct packw *p, struct packed *x, uint32_t slot, struct err *e);
/* A place for a record; packw_write then fills it, without any lock. */
int packw_reserve(struct packw *p, enum rec_kind kind, uint32_t len, const uint8_t sha[SHA_BYTES],
                  uint32_t *ret_slot, uint64_t *ret_offset, struct err *e);
int packw_write(struct packw *p, uint64_t offset, const void *buf, uint32_t len, struct err *e);
uint64_t packw_seq(const struct packw *p);
uint64_t packw_bytes(const struct packw *p); /* so far, with the table once it is sealed */
uint32_t packw_count(const struct packw *p);
const struct entry_disk *packw_entry(const struct packw *p, uint32_t slot);
/* Table, flush, name. Every reserved place must have been written. */
int packw_seal(struct packw *p, struct err *e);
int packw_finish(struct packw *p, struct err *e); /* its first half: table, flush */
int packw_name(struct packw *p, struct err *e);   /* its second */
void packw_free(struct packw *p);                 /* unsealed: the file is removed */
DEFINE_FREEP(packw_free, struct packw);

/* ---- index.c: hash -> location, a cache of the packs' tables ---- */
struct index {
    struct index_slot {
        uint64_t tag, loc; /* loc 0: free */
    } * slot;
    size_t n, mask;
};
void index_done(struct index *x);
/* Of packs with this key (NULL: of those that are not encrypted): nothing else is shared. */
int index_load(struct store *s, const struct store_key *key, struct index *x, struct err *e);
int index_add(struct index *x, const uint8_t sha[SHA_BYTES], uint64_t loc, struct err *e);
/* The next candidate for sha; *pos begins as 0. Candidates agree in 64 bits only. 0: no more. */
uint64_t index_next(const struct index *x, const uint8_t sha[SHA_BYTES], size_t *pos);

/* ---- snap.c ---- */
int root_load(struct store *s, const char *dir, const char *name, struct root *ret, struct err *e);
int root_read_bytes(struct store *s, const char *dir, const char *name, void **ret, size_t *ret_len,
                    struct err *e);
/* A leaf's locations; its identity is compared with ref, and, if prove, computed from the blocks'
 * identities. LOC_HOLE gives holes. */
int leaf_load(struct store *s, uint32_t domain, const struct ref_disk *ref, bool prove,
              uint64_t loc[LEAF_ENTRIES], struct err *e);
typedef int sha_of_fn(void *u, uint64_t loc, uint8_t out[SHA_BYTES], struct err *e);
int leaf_sha(sha_of_fn *sha_of, void *u, uint32_t domain, const uint64_t loc[LEAF_ENTRIES],
             uint8_t out[SHA_BYTES], struct err *e);
/* The same, all blocks being in sealed packs. */
int leaf_sha_in_store(struct store *s, uint32_t domain, const uint64_t loc[LEAF_ENTRIES],
                      uint8_t out[SHA_BYTES], struct err *e);
/* Whether the leaf at a location names blocks that are all there and give this identity: one that
 * nothing needs may outlast its blocks, in a pack that is needed for others. */
bool leaf_is(struct store *s, uint32_t domain, uint64_t at, const uint8_t sha[SHA_BYTES]);
/* Whether a key (NULL: none) is the one of a snapshot. */
bool key_is_of(const struct store_key *key, const struct store_snap_info *info);
const struct root *snap_root(const struct store_snap *sn);
