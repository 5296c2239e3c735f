/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the bytes that a connection has read to the bytes that it has to send: which instance asks,
 * and what it is told. */
#include "conn-priv.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "log.h"

#define TELL_MS 10000U

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

void conn_refuse(struct conn *c, int status, const struct http_head *q, bool keep_alive)
{
    struct answer a = { .body = STR_INIT(0) };

    answer_status(status, &a);
    print_answer(c, &a, q ? q->method : HTTP_ANOTHER, keep_alive);
    answer_done(&a);
}

/* False: the connection has changed hands and must end. */
static bool answer(struct conn *c, const struct http_head *q)
{
    struct imds *s = conn_site(c);
    const struct answer_site site = { .tokens = &s->tokens, .sign = s->sign };
    struct imds_instance x = { 0 };
    struct answer a;
    struct err e = { 0 };
    char shown[128];
    int r = find_instance(c->peer, &x, &e);

    if (r < 0 && e.kind != ERR_NOT_FOUND) {
        tell_failure(s, c->peer, &e);
        conn_refuse(c, 500, q, false);
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
        conn_refuse(c, 503, &q, q.keep_alive && bucket_take(&c->peer->refused, now));
        c->state = CONN_PAUSED;
        return true;
    }
    if (status) {
        conn_refuse(c, status, &q, false);
        return true;
    }
    c->drop = q.body_bytes;
    if (q.expects_continue && q.body_bytes)
        str_add(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
    return answer(c, &q);
}

int conn_serve_one(struct conn *c)
{
    size_t head_len;
    int status;

    if (c->state != CONN_OPEN || c->ending || conn_unsent(c) >= OUT_HIGH)
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
        conn_refuse(c, status, NULL, false);
    return 0;
}
