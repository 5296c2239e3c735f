/* SPDX-License-Identifier: Apache-2.0 */
/* What is attached, and the plan of what to do with it. Carrying out is disks-apply.c. */
#include "engine/disks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/str.h"

#define DEVICES_MAX 64U

/* "vol0123456789abcdef0_00000001." and "vol-0123456789abcdef0" are one id. */
static void volume_id_of(const struct win_disk *d, char ret[64])
{
    const char *hex;
    size_t n;

    ret[0] = '\0';
    if (!str_starts(d->serial, "vol"))
        return;
    hex = d->serial + 3;
    hex += *hex == '-';
    n = strspn(hex, "0123456789abcdefABCDEF");
    if (n >= 8 && n <= 17 && (!hex[n] || strchr("_. ", hex[n])))
        (void)snprintf(ret, 64, "vol-%.*s", (int)n, hex);
}

/* "/dev/sdf", "sdf", "xvdf" -> "f"; "/dev/nvme1n1" -> "nvme1n1": what makes devices the same. */
static const char *device_key(const char *name)
{
    if (str_starts(name, "/dev/"))
        name += 5;
    if (str_starts(name, "xvd"))
        return name + 3;
    if (str_starts(name, "sd"))
        return name + 2;
    return name;
}

bool disks_same_device(const char *a, const char *b)
{
    const char *x = device_key(a), *y = device_key(b);
    size_t n = strlen(x);

    if (str_eq_nocase(x, y))
        return true;
    /* sda1 is the disk sda */
    return n > 0 && n < 3 && strlen(y) == n + 1 && strncmp(x, y, n) == 0 && y[n] == '1' &&
           str_starts(b, "/dev/sd");
}

struct devices {
    char root[32];
    char ebs[DEVICES_MAX][32];
    char store[DEVICES_MAX][32];
    size_t ebs_n, store_n;
};

static void read_device(struct imds *m, const char *name, struct devices *d)
{
    _cleanup_free_ char *value = NULL;
    struct err ignore = { 0 };
    char path[96];

    (void)snprintf(path, sizeof(path), "block-device-mapping/%s", name);
    if (imds_value(m, path, &value, &ignore) != 1)
        return;
    if (str_eq(name, "root"))
        (void)str_copy(d->root, sizeof(d->root), value);
    else if (str_starts(name, "ebs") && d->ebs_n < DEVICES_MAX)
        (void)str_copy(d->ebs[d->ebs_n++], sizeof(d->ebs[0]), value);
    else if (str_starts(name, "ephemeral") && d->store_n < DEVICES_MAX)
        (void)str_copy(d->store[d->store_n++], sizeof(d->store[0]), value);
}

/* The mapping is a help, not a need: without it names are missing in the list. */
static void read_devices(struct imds *m, struct devices *d)
{
    _cleanup_free_ char *list = NULL;
    struct err ignore = { 0 };
    const char *p;

    if (!m || imds_get(m, "meta-data/block-device-mapping/", &list, NULL, &ignore) != 1)
        return;
    p = list;
    for (unsigned i = 0; *p && i < 2 * DEVICES_MAX; i++) {
        size_t n = strcspn(p, "\r\n");
        char name[64];

        if (n && n < sizeof(name)) {
            (void)snprintf(name, sizeof(name), "%.*s", (int)n, p);
            read_device(m, name, d);
        }
        p += n;
        p += strspn(p, "\r\n");
    }
}

static void fill_volume(struct disk_row *row, const struct win_volume *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (v[i].disk != row->disk.number)
            continue;
        if (!row->has_volume || v[i].size_bytes > row->volume.size_bytes)
            row->volume = v[i];
        row->has_volume = true;
    }
}

static bool in_list(const char (*list)[32], size_t n, const char *device)
{
    for (size_t i = 0; i < n; i++)
        if (disks_same_device(device, list[i]) || disks_same_device(list[i], device))
            return true;
    return false;
}

/* Does a machine of Amazon's kind number its Xen disks by the last letter of the device? */
static void name_by_target(struct disk_row *row)
{
    if (row->disk.scsi_target == 0)
        (void)str_copy(row->device, sizeof(row->device), "/dev/sda1");
    else if (row->disk.scsi_target < 26)
        (void)snprintf(row->device, sizeof(row->device), "xvd%c", 'a' + row->disk.scsi_target);
}

static void fill_device(struct disk_row *row, const struct devices *d)
{
    volume_id_of(&row->disk, row->volume_id);
    if (row->disk.device[0])
        (void)str_copy(row->device, sizeof(row->device), row->disk.device);
    else if (row->disk.number == 0 && d->root[0])
        (void)str_copy(row->device, sizeof(row->device), d->root);
    else if (!row->disk.nvme && str_starts(row->disk.model, "AWS PVDISK"))
        name_by_target(row);
    row->instance_store = str_starts(row->disk.serial, "AWS") ||
                          (row->device[0] && in_list(d->store, d->store_n, row->device));
}

/* Disks that do not tell their device: when as many are left as the mapping has entries, they are
 * paired in order. */
static void pair_in_order(struct disk_row *rows, size_t n, const struct devices *d)
{
    size_t unnamed = 0, next = 0;

    for (size_t i = 0; i < n; i++)
        unnamed += rows[i].disk.number != 0 && !rows[i].device[0] && rows[i].volume_id[0];
    if (unnamed != d->ebs_n)
        return;
    for (size_t i = 0; i < n; i++)
        if (rows[i].disk.number != 0 && !rows[i].device[0] && rows[i].volume_id[0])
            (void)str_copy(rows[i].device, sizeof(rows[i].device), d->ebs[next++]);
}

int disks_list(struct win *w, struct imds *m, struct disk_row **ret, size_t *ret_n, struct err *e)
{
    _cleanup_free_ struct win_disk *disks = NULL;
    _cleanup_free_ struct win_volume *volumes = NULL;
    _cleanup_free_ struct devices *devices = calloc(1, sizeof(*devices));
    struct disk_row *rows;
    size_t n = 0, volumes_n = 0;
    int r = devices ? w->disks(w, &disks, &n, e) : err_oom(e);

    if (r == 0)
        r = w->volumes(w, &volumes, &volumes_n, e);
    if (r < 0)
        return err_wrap(e, "list the disks");
    rows = calloc(n + 1, sizeof(*rows));
    if (!rows)
        return err_oom(e);
    read_devices(m, devices);
    for (size_t i = 0; i < n; i++) {
        rows[i].disk = disks[i];
        fill_device(&rows[i], devices);
        fill_volume(&rows[i], volumes, volumes_n);
    }
    pair_in_order(rows, n, devices);
    *ret = rows;
    *ret_n = n;
    return 0;
}

static const char *style_name(const struct win_disk *d)
{
    if (d->offline)
        return "offline";
    switch (d->style) {
    case WIN_DISK_MBR:
        return "mbr";
    case WIN_DISK_GPT:
        return "gpt";
    case WIN_DISK_RAW:
    case WIN_DISK_STYLE_MAX:
        break;
    }
    return "raw";
}

char *disks_text(const struct disk_row *rows, size_t n)
{
    struct str s = STR_INIT(KIB(64));

    str_addf(&s, "%-5s %-22s %-12s %-15s %8s %-8s %-7s %-6s %s\n", "Disk", "Volume ID", "Device",
             "Type", "GiB", "Layout", "Letter", "System", "Name");
    for (size_t i = 0; i < n; i++) {
        const struct disk_row *r = &rows[i];
        char letter[3] = { r->has_volume ? r->volume.letter : '\0', ':', '\0' };

        str_addf(&s, "%-5u %-22s %-12s %-15s %8.1f %-8s %-7s %-6s %s\n", r->disk.number,
                 r->volume_id[0] ? r->volume_id : "-", r->device[0] ? r->device : "-",
                 r->instance_store ? "instance store" : "EBS",
                 (double)r->disk.size_bytes / 1073741824.0, style_name(&r->disk),
                 letter[0] ? letter : "-", r->has_volume && r->volume.fs[0] ? r->volume.fs : "-",
                 r->has_volume ? r->volume.label : "");
    }
    if (s.failed) {
        str_done(&s);
        return NULL;
    }
    return str_take(&s);
}

/* ---- the plan ---- */

struct letters {
    bool used[26];
};

static void use_letter(struct letters *l, char c)
{
    if (c >= 'a' && c <= 'z')
        c = (char)(c - 32);
    if (c >= 'A' && c <= 'Z')
        l->used[c - 'A'] = true;
}

static bool is_free(const struct letters *l, char c)
{
    return c >= 'A' && c <= 'Z' && !l->used[c - 'A'];
}

static char take_letter(struct letters *l, const struct dialect *d, bool store, char wanted)
{
    char c = wanted >= 'a' && wanted <= 'z' ? (char)(wanted - 32) : wanted;

    if (!is_free(l, c)) {
        c = store ? d->store_first_letter : d->ebs_first_letter;
        while (c >= 'A' && c <= 'Z' && !is_free(l, c))
            c = (char)(store ? c - 1 : c + 1);
    }
    if (!is_free(l, c))
        return 0;
    use_letter(l, c);
    return c;
}

/* Why it is not touched, or NULL when it is empty. by_name: the owner named this disk, which is no
 * leave to lose what is on it. */
static const char *not_empty(const struct dialect *d, const struct disk_row *r, bool by_name)
{
    const struct win_disk *k = &r->disk;

    if (k->clustered)
        return "it belongs to another node of a cluster";
    if (r->has_volume && r->volume.letter == 'C')
        return "it is the system's disk";
    if (r->has_volume && r->volume.fs[0] && !str_eq(r->volume.fs, "RAW"))
        return "it has a file system";
    if (d->id != DIALECT_V2)
        return k->partitions ? "it has partitions" : NULL;
    if (k->start_is_zero)
        return NULL;
    if (k->style != WIN_DISK_RAW)
        return k->partitions ? "it has partitions" : by_name ? "it has a partition table" : NULL;
    return by_name ? "there is data in its first 4 KB" : NULL;
}

static const struct disk_wish *wish_of(const struct disk_row *r, const struct disk_wish *w,
                                       size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((r->device[0] && (disks_same_device(w[i].device, r->device))) ||
            (r->volume_id[0] && str_eq_nocase(w[i].device, r->volume_id)))
            return &w[i];
    return NULL;
}

static void name_volume(const struct dialect *d, const struct disk_row *r,
                        const struct disk_wish *wish, unsigned *stores, struct disk_plan *p)
{
    if (wish && wish->name && *wish->name)
        (void)snprintf(p->label, sizeof(p->label), "%.32s", wish->name); /* NTFS: 32 characters */
    else if (r->instance_store && d->store_label_by_number)
        (void)snprintf(p->label, sizeof(p->label), "Temporary Storage %u", *stores);
    else if (r->instance_store && p->letter)
        (void)snprintf(p->label, sizeof(p->label), "Temporary Storage %c", p->letter);
    *stores += r->instance_store;
}

static void plan_one(const struct dialect *d, const struct disk_row *r,
                     const struct disk_wish *wish, struct letters *l, unsigned *stores,
                     struct disk_plan *p)
{
    char wanted = wish ? wish->letter : 0;

    p->why = not_empty(d, r, wish != NULL);
    p->act = DISK_SKIP;
    if (p->why) {
        if (wanted && r->has_volume && r->volume.letter != 'C') {
            if (wanted >= 'a' && wanted <= 'z')
                wanted = (char)(wanted - 32);
            if (r->volume.letter != wanted && is_free(l, wanted)) {
                use_letter(l, wanted);
                p->act = DISK_LETTER_ONLY;
                p->letter = wanted;
            }
        }
        *stores += r->instance_store;
        return;
    }
    p->act = DISK_INITIALISE;
    p->letter = take_letter(l, d, r->instance_store, wanted);
    p->style = wish && wish->style != WIN_DISK_RAW       ? wish->style
               : r->disk.size_bytes >= d->gpt_from_bytes ? WIN_DISK_GPT
                                                         : WIN_DISK_MBR;
    p->warning_file = r->instance_store;
    name_volume(d, r, wish, stores, p);
}

void disks_plan(const struct dialect *d, const struct disk_row *rows, size_t rows_n, bool all,
                const struct disk_wish *wishes, size_t wishes_n, const char *taken,
                struct disk_plan *ret, size_t *ret_n)
{
    struct letters l = { 0 };
    unsigned stores = 0;

    *ret_n = 0;
    for (const char *c = taken; c && *c; c++)
        use_letter(&l, *c);
    for (size_t i = 0; i < rows_n; i++)
        if (rows[i].has_volume)
            use_letter(&l, rows[i].volume.letter);
    for (size_t i = 0; i < rows_n; i++) {
        const struct disk_wish *wish = wish_of(&rows[i], wishes, wishes_n);

        if (!all && !wish)
            continue;
        ret[*ret_n] = (struct disk_plan){ .row = i };
        plan_one(d, &rows[i], wish, &l, &stores, &ret[(*ret_n)++]);
    }
}
