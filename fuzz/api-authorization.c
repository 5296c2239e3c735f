/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Authorization header on the first line, the query on the second, the rest is the body: read,
 * and where it can be read, verified (which must fail). */
#include <string.h>

#include "sigv4.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_free_ char *text = strndup((const char *)data, size);
    char *query = text ? strchr(text, '\n') : NULL, *body = NULL;
    struct sigv4_header headers[] = { { "host", "127.0.0.1:8773" },
                                      { "x-amz-date", "20261122T104302Z" },
                                      { "authorization", text } };
    struct sigv4_request q = { .method = "POST", .path = "/", .query = "", .headers = headers };
    enum sigv4_fault fault = SIGV4_FAULT_OTHER;
    struct sigv4_claim claim;
    struct err e = { 0 };

    if (!text)
        return 0;
    if (query) {
        *query++ = '\0';
        body = strchr(query, '\n');
        if (body)
            *body++ = '\0';
        q.query = query;
    }
    q.n_headers = *text ? 3 : 2; /* without one, the query may be a presigned one */
    q.body = body ? body : "";
    q.body_len = body ? strlen(body) : 0;
    if (sigv4_read(&q, &claim, &fault, &e) == 0 &&
        sigv4_verify(&q, &claim, "a secret that no seed is signed with", 1795344182, false, &fault,
                     &e) == 0)
        abort();
    return 0;
}
