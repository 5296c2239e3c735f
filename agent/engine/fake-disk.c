/* SPDX-License-Identifier: Apache-2.0 */
/* Disks and volumes of the fake. */
#include "engine/fake.h"

#include <assert.h>
#include <string.h>

static int disks(struct win *w, struct win_disk **ret, size_t *ret_n, struct err *e)
{
    struct fake *f = fake_of(w);
    int r = fake_fails(f, "disks", e);

    if (r < 0)
        return r;
    *ret = calloc(f->disks_n + 1, sizeof(**ret));
    memcpy(*ret, f->disks, f->disks_n * sizeof(**ret));
    *ret_n = f->disks_n;
    return 0;
}

static int volumes(struct win *w, struct win_volume **ret, size_t *ret_n, struct err *e)
{
    struct fake *f = fake_of(w);
    int r = fake_fails(f, "volumes", e);

    if (r < 0)
        return r;
    *ret = calloc(f->volumes_n + 1, sizeof(**ret));
    memcpy(*ret, f->volumes, f->volumes_n * sizeof(**ret));
    *ret_n = f->volumes_n;
    return 0;
}

static struct win_disk *disk_of(struct fake *f, uint32_t number)
{
    for (size_t i = 0; i < f->disks_n; i++)
        if (f->disks[i].number == number)
            return &f->disks[i];
    assert(!"no such disk");
    return NULL;
}

static struct win_volume *volume_of(struct fake *f, const char *path)
{
    for (size_t i = 0; i < f->volumes_n; i++)
        if (str_eq(f->volumes[i].path, path))
            return &f->volumes[i];
    assert(!"no such volume");
    return NULL;
}

static int disk_online(struct win *w, uint32_t disk, struct err *e)
{
    struct win_disk *d = disk_of(fake_of(w), disk);
    int r = fake_fails(fake_of(w), "disk_online", e);

    if (r < 0)
        return r;
    fake_record(fake_of(w), "disk_online %u", disk);
    d->offline = d->readonly = false;
    return 0;
}

static int disk_partition(struct win *w, uint32_t disk, enum win_disk_style style, struct err *e)
{
    struct fake *f = fake_of(w);
    struct win_disk *d = disk_of(f, disk);
    struct win_volume *v;
    int r = fake_fails(f, "disk_partition", e);

    if (r < 0)
        return r;
    fake_record(f, "disk_partition %u %s", disk, style == WIN_DISK_GPT ? "gpt" : "mbr");
    assert(!d->offline && !d->readonly && f->volumes_n < 16);
    d->style = style;
    d->partitions = 1;
    d->start_is_zero = false;
    v = &f->volumes[f->volumes_n++];
    *v = (struct win_volume){
        .disk = disk, .offset_bytes = MIB(1), .size_bytes = d->size_bytes - MIB(2), .fs = "RAW"
    };
    memcpy(v->path, "\\\\?\\Volume{0}\\", 14);
    v->path[11] = (char)('0' + disk);
    return 0;
}

static int disk_extend(struct win *w, char letter, uint64_t *ret_grown_bytes, struct err *e)
{
    fake_record(fake_of(w), "disk_extend %c", letter);
    *ret_grown_bytes = MIB(1024);
    return fake_fails(fake_of(w), "disk_extend", e);
}

static int volume_format(struct win *w, const struct win_volume *v, const char *label,
                         struct err *e)
{
    struct fake *f = fake_of(w);
    struct win_volume *at = volume_of(f, v->path);
    int r = fake_fails(f, "volume_format", e);

    if (r < 0)
        return r;
    fake_record(f, "volume_format disk %u label '%s'", v->disk, label);
    (void)str_copy(at->fs, sizeof(at->fs), "NTFS");
    (void)str_copy(at->label, sizeof(at->label), label);
    return 0;
}

static int volume_set_letter(struct win *w, const struct win_volume *v, char letter, struct err *e)
{
    struct fake *f = fake_of(w);
    int r = fake_fails(f, "volume_set_letter", e);

    if (r < 0)
        return r;
    fake_record(f, "volume_set_letter disk %u %c", v->disk, letter);
    volume_of(f, v->path)->letter = letter;
    return 0;
}

static int volume_set_label(struct win *w, const struct win_volume *v, const char *label,
                            struct err *e)
{
    struct fake *f = fake_of(w);
    struct win_volume *at = volume_of(f, v->path);

    fake_record(f, "volume_set_label disk %u '%s'", v->disk, label);
    (void)str_copy(at->label, sizeof(at->label), label);
    return fake_fails(f, "volume_set_label", e);
}

void fake_fill_disk(struct win *w)
{
    struct fake *f = fake_of(w);

    w->disks = disks;
    w->volumes = volumes;
    w->disk_online = disk_online;
    w->disk_partition = disk_partition;
    w->disk_extend = disk_extend;
    w->volume_format = volume_format;
    w->volume_set_letter = volume_set_letter;
    w->volume_set_label = volume_set_label;
    f->disks[f->disks_n++] = (struct win_disk){ .size_bytes = 30ULL << 30,
                                                .model = "NVMe Amazon Elastic B",
                                                .serial = "vol0123456789abcdef0_00000001.",
                                                .nvme = true,
                                                .style = WIN_DISK_GPT,
                                                .partitions = 2 };
    f->volumes[f->volumes_n++] = (struct win_volume){ .path = "\\\\?\\Volume{c}\\",
                                                      .letter = 'C',
                                                      .fs = "NTFS",
                                                      .offset_bytes = MIB(120),
                                                      .size_bytes = 29ULL << 30,
                                                      .free_bytes = 10ULL << 30 };
}
