/* SPDX-License-Identifier: GPL-3.0-or-later */
/* volume VERB FILE ...: the layer of files for tests, on the first NTFS volume of a disk; and event
 * logs.
 *
 *   list DISK                     paths, in no order
 *   cat DISK PATH
 *   edit DISK SEED                makes, rewrites and deletes many files below "Kiln test"; what
 *                                 they hold in the end is told as "PATH BYTES FIRST"
 *   sid DISK OLD NEW              replaced, then wiped; counts, as "name value" lines
 *   log FILE OUT                  what its header says; OUT: an empty one of its version
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "evtx.h"
#include "file.h"
#include "ntfs.h"
#include "parse.h"
#include "parts.h"
#include "sid.h"
#include "util.h"

#define FILES    30U
#define LOG_MAX  MIB(4)
#define FILE_MAX MIB(64)
#define TOP      "Kiln test"

static struct err e;

_noreturn_ static void die(void)
{
    (void)fprintf(stderr, "%s\n", e.msg);
    exit(1);
}

struct opened {
    struct win_disk *disk, *part;
    struct win_tree *t;
};

static void open_disk(const char *path, bool writable, struct opened *o)
{
    struct win_parts p;
    size_t i = 0;
    int fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);

    *o = (struct opened){ 0 };
    if (fd < 0)
        (void)err_errno(&e, "open '%s'", path);
    if (fd < 0 || win_disk_take_fd(fd, writable, &o->disk, &e) < 0 ||
        win_parts_read(o->disk, &p, &e) < 0)
        die();
    while (i < p.n && p.part[i].holds != WIN_HOLDS_NTFS)
        i++;
    if (i == p.n) {
        (void)fprintf(stderr, "no NTFS volume\n");
        exit(1);
    }
    if (win_disk_part(o->disk, p.part[i].offset, p.part[i].bytes, &o->part, &e) < 0 ||
        win_ntfs_open(o->part, writable, &o->t, &e) < 0)
        die();
}

static void close_disk(struct opened *o)
{
    if (win_tree_close(o->t, &e) < 0)
        die();
    win_disk_free(o->part);
    win_disk_free(o->disk);
}

static int say(void *userdata, const char *name, const struct win_stat *st, struct err *unused)
{
    (void)userdata, (void)st, (void)unused;
    (void)puts(name);
    return 0;
}

static int list(char **argv)
{
    struct opened o;

    open_disk(argv[0], false, &o);
    if (win_tree_walk(o.t, "", say, NULL, &e) < 0)
        die();
    close_disk(&o);
    return 0;
}

static int cat(char **argv)
{
    struct opened o;
    uint8_t *p;
    size_t n;

    open_disk(argv[0], false, &o);
    if (win_tree_read(o.t, argv[1], FILE_MAX, &p, &n, &e) < 0)
        die();
    (void)fwrite(p, 1, n, stdout);
    free(p);
    close_disk(&o);
    return 0;
}

/* ---- edit ------------------------------------------------------------------------------------ */

static uint32_t next(uint32_t *x)
{
    *x ^= *x << 13, *x ^= *x >> 17, *x ^= *x << 5;
    return *x;
}

static void name_of(unsigned i, char out[64])
{
    (void)snprintf(out, 64, TOP "/%u/\xc3\xa4 file %u.txt", i % 7, i);
}

static void put(struct win_tree *t, unsigned i, size_t n, uint8_t first, size_t *have)
{
    uint8_t *p = malloc(n + 1);
    char name[64];

    name_of(i, name);
    memset(p, first, n);
    if (win_tree_write(t, name, p, n, &e) < 0)
        die();
    free(p);
    have[i] = n + 1;
}

static int edit(char **argv)
{
    size_t have[FILES] = { 0 };
    uint8_t first[FILES] = { 0 };
    struct opened o;
    uint64_t seed;
    uint32_t x;
    char name[64];

    if (parse_u64(argv[1], 1, UINT32_MAX, &seed) < 0)
        return 2;
    x = (uint32_t)seed;
    open_disk(argv[0], true, &o);
    for (unsigned i = 0; i < 7; i++) {
        (void)snprintf(name, sizeof name, TOP "/%u", i);
        if (win_tree_mkdir(o.t, name, &e) < 0)
            die();
    }
    for (unsigned step = 0; step < 20 * FILES; step++) {
        unsigned i = next(&x) % FILES;

        first[i] = (uint8_t)('a' + next(&x) % 26);
        name_of(i, name);
        if (next(&x) % 4 == 0) {
            if (win_tree_delete(o.t, name, NULL, NULL, &e) < 0)
                die();
            have[i] = 0;
        } else {
            put(o.t, i, next(&x) % 3 ? next(&x) % 700 : next(&x) % 5000, first[i], have);
        }
    }
    close_disk(&o);
    for (unsigned i = 0; i < FILES; i++)
        if (have[i]) {
            name_of(i, name);
            (void)printf("%s\t%zu\t%c\n", name, have[i] - 1, have[i] > 1 ? first[i] : '-');
        }
    return 0;
}

/* ---- SIDs ------------------------------------------------------------------------------------ */

static int sid(char **argv)
{
    uint8_t old[SID_BYTES_MAX], with[SID_BYTES_MAX];
    struct win_sid_changes c = { 0 };
    struct win_sid_remains left = { 0 };
    size_t n = 0, m = 0;
    struct opened o;

    if (sid_parse(argv[1], old, &n, &e) < 0 || sid_parse(argv[2], with, &m, &e) < 0)
        die();
    if (n != SID_MACHINE_BYTES || m != n)
        return 2;
    open_disk(argv[0], true, &o);
    if (win_tree_replace_sid(o.t, old, with, &c, &e) < 0)
        die();
    close_disk(&o);
    open_disk(argv[0], true, &o);
    if (win_tree_wipe_sid(o.t, old, &left, &e) < 0)
        die();
    close_disk(&o);
    (void)printf("descriptors %llu\nnames %llu\nplaces %llu\nleft %llu\n",
                 (unsigned long long)c.descriptors, (unsigned long long)c.names,
                 (unsigned long long)c.places,
                 (unsigned long long)(left.descriptors + left.names + left.places));
    return 0;
}

/* ---- event logs ------------------------------------------------------------------------------ */

static int event_log(char **argv)
{
    static uint8_t empty[EVTX_EMPTY_BYTES];
    struct evtx_info i;
    char *p;
    size_t n;

    if (file_read(argv[0], LOG_MAX, &p, &n, &e) < 0 || evtx_verify(p, n, &i, &e) < 0)
        die();
    (void)printf("version %u.%u\nnext %llu\nflags %u\nchunks %u\nempty %d\n", i.major, i.minor,
                 (unsigned long long)i.next_record, i.flags, i.chunks, i.empty);
    free(p);
    evtx_make_empty(i.minor, empty);
    if (file_replace(argv[1], empty, sizeof empty, 0644, &e) < 0)
        die();
    return 0;
}

static const struct {
    const char *name;
    int args;
    int (*run)(char **argv);
} verbs[] = {
    { "list", 1, list }, { "cat", 2, cat },       { "edit", 2, edit },
    { "sid", 3, sid },   { "log", 2, event_log },
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < ARRAY_LEN(verbs); i++)
        if (strcmp(argv[1], verbs[i].name) == 0 && argc == verbs[i].args + 2)
            return verbs[i].run(argv + 2);
    (void)fprintf(stderr, "volume: which verb?\n");
    return 2;
}
