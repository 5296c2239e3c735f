/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The store on the real disk, through its door. Numbers: the invariants in store.c. */
#include "test-help.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "file.h"

struct fix {
    char *dir, *path;
    struct store *s;
};

static int set_up(void **state)
{
    struct fix *f = xcalloc(1, sizeof *f);
    struct err e = { 0 };

    f->dir = temp_new();
    f->path = xasprintf("%s/store", f->dir);
    assert_ok(store_create(f->path, &e), &e);
    assert_ok(store_open(f->path, NULL, &f->s, &e), &e);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fix *f = *state;

    store_close(f->s);
    temp_done(f->dir);
    free(f->path);
    free(f);
    return 0;
}

/* 600 MiB: two leaves; the last block is not whole. */
static struct model small(void)
{
    struct model m = { .volume_bytes = MIB(600) - 4096 };

    m.block[0] = 1;
    m.block[1] = 2;
    m.block[3] = 1; /* again */
    m.block[1023] = 3;
    m.block[1024] = 4;
    m.block[1199] = 5;
    return m;
}

static void a_full_snapshot_reads_back(void **state)
{
    struct fix *f = *state;
    struct model m = small();
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
    struct fix *f = *state;
    struct model a = small(), b = a;
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
    struct fix *f = *state;
    struct model a = small(), b = a;
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
    struct fix *f = *state;
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
    struct fix *f = *state;
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
    struct fix *f = *state;
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
    struct fix *f = *state;
    struct model a = small(), b = a;
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
    struct fix *f = *state;
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
    struct fix *f = *state;
    struct model m = small();
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
    struct fix *f = *state;
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
    struct fix *f = *state;
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
    struct fix *f = *state;
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
    struct fix *f = *state;
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

static void a_pin_outlives_its_snapshot_and_the_collection(void **state) /* 4 */
{
    struct fix *f = *state;
    struct model a = small(), b = { .volume_bytes = MIB(8), .block = { 11, 12 } };
    struct store_gc_stats gc;
    struct err e = { 0 };

    model_snapshot(f->s, "a", NULL, &a, NULL, NULL);
    model_snapshot(f->s, "b", NULL, &b, NULL, NULL);
    assert_ok(store_pin(f->s, "a", "vol-1", &e), &e);
    assert_ok(store_snap_delete(f->s, "a", &e), &e);
    assert_ok(store_snap_delete(f->s, "a", &e), &e); /* twice is fine */
    assert_ok(store_pin(f->s, "vol-1", "vol-2", &e), &e);
    assert_ok(store_pin(f->s, "b", "vol-1", &e), &e); /* replaces */
    assert_ok(store_snap_delete(f->s, "b", &e), &e);
    assert_ok(store_gc(f->s, &gc, &e), &e);
    assert_int_equal(gc.packs_seen, 2);
    assert_int_equal(gc.packs_removed, 0);
    assert_int_equal(model_compare(f->s, "vol-2", &a, &e), 0);
    assert_int_equal(model_compare(f->s, "vol-1", &b, &e), 0);
    assert_ok(store_unpin(f->s, "vol-1", &e), &e);
    assert_ok(store_unpin(f->s, "vol-1", &e), &e);
    assert_ok(store_gc(f->s, &gc, &e), &e);
    assert_int_equal(gc.packs_removed, 1);
    assert_true(gc.bytes_freed > 0);
    assert_int_equal(model_compare(f->s, "vol-2", &a, &e), 0);
    assert_int_equal(check_problems(f->s, NULL), 0);
    assert_int_equal(store_pin(f->s, "vol-1", "x", &e), -ENOENT);
    assert_string_equal(e.msg, "pin snapshot 'vol-1' as 'x': there is no snapshot 'vol-1'");
}

/* Deleting the source, or the copy, leaves the other one whole. */
static void a_copy_shares_every_block_and_stands_alone(void **state) /* 1, 4 */
{
    struct fix *f = *state;
    struct model a = small();
    struct store_snap_info from, to;
    struct store_check_report before, after;
    struct store_gc_stats gc;
    struct err e = { 0 };

    model_snapshot(f->s, "a", NULL, &a, NULL, &from);
    assert_int_equal(check_problems(f->s, &before), 0);
    assert_ok(store_snap_copy(f->s, "a", "copy", &to, &e), &e);
    assert_int_equal(check_problems(f->s, &after), 0);
    assert_int_equal(after.packs, before.packs);
    assert_int_equal(to.stored_bytes, 0);
    assert_int_equal(to.data_blocks, from.data_blocks);
    assert_string_equal(to.parent, "a");
    assert_memory_equal(to.root_sha256, from.root_sha256, sizeof to.root_sha256);
    assert_int_equal(store_snap_copy(f->s, "a", "copy", NULL, &e), -EEXIST);
    assert_int_equal(e.kind, ERR_EXISTS);
    err_clear(&e);
    assert_ok(store_pin(f->s, "a", "pin", &e), &e);
    assert_ok(store_snap_delete(f->s, "a", &e), &e);
    assert_ok(store_snap_copy(f->s, "pin", "of-a-pin", NULL, &e), &e);
    assert_ok(store_unpin(f->s, "pin", &e), &e);
    assert_ok(store_gc(f->s, &gc, &e), &e);
    assert_int_equal(gc.packs_removed, 0);
    assert_int_equal(model_compare(f->s, "copy", &a, &e), 0);
    assert_ok(store_snap_delete(f->s, "copy", &e), &e);
    assert_int_equal(model_compare(f->s, "of-a-pin", &a, &e), 0);
    assert_ok(store_snap_delete(f->s, "of-a-pin", &e), &e);
    assert_ok(store_gc(f->s, &gc, &e), &e);
    assert_int_equal(gc.packs_removed, gc.packs_seen);
    assert_int_equal(store_snap_copy(f->s, "a", "b", NULL, &e), -ENOENT);
    assert_string_equal(e.msg, "copy snapshot 'a' to 'b': there is no snapshot 'a'");
    err_clear(&e);
    assert_int_equal(store_snap_copy(f->s, "a", "../b", NULL, &e), -EINVAL);
}

static void a_collection_waits_for_no_writer(void **state) /* 4 */
{
    struct fix *f = *state;
    struct store_writer_spec spec = { .id = "a", .volume_bytes = MIB(4), .threads = 1 };
    struct store_writer *w;
    struct store_gc_stats gc;
    struct err e = { 0 };

    assert_ok(store_writer_open(f->s, &spec, &w, &e), &e);
    assert_ok(store_gc(f->s, &gc, &e), &e);
    assert_true(gc.busy);
    store_writer_free(w);
    assert_ok(store_gc(f->s, &gc, &e), &e);
    assert_false(gc.busy);
}

static void a_writer_that_gives_up_leaves_nothing(void **state) /* 5 */
{
    struct fix *f = *state;
    struct store_writer_spec spec = { .id = "a", .volume_bytes = MIB(4), .threads = 2 };
    _cleanup_free_ uint8_t *buf = malloc(STORE_BLOCK_BYTES);
    _cleanup_(names_done) struct names l = { 0 };
    struct store_writer *w;
    struct err e = { 0 };

    assert_ok(store_writer_open(f->s, &spec, &w, &e), &e);
    for (uint32_t i = 0; i < 8; i++) {
        model_block(i + 1, buf);
        assert_ok(store_writer_block(w, i, buf, &e), &e);
    }
    store_writer_free(w);
    assert_false(store_snap_exists(f->s, "a"));
    assert_ok(names_list(f->s, "packs", &l, &e), &e);
    assert_int_equal(l.n, 0);
}

static void a_dead_writers_pack_is_swept_by_the_next(void **state) /* 5 */
{
    struct fix *f = *state;
    _cleanup_free_ char *path = xasprintf("%s/packs/00000000000000ff.open", f->path);
    struct model m = { .volume_bytes = MIB(1) };
    struct store_check_report report;
    struct err e = { 0 };

    assert_ok(file_replace(path, "half", 4, 0640, &e), &e);
    assert_int_equal(check_problems(f->s, &report), 0);
    assert_int_equal(report.leftovers, 1);
    assert_true(path_exists(path));
    model_snapshot(f->s, "a", NULL, &m, NULL, NULL);
    assert_false(path_exists(path));
}

static void a_deleted_snapshots_pack_that_a_reader_has_open_stays_readable(void **state)
{
    struct fix *f = *state;
    _cleanup_free_ uint8_t *buf = malloc(STORE_BLOCK_BYTES);
    struct model m = small();
    struct store_gc_stats gc;
    struct store_snap *sn;
    struct store *other;
    struct err e = { 0 };

    model_snapshot(f->s, "a", NULL, &m, NULL, NULL);
    assert_ok(store_open(f->path, NULL, &other, &e), &e);
    assert_ok(store_snap_open(other, "a", &sn, &e), &e);
    assert_int_equal(store_snap_read_block(sn, 0, buf, NULL, &e), 1);
    assert_ok(store_snap_delete(f->s, "a", &e), &e);
    assert_ok(store_gc(f->s, &gc, &e), &e);
    assert_int_equal(gc.packs_removed, 1);
    assert_int_equal(store_snap_read_block(sn, 1, buf, NULL, &e), 1);
    store_snap_close(sn);
    store_close(other);
}

static void files_keep_their_modes_under_any_umask(void **state)
{
    struct fix *f = *state;
    struct model m = small();
    _cleanup_free_ char *snap = xasprintf("%s/snaps/a", f->path);
    _cleanup_free_ char *packs = xasprintf("%s/packs", f->path);
    struct stat st;
    mode_t old = umask(077);

    model_snapshot(f->s, "a", NULL, &m, NULL, NULL);
    (void)umask(old);
    assert_int_equal(stat(snap, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(stat(packs, &st), 0);
    assert_int_equal(st.st_mode & 07777, 02770);
}

#define NOBODY 65534

static int as_nobody(const char *path)
{
    struct model m = { .volume_bytes = MIB(1), .block = { 31 } };
    struct store_gc_stats gc;
    struct store *s = NULL;
    struct err e = { 0 };
    int r = setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY) ? -1 : 0;

    if (r == 0)
        r = store_open(path, NULL, &s, &e);
    if (r == 0)
        r = store_pin(s, "a", "pin", &e);
    if (r == 0)
        r = model_try_snapshot(s, "b", "a", &m, &m, 1, NULL, &e);
    if (r == 0)
        r = store_snap_delete(s, "a", &e);
    if (r == 0)
        r = store_unpin(s, "pin", &e);
    if (r == 0)
        r = store_gc(s, &gc, &e);
    if (r < 0)
        (void)fprintf(stderr, "# %s\n", e.msg);
    return r < 0 ? 1 : gc.packs_removed == 0 && !gc.busy ? 0 : 2;
}

/* The daemon may be root while workers are not: the group of the directory is what they share. */
static void what_root_made_a_member_of_the_group_can_use(void **state)
{
    struct fix *f = *state;
    _cleanup_free_ char *path = xasprintf("%s/shared", f->dir);
    _cleanup_free_ char *dead = xasprintf("%s/packs/00000000000000ff.open", path);
    struct model m = { .volume_bytes = MIB(1), .block = { 31 } };
    struct err e = { 0 };
    struct store *s;
    mode_t old;
    int status;
    pid_t pid;

    if (geteuid() != 0)
        skip();
    old = umask(077);
    assert_int_equal(chmod(f->dir, 0755), 0);
    assert_int_equal(mkdir(path, 0770), 0);
    assert_int_equal(chown(path, 0, NOBODY), 0);
    assert_int_equal(chmod(path, 02770), 0);
    assert_ok(store_create(path, &e), &e);
    assert_ok(store_open(path, NULL, &s, &e), &e);
    model_snapshot(s, "a", NULL, &m, NULL, NULL);
    assert_ok(store_pin(s, "a", "pin", &e), &e);
    store_io_disk.close(&store_io_disk, store_io_disk.open(&store_io_disk, dead, STORE_IO_CREATE));
    (void)umask(old);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(as_nobody(path));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_false(path_exists(dead));                    /* swept by the member's writer */
    assert_int_equal(model_compare(s, "b", &m, &e), 0); /* and root what a member made */
    assert_int_equal(check_problems(s, NULL), 0);
    store_close(s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

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
        TEST(a_pin_outlives_its_snapshot_and_the_collection),
        TEST(a_copy_shares_every_block_and_stands_alone),
        TEST(a_collection_waits_for_no_writer),
        TEST(a_writer_that_gives_up_leaves_nothing),
        TEST(a_dead_writers_pack_is_swept_by_the_next),
        TEST(a_deleted_snapshots_pack_that_a_reader_has_open_stays_readable),
        TEST(files_keep_their_modes_under_any_umask),
        TEST(what_root_made_a_member_of_the_group_can_use),
    };

    return test_run(tests);
}
