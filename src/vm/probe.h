/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vm_probe with its surroundings as parameters, for tests. */
#pragma once

#include "vm.h"

#define PROBE_DEADLINE_MS 2000U

int vm_probe_at(sd_event *loop, const char *qemu, const char *device, const char *user,
                const char *cache_path, unsigned deadline_ms, vm_probe_fn fn, void *userdata,
                struct err *e);
