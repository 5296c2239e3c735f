/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes and times for people, and the progress line. */
#pragma once

#include <stdio.h>

#include "util.h"

#define UNITS_MAX 32

/* "1.5 GiB", "12 MiB", "512 B" */
const char *units_bytes(uint64_t n, char buf[UNITS_MAX]);
/* "2 h 05 min", "3 min 20 s", "12 s" */
const char *units_seconds(uint64_t s, char buf[UNITS_MAX]);

/* One line on stderr that is written over on a terminal; elsewhere a line of its own each time
 * the words change, at most one in PROGRESS_PLAIN_MS. */
#define PROGRESS_PLAIN_MS 5000
#define PROGRESS_LINE_MAX 200

struct progress {
    FILE *out;
    bool terminal, shown;
    uint64_t last_ms;
    char last[PROGRESS_LINE_MAX]; /* what is shown */
    char next[PROGRESS_LINE_MAX]; /* what came too soon to be shown, or "" */
};

void progress_init(struct progress *p, FILE *out, bool terminal);
/* "what: done of total, 37 %, 120 MiB/s, 12 s left"; without total: done and rate alone. */
void progress_bytes(struct progress *p, const char *what, uint64_t done, uint64_t total,
                    uint64_t rate, uint64_t now_ms);
void progress_text(struct progress *p, const char *text, uint64_t now_ms);
/* The last words are shown in any case; the line ends there. */
void progress_end(struct progress *p);
