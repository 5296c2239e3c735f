/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/imds.h"

#include <errno.h>
#include <string.h>

#include "lib/str.h"

#define TOKEN_SECONDS  21600U
#define TOKEN_RENEW_MS 60000U /* before its end */
#define TOKEN_MAX      1024U
#define CONNECT_MS     2000U
#define RETRY_MS       200U
#define ENDPOINT_NAME  "AWS_EC2_METADATA_SERVICE_ENDPOINT"
#define ENDPOINTS_MAX  2U

struct endpoint {
    char host[WIN_ADDR_MAX]; /* without brackets */
    uint16_t port;
};

struct imds {
    struct win *w;
    bool fallback; /* the dialect may ask without a token */
    uint32_t poll_ms, say_ms, limit_ms;
    struct endpoint ends[ENDPOINTS_MAX];
    size_t ends_n, end; /* the one that answered last */
    char token[TOKEN_MAX];
    uint64_t token_until_ms;
    bool (*stop)(void *ctx); /* ends a wait; may be NULL */
    void *stop_ctx;
    bool no_tokens; /* the service has none; asked again after a failure */
};

/* "http://127.0.0.1:8080/", "http://[fd00::1]": 0 or -EINVAL. */
static int endpoint_parse(const char *url, struct endpoint *ret)
{
    char host[WIN_ADDR_MAX + 2];
    uint64_t port = 80;
    size_t n;

    if (!str_starts(url, "http://"))
        return -EINVAL;
    url += 7;
    if (*url == '[') {
        n = strcspn(++url, "]");
        if (!url[n])
            return -EINVAL;
    } else {
        n = strcspn(url, ":/");
    }
    if (n == 0 || n >= WIN_ADDR_MAX || strspn(url, "0123456789abcdefABCDEF.:") < n)
        return -EINVAL;
    memcpy(host, url, n);
    host[n] = '\0';
    url += n;
    if (*url == ']')
        url++;
    if (*url == ':') {
        _cleanup_free_ char *digits = str_dup_n(url + 1, strcspn(url + 1, "/"));

        if (!digits || parse_u64(digits, 1, 65535, &port) < 0)
            return -EINVAL;
        url += 1 + strlen(digits);
    }
    if (*url && !str_eq(url, "/"))
        return -EINVAL;
    ret->port = (uint16_t)port;
    return str_copy(ret->host, sizeof(ret->host), host);
}

static void add_endpoint(struct imds *m, const char *url)
{
    if (m->ends_n < ENDPOINTS_MAX && endpoint_parse(url, &m->ends[m->ends_n]) == 0)
        m->ends_n++;
}

struct imds *imds_new(struct win *w, const struct dialect *d)
{
    struct imds *m = calloc(1, sizeof(*m));
    _cleanup_free_ char *url = NULL;
    struct err ignore = { 0 };

    if (!m)
        return NULL;
    m->w = w;
    m->fallback = d->metadata_v1_fallback;
    m->poll_ms = d->metadata_poll_ms;
    m->say_ms = d->metadata_say_ms;
    m->limit_ms = d->metadata_limit_ms;
    if (w->env(w, ENDPOINT_NAME, &url, &ignore) == 1)
        add_endpoint(m, url);
    if (m->ends_n == 0) {
        add_endpoint(m, "http://169.254.169.254");
        add_endpoint(m, "http://[fd00:ec2::254]");
    }
    return m;
}

void imds_free(struct imds *m)
{
    if (!m)
        return;
    mem_wipe(m->token, sizeof(m->token));
    free(m);
}

static int receive(struct imds *m, struct win_sock *s, struct http_answer *ret, struct err *e)
{
    _cleanup_str_ struct str in = STR_INIT(IMDS_BODY_MAX * 2);
    uint64_t start = m->w->tick_ms(m->w);

    for (;;) {
        char piece[4096];
        size_t n = 0;
        uint64_t gone = m->w->tick_ms(m->w) - start;
        int r;

        if (gone >= IMDS_ANSWER_MS)
            return err_set(e, ETIMEDOUT, ERR_TIMEOUT, "no whole answer in %u ms", IMDS_ANSWER_MS);
        r = m->w->net_recv(m->w, s, piece, sizeof(piece), IMDS_ANSWER_MS - (uint32_t)gone, &n, e);
        if (r < 0)
            return r;
        str_add_mem(&in, piece, n);
        if (in.failed)
            return str_check(&in, "an answer", e);
        r = http_answer_parse(str_text(&in), in.len, n == 0, ret, e);
        if (r != 0)
            return r < 0 ? r : 0;
    }
}

static int ask_at(struct imds *m, const struct endpoint *at, const struct str *request,
                  struct http_answer *ret, struct err *e)
{
    struct win_sock *s = NULL;
    int r = m->w->net_connect(m->w, at->host, at->port, CONNECT_MS, &s, e);

    if (r < 0)
        return r;
    r = m->w->net_send(m->w, s, str_text(request), request->len, e);
    if (r == 0)
        r = receive(m, s, ret, e);
    m->w->net_close(m->w, s);
    return r;
}

static void put_host(struct str *s, const struct endpoint *at)
{
    bool six = strchr(at->host, ':') != NULL;

    str_addf(s, "%s%s%s", six ? "[" : "", at->host, six ? "]" : "");
    if (at->port != 80)
        str_addf(s, ":%u", at->port);
}

/* One request at the endpoint that answered last, or at the others when it cannot be reached. */
static int ask_once(struct imds *m, const char *method, const char *path, const char *header,
                    struct http_answer *ret, struct err *e)
{
    int r = -EHOSTUNREACH;

    for (size_t i = 0; i < m->ends_n; i++) {
        size_t at = (m->end + i) % m->ends_n;
        _cleanup_str_ struct str s = STR_INIT(KIB(8));
        struct err before = *e;

        err_clear(e);
        str_addf(&s, "%s /latest/%s HTTP/1.1\r\nHost: ", method, path);
        put_host(&s, &m->ends[at]);
        str_addf(&s, "\r\nUser-Agent: kiln-agent/%s\r\nAccept: */*\r\n%sConnection: close\r\n\r\n",
                 AGENT_VERSION, header);
        r = str_check(&s, "a request", e);
        if (r == 0)
            r = ask_at(m, &m->ends[at], &s, ret, e);
        if (r == 0) {
            m->end = at;
            return 0;
        }
        if (before.no) { /* the first address is the one people know */
            *e = before;
            r = -before.no;
        }
    }
    return r;
}

/* As ask_once, again after a broken connection or a 5xx. */
static int ask(struct imds *m, const char *method, const char *path, const char *header,
               struct http_answer *ret, struct err *e)
{
    for (unsigned i = 1;; i++) {
        int r = ask_once(m, method, path, header, ret, e);

        if (r == 0 && ret->status >= 500) {
            r = err_set(e, EIO, ERR_IO, "metadata answers %u", ret->status);
            http_answer_done(ret);
        }
        if (r == 0 || i == IMDS_TRIES || r == -EFBIG || r == -ENOMEM)
            return r;
        err_clear(e);
        m->w->sleep_ms(m->w, RETRY_MS * i);
    }
}

static bool token_is_clean(const char *t, size_t n)
{
    if (n == 0 || n >= TOKEN_MAX)
        return false;
    for (size_t i = 0; i < n; i++)
        if (t[i] <= 0x20 || t[i] >= 0x7f)
            return false;
    return true;
}

/* 1: m->token is good; 0: go without; -EACCES: switched off. */
static int token_get(struct imds *m, struct err *e)
{
    struct http_answer a = { 0 };
    uint64_t now = m->w->tick_ms(m->w);
    int r;

    if (m->token[0] && now + TOKEN_RENEW_MS < m->token_until_ms)
        return 1;
    if (m->no_tokens)
        return 0;
    m->token[0] = '\0';
    r = ask(m, "PUT", "api/token",
            "X-aws-ec2-metadata-token-ttl-seconds: 21600\r\n"
            "Content-Length: 0\r\n",
            &a, e);
    if (r < 0)
        return r;
    if (a.status == 200 && token_is_clean(a.body, a.body_n)) {
        memcpy(m->token, a.body, a.body_n + 1);
        m->token_until_ms = now + TOKEN_SECONDS * 1000ULL;
        r = 1;
    } else if (a.status == 403) {
        r = err_set(e, EACCES, ERR_DENIED, "metadata is switched off for this instance");
    } else if (m->fallback) {
        m->no_tokens = true;
        r = 0;
    } else {
        r = err_set(e, EPROTO, ERR_IO, "no metadata token: status %u", a.status);
    }
    mem_wipe(a.body, a.body_n);
    http_answer_done(&a);
    return r;
}

static int get_once(struct imds *m, const char *path, struct http_answer *ret, struct err *e)
{
    _cleanup_str_ struct str header = STR_INIT(TOKEN_MAX + 64);
    int r = token_get(m, e);

    if (r < 0)
        return r;
    if (r == 1)
        str_addf(&header, "X-aws-ec2-metadata-token: %s\r\n", m->token);
    return ask(m, "GET", path, str_text(&header), ret, e);
}

int imds_get(struct imds *m, const char *path, char **ret, size_t *ret_n, struct err *e)
{
    struct http_answer a = { 0 };
    int r;

    if (!m)
        return 0; /* a machine without metadata has no value at all */
    r = get_once(m, path, &a, e);
    if (r == 0 && a.status == 401) { /* the token was forgotten, or one is wanted after all */
        http_answer_done(&a);
        m->token[0] = '\0';
        m->no_tokens = false;
        r = get_once(m, path, &a, e);
    }
    if (r < 0)
        return err_wrap(e, "metadata '%s'", path);
    if (a.status == 200) {
        *ret = TAKE_PTR(a.body);
        if (ret_n)
            *ret_n = a.body_n;
        r = 1;
    } else if (a.status == 404) {
        r = 0;
    } else if (a.status == 403) {
        r = err_set(e, EACCES, ERR_DENIED, "metadata is switched off for this instance");
    } else {
        r = err_set(e, EPROTO, ERR_IO, "metadata '%s': status %u", path, a.status);
    }
    http_answer_done(&a);
    return r;
}

int imds_value(struct imds *m, const char *name, char **ret, struct err *e)
{
    _cleanup_str_ struct str path = STR_INIT(512);
    _cleanup_free_ char *raw = NULL;
    const char *from;
    size_t n = 0;
    int r;

    str_addf(&path, "meta-data/%s", name);
    r = str_check(&path, "a metadata path", e);
    if (r == 0)
        r = imds_get(m, str_text(&path), &raw, &n, e);
    if (r <= 0)
        return r;
    from = raw + strspn(raw, " \t\r\n");
    n = strlen(from);
    while (n && strchr(" \t\r\n", from[n - 1]))
        n--;
    if (n == 0)
        return 0;
    *ret = str_dup_n(from, n);
    return *ret ? 1 : err_oom(e);
}

int imds_region(struct imds *m, char **ret, struct err *e)
{
    char *text = NULL;
    size_t n;
    int r = imds_value(m, "placement/region", &text, e);

    if (r == 0) {
        r = imds_value(m, "placement/availability-zone", &text, e);
        n = r == 1 ? strlen(text) : 0;
        while (n && text[n - 1] == '.')
            text[--n] = '\0';
        if (n > 1)
            text[n - 1] = '\0'; /* its letter */
    }
    if (r != 1)
        return r;
    n = strlen(text);
    while (n && text[n - 1] == '.')
        text[--n] = '\0';
    if (n == 0) {
        free(text);
        return 0;
    }
    *ret = text;
    return 1;
}

void imds_stop_when(struct imds *m, bool (*stop)(void *ctx), void *ctx)
{
    m->stop = stop;
    m->stop_ctx = ctx;
}

int imds_wait(struct imds *m, void (*say)(void *ctx, bool again), void *ctx, struct err *e)
{
    struct win *w = m->w;
    uint64_t start = w->tick_ms(w), said = start;
    bool told = false;

    for (;;) {
        _cleanup_free_ char *body = NULL;
        uint64_t now;
        int r = imds_get(m, "meta-data/", &body, NULL, e);

        if (r == 1)
            return 1;
        if (r == -EACCES) {
            err_clear(e);
            return 0;
        }
        m->no_tokens = false;
        now = w->tick_ms(w);
        if (m->limit_ms && now - start >= m->limit_ms) {
            if (r == 0)
                return err_set(e, ETIMEDOUT, ERR_TIMEOUT, "metadata has no 'meta-data/'");
            e->no = ETIMEDOUT;
            e->kind = ERR_TIMEOUT;
            return err_wrap(e, "waited %u s for metadata", m->limit_ms / 1000);
        }
        err_clear(e);
        if (m->stop && m->stop(m->stop_ctx))
            return err_set(e, ECANCELED, ERR_OTHER, "stopped while metadata was waited for");
        if (!told || now - said >= m->say_ms) {
            if (say)
                say(ctx, told);
            told = true;
            said = now;
        }
        w->sleep_ms(w, m->poll_ms);
    }
}
