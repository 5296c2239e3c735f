/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An NBD server that the worker reads from: many requests in flight, every wait ends with a
 * deadline or a wish to stop. */
#pragma once

#include "err.h"

#define SOURCE_IN_FLIGHT  16
#define SOURCE_STALL_MS   120000
#define SOURCE_ALIGN      4096
#define SOURCE_SMALL      MIB(1) /* of source_read */
#define SOURCE_EXTENT_MAX GIB(1) /* asked about at once */

struct source;

/* NBD's words for an extent of base:allocation. */
#define SOURCE_HOLE 1U
#define SOURCE_ZERO 2U

/* Takes the connected socket. */
int source_take_fd(int fd, const char *export_name, struct source **ret, struct err *e);
int source_open(const char *socket_path, const char *export_name, struct source **ret,
                struct err *e);
void source_free(struct source *s);
DEFINE_FREEP(source_free, struct source);

/* Closes the connection: whatever was in flight touches no buffer any more. Only source_free is
 * allowed afterwards. */
void source_abandon(struct source *s);
uint64_t source_bytes(const struct source *s);
bool source_has_extents(const struct source *s);
/* Waits for one small read, of any alignment, inside of the disk. */
int source_read(struct source *s, uint64_t offset, void *buf, size_t len, struct err *e);
/* Calls fn for each extent, in order, without gaps, never behind the end. */
int source_extents(struct source *s,
                   int (*fn)(void *userdata, uint64_t offset, uint64_t len, uint32_t flags,
                             struct err *e),
                   void *userdata, struct err *e);

/* A read in flight. Plain data, owned by the caller; must stay until it is done. */
struct source_io {
    uint64_t offset;
    size_t len;
    void *buf;
    bool busy, done;
    int error; /* errno of the server, 0: good; valid once done */
};

/* io->offset, len and buf are set. */
int source_start_read(struct source *s, struct source_io *io, struct err *e);
/* Waits until something happened (maybe some io is done), a deadline passed, or a wish to stop. */
int source_wait(struct source *s, struct err *e);
