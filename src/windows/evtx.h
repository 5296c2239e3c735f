/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Windows event logs (.evtx): what a header tells, and a valid file that holds no event.
 * The format: docs/windows/offline.md, "Event logs". */
#pragma once

#include "err.h"

#define EVTX_HEAD_BYTES  128   /* of the file header that mean anything */
#define EVTX_BLOCK_BYTES 4096  /* the file header's block */
#define EVTX_CHUNK_BYTES 65536 /* every chunk */
#define EVTX_EMPTY_BYTES (EVTX_BLOCK_BYTES + EVTX_CHUNK_BYTES)
#define EVTX_CHUNKS_MAX  65535 /* the header counts them in 16 bits */

enum evtx_flag {
    EVTX_DIRTY = 1,       /* was open when the machine stopped */
    EVTX_FULL = 2,        /* reached its largest size and does not wrap */
    EVTX_NO_CHECKSUM = 4, /* checksums are not kept */
};

struct evtx_info {
    uint64_t next_record; /* id of the next event: 1 in a log that never held any */
    uint32_t flags;
    uint16_t major, minor;
    uint16_t chunks;
    bool empty; /* holds no event now; known only after evtx_verify */
};

/* Reads the first EVTX_HEAD_BYTES bytes of a log of file_bytes bytes. ERR_CORRUPT: no event log, an
 * unknown version, a wrong checksum (where checksums are kept), or more chunks than bytes. */
int evtx_head(const void *p, size_t n, uint64_t file_bytes, struct evtx_info *ret, struct err *e);

/* The same for a whole log in memory, with the checksums of every chunk in use. */
int evtx_verify(const void *p, size_t n, struct evtx_info *ret, struct err *e);

/* Writes a log without events, valid in every byte, of version 3.minor (1, or 2 since Windows 10
 * 2004 and Server 2022). */
void evtx_make_empty(uint16_t minor, uint8_t out[EVTX_EMPTY_BYTES]);
