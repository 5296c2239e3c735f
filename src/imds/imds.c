/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The door, the listening sockets, and who is behind a new connection. */
#include "imds.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "clock.h"
#include "imds-priv.h"
#include "log.h"

#define IMDS_MAGIC     0x1d5a7a11U
#define PER_S_DEFAULT  1000U
#define CONNS_DEFAULT  4096U
#define CONNS_FAIR     4U /* so many are never taken away for another peer's sake */
#define ACCEPT_AT_ONCE 16U
#define AGAIN_MS       100U
#define PEER_KEEP_MS   60000U

/* ---- peers -----------------------------------------------------------------------------------
 */

static void peer_free(struct peer *p)
{
    while (conn_drop_oldest(p, false))
        ;
    sign_memo_done(&p->memo);
    free(p);
}

/* Forgets who has been away for a while. */
static void sweep_peers(struct listener *l, uint64_t now)
{
    for (struct peer **at = &l->peers; *at;) {
        struct peer *p = *at;

        if (p->n_conns == 0 && now - p->seen_ms > PEER_KEEP_MS) {
            *at = p->next;
            peer_free(p);
        } else {
            at = &p->next;
        }
    }
}

static struct peer *peer_get(struct listener *l, const char *address)
{
    uint64_t now = clock_mono_ms();
    struct peer *p;

    for (p = l->peers; p; p = p->next)
        if (str_eq(p->address, address))
            return p;
    sweep_peers(l, now);
    p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->listener = l;
    p->seen_ms = now;
    (void)str_copy(p->address, sizeof p->address, address); /* made by inet_ntop: fits */
    bucket_init(&p->served, l->s->per_s, l->s->burst, now);
    bucket_init(&p->refused, l->s->per_s, l->s->burst, now);
    p->next = l->peers;
    l->peers = p;
    return p;
}

/* ---- new connections -------------------------------------------------------------------------
 */

/* At the ceiling of all instances, who holds most gives one. False: nobody holds more than a few.
 */
static bool make_room(struct imds *s, const struct peer *newcomer)
{
    struct peer *most = NULL;

    for (struct listener *l = s->listeners; l; l = l->next)
        for (struct peer *p = l->peers; p; p = p->next)
            if (p->n_conns > (most ? most->n_conns : CONNS_FAIR))
                most = p;
    return most && most != newcomer && most->n_conns > newcomer->n_conns &&
           conn_drop_oldest(most, false);
}

static bool may_enter(struct peer *p)
{
    struct imds *s = p->listener->s;

    if (bucket_is_empty(&p->refused, clock_mono_ms()))
        return false; /* it was told to slow down, often */
    if (p->n_conns >= IMDS_PEER_CONNS_MAX && !conn_drop_oldest(p, true))
        return false;
    return s->n_conns < s->conns_most || make_room(s, p);
}

/* A reset: costs neither side anything more. */
static void turn_away(int fd)
{
    const struct linger now = { .l_onoff = 1 };

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close_fdp(&fd);
}

static void address_text(const struct sockaddr_storage *from, char out[INET6_ADDRSTRLEN])
{
    const struct sockaddr_in *v4 = (const void *)from;
    const struct sockaddr_in6 *v6 = (const void *)from;

    out[0] = '\0';
    if (from->ss_family == AF_INET)
        (void)inet_ntop(AF_INET, &v4->sin_addr, out, INET6_ADDRSTRLEN);
    else if (from->ss_family == AF_INET6)
        (void)inet_ntop(AF_INET6, &v6->sin6_addr, out, INET6_ADDRSTRLEN);
}

/* Every client of an instance's own socket is that instance. */
static void welcome(struct listener *l, int fd, const struct sockaddr_storage *from)
{
    char address[INET6_ADDRSTRLEN] = "";
    struct peer *p;

    if (!l->is_instance)
        address_text(from, address);
    p = l->is_instance || *address ? peer_get(l, address) : NULL;
    if (p && may_enter(p))
        conn_start(p, fd);
    else
        turn_away(fd);
}

/* No descriptor or memory left: the queue would call us without end. */
static int rest_a_moment(struct listener *l)
{
    int r = sd_event_source_set_enabled(l->io, SD_EVENT_OFF);

    if (r >= 0)
        r = sd_event_source_set_time_relative(l->again, AGAIN_MS * 1000U);
    if (r >= 0)
        r = sd_event_source_set_enabled(l->again, SD_EVENT_ONESHOT);
    return r;
}

static int on_again(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct listener *l = userdata;

    (void)source, (void)usec;
    return sd_event_source_set_enabled(l->io, SD_EVENT_ON);
}

static int on_accept(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    struct listener *l = userdata;

    (void)source, (void)revents;
    for (unsigned i = 0; i < ACCEPT_AT_ONCE; i++) {
        struct sockaddr_storage from = { 0 };
        socklen_t len = sizeof from;
        int one = accept4(fd, (struct sockaddr *)&from, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (one >= 0) {
            welcome(l, one, &from);
            continue;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return 0;
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            return rest_a_moment(l);
        /* else that client is gone already: the next one */
    }
    return 0;
}

/* ---- listeners -------------------------------------------------------------------------------
 */

/* The socket is closed with it; a half-made one does not own it yet. */
static void listener_free(struct listener *l)
{
    if (!l)
        return;
    sd_event_source_disable_unref(l->io);
    sd_event_source_disable_unref(l->again);
    while (l->peers) {
        struct peer *p = l->peers;

        l->peers = p->next;
        peer_free(p);
    }
    close_fdp(&l->fd);
    free(l);
}
DEFINE_FREEP(listener_free, struct listener);

static struct listener **listener_at(struct imds *s, bool is_instance, const char *id)
{
    struct listener **at = &s->listeners;

    while (*at && !((*at)->is_instance == is_instance && str_eq((*at)->id, id)))
        at = &(*at)->next;
    return at;
}

static int listener_watch(struct listener *l, int fd, struct err *e)
{
    int r = sd_event_add_io(l->s->loop, &l->io, fd, EPOLLIN, on_accept, l);

    if (r >= 0)
        r = sd_event_source_set_priority(l->io, IMDS_PRIORITY_ACCEPT);
    if (r >= 0)
        r = sd_event_add_time_relative(l->s->loop, &l->again, CLOCK_MONOTONIC, 0, 0, on_again, l);
    if (r >= 0)
        r = sd_event_source_set_enabled(l->again, SD_EVENT_OFF);
    return r < 0 ? err_no(e, -r, "watch the metadata socket of '%s'", l->id) : 0;
}

static int serve(struct imds *s, int fd, bool is_instance, const char *id, struct err *e)
{
    _cleanup_(listener_freep) struct listener *l = xcalloc(1, sizeof *l);
    int r;

    assert(s->magic == IMDS_MAGIC && fd >= 0);
    l->fd = -1;
    l->s = s;
    l->is_instance = is_instance;
    if (str_copy(l->id, sizeof l->id, id) < 0 || !*id)
        return err_set(e, EINVAL, ERR_INVALID, "'%s' is no id to serve metadata to", id);
    if (*listener_at(s, is_instance, id))
        return err_set(e, EEXIST, ERR_EXISTS, "metadata for '%s' is served already", id);
    r = listener_watch(l, fd, e);
    if (r < 0)
        return r;
    l->fd = fd;
    l->next = s->listeners;
    s->listeners = TAKE_PTR(l);
    return 0;
}

int imds_serve(struct imds *s, int fd, const char *vpc_id, struct err *e)
{
    return serve(s, fd, false, vpc_id, e);
}

int imds_serve_instance(struct imds *s, int fd, const char *instance_id, struct err *e)
{
    return serve(s, fd, true, instance_id, e);
}

static void unserve(struct imds *s, bool is_instance, const char *id)
{
    struct listener **at = listener_at(s, is_instance, id), *l = *at;

    assert(s->magic == IMDS_MAGIC);
    if (!l)
        return;
    *at = l->next;
    listener_free(l);
}

void imds_unserve(struct imds *s, const char *vpc_id)
{
    unserve(s, false, vpc_id);
}

void imds_unserve_instance(struct imds *s, const char *instance_id)
{
    unserve(s, true, instance_id);
}

/* ---- the whole -------------------------------------------------------------------------------
 */

/* Disks, machines and the API need descriptors too. */
static unsigned conns_most(unsigned wanted)
{
    struct rlimit rl;

    if (wanted)
        return wanted;
    if (getrlimit(RLIMIT_NOFILE, &rl) < 0 || rl.rlim_cur == RLIM_INFINITY)
        return CONNS_DEFAULT;
    return (unsigned)max_u64(min_u64(rl.rlim_cur / 2, CONNS_DEFAULT), 1);
}

int imds_open(const struct imds_spec *spec, struct imds **ret, struct err *e)
{
    _cleanup_(imds_closep) struct imds *s = xcalloc(1, sizeof *s);
    int r;

    assert(spec->loop && spec->find);
    s->magic = IMDS_MAGIC;
    s->loop = sd_event_ref(spec->loop);
    s->find = spec->find;
    s->userdata = spec->userdata;
    s->per_s = spec->requests_per_s ? spec->requests_per_s : PER_S_DEFAULT;
    s->burst = spec->burst ? spec->burst : s->per_s;
    s->conns_most = conns_most(spec->connections_most);
    token_key_init(&s->tokens);
    r = sign_open(spec->key_dir, &s->sign, e);
    if (r < 0)
        return err_wrap(e, "open the metadata service");
    *ret = TAKE_PTR(s);
    return 0;
}

void imds_close(struct imds *s)
{
    if (!s)
        return;
    assert(s->magic == IMDS_MAGIC);
    while (s->listeners) {
        struct listener *l = s->listeners;

        s->listeners = l->next;
        listener_free(l);
    }
    sign_close(s->sign);
    token_key_done(&s->tokens);
    sd_event_unref(s->loop);
    s->magic = 0;
    free(s);
}

const char *imds_certificate_path(const struct imds *s)
{
    return sign_certificate_path(s->sign);
}
