/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/stamp.h"

#include <stdio.h>

/* Civil date from days since 1970, by the usual 400-year cycle that starts on 1 March. */
struct utc utc_of(uint64_t seconds)
{
    uint64_t days = seconds / 86400 + 719468;
    unsigned rest = (unsigned)(seconds % 86400);
    uint64_t era = days / 146097;
    unsigned doe = (unsigned)(days % 146097);
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    unsigned mp = (5 * doy + 2) / 153;
    struct utc t;

    t.day = doy - (153 * mp + 2) / 5 + 1;
    t.month = mp < 10 ? mp + 3 : mp - 9;
    t.year = (unsigned)(era * 400) + yoe + (t.month <= 2);
    t.hour = rest / 3600;
    t.minute = rest / 60 % 60;
    t.second = rest % 60;
    return t;
}

/* 31 December 9999: what four digits carry. */
#define LAST_SECOND 253402300799ULL

static const char *stamp(uint64_t s, char sep, const char *tail, char out[STAMP_SIZE])
{
    struct utc t = utc_of(s > LAST_SECOND ? LAST_SECOND : s);

    (void)snprintf(out, STAMP_SIZE, "%04u%c%02u%c%02u %02u:%02u:%02u%s", t.year % 10000, sep,
                   t.month % 100, sep, t.day % 100, t.hour % 100, t.minute % 100, t.second % 100,
                   tail);
    return out;
}

const char *stamp_console(uint64_t unix_seconds, char out[STAMP_SIZE])
{
    return stamp(unix_seconds, '/', "Z: ", out);
}

const char *stamp_log(uint64_t unix_ms, char out[STAMP_SIZE])
{
    char tail[8];

    (void)snprintf(tail, sizeof tail, ".%03u ", (unsigned)(unix_ms % 1000));
    return stamp(unix_ms / 1000, '-', tail, out);
}
