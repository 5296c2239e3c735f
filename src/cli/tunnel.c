/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

#include "relay.h"

#define CONNS_MAX 200 /* three descriptors each at most: within the usual 1024 */

/* asked: kilnd makes the socket; connecting: it looks for the guest; relaying. */
enum conn_state { CONN_ASKED, CONN_CONNECTING, CONN_RELAYING };

struct conn {
    struct conn *next;
    enum conn_state state;
    int client; /* accepted; -1: standard input and output */
    int fd;     /* kilnd's answer comes here; later the guest's socket */
    struct guest_answer answer;
    struct relay relay;
};

struct tunnel {
    const struct guest_port *guest;
    int listener; /* -1: nobody comes in any more */
    int command;  /* a pidfd, -1: none that still runs */
    bool ending;  /* the command has ended */
    struct conn *conns;
    size_t n;
};

/* ---- one connection -------------------------------------------------------------------------- */

static void conn_free(struct conn *c)
{
    if (!c)
        return;
    guest_answer_done(&c->answer);
    close_fdp(&c->fd);
    close_fdp(&c->client);
    free(c);
}
DEFINE_FREEP(conn_free, struct conn);

/* Owns client on success. */
static int conn_new(const struct guest_port *g, int client, struct conn **ret, struct err *e)
{
    _cleanup_(conn_freep) struct conn *c = xcalloc(1, sizeof(*c));
    int r;

    c->client = c->fd = -1;
    c->answer = (struct guest_answer)GUEST_ANSWER_INIT;
    r = guest_port_ask(g, &c->fd, e);
    if (r < 0)
        return r;
    c->client = client;
    *ret = TAKE_PTR(c);
    return 0;
}

static void conn_want(const struct conn *c, struct pollfd p[RELAY_POLL])
{
    if (c->state == CONN_RELAYING) {
        relay_want(&c->relay, p);
        return;
    }
    for (size_t i = 0; i < RELAY_POLL; i++)
        p[i] = (struct pollfd){ .fd = -1 };
    p[0].fd = c->fd;
    p[0].events = c->state == CONN_ASKED ? POLLIN : POLLOUT;
}

static int take_answer(struct conn *c, struct err *e)
{
    int guest = -1, r = guest_answer_read(&c->answer, c->fd, &guest, e);

    if (r <= 0)
        return r;
    close_fdp(&c->fd);
    c->fd = guest;
    c->state = CONN_CONNECTING;
    return 0;
}

/* Small pieces (keys, mouse) are sent at once. */
static void no_delay(int fd)
{
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int)); /* only slower */
}

static int begin_relay(const struct guest_port *g, struct conn *c, struct err *e)
{
    bool tcp = c->client >= 0;
    int r = guest_port_reached(g, c->fd, e);

    if (r < 0)
        return r;
    no_delay(c->fd);
    if (tcp)
        no_delay(c->client);
    relay_init(&c->relay, tcp ? c->client : STDIN_FILENO, tcp ? c->client : STDOUT_FILENO, c->fd);
    c->state = CONN_RELAYING;
    return 0;
}

/* 1: it has ended. last: nobody waits for what the guest still says. */
static int conn_go(const struct guest_port *g, struct conn *c, const struct pollfd p[RELAY_POLL],
                   bool last, struct err *e)
{
    if (c->state == CONN_RELAYING) {
        relay_go(&c->relay, p);
        return relay_is_over(&c->relay) || (last && c->relay.up.over);
    }
    if (!p[0].revents)
        return 0;
    return c->state == CONN_ASKED ? take_answer(c, e) : begin_relay(g, c, e);
}

/* ---- the loop -------------------------------------------------------------------------------- */

/* The client shall not take the failure for an end. */
static void refuse(int client, const struct err *why)
{
    const struct linger reset = { .l_onoff = 1 };

    (void)fprintf(stderr, "kiln: %s\n", why->msg);
    (void)setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
}

/* false: nobody was waiting */
static bool accept_one(struct tunnel *t)
{
    _cleanup_close_ int client = accept4(t->listener, NULL, NULL, SOCK_CLOEXEC);
    struct conn *c = NULL;
    struct err e = { 0 };

    if (client < 0)
        return errno == EINTR || errno == ECONNABORTED;
    if (conn_new(t->guest, client, &c, &e) < 0) {
        refuse(client, &e);
        return true;
    }
    (void)TAKE_FD(client);
    c->next = t->conns;
    t->conns = c;
    t->n++;
    return true;
}

/* Whoever the command sent is let in, then the door is closed. */
static void end_accepting(struct tunnel *t)
{
    t->command = -1;
    t->ending = true;
    while (t->n < CONNS_MAX && accept_one(t))
        ;
    (void)close(TAKE_FD(t->listener));
}

/* Goes through the connections with what poll said of each; *ret: the last failure. */
static void go_all(struct tunnel *t, const struct pollfd *p, struct err *ret)
{
    for (struct conn **at = &t->conns; *at; p += RELAY_POLL) {
        struct err e = { 0 };
        struct conn *c = *at;
        int r = conn_go(t->guest, c, p, t->ending, &e);

        if (r == 0) {
            at = &c->next;
            continue;
        }
        if (r < 0 && c->client >= 0)
            refuse(c->client, &e);
        if (r < 0)
            *ret = e;
        *at = c->next;
        conn_free(c);
        t->n--;
    }
}

static int turn(struct tunnel *t, struct err *ret_failed, struct err *e)
{
    struct pollfd p[2 + CONNS_MAX * RELAY_POLL];
    nfds_t n = 2;

    p[0] = (struct pollfd){ .fd = t->n < CONNS_MAX ? t->listener : -1, .events = POLLIN };
    p[1] = (struct pollfd){ .fd = t->command, .events = POLLIN };
    for (const struct conn *c = t->conns; c; c = c->next, n += RELAY_POLL)
        conn_want(c, &p[n]);
    if (poll(p, n, -1) < 0)
        return errno == EINTR ? 0 : err_errno(e, "wait for connections");
    go_all(t, p + 2, ret_failed);
    if (p[0].revents)
        (void)accept_one(t); /* nobody: it went away again */
    if (p[1].revents)
        end_accepting(t);
    return 0;
}

static int run(struct tunnel *t, struct err *ret_failed, struct err *e)
{
    int r = 0;

    while (r == 0 && (t->listener >= 0 || t->n))
        r = turn(t, ret_failed, e);
    while (t->conns) {
        struct conn *c = t->conns;

        t->conns = c->next;
        conn_free(c);
    }
    return r;
}

/* ---- the door -------------------------------------------------------------------------------- */

int tunnel_listen(uint16_t *port, int *ret, struct err *e)
{
    struct sockaddr_in sa = { .sin_family = AF_INET,
                              .sin_port = htons(*port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    _cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t len = sizeof(sa);

    if (fd < 0)
        return err_errno(e, "make a socket");
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
    if (bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, SOMAXCONN) < 0 ||
        getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
        return err_errno(e, "listen on 127.0.0.1 port %u", *port);
    *port = ntohs(sa.sin_port);
    *ret = TAKE_FD(fd);
    return 0;
}

int tunnel_take_serve(const struct guest_port *g, int listener, int command, struct err *e)
{
    struct tunnel t = { .guest = g, .listener = listener, .command = command };
    struct err failed = { 0 }; /* told already */
    int r = run(&t, &failed, e);

    if (t.listener >= 0)
        (void)close(t.listener);
    return r;
}

int tunnel_stdio(const struct guest_port *g, struct err *e)
{
    struct tunnel t = { .guest = g, .listener = -1, .command = -1 };
    struct err failed = { 0 };
    int r = conn_new(g, -1, &t.conns, e);

    if (r < 0)
        return r;
    t.n = 1;
    r = run(&t, &failed, e);
    if (r == 0 && failed.no) {
        *e = failed;
        r = -e->no;
    }
    return r;
}
