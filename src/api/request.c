/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "request.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"
#include "utf8.h"

static int syntax_error(const char **ret_code, struct err *e, const char *what)
{
    *ret_code = "MalformedQueryString";
    return err_set(e, EINVAL, ERR_INVALID, "The query string contains a syntax error: %s", what);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes [p, end) to *out and moves it; false for a bad escape or a NUL byte. */
static bool decode(const char *p, const char *end, char **out)
{
    char *o = *out;

    while (p < end) {
        char c = *p++;

        if (c == '+') {
            c = ' ';
        } else if (c == '%') {
            int hi = end - p >= 2 ? hex_value(p[0]) : -1;
            int lo = hi >= 0 ? hex_value(p[1]) : -1;

            if (lo < 0)
                return false;
            c = (char)(hi << 4 | lo);
            p += 2;
        }
        if (!c)
            return false;
        *o++ = c;
    }
    *out = o;
    return true;
}

/* One "name=value" to r->v[r->n]; *out moves past both and their NULs. */
static int parse_pair(struct api_request *r, const char *p, const char *end, char **out,
                      const char **ret_code, struct err *e)
{
    const char *eq = memchr(p, '=', (size_t)(end - p));
    struct request_value *v = &r->v[r->n];
    char *name = *out, *value;

    if (!decode(p, eq ? eq : end, out))
        return syntax_error(ret_code, e, "a parameter's name holds a bad '%' escape");
    *(*out)++ = '\0';
    value = *out;
    if (eq && !decode(eq + 1, end, out))
        return syntax_error(ret_code, e, "a value holds a bad '%' escape");
    *(*out)++ = '\0';

    if (!*name || strlen(name) > REQUEST_NAME_MAX || !utf8_valid(name, strlen(name)))
        return syntax_error(ret_code, e, "a parameter has no name, or not one of UTF-8 text");
    if (!utf8_valid(value, strlen(value))) {
        *ret_code = "InvalidParameterValue";
        return err_set(e, EINVAL, ERR_INVALID, "The value of parameter %s is not UTF-8 text", name);
    }
    *v = (struct request_value){ .name = name, .value = value };
    r->n++;
    return 0;
}

static size_t count_pairs(const char *p, size_t n)
{
    size_t pairs = n > 0;

    for (size_t i = 0; i < n; i++)
        pairs += p[i] == '&';
    return pairs;
}

static int parse_form(struct api_request *r, const char *p, size_t n, char **out,
                      const char **ret_code, struct err *e)
{
    const char *end = n ? p + n : p; /* p may be NULL */

    while (p < end) {
        const char *amp = memchr(p, '&', (size_t)(end - p));
        const char *stop = amp ? amp : end;
        int rc;

        if (stop > p) {
            rc = parse_pair(r, p, stop, out, ret_code, e);
            if (rc < 0)
                return rc;
        }
        p = amp ? amp + 1 : end;
    }
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct request_value *)a)->name, ((const struct request_value *)b)->name);
}

int request_parse(struct api_request *r, const char *query, const char *body, size_t body_len,
                  const char **ret_code, struct err *e)
{
    size_t query_len = query ? strlen(query) : 0, pairs;
    char *out;
    int rc;

    *r = (struct api_request){ 0 };
    pairs = count_pairs(query, query_len) + count_pairs(body, body_len);
    if (pairs > REQUEST_PARAMS_MAX) {
        *ret_code = "InvalidRequest";
        return err_set(e, E2BIG, ERR_LIMIT, "The request has %zu parameters, at most %u are read",
                       pairs, REQUEST_PARAMS_MAX);
    }
    /* a name without '=' grows by one NUL, hence twice */
    r->text = malloc(2 * (query_len + body_len) + 2);
    r->v = calloc(pairs + 1, sizeof(*r->v));
    if (!r->text || !r->v)
        return *ret_code = "InternalError", err_oom(e);
    out = r->text;
    rc = parse_form(r, query, query_len, &out, ret_code, e);
    if (rc == 0)
        rc = parse_form(r, body, body_len, &out, ret_code, e);
    return rc < 0 ? rc : request_sort(r, ret_code, e);
}

int request_sort(struct api_request *r, const char **ret_code, struct err *e)
{
    qsort(r->v, r->n, sizeof(*r->v), by_name);
    for (size_t i = 1; i < r->n; i++)
        if (str_eq(r->v[i - 1].name, r->v[i].name)) {
            *ret_code = "InvalidParameterCombination";
            return err_set(e, EINVAL, ERR_INVALID, "The parameter %s is given twice", r->v[i].name);
        }
    return 0;
}

void request_done(struct api_request *r)
{
    for (size_t i = 0; i < r->n_lists; i++) {
        free(r->lists[i].name);
        free(r->lists[i].index);
    }
    for (size_t i = 0; i < r->n; i++)
        free(r->v[i].own);
    free(r->lists);
    free(r->v);
    free(r->text);
    filter_set_free(r->filters);
    *r = (struct api_request){ 0 };
}

/* First entry whose name is not below the given one. */
static size_t lower_bound(const struct api_request *r, const char *name)
{
    size_t from = 0, to = r->n;

    while (from < to) {
        size_t mid = from + (to - from) / 2;

        if (strcmp(r->v[mid].name, name) < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

static const struct request_value *find(const struct api_request *r, const char *name)
{
    size_t i = lower_bound(r, name);

    return i < r->n && str_eq(r->v[i].name, name) ? &r->v[i] : NULL;
}

const char *request_raw(const struct api_request *r, const char *name)
{
    const struct request_value *v = find(r, name);

    return v && *v->value ? v->value : NULL;
}

static bool in_digest(const char *name)
{
    static const char *const left_out[] = { "ClientToken", "DryRun", "Version", NULL };

    for (size_t i = 0; left_out[i]; i++)
        if (str_eq(name, left_out[i]))
            return false;
    return !str_starts(name, "X-Amz-");
}

int request_digest(const struct api_request *r, uint8_t out[32], struct err *e)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;

    for (size_t i = 0; ok && i < r->n; i++) {
        const struct request_value *v = &r->v[i];

        if (!v->given || !in_digest(v->name))
            continue;
        ok = EVP_DigestUpdate(ctx, v->name, strlen(v->name) + 1) == 1 &&
             EVP_DigestUpdate(ctx, v->value, strlen(v->value) + 1) == 1;
    }
    ok = ok && EVP_DigestFinal_ex(ctx, out, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    return ok ? 0 : err_set(e, EIO, ERR_OTHER, "take the SHA-256 of the request's parameters");
}

/* ---- accessors */

static const struct request_value *find_given(const struct api_call *c, const char *name)
{
    const struct request_value *v = find(c->req, name);

    return v && v->given ? v : NULL;
}

const char *api_text(const struct api_call *c, const char *name)
{
    const struct request_value *v = find_given(c, name);

    return v ? v->value : NULL;
}

bool api_has(const struct api_call *c, const char *name)
{
    return find_given(c, name) != NULL;
}

bool api_bool(const struct api_call *c, const char *name, bool fallback)
{
    const char *text = api_text(c, name);

    if (text)
        (void)parse_bool(text, &fallback); /* checked before: see check.c */
    return fallback;
}

uint64_t api_int(const struct api_call *c, const char *name, uint64_t fallback)
{
    const char *text = api_text(c, name);

    if (text)
        (void)parse_u64(text, 0, UINT64_MAX, &fallback); /* checked before: see check.c */
    return fallback;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* The index at p, which ends with '.' or the text; -1 when there is none. */
static long index_at(const char *p)
{
    char digits[8];
    size_t n = strspn(p, "0123456789");
    uint64_t v;

    if (n == 0 || n >= sizeof(digits) || (p[n] && p[n] != '.'))
        return -1;
    memcpy(digits, p, n);
    digits[n] = '\0';
    return parse_u64(digits, 0, REQUEST_INDEX_MAX, &v) < 0 ? -1 : (long)v;
}

/* The names of a list stand side by side, sorted as text: Tag.1.Key, Tag.10.Key, Tag.2.Key. */
static void collect_indexes(const struct api_request *r, struct request_list *l)
{
    size_t skip = strlen(l->name) + 1, first, room = 0;
    char prefix[REQUEST_NAME_MAX + 2];

    (void)snprintf(prefix, sizeof(prefix), "%s.", l->name);
    first = lower_bound(r, prefix);
    for (size_t i = first; i < r->n && str_starts(r->v[i].name, prefix); i++)
        room += r->v[i].given;
    l->index = xcalloc(room + 1, sizeof(*l->index));
    for (size_t i = first; i < r->n && str_starts(r->v[i].name, prefix); i++) {
        long index = r->v[i].given ? index_at(r->v[i].name + skip) : -1;

        if (index >= 0 && (l->n == 0 || l->index[l->n - 1] != (uint32_t)index))
            l->index[l->n++] = (uint32_t)index;
    }
    qsort(l->index, l->n, sizeof(*l->index), by_number);
}

static const struct request_list *list_of(const struct api_call *c, const char *name)
{
    struct api_request *r = c->req;
    struct request_list *grown, l = { 0 };

    for (size_t i = 0; i < r->n_lists; i++)
        if (str_eq(r->lists[i].name, name))
            return &r->lists[i];
    if (strlen(name) > REQUEST_NAME_MAX)
        return NULL;
    /* at most as many lists as parameters are ever asked for with content: bounded by the table
     * and REQUEST_PARAMS_MAX */
    grown = realloc(r->lists, (r->n_lists + 1) * sizeof(*grown));
    if (!grown)
        return NULL;
    r->lists = grown;
    l.name = xstrdup(name);
    collect_indexes(r, &l);
    r->lists[r->n_lists++] = l;
    return &r->lists[r->n_lists - 1];
}

size_t api_count(const struct api_call *c, const char *list)
{
    const struct request_list *l = list_of(c, list);

    return l ? l->n : 0;
}

static const struct request_value *item(const struct api_call *c, const char *list, size_t i,
                                        const char *member)
{
    const struct request_list *l = list_of(c, list);
    char name[REQUEST_NAME_MAX + 1];
    int n;

    if (!l || i >= l->n)
        return NULL;
    n = snprintf(name, sizeof(name), "%s.%u%s%s", list, l->index[i], *member ? "." : "", member);
    return n > 0 && (size_t)n < sizeof(name) ? find_given(c, name) : NULL;
}

const char *api_item(const struct api_call *c, const char *list, size_t i, const char *member)
{
    const struct request_value *v = item(c, list, i, member);

    return v ? v->value : NULL;
}

bool api_item_has(const struct api_call *c, const char *list, size_t i, const char *member)
{
    return item(c, list, i, member) != NULL;
}

const char *api_sub(const struct api_call *c, const char *list, size_t i, const char *inner,
                    char *buf, size_t size)
{
    const struct request_list *l = list_of(c, list);

    if (l && i < l->n)
        (void)snprintf(buf, size, "%s.%u.%s", list, l->index[i], inner);
    else if (size > 0)
        buf[0] = '\0';
    return buf;
}
