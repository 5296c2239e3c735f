/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of the event log on the console. */
#pragma once

#include "engine/console.h"

#define EVENTS_MAX 999U

struct events_wish {
    const char *log;    /* "System" */
    const char *source; /* NULL or "": any */
    enum win_event_level level;
    uint32_t count;    /* 1 to EVENTS_MAX */
    uint64_t after_ms; /* only newer ones; 0: all */
};
/* "Error", "Warning", "Information" or "" (any), in any case: 0 or -EINVAL. */
int events_level_parse(const char *text, enum win_event_level *ret, struct err *e);
const char *events_level_name(enum win_event_level level);
/* Prints "EventLogEntry: <Log>  <Level>  <Source>  <M/dd/yyyy hh:mm:ss tt>  <Message>", oldest
 * first. *ret_last_ms (may be NULL): time of the newest printed, or untouched. */
int events_print(struct win *w, struct console *c, const struct events_wish *wish,
                 uint64_t *ret_last_ms, struct err *e);
