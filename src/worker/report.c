/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report.h"

#include <errno.h>
#include <string.h>

#include "file.h"
#include "str.h"

#define LINE_MAX_BYTES (60U << 10) /* the daemon drops lines over 64 KiB */

void meter_start(struct meter *m, uint64_t now_ms)
{
    *m = (struct meter){ .start_ms = now_ms };
    meter_note(m, now_ms, 0);
}

void meter_note(struct meter *m, uint64_t now_ms, uint64_t done)
{
    m->sample[m->next].ms = now_ms;
    m->sample[m->next].done = done;
    m->next = (m->next + 1) % METER_SAMPLES;
    if (m->n < METER_SAMPLES)
        m->n++;
}

static uint64_t per_second(uint64_t bytes, uint64_t ms)
{
    return ms ? (uint64_t)((double)bytes * 1000.0 / (double)ms) : 0;
}

/* Measured from the oldest sample inside the window. */
uint64_t meter_rate(const struct meter *m, uint64_t now_ms, uint64_t done)
{
    for (unsigned i = 0; i < m->n; i++) {
        unsigned at = (m->next + METER_SAMPLES - m->n + i) % METER_SAMPLES;

        if (now_ms - m->sample[at].ms <= METER_WINDOW_MS)
            return per_second(done - m->sample[at].done, now_ms - m->sample[at].ms);
    }
    return 0;
}

uint64_t meter_rate_overall(const struct meter *m, uint64_t now_ms, uint64_t done)
{
    return per_second(done, now_ms - m->start_ms);
}

void report_start(struct report *r, int fd, uint64_t now_ms)
{
    *r = (struct report){ .fd = fd };
    meter_start(&r->meter, now_ms);
}

static int print_line(int fd, struct str *s, struct err *e)
{
    int r;

    str_addc(s, '\n');
    r = str_check(s, "a line of output", e);
    if (r < 0)
        return r;
    r = write_full(fd, s->p, s->len);
    return r < 0 ? err_no(e, r, "write to standard output") : 0;
}

static int print_progress(struct report *r, const struct progress *p, uint64_t rate, struct err *e)
{
    _cleanup_str_ struct str s = STR_INIT(1024);

    str_addf(&s,
             "{\"progress\":{\"done\":%llu,\"total\":%llu,\"rate\":%llu,\"read\":%llu,"
             "\"stored\":%llu}}",
             (unsigned long long)p->done, (unsigned long long)p->total, (unsigned long long)rate,
             (unsigned long long)p->read, (unsigned long long)p->stored);
    r->last = *p;
    r->any = true;
    return print_line(r->fd, &s, e);
}

bool report_due(const struct report *r, uint64_t now_ms)
{
    return !r->any || now_ms - r->last_ms >= REPORT_EVERY_MS;
}

int report_progress(struct report *r, const struct progress *p, uint64_t now_ms, struct err *e)
{
    struct progress shown = *p;

    if (!report_due(r, now_ms))
        return 0;
    shown.done = max_u64(shown.done, r->last.done);
    meter_note(&r->meter, now_ms, shown.done);
    r->last_ms = now_ms;
    return print_progress(r, &shown, meter_rate(&r->meter, now_ms, shown.done), e);
}

int report_progress_last(struct report *r, const struct progress *p, uint64_t now_ms, struct err *e)
{
    return print_progress(r, p, meter_rate_overall(&r->meter, now_ms, p->done), e);
}

int report_take_result(int fd, json_t *result, struct err *e)
{
    _cleanup_str_ struct str s = STR_INIT(LINE_MAX_BYTES);
    json_t *line = json_pack("{s:o}", "result", result);
    char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;

    json_decref(line);
    if (!text)
        return err_oom(e);
    str_add(&s, text);
    free(text);
    return print_line(fd, &s, e);
}

void report_error(int fd, const struct err *why)
{
    _cleanup_str_ struct str s = STR_INIT(LINE_MAX_BYTES);
    struct err ignored = { 0 };

    str_addf(&s, "{\"error\":{\"no\":%d,\"kind\":\"%s\",\"msg\":\"", why->no,
             err_kind_name(why->kind));
    str_json(&s, why->msg);
    str_add(&s, "\"}}");
    (void)print_line(fd, &s, &ignored); /* nobody is left to tell */
}
