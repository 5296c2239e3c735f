/* SPDX-License-Identifier: GPL-3.0-or-later */
/* NTFS volumes of mkntfs, filled by ntfscp, changed by us, judged by ntfsfix, ntfsls and ntfscat.
 */
#include "test-volume.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "ntfs-priv.h"

static const char *const needs[] = { "mkntfs", "ntfscp", "ntfscat", "ntfsls", "ntfsfix", NULL };

struct opened {
    struct win_disk *disk;
    struct win_tree *t;
};

static void make(struct volume *v, unsigned mib)
{
    volume_size(v, MIB((uint64_t)mib));
    volume_do(v, "mkntfs", "-F", "-Q", "-q", "-L", "Windows", "@", NULL);
}

static void open_volume(struct volume *v, bool writable, struct opened *o)
{
    struct err e = { 0 };

    if (volume_disk(v->path, writable, &o->disk, &e) < 0 ||
        win_ntfs_open(o->disk, writable, &o->t, &e) < 0)
        fail_msg("%s", e.msg);
}

static void close_volume(struct opened *o)
{
    struct err e = { 0 };

    if (win_tree_close(o->t, &e) < 0)
        fail_msg("%s", e.msg);
    win_disk_free(o->disk);
}

static void check(struct volume *v)
{
    if (volume_tool(v, "ntfsfix", "-n", "@", NULL) != 0)
        fail_msg("ntfsfix: %s", v->said);
}

static void put(struct win_tree *t, const char *path, const void *p, size_t n)
{
    struct err e = { 0 };

    if (win_tree_write(t, path, p, n, &e) < 0)
        fail_msg("%s", e.msg);
}

static void make_dir(struct win_tree *t, const char *path)
{
    struct err e = { 0 };

    if (win_tree_mkdir(t, path, &e) < 0)
        fail_msg("%s", e.msg);
}

/* ntfscat finds a file with that content. */
static void on_volume(struct volume *v, const char *path, const void *want, size_t n)
{
    volume_do(v, "sh", "-c", "exec ntfscat -f \"$1\" \"$2\" > \"$3\"", "sh", "@", path, "%got",
              NULL);
    volume_has(v, "got", want, n);
}

static bool is_on_volume(struct volume *v, const char *path)
{
    return volume_tool(v, "ntfscat", "-f", "@", path, NULL) == 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

static int count(void *userdata, const char *name, const struct win_stat *st, struct err *e)
{
    (void)name, (void)st, (void)e;
    ++*(unsigned *)userdata;
    return 0;
}

static void what_ntfscp_wrote_is_read(void **state)
{
    struct volume *v = *state;
    _cleanup_free_ uint8_t *small = noise(100, 1), *big = noise(700001, 2);
    struct win_volume_facts facts;
    enum win_volume_state clean;
    struct win_stat st;
    struct err e = { 0 };
    struct opened o;
    unsigned n = 0;

    make(v, 8);
    volume_noise(v, "small", 100, 1);
    volume_noise(v, "big", 700001, 2);
    volume_do(v, "ntfscp", "@", "%small", "small.txt", NULL);
    volume_do(v, "ntfscp", "@", "%big", "A long name with \xc3\xa4.bin", NULL);
    open_volume(v, false, &o);
    tree_has(o.t, "small.txt", small, 100); /* inside its record */
    tree_has(o.t, "SMALL.TXT", small, 100);
    tree_has(o.t, "a LONG name with \xc3\x84.BIN", big, 700001);
    assert_int_equal(win_tree_list(o.t, "", count, &n, &e), 0);
    assert_int_equal(n, 2); /* $MFT and the like are not told */
    assert_int_equal(win_tree_stat(o.t, "small.txt", &st, &e), 0);
    assert_int_equal(st.bytes, 100);
    assert_false(st.is_dir || st.encrypted || st.reparse_tag);
    assert_int_equal(win_tree_facts(o.t, &facts, &e), 0);
    assert_string_equal(facts.format, "NTFS 3.1");
    assert_string_equal(facts.label, "Windows");
    assert_int_equal(facts.cluster_bytes, 4096);
    assert_true(facts.free_bytes > MIB(1) && facts.free_bytes < facts.total_bytes);
    assert_int_equal(win_ntfs_state(o.t, &clean, &e), 0);
    assert_int_equal(clean, WIN_VOLUME_CLEAN);
    failed_as(win_tree_stat(o.t, "small.txt/x", &st, &e), &e, ERR_NOT_FOUND, "'small.txt/x'");
    err_clear(&e);
    failed_as(win_tree_write(o.t, "new", "x", 1, &e), &e, ERR_DENIED, "for reading only");
    close_volume(&o);
}

struct run {
    uint64_t bytes, last;
    unsigned n;
};

static int add_run(void *userdata, uint64_t offset, uint64_t bytes)
{
    struct run *r = userdata;

    r->bytes += bytes;
    r->last = offset;
    r->n++;
    return 0;
}

static void content_lies_where_it_is_said(void **state)
{
    struct volume *v = *state;
    _cleanup_free_ uint8_t *big = noise(8192, 2), *image = NULL;
    struct run r = { 0 };
    struct err e = { 0 };
    struct opened o;
    size_t n;

    make(v, 8);
    volume_noise(v, "big", 8192, 2);
    volume_do(v, "ntfscp", "@", "%big", "big", NULL);
    image = volume_bytes(v, &n);
    open_volume(v, false, &o);
    assert_int_equal(win_tree_extents(o.t, "big", add_run, &r, &e), 0);
    assert_int_equal(r.n, 2); /* its record, and one run */
    assert_int_equal(r.bytes, 1024 + 8192);
    assert_memory_equal(image + r.last, big, 8192);
    close_volume(&o);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void files_and_directories_are_made_and_replaced(void **state)
{
    static const size_t sizes[] = { 10, 500, 100000, 4096, 600, 0, 1000000, 7 };
    struct volume *v = *state;
    struct win_stat first, now;
    struct err e = { 0 };
    struct opened o;

    make(v, 8);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) { /* into the record and out of it */
        _cleanup_free_ uint8_t *p = noise(sizes[i], (uint32_t)i);

        open_volume(v, true, &o);
        make_dir(o.t, "Windows/System32/config");
        put(o.t, "windows/SYSTEM32/Config/SAM", p, sizes[i]);
        tree_has(o.t, "Windows/System32/config/SAM", p, sizes[i]);
        assert_int_equal(win_tree_stat(o.t, "Windows/System32/config/SAM", &now, &e), 0);
        if (i == 0)
            first = now;
        assert_int_equal(now.id, first.id);
        close_volume(&o);
        check(v);
        on_volume(v, "Windows/System32/config/SAM", p, sizes[i]);
    }
    open_volume(v, true, &o);
    failed_as(win_tree_write(o.t, "Windows", "x", 1, &e), &e, ERR_INVALID, "is a directory");
    err_clear(&e);
    failed_as(win_tree_write(o.t, "Windows/none/x", "x", 1, &e), &e, ERR_NOT_FOUND, "none");
    err_clear(&e);
    failed_as(win_tree_mkdir(o.t, "Windows/System32/config/SAM", &e), &e, ERR_INVALID,
              "'Windows/System32/config/SAM' is not a directory");
    err_clear(&e);
    failed_as(win_tree_mkdir(o.t, "Windows/System32/config/SAM/x", &e), &e, ERR_INVALID,
              "'Windows/System32/config/SAM' is not a directory");
    close_volume(&o);
}

static void what_is_deleted_leaves_its_room(void **state)
{
    struct volume *v = *state;
    _cleanup_free_ uint8_t *p = noise(50000, 1);
    struct win_volume_facts before, after;
    uint64_t files = 0, bytes = 0;
    struct err e = { 0 };
    char path[64];
    struct opened o;

    make(v, 8);
    open_volume(v, true, &o);
    make_dir(o.t, "kept");
    assert_int_equal(win_tree_facts(o.t, &before, &e), 0);
    for (unsigned i = 0; i < 60; i++) { /* more than one block of an index */
        (void)snprintf(path, sizeof path, "gone/%u", i / 20);
        make_dir(o.t, path);
        (void)snprintf(path, sizeof path, "gone/%u/a file of number %u", i / 20, i);
        put(o.t, path, p, 50000);
    }
    assert_int_equal(win_tree_delete(o.t, "GONE", &files, &bytes, &e), 0);
    assert_int_equal(files, 64);
    assert_int_equal(bytes, 60 * 50000);
    assert_int_equal(win_tree_delete(o.t, "gone", &files, &bytes, &e), 0); /* absent is fine */
    assert_int_equal(files, 64);
    assert_int_equal(win_tree_facts(o.t, &after, &e), 0);
    assert_in_range(after.free_bytes, before.free_bytes - 65536 * 2, before.free_bytes);
    failed_as(win_tree_delete(o.t, "$MFT", NULL, NULL, &e), &e, ERR_INVALID, "belongs to the");
    err_clear(&e);
    failed_as(win_tree_delete(o.t, "", NULL, NULL, &e), &e, ERR_INVALID, "the root");
    close_volume(&o);
    check(v);
    volume_do(v, "ntfsls", "-f", "@", NULL);
    assert_non_null(strstr(v->said, "kept"));
    assert_null(strstr(v->said, "gone"));
}

static void names_are_those_that_windows_has(void **state)
{
    static const char *const good[] = { "a.b.c", "\xf0\x9f\x8c\x8d", "\xe2\x82\xac uro", "[x]",
                                        "CONfig" };
    static const char *const bad[] = { "con",   "a:b",  "x?",   "NUL.txt", "tail.",
                                       "tail ", "a\\b", "\x01", "\"" };
    struct volume *v = *state;
    struct err e = { 0 };
    char name[300];
    struct opened o;

    make(v, 8);
    open_volume(v, true, &o);
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        put(o.t, good[i], good[i], strlen(good[i]));
        tree_has(o.t, good[i], good[i], strlen(good[i]));
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        err_clear(&e);
        failed_as(win_tree_write(o.t, bad[i], "x", 1, &e), &e, ERR_INVALID, "no file name");
    }
    memset(name, 'n', sizeof name);
    name[255] = '\0';
    put(o.t, name, "x", 1);
    name[255] = 'n', name[256] = '\0';
    err_clear(&e);
    failed_as(win_tree_write(o.t, name, "x", 1, &e), &e, ERR_INVALID, "no file name");
    err_clear(&e);
    failed_as(win_tree_write(o.t, "\xff", "x", 1, &e), &e, ERR_INVALID, "not UTF-8");
    err_clear(&e);
    failed_as(win_tree_write(o.t, "a/../b", "x", 1, &e), &e, ERR_INVALID, "names nothing");
    close_volume(&o);
    check(v);
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        on_volume(v, good[i], good[i], strlen(good[i]));
    name[255] = '\0';
    assert_true(is_on_volume(v, name));
}

static void a_full_volume_is_told(void **state)
{
    struct volume *v = *state;
    _cleanup_free_ uint8_t *big = noise(MIB(9), 1);
    struct err e = { 0 };
    struct opened o;

    make(v, 8);
    open_volume(v, true, &o);
    put(o.t, "before", "content", 7);
    failed_as(win_tree_write(o.t, "big", big, MIB(9), &e), &e, ERR_LIMIT, "'big'");
    assert_int_equal(e.no, ENOSPC);
    tree_has(o.t, "before", "content", 7);
    close_volume(&o);
}

/* ---- hostile --------------------------------------------------------------------------------- */

struct image {
    uint8_t *p;
    size_t n;
    struct win_disk *disk;
    struct win_tree *t;
};

static void load(struct volume *v, struct image *m)
{
    make(v, 8);
    volume_noise(v, "big", 40000, 2);
    volume_do(v, "ntfscp", "@", "%big", "victim", NULL);
    *m = (struct image){ 0 };
    m->p = volume_bytes(v, &m->n);
}

static void drop(struct image *m)
{
    win_tree_free(m->t);
    win_disk_free(m->disk);
    free(m->p);
}

static int reopen(struct image *m, bool writable, struct err *e)
{
    win_tree_free(m->t);
    win_disk_free(m->disk);
    m->t = NULL;
    m->disk = NULL;
    err_clear(e);
    if (win_disk_over(m->p, m->n, &m->disk, e) < 0)
        return -1;
    return win_ntfs_open(m->disk, writable, &m->t, e);
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
    drop(&m);
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
    drop(&m);
}

/* So many files, each with a descriptor of its own: the indexes of $Secure get blocks. */
static void make_descriptors(struct volume *v, unsigned n)
{
    uint8_t sd[52] = { 1, 0, 0, 0x80, 20, 0, 0, 0, 36, 0, 0,  0, 0,  0, 0,  0, 0, 0,
                       0, 0, 1, 2,    0,  0, 0, 0, 0,  5, 32, 0, 0,  0, 32, 2, 0, 0,
                       1, 2, 0, 0,    0,  0, 0, 5, 32, 0, 0,  0, 32, 2, 0,  0 };
    struct opened o;
    char name[16];

    open_volume(v, true, &o);
    for (unsigned i = 0; i < n; i++) {
        ntfs_inode *ni;

        (void)snprintf(name, sizeof name, "file%u", i);
        put(o.t, name, "x", 1);
        ni = ntfs_pathname_to_inode(ntfs_of(o.t)->vol, NULL, name);
        assert_non_null(ni);
        wr32(sd + 48, 1000 + i);
        assert_int_equal(ntfs_set_ntfs_acl(&ntfs_of(o.t)->scx, ni, (char *)sd, sizeof sd, 0), 0);
        assert_int_equal(ntfs_inode_close(ni), 0);
    }
    close_volume(&o);
    check(v);
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
    struct image m = { 0 };
    uint8_t *entry, *header, was;

    make(*state, 8);
    make_descriptors(*state, 150);
    m.p = volume_bytes(*state, &m.n);
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
    drop(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        volume_test(what_ntfscp_wrote_is_read),
        volume_test(content_lies_where_it_is_said),
        volume_test(files_and_directories_are_made_and_replaced),
        volume_test(what_is_deleted_leaves_its_room),
        volume_test(names_are_those_that_windows_has),
        volume_test(a_full_volume_is_told),
        volume_test(a_boot_sector_without_sense_is_refused),
        volume_test(records_that_lie_are_told),
        volume_test(an_index_of_descriptors_in_a_circle_is_not_changed),
    };

    volume_needs(needs);
    return test_run(tests);
}
