/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Windows security identifiers: bytes, text, and one machine's exchanged for another's wherever a
 * hive keeps it.
 *
 * A machine SID is S-1-5-21-A-B-C; accounts of that machine append a number. It is known by the 12
 * bytes A B C and by its text. A change looks for exactly these; the machine SIDs of domains, of
 * other machines and the constants that Microsoft ships stay. */
#pragma once

#include "regf.h"

#define SID_BYTES_MAX     68U /* 15 sub-authorities */
#define SID_MACHINE_BYTES 24U
#define SID_TEXT_MAX      192U

/* The length of the SID that p begins with, at most n; 0: none. */
size_t sid_length(const void *p, size_t n);
/* "S-1-5-21-..."; false and "" when p does not begin with a whole SID. */
bool sid_text(const void *p, size_t n, char out[SID_TEXT_MAX]);
/* 0, or -EINVAL with the reason. */
int sid_parse(const char *text, uint8_t ret[SID_BYTES_MAX], size_t *ret_n, struct err *e);
/* The SID is S-1-5-21-A-B-C itself (24 bytes). */
bool sid_is_machine(const void *p, size_t n);
/* A-B-C is one that every Windows has from Microsoft, or is reserved: never a machine's own. */
bool sid_is_constant(const uint8_t machine[SID_MACHINE_BYTES]);
/* An account (or the machine) of that machine; *ret_rid is set for accounts (may be NULL). */
bool sid_is_of(const void *p, size_t n, const uint8_t machine[SID_MACHINE_BYTES],
               uint32_t *ret_rid);

/* 96 random bits from the kernel, so that its text is as long as that of old: then every place can
 * be patched where it is, in any file. */
void sid_new(const uint8_t old[SID_MACHINE_BYTES], uint8_t ret[SID_MACHINE_BYTES]);

struct sid_counts { /* places, each counted once however often it is there */
    uint64_t key_names, value_names, classes;
    uint64_t data;     /* values */
    uint64_t security; /* descriptors */
    uint64_t unused;   /* occurrences in free space and padding */
};

/* Where a hive has the machine SID, as bytes or as text of 8 or 16 bits. A hive that regf_verify
 * refuses is refused. */
int sid_count(const struct regf *h, const uint8_t machine[SID_MACHINE_BYTES],
              struct sid_counts *ret, struct err *e);
/* Replaces it in names of keys and values, classes, data and security descriptors; in free space
 * and padding it is wiped. Afterwards not one is left: this is looked for, and -EBADMSG otherwise.
 * When the texts differ in length (sid_new never does that), text values and names are rewritten,
 * but text inside binary data is -ENOTSUP before anything is changed. Added to *ret. */
int sid_replace(struct regf *h, const uint8_t old[SID_MACHINE_BYTES],
                const uint8_t with[SID_MACHINE_BYTES], struct sid_counts *ret, struct err *e);

/* In any bytes, such as a task's XML: occurrences as bytes and as text of 8 and 16 bits. */
uint64_t sid_count_bytes(const void *p, size_t n, const uint8_t machine[SID_MACHINE_BYTES]);
/* The same, replaced where they are; -ENOTSUP when the texts differ in length. *ret: how many. */
int sid_replace_bytes(void *p, size_t n, const uint8_t old[SID_MACHINE_BYTES],
                      const uint8_t with[SID_MACHINE_BYTES], uint64_t *ret, struct err *e);
