/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The order of the questions is EC2's: is the endpoint on; is the method right; may this one ask;
 * is there such an item. */
#include "answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "parse.h"

#define DATE_MAX 40U

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    { 200, "OK" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 408, "Request Timeout" },
    { 413, "Content Too Large" },
    { 414, "URI Too Long" },
    { 431, "Request Header Fields Too Large" },
    { 500, "Internal Server Error" },
    { 501, "Not Implemented" },
    { 503, "Service Unavailable" },
    { 505, "HTTP Version Not Supported" },
};

static const char *reason_of(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Unknown";
}

void answer_done(struct answer *a)
{
    str_done(&a->body);
}

void answer_status(int status, struct answer *ret)
{
    str_done(&ret->body);
    ret->body = (struct str)STR_INIT(TREE_BODY_MAX);
    ret->status = status;
    ret->type = "text/html";
    str_addf(&ret->body,
             "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n"
             "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\"\n"
             "    \"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">\n"
             "<html xmlns=\"http://www.w3.org/1999/xhtml\" xml:lang=\"en\" lang=\"en\">\n"
             " <head>\n  <title>%d - %s</title>\n </head>\n"
             " <body>\n  <h1>%d - %s</h1>\n </body>\n</html>\n",
             status, reason_of(status), status, reason_of(status));
}

/* ---- the path --------------------------------------------------------------------------------
 */

struct route {
    char text[HTTP_LINE_MAX];
    const char *parts[TREE_DEPTH_MAX + 1]; /* [0] is the version */
    size_t n;
};

/* Takes %XX out, in place; false when it is none or makes a NUL. */
static bool decode(char *text)
{
    char *to = text;
    uint8_t c;

    for (const char *p = text; *p; p++, to++) {
        char two[3];

        if (*p != '%') {
            *to = *p;
            continue;
        }
        memcpy(two, (char[3]){ p[1], p[1] ? p[2] : '\0', '\0' }, sizeof two);
        if (hex_decode(two, &c, 1) < 0 || c == '\0')
            return false;
        *to = (char)c;
        p += 2;
    }
    *to = '\0';
    return true;
}

/* Cut before it is decoded, so that %2F is a letter of a name. Empty names count for nothing: "//"
 * is "/", and a final "/" may be there or not. 0, or the status. */
static int route_read(const char *path, struct route *ret)
{
    char *p = ret->text;

    memcpy(ret->text, path, strlen(path) + 1);
    ret->n = 0;
    while (*(p += strspn(p, "/"))) {
        char *end = p + strcspn(p, "/");
        bool last = *end == '\0';

        *end = '\0';
        if (ret->n == ARRAY_LEN(ret->parts))
            return 404;
        if (!decode(p))
            return 400;
        ret->parts[ret->n++] = p;
        if (last)
            break;
        p = end + 1;
    }
    return 0;
}

static bool is_token_path(const struct route *r)
{
    return r->n == 3 && str_eq(r->parts[1], "api") && str_eq(r->parts[2], "token");
}

/* ---- tokens ----------------------------------------------------------------------------------
 */

/* Whether the path may be put to; else the answer stands. */
static bool may_put(const struct route *route, const struct http_head *q, struct answer *ret)
{
    if (!is_token_path(route)) {
        answer_status(405, ret);
        ret->allow = "GET, HEAD";
        return false;
    }
    if (q->forwarded || !str_eq(route->parts[0], "latest")) {
        answer_status(403, ret);
        return false;
    }
    return true;
}

static void put_token(const struct answer_site *site, const struct imds_instance *x,
                      const struct http_head *q, uint64_t mono_ms, struct answer *ret)
{
    char token[TOKEN_TEXT];
    uint64_t ttl;

    if (!q->has_ttl || parse_u64(q->ttl, TOKEN_TTL_MIN, TOKEN_TTL_MAX, &ttl) < 0) {
        answer_status(400, ret);
        return;
    }
    if (token_make(site->tokens, x->id, x->generation, (uint32_t)ttl, mono_ms, token) < 0) {
        answer_status(500, ret);
        return;
    }
    ret->status = 200;
    ret->type = "text/plain";
    ret->ttl_s = (uint32_t)ttl;
    ret->hop_limit = x->hop_limit ? x->hop_limit : 1;
    str_add(&ret->body, token);
    explicit_bzero(token, sizeof token);
}

/* A wrong token is refused even where none is needed. */
static bool may_get(const struct answer_site *site, const struct imds_instance *x,
                    const struct http_head *q, uint64_t mono_ms, struct answer *ret)
{
    bool ok = !x->tokens_required;

    if (q->has_token)
        ok = token_check(site->tokens, x->id, x->generation, q->token, mono_ms, &ret->ttl_s) > 0;
    if (!ok)
        answer_status(401, ret);
    return ok;
}

/* ---- items -----------------------------------------------------------------------------------
 */

static void list_versions(struct str *out)
{
    size_t n;
    const char *const *v = tree_versions(&n);

    for (size_t i = 0; i < n; i++)
        str_addf(out, "%s%s", i ? "\n" : "", v[i]);
}

static void get_item(const struct answer_site *site, struct sign_memo *memo,
                     const struct imds_instance *x, const struct route *route, struct answer *ret)
{
    struct tree_ask ask = { .x = x, .sign = site->sign, .memo = memo };
    bool binary = false;
    int r;

    if (route->n == 0) {
        list_versions(&ret->body);
        r = 1;
    } else if (!tree_has_version(route->parts[0])) {
        r = 0;
    } else {
        ask.version = route->parts[0];
        r = tree_get(&ask, route->parts + 1, route->n - 1, &ret->body, &binary, &ret->e);
    }
    if (r > 0)
        r = str_check(&ret->body, "an answer", &ret->e) < 0 ? -ENOMEM : 1;
    ret->failed = r < 0;
    if (r <= 0) {
        answer_status(r < 0 ? 500 : 404, ret);
        return;
    }
    ret->status = 200;
    ret->type = binary ? "application/octet-stream" : "text/plain";
    ret->modified_ms = x->launched_ms;
}

void answer_make(const struct answer_site *site, struct sign_memo *memo,
                 const struct imds_instance *x, const struct http_head *q, uint64_t mono_ms,
                 struct answer *ret)
{
    struct route route;
    int status;

    *ret = (struct answer){ .body = STR_INIT(TREE_BODY_MAX) };
    status = route_read(q->path, &route);
    if (!x)
        answer_status(404, ret);
    else if (x->endpoint_disabled)
        answer_status(403, ret);
    else if (q->method == HTTP_ANOTHER ||
             (status == 0 && q->method != HTTP_PUT && is_token_path(&route))) {
        answer_status(405, ret);
        ret->allow = status == 0 && is_token_path(&route) ? "PUT" : "GET, HEAD";
    } else if (status == 400)
        answer_status(400, ret);
    else if (q->method == HTTP_PUT) {
        if (may_put(&route, q, ret))
            put_token(site, x, q, mono_ms, ret);
    } else if (may_get(site, x, q, mono_ms, ret)) {
        if (status)
            answer_status(status, ret);
        else
            get_item(site, memo, x, &route, ret);
    }
}

/* ---- printing --------------------------------------------------------------------------------
 */

static void http_date(uint64_t real_ms, char out[DATE_MAX])
{
    time_t t = (time_t)(real_ms / 1000U);
    struct tm tm;

    if (!gmtime_r(&t, &tm) || !strftime(out, DATE_MAX, "%a, %d %b %Y %H:%M:%S GMT", &tm))
        (void)str_copy(out, DATE_MAX, "Thu, 01 Jan 1970 00:00:00 GMT");
}

void answer_print(const struct answer *a, bool with_body, bool keep_alive, uint64_t real_ms,
                  struct str *out)
{
    char date[DATE_MAX];

    str_addf(out, "HTTP/1.1 %d %s\r\n", a->status, reason_of(a->status));
    if (a->ttl_s)
        str_addf(out, "X-Aws-Ec2-Metadata-Token-Ttl-Seconds: %u\r\n", (unsigned)a->ttl_s);
    if (a->allow)
        str_addf(out, "Allow: %s\r\n", a->allow);
    str_addf(out, "Content-Type: %s\r\nAccept-Ranges: none\r\n", a->type);
    if (a->modified_ms) {
        http_date(a->modified_ms, date);
        str_addf(out, "Last-Modified: %s\r\n", date);
    }
    http_date(real_ms, date);
    str_addf(out, "Content-Length: %zu\r\nDate: %s\r\nServer: EC2ws\r\nConnection: %s\r\n\r\n",
             a->body.len, date, keep_alive ? "keep-alive" : "close");
    if (with_body)
        str_add_mem(out, a->body.p, a->body.len);
}
