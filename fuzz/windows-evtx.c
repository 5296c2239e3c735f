/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An event log from a disk: header and chunks are judged, nothing is believed. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "evtx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t log_[EVTX_EMPTY_BYTES];
    struct evtx_info i = { 0 };
    struct err e = { 0 };

    if (evtx_verify(data, size, &i, &e) == 0)
        assert(size >= EVTX_BLOCK_BYTES && i.major == 3);
    /* The same bytes as the first ones of a log that is large enough. */
    evtx_make_empty(1, log_);
    memcpy(log_, data, size < sizeof log_ ? size : sizeof log_);
    e = (struct err){ 0 };
    (void)evtx_verify(log_, sizeof log_, &i, &e);
    e = (struct err){ 0 };
    (void)evtx_head(log_, EVTX_HEAD_BYTES, sizeof log_, &i, &e);
    return 0;
}
