/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A connection, between conn.c (its life, its bytes) and serve.c (its requests). */
#pragma once

#include "imds-priv.h"

#define READ_BYTES 4096U
#define OUT_HIGH   (64U << 10)

enum conn_state { CONN_OPEN, CONN_PAUSED, CONN_LINGER };
enum conn_wait { WAIT_NONE, WAIT_IDLE, WAIT_HEAD, WAIT_SEND, WAIT_PAUSE, WAIT_LINGER };

struct conn {
    struct conn *next, *prev;
    struct peer *peer;
    int fd, family;
    enum conn_state state;
    enum conn_wait wait;
    sd_event_source *io, *timer;
    struct str in, out;
    size_t scanned; /* of in, for the end of a head */
    size_t sent;    /* of out */
    uint64_t drop;  /* bytes of a body still to come */
    bool ending;    /* no further request; CONN_LINGER when out is empty */
    bool eof;
    bool moved; /* something was answered or sent: deadlines begin anew */
    char instance[IMDS_ID_MAX];
};

static inline struct imds *conn_site(const struct conn *c)
{
    return c->peer->listener->s;
}

static inline size_t conn_unsent(const struct conn *c)
{
    return c->out.len - c->sent;
}

/* ---- serve.c */
/* One request from what was read. 1: there may be another, 0: not now, -1: end at once. */
int conn_serve_one(struct conn *c);
/* q NULL: what was asked is not known. */
void conn_refuse(struct conn *c, int status, const struct http_head *q, bool keep_alive);
