/* SPDX-License-Identifier: Apache-2.0 */
/* Stands where Microsoft's program would (sysprep.exe): adds its command line to the file
 * C:\kiln-test\recorded.txt and ends with the code that C:\kiln-test\exit-code.txt says, else 0. */
#include <windows.h>

#include <stdlib.h>
#include <string.h>

#include "lib/utf.h"

#define RECORDED  L"C:\\kiln-test\\recorded.txt"
#define EXIT_CODE L"C:\\kiln-test\\exit-code.txt"

static int exit_code(void)
{
    HANDLE h = CreateFileW(EXIT_CODE, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
    char text[16] = "";
    uint64_t code = 0;
    DWORD n = 0;

    if (h == INVALID_HANDLE_VALUE)
        return 0;
    (void)ReadFile(h, text, sizeof text - 1, &n, NULL);
    CloseHandle(h);
    text[strcspn(text, "\r\n ")] = '\0';
    return parse_u64(text, 0, INT32_MAX, &code) == 0 ? (int)code : 0;
}

int wmain(void);

int wmain(void)
{
    const wchar_t *line = GetCommandLineW();
    _cleanup_free_ char *text = utf8_from_utf16((const uint16_t *)line, wcslen(line));
    HANDLE h = CreateFileW(RECORDED, FILE_APPEND_DATA, FILE_SHARE_READ, NULL, OPEN_ALWAYS, 0, NULL);
    DWORD n;

    if (!text || h == INVALID_HANDLE_VALUE)
        return 99;
    (void)WriteFile(h, text, (DWORD)strlen(text), &n, NULL);
    (void)WriteFile(h, "\r\n", 2, &n, NULL);
    CloseHandle(h);
    return exit_code();
}
