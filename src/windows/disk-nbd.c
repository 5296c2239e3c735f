/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk behind an NBD server: the volume server's, or qemu-nbd over an image file. File systems
 * read small pieces one after another, so that whole lines are read and a few are kept. */
#include <errno.h>
#include <libnbd.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "disk.h"

#define LINE     KIB(64)
#define LINES    256 /* 16 MiB */
#define ALIGN    512U
#define IO_MAX   MIB(4)
#define STALL_MS 120000

struct nbd_disk {
    struct nbd_handle *nbd;
    uint64_t bytes;
    uint64_t tag[LINES]; /* line number + 1; 0: empty */
    uint8_t *cache;      /* LINES lines; line n lies at n % LINES */
};

static int nbd_failed(struct err *e, const char *what)
{
    const char *why = nbd_get_error();
    int no = nbd_get_errno();

    return err_set(e, no ? no : EIO, ERR_IO, "%s: %s", what, why ? why : "no reason given");
}

static void nbd_disk_free(void *state)
{
    struct nbd_disk *d = state;

    if (d->nbd && nbd_aio_is_ready(d->nbd) == 1)
        (void)nbd_aio_disconnect(d->nbd, 0);
    if (d->nbd)
        nbd_close(d->nbd);
    free(d->cache);
    free(d);
}

/* ---- one request ----------------------------------------------------------------------------- */

struct request {
    bool done;
    int error;
};

static int on_done(void *userdata, int *error)
{
    struct request *q = userdata;

    q->error = *error;
    q->done = true;
    return 1; /* retired */
}

/* On a failure the connection is dead and nothing writes into the caller's frame any more. */
static int wait_for(struct nbd_disk *d, struct request *q, const char *what, struct err *e)
{
    uint64_t until = clock_mono_ms() + STALL_MS;
    int r = 0;

    while (r == 0 && !q->done) {
        uint64_t now = clock_mono_ms();

        if (now >= until)
            r = err_set(e, ETIMEDOUT, ERR_TIMEOUT, "%s: the block server has not answered for %d s",
                        what, STALL_MS / 1000);
        else if (nbd_poll(d->nbd, (int)(until - now)) < 0)
            r = nbd_failed(e, what);
        else if (!q->done && (nbd_aio_is_dead(d->nbd) || nbd_aio_is_closed(d->nbd)))
            r = err_set(e, EIO, ERR_IO, "%s: the block server has gone", what);
    }
    if (r < 0) {
        nbd_close(d->nbd);
        d->nbd = NULL;
        return r;
    }
    return q->error ? err_no(e, q->error, "%s", what) : 0;
}

static int check_alive(const struct nbd_disk *d, struct err *e)
{
    return d->nbd ? 0 : err_set(e, EIO, ERR_IO, "the block server has gone");
}

static int read_range(struct nbd_disk *d, uint64_t offset, void *buf, size_t len, struct err *e)
{
    struct request q = { 0 };
    nbd_completion_callback cb = { .callback = on_done, .user_data = &q };
    char what[64];
    int r = check_alive(d, e);

    if (r < 0)
        return r;
    (void)snprintf(what, sizeof what, "read %zu bytes at %llu", len, (unsigned long long)offset);
    if (nbd_aio_pread(d->nbd, buf, len, offset, cb, 0) < 0)
        return nbd_failed(e, what);
    return wait_for(d, &q, what, e);
}

static int write_range(struct nbd_disk *d, uint64_t offset, const void *buf, size_t len,
                       struct err *e)
{
    struct request q = { 0 };
    nbd_completion_callback cb = { .callback = on_done, .user_data = &q };
    char what[64];
    int r = check_alive(d, e);

    if (r < 0)
        return r;
    (void)snprintf(what, sizeof what, "write %zu bytes at %llu", len, (unsigned long long)offset);
    if (nbd_aio_pwrite(d->nbd, buf, len, offset, cb, 0) < 0)
        return nbd_failed(e, what);
    return wait_for(d, &q, what, e);
}

/* ---- lines ----------------------------------------------------------------------------------- */

static size_t line_len(const struct nbd_disk *d, uint64_t line)
{
    return (size_t)min_u64(LINE, d->bytes - line * LINE);
}

static int line_get(struct nbd_disk *d, uint64_t line, uint8_t **ret, struct err *e)
{
    uint8_t *p = d->cache + (line % LINES) * LINE;
    int r = 0;

    if (d->tag[line % LINES] != line + 1) {
        d->tag[line % LINES] = 0;
        r = read_range(d, line * LINE, p, line_len(d, line), e);
    }
    if (r == 0) {
        d->tag[line % LINES] = line + 1;
        *ret = p;
    }
    return r;
}

/* Whole lines that are not kept go past the cache. */
static int nbd_disk_read(void *state, uint64_t offset, void *buf, size_t len, struct err *e)
{
    struct nbd_disk *d = state;
    uint8_t *to = buf, *p;
    int r = 0;

    while (len && r == 0) {
        uint64_t line = offset / LINE;
        size_t k = (size_t)min_u64(len, LINE - offset % LINE);

        if (offset % LINE == 0 && len >= 2 * LINE && d->tag[line % LINES] != line + 1) {
            k = (size_t)min_u64(len / LINE * LINE, IO_MAX);
            r = read_range(d, offset, to, k, e);
        } else {
            r = line_get(d, line, &p, e);
            if (r == 0)
                memcpy(to, p + offset % LINE, k);
        }
        offset += k;
        to += k;
        len -= k;
    }
    return r;
}

static void forget(struct nbd_disk *d, uint64_t offset, size_t len)
{
    for (uint64_t line = offset / LINE; line <= (offset + len - 1) / LINE; line++)
        if (d->tag[line % LINES] == line + 1)
            d->tag[line % LINES] = 0;
}

/* A server may refuse what is not on its sectors. */
static int write_odd(struct nbd_disk *d, uint64_t offset, const uint8_t *from, size_t len,
                     struct err *e)
{
    uint64_t start = offset / ALIGN * ALIGN;
    size_t whole = (size_t)(min_u64(div_up_u64(offset + len, ALIGN) * ALIGN, d->bytes) - start);
    _cleanup_free_ uint8_t *buf = malloc(whole);
    int r;

    if (!buf)
        return err_oom(e);
    r = nbd_disk_read(d, start, buf, whole, e);
    if (r < 0)
        return r;
    memcpy(buf + (offset - start), from, len);
    forget(d, start, whole);
    return write_range(d, start, buf, whole, e);
}

static int nbd_disk_write(void *state, uint64_t offset, const void *buf, size_t len, struct err *e)
{
    struct nbd_disk *d = state;
    const uint8_t *from = buf;
    int r = 0;

    while (len && r == 0) {
        size_t k = (size_t)min_u64(len, IO_MAX);

        forget(d, offset, k);
        r = offset % ALIGN || k % ALIGN ? write_odd(d, offset, from, k, e)
                                        : write_range(d, offset, from, k, e);
        offset += k;
        from += k;
        len -= k;
    }
    return r;
}

static int nbd_disk_flush(void *state, struct err *e)
{
    struct nbd_disk *d = state;
    struct request q = { 0 };
    nbd_completion_callback cb = { .callback = on_done, .user_data = &q };
    int r = check_alive(d, e);

    if (r < 0 || nbd_can_flush(d->nbd) != 1)
        return r;
    if (nbd_aio_flush(d->nbd, cb, 0) < 0)
        return nbd_failed(e, "flush the disk");
    return wait_for(d, &q, "flush the disk", e);
}

/* ---- opening --------------------------------------------------------------------------------- */

static const struct win_disk_ops nbd_reader = { nbd_disk_read, NULL, NULL, nbd_disk_free };
static const struct win_disk_ops nbd_writer = { nbd_disk_read, nbd_disk_write, nbd_disk_flush,
                                                nbd_disk_free };

static int begin(const char *export_name, struct nbd_disk **ret, struct err *e)
{
    struct nbd_disk *d = calloc(1, sizeof *d);

    if (d) {
        d->cache = malloc(LINES * LINE);
        d->nbd = nbd_create();
    }
    if (!d || !d->cache || !d->nbd || nbd_set_export_name(d->nbd, export_name) < 0) {
        if (d)
            nbd_disk_free(d);
        return nbd_failed(e, "prepare an NBD connection");
    }
    *ret = d;
    return 0;
}

static int handshake(struct nbd_disk *d, struct err *e)
{
    uint64_t until = clock_mono_ms() + STALL_MS;
    int64_t size;

    while (nbd_aio_is_ready(d->nbd) != 1) {
        uint64_t now = clock_mono_ms();

        if (now >= until)
            return err_set(e, ETIMEDOUT, ERR_TIMEOUT, "the block server does not answer");
        if (nbd_aio_is_dead(d->nbd) == 1 || nbd_poll(d->nbd, (int)(until - now)) < 0)
            return nbd_failed(e, "connect to the block server");
    }
    size = nbd_get_size(d->nbd);
    if (size < 0)
        return nbd_failed(e, "ask for the size");
    d->bytes = (uint64_t)size;
    return 0;
}

/* Takes d. */
static int ready(struct nbd_disk *d, bool writable, struct win_disk **ret, struct err *e)
{
    int r = handshake(d, e);

    if (r == 0 && writable && nbd_is_read_only(d->nbd) != 0)
        r = err_set(e, EROFS, ERR_DENIED, "the block server lets nobody write");
    if (r < 0) {
        nbd_disk_free(d);
        return r;
    }
    return win_disk_new(writable ? &nbd_writer : &nbd_reader, d, d->bytes, ret, e);
}

int win_disk_take_nbd(int socket_fd, const char *export_name, bool writable, struct win_disk **ret,
                      struct err *e)
{
    _cleanup_close_ int fd = socket_fd;
    struct nbd_disk *d;
    int r = begin(export_name, &d, e);

    if (r < 0)
        return r;
    if (nbd_aio_connect_socket(d->nbd, TAKE_FD(fd)) < 0) {
        r = nbd_failed(e, "connect to the block server");
        nbd_disk_free(d);
        return r;
    }
    return ready(d, writable, ret, e);
}

int win_disk_open_nbd(const char *socket_path, const char *export_name, bool writable,
                      struct win_disk **ret, struct err *e)
{
    struct nbd_disk *d;
    int r = begin(export_name, &d, e);

    if (r < 0)
        return r;
    if (nbd_aio_connect_unix(d->nbd, socket_path) < 0) {
        r = nbd_failed(e, "connect to the block server");
        nbd_disk_free(d);
        return r;
    }
    return ready(d, writable, ret, e);
}
