/* SPDX-License-Identifier: Apache-2.0 */
/* A whole answer and the same bytes as a beginning of one must not contradict each other. */
#include <assert.h>
#include <stddef.h>

#include "engine/imds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_answer part = { 0 }, whole = { 0 };
    struct err e = { 0 }, f = { 0 };
    int a = http_answer_parse((const char *)data, size, false, &part, &e);
    int b = http_answer_parse((const char *)data, size, true, &whole, &f);

    assert(a < 0 ? b < 0 : a == 0 || b == 1);
    assert(b != 0); /* at the end nothing more is to come */
    assert(b != 1 || whole.body_n <= IMDS_BODY_MAX);
    http_answer_done(&part);
    http_answer_done(&whole);
    return 0;
}
