/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sigv4.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "parse.h"
#include "str.h"

#define ALGORITHM     "AWS4-HMAC-SHA256"
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

static const char *header(const struct sigv4_request *q, const char *name)
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

/* Decodes in place; a bad escape stays as it is. Returns the length. */
static size_t decode(char *text)
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
    size_t n = decode(text);

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
    *ret = xasprintf(ALGORITHM "\n%s\n%s/%s/%s/aws4_request\n%s", c->stamp, c->day, c->region,
                     c->service, hash);
    return 0;
}

/* ---- time */

static void stamp_print(uint64_t s, char out[SIGV4_STAMP])
{
    time_t t = (time_t)s;
    struct tm tm;

    if (!gmtime_r(&t, &tm) || strftime(out, SIGV4_STAMP, "%Y%m%dT%H%M%SZ", &tm) == 0)
        out[0] = '\0';
}

static int digits(const char *p, size_t n)
{
    int v = 0;

    for (size_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return -1;
        v = v * 10 + (p[i] - '0');
    }
    return v;
}

static bool to_seconds(int year, int month, int day, int hour, int min, int sec, uint64_t *ret)
{
    struct tm tm = { .tm_year = year - 1900,
                     .tm_mon = month - 1,
                     .tm_mday = day,
                     .tm_hour = hour,
                     .tm_min = min,
                     .tm_sec = sec };
    time_t t;

    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 23 ||
        min < 0 || min > 59 || sec < 0 || sec > 60)
        return false;
    t = timegm(&tm);
    if (t < 0)
        return false;
    *ret = (uint64_t)t;
    return true;
}

/* "20261124T054643Z" */
static bool parse_basic(const char *p, uint64_t *ret)
{
    return strlen(p) == 16 && p[8] == 'T' && p[15] == 'Z' &&
           to_seconds(digits(p, 4), digits(p + 4, 2), digits(p + 6, 2), digits(p + 9, 2),
                      digits(p + 11, 2), digits(p + 13, 2), ret);
}

/* "Tue, 24 Nov 2026 05:46:43 GMT", as the Date header has it */
static bool parse_http(const char *p, uint64_t *ret)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char name[4];
    const char *at;

    if (strlen(p) != 29 || p[3] != ',' || p[4] != ' ' || p[7] != ' ' || p[11] != ' ' ||
        p[16] != ' ' || p[19] != ':' || p[22] != ':' || !str_eq(p + 25, " GMT"))
        return false;
    memcpy(name, p + 8, 3);
    name[3] = '\0';
    at = strstr(months, name);
    if (!at || (at - months) % 3)
        return false;
    return to_seconds(digits(p + 12, 4), (int)(at - months) / 3 + 1, digits(p + 5, 2),
                      digits(p + 17, 2), digits(p + 20, 2), digits(p + 23, 2), ret);
}

/* ---- reading */

static int incomplete(enum sigv4_fault *fault, struct err *e, const char *what)
{
    *fault = SIGV4_FAULT_INCOMPLETE;
    return err_set(e, EINVAL, ERR_INVALID, "%s", what);
}

static bool take(char *out, size_t size, const char *p, size_t n)
{
    if (n == 0 || n >= size)
        return false;
    memcpy(out, p, n);
    out[n] = '\0';
    return true;
}

/* AKID/20261124/us-east-1/ec2/aws4_request; the key may hold '/', so from the right. */
static bool read_credential(struct sigv4_claim *c, const char *text)
{
    const char *part[5];
    size_t n = strlen(text);
    const char *end = text + n;

    for (int i = 4; i > 0; i--) {
        const char *slash = memrchr(text, '/', (size_t)(end - text));

        if (!slash)
            return false;
        part[i] = slash + 1;
        end = slash;
    }
    return take(c->access_key, sizeof(c->access_key), text, (size_t)(end - text)) &&
           take(c->day, sizeof(c->day), part[1], (size_t)(part[2] - part[1] - 1)) &&
           strlen(c->day) == 8 && digits(c->day, 8) >= 0 &&
           take(c->region, sizeof(c->region), part[2], (size_t)(part[3] - part[2] - 1)) &&
           take(c->service, sizeof(c->service), part[3], (size_t)(part[4] - part[3] - 1)) &&
           str_eq(part[4], "aws4_request");
}

static bool is_in_list(const char *list, const char *name)
{
    size_t n = strlen(name);

    for (const char *p = list; p; p = strchr(p, ';') ? strchr(p, ';') + 1 : NULL)
        if (strncmp(p, name, n) == 0 && (!p[n] || p[n] == ';'))
            return true;
    return false;
}

static bool names_ok(const char *list)
{
    for (const char *p = list; *p; p++)
        if ((unsigned char)*p <= ' ' || (unsigned char)*p > '~' || (*p >= 'A' && *p <= 'Z') ||
            *p == ':' || *p == ',')
            return false;
    return *list;
}

static int finish_read(struct sigv4_claim *c, enum sigv4_fault *fault, struct err *e)
{
    if (strlen(c->signature) != 64 || strspn(c->signature, "0123456789abcdef") != 64)
        return incomplete(fault, e, "the signature is not 64 lower-case hex digits");
    if (!names_ok(c->signed_headers))
        return incomplete(fault, e, "the list of signed headers cannot be read");
    if (!is_in_list(c->signed_headers, "host"))
        return incomplete(fault, e, "'host' must be one of the signed headers");
    return 0;
}

/* One "Key=value" of the Authorization header. */
static bool read_part(struct sigv4_claim *c, const char *p, size_t n)
{
    char credential[256];

    if (n > 11 && strncmp(p, "Credential=", 11) == 0)
        return take(credential, sizeof(credential), p + 11, n - 11) &&
               read_credential(c, credential);
    if (n > 14 && strncmp(p, "SignedHeaders=", 14) == 0)
        return take(c->signed_headers, sizeof(c->signed_headers), p + 14, n - 14);
    if (n > 10 && strncmp(p, "Signature=", 10) == 0)
        return take(c->signature, sizeof(c->signature), p + 10, n - 10);
    return false;
}

static int read_authorization(struct sigv4_claim *c, const char *text, enum sigv4_fault *fault,
                              struct err *e)
{
    const char *p = text + strlen(ALGORITHM);

    if (!str_starts(text, ALGORITHM) || (*p != ' ' && *p != '\t'))
        return incomplete(fault, e,
                          "the Authorization header must begin with '" ALGORITHM "': signature "
                          "version 4 is the only one that is read");
    while (*(p += strspn(p, " \t,"))) {
        size_t n = strcspn(p, ",");

        if (!read_part(c, p, n))
            return incomplete(fault, e,
                              "the Authorization header must hold 'Credential=KEY/DAY/REGION/"
                              "SERVICE/aws4_request', 'SignedHeaders=' and 'Signature='");
        p += n;
    }
    if (!c->access_key[0] || !c->signed_headers[0] || !c->signature[0])
        return incomplete(fault, e,
                          "the Authorization header lacks one of Credential, SignedHeaders and "
                          "Signature");
    return finish_read(c, fault, e);
}

static int read_date(const struct sigv4_request *q, struct sigv4_claim *c, enum sigv4_fault *fault,
                     struct err *e)
{
    const char *date = header(q, "x-amz-date");

    if (!date)
        date = header(q, "date");
    if (!date)
        return incomplete(fault, e, "neither an X-Amz-Date nor a Date header is in the request");
    if (!parse_basic(date, &c->stamp_s) && !parse_http(date, &c->stamp_s))
        return incomplete(fault, e, "the date of the request is not like 20261124T054643Z");
    stamp_print(c->stamp_s, c->stamp);
    return 0;
}

/* The decoded value of a query parameter; caller frees. */
static char *query_value(const char *query, const char *name)
{
    size_t n = strlen(name);

    for (const char *p = query; p && *p; p = strchr(p, '&') ? strchr(p, '&') + 1 : NULL)
        if (strncmp(p, name, n) == 0 && p[n] == '=') {
            char *v = strndup(p + n + 1, strcspn(p + n + 1, "&"));

            if (v)
                (void)decode(v);
            return v;
        }
    return NULL;
}

static int read_presigned(const struct sigv4_request *q, struct sigv4_claim *c,
                          enum sigv4_fault *fault, struct err *e)
{
    _cleanup_free_ char *algorithm = query_value(q->query, "X-Amz-Algorithm");
    _cleanup_free_ char *credential = query_value(q->query, "X-Amz-Credential");
    _cleanup_free_ char *date = query_value(q->query, "X-Amz-Date");
    _cleanup_free_ char *expires = query_value(q->query, "X-Amz-Expires");
    _cleanup_free_ char *names = query_value(q->query, "X-Amz-SignedHeaders");
    _cleanup_free_ char *signature = query_value(q->query, "X-Amz-Signature");
    _cleanup_free_ char *token = query_value(q->query, "X-Amz-Security-Token");
    uint64_t seconds;

    c->presigned = true;
    c->has_session_token = token != NULL;
    if (!algorithm || !credential || !date || !expires || !names || !signature)
        return incomplete(
            fault, e,
            "a presigned request needs X-Amz-Algorithm, -Credential, -Date, -Expires, "
            "-SignedHeaders and -Signature");
    if (!str_eq(algorithm, ALGORITHM))
        return incomplete(fault, e, "X-Amz-Algorithm must be '" ALGORITHM "'");
    if (!read_credential(c, credential))
        return incomplete(fault, e,
                          "X-Amz-Credential must be 'KEY/DAY/REGION/SERVICE/aws4_request'");
    if (!parse_basic(date, &c->stamp_s))
        return incomplete(fault, e, "X-Amz-Date is not like 20261124T054643Z");
    if (parse_u64(expires, 1, 604800, &seconds) < 0)
        return incomplete(fault, e, "X-Amz-Expires must be from 1 to 604800 seconds");
    c->expires_s = (uint32_t)seconds;
    stamp_print(c->stamp_s, c->stamp);
    if (!take(c->signed_headers, sizeof(c->signed_headers), names, strlen(names)) ||
        !take(c->signature, sizeof(c->signature), signature, strlen(signature)))
        return incomplete(fault, e, "X-Amz-SignedHeaders or X-Amz-Signature cannot be read");
    return finish_read(c, fault, e);
}

int sigv4_read(const struct sigv4_request *q, struct sigv4_claim *ret, enum sigv4_fault *ret_fault,
               struct err *e)
{
    const char *authorization = header(q, "authorization");
    _cleanup_free_ char *algorithm = query_value(q->query, "X-Amz-Algorithm");
    struct sigv4_claim c = { 0 };
    int r;

    if (authorization) {
        c.has_session_token = header(q, "x-amz-security-token") != NULL;
        r = read_authorization(&c, authorization, ret_fault, e);
        if (r == 0)
            r = read_date(q, &c, ret_fault, e);
    } else if (algorithm) {
        r = read_presigned(q, &c, ret_fault, e);
    } else {
        *ret_fault = SIGV4_FAULT_MISSING;
        return err_set(e, EACCES, ERR_DENIED, "the request is not signed");
    }
    if (r < 0)
        return r;
    *ret = c;
    return 0;
}

/* ---- verifying */

static int expired(const struct sigv4_claim *c, uint64_t now_s, const char *what,
                   enum sigv4_fault *fault, struct err *e)
{
    bool behind = c->stamp_s < now_s;
    uint64_t off = behind ? now_s - c->stamp_s : c->stamp_s - now_s;
    char now[SIGV4_STAMP];

    stamp_print(now_s, now);
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
    const char *said = header(q, "x-amz-content-sha256");

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
    const char *said = header(q, "x-amz-content-sha256");
    int r;

    if (!all)
        return err_oom(e);
    if (str_copy(c.region, sizeof(c.region), region) < 0 ||
        str_copy(c.service, sizeof(c.service), service) < 0)
        return err_set(e, EINVAL, ERR_INVALID, "sign for region '%s', service '%s': too long",
                       region, service);
    stamp_print(now_s, c.stamp);
    (void)take(c.day, sizeof(c.day), c.stamp, 8); /* always fits */
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
        xasprintf(ALGORITHM " Credential=%s/%s/%s/%s/aws4_request, SignedHeaders=%s, Signature=%s",
                  access_key, c.day, c.region, c.service, c.signed_headers, signature);
    return 0;
}
