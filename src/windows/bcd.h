/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Boot configuration data: the store of the Windows boot manager, a registry hive of its own shape.
 * docs/windows/offline.md, "Boot configuration". Source: Microsoft, "BCD reference", measured on
 * real stores. */
#pragma once

#include "plan.h"
#include "regf.h"

#define BCD_GUID_MAX    39 /* "{9dea862c-...}" and its NUL */
#define BCD_OBJECTS_MAX 1000

enum bcd_tristate { BCD_UNSET, BCD_NO, BCD_YES };

struct bcd_info {
    char default_loader[BCD_GUID_MAX]; /* "" when there is none */
    char description[128];             /* of the default loader: "Windows 10" */
    char loader_path[260];             /* "\Windows\system32\winload.efi" */
    unsigned objects, loaders;
    enum bcd_tristate boot_ems, ems, ems_settings; /* manager, loader, EMS settings */
    uint64_t ems_port, ems_baud;                   /* 0: not said */
    uint64_t timeout_s;                            /* UINT64_MAX: not said */
    enum bcd_tristate recovery;                    /* automatic repair of the default loader */
    bool ignores_failures;                         /* boot status policy */
};

/* ERR_CORRUPT when it is no store. */
int bcd_read(const struct regf *h, struct bcd_info *ret, struct err *e);

struct bcd_options {
    bool ems;           /* console on a serial port: manager, loader and settings */
    uint64_t port;      /* 1: COM1 */
    uint64_t baud;      /* 115200 */
    bool no_recovery;   /* a failed start is tried again instead of waiting in the repair menu */
    uint64_t timeout_s; /* of the boot menu; UINT64_MAX: as it is */
};

/* One row of the plan each; what is so already is a "kept" row. */
int bcd_apply(struct regf *h, const struct bcd_options *o, const char *where, struct win_plan *p,
              struct err *e);
