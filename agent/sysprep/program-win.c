/* SPDX-License-Identifier: Apache-2.0 */
#include "sysprep/program.h"

#include <windows.h>

#include <string.h>

#include "engine/win.h"
#include "lib/str.h"
#include "lib/utf.h"

void program_say(void *ctx, const char *line)
{
    HANDLE out = GetStdHandle(STD_OUTPUT_HANDLE);
    struct str text = STR_INIT(KIB(16));
    uint16_t *wide;
    DWORD mode = 0, n = 0;

    (void)ctx;
    str_addf(&text, "%s\r\n", line);
    if (!out || out == INVALID_HANDLE_VALUE || text.failed) {
        str_done(&text);
        return;
    }
    if (GetConsoleMode(out, &mode)) {
        wide = utf16_from_utf8(str_text(&text));
        if (wide)
            WriteConsoleW(out, wide, (DWORD)utf16_len(wide), &n, NULL);
        free(wide);
    } else {
        WriteFile(out, str_text(&text), (DWORD)text.len, &n, NULL);
    }
    str_done(&text);
}

static char *narrow(const wchar_t *text)
{
    return utf8_from_utf16((const uint16_t *)text, wcslen(text));
}

char *program_command_line(void)
{
    return narrow(GetCommandLineW());
}

char **program_arguments(int *ret_n)
{
    _cleanup_free_ char *line = program_command_line();

    return line ? win_split(line, ret_n) : NULL;
}
