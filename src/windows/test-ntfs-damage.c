/* SPDX-License-Identifier: GPL-3.0-or-later */
/* NTFS volumes of mkntfs, damaged: told, not followed, not made worse. */
#include "test-volume.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "ntfs-priv.h"

static const char *const needs[] = { "mkntfs", "ntfscp", "ntfsfix", NULL };

static void make(struct volume *v)
{
    volume_size(v, MIB(8));
    volume_do(v, "mkntfs", "-F", "-Q", "-q", "-L", "Windows", "@", NULL);
}

static int reopen(struct image *m, bool writable, struct err *e)
{
    return image_open(m, win_ntfs_open, writable, e);
}

static void load(struct volume *v, struct image *m)
{
    make(v);
    volume_noise(v, "big", 40000, 2);
    volume_do(v, "ntfscp", "@", "%big", "victim", NULL);
    image_load(v, m);
}

/* The record of the file "victim". */
static uint8_t *record(struct image *m)
{
    static const char name[] = "v\0i\0c\0t\0i\0m";
    size_t mft = (size_t)rd32(m->p + 48) * 4096;
    uint8_t *p = memmem(m->p + mft, m->n - mft, name, sizeof name);

    while (p && memcmp(m->p + (p - m->p) / 1024 * 1024, "FILE", 4) != 0)
        p = memmem(p + 1, m->n - (size_t)(p + 1 - m->p), name, sizeof name);
    assert_non_null(p);
    return m->p + (p - m->p) / 1024 * 1024;
}

static uint8_t *attribute(uint8_t *rec, uint32_t type)
{
    uint32_t at = rd16(rec + 20);

    while (at < 1000 && rd32(rec + at) != type)
        at += rd32(rec + at + 4);
    assert_true(at < 1000);
    return rec + at;
}

static int read_victim(struct image *m, struct err *e)
{
    _cleanup_free_ uint8_t *got = NULL;
    size_t n;
    int r = reopen(m, false, e);

    return r < 0 ? r : win_tree_read(m->t, "victim", MIB(16), &got, &n, e);
}

static void a_boot_sector_without_sense_is_refused(void **state)
{
    static const struct {
        unsigned at, value;
    } lies[] = {
        { 3, 0 },     /* another system */
        { 11, 1 },    /* bytes of a sector */
        { 13, 3 },    /* sectors of a cluster */
        { 40, 0 },    /* sectors of the volume: few */
        { 43, 0x7f }, /* and many */
        { 51, 0x7f }, /* where the table of files is */
        { 64, 0x60 }, /* clusters of a record */
    };
    struct err e = { 0 };
    struct image m;

    load(*state, &m);
    assert_int_equal(read_victim(&m, &e), 0);
    for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
        uint8_t was = m.p[lies[i].at];

        m.p[lies[i].at] = (uint8_t)lies[i].value;
        if (lies[i].at == 40)
            m.p[41] ^= 0xff;
        if (reopen(&m, true, &e) == 0)
            fail_msg("offset %u: opened", lies[i].at);
        failed_as(-e.no, &e, ERR_CORRUPT, "not a sound NTFS volume");
        m.p[lies[i].at] = was;
        if (lies[i].at == 40)
            m.p[41] ^= 0xff;
    }
    assert_int_equal(read_victim(&m, &e), 0);
    memset(m.p, 0, 512);
    failed_as(reopen(&m, false, &e), &e, ERR_CORRUPT, "not a sound NTFS volume");
    image_drop(&m);
}

static void records_that_lie_are_told(void **state)
{
    struct err e = { 0 };
    struct image m;
    uint8_t *rec, *data, *runs, was;

    load(*state, &m);
    rec = record(&m);
    data = attribute(rec, 0x80);
    runs = data + rd16(data + 32);
    assert_int_equal(read_victim(&m, &e), 0);

    wr32(data + 52, 0x1000); /* 16 TiB */
    failed_as(read_victim(&m, &e), &e, ERR_LIMIT, "'victim' has 17592186084416 bytes");
    wr32(data + 52, 0);
    was = runs[1];
    runs[1] = 0x7f; /* longer than it says, and over the end */
    failed_as(read_victim(&m, &e), &e, ERR_CORRUPT, "'victim'");
    runs[1] = was;
    was = runs[0];
    runs[0] = 0xff; /* a run of more bytes than there are */
    failed_as(read_victim(&m, &e), &e, ERR_CORRUPT, "'victim'");
    runs[0] = was;
    was = data[4];
    data[4] = 0; /* an attribute of no length */
    failed_as(read_victim(&m, &e), &e, ERR_CORRUPT, "'victim'");
    data[4] = 0xff;
    failed_as(read_victim(&m, &e), &e, ERR_CORRUPT, "'victim'");
    data[4] = was;
    rec[0] = 'B'; /* no record */
    failed_as(read_victim(&m, &e), &e, ERR_CORRUPT, "'victim'");
    rec[0] = 'F';
    rec[510] ^= 1; /* torn: the sector's mark is another one */
    failed_as(read_victim(&m, &e), &e, ERR_CORRUPT, "'victim'");
    rec[510] ^= 1;
    assert_int_equal(read_victim(&m, &e), 0);
    image_drop(&m);
}

/* So many files, each with a descriptor of its own: the indexes of $Secure get blocks. */
static void make_descriptors(struct volume *v, unsigned n)
{
    uint8_t sd[52] = { 1, 0, 0, 0x80, 20, 0, 0, 0, 36, 0, 0,  0, 0,  0, 0,  0, 0, 0,
                       0, 0, 1, 2,    0,  0, 0, 0, 0,  5, 32, 0, 0,  0, 32, 2, 0, 0,
                       1, 2, 0, 0,    0,  0, 0, 5, 32, 0, 0,  0, 32, 2, 0,  0 };
    struct opened o;
    char name[16];

    volume_open(v, win_ntfs_open, true, &o);
    for (unsigned i = 0; i < n; i++) {
        ntfs_inode *ni;

        (void)snprintf(name, sizeof name, "file%u", i);
        tree_put(o.t, name, "x", 1);
        ni = ntfs_pathname_to_inode(ntfs_of(o.t)->vol, NULL, name);
        assert_non_null(ni);
        wr32(sd + 48, 1000 + i);
        assert_int_equal(ntfs_set_ntfs_acl(&ntfs_of(o.t)->scx, ni, (char *)sd, sizeof sd, 0), 0);
        assert_int_equal(ntfs_inode_close(ni), 0);
    }
    volume_close(&o);
    volume_do(v, "ntfsfix", "-n", "@", NULL);
}

/* The first entry of a block of an index of descriptors. */
static uint8_t *descriptor_entry(struct image *m)
{
    for (size_t at = 0; at + 4096 <= m->n; at += 4096) {
        uint8_t *p = m->p + at, *entry = p + 24 + rd32(p + 24) % 1024;

        if (memcmp(p, "INDX", 4) == 0 && rd16(entry + 2) == 0x14) /* bytes of data */
            return entry;
    }
    fail_msg("no block of an index of descriptors");
    return NULL;
}

static void an_index_of_descriptors_in_a_circle_is_not_changed(void **state)
{
    struct err e = { 0 };
    struct image m;
    uint8_t *entry, *header, was;

    make(*state);
    make_descriptors(*state, 150);
    image_load(*state, &m);
    entry = descriptor_entry(&m);
    header = m.p + (entry - m.p) / 4096 * 4096 + 24;
    assert_int_equal(reopen(&m, true, &e), 0);
    was = entry[19];
    entry[19] = 0xff; /* its key: out of order */
    failed_as(reopen(&m, true, &e), &e, ERR_CORRUPT, "an entry of $Secure:");
    entry[19] = was;
    wr16(entry + 12, 1); /* a node where there are none */
    failed_as(reopen(&m, true, &e), &e, ERR_CORRUPT, "an entry of $Secure:");
    header[12] = 1; /* what were its last bytes is another block */
    failed_as(reopen(&m, true, &e), &e, ERR_CORRUPT, "the place of a block of $Secure:");
    wr64(entry + rd16(entry + 8) - 8, 0);
    failed_as(reopen(&m, true, &e), &e, ERR_CORRUPT, "two entries with one block of $Secure:");
    wr16(entry + 12, 0);
    header[12] = 0;
    wr16(entry + 8, 0); /* an entry of no length */
    failed_as(reopen(&m, true, &e), &e, ERR_CORRUPT, "an entry of $Secure:");
    assert_int_equal(reopen(&m, false, &e), 0); /* to look, it will do */
    image_drop(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        volume_test(a_boot_sector_without_sense_is_refused),
        volume_test(records_that_lie_are_told),
        volume_test(an_index_of_descriptors_in_a_circle_is_not_changed),
    };

    volume_needs(needs);
    return test_run(tests);
}
