/* SPDX-License-Identifier: Apache-2.0 */
#include "win-priv.h"

#include <powrprof.h>

#define POWRPROF L"powrprof.dll"

static int take_privilege(const wchar_t *name, struct err *e)
{
    TOKEN_PRIVILEGES p = { .PrivilegeCount = 1 };
    HANDLE token = NULL;
    DWORD code = 0;

    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY, &token))
        return err_win32(e, GetLastError(), "open our token");
    p.Privileges[0].Attributes = SE_PRIVILEGE_ENABLED;
    if (!LookupPrivilegeValueW(NULL, name, &p.Privileges[0].Luid))
        code = GetLastError();
    if (!code) {
        (void)AdjustTokenPrivileges(token, FALSE, &p, 0, NULL, NULL);
        code = GetLastError(); /* ERROR_NOT_ALL_ASSIGNED comes with success */
    }
    CloseHandle(token);
    return code ? err_win32(e, code, "take the right to shut down") : 0;
}

static int power_off(struct win *w, bool restart, const char *why, struct err *e)
{
    _cleanup_free_ wchar_t *text = win_wide(why, e);
    DWORD reason =
        SHTDN_REASON_MAJOR_APPLICATION | SHTDN_REASON_MINOR_MAINTENANCE | SHTDN_REASON_FLAG_PLANNED;
    int r = text ? take_privilege(SE_SHUTDOWN_NAME, e) : -e->no;

    if (r < 0)
        return r;
    if (!InitiateSystemShutdownExW(NULL, text, 0, TRUE, restart, reason) &&
        GetLastError() != ERROR_SHUTDOWN_IN_PROGRESS)
        return err_win32(e, GetLastError(), restart ? "restart Windows" : "shut Windows down");
    return 0;
}

static int monitor_always_on(struct win *w, struct err *e)
{
    static const GUID video = {
        0x7516b95f, 0xf776, 0x4464, { 0x8c, 0x53, 0x06, 0x16, 0x7f, 0x40, 0xcc, 0x99 }
    };
    static const GUID timeout = {
        0x3c0bc021, 0xc8a8, 0x4e07, { 0xa9, 0x73, 0x6b, 0x14, 0xcb, 0xcb, 0x2b, 0x7e }
    };
    __typeof__(&PowerGetActiveScheme) get = DYN(POWRPROF, PowerGetActiveScheme);
    __typeof__(&PowerSetActiveScheme) set = DYN(POWRPROF, PowerSetActiveScheme);
    __typeof__(&PowerWriteACValueIndex) write = DYN(POWRPROF, PowerWriteACValueIndex);
    GUID *scheme = NULL;
    DWORD code;

    if (!get || !set || !write)
        return err_no_function(e, "PowerWriteACValueIndex");
    code = get(NULL, &scheme);
    if (!code && scheme) {
        code = write(NULL, scheme, &video, &timeout, 0);
        if (!code)
            code = set(NULL, scheme);
        LocalFree(scheme);
    }
    return code ? err_win32(e, code, "keep the monitor on") : 0;
}

static int hibernation(struct win *w, bool on, struct err *e)
{
    struct win_run run = { .command =
                               on ? "powercfg.exe /hibernate on" : "powercfg.exe /hibernate off",
                           .timeout_ms = 30000 };
    uint32_t pid = 0, code = 0;
    int r = w->run(w, &run, &pid, &code, e);

    if (r == 0 && code)
        r = err_set(e, EIO, ERR_OTHER, "'%s' ends with %u", run.command, code);
    return r;
}

void win_fill_power(struct win *w)
{
    w->power_off = power_off;
    w->monitor_always_on = monitor_always_on;
    w->hibernation = hibernation;
}
