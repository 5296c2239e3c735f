/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A sealed pack, open for reading: pack.c opens it and keeps it, record.c reads what is in it. */
#pragma once

#include "store-priv.h"

struct pack {
    struct pack *next; /* in its bucket */
    uint64_t seq, bytes, used;
    uint64_t table_offset;
    struct entry_disk *table;
    uint32_t count;
    unsigned refs;
    int h;
    bool cached;
    struct pack_domain domain;
    bool keyed; /* the key is here */
    uint8_t key[KEY_BYTES];
};

/* A part of its file; too short a file is ERR_CORRUPT. */
int pack_read_at(struct store *s, int h, void *buf, size_t n, uint64_t offset, const char *what,
                 struct err *e);
/* ---- record.c ---- */
void scratches_free(struct store *s); /* when the store is closed */
