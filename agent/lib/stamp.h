/* SPDX-License-Identifier: Apache-2.0 */
/* Stamps, made from seconds since 1970 UTC: no time zone, no locale, no C library's calendar. */
#pragma once

#include "lib/str.h"

struct utc {
    unsigned year, month, day, hour, minute, second;
};

struct utc utc_of(uint64_t unix_seconds);
#define STAMP_SIZE 32
/* "yyyy/MM/dd HH:mm:ssZ: ", before every console line of every agent and in v1's and EC2Config's
 * logs */
const char *stamp_console(uint64_t unix_seconds, char out[STAMP_SIZE]);
/* "yyyy-MM-dd HH:mm:ss.fff " of EC2Launch v2's agent.log */
const char *stamp_log(uint64_t unix_ms, char out[STAMP_SIZE]);
