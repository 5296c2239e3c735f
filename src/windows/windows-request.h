/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One request to work on a Windows disk, as a JSON document (docs/windows/request.md): what "kiln
 * windows" and the daemon hand to kiln-worker. All files of the host that it names are read here,
 * before any disk is opened. */
#pragma once

#include "windows.h"

#define WINDOWS_REQUEST_MAX MIB(64)

struct windows_disk_spec {
    const char *path;   /* a disk file or block device; NULL: another way */
    const char *format; /* "raw", "qcow2", "vhd", "vhdx", "vmdk"; with path */
    const char *nbd, *export_name;
    const char *journal;  /* of nbd, or a block device: where a commit's lies; NULL: none */
    const char *snapshot; /* of the daemon's store, which the worker's command line names */
    const char *folder;   /* of files; inspect and diff only */
    unsigned partition;   /* 0: the one that holds Windows */
};

struct windows_request {
    enum windows_action action;
    bool dry_run;
    struct windows_disk_spec disk[2];
    unsigned n_disks;
    struct windows_options options;
    struct request_store *store; /* what all the pointers above point into */
};

/* The whole text of a document. Unknown keys, wrong types and what does not fit the action are
 * refused by name (ERR_INVALID). */
int windows_request_parse(const char *text, size_t len, struct windows_request **ret,
                          struct err *e);
void windows_request_free(struct windows_request *r);
DEFINE_FREEP(windows_request_free, struct windows_request);

/* ---- the table that the command line, the document and the manual share ------------------------
 */

enum windows_option_kind {
    WINDOWS_OPTION_FLAG,
    WINDOWS_OPTION_TEXT,      /* a word */
    WINDOWS_OPTION_FILE_TEXT, /* a file's whole text */
    WINDOWS_OPTION_LIST,      /* texts, may be given several times */
    WINDOWS_OPTION_COPY,      /* FROM:TO, may be given several times */
    WINDOWS_OPTION_TREE,      /* a directory, or one file */
};

#define WINDOWS_FOR(a) (1U << (a))

struct windows_option {
    const char *name; /* "computer-name" on the command line, the same with '_' in a document */
    enum windows_option_kind kind;
    unsigned actions; /* bits of WINDOWS_FOR() */
    const char *value, *help;
};

/* Ends with a NULL name. */
extern const struct windows_option windows_options_table[];
