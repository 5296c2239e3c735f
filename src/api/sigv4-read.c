/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a request says of itself: the Authorization header, or the query of a presigned address.
 * Nothing of it is believed here. */
#include "sigv4-priv.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "parse.h"
#include "str.h"

/* ---- time */

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
    const char *p = text + strlen(SIGV4_ALGORITHM);

    if (!str_starts(text, SIGV4_ALGORITHM) || (*p != ' ' && *p != '\t'))
        return incomplete(fault, e,
                          "the Authorization header must begin with '" SIGV4_ALGORITHM
                          "': signature "
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
    const char *date = sigv4_header_of(q, "x-amz-date");

    if (!date)
        date = sigv4_header_of(q, "date");
    if (!date)
        return incomplete(fault, e, "neither an X-Amz-Date nor a Date header is in the request");
    if (!parse_basic(date, &c->stamp_s) && !parse_http(date, &c->stamp_s))
        return incomplete(fault, e, "the date of the request is not like 20261124T054643Z");
    sigv4_stamp(c->stamp_s, c->stamp);
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
                (void)sigv4_decode(v);
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
    if (!str_eq(algorithm, SIGV4_ALGORITHM))
        return incomplete(fault, e, "X-Amz-Algorithm must be '" SIGV4_ALGORITHM "'");
    if (!read_credential(c, credential))
        return incomplete(fault, e,
                          "X-Amz-Credential must be 'KEY/DAY/REGION/SERVICE/aws4_request'");
    if (!parse_basic(date, &c->stamp_s))
        return incomplete(fault, e, "X-Amz-Date is not like 20261124T054643Z");
    if (parse_u64(expires, 1, 604800, &seconds) < 0)
        return incomplete(fault, e, "X-Amz-Expires must be from 1 to 604800 seconds");
    c->expires_s = (uint32_t)seconds;
    sigv4_stamp(c->stamp_s, c->stamp);
    if (!take(c->signed_headers, sizeof(c->signed_headers), names, strlen(names)) ||
        !take(c->signature, sizeof(c->signature), signature, strlen(signature)))
        return incomplete(fault, e, "X-Amz-SignedHeaders or X-Amz-Signature cannot be read");
    return finish_read(c, fault, e);
}

int sigv4_read(const struct sigv4_request *q, struct sigv4_claim *ret, enum sigv4_fault *ret_fault,
               struct err *e)
{
    const char *authorization = sigv4_header_of(q, "authorization");
    _cleanup_free_ char *algorithm = query_value(q->query, "X-Amz-Algorithm");
    struct sigv4_claim c = { 0 };
    int r;

    if (authorization) {
        c.has_session_token = sigv4_header_of(q, "x-amz-security-token") != NULL;
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
