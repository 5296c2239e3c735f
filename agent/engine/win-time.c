/* SPDX-License-Identifier: Apache-2.0 */
#include "win-priv.h"

#include <stdio.h>

static uint64_t now_ms(struct win *w)
{
    FILETIME t;

    GetSystemTimeAsFileTime(&t);
    return win_unix_ms(t);
}

static uint64_t tick_ms(struct win *w)
{
    return GetTickCount64();
}

static void sleep_ms(struct win *w, uint32_t ms)
{
    Sleep(ms);
}

static int zone(struct win *w, struct win_zone *ret, struct err *e)
{
    DYNAMIC_TIME_ZONE_INFORMATION z;
    DWORD kind = GetDynamicTimeZoneInformation(&z);

    if (kind == TIME_ZONE_ID_INVALID)
        return err_win32(e, GetLastError(), "read the time zone");
    *ret = (struct win_zone){ 0 };
    win_narrow_into(z.TimeZoneKeyName, ret->key, sizeof(ret->key));
    win_narrow_into(z.StandardName, ret->standard, sizeof(ret->standard));
    ret->offset_minutes =
        -(int32_t)(z.Bias + (kind == TIME_ZONE_ID_DAYLIGHT ? z.DaylightBias : z.StandardBias));
    return 0;
}

/* tzutil knows each zone's rules and takes the privilege; what counts is what is read back. */
static int zone_set(struct win *w, const char *key, struct err *e)
{
    struct str line = STR_INIT(512);
    _cleanup_free_ char *quoted = win_quote(key);
    struct win_run run = { .timeout_ms = 30000 };
    struct win_zone now;
    uint32_t pid = 0, code = 0;
    int r;

    if (!quoted)
        return err_oom(e);
    str_addf(&line, "tzutil.exe /s %s", quoted);
    run.command = str_text(&line);
    r = str_check(&line, "a command line", e);
    if (r == 0)
        r = w->run(w, &run, &pid, &code, e);
    str_done(&line);
    if (r == 0)
        r = zone(w, &now, e);
    if (r == 0 && !str_eq_nocase(now.key, key))
        r = err_set(e, EINVAL, ERR_INVALID, "this Windows does not take time zone '%s'", key);
    return r;
}

void win_fill_time(struct win *w)
{
    w->now_ms = now_ms;
    w->tick_ms = tick_ms;
    w->sleep_ms = sleep_ms;
    w->zone = zone;
    w->zone_set = zone_set;
}
