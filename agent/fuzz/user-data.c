/* SPDX-License-Identifier: Apache-2.0 */
/* User data in all its forms: refused with a place, or a list of tasks that can be run. */
#include <assert.h>

#include "engine/dialect.h"
#include "v2/userdata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct v2_userdata u = { 0 };
    struct err e = { 0 };

    if (v2_userdata_parse(dialect_get(DIALECT_V2), data, size, NULL, &u, &e) < 0) {
        assert(str_starts(e.msg, "user-data:") || str_starts(e.msg, "'user-data'") ||
               str_starts(e.msg, "build "));
        return 0;
    }
    assert(!u.tasks == (u.form == V2_USERDATA_NONE));
    /* a script whose text is empty is still a task with its inputs in order */
    if (u.tasks)
        assert(v2_check_tasks(u.tree, u.tasks, V2_USER_DATA, NULL, NULL, &e) == 0);
    v2_userdata_done(&u);
    return 0;
}
