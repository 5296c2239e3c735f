/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The record that says who a volume is (docs/formats/volume.md, "head"). */
#pragma once

#include "store.h"

#define HEAD_BYTES     4096
#define HEAD_STORE_MAX 3072
#define VOLUME_MAX     (1ULL << 46) /* 64 TiB */
#define HEAD_SALT      16

struct head {
    uint64_t size_bytes;
    char name[STORE_ID_MAX];
    char base[STORE_ID_MAX]; /* "": none */
    char store[HEAD_STORE_MAX];
    uint32_t domain; /* of the key that its data is encrypted with; 0: not encrypted */
    uint8_t key_id[STORE_KEY_ID_BYTES], salt[HEAD_SALT];
};

/* [A-Za-z0-9._-], 1-63 characters, not "." or "..": safe as a file name and as a store id. */
bool head_name_is_ok(const char *name);
int head_read(const char *dir, struct head *ret, struct err *e);
/* Durable when it returns. */
int head_write(const char *dir, const struct head *h, struct err *e);
/* Of the file's bytes; also used by the maps. */
uint32_t head_crc32c(const void *p, size_t n, uint32_t seed);
