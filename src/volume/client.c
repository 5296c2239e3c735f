/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "clock.h"
#include "str.h"

#define REPLY_BYTES (64U << 10)

struct client_call {
    int fd;
    sd_event_source *io, *timer;
    char *out;
    size_t out_len, out_at;
    char *in;
    size_t in_len;
    client_fn fn;
    void *userdata;
};

void client_call_free(struct client_call *c)
{
    if (!c)
        return;
    c->io = sd_event_source_disable_unref(c->io);
    c->timer = sd_event_source_disable_unref(c->timer);
    close_fdp(&c->fd);
    free(c->out);
    free(c->in);
    free(c);
}
DEFINE_FREEP(client_call_free, struct client_call);

static void finish(struct client_call *c, const json_t *reply, const struct err *e)
{
    client_fn fn = c->fn;
    void *userdata = c->userdata;

    client_call_free(c);
    fn(reply, e, userdata);
}

static void told_error(const json_t *reply, struct err *e)
{
    const char *kind = json_string_value(json_object_get(reply, "kind"));
    const char *message = json_string_value(json_object_get(reply, "message"));
    json_int_t no = json_integer_value(json_object_get(reply, "errno"));
    enum err_kind k = ERR_OTHER;

    (void)err_kind_parse(kind ? kind : "", &k);
    (void)err_set(e, no > 0 && no < 4096 ? (int)no : EIO, k, "%s",
                  message ? message : "the volume's server failed without a reason");
}

static void take_reply(struct client_call *c, size_t n)
{
    json_t *reply = json_loadb(c->in, n, 0, NULL);
    struct err e = { 0 };

    if (!json_is_object(reply))
        (void)err_set(&e, EPROTO, ERR_IO, "the volume's server answered nonsense");
    else if (!json_is_true(json_object_get(reply, "ok")))
        told_error(reply, &e);
    finish(c, e.no ? NULL : reply, e.no ? &e : NULL);
    json_decref(reply);
}

static void lost(struct client_call *c, int no)
{
    struct err e = { 0 };

    if (no)
        (void)err_no(&e, no, "talk to the volume's server");
    else
        (void)err_set(&e, ECONNRESET, ERR_IO, "the volume's server ended before it answered");
    finish(c, NULL, &e);
}

static void on_readable(struct client_call *c)
{
    ssize_t n = recv(c->fd, c->in + c->in_len, REPLY_BYTES - c->in_len, MSG_DONTWAIT);
    char *nl;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        lost(c, n < 0 ? errno : 0);
        return;
    }
    c->in_len += (size_t)n;
    nl = memchr(c->in, '\n', c->in_len);
    if (nl)
        take_reply(c, (size_t)(nl - c->in));
    else if (c->in_len == REPLY_BYTES)
        lost(c, EMSGSIZE);
}

static int on_io(sd_event_source *s, int fd, uint32_t events, void *userdata)
{
    struct client_call *c = userdata;
    ssize_t n;

    (void)fd;
    if (c->out_at == c->out_len || !(events & EPOLLOUT)) {
        on_readable(c);
        return 0;
    }
    n = send(c->fd, c->out + c->out_at, c->out_len - c->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        lost(c, errno);
        return 0;
    }
    c->out_at += n > 0 ? (size_t)n : 0;
    if (c->out_at == c->out_len)
        (void)sd_event_source_set_io_events(s, EPOLLIN);
    return 0;
}

static int on_deadline(sd_event_source *s, uint64_t usec, void *userdata)
{
    struct client_call *c = userdata;
    struct err e = { 0 };

    (void)s, (void)usec;
    (void)err_set(&e, ETIMEDOUT, ERR_TIMEOUT, "the volume's server does not answer");
    finish(c, NULL, &e);
    return 0;
}

static int connect_to(const char *path, int *ret_fd, struct err *e)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };

    if (str_copy(sa.sun_path, sizeof sa.sun_path, path) < 0)
        return err_set(e, ENAMETOOLONG, ERR_INVALID, "'%s' is too long for a socket", path);
    *ret_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*ret_fd < 0)
        return err_errno(e, "make a socket");
    return connect(*ret_fd, (struct sockaddr *)&sa, sizeof sa) < 0
               ? err_errno(e, "connect to '%s'", path)
               : 0;
}

static int add_sources(sd_event *loop, struct client_call *c, unsigned deadline_ms, struct err *e)
{
    int r = sd_event_add_io(loop, &c->io, c->fd, EPOLLIN | EPOLLOUT, on_io, c);

    if (r >= 0)
        r = sd_event_add_time_relative(loop, &c->timer, CLOCK_MONOTONIC,
                                       (uint64_t)deadline_ms * 1000, 0, on_deadline, c);
    return r < 0 ? err_no(e, r, "watch the control socket") : 0;
}

int client_call_start(sd_event *loop, const char *socket_path, json_t *request,
                      unsigned deadline_ms, client_fn fn, void *userdata, struct client_call **ret,
                      struct err *e)
{
    _cleanup_(client_call_freep) struct client_call *c = calloc(1, sizeof *c);
    _cleanup_free_ char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
    int r;

    json_decref(request);
    if (c)
        c->fd = -1;
    if (!c || !text || !(c->in = malloc(REPLY_BYTES)) || !(c->out = malloc(strlen(text) + 1)))
        return err_oom(e);
    c->out_len = strlen(text) + 1;
    memcpy(c->out, text, c->out_len - 1);
    c->out[c->out_len - 1] = '\n';
    c->fn = fn;
    c->userdata = userdata;
    r = connect_to(socket_path, &c->fd, e);
    if (r == 0)
        r = add_sources(loop, c, deadline_ms, e);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(c);
    return 0;
}
