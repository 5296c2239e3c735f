/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "volume.h"

#include <stdlib.h>
#include <string.h>

#include "ntfs.h"
#include "sectors.h"

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

/* Zeros are everywhere: a SID that is often found. */
static const uint8_t nobody[24] = { 1, 4, 0, 0, 0, 0, 0, 5, 21 };
static const uint8_t somebody[24] = {
    1, 4, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0, 9
};

static void use(struct win_tree *t, bool writable)
{
    static const uint8_t big[40000] = { 'r', 'e', 'g', 'f' };
    struct win_sid_changes changes;
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
    if (!writable)
        return;
    (void)win_tree_write(t, "Windows/a.txt", "some text", 9, &e);
    err_clear(&e);
    (void)win_tree_write(t, "EFI/Microsoft/Boot/BCD", big, sizeof big, &e);
    err_clear(&e);
    (void)win_tree_write(t, "EFI/Microsoft/Boot/BCD", big, 1, &e);
    err_clear(&e);
    (void)win_tree_mkdir(t, "Windows/b/c", &e);
    err_clear(&e);
    (void)win_tree_delete(t, "Windows/b", &n, &m, &e);
    err_clear(&e);
    (void)win_tree_replace_sid(t, nobody, somebody, &changes, &e);
}

/* As "generalise" does it: by an opening of its own. */
static void wipe(struct win_disk *d)
{
    struct win_sid_remains found;
    struct win_tree *t = NULL;
    struct err e = { 0 };

    if (win_ntfs_open(d, true, &t, &e) < 0)
        return;
    (void)win_tree_wipe_sid(t, nobody, &found, &e);
    err_clear(&e);
    (void)win_tree_close(t, &e);
}

void volume_use(const uint8_t *data, size_t size, uint32_t least, const char *magic,
                int (*open)(struct win_disk *part, bool writable, struct win_tree **ret,
                            struct err *e))
{
    uint8_t *bytes;
    struct win_disk *d = sectors_disk(data, size, least, &bytes);

    if (!d)
        return;
    if (magic)
        memcpy(bytes + 3, magic, 8);
    for (int writable = 0; writable < 2; writable++) {
        struct win_tree *t = NULL;
        struct err e = { 0 };

        if (open(d, writable, &t, &e) < 0)
            continue;
        use(t, writable);
        err_clear(&e);
        (void)win_tree_close(t, &e);
    }
    if (open == win_ntfs_open)
        wipe(d);
    win_disk_free(d);
}
