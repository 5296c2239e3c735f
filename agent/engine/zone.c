/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/zone.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/str.h"

#define W32TIME "HKLM\\SYSTEM\\CurrentControlSet\\Services\\W32Time"
#define ZONE    "HKLM\\SYSTEM\\CurrentControlSet\\Control\\TimeZoneInformation"

int zone_apply(struct win *w, const char *key, struct log *log, bool *ret_changed, struct err *e)
{
    struct win_zone now;
    int r = w->zone(w, &now, e);

    if (r < 0)
        return r;
    if (str_eq_nocase(now.key, key)) {
        *ret_changed = false;
        return 0;
    }
    r = w->zone_set(w, key, e);
    if (r < 0)
        return err_wrap(e, "set the time zone '%s'", key);
    log_say(log, LOG_INFO, "Time zone is set to: %s", key);
    *ret_changed = true;
    return 0;
}

int zone_ntp_apply(struct win *w, struct log *log, struct err *e)
{
    static const struct {
        const char *key, *name, *text; /* text NULL: the number */
        uint32_t number;
    } rows[] = {
        { W32TIME "\\Parameters", "NtpServer", "169.254.169.123,0x9", 0 },
        { W32TIME "\\Parameters", "Type", "NTP", 0 },
        { W32TIME "\\Config", "UpdateInterval", NULL, 120 },
        { W32TIME "\\TimeProviders\\NtpClient", "Enabled", NULL, 1 },
        { W32TIME "\\TimeProviders\\NtpClient", "InputProvider", NULL, 1 },
        { W32TIME "\\TimeProviders\\NtpClient", "SpecialPollInterval", NULL, 900 },
        { ZONE, "RealTimeIsUniversal", NULL, 1 },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int r = rows[i].text ? w->reg_set_text(w, rows[i].key, rows[i].name, rows[i].text, e)
                             : w->reg_set_u32(w, rows[i].key, rows[i].name, rows[i].number, e);

        if (r < 0)
            return err_wrap(e, "time service setting '%s'", rows[i].name);
    }
    zone_resync(w, log);
    return 0;
}

void zone_resync(struct win *w, struct log *log)
{
    struct win_run run = { .command = "w32tm.exe /resync /rediscover /nowait", .detach = true };
    struct err e = { 0 };
    uint32_t pid = 0, code = 0;

    log_say(log, LOG_INFO, "Resyncing w32tm");
    if (w->run(w, &run, &pid, &code, &e) < 0)
        log_say(log, LOG_WARNING, "%s", e.msg);
}

const char *zone_offset_text(int32_t offset_minutes, bool colons, char ret[24])
{
    int m = abs(offset_minutes) % (24 * 60);

    if (colons)
        (void)snprintf(ret, 24, "UTC %s%02d:%02d:00", offset_minutes < 0 ? "-" : "", m / 60,
                       m % 60);
    else
        (void)snprintf(ret, 24, "UTC %s%02d%02d", offset_minutes < 0 ? "-" : "+", m / 60, m % 60);
    return ret;
}
