/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The registry of one Windows: its hives by their places, opened when first asked for, changed in
 * memory, written back together. */
#pragma once

#include "plan.h"
#include "regf.h"
#include "tree.h"

enum hive_id {
    HIVE_SYSTEM,
    HIVE_SOFTWARE,
    HIVE_SAM,
    HIVE_SECURITY,
    HIVE_DEFAULT,  /* LocalSystem's profile: the logon screen */
    HIVE_NEW_USER, /* what new users begin with */
    HIVE_LOCAL_SERVICE,
    HIVE_NETWORK_SERVICE,
    HIVE_ID_MAX
};

#define HIVE_SETS_MAX 16 /* control sets that are looked at */

const char *hive_path(enum hive_id id); /* "Windows/System32/config/SYSTEM" */

/* One opened hive. */
struct hive {
    char *path;        /* in the tree */
    struct regf *regf; /* NULL: absent */
    struct regf_info info;
    bool dirty_without_logs; /* opened to look only: newest keys may be missing */
    bool replaced;           /* another hive took its place: to be written in any case */
    bool has_logs;           /* LOG1 or LOG2 lie beside it, not empty */
};

struct hives;

/* editing: hives that are dirty and without their logs are refused when they are opened. The tree
 * must outlive it. Aborts without memory. */
struct hives *hives_new(struct win_tree *os, bool editing);
void hives_free(struct hives *h); /* unsaved changes are dropped */
DEFINE_FREEP(hives_free, struct hives);

/* In a heap of hives, a hive may have any name: this is it. */
void hives_place(struct hives *h, enum hive_id id, const char *path);
/* *ret: the hive, its regf NULL when there is no such file. Borrowed. */
int hives_get(struct hives *h, enum hive_id id, struct hive **ret, struct err *e);
/* Any hive by its path: users' NTUSER.DAT, UsrClass.dat. */
int hives_get_path(struct hives *h, const char *path, struct hive **ret, struct err *e);
/* The bytes of a hive that is a file of a tree; f must outlive it. */
struct hive_file {
    struct win_tree *t;
    const char *path;
};
struct regf_source hive_source(struct hive_file *f, uint64_t bytes);
/* Those that were opened, one after another; NULL at the end. */
struct hive *hives_next(const struct hives *h, size_t *at);

/* Checks, seals and writes every changed hive and empties its logs; nothing is written when a check
 * fails. One row of the plan each. */
int hives_save(struct hives *h, struct win_plan *p, struct err *e);

/* ---- SYSTEM: control sets -------------------------------------------------------------------- */

struct control_sets {
    unsigned no[HIVE_SETS_MAX]; /* every ControlSetNNN */
    uint32_t key[HIVE_SETS_MAX];
    size_t n;
    unsigned current; /* of Select; the first one when that is unusable */
    uint32_t current_key;
};

/* ERR_CORRUPT when there is none. */
int control_sets(const struct regf *system, struct control_sets *ret, struct err *e);
