/* SPDX-License-Identifier: GPL-3.0-or-later */
/* FAT volumes of mkfs.fat, filled by mtools, changed by us, judged by fsck.fat and mtools. */
#include "test-volume.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "fat.h"

#define BOOT "EFI/Microsoft/Boot"
#define LONG BOOT "/a file of a long name \xc3\xa4\xe2\x82\xac.efi"

static const char *const needs[] = { "mkfs.fat", "fsck.fat", "mcopy", "mmd", "mdir", NULL };

static const struct {
    unsigned bits, mib;
    const char *bits_text, *format;
} widths[] = { { 12, 2, "12", "FAT12" }, { 16, 20, "16", "FAT16" }, { 32, 40, "32", "FAT32" } };

/* ---- volumes --------------------------------------------------------------------------------- */

static void make(struct volume *v, unsigned width)
{
    volume_size(v, MIB((uint64_t)widths[width].mib));
    volume_do(v, "mkfs.fat", "-F", widths[width].bits_text, "-s", "1", "-n", "KILN ESP", "-i",
              "1234abcd", "@", NULL);
    volume_do(v, "mmd", "-i", "@", "::EFI", "::EFI/Microsoft", "::" BOOT, NULL);
    volume_noise(v, "bcd", 32768, 1);
    volume_noise(v, "efi", 70001, 2);
    volume_noise(v, "none", 0, 3);
    volume_do(v, "mcopy", "-i", "@", "%bcd", "::" BOOT "/BCD", NULL);
    volume_do(v, "mcopy", "-i", "@", "%efi", "::" LONG, NULL);
    volume_do(v, "mcopy", "-i", "@", "%none", "::EFI/empty", NULL);
}

/* No fault, and nothing that belongs to nobody. */
static void check(struct volume *v)
{
    if (volume_tool(v, "fsck.fat", "-n", "@", NULL) != 0)
        fail_msg("fsck.fat: %s", v->said);
}

/* ---- reading --------------------------------------------------------------------------------- */

struct names {
    char all[512];
    unsigned n;
};

static int add_name(void *userdata, const char *name, const struct win_stat *st, struct err *e)
{
    struct names *l = userdata;
    size_t at = strlen(l->all);

    (void)e;
    (void)snprintf(l->all + at, sizeof l->all - at, "[%s%s]", name, st->is_dir ? "/" : "");
    l->n++;
    return 0;
}

static void what_mtools_wrote_is_read(void **state)
{
    struct volume *v = *state;
    _cleanup_free_ uint8_t *bcd = noise(32768, 1), *efi = noise(70001, 2);

    for (unsigned i = 0; i < ARRAY_LEN(widths); i++) {
        struct win_volume_facts facts;
        struct names l = { 0 };
        struct win_stat st;
        struct err e = { 0 };
        struct opened o;

        make(v, i);
        volume_open(v, win_fat_open, false, &o);
        tree_has(o.t, BOOT "/BCD", bcd, 32768);
        tree_has(o.t, "efi/MICROSOFT/boot/bcd", bcd, 32768);
        tree_has(o.t, LONG, efi, 70001);
        tree_has(o.t, BOOT "/AFILEO~1.EFI", efi, 70001);
        tree_has(o.t, "EFI/EMPTY", "", 0);
        assert_int_equal(win_tree_walk(o.t, "", add_name, &l, &e), 0);
        assert_string_equal(l.all, "[EFI/][EFI/Microsoft/][EFI/Microsoft/Boot/]"
                                   "[EFI/Microsoft/Boot/BCD][" LONG "][EFI/empty]");
        assert_int_equal(win_tree_stat(o.t, BOOT, &st, &e), 0);
        assert_true(st.is_dir);
        assert_int_equal(win_tree_facts(o.t, &facts, &e), 0);
        assert_string_equal(facts.format, widths[i].format);
        assert_string_equal(facts.label, "KILN ESP");
        assert_int_equal(facts.serial, 0x1234abcd);
        assert_int_equal(facts.cluster_bytes, 512);
        volume_close(&o);
    }
}

static void what_is_not_there_is_named(void **state)
{
    struct volume *v = *state;
    struct win_stat st;
    struct err e = { 0 };
    struct opened o;

    make(v, 0);
    volume_open(v, win_fat_open, false, &o);
    failed_as(win_tree_stat(o.t, "EFI/Boot", &st, &e), &e, ERR_NOT_FOUND, "'EFI/Boot'");
    err_clear(&e);
    failed_as(win_tree_stat(o.t, BOOT "/BCD/x", &st, &e), &e, ERR_NOT_FOUND, "/BCD/x'");
    err_clear(&e);
    failed_as(win_tree_list(o.t, BOOT "/BCD", add_name, NULL, &e), &e, ERR_INVALID,
              "not a directory");
    err_clear(&e);
    assert_int_equal(win_tree_exists(o.t, "EFI/none", &e), 0);
    volume_close(&o);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void content_is_replaced_in_every_size(void **state)
{
    static const size_t sizes[] = { 40000, 100, 0, 512, 513, 200000, 32768 };
    struct volume *v = *state;
    _cleanup_free_ uint8_t *efi = noise(70001, 2);

    for (unsigned i = 0; i < ARRAY_LEN(widths); i++) {
        make(v, i);
        for (size_t k = 0; k < ARRAY_LEN(sizes); k += i ? 2 : 1) { /* the small one: all */
            _cleanup_free_ uint8_t *now = noise(sizes[k], 10 + (uint32_t)k);
            struct err e = { 0 };
            struct opened o;

            volume_open(v, win_fat_open, true, &o);
            assert_int_equal(win_tree_write(o.t, BOOT "/bcd", now, sizes[k], &e), 0);
            tree_has(o.t, BOOT "/BCD", now, sizes[k]);
            volume_close(&o);
            check(v);
            volume_do(v, "mcopy", "-n", "-o", "-i", "@", "::" BOOT "/BCD", "%got", NULL);
            volume_has(v, "got", now, sizes[k]);
        }
        volume_do(v, "mcopy", "-n", "-o", "-i", "@", "::" LONG, "%got", NULL);
        volume_has(v, "got", efi, 70001);
    }
}

static void a_full_volume_stays_as_it_was(void **state)
{
    struct volume *v = *state;
    _cleanup_free_ uint8_t *big = noise(MIB(3), 5);

    for (unsigned i = 0; i < 1; i++) {
        _cleanup_free_ uint8_t *before = NULL, *after = NULL;
        struct err e = { 0 };
        struct opened o;
        size_t n, m;

        make(v, i);
        before = volume_bytes(v, &n);
        volume_open(v, win_fat_open, true, &o);
        failed_as(win_tree_write(o.t, LONG, big, MIB(3), &e), &e, ERR_LIMIT, "is full");
        assert_int_equal(e.no, ENOSPC);
        after = volume_bytes(v, &m);
        assert_int_equal(n, m);
        assert_memory_equal(before, after, n);
        /* What was tried has left nothing in the table. */
        err_clear(&e);
        assert_int_equal(win_tree_write(o.t, BOOT "/BCD", big, MIB(1), &e), 0);
        volume_close(&o);
        check(v);
        volume_do(v, "mcopy", "-n", "-o", "-i", "@", "::" BOOT "/BCD", "%got", NULL);
        volume_has(v, "got", big, MIB(1));
    }
}

static void what_is_not_done_here_is_refused(void **state)
{
    struct volume *v = *state;
    struct err e = { 0 };
    struct opened o;

    make(v, 2);
    volume_open(v, win_fat_open, true, &o);
    failed_as(win_tree_write(o.t, "EFI/new", "x", 1, &e), &e, ERR_NOT_FOUND, "'EFI/new'");
    err_clear(&e);
    failed_as(win_tree_write(o.t, BOOT, "x", 1, &e), &e, ERR_INVALID, "is a directory");
    err_clear(&e);
    failed_as(win_tree_mkdir(o.t, "EFI/Boot", &e), &e, ERR_INVALID, "no directories are made");
    err_clear(&e);
    failed_as(win_tree_delete(o.t, LONG, NULL, NULL, &e), &e, ERR_INVALID, "nothing is deleted");
    err_clear(&e);
    volume_close(&o);
    volume_open(v, win_fat_open, false, &o);
    failed_as(win_tree_write(o.t, BOOT "/BCD", "x", 1, &e), &e, ERR_DENIED, "for reading only");
    volume_close(&o);
}

/* ---- hostile --------------------------------------------------------------------------------- */

/* FAT16: its entries are easy to write. */
static void load(struct volume *v, struct image *m)
{
    make(v, 1);
    image_load(v, m);
}

static int reopen(struct image *m, struct err *e)
{
    return image_open(m, win_fat_open, true, e);
}

static size_t fat_at(const struct image *m)
{
    return (size_t)rd16(m->p + 14) * 512;
}

static size_t root_at(const struct image *m)
{
    return fat_at(m) + (size_t)m->p[16] * rd16(m->p + 22) * 512;
}

/* The entry of a short name, by its 11 letters. */
static uint8_t *entry(struct image *m, const char *letters)
{
    uint8_t *p = m->p + root_at(m);

    while ((p = memmem(p, m->n - (size_t)(p - m->p), letters, 11)) && (p - m->p) % 32)
        p++;
    assert_non_null(p);
    return p;
}

static uint8_t *fat_of(struct image *m, unsigned cluster)
{
    return m->p + fat_at(m) + 2 * (size_t)cluster;
}

static int read_bcd(struct image *m, struct err *e)
{
    _cleanup_free_ uint8_t *got = NULL;
    size_t n;
    int r = reopen(m, e);

    return r < 0 ? r : win_tree_read(m->t, BOOT "/BCD", MIB(16), &got, &n, e);
}

static int write_bcd(struct image *m, struct err *e)
{
    _cleanup_free_ uint8_t *big = noise(100000, 1);
    int r = reopen(m, e);

    return r < 0 ? r : win_tree_write(m->t, BOOT "/BCD", big, 100000, e);
}

static void chains_that_do_not_end_are_told(void **state)
{
    struct err e = { 0 };
    struct image m;
    unsigned first;

    load(*state, &m);
    assert_int_equal(read_bcd(&m, &e), 0);
    first = rd16(entry(&m, "BCD        ") + 26);
    wr16(fat_of(&m, first + 5), first);    /* a loop, shorter than the file says */
    assert_int_equal(read_bcd(&m, &e), 0); /* the size ends it */
    failed_as(write_bcd(&m, &e), &e, ERR_CORRUPT, "does not end");
    wr16(fat_of(&m, first + 5), 0xfff0); /* behind the last cluster */
    failed_as(read_bcd(&m, &e), &e, ERR_CORRUPT, "does not end");
    failed_as(write_bcd(&m, &e), &e, ERR_CORRUPT, "does not end");
    wr16(fat_of(&m, first + 5), 0); /* free */
    failed_as(read_bcd(&m, &e), &e, ERR_CORRUPT, "does not end");
    failed_as(write_bcd(&m, &e), &e, ERR_CORRUPT, "does not end");
    wr16(fat_of(&m, first + 5), 0xffff); /* too early */
    failed_as(read_bcd(&m, &e), &e, ERR_IO, "ends after 3072 of 32768 bytes");
    image_drop(&m);
}

static void entries_that_lie_are_told(void **state)
{
    struct err e = { 0 };
    struct image m;
    struct names l = { 0 };
    uint8_t *p;

    load(*state, &m);
    p = entry(&m, "BCD        ");
    memset(p + 28, 0xff, 4); /* 4 GiB */
    failed_as(read_bcd(&m, &e), &e, ERR_LIMIT, "has 4294967295 bytes");
    wr16(p + 28, 0x8000), wr16(p + 30, 0);
    wr16(p + 26, 0);
    failed_as(read_bcd(&m, &e), &e, ERR_CORRUPT, "a file has no clusters");
    wr16(p + 26, 1);
    failed_as(read_bcd(&m, &e), &e, ERR_CORRUPT, "does not end");
    wr16(p + 26, 0xffee);
    failed_as(read_bcd(&m, &e), &e, ERR_CORRUPT, "does not end");
    failed_as(write_bcd(&m, &e), &e, ERR_CORRUPT, "does not end");
    /* A directory that is its own parent's: not walked for ever. */
    p = entry(&m, "MICROS~1   ");
    wr16(p + 26, rd16(entry(&m, "EFI        ") + 26));
    assert_int_equal(reopen(&m, &e), 0);
    failed_as(win_tree_walk(m.t, "", add_name, &l, &e), &e, ERR_CORRUPT,
              "'EFI/Microsoft' lies below itself");
    wr16(p + 26, 0); /* that is the root */
    assert_int_equal(reopen(&m, &e), 0);
    failed_as(win_tree_walk(m.t, "", add_name, &l, &e), &e, ERR_CORRUPT, "lies below itself");
    image_drop(&m);
}

/* Each chain of a directory's clusters ends somewhere. */
static void a_directory_in_a_loop_is_told(void **state)
{
    struct err e = { 0 };
    struct names l = { 0 };
    struct image m;
    unsigned first;

    load(*state, &m);
    first = rd16(entry(&m, "EFI        ") + 26);
    wr16(fat_of(&m, first), first);
    assert_int_equal(reopen(&m, &e), 0);
    failed_as(win_tree_list(m.t, "EFI", add_name, &l, &e), &e, ERR_CORRUPT, "does not end");
    wr16(fat_of(&m, first), 0xffff);
    wr16(entry(&m, "EFI        ") + 26, 1);
    assert_int_equal(reopen(&m, &e), 0);
    failed_as(win_tree_list(m.t, "EFI", add_name, &l, &e), &e, ERR_CORRUPT, "has no clusters");
    assert_int_equal(l.n, 0);
    image_drop(&m);
}

static void a_long_name_of_another_entry_is_left_out(void **state)
{
    struct err e = { 0 };
    struct win_stat st;
    struct image m;
    uint8_t *p;

    load(*state, &m);
    p = entry(&m, "AFILEO~1EFI");
    for (unsigned k = 1; k <= 3; k++)
        p[-32 * (int)k + 13] ^= 1; /* the sum that ties it to its entry */
    assert_int_equal(reopen(&m, &e), 0);
    assert_int_equal(win_tree_exists(m.t, LONG, &e), 0);
    assert_int_equal(win_tree_stat(m.t, BOOT "/afileo~1.efi", &st, &e), 0);
    p[-32] = 0x7f; /* more parts than a name has */
    assert_int_equal(reopen(&m, &e), 0);
    assert_int_equal(win_tree_stat(m.t, BOOT "/afileo~1.efi", &st, &e), 0);
    image_drop(&m);
}

static void a_boot_sector_without_sense_is_refused(void **state)
{
    static const struct {
        unsigned at, bytes, value;
        const char *words;
    } lies[] = {
        { 11, 2, 0, "boot sector" },      { 11, 2, 513, "boot sector" },
        { 11, 2, 0x8000, "boot sector" }, { 13, 1, 0, "boot sector" },
        { 13, 1, 3, "boot sector" },      { 14, 2, 0, "boot sector" },
        { 14, 2, 0xffff, "no room" },     { 16, 1, 0, "boot sector" },
        { 16, 1, 200, "boot sector" },    { 19, 2, 0xffff, "boot sector" },
        { 19, 2, 8, "no room" },          { 22, 2, 1, "too small" },
        { 22, 2, 0xffff, "no room" },
    };
    struct err e = { 0 };
    struct image m;

    load(*state, &m);
    for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
        unsigned was = rd16(m.p + lies[i].at);

        if (lies[i].bytes == 2)
            wr16(m.p + lies[i].at, lies[i].value);
        else
            m.p[lies[i].at] = (uint8_t)lies[i].value;
        if (reopen(&m, &e) == 0)
            fail_msg("offset %u, value %u: opened", lies[i].at, lies[i].value);
        failed_as(-e.no, &e, ERR_CORRUPT, lies[i].words);
        wr16(m.p + lies[i].at, was);
    }
    assert_int_equal(reopen(&m, &e), 0);
    m.n = 100; /* not even a sector */
    failed_as(reopen(&m, &e), &e, ERR_CORRUPT, "smaller than a sector");
    image_drop(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        volume_test(what_mtools_wrote_is_read),
        volume_test(what_is_not_there_is_named),
        volume_test(content_is_replaced_in_every_size),
        volume_test(a_full_volume_stays_as_it_was),
        volume_test(what_is_not_done_here_is_refused),
        volume_test(chains_that_do_not_end_are_told),
        volume_test(entries_that_lie_are_told),
        volume_test(a_directory_in_a_loop_is_told),
        volume_test(a_long_name_of_another_entry_is_left_out),
        volume_test(a_boot_sector_without_sense_is_refused),
    };

    volume_needs(needs);
    return test_run(tests);
}
