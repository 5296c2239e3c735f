/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One line an event on stderr: "level room: sentence key=value". Library rooms never log an error
 * that they return. Secrets are never given to these functions. */
#pragma once

#include "err.h"

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_NOTICE,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_MAX
};

/* Which rooms print debug lines: "vm,store" or "all"; NULL for none. Copies the text. */
void log_set_debug(const char *rooms);
/* The request that the loop works on now; appended to every line as request=ID; "" for none. */
void log_set_request(const char *id);
const char *log_request(void);

void log_line(enum log_level level, const char *room, const char *fmt, ...) PRINTF_LIKE(3, 4);
bool log_debug_on(const char *room);

#define log_error(room, ...)   log_line(LOG_LEVEL_ERROR, room, __VA_ARGS__)
#define log_warning(room, ...) log_line(LOG_LEVEL_WARNING, room, __VA_ARGS__)
#define log_notice(room, ...)  log_line(LOG_LEVEL_NOTICE, room, __VA_ARGS__)
#define log_info(room, ...)    log_line(LOG_LEVEL_INFO, room, __VA_ARGS__)
#define log_debug(room, ...)                                                                       \
    do {                                                                                           \
        if (log_debug_on(room))                                                                    \
            log_line(LOG_LEVEL_DEBUG, room, __VA_ARGS__);                                          \
    } while (0)
