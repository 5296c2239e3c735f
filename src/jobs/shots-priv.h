/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of shots*.c: the volumes of one job, what each has reached. */
#pragma once

#include "shots.h"

enum shots_phase { PHASE_SERVE, PHASE_CLEAR, PHASE_FREEZE, PHASE_POINT, PHASE_THAW, PHASE_DONE };
enum shot_up {
    UP_NEW,
    UP_ASKING,
    UP_READY,
    UP_WORKING,
    UP_WORKED,
    UP_RELEASING,
    UP_RELEASED,
    UP_DONE
};

struct shots;

struct shot {
    struct shots *all;
    char snapshot[MODEL_ID_MAX], volume[MODEL_ID_MAX];
    char base[STORE_ID_MAX];
    uint64_t size_bytes;
    enum shot_up up;
    struct work *work;
    unsigned tries;
    struct err failed;
};

/* Lives as long as answers of servers may come, which may be longer than its job. */
struct shots {
    unsigned refs;
    struct job *job; /* NULL: gone */
    struct jobs *jobs;
    char holder[MODEL_ID_MAX];
    struct shot *v;
    size_t n;
    enum shots_phase phase;
    unsigned inflight;
    unsigned tries; /* of taking the points */
    struct err failed;
};

struct shots *shots_of(struct job *j);
/* Bookkeeping of one request to a server: asked (r: what the call returned), answered. */
int shots_asked(struct shot *p, int r);
void shots_answered(struct shot *p, const struct err *e);
