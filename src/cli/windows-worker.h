/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kiln-worker run for one request on Windows disks: hostile disks are read there, not here. */
#pragma once

#include <jansson.h>

#include "err.h"

/* Hands it the request, waits, and gives its result (caller owns) or its error. SIGINT ends both.
 */
int windows_worker_run(const json_t *request, json_t **ret_result, struct err *e);
