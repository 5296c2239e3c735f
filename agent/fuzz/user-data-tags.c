/* SPDX-License-Identifier: Apache-2.0 */
/* The tags of XML user data by the rules of each agent: what is found lies inside the text. */
#include <assert.h>
#include <string.h>

#include "engine/userdata-run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int id = 0; id < DIALECT_MAX; id++) {
        struct userdata_tags t = { 0 };
        struct err e = { 0 };
        int r =
            userdata_tags_parse(dialect_get((enum dialect_id)id), (const char *)data, size, &t, &e);

        assert(r < 0 || (r == 1) == (t.script || t.powershell));
        assert(r >= 0 || (!t.script && !t.powershell));
        if (t.powershell)
            assert(strlen(t.powershell) <= size);
        assert(!t.detach || id == DIALECT_V2);
        userdata_tags_done(&t);
    }
    return 0;
}
