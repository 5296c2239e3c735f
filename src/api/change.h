/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Start, stop, reboot, terminate: all instances of the request are looked at before the first one
 * is changed. */
#pragma once

#include "api-priv.h"

typedef int (*api_instance_fn)(struct api_call *c, struct instance_rec *i, struct err *e);

struct api_change {
    api_instance_fn check; /* may this instance be changed so? NULL: always */
    api_instance_fn apply; /* changes it, i->state included */
    bool plain;            /* answers <return>true</return>, not the states */
};

int api_change_instances(struct api_call *c, const struct api_change *change, struct err *e);
/* MonitorInstances, UnmonitorInstances: kept and shown, as clients compare it; nobody measures. */
int api_monitor(struct api_call *c, bool on, struct err *e);
/* "User initiated (2026-01-02 03:04:05 GMT)" */
void api_user_initiated(struct instance_rec *i);
/* Saves the record's columns, then moves its state; the reason may be NULL (kept) or "". */
int api_move_instance(struct api_call *c, struct instance_rec *i, enum instance_event ev,
                      const char *reason_code, const char *reason, struct err *e);
/* IncorrectInstanceState: what it is in is not "a state from which it can be VERB". */
int api_wrong_state(struct api_call *c, const struct instance_rec *i, const char *verb,
                    struct err *e);
