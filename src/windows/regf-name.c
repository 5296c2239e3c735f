/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names as hives store them (Latin-1 or UTF-16LE) against the UTF-8 of the door: one crossing each
 * way, comparison and hash by upper case. */
#include "regf-priv.h"

#include <errno.h>

#include "utf8.h"

/* --- UTF-8 to UTF-16 --- */

void regf_wide_done(struct regf_wide *w)
{
    free(w->u);
    w->u = NULL;
}

/* One character, or what only this door knows: c0 80 and halves of pairs. 0: not that either. */
static size_t next_char(const char *p, size_t left, uint32_t *ret)
{
    const uint8_t *b = (const uint8_t *)p;
    size_t n = utf8_next(p, left, ret);

    if (n)
        return n;
    if (left >= 2 && b[0] == 0xc0 && b[1] == 0x80) {
        *ret = 0;
        return 2;
    }
    if (left >= 3 && b[0] == 0xed && (b[1] & 0xe0) == 0xa0 && (b[2] & 0xc0) == 0x80) {
        *ret = 0xd000U | (b[1] & 0x3fU) << 6 | (b[2] & 0x3fU);
        return 3;
    }
    return 0;
}

int regf_wide_from(const char *text, size_t n, uint32_t max, struct regf_wide *ret, struct err *e)
{
    struct regf_wide w = { .latin = true };
    uint32_t c = 0;

    if (n / 4 > max)
        return err_set(e, ENAMETOOLONG, ERR_LIMIT, "text of more than %u UTF-16 units", max);
    w.u = malloc((n + 1) * 2 * sizeof *w.u);
    if (!w.u)
        return err_oom(e);
    for (size_t i = 0, len; i < n; i += len) {
        len = next_char(text + i, n - i, &c);
        if (!len) {
            regf_wide_done(&w);
            return err_set(e, EINVAL, ERR_INVALID, "text that is not UTF-8");
        }
        if (c >= 0x10000) {
            w.u[w.n++] = (uint16_t)(0xd800U + ((c - 0x10000) >> 10));
            c = 0xdc00U + (c & 0x3ffU);
        }
        w.u[w.n++] = (uint16_t)c;
        w.latin = w.latin && c < 0x100;
    }
    if (w.n > max) {
        regf_wide_done(&w);
        return err_set(e, ENAMETOOLONG, ERR_LIMIT, "text of more than %u UTF-16 units", max);
    }
    *ret = w;
    return 0;
}

void regf_wide_store(const struct regf_wide *w, uint8_t *out)
{
    for (uint32_t i = 0; i < w->n; i++) {
        if (w->latin)
            out[i] = (uint8_t)w->u[i];
        else
            wr16(out + 2 * i, w->u[i]);
    }
}

/* --- stored names --- */

struct regf_name regf_nk_name(const uint8_t *nk)
{
    return (struct regf_name){ nk + NK_BYTES, rd16(nk + 72), !(rd16(nk + 2) & 0x20) };
}

struct regf_name regf_vk_name(const uint8_t *vk)
{
    return (struct regf_name){ vk + VK_BYTES, rd16(vk + 2), !(rd16(vk + 16) & 1) };
}

uint32_t regf_name_units(const struct regf_name *n)
{
    return n->wide ? n->n / 2 : n->n;
}

static uint16_t unit(const struct regf_name *n, uint32_t i)
{
    return n->wide ? rd16(n->p + 2 * i) : n->p[i];
}

int regf_name_cmp(const struct regf_name *a, const struct regf_name *b)
{
    uint32_t na = regf_name_units(a), nb = regf_name_units(b);

    for (uint32_t i = 0; i < na && i < nb; i++) {
        int d = regf_upper(unit(a, i)) - regf_upper(unit(b, i));

        if (d)
            return d;
    }
    return na < nb ? -1 : na > nb;
}

int regf_name_cmp_wide(const struct regf_name *a, const struct regf_wide *b)
{
    uint32_t na = regf_name_units(a);

    for (uint32_t i = 0; i < na && i < b->n; i++) {
        int d = regf_upper(unit(a, i)) - regf_upper(b->u[i]);

        if (d)
            return d;
    }
    return na < b->n ? -1 : na > b->n;
}

uint32_t regf_name_hash(const struct regf_name *n)
{
    uint32_t h = 0;

    for (uint32_t i = 0; i < regf_name_units(n); i++)
        h = h * 37 + regf_upper(unit(n, i));
    return h;
}

/* --- UTF-16 to UTF-8 --- */

/* NUL is c0 80; half a surrogate pair is its three bytes, as if it were a character. */
static size_t put_char(char out[4], uint32_t c)
{
    if (c)
        return utf8_put(out, c);
    out[0] = (char)0xc0;
    out[1] = (char)0x80;
    return 2;
}

size_t regf_name_utf8(const struct regf_name *n, char *out, size_t cap)
{
    uint32_t units = regf_name_units(n);
    size_t len = 0;

    for (uint32_t i = 0; i < units; i++) {
        uint32_t c = unit(n, i);
        char b[4];
        size_t k;

        if (c >= 0xd800 && c < 0xdc00 && i + 1 < units && (unit(n, i + 1) & 0xfc00) == 0xdc00)
            c = 0x10000 + ((c & 0x3ff) << 10) + (unit(n, ++i) & 0x3ffU);
        k = put_char(b, c);
        if (len + k >= cap)
            break;
        memcpy(out + len, b, k);
        len += k;
    }
    out[len] = '\0';
    return len;
}
