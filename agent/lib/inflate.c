/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 1951. Codes are decoded bit by bit with the counts of each length, which needs no tables and
 * is fast enough for 60 KiB. Each loop consumes input or produces output, both bounded. */
#include <errno.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/zip.h"

#define BITS_MAX  15
#define CODES_MAX 320

struct codes {
    uint16_t count[BITS_MAX + 1]; /* codes of each length */
    uint16_t symbol[CODES_MAX];   /* in the order of their codes */
};

struct inflate {
    struct cur in;
    uint32_t bits;
    unsigned have;
    struct str *out;
    struct codes lengths, distances;
};

static unsigned take(struct inflate *f, unsigned n)
{
    unsigned v;

    while (f->have < n) {
        f->bits |= (uint32_t)cur_u8(&f->in) << f->have;
        f->have += 8;
    }
    v = f->bits & ((1U << n) - 1);
    f->bits >>= n;
    f->have -= n;
    return v;
}

/* From the lengths of n symbols; false when they are no full set of codes (one single distance code
 * excepted, RFC 1951 3.2.7). */
static bool make_codes(struct codes *c, const uint8_t *length, unsigned n)
{
    uint16_t offset[BITS_MAX + 1] = { 0 };
    int left = 1;

    memset(c, 0, sizeof *c);
    for (unsigned i = 0; i < n; i++)
        c->count[length[i]]++;
    if (c->count[0] == n)
        return true; /* no codes: any use is refused later */
    for (unsigned i = 1; i <= BITS_MAX; i++) {
        left = left * 2 - c->count[i];
        if (left < 0)
            return false;
    }
    for (unsigned i = 1; i < BITS_MAX; i++)
        offset[i + 1] = (uint16_t)(offset[i] + c->count[i]);
    for (unsigned i = 0; i < n; i++)
        if (length[i])
            c->symbol[offset[length[i]]++] = (uint16_t)i;
    return left == 0 || n - c->count[0] == 1;
}

/* -1: no such code. */
static int decode(struct inflate *f, const struct codes *c)
{
    int code = 0, first = 0, index = 0;

    for (unsigned i = 1; i <= BITS_MAX && !f->in.bad; i++) {
        code |= (int)take(f, 1);
        if (code - c->count[i] < first)
            return c->symbol[index + (code - first)];
        index += c->count[i];
        first = (first + c->count[i]) * 2;
        code *= 2;
    }
    return -1;
}

static bool copy_back(struct inflate *f, unsigned distance, unsigned length)
{
    if (distance > f->out->len)
        return false;
    while (length-- && !f->out->failed)
        str_addc(f->out, f->out->p[f->out->len - distance]);
    return true;
}

static bool match(struct inflate *f, int symbol)
{
    static const uint16_t base[] = { 3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
                                     15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
                                     67, 83, 99, 115, 131, 163, 195, 227, 258 };
    static const uint8_t extra[] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                     2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0 };
    static const uint16_t far[] = { 1,    2,    3,    4,    5,    7,    9,    13,    17,    25,
                                    33,   49,   65,   97,   129,  193,  257,  385,   513,   769,
                                    1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577 };
    static const uint8_t far_extra[] = { 0, 0, 0, 0, 1, 1, 2, 2,  3,  3,  4,  4,  5,  5,  6,
                                         6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13 };
    unsigned i = (unsigned)symbol - 257, length;
    int d;

    if (i >= ARRAY_LEN(base))
        return false;
    length = base[i] + take(f, extra[i]);
    d = decode(f, &f->distances);
    if (d < 0 || (unsigned)d >= ARRAY_LEN(far))
        return false;
    return copy_back(f, far[d] + take(f, far_extra[d]), length);
}

static bool coded_block(struct inflate *f)
{
    while (!f->in.bad && !f->out->failed) {
        int symbol = decode(f, &f->lengths);

        if (symbol < 0)
            return false;
        if (symbol < 256)
            str_addc(f->out, (char)symbol);
        else if (symbol == 256)
            return true;
        else if (!match(f, symbol))
            return false;
    }
    return false;
}

static bool stored_block(struct inflate *f)
{
    unsigned n, inverse;
    const void *p;

    f->bits = 0;
    f->have = 0;
    n = cur_le16(&f->in);
    inverse = cur_le16(&f->in);
    if (f->in.bad || n != (~inverse & 0xffff))
        return false;
    p = cur_take(&f->in, n);
    if (!p)
        return false;
    str_add_mem(f->out, p, n);
    return true;
}

static bool fixed_block(struct inflate *f)
{
    uint8_t length[288];

    for (unsigned i = 0; i < 288; i++)
        length[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    if (!make_codes(&f->lengths, length, 288))
        return false;
    memset(length, 5, 30);
    (void)make_codes(&f->distances, length, 30); /* two of the 32 codes are never used */
    return coded_block(f);
}

/* The lengths of the two sets, themselves coded. */
static bool read_lengths(struct inflate *f, uint8_t *length, unsigned n)
{
    unsigned i = 0;

    while (i < n) {
        int symbol = decode(f, &f->lengths);
        unsigned times;
        uint8_t value = 0;

        if (symbol < 0 || (symbol == 16 && i == 0))
            return false;
        if (symbol < 16) {
            length[i++] = (uint8_t)symbol;
            continue;
        }
        if (symbol == 16)
            value = length[i - 1];
        times = symbol == 16 ? 3 + take(f, 2) : symbol == 17 ? 3 + take(f, 3) : 11 + take(f, 7);
        if (times > n - i)
            return false;
        while (times--)
            length[i++] = value;
    }
    return !f->in.bad;
}

static bool dynamic_block(struct inflate *f)
{
    static const uint8_t order[] = { 16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                     11, 4,  12, 3, 13, 2, 14, 1, 15 };
    uint8_t length[CODES_MAX] = { 0 };
    unsigned literals = take(f, 5) + 257, far = take(f, 5) + 1, n = take(f, 4) + 4;

    if (literals > 286 || far > 30)
        return false;
    for (unsigned i = 0; i < n; i++)
        length[order[i]] = (uint8_t)take(f, 3);
    if (!make_codes(&f->lengths, length, 19))
        return false;
    memset(length, 0, sizeof length);
    if (!read_lengths(f, length, literals + far) || length[256] == 0)
        return false;
    if (!make_codes(&f->distances, length + literals, far) ||
        !make_codes(&f->lengths, length, literals))
        return false;
    return coded_block(f);
}

int inflate_raw(const void *p, size_t n, const char *name, struct str *out, struct err *e)
{
    struct inflate f = { .in = cur_over(p, n), .out = out };
    bool last = false, right = true;

    while (!last && right && !f.in.bad && !out->failed) {
        last = take(&f, 1);
        switch (take(&f, 2)) {
        case 0:
            right = stored_block(&f);
            break;
        case 1:
            right = fixed_block(&f);
            break;
        case 2:
            right = dynamic_block(&f);
            break;
        default:
            right = false;
        }
    }
    if (out->failed)
        return str_check(out, name, e);
    if (f.in.bad)
        return err_set(e, EINVAL, ERR_INVALID, "'%s': the compressed data end too early", name);
    if (!right)
        return err_set(e, EINVAL, ERR_INVALID, "'%s': the compressed data are damaged", name);
    return 0;
}
