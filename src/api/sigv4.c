/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sigv4-priv.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "parse.h"
#include "str.h"

#define CANONICAL_MAX MIB(4)
#define PAIRS_MAX     4000
#define HASH_HEX      65

/* ---- SHA-256 and HMAC */

static const EVP_MD *sha256_md(void)
{
    static EVP_MD *md; /* fetched once: a fetch costs more than the hash of a request */

    if (!md)
        md = EVP_MD_fetch(NULL, "SHA256", NULL);
    return md ? md : EVP_sha256();
}

static bool sha256_hex(const void *p, size_t n, char out[HASH_HEX])
{
    uint8_t sum[32];

    if (EVP_Digest(n ? p : "", n, sum, NULL, sha256_md(), NULL) != 1)
        return false;
    hex_encode(sum, sizeof(sum), out);
    return true;
}

static bool hmac_half(EVP_MD_CTX *ctx, const uint8_t block[64], uint8_t mask, const void *p,
                      size_t n, uint8_t out[32])
{
    uint8_t pad[64];
    bool ok;

    for (size_t i = 0; i < sizeof(pad); i++)
        pad[i] = block[i] ^ mask;
    ok = EVP_DigestInit_ex(ctx, sha256_md(), NULL) == 1 &&
         EVP_DigestUpdate(ctx, pad, sizeof(pad)) == 1 && EVP_DigestUpdate(ctx, p, n) == 1 &&
         EVP_DigestFinal_ex(ctx, out, NULL) == 1;
    OPENSSL_cleanse(pad, sizeof(pad));
    return ok;
}

static bool hmac(const void *key, size_t key_len, const void *p, size_t n, uint8_t out[32])
{
    uint8_t block[64] = { 0 }, inner[32];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL;

    if (key_len <= sizeof(block))
        memcpy(block, key, key_len);
    else
        ok = ok && EVP_Digest(key, key_len, block, NULL, sha256_md(), NULL) == 1;
    ok = ok && hmac_half(ctx, block, 0x36, p, n, inner) &&
         hmac_half(ctx, block, 0x5c, inner, sizeof(inner), out);
    EVP_MD_CTX_free(ctx);
    OPENSSL_cleanse(block, sizeof(block));
    return ok;
}

static bool sign_hex(const struct sigv4_claim *c, const char *secret, const char *to_sign,
                     char out[HASH_HEX])
{
    _cleanup_free_ char *first = xasprintf("AWS4%s", secret);
    uint8_t k[32];
    bool ok = hmac(first, strlen(first), c->day, strlen(c->day), k) &&
              hmac(k, sizeof(k), c->region, strlen(c->region), k) &&
              hmac(k, sizeof(k), c->service, strlen(c->service), k) &&
              hmac(k, sizeof(k), "aws4_request", 12, k) &&
              hmac(k, sizeof(k), to_sign, strlen(to_sign), k);

    if (ok)
        hex_encode(k, sizeof(k), out);
    OPENSSL_cleanse(k, sizeof(k));
    OPENSSL_cleanse(first, strlen(first));
    return ok;
}

/* ---- the canonical request */

const char *sigv4_header_of(const struct sigv4_request *q, const char *name)
{
    for (size_t i = 0; i < q->n_headers; i++)
        if (str_eq_nocase(q->headers[i].name, name))
            return q->headers[i].value ? q->headers[i].value : "";
    return NULL;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

size_t sigv4_decode(char *text)
{
    char *out = text;

    for (const char *p = text; *p; p++) {
        if (*p == '%' && hex_value(p[1]) >= 0 && hex_value(p[2]) >= 0) {
            *out++ = (char)(hex_value(p[1]) << 4 | hex_value(p[2]));
            p += 2;
        } else {
            *out++ = *p == '+' ? ' ' : *p;
        }
    }
    *out = '\0';
    return (size_t)(out - text);
}

struct pair {
    char *name, *value; /* encoded */
};

static int by_name_and_value(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    int r = strcmp(x->name, y->name);

    return r ? r : strcmp(x->value, y->value);
}

static char *recode(char *text)
{
    _cleanup_str_ struct str s = STR_INIT(CANONICAL_MAX);
    size_t n = sigv4_decode(text);

    str_add(&s, "");
    str_uri(&s, text, n, false);
    return str_take(&s);
}

static size_t split_query(char *query, bool without_signature, struct pair *pairs)
{
    size_t n = 0;
    char *next = query;

    while (next && n < PAIRS_MAX) {
        char *part = next, *eq;

        next = strchr(part, '&');
        if (next)
            *next++ = '\0';
        if (!*part)
            continue;
        eq = strchr(part, '=');
        if (eq)
            *eq++ = '\0';
        pairs[n].value = eq ? recode(eq) : xstrdup("");
        pairs[n].name = recode(part);
        if (without_signature && str_eq(pairs[n].name, "X-Amz-Signature")) {
            free(pairs[n].name);
            free(pairs[n].value);
            continue;
        }
        n++;
    }
    return n;
}

static void add_query(struct str *s, const struct sigv4_request *q, bool presigned)
{
    _cleanup_free_ char *copy = NULL;
    _cleanup_free_ struct pair *pairs = NULL;
    size_t n;

    if (!q->query || !*q->query)
        return;
    copy = strdup(q->query);
    pairs = calloc(PAIRS_MAX, sizeof(*pairs));
    if (!copy || !pairs) {
        s->failed = -ENOMEM;
        return;
    }
    n = split_query(copy, presigned, pairs);
    qsort(pairs, n, sizeof(*pairs), by_name_and_value);
    for (size_t i = 0; i < n; i++) {
        if (!pairs[i].name || !pairs[i].value)
            s->failed = -ENOMEM;
        else
            str_addf(s, "%s%s=%s", i ? "&" : "", pairs[i].name, pairs[i].value);
        free(pairs[i].name);
        free(pairs[i].value);
    }
}

/* Trimmed at both ends, runs of blanks made one (a user-agent with a trailing blank is signed
 * trimmed). */
static void add_trimmed(struct str *s, const char *v)
{
    bool blank = false, any = false;

    for (; *v; v++) {
        if (*v == ' ' || *v == '\t') {
            blank = any;
            continue;
        }
        if (blank)
            str_addc(s, ' ');
        str_addc(s, *v);
        blank = false;
        any = true;
    }
}

/* false: there is no such header in the request. */
static bool add_header(struct str *s, const struct sigv4_request *q, const char *name)
{
    bool found = false;

    str_addf(s, "%s:", name);
    for (size_t i = 0; i < q->n_headers; i++) {
        if (!str_eq_nocase(q->headers[i].name, name))
            continue;
        if (found)
            str_addc(s, ',');
        add_trimmed(s, q->headers[i].value ? q->headers[i].value : "");
        found = true;
    }
    str_addc(s, '\n');
    return found;
}

static int add_headers(struct str *s, const struct sigv4_request *q, const char *list,
                       struct err *e)
{
    const char *p = list;

    for (unsigned n = 0; *p; n++) {
        size_t len = strcspn(p, ";");
        char name[128];

        if (n >= SIGV4_HEADERS || len == 0 || len >= sizeof(name))
            return err_set(e, EINVAL, ERR_INVALID, "the list of signed headers cannot be read");
        memcpy(name, p, len);
        name[len] = '\0';
        if (!add_header(s, q, name))
            return err_set(e, EINVAL, ERR_DENIED,
                           "the signed header '%s' is not in the request (a proxy on the way may "
                           "have dropped it)",
                           name);
        p += len;
        p += *p == ';';
    }
    return 0;
}

/* The text whose HMAC is the signature. payload: hex of the body's hash, or UNSIGNED-PAYLOAD. */
static int string_to_sign(const struct sigv4_request *q, const struct sigv4_claim *c,
                          const char *payload, char **ret, struct err *e)
{
    _cleanup_str_ struct str s = STR_INIT(CANONICAL_MAX);
    char hash[HASH_HEX];
    int r;

    str_addf(&s, "%s\n", q->method);
    if (*q->path)
        str_uri(&s, q->path, strlen(q->path), true);
    else
        str_addc(&s, '/');
    str_addc(&s, '\n');
    add_query(&s, q, c->presigned);
    str_addc(&s, '\n');
    r = add_headers(&s, q, c->signed_headers, e);
    if (r < 0)
        return r;
    str_addf(&s, "\n%s\n%s", c->signed_headers, payload);
    r = str_check(&s, "the canonical request", e);
    if (r < 0)
        return r;
    if (!sha256_hex(s.p, s.len, hash))
        return err_set(e, EIO, ERR_OTHER, "take the SHA-256 of the canonical request");
    *ret = xasprintf(SIGV4_ALGORITHM "\n%s\n%s/%s/%s/aws4_request\n%s", c->stamp, c->day, c->region,
                     c->service, hash);
    return 0;
}

/* ---- verifying */

void sigv4_stamp(uint64_t s, char out[SIGV4_STAMP])
{
    time_t t = (time_t)s;
    struct tm tm;

    if (!gmtime_r(&t, &tm) || strftime(out, SIGV4_STAMP, "%Y%m%dT%H%M%SZ", &tm) == 0)
        out[0] = '\0';
}

static int expired(const struct sigv4_claim *c, uint64_t now_s, const char *what,
                   enum sigv4_fault *fault, struct err *e)
{
    bool behind = c->stamp_s < now_s;
    uint64_t off = behind ? now_s - c->stamp_s : c->stamp_s - now_s;
    char now[SIGV4_STAMP];

    sigv4_stamp(now_s, now);
    *fault = SIGV4_FAULT_EXPIRED;
    return err_set(e, ETIME, ERR_DENIED,
                   "%s: it was signed at %s, %llu seconds %s this server's clock (%s)", what,
                   c->stamp, (unsigned long long)off, behind ? "behind" : "ahead of", now);
}

static int check_clock(const struct sigv4_claim *c, uint64_t now_s, enum sigv4_fault *fault,
                       struct err *e)
{
    uint64_t late = c->presigned ? c->expires_s : SIGV4_SKEW_S;

    if (c->stamp_s > now_s + SIGV4_SKEW_S)
        return expired(c, now_s, "at most 900 seconds ahead are accepted", fault, e);
    if (now_s > c->stamp_s + late)
        return expired(c, now_s,
                       c->presigned ? "its X-Amz-Expires has passed"
                                    : "at most 900 seconds behind are accepted",
                       fault, e);
    return 0;
}

static int payload_hash(const struct sigv4_request *q, bool unsigned_ok, char out[HASH_HEX],
                        enum sigv4_fault *fault, struct err *e)
{
    const char *said = sigv4_header_of(q, "x-amz-content-sha256");

    if (said && str_eq(said, "UNSIGNED-PAYLOAD") && unsigned_ok)
        return str_copy(out, HASH_HEX, said);
    if (!sha256_hex(q->body, q->body_len, out))
        return err_set(e, EIO, ERR_OTHER, "take the SHA-256 of the request's body");
    if (said && !str_eq(said, out)) {
        *fault = SIGV4_FAULT_MISMATCH;
        return err_set(e, EACCES, ERR_DENIED,
                       "x-amz-content-sha256 is not the SHA-256 of the body that arrived");
    }
    return 0;
}

int sigv4_verify(const struct sigv4_request *q, const struct sigv4_claim *c, const char *secret,
                 uint64_t now_s, bool unsigned_ok, enum sigv4_fault *ret_fault, struct err *e)
{
    _cleanup_free_ char *to_sign = NULL;
    char payload[HASH_HEX], signature[HASH_HEX];
    int r;

    *ret_fault = SIGV4_FAULT_OTHER;
    r = check_clock(c, now_s, ret_fault, e);
    if (r < 0)
        return r;
    if (strncmp(c->day, c->stamp, 8) != 0) {
        *ret_fault = SIGV4_FAULT_MISMATCH;
        return err_set(e, EACCES, ERR_DENIED, "the scope's day %s is not that of the date %s",
                       c->day, c->stamp);
    }
    r = payload_hash(q, unsigned_ok, payload, ret_fault, e);
    if (r < 0)
        return r;
    r = string_to_sign(q, c, payload, &to_sign, e);
    if (r < 0) {
        if (e->kind == ERR_DENIED)
            *ret_fault = SIGV4_FAULT_MISMATCH;
        return r;
    }
    if (!sign_hex(c, secret, to_sign, signature))
        return err_set(e, EIO, ERR_OTHER, "compute the signature");
    r = CRYPTO_memcmp(signature, c->signature, 64);
    OPENSSL_cleanse(signature, sizeof(signature));
    if (r == 0)
        return 0;
    *ret_fault = SIGV4_FAULT_MISMATCH;
    return err_set(e, EACCES, ERR_DENIED,
                   "the signature is not the one that this secret access key makes");
}

/* ---- signing */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All header names, lower-case, sorted, once each. */
static int name_headers(const struct sigv4_request *q, struct sigv4_claim *c, struct err *e)
{
    _cleanup_str_ struct str s = STR_INIT(sizeof(c->signed_headers) - 1);
    char *names[SIGV4_HEADERS];

    if (q->n_headers > SIGV4_HEADERS)
        return err_set(e, E2BIG, ERR_LIMIT, "sign a request with %zu headers, at most %d are",
                       q->n_headers, SIGV4_HEADERS);
    for (size_t i = 0; i < q->n_headers; i++) {
        names[i] = xstrdup(q->headers[i].name);
        for (char *p = names[i]; *p; p++)
            if (*p >= 'A' && *p <= 'Z')
                *p = (char)(*p - 'A' + 'a');
    }
    qsort(names, q->n_headers, sizeof(*names), by_text);
    for (size_t i = 0; i < q->n_headers; i++)
        if (i == 0 || !str_eq(names[i - 1], names[i]))
            str_addf(&s, "%s%s", i ? ";" : "", names[i]);
    for (size_t i = 0; i < q->n_headers; i++)
        free(names[i]);
    if (s.failed)
        return str_check(&s, "the list of signed headers", e);
    return str_copy(c->signed_headers, sizeof(c->signed_headers), str_text(&s));
}

int sigv4_sign(const struct sigv4_request *q, const char *access_key, const char *secret,
               const char *region, const char *service, uint64_t now_s, char stamp[SIGV4_STAMP],
               char **ret_authorization, struct err *e)
{
    _cleanup_free_ struct sigv4_header *all = calloc(q->n_headers + 1, sizeof(*all));
    _cleanup_free_ char *to_sign = NULL;
    struct sigv4_request whole = *q;
    struct sigv4_claim c = { 0 };
    char payload[HASH_HEX], signature[HASH_HEX];
    const char *said = sigv4_header_of(q, "x-amz-content-sha256");
    int r;

    if (!all)
        return err_oom(e);
    if (str_copy(c.region, sizeof(c.region), region) < 0 ||
        str_copy(c.service, sizeof(c.service), service) < 0)
        return err_set(e, EINVAL, ERR_INVALID, "sign for region '%s', service '%s': too long",
                       region, service);
    sigv4_stamp(now_s, c.stamp);
    (void)snprintf(c.day, sizeof(c.day), "%.8s", c.stamp);
    for (size_t i = 0; i < q->n_headers; i++)
        all[i] = q->headers[i];
    all[q->n_headers] = (struct sigv4_header){ "x-amz-date", c.stamp };
    whole.headers = all;
    whole.n_headers = q->n_headers + 1;
    r = name_headers(&whole, &c, e);
    if (r < 0)
        return r;
    if (said && str_eq(said, "UNSIGNED-PAYLOAD"))
        (void)str_copy(payload, sizeof(payload), said); /* always fits */
    else if (!sha256_hex(q->body, q->body_len, payload))
        return err_set(e, EIO, ERR_OTHER, "take the SHA-256 of the body");
    r = string_to_sign(&whole, &c, payload, &to_sign, e);
    if (r < 0)
        return r;
    if (!sign_hex(&c, secret, to_sign, signature))
        return err_set(e, EIO, ERR_OTHER, "compute the signature");
    (void)str_copy(stamp, SIGV4_STAMP, c.stamp); /* always fits */
    *ret_authorization =
        xasprintf(SIGV4_ALGORITHM
                  " Credential=%s/%s/%s/%s/aws4_request, SignedHeaders=%s, Signature=%s",
                  access_key, c.day, c.region, c.service, c.signed_headers, signature);
    return 0;
}
