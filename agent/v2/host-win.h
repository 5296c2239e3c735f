/* SPDX-License-Identifier: Apache-2.0 */
/* The lock that keeps two runs of EC2Launch v2's programs apart. Only mains include this. */
#pragma once

#include <windows.h>

#include "lib/util.h"

/* A lock of the whole machine; name: "Global\\...". */
struct host_lock {
    const wchar_t *name;
    HANDLE mutex;
};
bool host_lock(void *lock);   /* false: another process has it */
bool host_locked(void *lock); /* another process has it */
void host_unlock(void *lock);
