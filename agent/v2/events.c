/* SPDX-License-Identifier: Apache-2.0 */
#include "v2/events.h"

#include <stdarg.h>
#include <stdio.h>

unsigned v2_event_of_stage(enum v2_stage stage)
{
    static const unsigned bases[V2_STAGE_MAX] = {
        [V2_BOOT] = 1000,       [V2_NETWORK] = 2000,   [V2_PRE_READY] = 3000,
        [V2_POST_READY] = 6000, [V2_USER_DATA] = 7000,
    };

    return (unsigned)stage < V2_STAGE_MAX ? bases[stage] : 0;
}

unsigned v2_event_of_task(enum v2_stage stage, enum v2_task_id id)
{
    static const struct {
        enum v2_task_id id;
        unsigned before, after; /* in preReady and earlier; in stages 6 and 7 */
    } rows[] = {
        { V2_EXTEND_ROOT, 10, 0 },          { V2_ACTIVATE_WINDOWS, 10, 0 },
        { V2_SET_ADMIN_ACCOUNT, 50, 0 },    { V2_SET_DNS_SUFFIX, 60, 0 },
        { V2_SET_WALLPAPER, 70, 10 },       { V2_ENABLE_OPENSSH, 100, 100 },
        { V2_SET_HOST_NAME, 0, 30 },        { V2_EXECUTE_PROGRAM, 0, 40 },
        { V2_EXECUTE_SCRIPT, 0, 50 },       { V2_INITIALIZE_VOLUME, 0, 70 },
        { V2_WRITE_FILE, 0, 80 },           { V2_START_SSM, 0, 90 },
        { V2_ENABLE_JUMBO_FRAMES, 0, 110 },
    };
    bool late = stage == V2_POST_READY || stage == V2_USER_DATA;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        unsigned add = late ? rows[i].after : rows[i].before;

        if (rows[i].id == id)
            return v2_event_of_stage(stage) + add;
    }
    return v2_event_of_stage(stage);
}

void v2_event(struct win *w, unsigned base, enum v2_event_level level, const char *fmt, ...)
{
    static const enum win_event_level levels[] = {
        [V2_EVENT_SUCCESS] = WIN_EVENT_INFO,
        [V2_EVENT_INFO] = WIN_EVENT_INFO,
        [V2_EVENT_WARNING] = WIN_EVENT_WARNING,
        [V2_EVENT_ERROR] = WIN_EVENT_ERROR,
    };
    struct err ignored = { 0 };
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    /* a full or missing event log must not stop the agent; agent.log has the same words */
    (void)w->event_write(w, V2_EVENT_LOG, V2_EVENT_LOG, base + level, levels[level], text,
                         &ignored);
}
