/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The store as a directory: making, opening, names, pins. Format: docs/formats/store.md.
 *
 * Invariants; tests cite their numbers.
 *
 * 1. A root names only leaves, a leaf only blocks, that are flushed, in packs with a flushed name,
 *    before the root gets its name. A crash leaves the whole snapshot or none of it. A leaf that is
 *    stored already is referred to only when all its blocks are there, too.
 * 2. A name, once visible, never gets other content: snapshots and packs are renamed to names that
 *    did not exist, and a pack's sequence number does not come back. At one instant a pin may be
 *    replaced, and a pack by a copy that has the same records in the same slots, without some of
 *    those that nothing reaches: a location never means anything else.
 * 3. Nobody sees a byte that passed no check: the frame's CRC32C at each read; the block's SHA-256,
 *    and the chain of hashes from the root to it, whenever the whole block is read verified. What
 *    fails a check is ERR_CORRUPT and names snapshot, block and pack.
 * 4. Collection never removes what a root, a pin or a running writer can reach: writers and pins
 *    hold locks/gc shared, a collection holds it exclusively, and it removes nothing unless it has
 *    read every root and leaf. It may be killed at any instruction: removing is idempotent, and a
 *    copy of a pack is whole, proven and flushed before it takes the pack's name.
 * 5. Each file has one writing process, which holds a lock on it; a pack whose lock nobody holds
 * and that has no final name was left by a dead writer, is part of nothing and is swept.
 * 6. A sealed pack is never removed by its writer, also when it gives up: other writers may refer
 *    to it.
 * 7. Equal content has an equal root hash, wherever and however its blocks are stored, within one
 *    key domain.
 * 8. What is written into a key domain is encrypted with a key of its pack under a nonce that is
 *    used once, shares no block with anything outside of its domain, and without the key neither
 *    names, maps nor tables tell what a block holds (docs/design/encryption.md says what they do
 *    tell).
 */
#include "store.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "parse.h"
#include "rand.h"
#include "store-priv.h"
#include "str.h"

static const char *const subdirs[] = { "packs", "snaps", "pins", "locks" };

void store_path(const struct store *s, char out[PATH_BYTES], const char *fmt, ...)
{
    va_list ap;
    int n = snprintf(out, PATH_BYTES, "%s/", s->path);

    assert(n > 0 && n < (int)PATH_BYTES); /* STORE_PATH_MAX */
    va_start(ap, fmt);
    (void)vsnprintf(out + n, PATH_BYTES - (size_t)n, fmt, ap);
    va_end(ap);
}

void io_handle_done(struct io_handle *x)
{
    if (x->h >= 0)
        x->io->close(x->io, x->h);
}

/* ---- names ---- */

bool pack_name_parse(const char *name, const char *suffix, uint64_t *ret_seq)
{
    uint8_t b[8];
    char hex[17];
    uint64_t seq = 0;

    if (strlen(name) != 16 + strlen(suffix) || strcmp(name + 16, suffix) != 0)
        return false;
    memcpy(hex, name, 16);
    hex[16] = '\0';
    if (strspn(hex, "0123456789abcdef") != 16 || hex_decode(hex, b, sizeof b) < 0)
        return false;
    for (unsigned i = 0; i < 8; i++)
        seq = seq << 8 | b[i];
    if (seq == 0 || seq > SEQ_MAX)
        return false;
    *ret_seq = seq;
    return true;
}

bool name_is_temporary(const char *name)
{
    return str_starts(name, ".new-");
}

int name_check(const char *what, const char *name, struct err *e)
{
    char show[96];

    if (name_is_ok(name))
        return 0;
    return err_set(e, EINVAL, ERR_INVALID, "%s '%s' is no valid name", what,
                   str_show(name, show, sizeof show));
}

static int add_name(const char *name, void *u)
{
    struct names *l = u;

    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 64;
        char **p = reallocarray(l->name, cap, sizeof *p);

        if (!p)
            return -ENOMEM;
        l->name = p;
        l->cap = cap;
    }
    l->name[l->n] = strdup(name);
    if (!l->name[l->n])
        return -ENOMEM;
    l->n++;
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int names_list(struct store *s, const char *dir, struct names *ret, struct err *e)
{
    _cleanup_(names_done) struct names l = { 0 };
    char path[PATH_BYTES];
    int r;

    store_path(s, path, "%s", dir);
    r = s->io->list(s->io, path, add_name, &l);
    if (r < 0)
        return err_no(e, r, "list '%s'", path);
    if (l.n)
        qsort(l.name, l.n, sizeof *l.name, compare_names);
    *ret = l;
    l = (struct names){ 0 };
    return 0;
}

void names_done(struct names *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->name[i]);
    free(l->name);
    *l = (struct names){ 0 };
}

/* ---- files ---- */

static int write_new(const struct store_io *io, const char *path, const void *p, size_t n,
                     struct err *e)
{
    _cleanup_(io_handle_done) struct io_handle f = { io, io->open(io, path, STORE_IO_CREATE) };
    int r;

    if (f.h < 0)
        return err_no(e, f.h, "create '%s'", path);
    r = io->pwrite(io, f.h, p, n, 0);
    if (r < 0)
        return err_no(e, r, "write %zu bytes to '%s'", n, path);
    r = io->sync(io, f.h);
    if (r < 0)
        return err_no(e, r, "flush '%s'", path);
    return 0;
}

int file_put(struct store *s, const char *dir, const char *name, const void *p, size_t n,
             bool replace, struct err *e)
{
    char tmp[PATH_BYTES], path[PATH_BYTES], dirpath[PATH_BYTES], token[17];
    const struct store_io *io = s->io;
    int r;

    rand_hex(token, 16);
    store_path(s, dirpath, "%s", dir);
    store_path(s, tmp, "%s/.new-%s", dir, token);
    store_path(s, path, "%s/%s", dir, name);
    r = write_new(io, tmp, p, n, e);
    if (r == 0) {
        r = io->rename(io, tmp, path, replace);
        if (r < 0)
            r = err_no(e, r, "name '%s'", path);
    }
    if (r < 0) {
        (void)io->unlink(io, tmp); /* if not: a collection sweeps it */
        return r;
    }
    r = io->sync_dir(io, dirpath);
    if (r < 0)
        return err_no(e, r, "flush directory '%s'", dirpath);
    return 0;
}

/* ---- the store ---- */

void store_close(struct store *s)
{
    if (!s)
        return;
    packs_close(s);
    if (s->hold_h >= 0)
        s->io->close(s->io, s->hold_h);
    store_keys_drop(s);
    lock_done(&s->lock);
    free(s->path);
    free(s);
}

static int store_new(const char *path, const struct store_io *io, struct store **ret, struct err *e)
{
    struct store *s;

    if (!path[0] || strlen(path) > STORE_PATH_MAX)
        return err_set(e, ENAMETOOLONG, ERR_INVALID, "path of the store is empty or too long");
    s = calloc(1, sizeof *s);
    if (!s)
        return err_oom(e);
    lock_init(&s->lock);
    s->io = io ? io : &store_io_disk;
    s->pack_target = PACK_BYTES_TARGET;
    s->hold_h = -1;
    s->compact_min = COMPACT_MIN;
    s->compact_max = COMPACT_MAX;
    s->path = strdup(path);
    if (!s->path) {
        store_close(s);
        return err_oom(e);
    }
    *ret = s;
    return 0;
}

/* A directory that an interrupted store_create left may be finished. */
static int only_ours(const char *name, void *u)
{
    (void)u;
    if (strcmp(name, "format") == 0)
        return -EEXIST;
    if (name_is_temporary(name))
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(subdirs); i++)
        if (strcmp(name, subdirs[i]) == 0)
            return 0;
    return -ENOTEMPTY;
}

static int make_dir(const struct store_io *io, const char *path, struct err *e)
{
    int r = io->mkdir(io, path);

    return r < 0 && r != -EEXIST ? err_no(e, r, "make directory '%s'", path) : 0;
}

static int make_tree(struct store *s, struct err *e)
{
    const struct store_io *io = s->io;
    char path[PATH_BYTES];
    int r, h;

    for (size_t i = 0; i < ARRAY_LEN(subdirs); i++) {
        store_path(s, path, "%s", subdirs[i]);
        r = make_dir(io, path, e);
        if (r < 0)
            return r;
    }
    store_path(s, path, "locks/gc");
    h = io->open(io, path, STORE_IO_CREATE);
    if (h < 0 && h != -EEXIST)
        return err_no(e, h, "create '%s'", path);
    if (h >= 0)
        io->close(io, h);
    store_path(s, path, "locks");
    r = io->sync_dir(io, path);
    if (r == 0)
        r = io->sync_dir(io, s->path);
    return r < 0 ? err_no(e, r, "flush directory '%s'", path) : 0;
}

int store_create_io(const char *path, const struct store_io *io, struct err *e)
{
    _cleanup_(store_closep) struct store *s = NULL;
    struct format_disk d;
    uint8_t uuid[UUID_BYTES];
    int r;

    r = store_new(path, io, &s, e);
    if (r < 0)
        return r;
    r = make_dir(s->io, path, e);
    if (r < 0)
        return r;
    r = s->io->list(s->io, path, only_ours, NULL);
    if (r == -EEXIST)
        return err_set(e, EEXIST, ERR_EXISTS, "there is a store in '%s' already", path);
    if (r < 0)
        return err_no(e, r, "make a store in '%s'", path);
    r = make_tree(s, e);
    if (r < 0)
        return r;
    rand_bytes(uuid, sizeof uuid);
    format_build(&d, uuid, 0);
    r = file_put(s, ".", "format", &d, sizeof d, false, e);
    return r < 0 ? err_wrap(e, "make a store in '%s'", path) : 0;
}

int store_create(const char *path, struct err *e)
{
    return store_create_io(path, NULL, e);
}

int store_open(const char *path, const struct store_io *io, struct store **ret, struct err *e)
{
    _cleanup_(store_closep) struct store *s = NULL;
    _cleanup_(io_handle_done) struct io_handle f = { NULL, -1 };
    char file[PATH_BYTES];
    struct format_disk d;
    int r;

    r = store_new(path, io, &s, e);
    if (r < 0)
        return r;
    store_path(s, file, "format");
    f = (struct io_handle){ s->io, s->io->open(s->io, file, STORE_IO_READ) };
    if (f.h < 0)
        return err_no(e, f.h, "open the store '%s'", path);
    r = s->io->pread(s->io, f.h, &d, sizeof d, 0);
    if (r == -ENODATA)
        return err_set(e, EBADMSG, ERR_CORRUPT, "open the store '%s': its format file is cut",
                       path);
    if (r < 0)
        return err_no(e, r, "read '%s'", file);
    r = format_parse(&d, s->uuid, &s->incompat, e);
    if (r < 0)
        return err_wrap(e, "open the store '%s'", path);
    *ret = TAKE_PTR(s);
    return 0;
}

/* By the first writer of an encrypted snapshot, before it writes anything: programs that know no
 * domains then refuse the store instead of misreading it. Two at once write the same. */
int store_note_domains(struct store *s, struct err *e)
{
    struct format_disk d;
    int r;

    if (s->incompat & FORMAT_DOMAINS)
        return 0;
    format_build(&d, s->uuid, s->incompat | FORMAT_DOMAINS);
    r = file_put(s, ".", "format", &d, sizeof d, true, e);
    if (r < 0)
        return err_wrap(e, "note that the store has encrypted snapshots");
    s->incompat |= FORMAT_DOMAINS;
    return 0;
}

/* ---- names of snapshots and pins ---- */

bool store_snap_exists(struct store *s, const char *id)
{
    char path[PATH_BYTES];

    if (!name_is_ok(id))
        return false;
    store_path(s, path, "snaps/%s", id);
    return s->io->exists(s->io, path) > 0;
}

static int remove_name(struct store *s, const char *dir, const char *name, struct err *e)
{
    char path[PATH_BYTES], dirpath[PATH_BYTES];
    int r;

    store_path(s, path, "%s/%s", dir, name);
    store_path(s, dirpath, "%s", dir);
    r = s->io->unlink(s->io, path);
    if (r < 0 && r != -ENOENT)
        return err_no(e, r, "remove '%s'", path);
    r = s->io->sync_dir(s->io, dirpath);
    return r < 0 ? err_no(e, r, "flush directory '%s'", dirpath) : 0;
}

int store_snap_delete(struct store *s, const char *id, struct err *e)
{
    int r = name_check("snapshot", id, e);

    return r < 0 ? r : remove_name(s, "snaps", id, e);
}

int store_unpin(struct store *s, const char *pin, struct err *e)
{
    int r = name_check("pin", pin, e);

    return r < 0 ? r : remove_name(s, "pins", pin, e);
}

/* The lock keeps a collection from running between our look at the source and our pin. */
int store_pin(struct store *s, const char *snap_id, const char *pin, struct err *e)
{
    _cleanup_(io_handle_done) struct io_handle gc = { s->io, -1 };
    _cleanup_free_ void *p = NULL;
    size_t n;
    int r;

    r = name_check("snapshot", snap_id, e);
    if (r == 0)
        r = name_check("pin", pin, e);
    if (r == 0)
        r = gc_lock(s, STORE_IO_SHARED, true, &gc.h, e);
    if (r < 0)
        return r;
    r = root_read_bytes(s, "snaps", snap_id, &p, &n, e);
    if (r == -ENOENT) {
        err_clear(e);
        r = root_read_bytes(s, "pins", snap_id, &p, &n, e);
    }
    if (r == 0)
        r = file_put(s, "pins", pin, p, n, true, e);
    return r < 0 ? err_wrap(e, "pin snapshot '%s' as '%s'", snap_id, pin) : 0;
}
