/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the event log "Amazon EC2Launch". An id has four digits S TT L: stage, task, level. */
#pragma once

#include "engine/log.h"
#include "v2/schema.h"

#define V2_EVENT_LOG "Amazon EC2Launch"
#define V2_EVENT_KEY                                                                               \
    "HKLM\\SYSTEM\\CurrentControlSet\\Services\\EventLog\\" V2_EVENT_LOG "\\" V2_EVENT_LOG

/* The last digit. */
enum v2_event_level { V2_EVENT_SUCCESS, V2_EVENT_INFO, V2_EVENT_WARNING, V2_EVENT_ERROR };

/* Bases of what is no task of the settings. */
enum {
    V2_EVENT_SERVICE = 0,
    V2_EVENT_REPLACE_STATE = 10,
    V2_EVENT_SERIAL_PORT = 100,
    V2_EVENT_SYSPREP = 200,
    V2_EVENT_PRIMARY_NIC = 300,
    V2_EVENT_METADATA = 400,
    V2_EVENT_ADD_ROUTES = 2010,
    V2_EVENT_MONITOR = 3030,
    V2_EVENT_HIBERNATION = 3040,
    V2_EVENT_OUTPUT_LOG = 3090,
    V2_EVENT_READY = 5000,
};

unsigned v2_event_of_stage(enum v2_stage stage);
/* Its stage's number for a task that has none of its own there. */
unsigned v2_event_of_task(enum v2_stage stage, enum v2_task_id id);
void v2_event(struct win *w, unsigned base, enum v2_event_level level, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
