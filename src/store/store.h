/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The snapshot engine's door: snapshots of block devices as maps of 512 KiB blocks, known by the
 * SHA-256 of their plain content, stored once, compressed, in append-only packs; in a key domain
 * encrypted, and known by a keyed hash. Knows nothing of EC2: ids are opaque names of at most
 * STORE_ID_MAX - 1 characters out of [A-Za-z0-9._-]. Format: docs/formats/store.md. Invariants: the
 * top of store.c. */
#pragma once

#include "err.h"

#define STORE_BLOCK_SHIFT  19
#define STORE_BLOCK_BYTES  (1U << STORE_BLOCK_SHIFT)
#define STORE_FRAME_BYTES  (128U << 10)
#define STORE_ID_MAX       64
#define STORE_KEY_ID_BYTES 16

struct store;
struct store_io;  /* store-io.h: the seam to the disk */
struct store_key; /* a secret */
struct store_snap;
struct store_writer;

/* Makes an empty store in a directory that does not exist or is empty. ERR_EXISTS when there is
 * one already. */
int store_create(const char *path, struct err *e);
/* Opens for reading (any number of processes, without asking a writer) and for writing. io NULL:
 * the real disk. A store of an unknown format version is refused. */
int store_open(const char *path, const struct store_io *io, struct store **ret, struct err *e);
void store_close(struct store *s);
DEFINE_FREEP(store_close, struct store);

/* ---- keys: docs/design/encryption.md --------------------------------------------------------- */

/* Makes a random key (a file that its owner and group may read) for a domain other than 0; never
 * over another file: ERR_EXISTS. A lost key is lost data. */
int store_key_create(const char *path, uint32_t domain, struct err *e);
int store_key_load(const char *path, struct store_key **ret, struct err *e);
void store_key_free(struct store_key *k); /* wipes it */
DEFINE_FREEP(store_key_free, struct store_key);
uint32_t store_key_domain(const struct store_key *k);
/* STORE_KEY_ID_BYTES that tell keys apart and say nothing about them. */
const uint8_t *store_key_id(const struct store_key *k);
/* Another key out of this one, for a purpose of its own; at most 64 bytes of salt. */
int store_key_derive(const struct store_key *k, const char *purpose, const void *salt,
                     size_t salt_len, void *out, size_t n, struct err *e);
/* The store reads and writes this domain from now on (it keeps a copy); before anything else is
 * done with it. What is encrypted and has no key here is ERR_DENIED to read. */
int store_add_key(struct store *s, const struct store_key *k, struct err *e);
int store_add_key_file(struct store *s, const char *path, struct err *e);

/* ---- snapshots: immutable once visible ------------------------------------------------------ */

struct store_snap_info {
    char id[STORE_ID_MAX];
    char parent[STORE_ID_MAX]; /* "" for a full one */
    uint64_t volume_bytes;
    uint64_t data_blocks;  /* blocks with content, own or inherited */
    uint64_t stored_bytes; /* that this snapshot added to the store */
    uint64_t created_ms;
    uint8_t root_sha256[32]; /* proves the whole content */
    uint32_t domain;         /* of its key; 0: not encrypted */
    uint8_t key_id[STORE_KEY_ID_BYTES];
};

enum store_kind { STORE_HOLE, STORE_ZERO, STORE_DATA, STORE_KIND_MAX };

/* Opens snapshot id; when no such snapshot exists, the pin of that name is tried (see store_pin).
 * ERR_NOT_FOUND, ERR_CORRUPT. The handle may be used by any number of threads. An encrypted one can
 * be opened and described without its key, but not read. */
int store_snap_open(struct store *s, const char *id, struct store_snap **ret, struct err *e);
void store_snap_close(struct store_snap *sn);
DEFINE_FREEP(store_snap_close, struct store_snap);
const struct store_snap_info *store_snap_info(const struct store_snap *sn);
/* 0, or ERR_DENIED: its key is not here. */
int store_snap_may_read(const struct store_snap *sn, struct err *e);
enum store_kind store_snap_kind(struct store_snap *sn, uint64_t block);
/* Any range; what lies behind volume_bytes reads as zeros. Unpacks only the frames touched; each
 * is checked by its checksum. *ret_stored_bytes (may be NULL) counts bytes read from packs. */
int store_snap_read(struct store_snap *sn, uint64_t offset, void *buf, size_t len,
                    uint64_t *ret_stored_bytes, struct err *e);
/* One whole block (STORE_BLOCK_BYTES; the tail behind volume_bytes is zeros), verified by its
 * SHA-256. Returns 1 when it has content, 0 when it is all zeros (buf is zeroed then). */
int store_snap_read_block(struct store_snap *sn, uint64_t block, void *buf,
                          uint64_t *ret_stored_bytes, struct err *e);

/* Calls fn for each snapshot, in order of id; a non-zero return ends the walk and is returned. */
int store_snap_each(struct store *s, int (*fn)(const struct store_snap_info *info, void *userdata),
                    void *userdata, struct err *e);
bool store_snap_exists(struct store *s, const char *id);
/* Removes the root; space comes back with store_gc. An absent one is fine. */
int store_snap_delete(struct store *s, const char *id, struct err *e);

/* The content of a snapshot (or pin) as another snapshot: a new root over the same leaves, made
 * without reading a block, encrypted as the source is. ERR_EXISTS when there is one of that id.
 * Waits for a collection that is running. */
int store_snap_copy(struct store *s, const char *source, const char *id,
                    struct store_snap_info *ret, struct err *e);

/* Keeps the content of a snapshot (or of another pin) reachable under a name of its own, also when
 * the snapshot is deleted. Volumes pin what they load from. Replaces an older pin of that name at
 * one instant. */
int store_pin(struct store *s, const char *snap_id, const char *pin, struct err *e);
int store_unpin(struct store *s, const char *pin, struct err *e); /* an absent one is fine */

/* ---- writing -------------------------------------------------------------------------------- */

struct store_writer_spec {
    const char *id;        /* the new snapshot; must not exist */
    const char *parent;    /* snapshot or pin whose blocks are inherited; NULL or "": full */
    uint64_t volume_bytes; /* >= the parent's */
    int level;             /* zstd; 0: the default (1) */
    unsigned threads;      /* compute threads; 0: as many as there are processors */
    uint32_t domain;       /* encrypted with the store's key of this domain, and so must the parent
                              be; 0: not encrypted */
};

struct store_write_stats {
    uint64_t blocks_written, blocks_zero, blocks_deduped, blocks_inherited;
    uint64_t bytes_in;     /* plain bytes handed in */
    uint64_t bytes_stored; /* bytes that packs grew by */
};

/* Several writers may work side by side, in one process or in many: each owns its packs. */
int store_writer_open(struct store *s, const struct store_writer_spec *spec,
                      struct store_writer **ret, struct err *e);
/* Hands in one block (copied before the call returns; may wait for a free buffer; hashing and
 * compression happen on the writer's threads). Any order; the last one wins. An error of an earlier
 * block may surface here. */
int store_writer_block(struct store_writer *w, uint64_t block, const void *buf, struct err *e);
/* The range is zeros, as written (zero) or never written / discarded (hole). */
int store_writer_zero(struct store_writer *w, uint64_t block, uint64_t count, bool hole,
                      struct err *e);
/* So far; may be asked at any time by the thread that hands blocks in. */
void store_writer_stats(struct store_writer *w, struct store_write_stats *ret);
/* Everything on disk, then visible, in this order. Afterwards only store_writer_stats (final then)
 * and store_writer_free are allowed. */
int store_writer_commit(struct store_writer *w, struct store_snap_info *ret, struct err *e);
/* Without a commit before: leaves nothing that is visible. */
void store_writer_free(struct store_writer *w);
DEFINE_FREEP(store_writer_free, struct store_writer);

/* ---- upkeep --------------------------------------------------------------------------------- */

struct store_gc_stats {
    uint64_t packs_seen, packs_removed, bytes_freed, dead_writers_swept;
    uint64_t packs_compacted;        /* written anew without what nothing reaches */
    uint64_t bytes_copied;           /* what that cost: bytes read, proven and written */
    uint64_t packs_left;             /* worth it, but not done: why is in again, or in trouble */
    uint64_t packs_damaged;          /* left as they are */
    uint64_t live_bytes, dead_bytes; /* in packs, afterwards; not counted when busy */
    bool busy;  /* writers are at work: only dead writers' leftovers were swept */
    bool again; /* another collection soon will bring more: somebody waited for the store, or a
                   collection's share of work was done */
    struct err trouble; /* no != 0: damage that was met while packs were written anew (it names
                           snapshot, block and pack), or the disk was full; nothing was lost */
};
/* Removes packs that no snapshot, pin or running writer can reach, and writes packs anew of which
 * half or more cannot be reached. With the key of encrypted ones (store_add_key) their blocks are
 * proven by their hash on the way, else by their checksums. May be killed at any instruction, may
 * run beside readers and writers. ret may be NULL. */
int store_gc(struct store *s, struct store_gc_stats *ret, struct err *e);
/* No collection begins until the store is closed: for who reads a snapshot that is not pinned. */
int store_hold(struct store *s, struct err *e);
/* Lets go of packs that were removed or written anew since they were opened: their space comes back
 * when nobody has them open. For those who read for long. */
void store_tidy(struct store *s);

struct store_usage {
    uint64_t packs;
    uint64_t live_bytes, dead_bytes; /* of packs; dead: a collection may give them back. What a
                                        running writer is about to use counts as dead */
};
int store_usage(struct store *s, struct store_usage *ret, struct err *e);

struct store_check_report {
    uint64_t snapshots, pins, packs, leaves, blocks, bytes;
    uint64_t problems;
    uint64_t leftovers; /* files of dead writers, unreachable packs: no damage, space only */
    uint64_t sealed;    /* encrypted blocks whose key is not here: only their checksums were read */
    uint64_t live_bytes, dead_bytes; /* as in store_usage */
};
/* Proves the invariants on a real store (ret may be NULL): every root, leaf, record, footer; every
 * block's SHA-256 when deep (of encrypted ones with their key). Each problem and leftover is told
 * to fn as one sentence. Reads only. */
int store_check(struct store *s, bool deep,
                void (*fn)(bool is_problem, const char *sentence, void *userdata), void *userdata,
                struct store_check_report *ret, struct err *e);
