/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pins and copies, collections, writers that give up or die, whose files are whose: the store on
 * the real disk, through its door. Numbers: the invariants in store.c. */
#include "test-help.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "file.h"

static void a_pin_outlives_its_snapshot_and_the_collection(void **state) /* 4 */
{
    struct store_fix *f = *state;
    struct model a = model_small(), b = { .volume_bytes = MIB(8), .block = { 11, 12 } };
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
    struct store_fix *f = *state;
    struct model a = model_small();
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
    struct store_fix *f = *state;
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

/* A leaf that nothing needs may outlast its blocks, in a pack that is needed for others. */
static void a_leaf_whose_blocks_are_gone_is_not_shared(void **state) /* 1 */
{
    struct store_fix *f = *state;
    struct model w = { .volume_bytes = MIB(600), .block = { [1] = 1 } };
    struct model x = { .volume_bytes = MIB(600), .block = { [0] = 1 } }, y, z;
    struct store_gc_stats gc;
    struct err e = { 0 };

    for (uint32_t i = 1024; i < 1034; i++)
        x.block[i] = i;
    y = x;
    y.block[0] = 0;
    z = x;
    model_snapshot(f->s, "w", NULL, &w, NULL, NULL); /* block 1 lies in its pack */
    model_snapshot(f->s, "x", NULL, &x, NULL, NULL); /* and the leaf that names it in this one */
    model_snapshot(f->s, "y", "x", &y, &x, NULL);
    assert_ok(store_snap_delete(f->s, "w", &e), &e);
    assert_ok(store_snap_delete(f->s, "x", &e), &e);
    assert_ok(store_gc(f->s, &gc, &e), &e);
    assert_int_equal(gc.packs_removed, 1);
    assert_int_equal(gc.packs_compacted, 0);
    model_snapshot(f->s, "z", NULL, &z, NULL, NULL);
    assert_int_equal(model_compare(f->s, "z", &z, &e), 0);
    assert_int_equal(check_problems(f->s, NULL), 0);
}

static void a_writer_that_gives_up_leaves_nothing(void **state) /* 5 */
{
    struct store_fix *f = *state;
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
    struct store_fix *f = *state;
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
    struct store_fix *f = *state;
    _cleanup_free_ uint8_t *buf = malloc(STORE_BLOCK_BYTES);
    struct model m = model_small();
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
    struct store_fix *f = *state;
    struct model m = model_small();
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
        r = store_snap_delete(s, "many", &e);
    if (r == 0) {
        s->compact_min = 0;
        r = store_gc(s, &gc, &e);
    }
    if (r < 0)
        (void)fprintf(stderr, "# %s\n", e.msg);
    return r < 0 ? 1 : gc.packs_removed == 0 && gc.packs_compacted == 1 && !gc.busy ? 0 : 2;
}

/* The daemon may be root while workers are not: the group of the directory is what they share. */
static void what_root_made_a_member_of_the_group_can_use(void **state)
{
    struct store_fix *f = *state;
    _cleanup_free_ char *path = xasprintf("%s/shared", f->dir);
    _cleanup_free_ char *dead = xasprintf("%s/packs/00000000000000ff.open", path);
    struct model m = { .volume_bytes = MIB(1), .block = { 31 } };
    struct model many = { .volume_bytes = MIB(4), .block = { 1, 2, 3, 4, 5, 6, 7, 8 } };
    struct model few = { .volume_bytes = MIB(4), .block = { [5] = 6 } };
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
    model_snapshot(s, "many", NULL, &many, NULL, NULL);
    model_snapshot(s, "few", "many", &few, &many, NULL);
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
    assert_int_equal(model_compare(s, "few", &few, &e), 0);
    assert_int_equal(check_problems(s, NULL), 0);
    store_close(s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, store_fix_set_up, store_fix_tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_pin_outlives_its_snapshot_and_the_collection),
        TEST(a_copy_shares_every_block_and_stands_alone),
        TEST(a_collection_waits_for_no_writer),
        TEST(a_leaf_whose_blocks_are_gone_is_not_shared),
        TEST(a_writer_that_gives_up_leaves_nothing),
        TEST(a_dead_writers_pack_is_swept_by_the_next),
        TEST(a_deleted_snapshots_pack_that_a_reader_has_open_stays_readable),
        TEST(files_keep_their_modes_under_any_umask),
        TEST(what_root_made_a_member_of_the_group_can_use),
    };

    return test_run(tests);
}
