/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The EC2 Query API over HTTP: listener in the daemon's loop, parse, signature, action table, XML.
 */
#pragma once

#include <systemd/sd-event.h>

#include "jobs.h"
#include "model.h"

struct api;

struct api_config {
    sd_event *loop;
    struct model *model;
    struct jobs *jobs;
    const char *listen;         /* "127.0.0.1:8773" or "[::1]:8773" */
    const char *default_region; /* "us-east-1" */
    uint64_t
        memory_limit_mib;    /* sum of the memory of all instances that run; overcommit included */
    unsigned max_instances;  /* 0: no limit */
    uint64_t max_body_bytes; /* 0: 1 MiB; above: RequestEntityTooLarge */
};

int api_open(const struct api_config *cfg, struct api **ret, struct err *e);
void api_close(struct api *a);
DEFINE_FREEP(api_close, struct api);
/* The address that is really listened on (port 0 was asked for: the port given). */
const char *api_address(const struct api *a);
