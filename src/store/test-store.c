/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Snapshots on the real disk, through the store's door. Numbers: the invariants in store.c. Pins,
 * copies, what is left over, whose files are whose: test-upkeep.c. */
#include "test-help.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "file.h"

static void a_full_snapshot_reads_back(void **state)
{
    struct store_fix *f = *state;
    struct model m = model_small();
    struct store_snap_info info;
    struct err e = { 0 };

    model_snapshot(f->s, "snap-1", NULL, &m, NULL, &info);
    assert_int_equal(model_compare(f->s, "snap-1", &m, &e), 0);
    assert_string_equal(info.id, "snap-1");
    assert_string_equal(info.parent, "");
    assert_int_equal(info.data_blocks, 6);
    assert_int_equal(info.volume_bytes, m.volume_bytes);
    assert_true(info.stored_bytes > 0 && info.stored_bytes < 200000);
    assert_int_equal(check_problems(f->s, NULL), 0);
}

static void an_increment_writes_only_what_changed(void **state)
{
    struct store_fix *f = *state;
    struct model a = model_small(), b = a;
    struct store_snap_info ia, ib;
    struct err e = { 0 };

    model_snapshot(f->s, "a", NULL, &a, NULL, &ia);
    b.block[1] = 20;
    b.block[3] = 0;
    model_snapshot(f->s, "b", "a", &b, &a, &ib);
    assert_string_equal(ib.parent, "a");
    assert_int_equal(ib.data_blocks, 5);
    assert_true(ib.stored_bytes < 20000);
    assert_int_equal(model_compare(f->s, "a", &a, &e), 0);
    assert_int_equal(model_compare(f->s, "b", &b, &e), 0);
    assert_int_equal(check_problems(f->s, NULL), 0);
}

static void equal_content_is_stored_once_and_has_one_hash(void **state) /* 7 */
{
    struct store_fix *f = *state;
    struct model a = model_small(), b = a;
    struct store_snap_info ia, ib, ic;

    model_snapshot(f->s, "a", NULL, &a, NULL, &ia);
    b.block[0] = 9;
    model_snapshot(f->s, "b", "a", &b, &a, &ib);
    assert_memory_not_equal(ia.root_sha256, ib.root_sha256, SHA_BYTES);
    model_snapshot(f->s, "c", "b", &a, &b, &ic); /* back again */
    assert_memory_equal(ia.root_sha256, ic.root_sha256, SHA_BYTES);
    assert_int_equal(ic.stored_bytes, 0);
}

static void stats_tell_what_was_done(void **state)
{
    struct store_fix *f = *state;
    struct store_writer_spec spec = { .id = "a", .volume_bytes = MIB(4), .threads = 1 };
    _cleanup_free_ uint8_t *buf = malloc(STORE_BLOCK_BYTES);
    struct store_write_stats st;
    struct store_writer *w;
    struct err e = { 0 };

    assert_ok(store_writer_open(f->s, &spec, &w, &e), &e);
    model_block(1, buf);
    assert_ok(store_writer_block(w, 0, buf, &e), &e);
    assert_ok(store_writer_block(w, 1, buf, &e), &e);
    model_block(0, buf);
    assert_ok(store_writer_block(w, 2, buf, &e), &e);
    assert_ok(store_writer_zero(w, 3, 2, false, &e), &e);
    assert_ok(store_writer_zero(w, 5, 1, true, &e), &e);
    assert_ok(store_writer_commit(w, NULL, &e), &e);
    store_writer_stats(w, &st);
    assert_int_equal(st.blocks_written, 1);
    assert_int_equal(st.blocks_deduped, 1);
    assert_int_equal(st.blocks_zero, 3);
    assert_int_equal(st.bytes_in, 3 * STORE_BLOCK_BYTES);
    store_writer_free(w);
}

static void holes_zeros_and_data_are_told_apart(void **state)
{
    struct store_fix *f = *state;
    struct store_writer_spec spec = { .id = "a", .volume_bytes = GIB(2), .threads = 2 };
    _cleanup_free_ uint8_t *buf = malloc(STORE_BLOCK_BYTES);
    struct store_writer *w;
    struct store_snap *sn;
    struct err e = { 0 };

    assert_ok(store_writer_open(f->s, &spec, &w, &e), &e);
    model_block(1, buf);
    assert_ok(store_writer_block(w, 5, buf, &e), &e);
    assert_ok(store_writer_block(w, 1030, buf, &e), &e);
    assert_ok(store_writer_zero(w, 1000, 2000, false, &e), &e); /* a whole leaf and two parts */
    assert_ok(store_writer_zero(w, 2999, 1, true, &e), &e);
    assert_ok(store_writer_block(w, 1500, buf, &e), &e);
    assert_ok(store_writer_commit(w, NULL, &e), &e);
    store_writer_free(w);
    assert_ok(store_snap_open(f->s, "a", &sn, &e), &e);
    assert_int_equal(store_snap_kind(sn, 0), STORE_HOLE);
    assert_int_equal(store_snap_kind(sn, 5), STORE_DATA);
    assert_int_equal(store_snap_kind(sn, 1000), STORE_ZERO);
    assert_int_equal(store_snap_kind(sn, 1030), STORE_ZERO);
    assert_int_equal(store_snap_kind(sn, 1500), STORE_DATA);
    assert_int_equal(store_snap_kind(sn, 2998), STORE_ZERO);
    assert_int_equal(store_snap_kind(sn, 2999), STORE_HOLE);
    assert_int_equal(store_snap_kind(sn, 1ULL << 40), STORE_HOLE);
    assert_int_equal(store_snap_read_block(sn, 1000, buf, NULL, &e), 0);
    assert_true(is_zero(buf, STORE_BLOCK_BYTES));
    assert_int_equal(store_snap_read_block(sn, 1500, buf, NULL, &e), 1);
    store_snap_close(sn);
    assert_int_equal(check_problems(f->s, NULL), 0);
}

static void the_last_of_many_writes_to_a_block_wins(void **state)
{
    struct store_fix *f = *state;
    struct store_writer_spec spec = { .id = "a", .volume_bytes = MIB(4), .threads = 4 };
    _cleanup_free_ uint8_t *buf = malloc(STORE_BLOCK_BYTES);
    struct model m = { .volume_bytes = MIB(4) };
    struct store_writer *w;
    struct err e = { 0 };

    assert_ok(store_writer_open(f->s, &spec, &w, &e), &e);
    for (uint32_t i = 1; i <= 40; i++) {
        model_block(i, buf);
        assert_ok(store_writer_block(w, i % 4, buf, &e), &e);
        m.block[i % 4] = i;
    }
    assert_ok(store_writer_zero(w, 0, 1, false, &e), &e);
    m.block[0] = 0;
    assert_ok(store_writer_commit(w, NULL, &e), &e);
    store_writer_free(w);
    assert_int_equal(model_compare(f->s, "a", &m, &e), 0);
}

static void a_child_may_be_larger_than_its_parent(void **state)
{
    struct store_fix *f = *state;
    struct model a = model_small(), b = a;
    struct store_snap_info info;
    struct err e = { 0 };

    model_snapshot(f->s, "a", NULL, &a, NULL, NULL);
    b.volume_bytes = GIB(2);
    b.block[1199] = 7; /* the parent's cut block, now whole */
    b.block[4000] = 8;
    model_snapshot(f->s, "b", "a", &b, &a, &info);
    assert_int_equal(model_compare(f->s, "b", &b, &e), 0);
    assert_int_equal(model_try_snapshot(f->s, "c", "b", &a, &b, 1, NULL, &e), -EINVAL);
    assert_int_equal(e.kind, ERR_INVALID);
}

static void many_small_packs_are_one_snapshot(void **state)
{
    struct store_fix *f = *state;
    struct model m = { .volume_bytes = MIB(50) };
    struct store_check_report report;
    struct err e = { 0 };

    f->s->pack_target = 20000; /* two blocks */
    for (uint32_t i = 0; i < 100; i++)
        m.block[i] = i + 1;
    model_snapshot(f->s, "a", NULL, &m, NULL, NULL);
    assert_int_equal(model_compare(f->s, "a", &m, &e), 0);
    assert_int_equal(check_problems(f->s, &report), 0);
    assert_true(report.packs > 30);
    assert_int_equal(report.leftovers, 0);
}

static void names_and_ids_are_refused_with_a_reason(void **state)
{
    char too_long[STORE_ID_MAX + 1] = { 0 };
    const char *const bad[] = { "", ".", "..", ".x", "a/b", "a b", "\xff", too_long };
    struct store_fix *f = *state;
    struct model m = model_small();
    struct store_snap *sn;
    struct err e = { 0 };

    memset(too_long, 'x', STORE_ID_MAX);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        err_clear(&e);
        assert_int_equal(model_try_snapshot(f->s, bad[i], NULL, &m, NULL, 1, NULL, &e), -EINVAL);
        err_clear(&e);
        assert_int_equal(store_snap_delete(f->s, bad[i], &e), -EINVAL);
        err_clear(&e);
        assert_int_equal(store_snap_open(f->s, bad[i], &sn, &e), -ENOENT);
        assert_int_equal(e.kind, ERR_NOT_FOUND);
    }
    err_clear(&e);
    model_snapshot(f->s, "a", NULL, &m, NULL, NULL);
    assert_int_equal(model_try_snapshot(f->s, "a", NULL, &m, NULL, 1, NULL, &e), -EEXIST);
    assert_int_equal(e.kind, ERR_EXISTS);
    assert_string_equal(e.msg, "snapshot 'a' exists");
    err_clear(&e);
    assert_int_equal(model_try_snapshot(f->s, "b", "nobody", &m, NULL, 1, NULL, &e), -ENOENT);
    assert_string_equal(e.msg, "parent of snapshot 'b': there is no snapshot 'nobody'");
}

static void two_writers_of_one_id_cannot_both_win(void **state) /* 2 */
{
    struct store_fix *f = *state;
    struct store_writer_spec spec = { .id = "a", .volume_bytes = MIB(4), .threads = 1 };
    struct store_writer *v, *w;
    struct err e = { 0 };

    assert_ok(store_writer_open(f->s, &spec, &v, &e), &e);
    assert_ok(store_writer_open(f->s, &spec, &w, &e), &e);
    assert_ok(store_writer_commit(v, NULL, &e), &e);
    assert_int_equal(store_writer_commit(w, NULL, &e), -EEXIST);
    assert_int_equal(e.kind, ERR_EXISTS);
    store_writer_free(v);
    store_writer_free(w);
}

static void a_second_store_in_one_place_is_refused(void **state)
{
    struct store_fix *f = *state;
    struct store *s = NULL;
    struct err e = { 0 };

    assert_int_equal(store_create(f->path, &e), -EEXIST);
    assert_int_equal(e.kind, ERR_EXISTS);
    err_clear(&e);
    assert_int_equal(store_create(f->dir, &e), -ENOTEMPTY);
    err_clear(&e);
    assert_int_equal(store_open(f->dir, NULL, &s, &e), -ENOENT);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_null(s);
}

static void an_unknown_version_is_refused_by_number(void **state)
{
    struct store_fix *f = *state;
    _cleanup_free_ char *path = xasprintf("%s/format", f->path);
    struct format_disk d;
    struct store *s;
    struct err e = { 0 };
    int fd = open(path, O_RDWR | O_CLOEXEC);

    assert_int_equal(pread_full(fd, &d, sizeof d, 0), 0);
    d.version = put_le32(7);
    d.crc = put_le32(crc32c(&d, offsetof(struct format_disk, crc)));
    assert_int_equal(pwrite_full(fd, &d, sizeof d, 0), 0);
    (void)close(fd);
    assert_int_equal(store_open(f->path, NULL, &s, &e), -EPROTONOSUPPORT);
    assert_non_null(strstr(e.msg, "format version 7 is not known"));
}

static int count(const struct store_snap_info *info, void *u)
{
    char *text = u;

    memcpy(text + strlen(text), info->id, strlen(info->id) + 1); /* short ids */
    return strcmp(info->id, "c") == 0 ? 42 : 0;
}

static void snapshots_are_listed_in_order(void **state)
{
    struct store_fix *f = *state;
    struct model m = { .volume_bytes = MIB(1) };
    char text[64] = "";
    struct err e = { 0 };

    model_snapshot(f->s, "b", NULL, &m, NULL, NULL);
    model_snapshot(f->s, "a", NULL, &m, NULL, NULL);
    assert_ok(store_snap_each(f->s, count, text, &e), &e);
    assert_string_equal(text, "ab");
    model_snapshot(f->s, "c", NULL, &m, NULL, NULL);
    model_snapshot(f->s, "d", NULL, &m, NULL, NULL);
    text[0] = '\0';
    assert_int_equal(store_snap_each(f->s, count, text, &e), 42);
    assert_string_equal(text, "abc");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, store_fix_set_up, store_fix_tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_full_snapshot_reads_back),
        TEST(an_increment_writes_only_what_changed),
        TEST(equal_content_is_stored_once_and_has_one_hash),
        TEST(stats_tell_what_was_done),
        TEST(holes_zeros_and_data_are_told_apart),
        TEST(the_last_of_many_writes_to_a_block_wins),
        TEST(a_child_may_be_larger_than_its_parent),
        TEST(many_small_packs_are_one_snapshot),
        TEST(names_and_ids_are_refused_with_a_reason),
        TEST(two_writers_of_one_id_cannot_both_win),
        TEST(a_second_store_in_one_place_is_refused),
        TEST(an_unknown_version_is_refused_by_number),
        TEST(snapshots_are_listed_in_order),
    };

    return test_run(tests);
}
