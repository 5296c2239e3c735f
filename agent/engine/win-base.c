/* SPDX-License-Identifier: Apache-2.0 */
#include "win-priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(wchar_t) == sizeof(uint16_t), "wchar_t is a unit of UTF-16");

wchar_t *win_wide(const char *text, struct err *e)
{
    uint16_t *u = utf16_from_utf8(text);

    if (!u)
        (void)err_oom(e);
    return (wchar_t *)u;
}

char *win_narrow(const wchar_t *text, size_t n, struct err *e)
{
    char *s;

    if (n == SIZE_MAX)
        n = wcslen(text);
    s = utf8_from_utf16((const uint16_t *)text, n);
    if (!s)
        (void)err_oom(e);
    return s;
}

void win_narrow_into(const wchar_t *text, char *out, size_t size)
{
    _cleanup_free_ char *s = utf8_from_utf16((const uint16_t *)text, wcslen(text));
    size_t n = s ? strlen(s) : 0;

    if (n >= size) { /* not inside a character */
        n = size - 1;
        while (n && ((unsigned char)s[n] & 0xc0) == 0x80)
            n--;
    }
    if (n)
        memcpy(out, s, n);
    out[n] = '\0';
}

static const struct {
    DWORD code;
    int no;
    enum err_kind kind;
} codes[] = {
    { ERROR_FILE_NOT_FOUND, ENOENT, ERR_NOT_FOUND },
    { ERROR_PATH_NOT_FOUND, ENOENT, ERR_NOT_FOUND },
    { ERROR_INVALID_NAME, ENOENT, ERR_NOT_FOUND },
    { ERROR_BAD_NETPATH, ENOENT, ERR_NOT_FOUND },
    { ERROR_NOT_FOUND, ENOENT, ERR_NOT_FOUND },
    { ERROR_SERVICE_DOES_NOT_EXIST, ENOENT, ERR_NOT_FOUND },
    { ERROR_NONE_MAPPED, ENOENT, ERR_NOT_FOUND },
    { 2221 /* NERR_UserNotFound */, ENOENT, ERR_NOT_FOUND },
    { ERROR_ACCESS_DENIED, EACCES, ERR_DENIED },
    { ERROR_PRIVILEGE_NOT_HELD, EACCES, ERR_DENIED },
    { ERROR_LOGON_FAILURE, EACCES, ERR_DENIED },
    { ERROR_SHARING_VIOLATION, EBUSY, ERR_CONFLICT },
    { ERROR_LOCK_VIOLATION, EBUSY, ERR_CONFLICT },
    { ERROR_BUSY, EBUSY, ERR_CONFLICT },
    { ERROR_SERVICE_DISABLED, EACCES, ERR_CONFLICT },
    { ERROR_ALREADY_EXISTS, EEXIST, ERR_EXISTS },
    { ERROR_FILE_EXISTS, EEXIST, ERR_EXISTS },
    { ERROR_SERVICE_EXISTS, EEXIST, ERR_EXISTS },
    { ERROR_DISK_FULL, ENOSPC, ERR_LIMIT },
    { ERROR_HANDLE_DISK_FULL, ENOSPC, ERR_LIMIT },
    { ERROR_NOT_ENOUGH_MEMORY, ENOMEM, ERR_LIMIT },
    { ERROR_OUTOFMEMORY, ENOMEM, ERR_LIMIT },
    { ERROR_INVALID_PARAMETER, EINVAL, ERR_INVALID },
    { ERROR_PASSWORD_RESTRICTION, EINVAL, ERR_INVALID },
    { 2245 /* NERR_PasswordTooShort */, EINVAL, ERR_INVALID },
    { ERROR_NOT_SUPPORTED, ENOSYS, ERR_OTHER },
    { ERROR_CALL_NOT_IMPLEMENTED, ENOSYS, ERR_OTHER },
    { ERROR_TIMEOUT, ETIMEDOUT, ERR_TIMEOUT },
    { WAIT_TIMEOUT, ETIMEDOUT, ERR_TIMEOUT },
    { WSAETIMEDOUT, ETIMEDOUT, ERR_TIMEOUT },
    { WSAECONNREFUSED, ECONNREFUSED, ERR_IO },
    { WSAEHOSTUNREACH, EHOSTUNREACH, ERR_IO },
    { WSAENETUNREACH, EHOSTUNREACH, ERR_IO },
    { WSAECONNRESET, ECONNRESET, ERR_IO },
};

/* What Windows says about a code, in English where it is installed, on one line. */
static void code_text(DWORD code, char *out, size_t size)
{
    wchar_t text[300];
    DWORD n = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS |
                                 FORMAT_MESSAGE_MAX_WIDTH_MASK,
                             NULL, code, 0, text, 300, NULL);

    while (n && (text[n - 1] == L' ' || text[n - 1] == L'.'))
        n--;
    text[n] = L'\0';
    win_narrow_into(text, out, size);
}

static int set(struct err *e, DWORD code, const char *fmt, va_list ap)
{
    char what[320], says[160];
    int no = EIO;
    enum err_kind kind = ERR_IO;

    (void)vsnprintf(what, sizeof(what), fmt, ap);
    code_text(code, says, sizeof(says));
    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        if (codes[i].code == code) {
            no = codes[i].no;
            kind = codes[i].kind;
        }
    (void)err_set(e, no, kind, "%s: %s (error %lu)", what, says, code);
    e->win = code;
    return -e->no;
}

int err_win32(struct err *e, DWORD code, const char *fmt, ...)
{
    va_list ap;
    int r;

    va_start(ap, fmt);
    r = set(e, code, fmt, ap);
    va_end(ap);
    return r;
}

int err_hresult(struct err *e, HRESULT hr, const char *fmt, ...)
{
    va_list ap;
    int r;
    DWORD code = (DWORD)hr;

    if (HRESULT_FACILITY(hr) == FACILITY_WIN32)
        code = (DWORD)HRESULT_CODE(hr);
    va_start(ap, fmt);
    r = set(e, code, fmt, ap);
    va_end(ap);
    return r;
}

/* Wine exports what it does not have as a stub that ends the program: sub rsp,28h; lea rcx,..; lea
 * rdx,..; call ..; nop. Such a function counts as absent. */
static bool is_wine_stub(FARPROC f)
{
    static const struct {
        uint8_t at, byte;
    } code[] = {
        { 0, 0x48 }, { 1, 0x83 },  { 2, 0xec },  { 3, 0x28 },  { 4, 0x48 },  { 5, 0x8d },
        { 6, 0x0d }, { 11, 0x48 }, { 12, 0x8d }, { 13, 0x15 }, { 18, 0xe8 }, { 23, 0x90 }
    };
    const uint8_t *p = (const uint8_t *)(uintptr_t)f;
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");

    if (!f || !ntdll || !GetProcAddress(ntdll, "wine_get_version"))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(code); i++)
        if (p[code[i].at] != code[i].byte)
            return false;
    return true;
}

/* What we have loaded, for settle(); plug-ins look functions up beside each other. */
#define LOADED_MAX 64
static HMODULE loaded[LOADED_MAX];
static volatile LONG loaded_n;

static HMODULE load(const wchar_t *dll)
{
    HMODULE m = LoadLibraryExW(dll, NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
    LONG at = m ? InterlockedIncrement(&loaded_n) - 1 : LOADED_MAX;

    if (at < LOADED_MAX) /* beyond, it stays */
        loaded[at] = m;
    return m;
}

/* No other thread of ours may be at work. */
static void settle(struct win *w)
{
    for (LONG i = 0; i < loaded_n && i < LOADED_MAX; i++)
        FreeLibrary(loaded[i]);
    loaded_n = 0;
    (void)SetProcessWorkingSetSize(GetCurrentProcess(), (SIZE_T)-1, (SIZE_T)-1);
}

FARPROC win_find(const wchar_t *dll, const char *name)
{
    HMODULE m = GetModuleHandleW(dll);

    if (!m)
        m = load(dll);
    FARPROC f = m ? GetProcAddress(m, name) : NULL;

    return is_wine_stub(f) ? NULL : f;
}

int err_no_function(struct err *e, const char *name)
{
    return err_set(e, ENOSYS, ERR_OTHER, "this Windows has no %s", name);
}

void win_fill_all(struct win *w)
{
    static void (*const fill[])(struct win * w) = {
        win_fill_account, win_fill_crypt,   win_fill_disk,    win_fill_event,  win_fill_file,
        win_fill_net,     win_fill_picture, win_fill_port,    win_fill_power,  win_fill_reg,
        win_fill_route,   win_fill_run,     win_fill_service, win_fill_system, win_fill_task,
        win_fill_time,    win_fill_volume,
    };

    for (size_t i = 0; i < ARRAY_LEN(fill); i++)
        fill[i](w);
    w->settle = settle;
}
