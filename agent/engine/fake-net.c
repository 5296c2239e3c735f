/* SPDX-License-Identifier: Apache-2.0 */
/* Adapters, routes, computer name, and sockets behind which a metadata service answers. */
#include "engine/fake.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TOKEN "fake-token-0123456789"

struct win_sock {
    struct str in, out;
    size_t given;
    bool answered;
};

static int adapters(struct win *w, struct win_adapter **ret, size_t *ret_n, struct err *e)
{
    struct fake *f = fake_of(w);
    int r = fake_fails(f, "adapters", e);

    if (r < 0)
        return r;
    *ret = calloc(f->adapters_n + 1, sizeof(**ret));
    memcpy(*ret, f->adapters, f->adapters_n * sizeof(**ret));
    *ret_n = f->adapters_n;
    return 0;
}

static void forget_route(struct fake *f, const struct win_route *route)
{
    size_t kept = 0;

    for (size_t i = 0; i < f->routes_n; i++)
        if (!str_eq(f->routes[i].dest, route->dest) || f->routes[i].prefix != route->prefix)
            f->routes[kept++] = f->routes[i];
    f->routes_n = kept;
}

static int route_delete(struct win *w, const struct win_route *route, struct err *e)
{
    int r = fake_fails(fake_of(w), "route_delete", e);

    if (r < 0)
        return r;
    fake_record(fake_of(w), "route_delete %s/%u", route->dest, route->prefix);
    forget_route(fake_of(w), route);
    return 0;
}

static int route_add(struct win *w, const struct win_route *route, struct err *e)
{
    struct fake *f = fake_of(w);
    int r = fake_fails(f, "route_add", e);

    if (r < 0)
        return r;
    fake_record(f, "route_add %s/%u via %s if %u metric %u%s", route->dest, route->prefix,
                route->gateway, route->index, route->metric,
                route->persistent ? " persistent" : "");
    assert(f->routes_n < FAKE_MAX);
    f->routes[f->routes_n++] = *route;
    return 0;
}

static int computer_name(struct win *w, char **ret, struct err *e)
{
    *ret = str_dup(fake_of(w)->computer);
    return fake_fails(fake_of(w), "computer_name", e);
}

static int computer_set_name(struct win *w, const char *name, struct err *e)
{
    int r = fake_fails(fake_of(w), "computer_set_name", e);

    if (r < 0)
        return r;
    fake_record(fake_of(w), "computer_set_name %s", name);
    return str_copy(fake_of(w)->computer, sizeof(fake_of(w)->computer), name);
}

static int net_connect(struct win *w, const char *address, uint16_t port, uint32_t timeout_ms,
                       struct win_sock **ret, struct err *e)
{
    struct fake *f = fake_of(w);
    int r = fake_fails(f, "net_connect", e);

    if (r < 0)
        return r;
    if (f->imds_refuse > 0) {
        f->imds_refuse--;
        return err_set(e, ECONNREFUSED, ERR_IO, "connect to %s port %u: refused", address, port);
    }
    if (!str_eq(address, "169.254.169.254") && !str_eq(address, "127.0.0.1"))
        return err_set(e, EHOSTUNREACH, ERR_IO, "connect to %s port %u: no route", address, port);
    *ret = calloc(1, sizeof(**ret));
    (*ret)->in.max = (*ret)->out.max = MIB(4);
    return 0;
}

static int net_send(struct win *w, struct win_sock *s, const void *p, size_t n, struct err *e)
{
    str_add_mem(&s->in, p, n);
    return fake_fails(fake_of(w), "net_send", e);
}

static void put_answer(struct fake *f, struct win_sock *s, unsigned status, const char *body)
{
    size_t n = strlen(body), half = n / 2;

    str_addf(&s->out, "HTTP/1.1 %u Word\r\nServer: EC2ws\r\nContent-Type: text/plain\r\n", status);
    if (f->imds_chunked)
        str_addf(&s->out,
                 "Transfer-Encoding: chunked\r\n\r\n%zx;x=y\r\n%.*s\r\n%zX\r\n%s\r\n0\r\n\r\n",
                 half, (int)half, body, n - half, body + half);
    else
        str_addf(&s->out, "Content-Length: %zu\r\n\r\n%s", n, body);
}

static void answer(struct fake *f, struct win_sock *s)
{
    const char *req = str_text(&s->in);
    bool token = strstr(req, "X-aws-ec2-metadata-token: " TOKEN "\r\n") != NULL;
    char path[512] = "";
    struct fake_pair *p;

    f->imds_requests++;
    if (f->imds_off) {
        put_answer(f, s, 403, "");
    } else if (str_starts(req, "PUT /latest/api/token HTTP/1.1\r\n")) {
        f->imds_tokens += !f->imds_no_token;
        put_answer(f, s, f->imds_no_token ? 404 : 200, f->imds_no_token ? "" : TOKEN);
    } else if (sscanf(req, "GET /latest/%511[^ ] HTTP/1.1\r\n", path) != 1) {
        put_answer(f, s, 400, "");
    } else if (f->imds_needs_token && !token) {
        put_answer(f, s, 401, "");
    } else {
        p = fake_pair_find(f->metadata, path, NULL);
        put_answer(f, s, p && p->data ? 200 : 404, p && p->data ? p->data : "");
    }
}

/* Small pieces, so that a reader that expects all at once is caught. */
static int net_recv(struct win *w, struct win_sock *s, void *p, size_t n, uint32_t timeout_ms,
                    size_t *ret_n, struct err *e)
{
    struct fake *f = fake_of(w);
    size_t left;
    int r = fake_fails(f, "net_recv", e);

    if (r < 0)
        return r;
    if (!s->answered && strstr(str_text(&s->in), "\r\n\r\n")) {
        answer(f, s);
        s->answered = true;
        if (f->imds_break) {
            f->imds_break--;
            s->out.len /= 2;
        }
    }
    left = s->out.len - s->given;
    if (left > 17)
        left = 17;
    if (left > n)
        left = n;
    if (left)
        memcpy(p, s->out.p + s->given, left);
    s->given += left;
    *ret_n = left;
    return 0;
}

static void net_close(struct win *w, struct win_sock *s)
{
    str_done(&s->in);
    str_done(&s->out);
    free(s);
}

void fake_metadata(struct fake *f, const char *path, const char *body)
{
    struct fake_pair *p = fake_pair_put(&f->metadata, path, NULL);

    p->data = body ? str_dup(body) : NULL;
}

void fake_fill_net(struct win *w)
{
    struct fake *f = fake_of(w);

    w->adapters = adapters;
    w->route_delete = route_delete;
    w->route_add = route_add;
    w->computer_name = computer_name;
    w->computer_set_name = computer_set_name;
    w->net_connect = net_connect;
    w->net_send = net_send;
    w->net_recv = net_recv;
    w->net_close = net_close;
    (void)str_copy(f->computer, sizeof(f->computer), "WIN-FAKE");
    f->adapters[f->adapters_n++] = (struct win_adapter){
        .index = 5,
        .name = "Ethernet",
        .what = "Amazon Elastic Network Adapter",
        .guid = "{6F9B5E6A-0000-0000-0000-000000000001}",
        .mac = "02:00:00:00:00:05",
        .up = true,
        .ethernet = true,
        .metric4 = 15,
        .metric6 = 15,
        .ip4 = "10.0.1.5",
        .gateway4 = "10.0.1.1",
    };
}
