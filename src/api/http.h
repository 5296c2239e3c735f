/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The listener: libmicrohttpd inside of the daemon's loop, no thread of its own. */
#pragma once

#include "dispatch.h"

struct http;

int http_open(struct api *a, const char *listen, struct http **ret, struct err *e);
void http_close(struct http *h);
const char *http_address(const struct http *h);
