/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sigv4.h"

#define API_VERSION   "2016-11-15"
#define CONNECT_S     5L
#define ANSWER_S      120L
#define ANSWER_MAX    MIB(64)
#define CONTENT_TYPE  "application/x-www-form-urlencoded; charset=utf-8"
#define PARAMETER_MAX 256

void query_done(struct query *q)
{
    str_done(&q->body);
}

static void add_pair(struct query *q, const char *name, const char *value)
{
    str_uri(&q->body, name, strlen(name), false);
    str_addc(&q->body, '=');
    str_uri(&q->body, value, strlen(value), false);
}

void query_action(struct query *q, const char *action)
{
    add_pair(q, "Action", action);
    query_add(q, "Version", API_VERSION);
}

void query_add(struct query *q, const char *name, const char *value)
{
    if (!value || !value[0])
        return;
    str_addc(&q->body, '&');
    add_pair(q, name, value);
}

void query_addf(struct query *q, const char *value, const char *name, ...)
{
    char full[PARAMETER_MAX];
    va_list ap;

    va_start(ap, name);
    (void)vsnprintf(full, sizeof(full), name, ap);
    va_end(ap);
    query_add(q, full, value);
}

void query_tag(struct query *q, size_t spec, size_t tag, const char *type, const char *key,
               const char *value)
{
    if (!value || !value[0])
        return;
    if (tag == 1)
        query_addf(q, type, "TagSpecification.%zu.ResourceType", spec);
    query_addf(q, key, "TagSpecification.%zu.Tag.%zu.Key", spec, tag);
    query_addf(q, value, "TagSpecification.%zu.Tag.%zu.Value", spec, tag);
}

/* ---- transport ------------------------------------------------------------------------------- */

struct target {
    char host[300]; /* as the Host header has it */
    char path[300];
    bool loopback;
};

static void freep_url_part(char **p)
{
    curl_free(*p);
}
#define _cleanup_part_ _cleanup_(freep_url_part)

static void freep_url(CURLU **u)
{
    curl_url_cleanup(*u);
}

/* What is signed must be what is sent, so the Host header is made here and not by libcurl. */
static int target_read(struct cli *c, struct target *ret, struct err *e)
{
    CURLU *u _cleanup_(freep_url) = curl_url();
    _cleanup_part_ char *scheme = NULL, *host = NULL, *port = NULL, *path = NULL;
    struct target t = { 0 };

    if (!u)
        return err_oom(e);
    if (curl_url_set(u, CURLUPART_URL, c->cfg.endpoint, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        (!str_eq(scheme, "http") && !str_eq(scheme, "https")) ||
        curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_PATH, &path, 0) != CURLUE_OK) {
        c->exit = CLI_USAGE;
        return err_set(e, EINVAL, ERR_INVALID,
                       "'%s' is not an endpoint such as http://127.0.0.1:8773", c->cfg.endpoint);
    }
    (void)curl_url_get(u, CURLUPART_PORT, &port, CURLU_NO_DEFAULT_PORT); /* absent is fine */
    (void)snprintf(t.host, sizeof(t.host), "%s%s%s", host, port ? ":" : "", port ? port : "");
    (void)snprintf(t.path, sizeof(t.path), "%s", path);
    t.loopback = str_starts(host, "127.") || str_eq(host, "localhost") || str_eq(host, "[::1]");
    *ret = t;
    return 0;
}

static size_t on_bytes(char *p, size_t size, size_t n, void *userdata)
{
    struct str *s = userdata;

    str_add_mem(s, p, size * n);
    return s->failed ? 0 : size * n;
}

static void freep_list(struct curl_slist **l)
{
    curl_slist_free_all(*l);
}

static int add_header(struct curl_slist **l, const char *name, const char *value)
{
    _cleanup_free_ char *line = xasprintf("%s: %s", name, value);
    struct curl_slist *n = curl_slist_append(*l, line);

    if (!n)
        return -ENOMEM;
    *l = n;
    return 0;
}

static int make_headers(const struct cli_config *cfg, const struct target *t,
                        const struct str *body, struct curl_slist **ret, struct err *e)
{
    const struct sigv4_header signed_headers[] = {
        { "content-type", CONTENT_TYPE },
        { "host", t->host },
    };
    const struct sigv4_request rq = {
        .method = "POST",
        .path = t->path,
        .query = "",
        .headers = signed_headers,
        .n_headers = ARRAY_LEN(signed_headers),
        .body = str_text(body),
        .body_len = body->len,
    };
    _cleanup_free_ char *authorization = NULL;
    char stamp[SIGV4_STAMP];
    int r = sigv4_sign(&rq, cfg->access_key, cfg->secret, cfg->region, "ec2", (uint64_t)time(NULL),
                       stamp, &authorization, e);

    if (r < 0)
        return r;
    if (add_header(ret, "Host", t->host) < 0 || add_header(ret, "Content-Type", CONTENT_TYPE) < 0 ||
        add_header(ret, "X-Amz-Date", stamp) < 0 ||
        add_header(ret, "Authorization", authorization) < 0 ||
        add_header(ret, "Expect", "") < 0) /* no second round trip */
        return err_oom(e);
    return 0;
}

static int unreachable(struct cli *c, CURLcode code, const char *why, struct err *e)
{
    c->exit = CLI_UNREACHABLE;
    return err_set(e, ECONNREFUSED, code == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT : ERR_IO,
                   "kilnd does not answer at %s: %s; is it running?", c->cfg.endpoint,
                   why[0] ? why : curl_easy_strerror(code));
}

/* The handle, with what never changes; kept for the next request. */
static CURL *handle(struct cli *c, const struct target *t)
{
    if (c->curl)
        return c->curl;
    c->curl = curl_easy_init();
    if (!c->curl)
        return NULL;
    curl_easy_setopt(c->curl, CURLOPT_URL, c->cfg.endpoint);
    curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
    curl_easy_setopt(c->curl, CURLOPT_TIMEOUT, ANSWER_S);
    curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(c->curl, CURLOPT_USERAGENT, "kiln");
    if (t->loopback) /* a proxy of the environment is for the outside */
        curl_easy_setopt(c->curl, CURLOPT_PROXY, "");
    return c->curl;
}

static int exchange(struct cli *c, const struct target *t, struct query *q, struct str *out,
                    long *ret_status, struct err *e)
{
    struct curl_slist *headers _cleanup_(freep_list) = NULL;
    char why[CURL_ERROR_SIZE] = "";
    CURL *h = handle(c, t);
    CURLcode code;
    int r;

    if (!h)
        return err_oom(e);
    r = make_headers(&c->cfg, t, &q->body, &headers, e);
    if (r < 0)
        return r;
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body.len);
    curl_easy_setopt(h, CURLOPT_POSTFIELDS, str_text(&q->body));
    curl_easy_setopt(h, CURLOPT_WRITEDATA, out);
    curl_easy_setopt(h, CURLOPT_ERRORBUFFER, why);
    code = curl_easy_perform(h);
    curl_easy_setopt(h, CURLOPT_ERRORBUFFER, NULL);
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, NULL);
    if (out->failed)
        return str_check(out, "the answer", e);
    if (code != CURLE_OK)
        return unreachable(c, code, why, e);
    curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, ret_status);
    return 0;
}

int client_call(struct cli *c, struct query *q, struct answer *ret, struct err *e)
{
    _cleanup_str_ struct str out = STR_INIT(ANSWER_MAX);
    struct target t;
    long status = 0;
    int r = 0;

    c->code[0] = 0;
    if (!c->configured)
        r = config_load(c, false, e);
    if (r >= 0)
        r = str_check(&q->body, "the request", e);
    if (r >= 0)
        r = target_read(c, &t, e);
    if (r >= 0)
        r = exchange(c, &t, q, &out, &status, e);
    if (r < 0)
        return r;
    return answer_parse(c, str_text(&out), out.len, status, ret, e);
}

void client_done(struct cli *c)
{
    if (c->curl)
        curl_easy_cleanup(c->curl);
    c->curl = NULL;
}
