/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What reading and signing share. */
#pragma once

#include "sigv4.h"

#define SIGV4_ALGORITHM "AWS4-HMAC-SHA256"

/* The value of a header, "" when it is empty, NULL when it is not there. */
const char *sigv4_header_of(const struct sigv4_request *q, const char *name);
/* Takes percent escapes and '+' away, in place; a bad escape stays as it is. Returns the length. */
size_t sigv4_decode(char *text);
/* Seconds since 1970 as "20261124T054643Z". */
void sigv4_stamp(uint64_t s, char out[SIGV4_STAMP]);
