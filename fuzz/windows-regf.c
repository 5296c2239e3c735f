/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A hive of any bytes (its checksum made right, or nothing would get past it): looking at it and
 * editing it ends and stays inside; one that was sound stays sound, and loses no cell. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "sam.h"

#define KEYS_MAX 2000U

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mend(uint8_t *p)
{
    uint32_t sum = 0;

    for (unsigned i = 0; i < 508; i += 4)
        sum ^= rd32(p + i);
    wr32(p + 508, sum == 0 ? 1 : sum == 0xffffffffU ? 0xfffffffeU : sum);
}

static void look_at_values(const struct regf *h, uint32_t key)
{
    struct regf_iter it = regf_values(h, key);
    uint32_t value, n = 0;

    while ((value = regf_next_value(h, &it)) && n++ < 50) {
        _cleanup_regf_data_ struct regf_data d = { 0 };
        struct err e = { 0 };
        char *name = regf_value_name(h, value);

        (void)regf_value_data(h, value, &d, &e);
        free(regf_text(h, key, name));
        regf_multi_free(regf_multi(h, key, name));
        (void)regf_dword(h, key, name, 0);
        free(name);
    }
}

static void look(const struct regf *h, uint32_t key, unsigned depth, uint32_t *budget)
{
    struct regf_iter it = regf_subkeys(h, key);
    struct err e = { 0 };
    const uint8_t *p;
    uint32_t child;
    size_t n;

    free(regf_class(h, key));
    free(regf_key_path(h, key));
    (void)regf_security(h, key, &p, &n, &e);
    look_at_values(h, key);
    while (*budget && depth < 20 && (child = regf_next_subkey(h, &it))) {
        char name[REGF_NAME_BYTES];

        --*budget;
        (void)regf_find(h, key, regf_key_name(h, child, name));
        look(h, child, depth + 1, budget);
    }
}

/* Some key, led by the input. */
static uint32_t pick(const struct regf *h, uint32_t x)
{
    uint32_t key = regf_root(h);

    for (unsigned i = 0; i < 8; i++, x = x * 1664525 + 1013904223) {
        struct regf_iter it = regf_subkeys(h, key);
        uint32_t child = 0;

        for (uint32_t k = 0; k <= (x >> 20) % 8; k++) {
            uint32_t next = regf_next_subkey(h, &it);

            child = next ? next : child;
        }
        if (!child)
            break;
        key = child;
    }
    return key;
}

static void edit(struct regf *h, uint32_t x)
{
    static uint8_t big[40000];
    struct err e = { 0 };
    uint32_t key = pick(h, x), got, value;
    struct regf_iter it = regf_values(h, key);
    char name[16] = "a";

    name[0] = (char)('A' + x % 26);
    value = regf_next_value(h, &it);
    switch (x >> 8 & 7) {
    case 0:
        (void)regf_key_delete(h, key, &e);
        break;
    case 1:
        (void)regf_key_rename(h, key, name, &got, &e);
        break;
    case 2:
        (void)regf_key_create(h, key, "some\\new\\key", &got, &e);
        break;
    case 3:
        (void)regf_set(h, key, name, 3, big, x % sizeof big, &e);
        break;
    case 4:
        (void)regf_set_class(h, key, name, &e);
        break;
    case 5:
        if (value)
            (void)regf_set_value_data(h, key, value, big, x >> 8 & 31, &e);
        break;
    case 6:
        (void)regf_set_security(h, key, big, 20 + x % 64, &e);
        break;
    default: {
        char *old = regf_value_name(h, value);

        (void)regf_value_delete(h, key, old, &e);
        free(old);
    }
    }
}

static void accounts(struct regf *h)
{
    static const uint8_t boot[SAM_BOOT_KEY_BYTES];
    uint8_t sid[SID_BYTES_MAX] = { 0 };
    struct sam_user *u;
    struct err e = { 0 };
    uint64_t removed = 0;
    size_t n;

    (void)sam_verify(h, &e);
    err_clear(&e);
    (void)sam_machine_sid(h, sid, &e);
    err_clear(&e);
    if (sam_users(h, &u, &n, &e) == 0) {
        for (size_t i = 0; i < n && i < 4; i++) {
            struct err f = { 0 };

            (void)sam_check_password(h, boot, u[i].rid, "x", &f);
            err_clear(&f);
            (void)sam_clear_password(h, u[i].rid, &f);
            err_clear(&f);
            (void)sam_delete_user(h, u[i].rid, &f);
        }
        sam_users_free(u, n);
    }
    err_clear(&e);
    (void)sam_drop_foreign_members(h, &removed, &e);
}

static void change_sid(struct regf *h)
{
    uint8_t old[SID_BYTES_MAX], with[SID_BYTES_MAX];
    struct sid_counts c = { 0 };
    struct err e = { 0 };

    if (sam_machine_sid(h, old, &e) < 0)
        return;
    sid_new(old, with);
    (void)sid_replace(h, old, with, &c, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct regf_report before = { 0 }, after = { 0 };
    struct regf *h = NULL;
    struct regf_source s;
    struct err e = { 0 };
    uint32_t budget = KEYS_MAX, x;
    bool sound;
    uint8_t *p;

    if (size < 8192 || size > KIB(512))
        return 0;
    p = malloc(size);
    if (!p)
        return 0;
    memcpy(p, data, size);
    mend(p);
    s = regf_source_mem(p, size);
    if (regf_open(&s, NULL, NULL, REGF_DIRTY_OK, &h, &e) == 0) {
        x = rd32(p + 600) ^ rd32(p + 4096 + 12);
        sound = regf_verify(h, &before, &e) == 0;
        err_clear(&e);
        look(h, regf_root(h), 0, &budget);
        if (sound)
            change_sid(h);
        for (unsigned i = 0; i < 12; i++, x = x * 1664525 + 1013904223)
            edit(h, x >> 4);
        if (sound && regf_seal(h, &e) == 0) { /* else an edit broke off, and said so */
            assert(regf_verify(h, &after, &e) == 0);
            assert(after.lost_cells <= before.lost_cells);
        }
        accounts(h);
    }
    regf_free(h);
    free(p);
    return 0;
}
