/* SPDX-License-Identifier: Apache-2.0 */
/* Files for the stand-in of PowerShell: what is taken names a program and a verb, all of them plain
 * words; a refusal leaves nothing. */
#include <assert.h>
#include <string.h>

#include "stand-in/thin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const args[] = { "-Schedule", "Administrator" };
    _cleanup_free_ char *text = str_dup_n((const char *)data, size);

    for (size_t n = 0; text && n <= ARRAY_LEN(args); n++) {
        struct thin_call call = { 0 };
        struct err e = { 0 };
        int r = thin_read("f", text, size, args, n, &call, &e);

        assert((r < 0) == (e.no != 0));
        assert(r < 0 ? !call.n : call.n && call.program[0]);
        for (size_t i = 0; i < call.n; i++)
            assert(!strpbrk(call.words[i], " \"&|<>"));
        thin_call_done(&call);
    }
    return 0;
}
