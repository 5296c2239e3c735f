/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/disks.h"
#include "lib/str.h"

#define ARRIVE_TRIES 40U /* for Windows to mount a new partition */
#define ARRIVE_MS    250U
#define SHELL_DETECT "ShellHWDetection"
#define FILE_SYSTEM  "HKLM\\SYSTEM\\CurrentControlSet\\Control\\FileSystem"

static const char warning[] =
    "This is an instance store volume. It comes with the instance at no extra charge; how many\r\n"
    "there are depends on the instance type.\r\n\r\n"
    "It is fast, because it is local to the machine, and it is temporary: everything on it is\r\n"
    "lost when the instance is stopped or when the machine or the disk beneath fails. Keep here\r\n"
    "only what can be made again, and back up what must last.\r\n\r\n"
    "More: the EC2 user guide, chapter \"Instance store\".\r\n";

static int find_volume(struct win *w, uint32_t disk, struct win_volume *ret, struct err *e)
{
    for (unsigned i = 0; i < ARRIVE_TRIES; i++) {
        _cleanup_free_ struct win_volume *v = NULL;
        size_t n = 0;
        int r = w->volumes(w, &v, &n, e);

        if (r < 0)
            return r;
        for (size_t k = 0; k < n; k++)
            if (v[k].disk == disk) {
                *ret = v[k];
                return 0;
            }
        w->sleep_ms(w, ARRIVE_MS);
    }
    return err_set(e, ETIMEDOUT, ERR_TIMEOUT, "the new partition does not become a volume");
}

static void write_warning(struct win *w, char letter, struct log *log)
{
    struct err e = { 0 };
    char path[32];

    (void)snprintf(path, sizeof(path), "%c:\\Important.txt", letter);
    if (w->file_write(w, path, warning, strlen(warning), &e) < 0)
        log_say(log, LOG_WARNING, "%s", e.msg);
}

static int initialise(struct win *w, const struct disk_row *row, const struct disk_plan *p,
                      struct log *log, struct err *e)
{
    struct win_volume v = { 0 };
    uint32_t disk = row->disk.number;
    int r = 0;

    if (row->disk.offline || row->disk.readonly)
        r = w->disk_online(w, disk, e);
    if (r == 0)
        r = w->disk_partition(w, disk, p->style, e);
    if (r == 0)
        r = find_volume(w, disk, &v, e);
    if (r == 0 && p->letter && v.letter != p->letter) {
        r = w->volume_set_letter(w, &v, p->letter, e);
        v.letter = p->letter;
    }
    if (r == 0)
        r = w->volume_format(w, &v, p->label, e);
    if (r < 0)
        return r;
    if (p->letter && p->warning_file)
        write_warning(w, p->letter, log);
    log_say(log, LOG_INFO, "Disk %u is initialized: %s, NTFS, letter %c, name '%s'.", disk,
            p->style == WIN_DISK_GPT ? "GPT" : "MBR", p->letter ? p->letter : '-', p->label);
    return 0;
}

static int apply_one(struct win *w, const struct disk_row *row, const struct disk_plan *p,
                     struct log *log, struct err *e)
{
    switch (p->act) {
    case DISK_INITIALISE:
        return initialise(w, row, p, log, e);
    case DISK_LETTER_ONLY:
        log_say(log, LOG_INFO, "Disk %u is not initialized: %s. It gets the letter %c.",
                row->disk.number, p->why, p->letter);
        return w->volume_set_letter(w, &row->volume, p->letter, e);
    case DISK_SKIP:
    case DISK_ACT_MAX:
        log_say(log, LOG_INFO, "Disk %u is skipped: %s.", row->disk.number, p->why);
        break;
    }
    return 0;
}

/* What is off while formatting, and whether it was on. */
struct quiet {
    bool shell_ran, trim_was_on;
};

static void set_trim(struct win *w, bool on, struct log *log)
{
    struct win_run run = { .command = on ? "fsutil.exe behavior set DisableDeleteNotify 0"
                                         : "fsutil.exe behavior set DisableDeleteNotify 1",
                           .timeout_ms = 30000 };
    struct err e = { 0 };
    uint32_t pid = 0, code = 0;

    if (w->run(w, &run, &pid, &code, &e) < 0)
        log_say(log, LOG_WARNING, "%s", e.msg);
}

/* Or Windows asks the user at the screen about each new disk. */
static struct quiet be_quiet(struct win *w, bool trim, struct log *log)
{
    enum win_service_state state = WIN_SERVICE_ABSENT;
    struct quiet q = { 0 };
    struct err e = { 0 };
    uint32_t off = 0;

    if (w->service_state(w, SHELL_DETECT, &state, &e) == 0 && state == WIN_SERVICE_RUNNING)
        q.shell_ran = w->service_stop(w, SHELL_DETECT, &e) == 0;
    err_clear(&e);
    if (!trim && win_reg_u32(w, FILE_SYSTEM, "DisableDeleteNotification", &off, &e) >= 0 &&
        off == 0) {
        q.trim_was_on = true;
        set_trim(w, false, log);
    }
    return q;
}

static void be_loud(struct win *w, const struct quiet *q, struct log *log)
{
    struct err e = { 0 };

    if (q->trim_was_on)
        set_trim(w, true, log);
    if (q->shell_ran && w->service_start(w, SHELL_DETECT, &e) < 0)
        log_say(log, LOG_WARNING, "%s", e.msg);
}

int disks_apply(struct win *w, const struct disk_row *rows, const struct disk_plan *plans, size_t n,
                bool trim, struct log *log, struct err *e)
{
    struct quiet q = { 0 };
    unsigned work = 0, acts = 0, failed = 0;

    for (size_t i = 0; i < n; i++)
        work += plans[i].act == DISK_INITIALISE;
    if (work)
        q = be_quiet(w, trim, log);
    for (size_t i = 0; i < n; i++) {
        struct err one = { 0 };

        acts += plans[i].act != DISK_SKIP;
        if (apply_one(w, &rows[plans[i].row], &plans[i], log, &one) < 0) {
            log_say(log, LOG_ERROR, "Disk %u: %s", rows[plans[i].row].disk.number, one.msg);
            failed++;
        }
    }
    if (work)
        be_loud(w, &q, log);
    if (failed)
        return err_set(e, EIO, ERR_IO, "%u of %u disks could not be set up; the log says why",
                       failed, acts);
    return 0;
}

static void letters_of(struct win *w, char ret[27])
{
    _cleanup_free_ struct win_volume *v = NULL;
    struct err ignore = { 0 };
    size_t n = 0, k = 0;

    if (w->volumes(w, &v, &n, &ignore) < 0)
        n = 0;
    for (size_t i = 0; i < n && k < 26; i++)
        if (v[i].letter && !memchr(ret, v[i].letter, k))
            ret[k++] = v[i].letter;
    ret[k] = '\0';
}

int disks_initialise(struct win *w, struct imds *m, const struct dialect *d, bool all,
                     const struct disk_wish *wishes, size_t wishes_n, bool trim, struct log *log,
                     struct err *e)
{
    _cleanup_free_ struct disk_row *rows = NULL;
    _cleanup_free_ struct disk_plan *plans = NULL;
    size_t n = 0, plans_n = 0;
    char taken[27];
    int r = disks_list(w, m, &rows, &n, e);

    if (r < 0)
        return r;
    plans = calloc(n + 1, sizeof(*plans));
    if (!plans)
        return err_oom(e);
    letters_of(w, taken);
    disks_plan(d, rows, n, all, wishes, wishes_n, taken, plans, &plans_n);
    for (size_t i = 0; i < wishes_n; i++) {
        bool found = false;

        for (size_t k = 0; k < n; k++)
            found = found || disks_same_device(wishes[i].device, rows[k].device) ||
                    str_eq_nocase(wishes[i].device, rows[k].volume_id);
        if (!found)
            log_say(log, LOG_WARNING, "No disk is attached as '%s'.", wishes[i].device);
    }
    return disks_apply(w, rows, plans, plans_n, trim, log, e);
}

/* 0 and the volume, or -ENOENT. */
static int map_one(struct win *w, const struct win_volume *v, size_t n, const struct disk_letter *m,
                   struct err *e)
{
    char c = m->letter[0] >= 'a' && m->letter[0] <= 'z' ? (char)(m->letter[0] - 32) : m->letter[0];
    const struct win_volume *hit = NULL;

    if (c < 'A' || c > 'Z' || !(m->letter[1] == '\0' || str_eq(m->letter + 1, ":")))
        return err_set(e, EINVAL, ERR_INVALID, "'%s' is no drive letter", m->letter);
    for (size_t i = 0; i < n; i++) {
        if (!hit && str_eq_nocase(v[i].label, m->label))
            hit = &v[i];
        if (v[i].letter == c && !str_eq_nocase(v[i].label, m->label))
            return err_set(e, EEXIST, ERR_EXISTS, "letter %c of '%s' is in use by '%s'", c,
                           m->label, v[i].label);
    }
    if (!hit)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "no volume has the name '%s'", m->label);
    return hit->letter == c ? 0 : w->volume_set_letter(w, hit, c, e);
}

int disks_map_letters(struct win *w, const struct disk_letter *map, size_t n, struct log *log,
                      struct err *e)
{
    unsigned failed = 0;

    for (size_t i = 0; i < n; i++) {
        _cleanup_free_ struct win_volume *v = NULL;
        struct err one = { 0 };
        size_t volumes_n = 0;
        int r = w->volumes(w, &v, &volumes_n, &one);

        if (r == 0)
            r = map_one(w, v, volumes_n, &map[i], &one);
        if (r == 0)
            log_say(log, LOG_INFO, "Volume '%s' has the letter %c.", map[i].label,
                    map[i].letter[0]);
        else
            log_say(log, LOG_ERROR, "Drive letter mapping: %s", one.msg);
        failed += r < 0;
    }
    if (failed)
        return err_set(e, EIO, ERR_IO, "%u of %zu drive letters could not be set", failed, n);
    return 0;
}

int disks_extend_root(struct win *w, struct log *log, struct err *e)
{
    _cleanup_free_ char *drive = NULL;
    uint64_t grown = 0;
    int r = w->env(w, "SystemDrive", &drive, e);

    if (r < 0)
        return r;
    r = w->disk_extend(w, r == 1 && drive[0] ? drive[0] : 'C', &grown, e);
    if (r < 0)
        return err_wrap(e, "extend the root partition");
    if (grown)
        log_say(log, LOG_INFO, "The root partition has grown by %llu MiB.",
                (unsigned long long)(grown >> 20));
    else
        log_say(log, LOG_INFO, "There is no room to extend the root partition.");
    return 0;
}
