/* SPDX-License-Identifier: Apache-2.0 */
/* agent-config.yml: refused with a place, or accepted and then the same in both formats; a password
 * is gone after wiping. */
#include <assert.h>
#include <string.h>

#include "v2/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_written(const struct v2_config *c, bool json)
{
    _cleanup_(v2_config_freep) struct v2_config *again = NULL;
    _cleanup_str_ struct str out = STR_INIT(MIB(16));
    struct err e = { 0 };

    v2_config_write(&out, c, json);
    if (out.failed || out.len > TREE_FILE_MAX)
        return;
    if (v2_config_parse("again", str_text(&out), out.len, NULL, NULL, &again, &e) < 0)
        assert(strstr(e.msg, "levels"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(v2_config_freep) struct v2_config *c = NULL;
    _cleanup_str_ struct str wiped = STR_INIT(MIB(16));
    struct err e = { 0 };
    int r = v2_config_parse("f", data, size, NULL, NULL, &c, &e);

    if (r < 0) {
        assert(str_starts(e.msg, "f:") || str_starts(e.msg, "'f'"));
        return 0;
    }
    check_written(c, true);
    check_written(c, false);
    r = v2_config_wipe_password("f", data, size, &wiped, &e);
    if (r == 1) {
        _cleanup_(v2_config_freep) struct v2_config *again = NULL;
        _cleanup_str_ struct str none = STR_INIT(MIB(16));

        assert(v2_config_parse("w", str_text(&wiped), wiped.len, NULL, NULL, &again, &e) == 0);
        assert(v2_config_wipe_password("w", str_text(&wiped), wiped.len, &none, &e) == 0);
    }
    return 0;
}
