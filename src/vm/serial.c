/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kiln-serial DIR: keeps the serial line of one machine. Started with it, ends with it, and lives
 * on when kilnd goes.
 *
 *   guest -- QEMU -- 3 line --> ring --+--> 5 console.log      at most every 10 ms
 *                      ^               +--> clients of 4       each at its own pace
 *                      +---- what clients type, in the order in which it comes
 *
 * 3 is a connection to QEMU, 4 listens at DIR/serial.sock, 5 is DIR/console.log: it opens nothing
 * itself, and DIR is there for who lists processes. QEMU never waits for a client: one that does
 * not read loses what overruns the ring, and is told so. A flood is taken in pieces, so that it
 * costs a bounded number of wake-ups here and in who watches the log. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "clock.h"
#include "serial-log.h"
#include "serial-ring.h"

#define FD_LINE     3
#define FD_DOOR     4
#define FD_LOG      5
#define CLIENTS_MAX 8U
#define NOTE_MAX    80
#define LOG_MS      10U /* between two writes to the log */
#define LINE_MS     2U  /* between two reads of the line that found little */
#define LITTLE      4096

struct client {
    int fd;
    uint64_t at; /* in the stream */
    bool silent; /* it has closed its way to us */
    char note[NOTE_MAX];
    size_t note_n, note_at;
};

struct relay {
    struct serial_ring ring;
    struct serial_log log;
    uint64_t logged;          /* in the stream */
    uint64_t log_ms, line_ms; /* not before these times */
    char in[4096];            /* typed, on the way to the guest */
    size_t in_n, in_at;
    struct client clients[CLIENTS_MAX];
    unsigned n;
    bool ended; /* QEMU is gone */
};

/* 0: not now; negative: the peer is gone. */
static ssize_t put(int fd, const void *p, size_t n)
{
    ssize_t k = send(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);

    return k < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : k;
}

/* ---- the log --------------------------------------------------------------------------------- */

static void write_log(struct relay *r)
{
    const char *p;
    uint64_t lost;
    size_t n;

    while ((n = serial_ring_peek(&r->ring, &r->logged, &p, &lost)) > 0) {
        (void)serial_log_append(&r->log, p, n); /* a full disk costs these bytes, no more */
        r->logged += n;
    }
    r->log_ms = clock_mono_ms() + LOG_MS;
}

/* ---- the line -------------------------------------------------------------------------------- */

static void read_line(struct relay *r)
{
    size_t space;
    char *p;
    ssize_t n;

    if (r->ring.total - r->logged > SERIAL_RING_BYTES / 2)
        write_log(r);
    p = serial_ring_space(&r->ring, &space);
    n = recv(FD_LINE, p, (size_t)min_u64(space, SERIAL_RING_BYTES / 2), MSG_DONTWAIT);
    if (n > 0)
        serial_ring_filled(&r->ring, (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        r->ended = true;
    if (n < LITTLE)
        r->line_ms = clock_mono_ms() + LINE_MS;
}

static void write_line(struct relay *r)
{
    ssize_t k = put(FD_LINE, r->in + r->in_at, r->in_n - r->in_at);

    if (k > 0)
        r->in_at += (size_t)k;
    if (r->in_at == r->in_n || k < 0) /* its end is seen when it is read */
        r->in_at = r->in_n = 0;
}

/* ---- clients --------------------------------------------------------------------------------- */

static void client_drop(struct relay *r, unsigned i)
{
    (void)close(r->clients[i].fd);
    r->clients[i] = r->clients[--r->n];
}

static void client_take(struct relay *r)
{
    int fd = accept4(FD_DOOR, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd >= 0)
        r->clients[r->n++] = (struct client){ .fd = fd, .at = r->ring.total };
}

static void client_note(struct client *c, uint64_t lost)
{
    c->note_n =
        (size_t)snprintf(c->note, sizeof c->note, "\r\n[%llu bytes came too fast to be shown]\r\n",
                         (unsigned long long)lost);
    c->note_at = 0;
}

/* False: it is gone. */
static bool client_write(const struct relay *r, struct client *c)
{
    const char *p;
    uint64_t lost;
    size_t n;
    ssize_t k;

    if (c->note_at == c->note_n && (n = serial_ring_peek(&r->ring, &c->at, &p, &lost)) > 0) {
        if (!lost) {
            k = put(c->fd, p, n);
            c->at += k > 0 ? (uint64_t)k : 0;
            return k >= 0;
        }
        client_note(c, lost);
    }
    k = put(c->fd, c->note + c->note_at, c->note_n - c->note_at);
    c->note_at += k > 0 ? (size_t)k : 0;
    return k >= 0;
}

static void client_read(struct relay *r, struct client *c)
{
    ssize_t n = recv(c->fd, r->in, sizeof r->in, MSG_DONTWAIT);

    if (n > 0)
        r->in_n = (size_t)n;
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        c->silent = true;
}

static bool client_waits(const struct relay *r, const struct client *c)
{
    return c->at < r->ring.total || c->note_at < c->note_n;
}

static void client_turn(struct relay *r, unsigned i, short events)
{
    struct client *c = &r->clients[i];

    if ((events & POLLIN) && r->in_n == 0)
        client_read(r, c);
    if ((c->silent && (events & (POLLHUP | POLLERR))) ||
        (client_waits(r, c) && !client_write(r, c)))
        client_drop(r, i);
}

/* ---- turns ----------------------------------------------------------------------------------- */

/* Milliseconds until a time that has something waiting for it; -1: no such time. */
static int until(bool waiting, uint64_t at, uint64_t now, int other)
{
    int ms = at > now ? (int)(at - now) : 0;

    return !waiting ? other : other < 0 || ms < other ? ms : other;
}

enum { P_LINE, P_DOOR, P_CLIENTS, P_MAX = P_CLIENTS + CLIENTS_MAX };

static int set_up(const struct relay *r, struct pollfd p[P_MAX], uint64_t now)
{
    bool line = now >= r->line_ms, unlogged = r->logged < r->ring.total;

    p[P_LINE] = (struct pollfd){ .fd = FD_LINE };
    p[P_LINE].events = (short)((line ? POLLIN : 0) | (r->in_n ? POLLOUT : 0));
    if (!p[P_LINE].events)
        p[P_LINE].fd = -1; /* its end is told without being asked for, again and again */
    p[P_DOOR] = (struct pollfd){ .fd = r->n < CLIENTS_MAX ? FD_DOOR : -1, .events = POLLIN };
    for (unsigned i = 0; i < r->n; i++) {
        const struct client *c = &r->clients[i];

        p[P_CLIENTS + i] = (struct pollfd){ .fd = c->fd };
        p[P_CLIENTS + i].events =
            (short)((!c->silent && r->in_n == 0 ? POLLIN : 0) | (client_waits(r, c) ? POLLOUT : 0));
        if (!p[P_CLIENTS + i].events && !c->silent)
            p[P_CLIENTS + i].fd = -1; /* gone or not: what it typed waits for the guest */
    }
    return until(unlogged, r->log_ms, now, until(!line, r->line_ms, now, -1));
}

static void turn(struct relay *r)
{
    struct pollfd p[P_MAX];
    unsigned n = r->n;
    int ms = set_up(r, p, clock_mono_ms());

    if (poll(p, P_CLIENTS + n, ms) < 0)
        return; /* EINTR: another turn */
    if (p[P_LINE].revents & (POLLIN | POLLHUP | POLLERR))
        read_line(r);
    if (p[P_LINE].revents & POLLOUT)
        write_line(r);
    for (unsigned i = n; i-- > 0;) /* from the end: one that is dropped is replaced by the last */
        client_turn(r, i, p[P_CLIENTS + i].revents);
    if (p[P_DOOR].revents & POLLIN)
        client_take(r);
    if (r->logged < r->ring.total && clock_mono_ms() >= r->log_ms)
        write_log(r);
}

static void finish(struct relay *r)
{
    write_log(r);
    for (unsigned i = 0; i < r->n; i++)
        while (client_waits(r, &r->clients[i])) {
            uint64_t at = r->clients[i].at;
            size_t note = r->clients[i].note_at;

            if (!client_write(r, &r->clients[i]) ||
                (at == r->clients[i].at && note == r->clients[i].note_at))
                break; /* it does not read: nobody waits for it */
        }
}

int main(int argc, char **argv)
{
    static char bytes[SERIAL_RING_BYTES];
    static struct relay r = { .ring = { .p = bytes } };

    (void)argv;
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (argc != 2 || serial_log_init(&r.log, FD_LOG) < 0) {
        (void)fputs("usage: kiln-serial DIR, with 3 the line, 4 a listening socket, 5 the log\n",
                    stderr);
        return 2;
    }
    while (!r.ended)
        turn(&r);
    finish(&r);
    return 0;
}
