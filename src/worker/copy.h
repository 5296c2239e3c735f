/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a block server into a snapshot: plan, read, hand to the store, commit. */
#pragma once

#include <jansson.h>

#include "plan.h"
#include "report.h"
#include "source.h"
#include "store.h"

struct copy_spec {
    struct store *store;
    struct source *source;
    const char *snapshot, *parent; /* parent NULL or "": a full one */
    struct report *report;
    uint32_t domain; /* 0: not encrypted; else the store has its key */
};

/* Everything up to the visible snapshot. *ret_result: the fields of its result (caller owns). */
int copy_run(const struct copy_spec *spec, json_t **ret_result, struct err *e);
