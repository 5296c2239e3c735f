/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http-head.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "parse.h"

struct span {
    const char *p;
    size_t n;
};

static bool span_is(struct span s, const char *word)
{
    return s.n == strlen(word) && memcmp(s.p, word, s.n) == 0;
}

static bool span_is_nocase(struct span s, const char *word)
{
    return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

static struct span trim(struct span s)
{
    while (s.n && (*s.p == ' ' || *s.p == '\t'))
        s.p++, s.n--;
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* Copies, or leaves "" when it does not fit. */
static void span_copy(struct span s, char *out, size_t size)
{
    out[0] = '\0';
    if (s.n < size) {
        memcpy(out, s.p, s.n);
        out[s.n] = '\0';
    }
}

/* A line without its end, LF or CR LF; false when there is none left. */
static bool next_line(struct span *rest, struct span *ret)
{
    const char *nl = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;

    if (!nl)
        return false;
    *ret = (struct span){ rest->p, (size_t)(nl - rest->p) };
    rest->n -= ret->n + 1;
    rest->p = nl + 1;
    if (ret->n && ret->p[ret->n - 1] == '\r')
        ret->n--;
    return true;
}

/* ---- where it ends ---------------------------------------------------------------------------
 */

size_t http_head_find(const char *p, size_t n, size_t *scanned)
{
    size_t i = *scanned;

    for (; i < n; i++) {
        size_t back = i;

        if (p[i] != '\n')
            continue;
        if (back && p[back - 1] == '\r')
            back--;
        if (back == 0 || p[back - 1] == '\n') {
            *scanned = 0;
            return i + 1;
        }
    }
    *scanned = n;
    return 0;
}

int http_head_too_long(const char *p, size_t n)
{
    const char *nl = n ? memchr(p, '\n', n) : NULL;
    size_t line = nl ? (size_t)(nl - p) : n;

    if (line >= HTTP_LINE_MAX)
        return 414;
    return n - line > HTTP_FIELDS_MAX ? 431 : 0;
}

/* ---- the request line ------------------------------------------------------------------------
 */

static bool is_token_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_token_char(s.p[i]))
            return false;
    return s.n > 0;
}

static bool cut_word(struct span *rest, struct span *ret)
{
    const char *blank = rest->n ? memchr(rest->p, ' ', rest->n) : NULL;

    if (!blank)
        return false;
    *ret = (struct span){ rest->p, (size_t)(blank - rest->p) };
    rest->n -= ret->n + 1;
    rest->p = blank + 1;
    return ret->n > 0;
}

static enum http_method method_of(struct span s)
{
    static const struct {
        const char *name;
        enum http_method method;
    } known[] = { { "GET", HTTP_GET }, { "HEAD", HTTP_HEAD }, { "PUT", HTTP_PUT } };

    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (span_is(s, known[i].name))
            return known[i].method;
    return HTTP_ANOTHER;
}

/* The target is a path, or (as a proxy is asked) a whole URL whose host does not matter. */
static int read_target(struct span s, struct http_head *ret)
{
    static const char scheme[] = "http://";
    const char *query;

    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
            return 400;
    if (s.n >= sizeof scheme - 1 && strncasecmp(s.p, scheme, sizeof scheme - 1) == 0) {
        const char *slash;

        s.p += sizeof scheme - 1, s.n -= sizeof scheme - 1;
        slash = s.n ? memchr(s.p, '/', s.n) : NULL;
        s.n = slash ? s.n - (size_t)(slash - s.p) : 1;
        s.p = slash ? slash : "/";
    }
    query = s.n ? memchr(s.p, '?', s.n) : NULL;
    if (query)
        s.n = (size_t)(query - s.p);
    if (span_is(s, "*") && ret->method == HTTP_ANOTHER)
        s = (struct span){ "/", 1 }; /* OPTIONS *: refused as a method, not as nonsense */
    if (s.n == 0 || *s.p != '/')
        return 400;
    span_copy(s, ret->path, sizeof ret->path);
    return 0;
}

/* 0 and which 1.x in *ret_minor. */
static int read_version(struct span s, unsigned *ret_minor)
{
    if (span_is(s, "HTTP/1.1") || span_is(s, "HTTP/1.0")) {
        *ret_minor = (unsigned)(s.p[s.n - 1] - '0');
        return 0;
    }
    return s.n == 8 && memcmp(s.p, "HTTP/", 5) == 0 ? 505 : 400;
}

static int read_line(struct span line, struct http_head *ret, unsigned *ret_minor)
{
    struct span method, target;
    int status;

    if (line.n >= HTTP_LINE_MAX)
        return 414;
    if (!cut_word(&line, &method) || !is_token(method) || !cut_word(&line, &target))
        return 400;
    ret->method = method_of(method);
    status = read_target(target, ret);
    return status ? status : read_version(line, ret_minor);
}

/* ---- the header lines ------------------------------------------------------------------------
 */

struct seen {
    bool host, length, connection_close, connection_keep;
};

typedef int (*field_fn)(struct span value, struct http_head *h, struct seen *seen);

static int on_host(struct span value, struct http_head *h, struct seen *seen)
{
    (void)value, (void)h;
    if (seen->host)
        return 400;
    seen->host = true;
    return 0;
}

static int on_length(struct span value, struct http_head *h, struct seen *seen)
{
    char text[24];
    int r;

    span_copy(value, text, sizeof text);
    r = parse_u64(text, 0, HTTP_BODY_MAX, &h->body_bytes);
    if (seen->length || r == -EINVAL)
        return 400;
    seen->length = true;
    return r < 0 ? 413 : 0;
}

static int on_encoding(struct span value, struct http_head *h, struct seen *seen)
{
    (void)value, (void)h, (void)seen;
    return 501;
}

static int on_connection(struct span value, struct http_head *h, struct seen *seen)
{
    (void)h;
    while (value.n) {
        const char *comma = memchr(value.p, ',', value.n);
        struct span one = { value.p, comma ? (size_t)(comma - value.p) : value.n };

        value.p += one.n, value.n -= one.n;
        if (comma)
            value.p++, value.n--;
        one = trim(one);
        seen->connection_close = seen->connection_close || span_is_nocase(one, "close");
        seen->connection_keep = seen->connection_keep || span_is_nocase(one, "keep-alive");
    }
    return 0;
}

static int on_expect(struct span value, struct http_head *h, struct seen *seen)
{
    (void)seen;
    h->expects_continue = span_is_nocase(value, "100-continue");
    return 0;
}

static int on_forwarded(struct span value, struct http_head *h, struct seen *seen)
{
    (void)value, (void)seen;
    h->forwarded = true;
    return 0;
}

static int on_token(struct span value, struct http_head *h, struct seen *seen)
{
    (void)seen;
    if (h->has_token)
        return 400;
    h->has_token = true;
    span_copy(value, h->token, sizeof h->token);
    return 0;
}

static int on_ttl(struct span value, struct http_head *h, struct seen *seen)
{
    (void)seen;
    if (h->has_ttl)
        return 400;
    h->has_ttl = true;
    span_copy(value, h->ttl, sizeof h->ttl);
    return 0;
}

static const struct {
    const char *name;
    field_fn fn;
} fields[] = {
    { "Host", on_host },
    { "Content-Length", on_length },
    { "Transfer-Encoding", on_encoding },
    { "Connection", on_connection },
    { "Expect", on_expect },
    { "X-Forwarded-For", on_forwarded },
    { "X-aws-ec2-metadata-token", on_token },
    { "X-aws-ec2-metadata-token-ttl-seconds", on_ttl },
};

static bool value_is_clean(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (((unsigned char)s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7f)
            return false;
    return true;
}

/* A continued line (it begins with a blank) has no name, and is refused with that. */
static int read_field(struct span line, struct http_head *ret, struct seen *seen)
{
    const char *colon = line.n ? memchr(line.p, ':', line.n) : NULL;
    struct span name, value;

    if (!colon)
        return 400;
    name = (struct span){ line.p, (size_t)(colon - line.p) };
    value = trim((struct span){ colon + 1, line.n - name.n - 1 });
    if (!is_token(name) || !value_is_clean(value))
        return 400;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (span_is_nocase(name, fields[i].name))
            return fields[i].fn(value, ret, seen);
    return 0;
}

static int read_fields(struct span rest, struct http_head *ret, unsigned minor)
{
    struct seen seen = { 0 };
    struct span line;
    int status = 0;

    if (rest.n > HTTP_FIELDS_MAX + 2) /* the empty line counts for nothing */
        return 431;
    while (status == 0 && next_line(&rest, &line) && line.n)
        status = read_field(line, ret, &seen);
    if (status)
        return status;
    if (minor >= 1 && !seen.host)
        return 400;
    ret->keep_alive = !seen.connection_close && (minor >= 1 || seen.connection_keep);
    return 0;
}

int http_head_parse(const char *p, size_t n, struct http_head *ret)
{
    struct span rest = { p, n }, line;
    unsigned minor = 0;
    int status = 400;

    *ret = (struct http_head){ .method = HTTP_ANOTHER };
    if (next_line(&rest, &line))
        status = read_line(line, ret, &minor);
    if (status == 0)
        status = read_fields(rest, ret, minor);
    if (status) {
        ret->keep_alive = false;
        ret->body_bytes = 0;
    }
    return status;
}
