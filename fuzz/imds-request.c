/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bytes of a guest's connection: heads one after the other, each answered. What is answered has
 * a status that we know, and the service's data only under the rules. */
#include <string.h>

#include "answer.h"
#include "file.h"
#include "../src/imds/test-sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Made once; a directory that is gone again at once. */
static struct sign *the_key(void)
{
    static struct sign *s;
    char dir[] = "/tmp/kiln-fuzz-XXXXXX";
    struct err e = { 0 };

    if (!s && (!mkdtemp(dir) || sign_open(dir, &s, &e) < 0 || tree_remove(dir, &e) < 0))
        abort();
    return s;
}

static void answer_one(const char *p, size_t n, bool required)
{
    const struct token_key key = { .secret = { 1 } };
    const struct answer_site site = { .tokens = &key, .sign = the_key() };
    static struct sample sample;
    static struct sign_memo memo;
    struct http_head h;
    struct answer a;
    int status = http_head_parse(p, n, &h);

    sample_fill(&sample, "10.1.2.3");
    sample.x.tokens_required = required;
    sample.x.tags_shown = true;
    if (status) {
        if (status < 400 || status > 505 || h.keep_alive || h.body_bytes)
            abort();
        return;
    }
    if (h.path[0] != '/' || h.body_bytes > HTTP_BODY_MAX)
        abort();
    answer_make(&site, &memo, &sample.x, &h, 1000, &a);
    if (a.status == 200 && required && h.method != HTTP_PUT)
        abort(); /* no input holds a token of this key */
    if (a.status == 200 && h.method == HTTP_PUT && (h.forwarded || !a.ttl_s || a.ttl_s > 21600))
        abort();
    if (a.failed || (a.status == 405) != (a.allow != NULL))
        abort();
    answer_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data;
    size_t left = size, scanned = 0, n;

    while ((n = http_head_find(p, left, &scanned))) {
        answer_one(p, n, true);
        answer_one(p, n, false);
        p += n;
        left -= n;
    }
    (void)http_head_too_long(p, left);
    return 0;
}
