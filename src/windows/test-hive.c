/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test-hive.h"

const uint8_t hive_sd[52] = { 1, 0, 0, 0x80, 20, 0, 0, 0, 36, 0, 0,  0, 0,  0, 0,  0, 0, 0,
                              0, 0, 1, 2,    0,  0, 0, 0, 0,  5, 32, 0, 0,  0, 32, 2, 0, 0,
                              1, 2, 0, 0,    0,  0, 0, 5, 32, 0, 0,  0, 32, 2, 0,  0 };

struct regf *hive_make(unsigned minor)
{
    struct err e = { 0 };
    struct regf *h = NULL;

    assert_int_equal(regf_new(minor, "ROOT", hive_sd, sizeof hive_sd, &h, &e), 0);
    return h;
}

uint32_t hive_key(struct regf *h, const char *path)
{
    struct err e = { 0 };
    uint32_t k = 0;

    assert_int_equal(regf_key_create(h, 0, path, &k, &e), 0);
    return k;
}

struct regf_report hive_check(struct regf *h)
{
    struct regf_report rep = { 0 };
    struct regf *again = NULL;
    struct regf_source s;
    struct err e = { 0 };
    const void *p;
    size_t n;

    if (regf_verify(h, &rep, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(rep.lost_cells, 0);
    assert_int_equal(rep.unsplit, 0);
    assert_int_equal(regf_seal(h, &e), 0);
    p = regf_bytes(h, &n);
    s = regf_source_mem(p, n);
    if (regf_open(&s, NULL, NULL, 0, &again, &e) < 0 || regf_verify(again, NULL, &e) < 0)
        fail_msg("%s", e.msg);
    regf_free(again);
    return rep;
}

void hive_fill(uint8_t *p, size_t n, uint32_t seed)
{
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525 + 1013904223;
        p[i] = (uint8_t)(seed >> 24);
    }
}
