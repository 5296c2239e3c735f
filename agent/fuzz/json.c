/* SPDX-License-Identifier: Apache-2.0 */
/* What is read, written and read again must stay the same. */
#include <assert.h>
#include <string.h>

#include "lib/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_tree(struct str *out, const struct tree *t)
{
    json_write(out, t->root, 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(tree_freep) struct tree *t = NULL, *again = NULL;
    _cleanup_str_ struct str one = STR_INIT(MIB(16)), two = STR_INIT(MIB(16));
    struct err e = { 0 };

    if (json_parse("f", (const char *)data, size, &t, &e) < 0) {
        assert(str_starts(e.msg, "f:"));
        return 0;
    }
    write_tree(&one, t);
    if (one.failed || one.len > TREE_FILE_MAX)
        return 0;
    if (json_parse("again", str_text(&one), one.len, &again, &e) < 0) {
        /* only what the writer may make deeper or longer than a reader takes */
        assert(strstr(e.msg, "levels"));
        return 0;
    }
    write_tree(&two, again);
    assert(str_eq(str_text(&one), str_text(&two)));
    return 0;
}
