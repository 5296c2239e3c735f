/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The whole api without a socket, over a real model in a directory of its own; long work is only
 * written down (tests/api/jobs-recorded.c), and the tests move the states that jobs would move. A
 * story asks with the text of a form body and looks into the answer with the path of an element. */
#pragma once

#include "test.h"

#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "dispatch.h"
#include "file.h"
#include "jobs-recorded.h"
#include "later.h"

struct world {
    char dir[64];
    struct access_key key;
    struct api api;
    unsigned status; /* of the last answer */
    xmlDoc *doc;
    char text[2048]; /* last value looked at */
};

#define OK(call)                                                                                   \
    do {                                                                                           \
        struct err e = { 0 };                                                                      \
        if ((call) < 0)                                                                            \
            fail_msg("%s: %s", #call, e.msg);                                                      \
    } while (0)

#define MODEL(w) ((w)->api.cfg.model)

_unused_ static int world_open(void **state)
{
    struct world *w = xcalloc(1, sizeof(*w));
    _cleanup_free_ char *path = NULL;

    (void)snprintf(w->dir, sizeof(w->dir), "/tmp/kiln-test-api-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    path = xasprintf("%s/kiln.db", w->dir);
    w->api.now_ms = clock_real_ms;
    w->api.cfg = (struct api_config){ .default_region = "us-east-1", .memory_limit_mib = 32768 };
    OK(model_open(path, &w->api.cfg.model, &e));
    OK(model_access_key_first(MODEL(w), &w->key, &e));
    w->api.cfg.jobs = jobs_recorded_new(w->dir, MODEL(w));
    *state = w;
    return 0;
}

_unused_ static int world_close(void **state)
{
    struct world *w = *state;
    struct err e = { 0 };

    xmlFreeDoc(w->doc);
    jobs_close(w->api.cfg.jobs);
    model_close(MODEL(w));
    (void)tree_remove(w->dir, &e);
    free(w);
    return 0;
}

/* "a/b[2]/c" below the root, namespaces left out. */
_unused_ static char *xpath_of(const char *path)
{
    struct str s = STR_INIT(4096);
    const char *p = path;

    str_add(&s, "/*");
    while (*p) {
        size_t n = strcspn(p, "/["), rest = strcspn(p + n, "/");

        str_addf(&s, "/*[local-name()='%.*s']%.*s", (int)n, p, (int)rest, p + n);
        p += n + rest;
        p += *p == '/';
    }
    return str_take(&s);
}

_unused_ static xmlXPathObject *look(struct world *w, const char *path, xmlXPathContext **ret)
{
    _cleanup_free_ char *xpath = xpath_of(path);
    xmlXPathObject *o;

    *ret = xmlXPathNewContext(w->doc);
    o = xmlXPathEvalExpression((const xmlChar *)xpath, *ret);
    assert_non_null(o);
    return o;
}

_unused_ static int count(struct world *w, const char *path)
{
    xmlXPathContext *ctx;
    xmlXPathObject *o = look(w, path, &ctx);
    int n = o->nodesetval ? o->nodesetval->nodeNr : 0;

    xmlXPathFreeObject(o);
    xmlXPathFreeContext(ctx);
    return n;
}

/* The text of the first element at this path; "(none)" when there is none. */
_unused_ static const char *at(struct world *w, const char *path)
{
    xmlXPathContext *ctx;
    xmlXPathObject *o = look(w, path, &ctx);
    xmlChar *text = NULL;

    if (o->nodesetval && o->nodesetval->nodeNr > 0)
        text = xmlNodeGetContent(o->nodesetval->nodeTab[0]);
    (void)snprintf(w->text, sizeof(w->text), "%s", text ? (const char *)text : "(none)");
    xmlFree(text);
    xmlXPathFreeObject(o);
    xmlXPathFreeContext(ctx);
    return w->text;
}

/* As at, but kept: the caller frees. */
_unused_ static char *keep_at(struct world *w, const char *path)
{
    return xstrdup(at(w, path));
}

_unused_ static void send_body(struct world *w, const char *body)
{
    char stamp[SIGV4_STAMP];
    char *authorization = NULL;
    struct sigv4_header headers[] = {
        { "host", "127.0.0.1:8773" },
        { "content-type", "application/x-www-form-urlencoded; charset=utf-8" },
        { NULL, NULL },
        { NULL, NULL },
    };
    struct api_in in = { .http = { .method = "POST",
                                   .path = "/",
                                   .query = "",
                                   .headers = headers,
                                   .n_headers = 2,
                                   .body = body,
                                   .body_len = strlen(body) } };
    struct api_out out;

    OK(sigv4_sign(&in.http, w->key.id, w->key.secret, "us-east-1", "ec2", clock_real_ms() / 1000,
                  stamp, &authorization, &e));
    headers[2] = (struct sigv4_header){ "x-amz-date", stamp };
    headers[3] = (struct sigv4_header){ "authorization", authorization };
    in.http.n_headers = 4;
    api_answer(&w->api, &in, &out);
    if (out.later) /* what the recorded jobs do is done at once */
        assert_true(api_later_take(out.later, &out));
    free(authorization);
    xmlFreeDoc(w->doc);
    w->doc = xmlReadMemory(out.body, (int)out.body_len, NULL, NULL, XML_PARSE_NONET);
    assert_non_null(w->doc);
    w->status = out.status;
    if (getenv("KILN_SHOW"))
        (void)fprintf(stderr, "# %s\n# %s\n", body, out.body);
    api_out_done(&out);
}

_unused_ static void ask(struct world *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
_unused_ static void refused(struct world *w, const char *code, const char *message,
                             const char *fmt, ...) PRINTF_LIKE(4, 5);

#define FORMAT_BODY(body, fmt)                                                                     \
    char body[8192];                                                                               \
    va_list ap;                                                                                    \
    va_start(ap, fmt);                                                                             \
    (void)vsnprintf(body, sizeof(body), fmt, ap);                                                  \
    va_end(ap)

/* Must succeed. */
_unused_ static void ask(struct world *w, const char *fmt, ...)
{
    FORMAT_BODY(body, fmt);
    send_body(w, body);
    if (w->status != 200)
        fail_msg("%s: %s", body, at(w, "Errors/Error"));
}

/* Must fail with this code, and with this text in its message. */
_unused_ static void refused(struct world *w, const char *code, const char *message,
                             const char *fmt, ...)
{
    FORMAT_BODY(body, fmt);
    send_body(w, body);
    if (!str_eq(at(w, "Errors/Error/Code"), code))
        fail_msg("%s: %s is expected, not: %s", body, code, at(w, "Errors/Error"));
    if (!strstr(at(w, "Errors/Error/Message"), message))
        fail_msg("%s: '%s' is expected in: %s", body, message, at(w, "Errors/Error/Message"));
}

#define assert_at(w, path, expected) assert_string_equal(at(w, path), expected)

/* How often the jobs room was asked for this ("launch i-…"). */
_unused_ static int asked_for(struct world *w, const char *line)
{
    _cleanup_free_ char *path = xasprintf("%s/jobs.log", w->dir);
    _cleanup_free_ char *all = NULL;
    size_t len, n = 0;

    OK(file_read(path, MIB(1), &all, &len, &e));
    for (char *p = all; (p = strstr(p, line)); p += strlen(line))
        n++;
    return (int)n;
}

/* ---- what the jobs would do ------------------------------------------------------------------ */

/* An image of one disk of 8 GiB; the caller frees its id. */
_unused_ static char *import(struct world *w, const char *platform, const char *name)
{
    _cleanup_free_ char *image = NULL, *snapshot = NULL;
    _cleanup_(image_rec_done) struct image_rec i = { 0 };
    struct snapshot_rec s;

    ask(w,
        "Action=ImportImage&DiskContainer.1.Url=file:///d/disk.vhd&DiskContainer.1.Format=VHD&"
        "Platform=%s&TagSpecification.1.ResourceType=import-image-task&"
        "TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=%s",
        platform, name);
    image = keep_at(w, "kilnImageId");
    snapshot = keep_at(w, "kilnSnapshotId");
    OK(model_snapshot_get(MODEL(w), NULL, snapshot, &s, &e));
    s.volume_size_gib = 8;
    OK(model_snapshot_save(MODEL(w), &s, &e));
    OK(model_snapshot_move(MODEL(w), snapshot, SNAPSHOT_EV_COMPLETED, NULL, NULL, &e));
    OK(model_image_get(MODEL(w), NULL, image, &i, &e));
    i.mapping.v[0].size_gib = 8;
    OK(model_image_save(MODEL(w), &i, &e));
    OK(model_image_move(MODEL(w), image, IMAGE_EV_AVAILABLE, NULL, NULL, NULL, &e));
    return TAKE_PTR(image);
}

_unused_ static void instance_runs(struct world *w, const char *id)
{
    _cleanup_free_ struct attachment_rec *at = NULL;
    struct instance_rec i;
    size_t n = 0;

    OK(model_attachment_list(MODEL(w), id, &at, &n, &e));
    for (size_t k = 0; k < n; k++)
        OK(model_attachment_state(MODEL(w), at[k].volume_id, ATTACH_ATTACHED, &e));
    OK(model_instance_move(MODEL(w), id, INSTANCE_EV_RUNNING, "", "", NULL, &e));
    OK(model_instance_get(MODEL(w), NULL, id, &i, &e));
    i.status_ok = true;
    OK(model_instance_save(MODEL(w), &i, &e));
}

/* Launched and running; the caller frees its id. */
_unused_ static char *run(struct world *w, const char *image, const char *more)
{
    char *id;

    ask(w, "Action=RunInstances&ImageId=%s&InstanceType=m5.large&MinCount=1&MaxCount=1%s", image,
        more);
    id = keep_at(w, "instancesSet/item/instanceId");
    instance_runs(w, id);
    return id;
}
