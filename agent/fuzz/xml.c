/* SPDX-License-Identifier: Apache-2.0 */
/* What is read and written must be the same bytes; edits must leave something readable. */
#include <assert.h>
#include <string.h>

#include "lib/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Changes each kind of thing once somewhere. */
static void edit(struct xml *x)
{
    struct xml_node *n = xml_first_element(x->root), *made = NULL;
    struct err e = { 0 };

    if (xml_add_child(x, x->root, "made", "a<b", &made, &e) < 0)
        return;
    (void)xml_set_attr(x, x->root, "at", "\"", &e);
    if (n) {
        free(xml_text(n));
        if (xml_set_text(x, n, "&", &e) < 0)
            xml_remove(x, n);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(xml_freep) struct xml *x = NULL, *again = NULL;
    _cleanup_str_ struct str out = STR_INIT(MIB(4)), edited = STR_INIT(MIB(4));
    struct err e = { 0 };

    if (xml_parse("f", (const char *)data, size, &x, &e) < 0) {
        assert(str_starts(e.msg, "f:"));
        return 0;
    }
    xml_write(&out, x);
    assert(out.len == size && memcmp(out.p, data, size) == 0);
    edit(x);
    xml_write(&edited, x);
    if (edited.failed || edited.len > XML_FILE_MAX)
        return 0;
    if (xml_parse("again", str_text(&edited), edited.len, &again, &e) < 0)
        assert(strstr(e.msg, "levels") || strstr(e.msg, "too many") || strstr(e.msg, "256"));
    return 0;
}
