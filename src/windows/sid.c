/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sid-priv.h"

#include <errno.h>
#include <string.h>

#include "bytes.h"
#include "cur.h"
#include "parse.h"
#include "rand.h"
#include "str.h"

#define SUBS_MAX    15U
#define DRAWS       256U
#define MACHINE_OFF 12U /* A B C in a machine SID */

static const uint8_t machine_head[12] = { 1, 4, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0 };

/* Shipped by Microsoft in descriptors of every Windows 7 to 10 (measured on unrelated machines),
 * and the prefix of compounded authentication. */
static const uint32_t constants[][3] = {
    { 397955417, 626881126, 188441444 },
    { 2702878673U, 795188819, 444038987 },
    { 0, 0, 0 },
};

/* --- bytes and text --- */

size_t sid_length(const void *p, size_t n)
{
    const uint8_t *b = p;
    size_t len;

    if (n < 8 || b[0] != 1 || b[1] > SUBS_MAX)
        return 0;
    len = 8 + 4U * b[1];
    return len <= n ? len : 0;
}

bool sid_text(const void *p, size_t n, char out[SID_TEXT_MAX])
{
    struct str s = STR_INIT(SID_TEXT_MAX - 1);
    const uint8_t *b = p;
    uint64_t authority = 0;

    out[0] = '\0';
    if (!sid_length(p, n))
        return false;
    for (unsigned i = 2; i < 8; i++)
        authority = authority << 8 | b[i];
    str_addf(&s, authority >> 32 ? "S-1-0x%012llx" : "S-1-%llu", (unsigned long long)authority);
    for (unsigned i = 0; i < b[1]; i++)
        str_addf(&s, "-%u", rd32(b + 8 + 4 * i));
    if (!s.failed)
        (void)str_copy(out, SID_TEXT_MAX, str_text(&s));
    str_done(&s);
    return out[0] != '\0';
}

static int parse_authority(const char *part, uint8_t out[6])
{
    uint64_t v;

    if (str_starts(part, "0x") && strlen(part) == 14)
        return hex_decode(part + 2, out, 6);
    if (parse_u64(part, 0, UINT32_MAX, &v) < 0)
        return -EINVAL;
    for (unsigned i = 0; i < 6; i++)
        out[i] = (uint8_t)(v >> (40 - 8 * i));
    return 0;
}

static int parse_parts(const char *text, uint8_t *out, size_t *ret_n)
{
    char part[16];
    unsigned i = 0;

    for (; *text; i++) {
        size_t n = strcspn(text, "-");
        uint64_t v;
        le32 sub;

        if (n >= sizeof part || i > SUBS_MAX)
            return -EINVAL;
        memcpy(part, text, n);
        part[n] = '\0';
        text += n;
        if (*text == '-' && !*++text)
            return -EINVAL;
        if (i == 0) {
            if (parse_authority(part, out + 2) < 0)
                return -EINVAL;
            continue;
        }
        if (parse_u64(part, 0, UINT32_MAX, &v) < 0)
            return -EINVAL;
        sub = put_le32((uint32_t)v);
        memcpy(out + 4 + 4 * i, &sub, 4);
    }
    if (i < 2)
        return -EINVAL;
    out[0] = 1;
    out[1] = (uint8_t)(i - 1);
    *ret_n = 8 + 4U * (i - 1);
    return 0;
}

int sid_parse(const char *text, uint8_t ret[SID_BYTES_MAX], size_t *ret_n, struct err *e)
{
    uint8_t out[SID_BYTES_MAX] = { 0 };
    char show[64];
    size_t n;

    if ((!str_starts(text, "S-1-") && !str_starts(text, "s-1-")) ||
        parse_parts(text + 4, out, &n) < 0)
        return err_set(e, EINVAL, ERR_INVALID, "'%s' is no security identifier",
                       str_show(text, show, sizeof show));
    memcpy(ret, out, n);
    *ret_n = n;
    return 0;
}

/* --- machines --- */

bool sid_is_machine(const void *p, size_t n)
{
    return n == SID_MACHINE_BYTES && memcmp(p, machine_head, sizeof machine_head) == 0;
}

bool sid_is_constant(const uint8_t machine[SID_MACHINE_BYTES])
{
    for (size_t i = 0; i < ARRAY_LEN(constants); i++)
        if (rd32(machine + 12) == constants[i][0] && rd32(machine + 16) == constants[i][1] &&
            rd32(machine + 20) == constants[i][2])
            return true;
    return false;
}

bool sid_is_of(const void *p, size_t n, const uint8_t machine[SID_MACHINE_BYTES], uint32_t *ret_rid)
{
    const uint8_t *b = p;
    size_t len = sid_length(p, n);

    if ((len != 24 && len != 28) || b[1] != len / 4 - 2 ||
        memcmp(b + 2, machine + 2, SID_MACHINE_BYTES - 2) != 0)
        return false;
    if (len == 28 && ret_rid)
        *ret_rid = rd32(b + 24);
    return true;
}

static size_t text_length(const uint8_t sid[SID_MACHINE_BYTES])
{
    char text[SID_TEXT_MAX];

    (void)sid_text(sid, SID_MACHINE_BYTES, text);
    return strlen(text);
}

/* A number with as many digits. */
static uint32_t draw_like(uint32_t old)
{
    uint64_t low = 1, high, v;

    while (low * 10 <= old)
        low *= 10;
    high = min_u64(low * 10, UINT64_C(1) << 32);
    rand_bytes(&v, sizeof v);
    return (uint32_t)(low + v % (high - low));
}

void sid_new(const uint8_t old[SID_MACHINE_BYTES], uint8_t ret[SID_MACHINE_BYTES])
{
    uint8_t sid[SID_MACHINE_BYTES];
    size_t want = text_length(old);

    memcpy(sid, machine_head, sizeof machine_head);
    for (unsigned i = 0; i < DRAWS; i++) {
        rand_bytes(sid + MACHINE_OFF, 12);
        if (text_length(sid) == want && !sid_is_constant(sid) &&
            memcmp(sid, old, sizeof sid) != 0) {
            memcpy(ret, sid, sizeof sid);
            return;
        }
    }
    do { /* an old one so short that chance does not find its like */
        for (unsigned i = 0; i < 3; i++) {
            le32 v = put_le32(draw_like(rd32(old + MACHINE_OFF + 4 * i)));

            memcpy(sid + MACHINE_OFF + 4 * i, &v, 4);
        }
    } while (sid_is_constant(sid) || memcmp(sid, old, sizeof sid) == 0);
    memcpy(ret, sid, sizeof sid);
}

/* --- looking for it --- */

void sid_forms(const uint8_t machine[SID_MACHINE_BYTES], struct sid_forms *ret)
{
    char text[SID_TEXT_MAX];

    *ret = (struct sid_forms){ 0 };
    memcpy(ret->p[SID_BINARY], machine + MACHINE_OFF, 12);
    ret->n[SID_BINARY] = 12;
    (void)sid_text(machine, SID_MACHINE_BYTES, text);
    ret->n[SID_TEXT8] = strlen(text) - 2;
    memcpy(ret->p[SID_TEXT8], text + 2, ret->n[SID_TEXT8]);
    ret->n[SID_TEXT16] = 2 * ret->n[SID_TEXT8];
    for (size_t i = 0; i < ret->n[SID_TEXT8]; i++)
        ret->p[SID_TEXT16][2 * i] = (uint8_t)text[i + 2];
}

static bool digit_at(const uint8_t *p, size_t n, size_t at, enum sid_form form)
{
    size_t wide = form == SID_TEXT16;

    return at + wide < n && p[at] >= '0' && p[at] <= '9' && (!wide || p[at + 1] == 0);
}

size_t sid_find(const uint8_t *p, size_t n, size_t from, const struct sid_forms *f,
                enum sid_form form)
{
    while (from < n) {
        const uint8_t *hit = memmem(p + from, n - from, f->p[form], f->n[form]);
        size_t at = hit ? (size_t)(hit - p) : SIZE_MAX;

        if (!hit || form == SID_BINARY || !digit_at(p, n, at + f->n[form], form))
            return at;
        from = at + 1;
    }
    return SIZE_MAX;
}

bool sid_occurs(const uint8_t *p, size_t n, const struct sid_forms *f)
{
    if (n < f->n[SID_BINARY])
        return false;
    for (unsigned form = 0; form < SID_FORM_COUNT; form++)
        if (sid_find(p, n, 0, f, form) != SIZE_MAX)
            return true;
    return false;
}

uint64_t sid_patch(uint8_t *p, size_t n, const struct sid_forms *old, const struct sid_forms *with)
{
    uint64_t count = 0;

    for (unsigned form = 0; form < SID_FORM_COUNT; form++)
        for (size_t at = 0; (at = sid_find(p, n, at, old, form)) != SIZE_MAX; count++) {
            memcpy(p + at, with->p[form], old->n[form]);
            at += old->n[form];
        }
    return count;
}

uint64_t sid_count_bytes(const void *p, size_t n, const uint8_t machine[SID_MACHINE_BYTES])
{
    struct sid_forms f;
    uint64_t count = 0;

    sid_forms(machine, &f);
    for (unsigned form = 0; form < SID_FORM_COUNT; form++)
        for (size_t at = 0; (at = sid_find(p, n, at, &f, form)) != SIZE_MAX; count++)
            at += f.n[form];
    return count;
}

int sid_replace_bytes(void *p, size_t n, const uint8_t old[SID_MACHINE_BYTES],
                      const uint8_t with[SID_MACHINE_BYTES], uint64_t *ret, struct err *e)
{
    struct sid_forms a, b;

    sid_forms(old, &a);
    sid_forms(with, &b);
    if (a.n[SID_TEXT8] != b.n[SID_TEXT8])
        return err_set(e, ENOTSUP, ERR_INVALID,
                       "the new machine SID is not as long as the old one as text");
    *ret = sid_patch(p, n, &a, &b);
    return 0;
}
