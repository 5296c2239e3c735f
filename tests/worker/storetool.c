/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A store for shell tests: create DIR | key FILE | cat DIR ID [KEY] > FILE | list DIR. "cat" reads
 * every block whole, verified, and leaves holes in a file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "file.h"
#include "store.h"

static int cat(struct store *s, const char *id, struct err *e)
{
    static uint8_t block[STORE_BLOCK_BYTES];
    _cleanup_(store_snap_closep) struct store_snap *sn = NULL;
    bool sparse;
    uint64_t bytes;
    int r = store_snap_open(s, id, &sn, e);

    if (r < 0)
        return r;
    bytes = store_snap_info(sn)->volume_bytes;
    sparse = ftruncate(STDOUT_FILENO, (off_t)bytes) == 0;
    for (uint64_t at = 0; at < bytes; at += sizeof block) {
        r = store_snap_read_block(sn, at / sizeof block, block, NULL, e);
        if (r > 0 && sparse)
            r = pwrite_full(STDOUT_FILENO, block, min_u64(sizeof block, bytes - at), at);
        else if (r >= 0 && !sparse)
            r = write_full(STDOUT_FILENO, block, min_u64(sizeof block, bytes - at));
        if (r < 0)
            return e->no ? r : err_no(e, r, "write");
    }
    return 0;
}

static int show(const struct store_snap_info *i, void *unused)
{
    (void)unused;
    printf("%s\n", i->id);
    return 0;
}

static int run(int argc, char **argv, struct err *e)
{
    _cleanup_(store_closep) struct store *s = NULL;
    int r;

    if (argc == 3 && strcmp(argv[1], "create") == 0)
        return store_create(argv[2], e);
    if (argc == 3 && strcmp(argv[1], "key") == 0)
        return store_key_create(argv[2], 1, e);
    if (argc < 3)
        return err_set(e, EINVAL, ERR_INVALID,
                       "usage: create DIR | key FILE | cat DIR ID [KEY] | list DIR");
    r = store_open(argv[2], NULL, &s, e);
    if (r == 0 && argc == 5)
        r = store_add_key_file(s, argv[4], e);
    if (r == 0 && argc >= 4 && strcmp(argv[1], "cat") == 0)
        return cat(s, argv[3], e);
    if (r == 0 && strcmp(argv[1], "list") == 0)
        return store_snap_each(s, show, NULL, e);
    return r;
}

int main(int argc, char **argv)
{
    struct err e = { 0 };

    if (run(argc, argv, &e) < 0) {
        (void)fprintf(stderr, "storetool: %s\n", e.msg);
        return 1;
    }
    return 0;
}
