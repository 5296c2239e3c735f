/* SPDX-License-Identifier: Apache-2.0 */
#include "sysprep/program.h"

#include <windows.h>

#include <string.h>

#include "engine/win.h"
#include "lib/str.h"
#include "lib/utf.h"

void program_print(bool to_stderr, const char *text)
{
    HANDLE h = GetStdHandle(to_stderr ? STD_ERROR_HANDLE : STD_OUTPUT_HANDLE);
    DWORD mode, done;

    if (!h || h == INVALID_HANDLE_VALUE || !*text)
        return;
    if (GetConsoleMode(h, &mode)) {
        _cleanup_free_ uint16_t *wide = utf16_from_utf8(text);

        if (wide)
            (void)WriteConsoleW(h, wide, (DWORD)utf16_len(wide), &done, NULL);
        return;
    }
    (void)WriteFile(h, text, (DWORD)strlen(text), &done, NULL);
}

void program_say(void *ctx, const char *line)
{
    struct str text = STR_INIT(KIB(16));

    (void)ctx;
    str_addf(&text, "%s\r\n", line);
    program_print(false, str_text(&text));
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
