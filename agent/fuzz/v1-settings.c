/* SPDX-License-Identifier: Apache-2.0 */
/* The three settings files of v1: refused with a place, or accepted and written again. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "v1/v1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The place: file, line and column, or the byte that is no text. */
static bool names_file(const struct err *e)
{
    return str_starts(e->msg, "f:") || (strstr(e->msg, "'f'") && strstr(e->msg, "byte"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct v1_config c = { 0 };
    struct v1_letter *l = NULL;
    struct v1_event *v = NULL;
    struct err a = { 0 }, b = { 0 }, d = { 0 }, e = { 0 };
    const char *text = (const char *)data;
    size_t n = 0;

    if (v1_config_parse("f", text, size, &c, &a) < 0) {
        assert(names_file(&a));
    } else {
        int r = v1_config_set_password(&c, V1_PASSWORD_SPECIFY, "a\"b", &e);
        for (int i = 0; r == 0 && i < V1_SWITCH_MAX; i++)
            r = v1_config_set(&c, (enum v1_switch)i, !c.on[i], &e);
        assert(r == 0);
        v1_config_done(&c);
    }
    if (v1_letters_parse("f", text, size, &l, &n, &b) < 0)
        assert(names_file(&b));
    if (v1_events_parse("f", text, size, &v, &n, &d) < 0)
        assert(names_file(&d));
    free(l);
    free(v);
    return 0;
}
