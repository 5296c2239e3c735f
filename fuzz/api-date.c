/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Date header, in its two forms. What is read must be a time that can be printed again. */
#include <string.h>

#include "sigv4.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_free_ char *text = strndup((const char *)data, size);
    struct sigv4_header headers[] = {
        { "host", "h" },
        { "date", text },
        { "authorization",
          "AWS4-HMAC-SHA256 Credential=A/20261122/us-east-1/ec2/aws4_request, SignedHeaders=host, "
          "Signature=0000000000000000000000000000000000000000000000000000000000000000" },
    };
    struct sigv4_request q = {
        .method = "GET", .path = "/", .query = "", .headers = headers, .n_headers = 3, .body = ""
    };
    enum sigv4_fault fault = SIGV4_FAULT_OTHER;
    struct sigv4_claim claim;
    struct err e = { 0 };

    if (text && sigv4_read(&q, &claim, &fault, &e) == 0 && strlen(claim.stamp) != 16)
        abort();
    return 0;
}
