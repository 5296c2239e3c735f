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
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "clock.h"
#include "imds-priv.h"
#include "log.h"

#define READ_BYTES  4096U
#define OUT_HIGH    (64U << 10)
#define OUT_MAX     (OUT_HIGH + TREE_BODY_MAX + 4096U)
#define IDLE_MS     60000U
#define HEAD_MS     10000U
#define SEND_MS     20000U
#define LINGER_MS   2000U
#define PAUSE_MS    100U
#define LINGER_READ 16U /* reads in one go */
#define TELL_MS     10000U
#define TIMER_SLACK 20000U /* microseconds */

enum conn_state { CONN_OPEN, CONN_PAUSED, CONN_LINGER };
enum conn_wait { WAIT_NONE, WAIT_IDLE, WAIT_HEAD, WAIT_SEND, WAIT_PAUSE, WAIT_LINGER };

struct conn {
    struct conn *next, *prev;
    struct peer *peer;
    int fd, family;
    enum conn_state state;
    enum conn_wait wait;
    sd_event_source *io, *timer;
    struct str in, out;
    size_t scanned; /* of in, for the end of a head */
    size_t sent;    /* of out */
    uint64_t drop;  /* bytes of a body still to come */
    bool ending;    /* no further request; CONN_LINGER when out is empty */
    bool eof;
    bool moved; /* something was answered or sent: deadlines begin anew */
    char instance[IMDS_ID_MAX];
};

static struct imds *site_of(const struct conn *c)
{
    return c->peer->listener->s;
}

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
    site_of(c)->n_conns--;
    sd_event_source_disable_unref(c->io);
    sd_event_source_disable_unref(c->timer);
    close_fdp(&c->fd);
    str_done(&c->in);
    str_done(&c->out);
    free(c);
}

static size_t unsent(const struct conn *c)
{
    return c->out.len - c->sent;
}

static bool is_idle(const struct conn *c)
{
    return c->state == CONN_OPEN && c->in.len == 0 && c->drop == 0 && unsent(c) == 0;
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

/* ---- who asks --------------------------------------------------------------------------------
 */

/* The owner's answer is checked against what the socket says; a guest pays for no mistake of it
 * with another's data. */
static int check_instance(const struct peer *p, const struct imds_instance *x, struct err *e)
{
    const struct listener *l = p->listener;

    if (!x->id || !x->region || strlen(x->id) >= IMDS_ID_MAX)
        return err_set(e, EINVAL, ERR_INVALID, "an instance without id or region");
    if (l->is_instance && !str_eq(x->id, l->id))
        return err_set(e, EINVAL, ERR_INVALID, "instance '%s' was found for the socket of '%s'",
                       x->id, l->id);
    if (!l->is_instance && (!str_eq(x->private_ip, p->address) || !str_eq(x->vpc_id, l->id)))
        return err_set(e, EINVAL, ERR_INVALID, "instance '%s' was found for '%s' in '%s'", x->id,
                       p->address, l->id);
    return 0;
}

static int find_instance(struct peer *p, struct imds_instance *ret, struct err *e)
{
    const struct listener *l = p->listener;
    const struct imds_caller who = {
        .vpc_id = l->is_instance ? NULL : l->id,
        .address = l->is_instance ? NULL : p->address,
        .instance_id = l->is_instance ? l->id : NULL,
    };
    int r = l->s->find(&who, ret, l->s->userdata, e);

    return r < 0 ? r : check_instance(p, ret, e);
}

/* A guest must not be able to fill the log. */
static void tell_failure(struct imds *s, const struct peer *p, const struct err *e)
{
    uint64_t now = clock_mono_ms();

    if (s->told_ms && now - s->told_ms < TELL_MS)
        return;
    s->told_ms = now;
    log_error("imds", "answer %s%s%s: %s", p->address, *p->address ? " in " : "", p->listener->id,
              e->msg);
}

/* ---- answers ---------------------------------------------------------------------------------
 */

/* From now on everything on this connection goes no further: setting it back would let a token
 * that is sent again (TCP) cross the router after all. */
static int set_hop_limit(const struct conn *c, int hops)
{
    if (c->family == AF_INET)
        return setsockopt(c->fd, IPPROTO_IP, IP_TTL, &hops, sizeof hops);
    if (c->family == AF_INET6)
        return setsockopt(c->fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof hops);
    return 0;
}

static void print_answer(struct conn *c, const struct answer *a, enum http_method method,
                         bool keep_alive)
{
    c->ending = c->ending || !keep_alive;
    c->moved = true;
    answer_print(a, method != HTTP_HEAD, keep_alive, clock_real_ms(), &c->out);
}

static void refuse(struct conn *c, int status, const struct http_head *q, bool keep_alive)
{
    struct answer a = { .body = STR_INIT(0) };

    answer_status(status, &a);
    print_answer(c, &a, q ? q->method : HTTP_ANOTHER, keep_alive);
    answer_done(&a);
}

/* False: the connection has changed hands and must end. */
static bool answer(struct conn *c, const struct http_head *q)
{
    struct imds *s = site_of(c);
    const struct answer_site site = { .tokens = &s->tokens, .sign = s->sign };
    struct imds_instance x = { 0 };
    struct answer a;
    struct err e = { 0 };
    char shown[128];
    int r = find_instance(c->peer, &x, &e);

    if (r < 0 && e.kind != ERR_NOT_FOUND) {
        tell_failure(s, c->peer, &e);
        refuse(c, 500, q, false);
        return true;
    }
    if (r == 0 && *c->instance && !str_eq(c->instance, x.id))
        return false;
    if (r == 0)
        (void)str_copy(c->instance, sizeof c->instance, x.id); /* its length was checked */
    answer_make(&site, &c->peer->memo, r < 0 ? NULL : &x, q, clock_mono_ms(), &a);
    if (a.failed)
        tell_failure(s, c->peer, &a.e);
    if (a.hop_limit && set_hop_limit(c, a.hop_limit) < 0) {
        answer_status(500, &a);
        a.ttl_s = 0;
    }
    print_answer(c, &a, q->method, q->keep_alive);
    log_debug("imds", "%s: %s answered %d", r < 0 ? "unknown" : x.id,
              str_show(q->path, shown, sizeof shown), a.status);
    answer_done(&a);
    return true;
}

/* ---- requests --------------------------------------------------------------------------------
 */

static void consume(struct conn *c, size_t n)
{
    assert(n <= c->in.len);
    c->in.len -= n;
    memmove(c->in.p, c->in.p + n, c->in.len);
    c->in.p[c->in.len] = '\0';
}

static void drop_body(struct conn *c)
{
    size_t n = (size_t)min_u64(c->drop, c->in.len);

    if (n)
        consume(c, n);
    c->drop -= n;
}

/* Empty lines before a request are old clients' habit. */
static void drop_blank_lines(struct conn *c)
{
    size_t n = 0;

    if (c->scanned)
        return;
    while (n < c->in.len && (c->in.p[n] == '\r' || c->in.p[n] == '\n'))
        n++;
    if (n)
        consume(c, n);
}

static bool serve_head(struct conn *c, size_t head_len)
{
    uint64_t now = clock_mono_ms();
    struct http_head q;
    int status = http_head_parse(c->in.p, head_len, &q);

    consume(c, head_len);
    if (!bucket_take(&c->peer->served, now)) {
        c->drop = q.body_bytes;
        refuse(c, 503, &q, q.keep_alive && bucket_take(&c->peer->refused, now));
        c->state = CONN_PAUSED;
        return true;
    }
    if (status) {
        refuse(c, status, &q, false);
        return true;
    }
    c->drop = q.body_bytes;
    if (q.expects_continue && q.body_bytes)
        str_add(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
    return answer(c, &q);
}

/* One request from what was read. 1: there may be another, 0: not now, -1: end at once. */
static int serve_one(struct conn *c)
{
    size_t head_len;
    int status;

    if (c->state != CONN_OPEN || c->ending || unsent(c) >= OUT_HIGH)
        return 0;
    drop_body(c);
    if (c->drop)
        return 0;
    drop_blank_lines(c);
    head_len = c->in.len ? http_head_find(c->in.p, c->in.len, &c->scanned) : 0;
    if (head_len)
        return serve_head(c, head_len) ? 1 : -1;
    status = c->in.len ? http_head_too_long(c->in.p, c->in.len) : 0;
    if (status)
        refuse(c, status, NULL, false);
    return 0;
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
    while (unsent(c)) {
        ssize_t n = send(c->fd, c->out.p + c->sent, unsent(c), MSG_DONTWAIT | MSG_NOSIGNAL);

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
    uint32_t events = unsent(c) ? EPOLLOUT : 0;

    if (c->state == CONN_LINGER ||
        (c->state == CONN_OPEN && !c->ending && !c->eof && unsent(c) < OUT_HIGH))
        events |= EPOLLIN;
    return events;
}

static enum conn_wait wait_of(const struct conn *c)
{
    if (c->state == CONN_LINGER)
        return WAIT_LINGER;
    if (c->state == CONN_PAUSED)
        return WAIT_PAUSE;
    if (unsent(c))
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
        while ((r = serve_one(c)) > 0)
            ;
        if (r < 0 || c->out.failed || flush(c) < 0) {
            conn_free(c);
            return;
        }
        /* Sending made room: more of what was read can be answered. */
    } while (c->state == CONN_OPEN && !c->ending && !c->drop && unsent(c) < OUT_HIGH && c->in.len &&
             c->scanned < c->in.len);
    if (c->eof && c->state == CONN_OPEN)
        c->ending = true;
    if (c->ending && !unsent(c) && c->state != CONN_LINGER) {
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
        refuse(c, 408, NULL, false);
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
    sd_event *loop = site_of(c)->loop;
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
    site_of(c)->n_conns++;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &c->family, &len) < 0 || start_watching(c) < 0) {
        conn_free(c);
        return;
    }
    if (c->family != AF_UNIX) /* a missed hurry is no failure */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}
