/* SPDX-License-Identifier: Apache-2.0 */
/* The agents' log files: appended to on each run, in the line form of the dialect, rotated where it
 * is promised. A log that cannot be written never stops an agent. */
#pragma once

#include "engine/dialect.h"
#include "engine/win.h"
#include "lib/str.h"

struct log;

enum log_level { LOG_INFO, LOG_WARNING, LOG_ERROR, LOG_CONSOLE, LOG_LEVEL_MAX };

/* path may hold %NAME%; component: EC2Config's word before the text, else NULL. NULL: no memory.
 * Makes the folder. w and d must outlive it. */
struct log *log_new(struct win *w, const struct dialect *d, const char *path,
                    const char *component);
void log_free(struct log *l); /* accepts NULL */
DEFINE_FREEP(log_free, struct log);
/* One line; line breaks inside become further lines without a stamp. l may be NULL. */
void log_say(struct log *l, enum log_level level, const char *fmt, ...) PRINTF_LIKE(3, 4);
void log_text(struct log *l, enum log_level level, const char *text);
/* As log_say, with EC2Config's component for this line. */
void log_from(struct log *l, const char *component, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Tells an error that was handled here. */
void log_err(struct log *l, const char *what, const struct err *e);
