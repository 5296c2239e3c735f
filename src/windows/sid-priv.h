/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The forms in which one machine's SID is found. */
#pragma once

#include "sid.h"

#define SID_FORM_MAX 96U

enum sid_form { SID_BINARY, SID_TEXT8, SID_TEXT16, SID_FORM_COUNT };

struct sid_forms { /* what is looked for: A B C; "1-5-21-A-B-C" (the S in either case) */
    uint8_t p[SID_FORM_COUNT][SID_FORM_MAX];
    size_t n[SID_FORM_COUNT];
};

void sid_forms(const uint8_t machine[SID_MACHINE_BYTES], struct sid_forms *ret);
/* The next occurrence of one form at or after from; SIZE_MAX: none. A longer number is another
 * one's. */
size_t sid_find(const uint8_t *p, size_t n, size_t from, const struct sid_forms *f,
                enum sid_form form);
bool sid_occurs(const uint8_t *p, size_t n, const struct sid_forms *f);
/* All forms, where they are; lengths are equal. */
uint64_t sid_patch(uint8_t *p, size_t n, const struct sid_forms *old, const struct sid_forms *with);
