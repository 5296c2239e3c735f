/* SPDX-License-Identifier: Apache-2.0 */
/* EventLogConfig.xml. LastMessageTime keeps an entry from being printed at two boots; it is written
 * as the original does, "2020-01-01T00:00:00.0000000+00:00". */
#include "ec2config/config.h"

#include <errno.h>
#include <string.h>

#include "engine/events.h"
#include "lib/stamp.h"
#include "read-priv.h"

#define FILE_NAME "EventLogConfig.xml"

/* Days since 1970-01-01 of a date of the Gregorian calendar, from 1970 on. */
static uint64_t days_of(unsigned y, unsigned m, unsigned d)
{
    static const uint16_t before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    uint64_t past = y - 1U;

    return (past * 365U + past / 4U - past / 100U + past / 400U) - 719162U + before[m - 1] +
           (m > 2 && leap) + d - 1U;
}

static bool digits(const char **p, unsigned n, unsigned max, unsigned *ret)
{
    unsigned v = 0;

    for (unsigned i = 0; i < n; i++, (*p)++) {
        if (**p < '0' || **p > '9')
            return false;
        v = v * 10 + (unsigned)(**p - '0');
    }
    *ret = v;
    return v <= max;
}

static bool skip(const char **p, char c)
{
    if (**p != c)
        return false;
    (*p)++;
    return true;
}

/* Seconds east of UTC behind the time; "" and "Z" are UTC. */
static bool zone_of(const char *p, int64_t *ret)
{
    unsigned h = 0, m = 0;
    char sign = *p;

    *ret = 0;
    if (!*p || str_eq(p, "Z"))
        return true;
    if (sign != '+' && sign != '-')
        return false;
    p++;
    if (!digits(&p, 2, 14, &h) || !skip(&p, ':') || !digits(&p, 2, 59, &m) || *p)
        return false;
    *ret = (sign == '-' ? -1 : 1) * (int64_t)(h * 3600U + m * 60U);
    return true;
}

static int time_of(const char *text, uint64_t *ret)
{
    unsigned y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0, ms = 0, place = 100;
    const char *p = text;
    int64_t zone = 0, seconds;

    if (!digits(&p, 4, 9999, &y) || !skip(&p, '-') || !digits(&p, 2, 12, &mo) || !skip(&p, '-') ||
        !digits(&p, 2, 31, &d) || !skip(&p, 'T') || !digits(&p, 2, 23, &h) || !skip(&p, ':') ||
        !digits(&p, 2, 59, &mi) || !skip(&p, ':') || !digits(&p, 2, 60, &s) || !mo || !d)
        return -EINVAL;
    if (skip(&p, '.'))
        for (; *p >= '0' && *p <= '9'; p++, place /= 10)
            ms += (unsigned)(*p - '0') * place;
    if (!zone_of(p, &zone))
        return -EINVAL;
    if (y < 1970) { /* "never" in some files is the year 1 */
        *ret = 0;
        return 0;
    }
    seconds = (int64_t)(days_of(y, mo, d) * 86400U + h * 3600U + mi * 60U + s) - zone;
    *ret = seconds < 0 ? 0 : (uint64_t)seconds * 1000U + ms;
    return 0;
}

static int read_last(const struct xml *x, const struct xml_node *n, uint64_t *ret, struct err *e)
{
    char text[64];
    int r = read_text(x, n, "LastMessageTime", text, sizeof(text), e);

    *ret = 0;
    if (r <= 0)
        return r;
    if (time_of(text, ret) < 0)
        return xml_err(x, read_child(n, "LastMessageTime"), e,
                       "LastMessageTime is '%s': a time as 2020-01-01T00:00:00+00:00 is expected",
                       text);
    return 0;
}

static int read_count(const struct xml *x, const struct xml_node *n, uint32_t *ret, struct err *e)
{
    char text[16];
    uint64_t v = 3;
    int r = read_text(x, n, "NumEntries", text, sizeof(text), e);

    if (r > 0 && parse_u64(text, 1, EVENTS_MAX, &v) < 0)
        return xml_err(x, read_child(n, "NumEntries"), e,
                       "NumEntries is '%s': a number from 1 to %u is expected", text, EVENTS_MAX);
    *ret = (uint32_t)v;
    return r < 0 ? r : 0;
}

static int read_event(const struct xml *x, const struct xml_node *n, struct config_event *v,
                      struct err *e)
{
    enum win_event_level level;
    struct err scratch = { 0 };
    int r = read_text(x, n, "Category", v->category, sizeof(v->category), e);

    if (r == 0)
        return xml_err(x, n, e, "an event without Category");
    if (r > 0)
        r = read_text(x, n, "AppName", v->app, sizeof(v->app), e);
    if (r >= 0)
        r = read_text(x, n, "ErrorType", v->type, sizeof(v->type), e);
    if (r < 0)
        return r;
    if (events_level_parse(v->type, &level, &scratch) < 0)
        return xml_err(x, read_child(n, "ErrorType"), e,
                       "ErrorType is '%s': Error, Warning or Information is expected", v->type);
    r = read_count(x, n, &v->count, e);
    return r < 0 ? r : read_last(x, n, &v->last_ms, e);
}

static int take(struct xmlfile **f, void *ret, struct err *e)
{
    const struct xml *x = (*f)->xml;
    _cleanup_free_ struct config_events *c = calloc(1, sizeof(*c));

    if (!c)
        return err_oom(e);
    if (read_root(*f, "EventLogConfig", e) < 0)
        return -e->no;
    for (struct xml_node *n = xml_first_element(x->root); n; n = xml_next_element(n)) {
        if (c->n == CONFIG_EVENTS_MAX)
            return xml_err(x, n, e, "more than %u events", CONFIG_EVENTS_MAX);
        if (read_event(x, n, &c->list[c->n++], e) < 0)
            return -e->no;
    }
    c->file = TAKE_PTR(*f);
    memcpy(ret, c, sizeof(*c));
    return 0;
}

int config_events_parse(const char *name, const void *p, size_t n, struct config_events *ret,
                        struct err *e)
{
    return read_parse(name, p, n, take, ret, e);
}

int config_events_load(struct win *w, struct config_events *ret, struct err *e)
{
    return read_load(w, FILE_NAME, take, ret, e);
}

int config_events_set_last(struct config_events *c, size_t i, uint64_t ms, struct err *e)
{
    struct xml_node *n = xml_first_element(c->file->xml->root), *last;
    struct utc t = utc_of(ms / 1000U);
    struct str text = STR_INIT(64);
    int r;

    for (size_t k = 0; k < i && n; k++)
        n = xml_next_element(n);
    if (!n)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "there is no event %zu", i + 1);
    str_addf(&text, "%04u-%02u-%02uT%02u:%02u:%02u.%03u0000+00:00", t.year, t.month, t.day, t.hour,
             t.minute, t.second, (unsigned)(ms % 1000U));
    last = read_child(n, "LastMessageTime");
    r = last ? xml_set_text(c->file->xml, last, str_text(&text), e)
             : xml_add_child(c->file->xml, n, "LastMessageTime", str_text(&text), NULL, e);
    str_done(&text);
    if (r == 0)
        c->list[i].last_ms = ms;
    return r;
}

int config_events_save(struct win *w, const struct config_events *c, struct err *e)
{
    return read_store(w, FILE_NAME, c->file, e);
}

void config_events_done(struct config_events *c)
{
    xmlfile_free(c->file);
    *c = (struct config_events){ 0 };
}
