/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The session:   greeting -> qmp_capabilities sent -> its reply: ready -> commands and events
 * Anything out of this order, a line too long or a line that is not JSON ends the connection: what
 * follows such a line cannot be trusted to mean what it says. */
#include "qmp.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "str.h"

#define OUT_MAX     (1U << 20)
#define PENDING_MAX 256

struct pending {
    struct pending *next;
    struct qmp *q;
    uint64_t id;
    char command[40];
    qmp_reply_fn fn;
    void *userdata;
    sd_event_source *timer;
};

struct qmp {
    sd_event *loop;
    int fd;
    sd_event_source *io;
    struct qmp_hooks hooks;
    struct str in, out;
    struct pending *pending;
    unsigned n_pending;
    uint64_t last_id;
    bool greeted, ready;
    bool down;      /* ended, on_down was or is being told */
    unsigned holds; /* callbacks running */
    bool free_me;   /* freed inside of one */
};

/* ---- life and death -------------------------------------------------------------------------- */

static void source_gone(sd_event_source **s)
{
    *s = sd_event_source_disable_unref(*s);
}

static void pending_free(struct pending *p)
{
    source_gone(&p->timer);
    free(p);
}

static struct pending *pending_take(struct qmp *q, uint64_t id)
{
    for (struct pending **p = &q->pending; *p; p = &(*p)->next)
        if ((*p)->id == id) {
            struct pending *found = *p;

            *p = found->next;
            q->n_pending--;
            return found;
        }
    return NULL;
}

static void close_socket(struct qmp *q)
{
    source_gone(&q->io);
    close_fdp(&q->fd);
    q->fd = -1;
}

void qmp_free(struct qmp *q)
{
    if (!q)
        return;
    close_socket(q);
    while (q->pending)
        pending_free(pending_take(q, q->pending->id));
    q->down = q->free_me = true;
    if (q->holds)
        return; /* drop() of the outermost callback frees */
    str_done(&q->in);
    str_done(&q->out);
    sd_event_unref(q->loop);
    free(q);
}

static void hold(struct qmp *q)
{
    q->holds++;
}

static void drop(struct qmp *q)
{
    if (--q->holds == 0 && q->free_me)
        qmp_free(q);
}

/* Ends the session; the caller holds q. */
static void go_down(struct qmp *q, const struct err *why)
{
    if (q->down)
        return;
    q->down = true;
    q->ready = false;
    close_socket(q);
    while (q->pending && !q->free_me) {
        struct pending *p = pending_take(q, q->pending->id);
        struct err e = *why;

        (void)err_wrap(&e, "QMP command '%s'", p->command);
        if (p->fn)
            p->fn(NULL, &e, p->userdata);
        pending_free(p);
    }
    if (!q->free_me && q->hooks.on_down)
        q->hooks.on_down(why, q->hooks.userdata);
}

/* ---- input ----------------------------------------------------------------------------------- */

static void got_ready(const json_t *ret, const struct err *e, void *userdata)
{
    struct qmp *q = userdata;

    (void)ret;
    if (e) {
        struct err why = *e;

        go_down(q, &why);
        return;
    }
    q->ready = true;
    if (q->hooks.on_ready)
        q->hooks.on_ready(q->hooks.userdata);
}

static int send_command(struct qmp *q, const char *command, json_t *take_args, unsigned timeout_ms,
                        qmp_reply_fn fn, void *userdata, struct err *e);

static int got_greeting(struct qmp *q, struct err *e)
{
    if (q->greeted)
        return err_set(e, EPROTO, ERR_CORRUPT, "a second QMP greeting");
    q->greeted = true;
    return send_command(q, "qmp_capabilities", NULL, 0, got_ready, q, e);
}

static void tell_reply(struct pending *p, const struct qmp_msg *m)
{
    struct err e = { 0 };

    if (m->kind == QMP_ERROR) {
        bool absent = str_eq(m->name, "DeviceNotFound");

        (void)err_set(&e, absent ? ENOENT : EIO, absent ? ERR_NOT_FOUND : ERR_OTHER,
                      "QMP command '%s': %s", p->command, m->text);
    }
    if (p->fn)
        p->fn(e.no ? NULL : m->data, e.no ? &e : NULL, p->userdata);
}

static int handle(struct qmp *q, const struct qmp_msg *m, struct err *e)
{
    struct pending *p;

    if (m->kind == QMP_GREETING)
        return got_greeting(q, e);
    if (!q->greeted)
        return err_set(e, EPROTO, ERR_CORRUPT, "a QMP message before the greeting");
    if (m->kind == QMP_EVENT) {
        if (q->hooks.on_event)
            q->hooks.on_event(m->name, m->data, q->hooks.userdata);
        return 0;
    }
    p = pending_take(q, m->id); /* none: its deadline passed */
    if (!p)
        return 0;
    tell_reply(p, m);
    pending_free(p);
    return 0;
}

static int take_line(struct qmp *q, const char *line, size_t len, struct err *e)
{
    struct qmp_msg m;
    int r;

    while (len && (line[len - 1] == '\r' || line[len - 1] == ' '))
        len--;
    if (!len)
        return 0;
    r = qmp_parse(line, len, &m, e);
    if (r < 0)
        return r;
    r = handle(q, &m, e);
    qmp_msg_done(&m);
    return r;
}

static int take_bytes(struct qmp *q, const char *p, size_t n, struct err *e)
{
    while (n && !q->down) {
        const char *nl = memchr(p, '\n', n);
        size_t part = nl ? (size_t)(nl - p) : n;
        int r;

        str_add_mem(&q->in, p, part);
        r = str_check(&q->in, "a QMP line", e);
        if (r < 0)
            return r;
        p += part;
        n -= part;
        if (!nl)
            return 0;
        p++, n--;
        /* The text is taken out first: a callback may free q or come back to its input. */
        size_t len = q->in.len;
        _cleanup_free_ char *line = str_take(&q->in);

        r = line ? take_line(q, line, len, e) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

void qmp_input(struct qmp *q, const char *p, size_t n)
{
    struct err e = { 0 };

    hold(q);
    if (take_bytes(q, p, n, &e) < 0)
        go_down(q, &e);
    drop(q);
}

/* ---- the socket ------------------------------------------------------------------------------ */

static int flush_out(struct qmp *q, struct err *e)
{
    size_t done = 0;
    int r;

    while (done < q->out.len) {
        ssize_t n = send(q->fd, q->out.p + done, q->out.len - done, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0)
            return err_errno(e, "write to the QMP socket");
        done += (size_t)n;
    }
    if (done == q->out.len) {
        str_done(&q->out);
    } else if (done) {
        memmove(q->out.p, q->out.p + done, q->out.len - done + 1);
        q->out.len -= done;
    }
    r = sd_event_source_set_io_events(q->io, q->out.len ? EPOLLIN | EPOLLOUT : EPOLLIN);
    return r < 0 ? err_no(e, r, "watch the QMP socket") : 0;
}

static int read_some(struct qmp *q, struct err *e)
{
    char buf[16384];
    ssize_t n = recv(q->fd, buf, sizeof buf, 0);

    if (n > 0) {
        qmp_input(q, buf, (size_t)n);
        return 0;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n < 0)
        return err_errno(e, "read from the QMP socket");
    return err_set(e, ECONNRESET, ERR_IO, "QEMU closed the QMP socket");
}

static int on_socket(sd_event_source *s, int fd, uint32_t events, void *userdata)
{
    struct qmp *q = userdata;
    struct err e = { 0 };
    int r = 0;

    (void)s, (void)fd;
    hold(q);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        r = read_some(q, &e);
    if (r == 0 && !q->down && (events & EPOLLOUT))
        r = flush_out(q, &e);
    if (r < 0)
        go_down(q, &e);
    drop(q);
    return 0;
}

static int on_late(sd_event_source *s, uint64_t usec, void *userdata)
{
    struct pending *p = userdata;
    struct qmp *q = p->q;
    struct err e = { 0 };

    (void)s, (void)usec;
    hold(q);
    (void)pending_take(q, p->id);
    (void)err_set(&e, ETIMEDOUT, ERR_TIMEOUT, "QMP command '%s': no answer", p->command);
    if (p->fn)
        p->fn(NULL, &e, p->userdata);
    pending_free(p);
    drop(q);
    return 0;
}

/* ---- commands -------------------------------------------------------------------------------- */

static int queue_line(struct qmp *q, const char *command, uint64_t id, const json_t *args,
                      struct err *e)
{
    _cleanup_free_ char *text = args ? json_dumps(args, JSON_COMPACT) : NULL;

    if (args && !text)
        return err_set(e, EINVAL, ERR_INVALID, "QMP command '%s': arguments are not UTF-8",
                       command);
    str_addf(&q->out, "{\"execute\":\"%s\",\"id\":%llu", command, (unsigned long long)id);
    if (text) {
        str_add(&q->out, ",\"arguments\":");
        str_add(&q->out, text);
    }
    str_add(&q->out, "}\n");
    return str_check(&q->out, "QMP commands", e);
}

static int pending_add(struct qmp *q, const char *command, unsigned timeout_ms, qmp_reply_fn fn,
                       void *userdata, struct err *e)
{
    struct pending *p;
    int r;

    if (q->n_pending >= PENDING_MAX)
        return err_set(e, EBUSY, ERR_LIMIT, "QMP command '%s': %u others wait", command,
                       q->n_pending);
    p = xcalloc(1, sizeof *p);
    r = sd_event_add_time_relative(q->loop, &p->timer, CLOCK_MONOTONIC,
                                   (timeout_ms ? timeout_ms : QMP_TIMEOUT_MS) * 1000ULL, 0, on_late,
                                   p);
    if (r < 0) {
        free(p);
        return err_no(e, r, "set a deadline for QMP command '%s'", command);
    }
    p->q = q;
    p->id = ++q->last_id;
    p->fn = fn;
    p->userdata = userdata;
    (void)str_copy(p->command, sizeof p->command, command); /* for messages only */
    p->next = q->pending;
    q->pending = p;
    q->n_pending++;
    return 0;
}

static int send_command(struct qmp *q, const char *command, json_t *take_args, unsigned timeout_ms,
                        qmp_reply_fn fn, void *userdata, struct err *e)
{
    int r = pending_add(q, command, timeout_ms, fn, userdata, e);

    if (r == 0) {
        r = queue_line(q, command, q->last_id, take_args, e);
        if (r == 0)
            r = flush_out(q, e);
        if (r < 0)
            pending_free(pending_take(q, q->last_id));
    }
    json_decref(take_args);
    return r;
}

int qmp_send(struct qmp *q, const char *command, json_t *take_args, unsigned timeout_ms,
             qmp_reply_fn fn, void *userdata, struct err *e)
{
    if (!q->ready) {
        json_decref(take_args);
        return err_set(e, ENOTCONN, ERR_CONFLICT, "QMP command '%s': not connected", command);
    }
    return send_command(q, command, take_args, timeout_ms, fn, userdata, e);
}

bool qmp_is_ready(const struct qmp *q)
{
    return q && q->ready;
}

/* ---- making ---------------------------------------------------------------------------------- */

int qmp_new(sd_event *loop, int take_fd, const struct qmp_hooks *hooks, struct qmp **ret,
            struct err *e)
{
    _cleanup_(qmp_freep) struct qmp *q = xcalloc(1, sizeof *q);
    int r;

    q->loop = sd_event_ref(loop);
    q->fd = take_fd;
    q->hooks = *hooks;
    q->in.max = QMP_LINE_MAX;
    q->out.max = OUT_MAX;
    r = sd_event_add_io(loop, &q->io, q->fd, EPOLLIN, on_socket, q);
    if (r < 0)
        return err_no(e, r, "watch the QMP socket");
    *ret = TAKE_PTR(q);
    return 0;
}

int qmp_connect(sd_event *loop, const char *path, const struct qmp_hooks *hooks, struct qmp **ret,
                struct err *e)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    _cleanup_close_ int fd = -1;

    if (str_copy(sun.sun_path, sizeof sun.sun_path, path) < 0)
        return err_set(e, ENAMETOOLONG, ERR_LIMIT, "socket path '%s' is too long", path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_errno(e, "make a socket for '%s'", path);
    if (connect(fd, (struct sockaddr *)&sun, sizeof sun) < 0)
        return err_errno(e, "connect to '%s'", path);
    return qmp_new(loop, TAKE_FD(fd), hooks, ret, e);
}
