/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "source.h"

#include <errno.h>
#include <libnbd.h>
#include <poll.h>
#include <string.h>

#include "clock.h"
#include "sandbox.h"
#include "str.h"

struct source {
    struct nbd_handle *nbd;
    uint64_t bytes;
    bool extents;
    uint64_t progress_ms; /* when the server last said something */
};

void source_free(struct source *s)
{
    if (!s)
        return;
    nbd_close(s->nbd);
    free(s);
}

void source_abandon(struct source *s)
{
    nbd_close(TAKE_PTR(s->nbd));
}

static int nbd_failed(struct err *e, const char *what)
{
    const char *text = nbd_get_error();
    int no = nbd_get_errno();

    return err_set(e, no ? no : EIO, ERR_IO, "%s: %s", what, text ? text : "no reason given");
}

/* What became ready is told to libnbd. */
static int notify(struct source *s, short got)
{
    unsigned dir = nbd_aio_get_direction(s->nbd);

    if ((got & (POLLIN | POLLHUP | POLLERR)) && (dir & LIBNBD_AIO_DIRECTION_READ))
        return nbd_aio_notify_read(s->nbd);
    if ((got & (POLLOUT | POLLHUP | POLLERR)) && (dir & LIBNBD_AIO_DIRECTION_WRITE))
        return nbd_aio_notify_write(s->nbd);
    return 0;
}

int source_wait(struct source *s, struct err *e)
{
    unsigned dir = nbd_aio_get_direction(s->nbd);
    uint64_t now = clock_mono_ms(), until = s->progress_ms + SOURCE_STALL_MS;
    struct pollfd p[] = { { .fd = nbd_aio_get_fd(s->nbd) },
                          { .fd = sandbox_cancel_fd(), .events = POLLIN } };
    int n, r;

    if (nbd_aio_is_dead(s->nbd) || nbd_aio_is_closed(s->nbd))
        return err_set(e, ECONNRESET, ERR_IO, "the block server hung up");
    if (now >= until)
        return err_set(e, ETIMEDOUT, ERR_TIMEOUT, "the block server did not answer for %d s",
                       SOURCE_STALL_MS / 1000);
    if (dir & LIBNBD_AIO_DIRECTION_READ)
        p[0].events |= POLLIN;
    if (dir & LIBNBD_AIO_DIRECTION_WRITE)
        p[0].events |= POLLOUT;
    n = poll(p, ARRAY_LEN(p), (int)(until - now));
    if (n < 0 && errno != EINTR)
        return err_errno(e, "wait for the block server");
    r = sandbox_check(e);
    if (r < 0 || n <= 0 || !p[0].revents)
        return r;
    s->progress_ms = clock_mono_ms();
    return notify(s, p[0].revents) < 0 ? nbd_failed(e, "talk to the block server") : 0;
}

static int handshake(struct source *s, struct err *e)
{
    int64_t size;
    int r;

    s->progress_ms = clock_mono_ms();
    while (!nbd_aio_is_ready(s->nbd)) {
        r = source_wait(s, e);
        if (r < 0)
            return r;
    }
    size = nbd_get_size(s->nbd);
    if (size < 0)
        return nbd_failed(e, "ask for the size");
    s->bytes = (uint64_t)size;
    s->extents = nbd_can_meta_context(s->nbd, LIBNBD_CONTEXT_BASE_ALLOCATION) == 1;
    return 0;
}

static int begin(const char *export_name, struct source **ret, struct err *e)
{
    struct source *s = calloc(1, sizeof *s);

    if (!s)
        return err_oom(e);
    s->nbd = nbd_create();
    if (!s->nbd || nbd_set_export_name(s->nbd, export_name) < 0 ||
        nbd_add_meta_context(s->nbd, LIBNBD_CONTEXT_BASE_ALLOCATION) < 0) {
        source_free(s);
        return nbd_failed(e, "prepare an NBD connection");
    }
    *ret = s;
    return 0;
}

int source_take_fd(int fd, const char *export_name, struct source **ret, struct err *e)
{
    _cleanup_(source_freep) struct source *s = NULL;
    _cleanup_close_ int sock = fd;
    int r;

    r = begin(export_name, &s, e);
    if (r < 0)
        return r;
    if (nbd_aio_connect_socket(s->nbd, TAKE_FD(sock)) < 0)
        return nbd_failed(e, "connect to the block server");
    r = handshake(s, e);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(s);
    return 0;
}

int source_open(const char *socket_path, const char *export_name, struct source **ret,
                struct err *e)
{
    _cleanup_(source_freep) struct source *s = NULL;
    int r;

    r = begin(export_name, &s, e);
    if (r < 0)
        return r;
    if (nbd_aio_connect_unix(s->nbd, socket_path) < 0)
        return nbd_failed(e, "connect to the block server");
    r = handshake(s, e);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(s);
    return 0;
}

uint64_t source_bytes(const struct source *s)
{
    return s->bytes;
}

bool source_has_extents(const struct source *s)
{
    return s->extents;
}

/* ---- reads ----------------------------------------------------------------------------------- */

static int read_done(void *userdata, int *error)
{
    struct source_io *io = userdata;

    io->error = *error;
    io->done = true;
    return 1; /* retired */
}

int source_start_read(struct source *s, struct source_io *io, struct err *e)
{
    nbd_completion_callback cb = { .callback = read_done, .user_data = io };

    io->busy = true;
    io->done = false;
    io->error = 0;
    s->progress_ms = clock_mono_ms();
    if (nbd_aio_pread(s->nbd, io->buf, io->len, io->offset, cb, 0) < 0)
        return nbd_failed(e, "send a read");
    return 0;
}

static int read_aligned(struct source *s, uint64_t offset, void *buf, size_t len, struct err *e)
{
    struct source_io io = { .offset = offset, .len = len, .buf = buf };
    int r;

    r = source_start_read(s, &io, e);
    while (r == 0 && !io.done)
        r = source_wait(s, e);
    if (r < 0) {
        source_abandon(s); /* libnbd must not write to a frame that is gone */
        return r;
    }
    return io.error ? err_no(e, io.error, "read %zu bytes at %llu", len, (unsigned long long)offset)
                    : 0;
}

/* A server may refuse what is not on its sectors (qemu-nbd over VHDX does). */
int source_read(struct source *s, uint64_t offset, void *buf, size_t len, struct err *e)
{
    uint64_t from = offset & ~(uint64_t)(SOURCE_ALIGN - 1);
    uint64_t to = div_up_u64(offset + len, SOURCE_ALIGN) * SOURCE_ALIGN;
    _cleanup_free_ uint8_t *whole = NULL;
    int r;

    to = min_u64(to, s->bytes);
    if (len > SOURCE_SMALL || to < offset + len)
        return err_set(e, EINVAL, ERR_INVALID, "read %zu bytes at %llu", len,
                       (unsigned long long)offset);
    whole = malloc((size_t)(to - from));
    if (!whole)
        return err_oom(e);
    r = read_aligned(s, from, whole, (size_t)(to - from), e);
    if (r == 0)
        memcpy(buf, whole + (offset - from), len);
    return r;
}

/* ---- extents --------------------------------------------------------------------------------- */

struct walk {
    int (*fn)(void *userdata, uint64_t offset, uint64_t len, uint32_t flags, struct err *e);
    void *userdata;
    uint64_t next, end; /* asked about: [next, end) */
    int error;
    bool done;
    int r; /* of fn */
    struct err *e;
};

static int on_extents(void *userdata, const char *context, uint64_t offset, uint32_t *entries,
                      size_t n, int *error)
{
    struct walk *w = userdata;

    (void)offset, (void)error;
    if (strcmp(context, LIBNBD_CONTEXT_BASE_ALLOCATION) != 0)
        return 0;
    for (size_t i = 0; i + 1 < n && w->next < w->end && w->r == 0; i += 2) {
        uint64_t len = min_u64(entries[i], w->end - w->next); /* the last one may be longer */

        if (len)
            w->r = w->fn(w->userdata, w->next, len, entries[i + 1], w->e);
        w->next += len;
    }
    return 0;
}

static int extents_done(void *userdata, int *error)
{
    struct walk *w = userdata;

    w->error = *error;
    w->done = true;
    return 1;
}

static int ask_extents(struct source *s, struct walk *w, struct err *e)
{
    nbd_extent_callback each = { .callback = on_extents, .user_data = w };
    nbd_completion_callback end = { .callback = extents_done, .user_data = w };
    int r = 0;

    s->progress_ms = clock_mono_ms();
    w->done = false;
    if (nbd_aio_block_status(s->nbd, w->end - w->next, w->next, each, end, 0) < 0)
        return nbd_failed(e, "ask for extents");
    while (r == 0 && !w->done)
        r = source_wait(s, e);
    if (r < 0)
        source_abandon(s); /* libnbd must not call back any more */
    return r;
}

int source_extents(struct source *s,
                   int (*fn)(void *userdata, uint64_t offset, uint64_t len, uint32_t flags,
                             struct err *e),
                   void *userdata, struct err *e)
{
    struct err inner = { 0 };
    struct walk w = { .fn = fn, .userdata = userdata, .e = &inner };

    while (w.next < s->bytes) {
        uint64_t from = w.next;
        int r;

        w.end = from + min_u64(SOURCE_EXTENT_MAX, s->bytes - from);
        r = ask_extents(s, &w, e);
        if (r < 0)
            return r;
        if (w.error)
            return err_no(e, w.error, "ask for the extents at %llu", (unsigned long long)from);
        if (w.r < 0) {
            *e = inner;
            return w.r;
        }
        if (w.next == from)
            return err_set(e, EPROTO, ERR_IO, "the block server tells no extents at %llu",
                           (unsigned long long)from);
    }
    return 0;
}
