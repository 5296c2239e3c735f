/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static uint64_t now_ns(clockid_t id)
{
    struct timespec ts;

    (void)clock_gettime(id, &ts); /* cannot fail for these clocks */
    return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

uint64_t clock_real_ms(void)
{
    return now_ns(CLOCK_REALTIME) / 1000000U;
}

uint64_t clock_mono_ms(void)
{
    return now_ns(CLOCK_MONOTONIC) / 1000000U;
}

uint64_t clock_mono_ns(void)
{
    return now_ns(CLOCK_MONOTONIC);
}

void clock_iso8601(uint64_t real_ms, char out[CLOCK_ISO_MAX])
{
    time_t sec = (time_t)(real_ms / 1000U);
    char day[24] = "";
    struct tm tm;

    if (!gmtime_r(&sec, &tm) || !strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm))
        (void)snprintf(day, sizeof day, "1970-01-01T00:00:00");
    (void)snprintf(out, CLOCK_ISO_MAX, "%s.%03uZ", day, (unsigned)(real_ms % 1000U));
}

int clock_parse_iso8601(const char *text, uint64_t *ret_real_ms)
{
    struct tm tm = { 0 };
    unsigned ms = 0, scale = 100;
    const char *p = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    time_t sec;

    if (!p)
        return -EINVAL;
    if (*p == '.')
        for (p++; *p >= '0' && *p <= '9'; p++, scale /= 10)
            ms += (unsigned)(*p - '0') * scale;
    if (strcmp(p, "Z") != 0)
        return -EINVAL;
    sec = timegm(&tm);
    if (sec < 0)
        return -EINVAL;
    *ret_real_ms = (uint64_t)sec * 1000U + ms;
    return 0;
}

int clock_boot_id(char out[40])
{
    _cleanup_close_ int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return -errno;
    n = read(fd, out, 39);
    if (n < 36)
        return -EIO;
    out[36] = '\0';
    return 0;
}
