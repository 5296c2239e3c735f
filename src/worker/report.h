/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the daemon hears: JSON lines on stdout (docs/design/worker.md), and the arithmetic of
 * progress. */
#pragma once

#include <jansson.h>

#include "err.h"

#define METER_SAMPLES   32
#define METER_WINDOW_MS 5000
#define REPORT_EVERY_MS 250

/* Bytes per second over the last seconds. Plain data; the clock is a parameter. */
struct meter {
    struct {
        uint64_t ms, done;
    } sample[METER_SAMPLES];
    unsigned n, next;
    uint64_t start_ms;
};

void meter_start(struct meter *m, uint64_t now_ms);
void meter_note(struct meter *m, uint64_t now_ms, uint64_t done);
uint64_t meter_rate(const struct meter *m, uint64_t now_ms, uint64_t done);
uint64_t meter_rate_overall(const struct meter *m, uint64_t now_ms, uint64_t done);

struct progress {
    uint64_t done, total, read, stored;
};

struct report {
    int fd;
    struct meter meter;
    struct progress last; /* done never falls */
    uint64_t last_ms;
    bool any;
};

void report_start(struct report *r, int fd, uint64_t now_ms);
/* Is it time for a line? Asks nothing of the store before. */
bool report_due(const struct report *r, uint64_t now_ms);
/* Prints a line when the last one is old enough. -EPIPE when nobody listens any more. */
int report_progress(struct report *r, const struct progress *p, uint64_t now_ms, struct err *e);
/* The line before a result: always printed. */
int report_progress_last(struct report *r, const struct progress *p, uint64_t now_ms,
                         struct err *e);
/* The last line of all. Takes the result. */
int report_take_result(int fd, json_t *result, struct err *e);
void report_error(int fd, const struct err *why);
