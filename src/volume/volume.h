/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The volume room as the daemon sees it: making and removing a volume's files, and running its
 * server. The server itself is kiln-volume.so, an nbdkit plugin (docs/man/kiln-volume.1.scd); its
 * files are described in docs/formats/volume.md. Knows nothing of EC2. */
#pragma once

#include <systemd/sd-event.h>

#include "store.h"

/* ---- files ---------------------------------------------------------------------------------- */

struct volume_spec {
    const char *dir;       /* made; must not exist (a half-made one of a crash is replaced) */
    uint64_t size_bytes;   /* multiple of 512 */
    const char *store_dir; /* NULL when there is no base */
    const char *base;      /* snapshot whose content it starts with, NULL: empty. Pinned in the
                              store under the name of the volume before this returns. */
    const char *name;      /* volume id: name of the pin */
    const char *key_path;  /* encrypted with this key; NULL: plain, and so must the base be */
    const char *user;      /* owner of the files when we are root and it exists; NULL: stay */
};

/* Milliseconds, whatever the size. Safe to repeat after a crash. */
int volume_create(const struct volume_spec *spec, struct err *e);
/* Makes a volume as large as the spec says; of the spec, store, base and key mean nothing. 1: it
 * has that size, or more; 0: not now, because a server runs, a point lives, or the last server was
 * killed (one that opens the volume and ends in order repairs that). Safe to repeat after a crash,
 * and to be repeated before the volume is served. */
int volume_grow(const struct volume_spec *spec, struct err *e);
/* Removes the files and the pin; what is absent already is fine. The server must be stopped. */
int volume_remove(const char *dir, const char *store_dir, const char *name, struct err *e);

/* ---- the server, one per volume in use ------------------------------------------------------- */

struct volume_server; /* the daemon's handle; the process outlives the daemon */

enum volume_event {
    VOLUME_READY,  /* it answers on its control socket, and NBD is served */
    VOLUME_EXITED, /* it ended; err tells why (no == 0: asked to stop and clean) */
};

typedef void (*volume_event_fn)(struct volume_server *vs, enum volume_event ev,
                                const struct err *why, void *userdata);

struct volume_server_spec {
    const char *dir;
    const char *store_dir;
    const char *plugin;        /* path of kiln-volume.so */
    const char *key_path;      /* of an encrypted volume; NULL otherwise */
    const char *user;          /* unprivileged user, NULL: stay */
    uint64_t fill_bytes_per_s; /* background fill; 0: none */
    unsigned ready_timeout_ms; /* 0: 5000; exceeded: killed, VOLUME_EXITED with ERR_TIMEOUT */
};

/* Starts a server, or adopts the one that already serves this directory (pid file + start time). */
int volume_server_start(sd_event *loop, const struct volume_server_spec *spec, volume_event_fn fn,
                        void *userdata, struct volume_server **ret, struct err *e);
bool volume_server_is_ready(const struct volume_server *vs);
/* unix socket that speaks NBD: "DIR/nbd.sock"; export "" is the live volume */
const char *volume_server_nbd_socket(const struct volume_server *vs);
/* Orderly: everything flushed, state clean, then VOLUME_EXITED. SIGKILL after timeout_ms. */
void volume_server_stop(struct volume_server *vs, unsigned timeout_ms);
/* Forgets the handle; the process goes on. */
void volume_server_free(struct volume_server *vs);
DEFINE_FREEP(volume_server_free, struct volume_server);

/* Counters and state, as the server tells them. */
struct volume_status {
    uint64_t size_bytes;
    uint64_t blocks, blocks_present, blocks_base; /* base: blocks with content in the base */
    uint64_t blocks_dirty;                        /* since the last point that became a snapshot */
    uint64_t store_bytes_read;                    /* compressed bytes read from packs */
    uint64_t store_blocks_read; /* distinct base blocks touched in the store (lazy loads + fill) */
    uint64_t fill_done, fill_total, fill_rate; /* blocks, blocks, bytes/s; for progress */
    char base[STORE_ID_MAX]; /* what dirty is relative to; "": nothing (all data is changed) */
    bool clean_start;        /* the last start found a clean shutdown */
};

/* Each call is asynchronous: one request on the control socket, done exactly once (from the loop,
 * never from inside the call; when that fails at once, with a negative return, fn is not called). A
 * server that does not answer within the deadline (10 s) is an ERR_TIMEOUT, one that ends before
 * it answers an ERR_IO, told before VOLUME_EXITED. volume_server_free drops calls under way. */
typedef void (*volume_done_fn)(struct volume_server *vs, const struct err *e, void *userdata);
typedef void (*volume_status_fn)(struct volume_server *vs, const struct volume_status *st,
                                 const struct err *e, void *userdata);

int volume_server_status(struct volume_server *vs, volume_status_fn fn, void *userdata,
                         struct err *e);
/* Holds new changes of this volume (writes, zeros, trims; reads and flushes go on) and waits for
 * those in flight; the server thaws by itself after 5 s (the point is then refused until a thaw or
 * another freeze), so that a dead daemon stops no guest. */
int volume_server_freeze(struct volume_server *vs, volume_done_fn fn, void *userdata,
                         struct err *e);
/* Fixes the current content under a name [A-Za-z0-9._-]{1,63}; when frozen, at the frozen instant.
 * Repeating a name that exists is fine. While it lives it is the read-only NBD export "point/NAME":
 * blocks changed since the base are data (or zero when they are zeros now), all others are holes
 * that are not zero; "point/NAME/full" is the same content with the allocation as extents, for
 * plain copies. */
int volume_server_point(struct volume_server *vs, const char *name, volume_done_fn fn,
                        void *userdata, struct err *e);
int volume_server_thaw(struct volume_server *vs, volume_done_fn fn, void *userdata, struct err *e);
/* Ends a point. new_base: the snapshot that now holds its content (dirty is relative to it from
 * then on, and it is pinned in the place of the older base), or NULL when the snapshot failed (its
 * dirty blocks are dirty again). While an older point lives the base stays, whatever new_base says,
 * and the dirty blocks flow back: ask the status for the base. A broken point ends, with ERR_IO
 * when there is a new_base. An unknown point is fine (it ended already). The server writes the pin,
 * so its user must be able to write the store's pins. */
int volume_server_release(struct volume_server *vs, const char *name, const char *new_base,
                          volume_done_fn fn, void *userdata, struct err *e);
/* The background fill's rate from now on; 0 stops it. */
int volume_server_fill(struct volume_server *vs, uint64_t bytes_per_s, volume_done_fn fn,
                       void *userdata, struct err *e);
