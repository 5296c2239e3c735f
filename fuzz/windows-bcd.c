/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A boot configuration store from a disk: read; edited, it is whole again or refused. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "bcd.h"

#define INPUT_MAX MIB(1)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct regf_source src = regf_source_mem(data, size);
    struct bcd_options o = {
        .ems = true, .port = 1, .baud = 115200, .no_recovery = true, .timeout_s = 5
    };
    struct win_plan *p;
    struct regf *h = NULL;
    struct bcd_info i;
    struct err e = { 0 };
    bool whole;

    if (size > INPUT_MAX || regf_open(&src, NULL, NULL, REGF_DIRTY_OK, &h, &e) < 0)
        return 0;
    p = win_plan_new();
    (void)bcd_read(h, &i, &e);
    e = (struct err){ 0 };
    whole = regf_verify(h, NULL, &e) == 0;
    e = (struct err){ 0 };
    if (bcd_apply(h, &o, "BCD", p, &e) == 0 && whole) {
        e = (struct err){ 0 };
        assert(regf_verify(h, NULL, &e) == 0);
        assert(bcd_read(h, &i, &e) == 0 && i.ems == BCD_YES && i.timeout_s == 5);
    }
    win_plan_free(p);
    regf_free(h);
    return 0;
}
