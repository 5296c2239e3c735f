/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One flipped bit anywhere: an error that names what is damaged, never wrong data (invariant 3). */
#include "test-help.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "test-disk.h"
#include "writer-priv.h"

#define STORE "/s"

static const struct model a = { .volume_bytes = MIB(513), .block = { 1, 2, 0, 1, [1025] = 4 } };
static const struct model b = { .volume_bytes = MIB(513), .block = { 1, 5, 0, 6, [1025] = 4 } };

static struct store_key *key; /* NULL: not encrypted */

static struct store *open_store(struct disk *d)
{
    struct store *s = NULL;
    struct err e = { 0 };

    assert_ok(store_open(STORE, disk_io(d), &s, &e), &e);
    if (key)
        assert_ok(store_add_key(s, key, &e), &e);
    return s;
}

static uint32_t domain(void)
{
    return key ? key->domain : 0;
}

static struct disk *two_snapshots(void)
{
    struct disk *d = disk_new();
    struct store *s;
    struct err e = { 0 };

    assert_ok(store_create_io(STORE, disk_io(d), &e), &e);
    s = open_store(d);
    /* one thread: the order of the records is known */
    assert_ok(model_try_snapshot(s, "a", NULL, &a, NULL, 1, NULL, &e), &e);
    assert_ok(model_try_snapshot(s, "b", "a", &b, &a, 1, NULL, &e), &e);
    store_close(s);
    return d;
}

/* Only a few blocks are read: the others are holes, and there are many flips. */
static int read_some(struct store *s, const char *id, const struct model *m, struct err *e)
{
    static const uint64_t blocks[] = { 0, 1, 2, 3, 1025 };
    static uint8_t want[STORE_BLOCK_BYTES], got[STORE_BLOCK_BYTES];
    struct store_snap *sn = NULL;
    int r = store_snap_open(s, id, &sn, e);

    for (size_t i = 0; r >= 0 && i < ARRAY_LEN(blocks); i++) {
        model_block(m->block[blocks[i]], want);
        r = store_snap_read(sn, blocks[i] * STORE_BLOCK_BYTES, got, sizeof got, NULL, e);
        if (r >= 0) {
            assert_memory_equal(got, want, sizeof got);
            r = store_snap_read_block(sn, blocks[i], got, NULL, e);
        }
        if (r >= 0)
            assert_memory_equal(got, want, sizeof got);
    }
    store_snap_close(sn);
    return r;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), k = strlen(end);

    return n >= k && strcmp(text + n - k, end) == 0;
}

/* Returns whether the damage was noticed by a reader or by the check. */
static bool noticed(struct disk *d, const char *path)
{
    struct store_check_report report = { 0 };
    struct store *s = NULL;
    struct err e = { 0 };
    bool seen = false;
    int r = store_open(STORE, disk_io(d), &s, &e);

    if (r < 0) {
        assert_true(ends_with(path, "/format"));
        return true;
    }
    if (key)
        assert_ok(store_add_key(s, key, &e), &e);
    r = read_some(s, "a", &a, &e);
    if (r < 0) {
        assert_true(e.kind == ERR_CORRUPT || e.kind == ERR_INVALID);
        assert_true(strstr(e.msg, "snapshot 'a'") || strstr(e.msg, "record 'a'"));
        if (strstr(path, "/packs/"))
            assert_non_null(strstr(e.msg, "pack '"));
        seen = true;
        err_clear(&e);
    }
    r = read_some(s, "b", &b, &e);
    seen = seen || r < 0;
    err_clear(&e);
    assert_ok(store_check(s, true, NULL, NULL, &report, &e), &e);
    assert_true(!seen || report.problems > 0); /* the oracle sees what a reader sees */
    store_close(s);
    return report.problems > 0;
}

static void flip_file(struct disk *d, size_t i, unsigned *unseen, unsigned *flips)
{
    size_t size = disk_file_size(d, i), step = size > 2000 ? size / 80 : 11;

    for (size_t byte = 0; byte < size; byte += step, ++*flips) {
        unsigned bit = (unsigned)(byte / step % 8);

        disk_file_flip(d, i, byte, bit);
        *unseen += !noticed(d, disk_file_path(d, i));
        disk_file_flip(d, i, byte, bit);
    }
}

static void a_flipped_bit_is_an_error_and_never_wrong_data(void **unused) /* 3 */
{
    struct disk *d = two_snapshots();
    unsigned unseen = 0, flips = 0;

    (void)unused;
    for (size_t i = 0; i < disk_files(d); i++)
        if (disk_file_size(d, i) > 0)
            flip_file(d, i, &unseen, &flips);
    print_message("# %u bits flipped, %u of them in bytes that mean nothing\n", flips, unseen);
    assert_true(flips > 150);
    assert_true(unseen <= 2); /* at most: zeros between records */
    disk_free(d);
}

struct sentences {
    char text[4096];
};

static void gather(bool is_problem, const char *sentence, void *u)
{
    struct sentences *x = u;
    size_t n = strlen(x->text);

    (void)snprintf(x->text + n, sizeof x->text - n, "%d %s\n", is_problem, sentence);
}

/* The first pack's first record is block 0 of a: noise in frame 0, behind two headers. */
static void damage_is_told_with_snapshot_block_and_pack(void **unused)
{
    struct disk *d = two_snapshots();
    struct store_check_report report;
    struct sentences x = { "" };
    _cleanup_free_ uint8_t *buf = malloc(STORE_BLOCK_BYTES);
    struct store_snap *sn;
    struct store *s;
    struct err e = { 0 };
    size_t i = 0;

    (void)unused;
    while (!ends_with(disk_file_path(d, i), ".pack"))
        i++;
    disk_file_flip(d, i, 64 + 96 + 1000, 3);
    s = open_store(d);
    assert_ok(store_check(s, true, gather, &x, &report, &e), &e);
    assert_true(report.problems > 0);
    assert_non_null(strstr(x.text, "1 record 0 of pack '"));
    assert_non_null(strstr(x.text, "': checksum of frame 0 does not match\n"));
    assert_non_null(strstr(x.text, "1 block 0 of snapshot 'a' is damaged: record 0 of pack '"));
    assert_non_null(strstr(x.text, "1 block 3 of snapshot 'a' is damaged: record 0 of pack '"));
    assert_non_null(strstr(x.text, "1 block 0 of snapshot 'b' is damaged: record 0 of pack '"));
    assert_ok(store_snap_open(s, "b", &sn, &e), &e);
    assert_int_equal(store_snap_read(sn, 0, buf, 512, NULL, &e), -EBADMSG);
    assert_int_equal(e.kind, ERR_CORRUPT);
    assert_true(strncmp(e.msg, "read block 0 of snapshot 'b': record 0 of pack '", 46) == 0);
    err_clear(&e);
    /* frame 2 of the same block is whole */
    assert_ok(store_snap_read(sn, 2 * STORE_FRAME_BYTES, buf, 512, NULL, &e), &e);
    store_snap_close(sn);
    store_close(s);
    disk_free(d);
}

/* A block swapped for another intact one: every sum is right, the chain of hashes is not. */
static void a_leaf_that_names_another_block_is_noticed(void **unused) /* 3 */
{
    struct disk *d = two_snapshots();
    uint64_t loc[LEAF_ENTRIES];
    struct store_snap *sn;
    struct ref_disk ref;
    struct store *s;
    struct err e = { 0 };

    (void)unused;
    s = open_store(d);
    assert_ok(store_snap_open(s, "a", &sn, &e), &e);
    ref = snap_root(sn)->ref[0];
    assert_ok(leaf_load(s, domain(), &ref, true, loc, &e), &e);
    ref.sha[0] ^= 1;
    assert_int_equal(leaf_load(s, domain(), &ref, false, loc, &e), -EBADMSG);
    err_clear(&e);
    ref = snap_root(sn)->ref[0];
    ref.data_blocks = put_le32(1);
    assert_int_equal(leaf_load(s, domain(), &ref, true, loc, &e), -EBADMSG);
    store_snap_close(sn);
    store_close(s);
    disk_free(d);
}

/* A record whose sums are right but whose content is not what its name says: a faulty processor or
 * memory on the day of writing. Only the SHA-256 knows. */
static void content_that_is_not_its_name_is_noticed(void **unused) /* 3 */
{
    struct disk *d = two_snapshots();
    _cleanup_free_ uint8_t *buf = malloc(STORE_BLOCK_BYTES);
    struct store_writer_spec spec = { .id = "c", .volume_bytes = MIB(1), .threads = 1 };
    static const uint8_t sha[SHA_BYTES] = { 0xab };
    struct store_check_report report;
    struct store_writer *w;
    struct store_snap *sn;
    struct store *s;
    struct err e = { 0 };
    bool deduped;
    uint64_t loc;

    (void)unused;
    s = open_store(d);
    spec.domain = domain();
    assert_ok(store_writer_open(s, &spec, &w, &e), &e);
    model_block(77, buf);
    assert_ok(packed_make(&w->packed, REC_BLOCK, buf, STORE_BLOCK_BYTES, sha, &e), &e);
    assert_ok(wpacks_append(w, REC_BLOCK, &w->packed, sha, &loc, &deduped, &e), &e);
    lock_take(&w->lock);
    assert_ok(wmap_touch_locked(w, 0, &e), &e);
    wmap_set_locked(w, 1, 1, loc);
    lock_drop(&w->lock);
    assert_ok(store_writer_commit(w, NULL, &e), &e);
    store_writer_free(w);

    assert_ok(store_snap_open(s, "c", &sn, &e), &e);
    assert_int_equal(store_snap_read_block(sn, 1, buf, NULL, &e), -EBADMSG);
    assert_int_equal(e.kind, ERR_CORRUPT);
    assert_non_null(strstr(e.msg, "read block 1 of snapshot 'c': record 0 of pack '"));
    assert_non_null(strstr(e.msg, "': SHA-256 does not match"));
    err_clear(&e);
    assert_ok(store_check(s, false, NULL, NULL, &report, &e), &e);
    assert_int_equal(report.problems, 0); /* only the deep one unpacks blocks */
    assert_ok(store_check(s, true, NULL, NULL, &report, &e), &e);
    assert_int_equal(report.problems, 2); /* the record, and the block that is it */
    store_snap_close(sn);
    store_close(s);
    disk_free(d);
}

static int encrypted(void **unused)
{
    (void)unused;
    key = test_key(7);
    return 0;
}

static int plain(void **unused)
{
    (void)unused;
    store_key_free(TAKE_PTR(key));
    return 0;
}

int main(void)
{
#define ENCRYPTED(name)                                                                            \
    {                                                                                              \
#name " (encrypted)", name, encrypted, plain, NULL                                         \
    }
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flipped_bit_is_an_error_and_never_wrong_data),
        cmocka_unit_test(damage_is_told_with_snapshot_block_and_pack),
        cmocka_unit_test(content_that_is_not_its_name_is_noticed),
        cmocka_unit_test(a_leaf_that_names_another_block_is_noticed),
        ENCRYPTED(a_flipped_bit_is_an_error_and_never_wrong_data),
        ENCRYPTED(damage_is_told_with_snapshot_block_and_pack),
        ENCRYPTED(content_that_is_not_its_name_is_noticed),
        ENCRYPTED(a_leaf_that_names_another_block_is_noticed),
    };

    return test_run(tests);
}
