/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "str.h"

static char debug_rooms[256];
static char request_id[64];

static const char *const level_names[LOG_LEVEL_MAX] = { "error", "warning", "notice", "info",
                                                        "debug" };

void log_set_debug(const char *rooms)
{
    if (str_copy(debug_rooms, sizeof debug_rooms, rooms ? rooms : "") < 0)
        (void)str_copy(debug_rooms, sizeof debug_rooms, "all");
}

void log_set_request(const char *id)
{
    (void)str_copy(request_id, sizeof request_id, id ? id : "");
}

const char *log_request(void)
{
    return request_id;
}

bool log_debug_on(const char *room)
{
    size_t n = strlen(room);

    if (strcmp(debug_rooms, "all") == 0)
        return true;
    for (const char *p = debug_rooms; *p;) {
        size_t k = strcspn(p, ",");

        if (k == n && memcmp(p, room, n) == 0)
            return true;
        p += k;
        p += *p == ',';
    }
    return false;
}

/* A line is one line: control bytes of a guest or client must not forge a second one. */
static void flatten(char *line)
{
    for (char *p = line; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = ' ';
}

void log_line(enum log_level level, const char *room, const char *fmt, ...)
{
    char text[2048], stamp[CLOCK_ISO_MAX];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    flatten(text);
    clock_iso8601(clock_real_ms(), stamp);
    if (request_id[0])
        (void)fprintf(stderr, "%s %s %s: %s request=%s\n", stamp, level_names[level], room, text,
                      request_id);
    else
        (void)fprintf(stderr, "%s %s %s: %s\n", stamp, level_names[level], room, text);
}
