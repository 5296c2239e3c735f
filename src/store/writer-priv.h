/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A writer: writer.c takes blocks in and runs the threads, wmap.c is the new snapshot's map,
 * wpacks.c appends records, commit.c makes the snapshot visible. */
#pragma once

#include <pthread.h>

#include "store-priv.h"

#define WRITER_THREADS_MAX 16U
#define WRITER_BUFFERS_MAX 48U
#define PACKS_FULL_KEPT    4U /* full packs whose flush can wait: the disk works on them */

struct job {
    struct job *next;
    uint64_t block;
    uint32_t ticket;
    uint8_t *buf;
};

/* One leaf of the new snapshot that differs, perhaps, from the parent's. Every entry has the
 * ticket of the call that set it: the last call wins, whichever thread is done first. */
struct wleaf {
    uint64_t base; /* while loc is NULL: all entries */
    uint32_t base_ticket;
    uint64_t *loc;
    uint32_t *ticket;
};

struct wpack {
    struct wpack *next;
    struct packw *p;
    unsigned in_flight; /* reserved places that are being written */
    bool sealing;
};

struct store_writer {
    struct store *s;
    struct store_writer_spec spec; /* strings: below */
    char id[STORE_ID_MAX], parent_id[STORE_ID_MAX];
    uint32_t leaves;
    int gc_h;
    struct store_snap *parent;
    const struct store_key *key; /* the store's; NULL: not encrypted */
    struct packed packed;        /* for leaves */

    struct lock lock; /* over what follows, but not the content of a job that a thread has */
    pthread_cond_t work, room, landed;
    struct job *queue, **queue_end, *spare;
    unsigned jobs, jobs_max;
    bool closing, committed;
    struct err err; /* of the first thread that failed */
    struct wleaf **leaf;
    uint32_t ticket;
    struct index index;
    struct wpack *cur, *full; /* full: oldest first */
    unsigned n_full;
    struct store_write_stats stats;

    pthread_t thread[WRITER_THREADS_MAX];
    unsigned threads;
};

/* ---- writer.c ---- */
/* Waits until every block is dealt with and ends the threads. */
int writer_drain(struct store_writer *w, struct err *e);

/* ---- wmap.c: the lock is held ---- */
int wmap_touch_locked(struct store_writer *w, uint32_t leaf, struct err *e);
void wmap_set_locked(struct store_writer *w, uint64_t block, uint32_t ticket, uint64_t loc);
int wmap_fill_locked(struct store_writer *w, uint64_t block, uint64_t count, uint32_t ticket,
                     uint64_t loc, struct err *e);
void wmap_done(struct store_writer *w);

/* ---- wpacks.c ---- */
/* Where equal content is stored already; 0: nowhere. */
uint64_t wpacks_find_locked(struct store_writer *w, enum rec_kind kind,
                            const uint8_t sha[SHA_BYTES]);
/* Appends (encrypts x in place, if it has a domain) unless equal content came in meanwhile (then
 * *ret_deduped). Takes the lock itself. */
int wpacks_append(struct store_writer *w, enum rec_kind kind, struct packed *x,
                  const uint8_t sha[SHA_BYTES], uint64_t *ret_loc, bool *ret_deduped,
                  struct err *e);
/* Identity of a block, also of one in a pack of ours that is not sealed. */
int wpacks_sha(void *writer, uint64_t loc, uint8_t out[SHA_BYTES], struct err *e);
/* Everything that was appended, sealed. No thread runs any more. */
int wpacks_seal_all(struct store_writer *w, struct err *e);
void wpacks_done(struct store_writer *w);
