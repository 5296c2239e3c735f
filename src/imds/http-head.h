/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The head of one HTTP request: request line and headers, as bytes from a guest. Every size has a
 * limit, nothing is allocated. */
#pragma once

#include "util.h"

#define HTTP_LINE_MAX   2048U /* the request line */
#define HTTP_FIELDS_MAX 8192U /* all header lines together */
#define HTTP_HEAD_MAX   (HTTP_LINE_MAX + HTTP_FIELDS_MAX)
#define HTTP_BODY_MAX   8192U /* read and dropped: no request of ours needs one */

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_PUT, HTTP_ANOTHER };

struct http_head {
    enum http_method method;
    char path[HTTP_LINE_MAX]; /* from its '/', as sent, without query */
    bool keep_alive;
    bool expects_continue;
    bool forwarded; /* X-Forwarded-For is there */
    bool has_token, has_ttl;
    char token[128]; /* "" when longer: it cannot be one of ours */
    char ttl[32];    /* the same */
    uint64_t body_bytes;
};

/* Length of the head at the beginning of n bytes, its empty line included; 0 while it is not
 * there. *scanned remembers between calls how far was looked; starts at 0 for each head. */
size_t http_head_find(const char *p, size_t n, size_t *scanned);
/* Whether what is there so far, without an end, is too long already: 0, or 414 or 431. */
int http_head_too_long(const char *p, size_t n);
/* Reads a whole head. 0, or the status to refuse it with: 400 413 414 431 501 505. *ret is
 * written in either case; when refused, only method, keep_alive = false and body_bytes = 0 count.
 */
int http_head_parse(const char *p, size_t n, struct http_head *ret);
