/* SPDX-License-Identifier: Apache-2.0 */
/* Zip archives (PKWARE APPNOTE 6.3: stored and deflated entries, no encryption, no zip64) and the
 * deflate format beneath (RFC 1951). */
#pragma once

#include "lib/str.h"

/* Unpacks raw deflate data; more than out->max bytes are refused. name: for messages. */
int inflate_raw(const void *p, size_t n, const char *name, struct str *out, struct err *e);
uint32_t crc32_of(const void *p, size_t n);

bool zip_is(const void *p, size_t n); /* starts like a zip archive */
/* The archive's only file; its folders do not count. Checked against its CRC. */
int zip_read_only_file(const void *p, size_t n, const char *name, struct str *out, struct err *e);

/* An archive that is built in memory, its files stored as they are. */
struct zip_writer {
    struct str out, directory;
    unsigned files;
};
#define ZIP_WRITER_INIT                                                                            \
    {                                                                                              \
        .out = { .max = MIB(256) }, .directory = {.max = MIB(1) }                                  \
    }
/* name: with '/' between its parts. */
void zip_add(struct zip_writer *z, const char *name, const void *p, size_t n);
/* Ends the archive; the bytes are in z->out. 0 or what had failed. */
int zip_end(struct zip_writer *z, struct err *e);
void zip_writer_done(struct zip_writer *z);
