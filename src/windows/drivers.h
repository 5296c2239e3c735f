/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Device drivers for the disks and network cards of virtual machines: which are there, whether
 * Windows would start from them, and putting new ones in. docs/windows/offline.md, "prepare". */
#pragma once

#include "hives.h"

#define DRIVER_SERVICES_MAX 5
#define DRIVER_FILES_MAX    500
#define DRIVER_BYTES_MAX    MIB(64)

enum driver_kind { DRIVER_DISK, DRIVER_NETWORK };

/* One model of a device that a hypervisor offers, and the services that drive it. */
struct driver_model {
    const char *name; /* "virtio-blk" */
    enum driver_kind kind;
    const char *services[DRIVER_SERVICES_MAX]; /* any one will do; NULL ends */
    const char *ids[2]; /* what its PCI ids begin with, in the driver database; NULL: none known */
};

/* NULL behind the last. */
const struct driver_model *driver_model(size_t i);

struct driver_state {
    const char *service; /* the best of the model's services; NULL: none is there */
    uint32_t start;      /* 0 boot, 1 system, 2 automatic, 3 on demand, 4 disabled */
    bool overridden;     /* StartOverride says something else than Start */
    bool has_file;       /* its .sys lies in System32/drivers */
    bool boots;          /* a disk driver that Windows can start from */
};

/* os NULL: files are not looked at (has_file true). */
int driver_look(const struct regf *system, uint32_t control_set, struct win_tree *os,
                const struct driver_model *m, struct driver_state *ret, struct err *e);
/* A driver package for the model lies in the driver database of a hive (SYSTEM, or DRIVERS, where
 * Windows 10 keeps most): Windows installs it when it finds the device. */
bool driver_has_package(const struct regf *h, const struct driver_model *m);
