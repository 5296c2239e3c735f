/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What kilnd was told: environment, then options. Filled once. */
#pragma once

#include "err.h"

struct config {
    char *home;        /* KILN_HOME, --home; /var/lib/kiln */
    char *listen;      /* KILN_LISTEN, --listen; 127.0.0.1:8773 */
    char *region;      /* --region; us-east-1 */
    char *libexec;     /* where kiln-worker and kiln-volume.so lie: beside kilnd, or --libexec */
    char *qemu;        /* --qemu; qemu-system-x86_64 */
    char *user;        /* --user; kiln; only used when we are root */
    char *debug;       /* --debug; NULL */
    double overcommit; /* --overcommit; memory of all guests / memory of the host; 1.5 */
    uint64_t fill_bytes_per_s; /* --fill; 64 MiB/s */
    unsigned stop_timeout_ms;  /* --stop-timeout; 120 s */
    int network;               /* --network; enum jobs_network */
    bool no_nat;               /* --no-nat: guests do not reach the world */
    char *public_addresses;    /* --public-addresses; NULL: a part of the default range */
    char *ntp, *kms;           /* hosts behind the link-local addresses; NULL: refused */
    bool stop;                 /* --stop: ask the running daemon to end with all its machines */
};

/* Returns 0; 1 when help or version was printed and there is nothing to do. */
int config_read(int argc, char **argv, struct config *ret, struct err *e);
void config_done(struct config *c);
/* --overcommit times the host's memory */
uint64_t config_memory_limit_mib(const struct config *c);
