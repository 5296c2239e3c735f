/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One connection. Nothing here waits: too few bytes means "remember where, and return".
 *
 *             accept
 *               |
 *               v      a whole head: answered
 *   .-----> CONN_OPEN <-----------------------.
 *   |        |  |  '--------------------------'
 *   | 100 ms |  |
 *   |        |  | refused head, "Connection: close", EOF, slow head: once all output is sent
 *   |        |  v
 *   |        | CONN_LINGER -- EOF, or two seconds --> freed
 *   |        |
 *   |        | too many requests: 503
 *   |        v
 *   '-- CONN_PAUSED
 *
 * From each state: a reset, output that nobody takes, an idle minute --> freed.
 *
 * CONN_OPEN    reads while less than OUT_HIGH bytes wait to be sent; pipelined heads are answered
 *              in their order. A body is dropped, not waited for.
 * CONN_PAUSED  reads nothing; output goes on.
 * CONN_LINGER  everything is sent and the sending side is shut; what comes is dropped. A socket
 *              that is closed with unread bytes would be reset, and the answer lost.
 *
 * One connection serves one instance: when the same caller turns out to be another instance than
 * before, it is ended without an answer. */
#include "conn-priv.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "clock.h"

#define OUT_MAX     (OUT_HIGH + TREE_BODY_MAX + 4096U)
#define IDLE_MS     60000U
#define HEAD_MS     10000U
#define SEND_MS     20000U
#define LINGER_MS   2000U
#define PAUSE_MS    100U
#define LINGER_READ 16U    /* reads in one go */
#define TIMER_SLACK 20000U /* microseconds */

void conn_free(struct conn *c)
{
    if (!c)
        return;
    if (c->prev)
        c->prev->next = c->next;
    else
        c->peer->conns = c->next;
    if (c->next)
        c->next->prev = c->prev;
    c->peer->n_conns--;
    c->peer->seen_ms = clock_mono_ms();
    conn_site(c)->n_conns--;
    sd_event_source_disable_unref(c->io);
    sd_event_source_disable_unref(c->timer);
    close_fdp(&c->fd);
    str_done(&c->in);
    str_done(&c->out);
    free(c);
}

static bool is_idle(const struct conn *c)
{
    return c->state == CONN_OPEN && c->in.len == 0 && c->drop == 0 && conn_unsent(c) == 0;
}

bool conn_drop_oldest(struct peer *p, bool only_idle)
{
    struct conn *oldest = NULL;

    for (struct conn *c = p->conns; c; c = c->next)
        if (!only_idle || is_idle(c))
            oldest = c;
    conn_free(oldest);
    return oldest;
}

/* ---- bytes -----------------------------------------------------------------------------------
 */

static int would_block(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* 0, or -1 when the connection is gone. */
static int read_some(struct conn *c)
{
    char buf[READ_BYTES];
    ssize_t n = recv(c->fd, buf, sizeof buf, MSG_DONTWAIT);

    if (n < 0)
        return would_block() ? 0 : -1;
    if (n == 0)
        c->eof = true;
    str_add_mem(&c->in, buf, (size_t)n);
    return c->in.failed ? -1 : 0;
}

static int drop_some(struct conn *c)
{
    char buf[READ_BYTES];

    for (unsigned i = 0; i < LINGER_READ; i++) {
        ssize_t n = recv(c->fd, buf, sizeof buf, MSG_DONTWAIT);

        if (n < 0)
            return would_block() ? 0 : -1;
        if (n == 0)
            return -1;
    }
    return 0;
}

static int flush(struct conn *c)
{
    while (conn_unsent(c)) {
        ssize_t n = send(c->fd, c->out.p + c->sent, conn_unsent(c), MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0)
            return would_block() ? 0 : -1;
        c->sent += (size_t)n;
        c->moved = true;
    }
    c->sent = 0;
    str_done(&c->out); /* what waits holds no memory */
    return 0;
}

/* ---- what to wait for ------------------------------------------------------------------------
 */

static uint32_t events_of(const struct conn *c)
{
    uint32_t events = conn_unsent(c) ? EPOLLOUT : 0;

    if (c->state == CONN_LINGER ||
        (c->state == CONN_OPEN && !c->ending && !c->eof && conn_unsent(c) < OUT_HIGH))
        events |= EPOLLIN;
    return events;
}

static enum conn_wait wait_of(const struct conn *c)
{
    if (c->state == CONN_LINGER)
        return WAIT_LINGER;
    if (c->state == CONN_PAUSED)
        return WAIT_PAUSE;
    if (conn_unsent(c))
        return WAIT_SEND;
    return c->in.len || c->drop ? WAIT_HEAD : WAIT_IDLE;
}

static uint64_t wait_ms(enum conn_wait w)
{
    switch (w) {
    case WAIT_NONE:
    case WAIT_IDLE:
        return IDLE_MS;
    case WAIT_HEAD:
        return HEAD_MS;
    case WAIT_SEND:
        return SEND_MS;
    case WAIT_PAUSE:
        return PAUSE_MS;
    case WAIT_LINGER:
        return LINGER_MS;
    }
    return IDLE_MS;
}

/* A deadline stands while its reason stands; only what gets forward starts it anew. */
static int watch(struct conn *c)
{
    enum conn_wait w = wait_of(c);
    int r = sd_event_source_set_io_events(c->io, events_of(c));

    if (r < 0)
        return r;
    if (w == c->wait && (!c->moved || w == WAIT_PAUSE || w == WAIT_LINGER))
        return 0;
    c->wait = w;
    r = sd_event_source_set_time_relative(c->timer, wait_ms(w) * 1000U);
    return r < 0 ? r : sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
}

/* Answers, sends, and settles what happens next. Frees the connection when it is over. */
static void work(struct conn *c)
{
    int r;

    do {
        while ((r = conn_serve_one(c)) > 0)
            ;
        if (r < 0 || c->out.failed || flush(c) < 0) {
            conn_free(c);
            return;
        }
        /* Sending made room: more of what was read can be answered. */
    } while (c->state == CONN_OPEN && !c->ending && !c->drop && conn_unsent(c) < OUT_HIGH &&
             c->in.len && c->scanned < c->in.len);
    if (c->eof && c->state == CONN_OPEN)
        c->ending = true;
    if (c->ending && !conn_unsent(c) && c->state != CONN_LINGER) {
        if (c->eof || shutdown(c->fd, SHUT_WR) < 0) {
            conn_free(c);
            return;
        }
        c->state = CONN_LINGER;
    }
    if (watch(c) < 0)
        conn_free(c);
    else
        c->moved = false;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    struct conn *c = userdata;
    int r = 0;

    (void)source, (void)fd;
    if (c->state == CONN_LINGER)
        r = drop_some(c);
    else if (revents & EPOLLIN && c->state == CONN_OPEN)
        r = read_some(c);
    else if (revents & (EPOLLERR | EPOLLHUP))
        r = -1;
    if (r < 0)
        conn_free(c);
    else if (c->state != CONN_LINGER)
        work(c);
    return 0;
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct conn *c = userdata;

    (void)source, (void)usec;
    switch (c->wait) {
    case WAIT_PAUSE:
        c->state = CONN_OPEN;
        c->moved = true;
        work(c);
        break;
    case WAIT_HEAD:
        conn_refuse(c, 408, NULL, false);
        work(c);
        break;
    case WAIT_NONE:
    case WAIT_IDLE:
    case WAIT_SEND:
    case WAIT_LINGER:
        conn_free(c);
        break;
    }
    return 0;
}

/* ---- birth -----------------------------------------------------------------------------------
 */

static int start_watching(struct conn *c)
{
    sd_event *loop = conn_site(c)->loop;
    int r = sd_event_add_io(loop, &c->io, c->fd, EPOLLIN, on_io, c);

    if (r >= 0)
        r = sd_event_source_set_priority(c->io, IMDS_PRIORITY_CONN);
    if (r >= 0)
        r = sd_event_add_time_relative(loop, &c->timer, CLOCK_MONOTONIC, IDLE_MS * 1000ULL,
                                       TIMER_SLACK, on_time, c);
    if (r >= 0)
        r = sd_event_source_set_priority(c->timer, IMDS_PRIORITY_CONN);
    return r < 0 ? r : watch(c);
}

void conn_start(struct peer *p, int fd)
{
    struct conn *c = calloc(1, sizeof *c);
    socklen_t len = sizeof c->family;
    const int on = 1;

    if (!c) {
        close_fdp(&fd);
        return;
    }
    c->peer = p;
    c->fd = fd;
    c->in = (struct str)STR_INIT(HTTP_HEAD_MAX + 2 * READ_BYTES);
    c->out = (struct str)STR_INIT(OUT_MAX);
    c->next = p->conns;
    if (p->conns)
        p->conns->prev = c;
    p->conns = c;
    p->n_conns++;
    conn_site(c)->n_conns++;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &c->family, &len) < 0 || start_watching(c) < 0) {
        conn_free(c);
        return;
    }
    if (c->family != AF_UNIX) /* a missed hurry is no failure */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}
