/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding the Windows of a disk: by what its volumes hold, never by their types or numbers. */
#include "windows.h"

#include <errno.h>

#include "fat.h"

#define PROOF "Windows/System32/config/SYSTEM"

static const struct {
    const char *name, *other;
} actions[WINDOWS_ACTION_MAX] = {
    [WINDOWS_INSPECT] = { "inspect", NULL },
    [WINDOWS_PREPARE] = { "prepare", NULL },
    [WINDOWS_CLEAN] = { "clean", NULL },
    [WINDOWS_GENERALISE] = { "generalise", "generalize" },
    [WINDOWS_SPECIALISE] = { "specialise", "specialize" },
    [WINDOWS_DIFF] = { "diff", NULL },
};

const char *windows_action_name(enum windows_action a)
{
    return a < WINDOWS_ACTION_MAX ? actions[a].name : "?";
}

int windows_action_parse(const char *name, enum windows_action *ret)
{
    for (unsigned i = 0; i < WINDOWS_ACTION_MAX; i++)
        if (str_eq(name, actions[i].name) || (actions[i].other && str_eq(name, actions[i].other))) {
            *ret = (enum windows_action)i;
            return 0;
        }
    return -EINVAL;
}

/* ---- life ------------------------------------------------------------------------------------ */

void windows_free(struct windows *w)
{
    if (!w)
        return;
    if (w->system != w->os)
        win_tree_free(w->system);
    win_tree_free(w->os);
    win_disk_free(w->system_disk);
    win_disk_free(w->os_disk);
    free(w);
}

int windows_close(struct windows *w, struct err *e)
{
    struct win_tree *os = w->os, *system = w->system;
    struct err ignored = { 0 };
    int r = 0;

    w->os = w->system = NULL;
    if (system && system != os)
        r = win_tree_close(system, e);
    if (os) {
        int r2 = win_tree_close(os, r < 0 ? &ignored : e);

        r = r < 0 ? r : r2;
    }
    windows_free(w);
    return r;
}

int windows_open_folder(const char *path, struct windows **ret, struct err *e)
{
    _cleanup_(windows_freep) struct windows *w = calloc(1, sizeof *w);
    int r;

    if (!w)
        return err_oom(e);
    r = win_tree_open_folder(path, &w->os, e);
    if (r == 0)
        *ret = TAKE_PTR(w);
    return r;
}

/* ---- looking at volumes ---------------------------------------------------------------------- */

static int open_volume(struct windows *w, const struct win_part *p, bool writable,
                       struct win_disk **ret_disk, struct win_tree **ret, struct err *e)
{
    _cleanup_(win_disk_freep) struct win_disk *d = NULL;
    int r = win_disk_part(w->disk, p->offset, p->bytes, &d, e);

    if (r == 0)
        r = p->holds == WIN_HOLDS_FAT ? win_fat_open(d, writable, ret, e)
                                      : win_ntfs_open(d, writable, ret, e);
    if (r < 0)
        return p->number ? err_wrap(e, "open partition %u", p->number)
                         : err_wrap(e, "open the volume");
    *ret_disk = TAKE_PTR(d);
    return 0;
}

enum {
    SEEN_WINDOWS = 1,
    SEEN_BCD_BIOS = 2,
    SEEN_BCD_UEFI = 4,
    SEEN_UNREADABLE = 8,
};

static int seen_in(struct win_tree *t, unsigned *ret, struct err *e)
{
    static const struct {
        const char *path;
        unsigned bit;
    } proofs[] = { { PROOF, SEEN_WINDOWS },
                   { WINDOWS_BCD_BIOS, SEEN_BCD_BIOS },
                   { WINDOWS_BCD_UEFI, SEEN_BCD_UEFI } };

    *ret = 0;
    for (size_t i = 0; i < ARRAY_LEN(proofs); i++) {
        int r = win_tree_exists(t, proofs[i].path, e);

        if (r < 0)
            return r;
        *ret |= r ? proofs[i].bit : 0;
    }
    return 0;
}

/* A volume that cannot be read is not the end: another one may hold Windows. */
static void look_at(struct windows *w, const struct win_part *p, unsigned *seen, struct err *why)
{
    _cleanup_(win_disk_freep) struct win_disk *d = NULL;
    _cleanup_(win_tree_freep) struct win_tree *t = NULL;
    struct err e = { 0 };
    int r;

    *seen = 0;
    if (p->holds != WIN_HOLDS_NTFS && p->holds != WIN_HOLDS_FAT)
        return;
    r = open_volume(w, p, false, &d, &t, &e);
    if (r == 0)
        r = seen_in(t, seen, &e);
    if (r < 0) {
        *seen = SEEN_UNREADABLE;
        if (!why->no)
            *why = e;
    }
    win_tree_free(TAKE_PTR(t)); /* before its disk */
}

static int none_found(const struct windows *w, const struct err *why, struct err *e)
{
    const char *where = w->parts.table == WIN_TABLE_NONE ? "the volume" : "the disk";

    for (size_t i = 0; i < w->parts.n; i++)
        if (w->parts.part[i].holds == WIN_HOLDS_BITLOCKER)
            return err_set(
                e, EACCES, ERR_CONFLICT,
                "partition %u is encrypted with BitLocker; start Windows and turn it off "
                "with 'manage-bde -off C:', then shut down",
                w->parts.part[i].number);
    if (why->no)
        return err_set(e, why->no, why->kind, "%s", why->msg);
    return err_set(e, ENOENT, ERR_NOT_FOUND,
                   "%s holds no Windows: no NTFS volume with '" PROOF "' (partition table: %s, %zu "
                   "partitions)",
                   where, win_table_name(w->parts.table), w->parts.n);
}

static int choose_os(struct windows *w, const unsigned *seen, unsigned number,
                     const struct err *why, struct err *e)
{
    for (size_t i = 0; i < w->parts.n; i++) {
        const struct win_part *p = &w->parts.part[i];

        if (!(seen[i] & SEEN_WINDOWS) || p->holds != WIN_HOLDS_NTFS ||
            (number && p->number != number))
            continue;
        if (w->os_part)
            return err_set(e, EINVAL, ERR_INVALID,
                           "there is more than one Windows, on partitions %u and %u; say which one",
                           w->os_part->number, p->number);
        w->os_part = p;
    }
    if (!w->os_part && number)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "there is no Windows on partition %u", number);
    return w->os_part ? 0 : none_found(w, why, e);
}

/* The active partition of an MBR disk or the ESP of a GPT disk before any other. */
static void choose_system(struct windows *w, const unsigned *seen)
{
    int best = 0;

    for (size_t i = 0; i < w->parts.n; i++) {
        const struct win_part *p = &w->parts.part[i];
        int rank = 0;

        if (seen[i] & (SEEN_BCD_BIOS | SEEN_BCD_UEFI))
            rank = 1 + (p->active || p->is_esp ? 2 : 0) + (p == w->os_part ? 0 : 1);
        if (rank > best) {
            best = rank;
            w->system_part = p;
            w->is_uefi = seen[i] & SEEN_BCD_UEFI &&
                         (p->holds == WIN_HOLDS_FAT || !(seen[i] & SEEN_BCD_BIOS));
        }
    }
}

static int find(struct windows *w, unsigned number, struct err *e)
{
    unsigned seen[WIN_PARTS_MAX];
    struct err why = { 0 };
    int r = win_parts_read(w->disk, &w->parts, e);

    if (r < 0)
        return r;
    for (size_t i = 0; i < w->parts.n; i++)
        look_at(w, &w->parts.part[i], &seen[i], &why);
    r = choose_os(w, seen, number, &why, e);
    if (r == 0)
        choose_system(w, seen);
    return r;
}

int windows_open(struct win_disk *disk, unsigned part_number, bool writable, struct windows **ret,
                 struct err *e)
{
    _cleanup_(windows_freep) struct windows *w = calloc(1, sizeof *w);
    int r;

    if (!w)
        return err_oom(e);
    w->disk = disk;
    r = find(w, part_number, e);
    if (r == 0)
        r = open_volume(w, w->os_part, writable, &w->os_disk, &w->os, e);
    if (r == 0 && w->system_part == w->os_part)
        w->system = w->os;
    else if (r == 0 && w->system_part)
        r = open_volume(w, w->system_part, writable, &w->system_disk, &w->system, e);
    if (r == 0)
        *ret = TAKE_PTR(w);
    return r;
}
