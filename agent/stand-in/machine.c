/* SPDX-License-Identifier: Apache-2.0 */
#include "stand-in/machine.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/str.h"

void machine_note(struct win *w, const char *file, const char *fmt, ...)
{
    _cleanup_str_ struct str s = STR_INIT(KIB(32));
    struct err ignored = { 0 };
    char line[4096];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    str_addf(&s, "%s\r\n", line);
    (void)w->file_append(w, file, str_text(&s), s.len, &ignored); /* a story misses the line */
}
