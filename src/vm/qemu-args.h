/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a vm_spec to QEMU's argument vector and, for hot plug, to QMP arguments. Pure: touches no
 * file. Whatever came from outside goes in as a JSON string or with its commas doubled. */
#pragma once

#include <jansson.h>

#include "vm.h"

/* The descriptors that the vector names: listening sockets, the tap and the TPM,
 * passed by child_spec.pass_fds. */
#define VM_FD_QMP          3
#define VM_FD_LINE         4
#define VM_FD_TAP          5
#define VM_FD_TPM(has_tap) ((has_tap) ? 6 : 5)

#define VM_AGENT "agent" /* the character device of the guest's agent */

#define VM_PATH_MAX 107 /* "DIR/serial.sock" must fit into a sockaddr_un */

struct vm_args {
    char **v; /* NULL at the end */
    unsigned n, cap;
    int failed; /* sticky: 0 or -EINVAL (text that is not UTF-8) */
};

void vm_args_done(struct vm_args *a);
/* For the options that QEMU 7.2 does not read as JSON: a comma is written twice. Caller frees. */
char *vm_commas_doubled(const char *text);

/* ERR_INVALID names the field that cannot be used. */
int vm_spec_check(const struct vm_spec *s, struct err *e);
int vm_disk_check(const struct vm_disk *d, struct err *e);
/* s passed vm_spec_check. */
int vm_args_build(const struct vm_spec *s, struct vm_args *ret, struct err *e);

/* A disk is a node named after it over its storage, and a device "disk.ID" on a hot-plug bus. NULL
 * when a path is not UTF-8. */
json_t *vm_disk_node_json(const struct vm_disk *d);
json_t *vm_disk_device_json(const struct vm_disk *d, unsigned bus);
char *vm_disk_device_id(const char *disk_id); /* caller frees */
/* The disk id in a device id, NULL when it is another device's. */
const char *vm_device_disk_id(const char *device_id);

/* Before a disk id: the node that stands in for its storage after a forced detach. */
#define VM_DEAD_MARK "dead."

#define VM_DISK_BUSES 2 /* "disks0", "disks1": 31 places each */
