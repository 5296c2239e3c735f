/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Listeners have peers (one instance each), peers have connections. */
#pragma once

#include <netinet/in.h>

#include "answer.h"
#include "imds.h"
#include "rate.h"

#define IMDS_ID_MAX          64U
#define IMDS_PEER_CONNS_MAX  64U                             /* of one instance */
#define IMDS_PRIORITY_CONN   (SD_EVENT_PRIORITY_NORMAL + 5)  /* guests wait for the operator */
#define IMDS_PRIORITY_ACCEPT (SD_EVENT_PRIORITY_NORMAL + 10) /* new ones wait for old ones */

struct conn;
struct listener;

/* What shares one identity. Lives on for a minute after its last connection, so that limits and
 * signatures cannot be shaken off by a new connection. */
struct peer {
    struct peer *next;
    struct listener *listener;
    char address[INET6_ADDRSTRLEN]; /* "" on an instance's own socket */
    struct conn *conns;             /* newest first */
    unsigned n_conns;
    uint64_t seen_ms;
    struct bucket served, refused;
    struct sign_memo memo;
};

struct listener {
    struct listener *next;
    struct imds *s;
    int fd;
    char id[IMDS_ID_MAX]; /* of the VPC or of the instance */
    bool is_instance;
    sd_event_source *io, *again;
    struct peer *peers;
};

struct imds {
    uint32_t magic;
    sd_event *loop;
    imds_find_fn find;
    void *userdata;
    unsigned per_s, burst, conns_most, n_conns;
    struct token_key tokens;
    struct sign *sign;
    struct listener *listeners;
    uint64_t told_ms; /* when a failure was logged last */
};

/* Takes the socket, in any case. */
void conn_start(struct peer *p, int fd);
void conn_free(struct conn *c);
/* Ends the oldest connection of a peer; only_idle: the oldest that waits for a request. False:
 * there is none. */
bool conn_drop_oldest(struct peer *p, bool only_idle);
