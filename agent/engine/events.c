/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/events.h"

#include <errno.h>

#include "lib/stamp.h"
#include "lib/str.h"

static const struct {
    enum win_event_level level;
    const char *name;
} levels[] = { { WIN_EVENT_ERROR, "Error" },
               { WIN_EVENT_WARNING, "Warning" },
               { WIN_EVENT_INFO, "Information" } };

int events_level_parse(const char *text, enum win_event_level *ret, struct err *e)
{
    char shown[64];

    if (!*text) {
        *ret = WIN_EVENT_ANY;
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(levels); i++)
        if (str_eq_nocase(text, levels[i].name)) {
            *ret = levels[i].level;
            return 0;
        }
    return err_set(e, EINVAL, ERR_INVALID,
                   "level '%s' is unknown: Error, Warning, Information or empty",
                   str_show(text, shown, sizeof(shown)));
}

const char *events_level_name(enum win_event_level level)
{
    for (size_t i = 0; i < ARRAY_LEN(levels); i++)
        if (levels[i].level == level)
            return levels[i].name;
    return "";
}

static void print(struct console *c, const char *log, const struct win_event *v)
{
    struct utc t = utc_of(v->time_ms / 1000);
    unsigned hour = t.hour % 12;

    console_say(c, "EventLogEntry: %s  %s  %s  %u/%02u/%04u %02u:%02u:%02u %s  %s", log,
                events_level_name(v->level), v->source, t.month, t.day, t.year, hour ? hour : 12,
                t.minute, t.second, t.hour < 12 ? "AM" : "PM", v->message);
}

int events_print(struct win *w, struct console *c, const struct events_wish *wish,
                 uint64_t *ret_last_ms, struct err *e)
{
    _cleanup_free_ struct win_event *list = NULL;
    size_t n = 0;
    int r;

    if (wish->count == 0 || wish->count > EVENTS_MAX)
        return err_set(e, EINVAL, ERR_INVALID, "%u event log entries: 1 to %u are possible",
                       wish->count, EVENTS_MAX);
    r = w->events(w, wish->log, wish->source && *wish->source ? wish->source : NULL, wish->level,
                  wish->count, &list, &n, e);
    if (r < 0)
        return err_wrap(e, "read the event log '%s'", wish->log);
    for (size_t i = 0; i < n; i++) {
        if (list[i].time_ms <= wish->after_ms && wish->after_ms)
            continue;
        print(c, wish->log, &list[i]);
        if (ret_last_ms)
            *ret_last_ms = list[i].time_ms;
    }
    return 0;
}
