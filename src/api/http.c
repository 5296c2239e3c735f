/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A slow client costs a connection and some memory, never the loop: MHD reads and writes what is
 * there and goes on. Limits: headers HTTP_HEADERS_BYTES, the body's from the configuration (more is
 * read and thrown away up to HTTP_DRAIN_MAX, so that a client sees the answer and not a broken
 * connection), HTTP_CONNECTIONS connections, HTTP_IDLE_S seconds of silence. */
#include "http.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "later.h"
#include "log.h"
#include "parse.h"

#define HTTP_HEADERS_BYTES (64u * 1024)
#define HTTP_HEADERS_MAX   100
#define HTTP_CONNECTIONS   500
#define HTTP_IDLE_S        60
#define HTTP_DRAIN_MAX     MIB(64)
#define HTTP_RUNS          16 /* of MHD in a row while it has more to do, then others get a turn */

struct http {
    struct api *a;
    struct MHD_Daemon *mhd;
    sd_event_source *io, *timer;
    struct exchange *waiting; /* whose answers come later */
    char address[128];
};

/* One request while it arrives. */
struct exchange {
    char *uri; /* as on the request line */
    struct str body;
    uint64_t received;
    bool started, too_large, answered;
    /* While the answer comes later the connection is suspended, and on the listener's list. */
    struct http *h;
    struct MHD_Connection *conn;
    struct api_later *later;
    struct exchange *prev, *next;
};

/* ---- one request */

/* Called first for each request, with the line as it came: MHD's own decoding loses what the
 * signature needs. */
static void *on_uri(void *cls, const char *uri, struct MHD_Connection *conn)
{
    struct exchange *x = xcalloc(1, sizeof(*x));
    struct http *h = cls;

    (void)conn;
    x->uri = strdup(uri); /* bounded by HTTP_HEADERS_BYTES; NULL is seen in answer() */
    x->body = (struct str)STR_INIT(h->a->cfg.max_body_bytes);
    return x;
}

static void unlink_waiting(struct exchange *x)
{
    if (x->prev)
        x->prev->next = x->next;
    else
        x->h->waiting = x->next;
    if (x->next)
        x->next->prev = x->prev;
    x->prev = x->next = NULL;
}

static void on_completed(void *cls, struct MHD_Connection *conn, void **con_cls,
                         enum MHD_RequestTerminationCode toe)
{
    struct exchange *x = *con_cls;

    (void)cls;
    (void)conn;
    (void)toe;
    if (!x)
        return;
    if (x->later) {
        unlink_waiting(x);
        api_later_forget(x->later);
    }
    str_done(&x->body);
    free(x->uri);
    free(x);
    *con_cls = NULL;
}

struct headers {
    struct sigv4_header v[HTTP_HEADERS_MAX];
    size_t n;
    bool too_many;
};

static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind, const char *key,
                                 const char *value)
{
    struct headers *h = cls;

    (void)kind;
    if (h->n == HTTP_HEADERS_MAX) {
        h->too_many = true;
        return MHD_NO;
    }
    h->v[h->n++] = (struct sigv4_header){ key, value ? value : "" };
    return MHD_YES;
}

static enum MHD_Result queue(struct MHD_Connection *conn, struct api_out *out)
{
    struct MHD_Response *resp;
    enum MHD_Result ok;

    resp = out->body ? MHD_create_response_from_buffer(out->body_len, TAKE_PTR(out->body),
                                                       MHD_RESPMEM_MUST_FREE)
                     : MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    if (!resp)
        return MHD_NO;
    ok = MHD_add_response_header(resp, MHD_HTTP_HEADER_CONTENT_TYPE, out->content_type);
    if (ok)
        ok = MHD_add_response_header(resp, "x-amzn-requestid", out->request_id);
    if (ok && out->error_type)
        ok = MHD_add_response_header(resp, "x-amzn-ErrorType", out->error_type);
    if (ok)
        ok = MHD_add_response_header(resp, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (ok)
        ok = MHD_queue_response(conn, out->status, resp);
    MHD_destroy_response(resp);
    return ok;
}

static void run(struct http *h);

static void on_later(void *userdata)
{
    struct exchange *x = userdata;

    MHD_resume_connection(x->conn); /* MHD asks on_request again */
    run(x->h);
}

static void wait_for_answer(struct http *h, struct MHD_Connection *conn, struct exchange *x,
                            struct api_later *later)
{
    x->h = h;
    x->conn = conn;
    x->later = later;
    x->next = h->waiting;
    if (x->next)
        x->next->prev = x;
    h->waiting = x;
    api_later_wait(later, on_later, x);
    MHD_suspend_connection(conn);
}

/* Asked again: after the end of the wait, or by the way. */
static enum MHD_Result answer_later(struct MHD_Connection *conn, struct exchange *x)
{
    struct api_out out;
    enum MHD_Result ok;

    if (!api_later_take(x->later, &out))
        return MHD_YES;
    unlink_waiting(x);
    x->later = NULL;
    ok = queue(conn, &out);
    api_out_done(&out);
    return ok;
}

static enum MHD_Result answer(struct http *h, struct MHD_Connection *conn, struct exchange *x,
                              const char *method)
{
    struct headers headers = { .n = 0 };
    struct api_out out = { 0 };
    struct api_in in = { 0 };
    enum MHD_Result ok;
    char *mark;

    x->answered = true;
    if (!x->uri || x->body.failed == -ENOMEM)
        return MHD_NO;
    (void)MHD_get_connection_values(conn, MHD_HEADER_KIND, on_header, &headers);
    if (headers.too_many)
        return MHD_NO;
    mark = strchr(x->uri, '?');
    if (mark)
        *mark = '\0';
    in.http = (struct sigv4_request){ .method = method,
                                      .path = x->uri,
                                      .query = mark ? mark + 1 : "",
                                      .headers = headers.v,
                                      .n_headers = headers.n,
                                      .body = str_text(&x->body),
                                      .body_len = x->body.len };
    in.too_large = x->too_large;
    api_answer(h->a, &in, &out);
    if (out.later && !api_later_take(out.later, &out)) {
        wait_for_answer(h, conn, x, out.later);
        return MHD_YES;
    }
    ok = queue(conn, &out);
    api_out_done(&out);
    return ok;
}

/* Whether the body will be over the limit is often known before it comes. */
static bool announces_too_much(struct http *h, struct MHD_Connection *conn)
{
    const char *text =
        MHD_lookup_connection_value(conn, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    uint64_t n;

    return text && (parse_u64(text, 0, UINT64_MAX, &n) < 0 || n > h->a->cfg.max_body_bytes);
}

static enum MHD_Result start(struct http *h, struct MHD_Connection *conn, struct exchange *x,
                             const char *method)
{
    x->started = true;
    x->too_large = announces_too_much(h, conn);
    /* a client that waits for "100 Continue" has sent nothing yet and gets its answer at once */
    if (x->too_large && MHD_lookup_connection_value(conn, MHD_HEADER_KIND, MHD_HTTP_HEADER_EXPECT))
        return answer(h, conn, x, method);
    return MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *conn, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_size, void **con_cls)
{
    struct exchange *x = *con_cls;
    struct http *h = cls;

    (void)url;
    (void)version;
    if (!x)
        return MHD_NO;
    if (!x->started)
        return start(h, conn, x, method);
    if (*data_size == 0 && x->later)
        return answer_later(conn, x);
    if (*data_size == 0)
        return x->answered ? MHD_YES : answer(h, conn, x, method);
    x->received += *data_size;
    if (!x->too_large) {
        str_add_mem(&x->body, data, *data_size);
        x->too_large = x->body.failed == -E2BIG;
    }
    *data_size = 0;
    return x->received > HTTP_DRAIN_MAX ? MHD_NO : MHD_YES;
}

/* ---- the loop */

static void run(struct http *h)
{
    MHD_UNSIGNED_LONG_LONG ms = 0;
    bool due = true;

    for (int i = 0; i < HTTP_RUNS && due; i++) {
        (void)MHD_run(h->mhd); /* fails only for a daemon that is not ours to run */
        due = MHD_get_timeout(h->mhd, &ms) == MHD_YES && ms == 0;
    }
    if (due || MHD_get_timeout(h->mhd, &ms) == MHD_YES) {
        if (sd_event_source_set_time_relative(h->timer, ms * 1000) < 0 ||
            sd_event_source_set_enabled(h->timer, SD_EVENT_ONESHOT) < 0)
            log_error("api", "the timer of the listener cannot be set");
    } else {
        (void)sd_event_source_set_enabled(h->timer, SD_EVENT_OFF); /* nothing waits */
    }
}

static int on_io(sd_event_source *s, int fd, uint32_t events, void *userdata)
{
    (void)s;
    (void)fd;
    (void)events;
    run(userdata);
    return 0;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
    (void)s;
    (void)usec;
    run(userdata);
    return 0;
}

static void on_mhd_log(void *cls, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

static void on_mhd_log(void *cls, const char *fmt, va_list ap)
{
    char line[256], shown[256];
    size_t n;

    (void)cls;
    if (!log_debug_on("api"))
        return; /* what clients do wrong is no news */
    (void)vsnprintf(line, sizeof(line), fmt, ap);
    n = strlen(line);
    if (n > 0 && line[n - 1] == '\n')
        line[n - 1] = '\0';
    log_debug("api", "http: %s", str_show(line, shown, sizeof(shown)));
}

/* ---- the socket */

/* "127.0.0.1:8773" or "[::1]:8773" in two; numbers only, so that nothing is looked up. */
static int split_address(const char *listen, char host[64], char port[8], struct err *e)
{
    const char *colon = strrchr(listen, ':'), *from = listen;
    size_t n = colon ? (size_t)(colon - listen) : 0;
    uint64_t number;

    if (n > 2 && from[0] == '[' && from[n - 1] == ']') {
        from++;
        n -= 2;
    }
    if (n == 0 || n >= 64 || parse_u64(colon + 1, 0, 65535, &number) < 0)
        return err_set(e, EINVAL, ERR_INVALID,
                       "the address to listen on must be like '127.0.0.1:8773' or '[::1]:8773', "
                       "not '%s'",
                       listen);
    memcpy(host, from, n);
    host[n] = '\0';
    (void)snprintf(port, 8, "%u", (unsigned)number);
    return 0;
}

static int bind_socket(const struct addrinfo *ai, int *ret_fd)
{
    _cleanup_close_ int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;

    /* accepted sockets inherit TCP_NODELAY */
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
        bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0)
        return -errno;
    *ret_fd = TAKE_FD(fd);
    return 0;
}

static int open_socket(const char *listen, int *ret_fd, struct err *e)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE };
    struct addrinfo *ai = NULL;
    char host[64], port[8];
    int r = split_address(listen, host, port, e);

    if (r < 0)
        return r;
    r = getaddrinfo(host, port, &hints, &ai);
    if (r != 0)
        return err_set(e, EINVAL, ERR_INVALID, "listen on '%s': %s", listen, gai_strerror(r));
    r = bind_socket(ai, ret_fd);
    freeaddrinfo(ai);
    return r < 0 ? err_no(e, -r, "listen on '%s'", listen) : 0;
}

static int tell_address(int fd, char *out, size_t size, struct err *e)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    char host[64], port[8];

    if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0 ||
        getnameinfo((struct sockaddr *)&sa, len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return err_errno(e, "ask for the address of the listening socket");
    (void)snprintf(out, size, sa.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
    return 0;
}

static int watch(struct http *h, struct err *e)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->mhd, MHD_DAEMON_INFO_EPOLL_FD);
    sd_event *loop = h->a->cfg.loop;
    int r;

    if (!info)
        return err_set(e, EIO, ERR_OTHER, "libmicrohttpd has no epoll descriptor");
    r = sd_event_add_io(loop, &h->io, info->listen_fd, EPOLLIN, on_io, h);
    if (r >= 0)
        r = sd_event_add_time_relative(loop, &h->timer, CLOCK_MONOTONIC, 0, 1000, on_timer, h);
    return r < 0 ? err_no(e, -r, "watch the listener's descriptor") : 0;
}

static struct MHD_Daemon *start_mhd(struct http *h, int fd)
{
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME, 0, NULL,
                            NULL, on_request, h, MHD_OPTION_LISTEN_SOCKET, fd,
                            MHD_OPTION_EXTERNAL_LOGGER, on_mhd_log, NULL,
                            MHD_OPTION_URI_LOG_CALLBACK, on_uri, h, MHD_OPTION_NOTIFY_COMPLETED,
                            on_completed, NULL, MHD_OPTION_CONNECTION_LIMIT,
                            (unsigned)HTTP_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
                            (unsigned)HTTP_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            (size_t)HTTP_HEADERS_BYTES, MHD_OPTION_END);
}

int http_open(struct api *a, const char *listen, struct http **ret, struct err *e)
{
    struct http *h = xcalloc(1, sizeof(*h));
    _cleanup_close_ int fd = -1;
    int r;

    h->a = a;
    r = open_socket(listen, &fd, e);
    if (r == 0)
        r = tell_address(fd, h->address, sizeof(h->address), e);
    if (r == 0) {
        h->mhd = start_mhd(h, fd);
        if (h->mhd)
            (void)TAKE_FD(fd); /* MHD closes it */
        else
            r = err_set(e, EIO, ERR_OTHER, "start libmicrohttpd on '%s'", listen);
    }
    if (r == 0)
        r = watch(h, e);
    if (r < 0) {
        http_close(h);
        return r;
    }
    *ret = h;
    return 0;
}

void http_close(struct http *h)
{
    if (!h)
        return;
    sd_event_source_disable_unref(h->io);
    sd_event_source_disable_unref(h->timer);
    while (h->waiting) {
        struct exchange *x = h->waiting;

        unlink_waiting(x);
        api_later_forget(TAKE_PTR(x->later));
        MHD_resume_connection(x->conn); /* a suspended one cannot be closed */
    }
    if (h->mhd)
        MHD_stop_daemon(h->mhd);
    free(h);
}

const char *http_address(const struct http *h)
{
    return h->address;
}
