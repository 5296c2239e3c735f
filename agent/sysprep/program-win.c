/* SPDX-License-Identifier: Apache-2.0 */
#include "sysprep/program.h"

#include <windows.h>

#include <shellapi.h>
#include <string.h>

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
    int n = 0;
    wchar_t **wide = CommandLineToArgvW(GetCommandLineW(), &n);
    char **argv = wide ? calloc((size_t)n + 1, sizeof(*argv)) : NULL;

    for (int i = 0; argv && i < n; i++) {
        argv[i] = narrow(wide[i]);
        if (!argv[i]) {
            free(argv); /* the program ends */
            argv = NULL;
        }
    }
    LocalFree(wide);
    *ret_n = n;
    return argv;
}
