/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a guest prints on its serial port. */
#include <string.h>

#include "console-scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void note(const char *text, void *userdata)
{
    *(size_t *)userdata += strlen(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t seen = 0;
    struct console_scan s = { .on_status = note, .on_password = note, .userdata = &seen };

    console_scan_feed(&s, (const char *)data, size / 2);
    console_scan_feed(&s, (const char *)data + size / 2, size - size / 2);
    if (seen > 2 * size)
        __builtin_trap();
    return 0;
}
