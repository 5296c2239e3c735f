/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "bits.h"
#include "file.h"
#include "log.h"
#include "str.h"

#define CLIENTS_MAX 16U
#define LINE_BYTES  4096U
#define LEAVE_MS    1000
#define TIDY_MS     30000 /* so long may packs that a collection wrote anew take space twice */

struct client {
    int fd; /* -1: free */
    size_t len;
    char line[LINE_BYTES];
};

struct control {
    struct volume *v;
    int listen_fd, wake_fd;
    char *path;
    bool quit, closed; /* atomic; closed: by "stop" */
    bool stopping;     /* tell stop_fn after the answer is out */
    void (*stop_fn)(void *userdata);
    void *userdata;
    pthread_t thread;
    struct client clients[CLIENTS_MAX];
};

/* ---- the calls ------------------------------------------------------------------------------- */

static const char *text_of(const json_t *req, const char *key)
{
    return json_string_value(json_object_get(req, key));
}

static int call_ping(struct control *c, const json_t *req, json_t *reply, struct err *e)
{
    (void)req, (void)e;
    return json_object_set_new(reply, "pid", json_integer(getpid())) < 0 ? err_oom(e) : 0;
}

static void add_name(const char *name, void *userdata)
{
    (void)json_array_append_new(userdata, json_string(name));
}

static json_t *num(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static int call_status(struct control *c, const json_t *req, json_t *reply, struct err *e)
{
    struct volume_status s;
    json_t *points = json_array(), *all;
    int left;

    (void)req;
    if (!points)
        return err_oom(e);
    left = volume_freeze_left_ms(c->v);
    volume_status(c->v, &s);
    volume_points_each(c->v, add_name, points);
    all = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:b, s:b, s:o}",
                    "size_bytes", num(s.size_bytes), "blocks", num(s.blocks), "blocks_present",
                    num(s.blocks_present), "blocks_base", num(s.blocks_base), "blocks_dirty",
                    num(s.blocks_dirty), "store_bytes_read", num(s.store_bytes_read),
                    "store_blocks_read", num(s.store_blocks_read), "fill_done", num(s.fill_done),
                    "fill_total", num(s.fill_total), "fill_rate",
                    num(min_u64(s.fill_rate, INT64_MAX)), "base", s.base, "clean_start",
                    s.clean_start, "frozen", left > 0, "points", points);
    if (!all || json_object_update(reply, all) < 0) {
        json_decref(all);
        return err_oom(e);
    }
    json_decref(all);
    return 0;
}

static int call_freeze(struct control *c, const json_t *req, json_t *reply, struct err *e)
{
    (void)req, (void)reply;
    return volume_freeze(c->v, e);
}

static int call_thaw(struct control *c, const json_t *req, json_t *reply, struct err *e)
{
    (void)req, (void)reply, (void)e;
    volume_thaw(c->v);
    return 0;
}

static int call_point(struct control *c, const json_t *req, json_t *reply, struct err *e)
{
    const char *name = text_of(req, "name");

    (void)reply;
    if (!name)
        return err_set(e, EINVAL, ERR_INVALID, "'point' needs 'name'");
    return volume_point(c->v, name, e);
}

static int call_release(struct control *c, const json_t *req, json_t *reply, struct err *e)
{
    const char *name = text_of(req, "name");
    bool moved = false;
    int r;

    if (!name)
        return err_set(e, EINVAL, ERR_INVALID, "'release' needs 'name'");
    r = volume_release(c->v, name, text_of(req, "base"), &moved, e);
    if (r == 0 && json_object_set_new(reply, "moved", json_boolean(moved)) < 0)
        return err_oom(e);
    return r;
}

static int call_fill(struct control *c, const json_t *req, json_t *reply, struct err *e)
{
    const json_t *rate = json_object_get(req, "rate");

    (void)reply;
    if (str_eq(json_string_value(rate), "max")) {
        volume_fill(c->v, UINT64_MAX);
        return 0;
    }
    if (!json_is_integer(rate) || json_integer_value(rate) < 0)
        return err_set(e, EINVAL, ERR_INVALID, "'fill' needs 'rate': bytes per second or \"max\"");
    volume_fill(c->v, (uint64_t)json_integer_value(rate));
    return 0;
}

static int call_flush(struct control *c, const json_t *req, json_t *reply, struct err *e)
{
    (void)req, (void)reply;
    return volume_flush(c->v, e);
}

static int call_stop(struct control *c, const json_t *req, json_t *reply, struct err *e)
{
    int r = c->closed ? 0 : volume_close(c->v, e);

    (void)req, (void)reply;
    if (r < 0)
        return r;
    __atomic_store_n(&c->closed, true, __ATOMIC_SEQ_CST);
    c->stopping = true;
    return 0;
}

static const struct call {
    const char *name;
    int (*fn)(struct control *c, const json_t *req, json_t *reply, struct err *e);
} calls[] = {
    { "fill", call_fill },     { "flush", call_flush }, { "freeze", call_freeze },
    { "ping", call_ping },     { "point", call_point }, { "release", call_release },
    { "status", call_status }, { "stop", call_stop },   { "thaw", call_thaw },
};

static int run_call(struct control *c, const json_t *req, json_t *reply, struct err *e)
{
    const char *name = text_of(req, "call");

    for (size_t i = 0; name && i < ARRAY_LEN(calls); i++)
        if (strcmp(calls[i].name, name) == 0)
            return calls[i].fn(c, req, reply, e);
    return err_set(e, EINVAL, ERR_INVALID, "no such call '%.40s'", name ? name : "");
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void drop_client(struct client *cl)
{
    close_fdp(&cl->fd);
    cl->fd = -1;
    cl->len = 0;
}

/* An answer is small and the client waits for it; who does not read it loses the connection. */
static void answer(struct client *cl, json_t *reply)
{
    _cleanup_free_ char *text = json_dumps(reply, JSON_COMPACT);
    struct iovec v[2] = { { .iov_base = text, .iov_len = text ? strlen(text) : 0 },
                          { .iov_base = (char[]){ '\n' }, .iov_len = 1 } };
    struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };

    if (!text ||
        sendmsg(cl->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)(v[0].iov_len + v[1].iov_len))
        drop_client(cl);
}

static void take_line(struct control *c, struct client *cl, const char *line, size_t n)
{
    json_t *req = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL), *reply = json_object();
    struct err e = { 0 };
    int r;

    if (!reply) {
        json_decref(req);
        drop_client(cl);
        return;
    }
    r = json_is_object(req) ? run_call(c, req, reply, &e)
                            : err_set(&e, EINVAL, ERR_INVALID, "a call is one JSON object a line");
    (void)json_object_set_new(reply, "ok", json_boolean(r >= 0));
    if (r < 0) {
        (void)json_object_set_new(reply, "errno", json_integer(e.no));
        (void)json_object_set_new(reply, "kind", json_string(err_kind_name(e.kind)));
        (void)json_object_set_new(reply, "message", json_string(e.msg));
    }
    if (json_object_get(req, "id"))
        (void)json_object_set(reply, "id", json_object_get(req, "id"));
    answer(cl, reply);
    json_decref(reply);
    json_decref(req);
}

static void take_lines(struct control *c, struct client *cl)
{
    char *nl;

    while (cl->fd >= 0 && (nl = memchr(cl->line, '\n', cl->len))) {
        size_t n = (size_t)(nl - cl->line);

        take_line(c, cl, cl->line, n);
        if (cl->fd < 0)
            return;
        cl->len -= n + 1;
        memmove(cl->line, nl + 1, cl->len);
    }
    if (cl->fd >= 0 && cl->len == sizeof cl->line)
        drop_client(cl);
}

static void on_client(struct control *c, struct client *cl)
{
    ssize_t n = recv(cl->fd, cl->line + cl->len, sizeof cl->line - cl->len, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        drop_client(cl);
        return;
    }
    cl->len += (size_t)n;
    take_lines(c, cl);
}

static void on_listen(struct control *c)
{
    int fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0)
        return;
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        if (c->clients[i].fd < 0) {
            c->clients[i].fd = fd;
            c->clients[i].len = 0;
            return;
        }
    close_fdp(&fd);
}

/* nbdkit waits for its clients to leave, and a guest's never do. The volume is closed: there is
 * nothing to wait for. */
static void end_process(struct control *c)
{
    struct pollfd p = { .fd = c->wake_fd, .events = POLLIN };

    c->stopping = false;
    c->stop_fn(c->userdata);
    if (poll(&p, 1, LEAVE_MS) != 0)
        return; /* control_stop is here */
    log_info("volume", "clients are still connected, ending without them");
    _exit(0);
}

static void one_round(struct control *c)
{
    struct pollfd p[2 + CLIENTS_MAX] = { { .fd = c->wake_fd, .events = POLLIN },
                                         { .fd = c->listen_fd, .events = POLLIN } };
    int left = volume_freeze_left_ms(c->v);
    int wait = left >= 0 && left < TIDY_MS ? left : TIDY_MS;

    for (size_t i = 0; i < CLIENTS_MAX; i++)
        p[2 + i] = (struct pollfd){ .fd = c->clients[i].fd, .events = POLLIN };
    volume_tidy(c->v);
    if (poll(p, ARRAY_LEN(p), wait) <= 0)
        return; /* the freeze's end, a signal, or time to tidy again */
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        if (p[2 + i].revents)
            on_client(c, &c->clients[i]);
    if (p[1].revents)
        on_listen(c);
    if (c->stopping)
        end_process(c);
}

static void *run(void *arg)
{
    struct control *c = arg;

    while (!__atomic_load_n(&c->quit, __ATOMIC_SEQ_CST))
        one_round(c);
    return NULL;
}

/* ---- starting -------------------------------------------------------------------------------- */

static void control_free(struct control *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        drop_client(&c->clients[i]);
    close_fdp(&c->listen_fd);
    close_fdp(&c->wake_fd);
    free(c->path);
    free(c);
}
DEFINE_FREEP(control_free, struct control);

/* Bound under another name first: the final one appears when a connection is served. */
static int listen_at(struct control *c, struct err *e)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    int n = snprintf(sa.sun_path, sizeof sa.sun_path, "%s.new", c->path);
    int r;

    if (n < 0 || n >= (int)sizeof sa.sun_path)
        return err_set(e, ENAMETOOLONG, ERR_INVALID, "'%s' is too long for a socket", c->path);
    r = unlink_quiet(sa.sun_path, e);
    if (r < 0)
        return r;
    c->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (c->listen_fd < 0)
        return err_errno(e, "make a socket");
    if (bind(c->listen_fd, (struct sockaddr *)&sa, sizeof sa) < 0 || chmod(sa.sun_path, 0660) < 0 ||
        listen(c->listen_fd, 16) < 0 || rename(sa.sun_path, c->path) < 0)
        return err_errno(e, "listen at '%s'", c->path);
    return 0;
}

int control_start(struct volume *v, const char *dir, void (*stop_fn)(void *userdata),
                  void *userdata, struct control **ret, struct err *e)
{
    _cleanup_(control_freep) struct control *c = calloc(1, sizeof *c);
    int r;

    if (!c)
        return err_oom(e);
    c->v = v;
    c->stop_fn = stop_fn;
    c->userdata = userdata;
    c->listen_fd = -1;
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        c->clients[i].fd = -1;
    c->wake_fd = eventfd(0, EFD_CLOEXEC);
    if (c->wake_fd < 0)
        return err_errno(e, "make an eventfd");
    if (asprintf(&c->path, "%s/ctl.sock", dir) < 0) {
        c->path = NULL;
        return err_oom(e);
    }
    r = listen_at(c, e);
    if (r < 0)
        return r;
    r = pthread_create(&c->thread, NULL, run, c);
    if (r != 0)
        return err_no(e, r, "start the control thread");
    *ret = TAKE_PTR(c);
    return 0;
}

void control_stop(struct control *c, bool *ret_closed)
{
    uint64_t one = 1;

    *ret_closed = false;
    if (!c)
        return;
    __atomic_store_n(&c->quit, true, __ATOMIC_SEQ_CST);
    (void)write_full(c->wake_fd, &one, sizeof one);
    (void)pthread_join(c->thread, NULL);
    *ret_closed = c->closed;
    (void)unlink(c->path); /* a leftover is harmless: nobody answers there */
    control_free(c);
}
