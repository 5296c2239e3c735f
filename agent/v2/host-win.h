/* SPDX-License-Identifier: Apache-2.0 */
/* What the two programs of EC2Launch v2 need of Windows beside the table: printing, the lock that
 * keeps two runs apart, being a service. Only mains include this. */
#pragma once

#include <windows.h>

#include "lib/util.h"

/* UTF-8 text, to a console as characters, to a file or pipe as bytes. */
void host_print(bool to_stderr, const char *text);

/* A lock of the whole machine; name: "Global\\...". */
struct host_lock {
    const wchar_t *name;
    HANDLE mutex;
};
bool host_lock(void *lock);   /* false: another process has it */
bool host_locked(void *lock); /* another process has it */
void host_unlock(void *lock);

/* Runs as the service of this name: calls run in the service's thread and ends the service when it
 * returns. stop (to be asked by run) tells that Windows wants it to end. Started from a prompt it
 * says that it is a service; 1. */
struct host_service {
    const wchar_t *name;
    int (*run)(bool (*stop)(void *ctx), void *ctx); /* exit code of the service */
};
int host_service(const struct host_service *s);
