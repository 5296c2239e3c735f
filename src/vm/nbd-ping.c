/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The fixed newstyle handshake of the NBD protocol (doc/proto.md), up to the answer to
 * NBD_OPT_INFO:
 *
 *   STEP_GREETING  18 bytes of the server; our flags and NBD_OPT_INFO "" are sent
 *   STEP_REPLY     20 bytes of one option reply
 *   STEP_SKIP      its payload; then the next reply, until one ends the option
 *
 * A server that does not know NBD_OPT_INFO lives and is taken to have the export. */
#include "nbd-ping.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "cur.h"
#include "str.h"

#define NBD_MAGIC       0x4e42444d41474943ULL /* "NBDMAGIC" */
#define NBD_OPTS_MAGIC  0x49484156454f5054ULL /* "IHAVEOPT" */
#define NBD_REPLY_MAGIC 0x0003e889045565a9ULL
#define NBD_FLAG_FIXED  0x0001U
#define NBD_OPT_INFO    6U
#define NBD_REP_ACK     1U
#define NBD_REP_INFO    3U
#define NBD_REP_ERROR   0x80000000U
#define NBD_REP_UNSUP   0x80000001U
#define NBD_REP_UNKNOWN 0x80000006U
#define GREETING_BYTES  18U
#define REPLY_BYTES     20U
#define PAYLOAD_MAX     4096U /* of one reply: a name or a sentence */
#define REPLIES_MAX     16U

enum step { STEP_GREETING, STEP_REPLY, STEP_SKIP };

struct nbd_ping {
    int fd;
    char *path;
    unsigned timeout_ms;
    sd_event_source *io, *timer;
    enum step step;
    uint8_t buf[PAYLOAD_MAX];
    size_t have, want;
    uint32_t reply; /* type of the reply whose payload is skipped */
    unsigned n_replies;
    nbd_ping_fn fn;
    void *userdata;
};

void nbd_ping_free(struct nbd_ping *p)
{
    if (!p)
        return;
    sd_event_source_disable_unref(p->io);
    sd_event_source_disable_unref(p->timer);
    close_fdp(&p->fd);
    free(p->path);
    free(p);
}

static void finish(struct nbd_ping *p, const struct err *e)
{
    p->io = sd_event_source_disable_unref(p->io);
    p->timer = sd_event_source_disable_unref(p->timer);
    p->fn(p, e, p->userdata); /* p may be gone now */
}

static int bad(const struct nbd_ping *p, const char *what, struct err *e)
{
    return err_set(e, EPROTO, ERR_IO, "the server at '%s' %s", p->path, what);
}

/* Small enough for any socket buffer: a short write is a failure. */
static int send_hello(struct nbd_ping *p, struct err *e)
{
    static const uint8_t hello[] = {
        0,   0,   0,   NBD_FLAG_FIXED, /* client flags */
        'I', 'H', 'A', 'V',
        'E', 'O', 'P', 'T',          /* one option */
        0,   0,   0,   NBD_OPT_INFO, /**/
        0,   0,   0,   6,            /* bytes of data: */
        0,   0,   0,   0,            /* length of the export's name */
        0,   0,                      /* number of information requests */
    };
    ssize_t n = send(p->fd, hello, sizeof hello, MSG_NOSIGNAL);

    if (n < 0)
        return err_errno(e, "write to the server at '%s'", p->path);
    return n == sizeof hello ? 0 : bad(p, "takes no bytes", e);
}

static void expect(struct nbd_ping *p, enum step step, size_t bytes)
{
    p->step = step;
    p->want = bytes;
    p->have = 0;
}

static int take_greeting(struct nbd_ping *p, struct err *e)
{
    struct cur c = cur_over(p->buf, GREETING_BYTES);
    uint64_t magic = cur_be64(&c), opts = cur_be64(&c);

    if (magic != NBD_MAGIC || opts != NBD_OPTS_MAGIC)
        return bad(p, "does not speak NBD", e);
    if (!(p->buf[GREETING_BYTES - 1] & NBD_FLAG_FIXED))
        return bad(p, "speaks an NBD dialect that is too old", e);
    expect(p, STEP_REPLY, REPLY_BYTES);
    return send_hello(p, e);
}

static int take_reply(struct nbd_ping *p, struct err *e)
{
    struct cur c = cur_over(p->buf, REPLY_BYTES);
    uint64_t magic = cur_be64(&c);
    uint32_t option = cur_be32(&c), type = cur_be32(&c), bytes = cur_be32(&c);

    if (magic != NBD_REPLY_MAGIC || option != NBD_OPT_INFO)
        return bad(p, "answers out of the NBD protocol", e);
    if (bytes > PAYLOAD_MAX || ++p->n_replies > REPLIES_MAX)
        return bad(p, "answers too much", e);
    p->reply = type;
    expect(p, STEP_SKIP, bytes);
    return 0;
}

/* 1 when the answer is complete, 0 when more replies follow. */
static int take_payload(struct nbd_ping *p, struct err *e)
{
    if (p->reply == NBD_REP_ACK || p->reply == NBD_REP_UNSUP)
        return 1;
    if (p->reply == NBD_REP_UNKNOWN)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "the server at '%s' has no default export",
                       p->path);
    if (p->reply & NBD_REP_ERROR)
        return err_set(e, EIO, ERR_IO, "the server at '%s' refuses with NBD error %u", p->path,
                       p->reply & ~NBD_REP_ERROR);
    expect(p, STEP_REPLY, REPLY_BYTES);
    return 0;
}

static int advance(struct nbd_ping *p, struct err *e)
{
    switch (p->step) {
    case STEP_GREETING:
        return take_greeting(p, e);
    case STEP_REPLY:
        return take_reply(p, e);
    case STEP_SKIP:
        return take_payload(p, e);
    }
    abort();
}

/* 1: answered; 0: more bytes are needed. */
static int receive(struct nbd_ping *p, struct err *e)
{
    for (;;) {
        while (p->have < p->want) {
            ssize_t n = recv(p->fd, p->buf + p->have, p->want - p->have, 0);

            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0 && errno == EAGAIN)
                return 0;
            if (n < 0)
                return err_errno(e, "read from the server at '%s'", p->path);
            if (n == 0)
                return bad(p, "hung up in the handshake", e);
            p->have += (size_t)n;
        }
        int r = advance(p, e);

        if (r != 0)
            return r;
    }
}

static int on_socket(sd_event_source *s, int fd, uint32_t events, void *userdata)
{
    struct nbd_ping *p = userdata;
    struct err e = { 0 };
    int r = receive(p, &e);

    (void)s, (void)fd, (void)events;
    if (r != 0)
        finish(p, r < 0 ? &e : NULL);
    return 0;
}

static int on_deadline(sd_event_source *s, uint64_t usec, void *userdata)
{
    struct nbd_ping *p = userdata;
    struct err e = { 0 };

    (void)s, (void)usec;
    (void)err_set(&e, ETIMEDOUT, ERR_TIMEOUT, "the server at '%s' did not answer within %u ms",
                  p->path, p->timeout_ms);
    finish(p, &e);
    return 0;
}

static int ping_connect(struct nbd_ping *p, struct err *e)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };

    if (str_copy(sun.sun_path, sizeof sun.sun_path, p->path) < 0)
        return err_set(e, ENAMETOOLONG, ERR_LIMIT, "socket path '%s' is too long", p->path);
    p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (p->fd < 0)
        return err_errno(e, "make a socket for '%s'", p->path);
    /* EAGAIN: its queue is full, so it does not accept: as silent as one that does not answer. */
    if (connect(p->fd, (struct sockaddr *)&sun, sizeof sun) < 0)
        return err_errno(e, "connect to '%s'", p->path);
    return 0;
}

int nbd_ping_start(sd_event *loop, const char *socket_path, unsigned timeout_ms, nbd_ping_fn fn,
                   void *userdata, struct nbd_ping **ret, struct err *e)
{
    _cleanup_(nbd_ping_freep) struct nbd_ping *p = xcalloc(1, sizeof *p);
    int r;

    p->fd = -1;
    p->path = xstrdup(socket_path);
    p->timeout_ms = timeout_ms;
    p->fn = fn;
    p->userdata = userdata;
    expect(p, STEP_GREETING, GREETING_BYTES);
    r = ping_connect(p, e);
    if (r < 0)
        return r;
    r = sd_event_add_io(loop, &p->io, p->fd, EPOLLIN, on_socket, p);
    if (r >= 0)
        r = sd_event_add_time_relative(loop, &p->timer, CLOCK_MONOTONIC, timeout_ms * 1000ULL, 0,
                                       on_deadline, p);
    if (r < 0)
        return err_no(e, r, "watch the server at '%s'", socket_path);
    *ret = TAKE_PTR(p);
    return 0;
}
