/* SPDX-License-Identifier: Apache-2.0 */
/* Instance metadata: HTTP/1.1 over the table's sockets, never through a proxy, IMDSv2 tokens that
 * are renewed a minute before they end, the token-less form for the dialects that had it. The
 * address is http://169.254.169.254, then http://[fd00:ec2::254]; the environment variable
 * AWS_EC2_METADATA_SERVICE_ENDPOINT (an http URL with a numeric host) replaces both. */
#pragma once

#include "engine/dialect.h"
#include "engine/win.h"

struct imds;

#define IMDS_BODY_MAX  KIB(256) /* no value of the service is longer */
#define IMDS_ANSWER_MS 5000U    /* for one answer */
#define IMDS_TRIES     3U       /* for a connection that breaks or a 5xx */

/* NULL: no memory. w must outlive it. */
struct imds *imds_new(struct win *w, const struct dialect *d);
void imds_free(struct imds *m);
DEFINE_FREEP(imds_free, struct imds);

/* Value of http://.../latest/<path>: 1 and fresh bytes with a NUL behind, 0 for 404; -EACCES when
 * metadata is switched off (403), -ETIMEDOUT, -ECONNREFUSED... ret_n may be NULL. m NULL, here and
 * in the next two: there is no metadata, 0. */
int imds_get(struct imds *m, const char *path, char **ret, size_t *ret_n, struct err *e);
/* As imds_get of meta-data/<name>, white space and line ends cut at both ends; 0 when absent or
 * empty. For one-line values. */
int imds_value(struct imds *m, const char *name, char **ret, struct err *e);
/* placement/region, else the zone without its last letter. 1, 0. */
int imds_region(struct imds *m, char **ret, struct err *e);

/* Polls until it answers, by the dialect's rules. say(ctx, false) before the first pause, then
 * say(ctx, true) at the dialect's interval. 1: available; 0: it answers that it is switched off;
 * -ETIMEDOUT; -ECANCELED. */
int imds_wait(struct imds *m, void (*say)(void *ctx, bool again), void *ctx, struct err *e);

/* stop is asked at each poll of a wait: true ends it with -ECANCELED. May be NULL. */
void imds_stop_when(struct imds *m, bool (*stop)(void *ctx), void *ctx);

/* ---- the HTTP beneath, for tests and fuzzing ---- */

struct http_answer {
    unsigned status;
    char *body; /* NUL behind it */
    size_t body_n;
};
/* Reads one whole answer held in memory: content-length, chunked, or up to the end (`at_end`).
 * 1: complete; 0: more bytes are needed; -EPROTO. */
int http_answer_parse(const char *p, size_t n, bool at_end, struct http_answer *ret, struct err *e);
void http_answer_done(struct http_answer *a);
