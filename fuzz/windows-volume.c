/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every entry point into a volume: NTFS (through libntfs-3g) or FAT, by its boot sector. The input
 * is its sectors: numbers (2 bytes) with 512 bytes each, on a volume of 2 MiB. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fat.h"
#include "ntfs.h"

#define BYTES    (2 << 20)
#define READ_MAX 65536

static int look(void *userdata, const char *name, const struct win_stat *st, struct err *e)
{
    unsigned *left = userdata;

    (void)name, (void)st, (void)e;
    return --*left == 0;
}

static int read_each(void *userdata, const char *name, const struct win_stat *st, struct err *e)
{
    struct win_tree *t = userdata;
    struct err inner = { 0 };
    uint8_t *buf = NULL;
    size_t n;

    (void)e;
    if (!st->is_dir && win_tree_read(t, name, READ_MAX, &buf, &n, &inner) == 0)
        free(buf);
    return 0;
}

static void use(struct win_tree *t)
{
    static const uint8_t old[12] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 }, now[12] = { 9 };
    struct win_volume_facts f;
    struct win_stat st;
    struct err e = { 0 };
    uint64_t n = 0, m = 0;
    unsigned left = 200;

    (void)win_tree_facts(t, &f, &e);
    err_clear(&e);
    (void)win_tree_stat(t, "WINDOWS/system32/config/SYSTEM", &st, &e);
    err_clear(&e);
    (void)win_tree_walk(t, "", look, &left, &e);
    err_clear(&e);
    (void)win_tree_list(t, "", read_each, t, &e);
    err_clear(&e);
    if (!win_tree_writable(t))
        return;
    (void)win_tree_write(t, "Windows/a.txt", "some text", 9, &e);
    err_clear(&e);
    (void)win_tree_mkdir(t, "Windows/b/c", &e);
    err_clear(&e);
    (void)win_tree_delete(t, "Windows/b", &n, &m, &e);
    err_clear(&e);
    (void)win_tree_replace_sid(t, old, now, &n, &m, &e);
}

static void one(struct win_disk *d, const uint8_t *volume, bool writable)
{
    struct win_tree *t = NULL;
    struct err e = { 0 };
    int r = memcmp(volume + 3, "NTFS    ", 8) == 0 ? win_ntfs_open(d, writable, &t, &e)
                                                   : win_fat_open(d, writable, &t, &e);

    if (r < 0)
        return;
    use(t);
    (void)win_tree_close(t, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t volume[BYTES];
    struct win_disk *d = NULL;
    struct err e = { 0 };

    memset(volume, 0, sizeof volume);
    for (; size >= 514; data += 514, size -= 514) {
        size_t at = (size_t)(data[0] | data[1] << 8) % (BYTES / 512) * 512;

        memcpy(volume + at, data + 2, 512);
    }
    if (win_disk_over(volume, sizeof volume, &d, &e) < 0)
        return 0;
    one(d, volume, false);
    one(d, volume, true);
    win_disk_free(d);
    return 0;
}
