/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The room's door: Windows disks without booting them. docs/windows/offline.md says what each level
 * promises. Used by kiln-worker (on a volume or a disk file), in whose sandbox it runs; "kiln
 * windows" uses the tables and texts only. */
#pragma once

#include <jansson.h>

#include "ntfs.h"
#include "parts.h"
#include "plan.h"
#include "str.h"
#include "tree.h"

/* ---- an opened Windows ----------------------------------------------------------------------- */

struct windows {
    struct win_disk *disk;                        /* NULL: a folder */
    struct win_parts parts;                       /* of the disk */
    const struct win_part *os_part, *system_part; /* NULL: a folder, or not found */
    struct win_tree *os;     /* the volume with Windows/System32/config; never NULL */
    struct win_tree *system; /* with the boot files, may equal os; NULL: none found */
    bool is_uefi;            /* BCD at EFI/Microsoft/Boot/BCD, not Boot/BCD */
    /* Inside, for the end only. */
    struct win_disk *os_disk, *system_disk;
};

#define WINDOWS_BCD_BIOS "Boot/BCD"
#define WINDOWS_BCD_UEFI "EFI/Microsoft/Boot/BCD"

/* Finds the Windows volume by content (Windows/System32/config/SYSTEM) and the system partition.
 * Several Windows: part_number says which (0: there must be one). The disk must outlive it.
 * For a bare volume without Windows, ERR_NOT_FOUND says what was found instead. */
int windows_open(struct win_disk *disk, unsigned part_number, bool writable, struct windows **ret,
                 struct err *e);
int windows_open_folder(const char *path, struct windows **ret, struct err *e);
void windows_free(struct windows *w); /* drops what is pending */
DEFINE_FREEP(windows_free, struct windows);
/* Takes its volumes down in order, and frees. */
int windows_close(struct windows *w, struct err *e);

/* ---- actions --------------------------------------------------------------------------------- */

enum windows_action {
    WINDOWS_INSPECT,
    WINDOWS_PREPARE,
    WINDOWS_CLEAN,
    WINDOWS_GENERALISE,
    WINDOWS_SPECIALISE,
    WINDOWS_DIFF,
    WINDOWS_ACTION_MAX
};
const char *windows_action_name(enum windows_action a);
/* British and American spelling; 0 or -EINVAL. */
int windows_action_parse(const char *name, enum windows_action *ret);

/* What is read from the host before the disk is opened: all in memory, nothing is looked up later.
 * Absent texts are NULL. */
struct windows_file {
    const char *path; /* on the Windows volume: "Users/Public/x.txt" */
    const void *data;
    size_t len;
};

struct windows_options {
    const char *answer_file; /* the whole text of an unattend.xml; NULL: generated where needed */
    size_t answer_file_len;
    const char *dialect; /* "ec2launch-v2", "ec2launch", "ec2config" or NULL */
    const char *computer_name, *password, *user; /* user: whose password; NULL: Administrator */
    const char *locale, *time_zone, *keyboard, *product_key, *organisation, *owner;
    const char *const *run;           /* commands at the first boot, NULL at the end; NULL: none */
    const struct windows_file *files; /* user files */
    size_t n_files;
    const struct windows_file
        *agent; /* an agent's installer or files, path relative to its place */
    size_t n_agent;
    const char *agent_settings;         /* its configuration file's whole text */
    const struct windows_file *drivers; /* path: below the driver's folder, "viostor/viostor.sys" */
    size_t n_drivers;
    bool ems;        /* serial console in the BCD */
    bool rdp;        /* let Remote Desktop in */
    bool keep_users; /* generalise: local users and their profiles stay, with the new SID */
};

/* The refuse list: 0, or ERR_CONFLICT naming the reason and the way out. Writes nothing; warnings
 * become rows of the plan. Called before every action that writes. */
int windows_refuse(struct windows *w, enum windows_action a, struct win_plan *p, struct err *e);

/* Each writes through w only, adds a row for each thing done, and leaves files consistent with one
 * another; committing is the caller's. */
int windows_prepare(struct windows *w, const struct windows_options *o, struct win_plan *p,
                    struct err *e);
int windows_clean(struct windows *w, const struct windows_options *o, struct win_plan *p,
                  struct err *e);
int windows_generalise(struct windows *w, const struct windows_options *o, struct win_plan *p,
                       struct err *e);
int windows_specialise(struct windows *w, const struct windows_options *o, struct win_plan *p,
                       struct err *e);

/* After windows_generalise, on a new opening that does nothing else: what deleted files left of the
 * SID that was replaced. */
int windows_wipe_sid(struct windows *w, const uint8_t machine[24], struct win_plan *p,
                     struct err *e);

/* Everything that can be told; the document is described in docs/windows/inspect.md. */
int windows_inspect(struct windows *w, json_t **ret, struct err *e);
/* The same document for people. */
void windows_inspect_text(struct str *s, const json_t *doc);
