/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP/1.1 answer held in memory (RFC 9112): status line, headers, and a body whose length
 * comes from content-length, chunks, or the end of the connection. */
#include <errno.h>
#include <string.h>

#include "engine/imds.h"
#include "lib/str.h"

#define HEAD_MAX    KIB(16)
#define HEADERS_MAX 100U
#define CHUNKS_MAX  4096U

struct head {
    unsigned status;
    bool chunked, has_length;
    size_t length;
    size_t body_at; /* offset of the body */
};

static const char *find(const char *p, size_t n, const char *what)
{
    size_t m = strlen(what);

    for (size_t i = 0; i + m <= n; i++)
        if (memcmp(p + i, what, m) == 0)
            return p + i;
    return NULL;
}

static bool name_is(const char *p, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        char a = p[i];

        if (a >= 'A' && a <= 'Z')
            a = (char)(a + 32);
        if (!name[i] || a != name[i])
            return false;
    }
    return name[n] == '\0';
}

static int broken(struct err *e, const char *what)
{
    return err_set(e, EPROTO, ERR_IO, "the answer is not HTTP: %s", what);
}

static int read_length(const char *p, size_t n, struct head *h, struct err *e)
{
    size_t v = 0;

    if (n == 0 || n > 9)
        return broken(e, "content-length");
    for (size_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return broken(e, "content-length");
        v = v * 10 + (size_t)(p[i] - '0');
    }
    if (v > IMDS_BODY_MAX)
        return err_set(e, EFBIG, ERR_LIMIT, "the answer has %zu bytes", v);
    if (h->has_length && h->length != v)
        return broken(e, "two lengths");
    h->has_length = true;
    h->length = v;
    return 0;
}

static int read_header(const char *p, size_t n, struct head *h, struct err *e)
{
    const char *colon = memchr(p, ':', n);
    size_t name_n, value_n;

    if (!colon || colon == p)
        return broken(e, "a header without a colon");
    name_n = (size_t)(colon - p);
    p = colon + 1;
    value_n = n - name_n - 1;
    while (value_n && (*p == ' ' || *p == '\t')) {
        p++;
        value_n--;
    }
    while (value_n && (p[value_n - 1] == ' ' || p[value_n - 1] == '\t'))
        value_n--;
    if (name_is(colon - name_n, name_n, "content-length"))
        return read_length(p, value_n, h, e);
    if (name_is(colon - name_n, name_n, "transfer-encoding")) {
        if (!name_is(p, value_n, "chunked"))
            return broken(e, "an unknown transfer-encoding");
        h->chunked = true;
    }
    return 0;
}

/* 1: *h is filled in; 0: the head is not all here. */
static int read_head(const char *p, size_t n, struct head *h, struct err *e)
{
    const char *end = find(p, n, "\r\n\r\n"), *line;

    if (!end) {
        if (n > HEAD_MAX)
            return broken(e, "the head is too long");
        return 0;
    }
    if (end - p < 12 || (memcmp(p, "HTTP/1.1 ", 9) != 0 && memcmp(p, "HTTP/1.0 ", 9) != 0))
        return broken(e, "no status line");
    *h = (struct head){ .body_at = (size_t)(end - p) + 4 };
    for (int i = 9; i < 12; i++) {
        if (p[i] < '0' || p[i] > '9')
            return broken(e, "status");
        h->status = h->status * 10 + (unsigned)(p[i] - '0');
    }
    line = find(p, (size_t)(end - p) + 2, "\r\n");
    for (unsigned i = 0; line && line < end; i++) {
        const char *next;
        int r;

        line += 2;
        next = find(line, (size_t)(end - line) + 2, "\r\n");
        if (!next || i == HEADERS_MAX)
            return broken(e, "too many headers");
        r = read_header(line, (size_t)(next - line), h, e);
        if (r < 0)
            return r;
        line = next;
    }
    return 1;
}

/* Size line of a chunk at p: 1 and the size, 0 when not all here. */
static int chunk_size(const char *p, size_t n, size_t *ret, size_t *ret_line, struct err *e)
{
    const char *end = find(p, n < 256 ? n : 256, "\r\n");
    size_t v = 0, digits = 0;

    if (!end)
        return n < 256 ? 0 : broken(e, "chunk size");
    for (const char *q = p; q < end && *q != ';' && *q != ' '; q++, digits++) {
        unsigned d;

        if (*q >= '0' && *q <= '9')
            d = (unsigned)(*q - '0');
        else if ((*q | 32) >= 'a' && (*q | 32) <= 'f')
            d = (unsigned)((*q | 32) - 'a' + 10);
        else
            return broken(e, "chunk size");
        if (digits == 7)
            return broken(e, "chunk size");
        v = v * 16 + d;
    }
    if (!digits)
        return broken(e, "chunk size");
    *ret = v;
    *ret_line = (size_t)(end - p) + 2;
    return 1;
}

/* 1: out holds the whole body; 0: more is needed. */
static int read_chunks(const char *p, size_t n, struct str *out, struct err *e)
{
    for (unsigned i = 0; i < CHUNKS_MAX; i++) {
        size_t size = 0, line = 0;
        int r = chunk_size(p, n, &size, &line, e);

        if (r <= 0)
            return r;
        p += line;
        n -= line;
        if (size == 0) /* trailers are not read: nobody reuses the connection */
            return 1;
        if (n < 2 || n - 2 < size)
            return size > IMDS_BODY_MAX ? broken(e, "chunk size") : 0;
        if (p[size] != '\r' || p[size + 1] != '\n')
            return broken(e, "chunk end");
        str_add_mem(out, p, size);
        p += size + 2;
        n -= size + 2;
    }
    return broken(e, "too many chunks");
}

int http_answer_parse(const char *p, size_t n, bool at_end, struct http_answer *ret, struct err *e)
{
    struct str body = STR_INIT(IMDS_BODY_MAX);
    struct head h = { 0 };
    int r = read_head(p, n, &h, e);

    if (r == 0 && at_end)
        return broken(e, "it ends inside its head");
    if (r <= 0)
        return r;
    p += h.body_at;
    n -= h.body_at;
    if (h.chunked) {
        r = read_chunks(p, n, &body, e);
    } else {
        r = h.has_length ? n >= h.length : at_end;
        if (r == 1)
            str_add_mem(&body, p, h.has_length ? h.length : n);
    }
    if (r == 0 && at_end)
        r = broken(e, "it ends inside its body");
    if (r == 1 && body.failed)
        r = body.failed == -ENOMEM ? err_oom(e)
                                   : err_set(e, EFBIG, ERR_LIMIT, "the answer is too long");
    if (r == 1) {
        ret->status = h.status;
        ret->body_n = body.len;
        ret->body = body.p ? str_take(&body) : str_dup("");
        if (!ret->body)
            r = err_oom(e);
    }
    str_done(&body);
    return r;
}

void http_answer_done(struct http_answer *a)
{
    free(a->body);
    *a = (struct http_answer){ 0 };
}
