/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/telemetry.h"

#include "lib/str.h"

#define KEY  "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Environment"
#define NAME "EC2LAUNCH_TELEMETRY"

bool telemetry_is_on(struct win *w)
{
    _cleanup_free_ char *text = NULL;
    struct err e = { 0 };

    return win_reg_text(w, KEY, NAME, &text, &e) > 0 && str_eq(text, "1");
}

int telemetry_set(struct win *w, bool on, struct err *e)
{
    return w->reg_set_text(w, KEY, NAME, on ? "1" : "0", e);
}

/* One JSON line a run, as v1 has it. */
static void keep(struct win *w, struct console *c, const char *path, const char *const fields[][2],
                 size_t n)
{
    struct err e = { 0 };
    _cleanup_free_ char *full = win_expand(w, path, &e);
    _cleanup_str_ struct str line = STR_INIT(KIB(4));

    str_add(&line, "{\"IsProcessed\": true, \"IsUploaded\": false, \"Events\": [");
    for (size_t i = 0; i < n; i++)
        str_addf(&line, "%s{\"Name\": \"%s\", \"Value\": \"%s\"}", i ? ", " : "", fields[i][0],
                 fields[i][1]);
    str_add(&line, "], \"EventLookupTable\": {}}\r\n");
    if (full && str_check(&line, "a telemetry record", &e) == 0)
        (void)w->file_append(w, full, str_text(&line), line.len, &e);
    if (e.no)
        log_err(console_log(c), "Keep the telemetry record", &e);
}

void telemetry_say(struct win *w, struct console *c, const struct dialect *d,
                   const struct telemetry *t)
{
    const char *const fields[][2] = {
        { "IsTelemetryEnabled", "true" },
        { "AgentOsArch", "windows_amd64" },
        { "IsAgentScheduledPerBoot", t->agent_each_boot ? "true" : "false" },
        { "IsUserDataScheduledPerBoot", t->user_data_each_boot ? "true" : "false" },
    };

    if (!d->telemetry || !telemetry_is_on(w))
        return;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        console_say(c, "%s: %s=%s", d->telemetry, fields[i][0], fields[i][1]);
    keep(w, c, d->telemetry_log, fields, ARRAY_LEN(fields));
}
