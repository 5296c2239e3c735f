/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compaction through the store's door, on the real disk: what it brings, what it leaves alone, what
 * readers and writers see of it. Numbers: the invariants in store.c. What keeps it from being done:
 * test-compact-trouble.c; power and kills: test-crash.c. */
#include "test-compact-fix.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

/* Files of ours that are open and have no name any more. */
static unsigned nameless_files(struct fix *f)
{
    DIR *d = opendir("/proc/self/fd");
    struct dirent *x;
    unsigned n = 0;

    assert_non_null(d);
    while ((x = readdir(d)) != NULL) { /* NOLINT: one thread */
        char to[PATH_BYTES] = "";

        if (readlinkat(dirfd(d), x->d_name, to, sizeof to - 1) > 0)
            n += strncmp(to, f->path, strlen(f->path)) == 0 && strstr(to, " (deleted)") != NULL;
    }
    (void)closedir(d);
    return n;
}

static void a_pack_of_which_little_is_needed_is_written_anew(void **state)
{
    struct fix *f = *state;
    struct store_check_report report;
    struct store_gc_stats gc;
    struct store_usage u;
    uint64_t before, after, second;
    struct err e = { 0 };
    char *pack, *same;

    most_is_deleted(f);
    pack = largest_pack(f, &before);
    assert_ok(store_usage(f->s, &u, &e), &e);
    assert_true(u.dead_bytes > before / 2);
    gc = collect(f->s);
    assert_int_equal(gc.packs_removed, 0);
    assert_int_equal(gc.packs_compacted, 1);
    assert_int_equal(gc.packs_left, 0);
    assert_int_equal(gc.dead_bytes, 0);
    assert_true(gc.bytes_copied > 2 * 4096 && gc.bytes_copied < before / 4);
    assert_int_equal(gc.bytes_freed, u.dead_bytes);
    assert_false(gc.again);
    assert_int_equal(gc.trouble.no, 0);
    same = largest_pack(f, &after); /* under the name that it had */
    assert_true(after < before / 2);
    kept_is_whole(f);
    assert_int_equal(check_problems(f->s, &report), 0);
    assert_int_equal(report.leftovers, 0);
    assert_int_equal(report.dead_bytes, 0);
    assert_int_equal(report.live_bytes, gc.live_bytes);
    assert_int_equal(report.blocks, 2); /* slots of what is gone are no blocks */
    gc = collect(f->s);
    assert_int_equal(gc.packs_compacted, 0);
    free(largest_pack(f, &second));
    assert_int_equal(second, after);
    free(pack);
    free(same);
}

static void a_pack_of_which_most_is_needed_stays(void **state)
{
    struct fix *f = *state;
    struct model all = { .volume_bytes = MIB(16) }, most;
    struct store_gc_stats gc;
    struct err e = { 0 };

    for (uint32_t i = 0; i < BLOCKS; i++)
        all.block[i] = i + 1;
    most = all;
    memset(most.block, 0, 8 * sizeof most.block[0]);
    model_snapshot(f->s, "all", NULL, &all, NULL, NULL);
    model_snapshot(f->s, "most", "all", &most, &all, NULL);
    assert_ok(store_snap_delete(f->s, "all", &e), &e);
    gc = collect(f->s);
    assert_int_equal(gc.packs_compacted, 0);
    assert_int_equal(gc.bytes_copied, 0);
    assert_true(gc.dead_bytes > 0);
    assert_int_equal(gc.packs_left, 0);
}

static void a_few_dead_bytes_are_not_worth_a_new_pack(void **state)
{
    struct fix *f = *state;
    struct store_gc_stats gc;

    f->s->compact_min = MIB(1);
    most_is_deleted(f);
    gc = collect(f->s);
    assert_int_equal(gc.packs_compacted, 0);
    assert_true(gc.dead_bytes > gc.live_bytes);
}

static void a_pack_may_be_written_anew_again_and_again(void **state)
{
    struct fix *f = *state;
    struct model now = { .volume_bytes = MIB(32) }, less;
    char id[16] = "s0", parent[16];
    struct err e = { 0 };
    uint64_t before, after;

    for (uint32_t i = 0; i < 64; i++)
        now.block[i] = i + 1;
    model_snapshot(f->s, id, NULL, &now, NULL, NULL);
    free(largest_pack(f, &before));
    for (unsigned left = 21; left; left /= 3) { /* two thirds of it go each time */
        struct store_gc_stats gc;

        less = now;
        memset(less.block + left, 0, (64 - left) * sizeof less.block[0]);
        memcpy(parent, id, sizeof id);
        (void)snprintf(id, sizeof id, "s%u", left);
        model_snapshot(f->s, id, parent, &less, &now, NULL);
        assert_ok(store_snap_delete(f->s, parent, &e), &e);
        gc = collect(f->s);
        assert_int_equal(gc.packs_compacted, 1);
        now = less;
        assert_int_equal(model_compare(f->s, id, &now, &e), 0);
        assert_int_equal(check_problems(f->s, NULL), 0);
    }
    free(largest_pack(f, &after));
    assert_true(after < before / 8); /* two blocks, and 96 + 48 bytes for each slot */
}

static void a_reader_with_the_old_pack_reads_on_and_lets_go(void **state) /* 2 */
{
    struct fix *f = *state;
    _cleanup_free_ uint8_t *buf = malloc(STORE_BLOCK_BYTES), *want = malloc(STORE_BLOCK_BYTES);
    struct store_snap *sn;
    struct store *other;
    struct err e = { 0 };

    most_is_deleted(f);
    assert_ok(store_open(f->path, NULL, &other, &e), &e);
    assert_ok(store_snap_open(other, "kept", &sn, &e), &e);
    assert_int_equal(store_snap_read_block(sn, 3, buf, NULL, &e), 1);
    assert_int_equal(collect(f->s).packs_compacted, 1);
    assert_int_equal(nameless_files(f), 1);
    model_block(18, want);
    assert_int_equal(store_snap_read_block(sn, 17, buf, NULL, &e), 1);
    assert_memory_equal(buf, want, STORE_BLOCK_BYTES);
    store_tidy(other);
    assert_int_equal(nameless_files(f), 0);
    memset(buf, 0, STORE_BLOCK_BYTES);
    assert_int_equal(store_snap_read_block(sn, 17, buf, NULL, &e), 1); /* from the new one */
    assert_memory_equal(buf, want, STORE_BLOCK_BYTES);
    store_snap_close(sn);
    store_close(other);
}

/* A handle that knows the pack from before must not take its word for what is stored. */
static void content_that_is_gone_is_stored_again(void **state) /* 1, 4 */
{
    struct fix *f = *state;
    struct model back = { .volume_bytes = MIB(16), .block = { [0] = 1, [3] = 4, [9] = 10 } };
    struct store *other;
    struct err e = { 0 };

    most_is_deleted(f);
    assert_ok(store_open(f->path, NULL, &other, &e), &e);
    assert_int_equal(model_compare(other, "kept", &f->kept, &e), 0); /* its packs are open there */
    assert_int_equal(collect(f->s).packs_compacted, 1);
    model_snapshot(other, "back", "kept", &back, &f->kept, NULL);
    assert_int_equal(model_compare(f->s, "back", &back, &e), 0);
    assert_int_equal(model_compare(other, "back", &back, &e), 0);
    assert_int_equal(check_problems(f->s, NULL), 0);
    store_close(other);
}

static void a_block_that_was_removed_is_an_error_and_not_zeros(void **state) /* 3 */
{
    struct fix *f = *state;
    _cleanup_free_ uint8_t *buf = malloc(STORE_BLOCK_BYTES);
    struct store *other;
    struct store_snap *sn;
    struct err e = { 0 };

    assert_ok(store_open(f->path, NULL, &other, &e), &e);
    {
        struct model all = { .volume_bytes = MIB(16), .block = { 1, 2, 3, 4, 5, 6 } };
        struct model one = { .volume_bytes = MIB(16), .block = { 1 } };

        model_snapshot(f->s, "all", NULL, &all, NULL, NULL);
        assert_ok(store_snap_open(other, "all", &sn, &e), &e);
        assert_int_equal(store_snap_kind(sn, 1), STORE_DATA); /* it has the leaf */
        model_snapshot(f->s, "one", "all", &one, &all, NULL);
    }
    assert_ok(store_snap_delete(f->s, "all", &e), &e);
    assert_int_equal(collect(f->s).packs_compacted, 1);
    store_tidy(other);
    assert_true(store_snap_read(sn, STORE_BLOCK_BYTES, buf, 4096, NULL, &e) < 0);
    assert_int_equal(e.kind, ERR_CORRUPT);
    assert_non_null(strstr(e.msg, "the record was removed: nothing needed it"));
    store_snap_close(sn);
    store_close(other);
}

static void a_reader_may_keep_collections_away(void **state) /* 4 */
{
    struct fix *f = *state;
    struct store_gc_stats gc;
    struct store *other;
    struct err e = { 0 };

    most_is_deleted(f);
    assert_ok(store_open(f->path, NULL, &other, &e), &e);
    assert_ok(store_hold(other, &e), &e);
    assert_ok(store_hold(other, &e), &e);
    assert_ok(store_gc(f->s, &gc, &e), &e);
    assert_true(gc.busy);
    store_close(other);
    assert_int_equal(collect(f->s).packs_compacted, 1);
}

/* ---- encrypted ---- */

static void encrypted_packs_are_moved_as_they_are(void **state) /* 8 */
{
    struct fix *f = *state;
    struct store_gc_stats gc;
    struct store *other;
    struct err e = { 0 };

    most_is_deleted(f);
    assert_ok(store_open(f->path, NULL, &other, &e), &e); /* has no key */
    other->compact_min = 0;
    gc = collect(other);
    assert_int_equal(gc.packs_compacted, 1);
    assert_int_equal(gc.trouble.no, 0);
    store_close(other);
    kept_is_whole(f);
    assert_int_equal(check_problems(f->s, NULL), 0);
}

static void who_does_not_want_to_know_need_not(void **state)
{
    struct fix *f = *state;
    struct err e = { 0 };

    most_is_deleted(f);
    assert_ok(store_gc(f->s, NULL, &e), &e);
    assert_ok(store_check(f->s, true, NULL, NULL, NULL, &e), &e);
    kept_is_whole(f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_pack_of_which_little_is_needed_is_written_anew),
        TEST(a_pack_of_which_most_is_needed_stays),
        TEST(a_few_dead_bytes_are_not_worth_a_new_pack),
        TEST(a_pack_may_be_written_anew_again_and_again),
        TEST(a_reader_with_the_old_pack_reads_on_and_lets_go),
        TEST(content_that_is_gone_is_stored_again),
        TEST(a_block_that_was_removed_is_an_error_and_not_zeros),
        TEST(a_reader_may_keep_collections_away),
        SEALED(encrypted_packs_are_moved_as_they_are),
        TEST(who_does_not_want_to_know_need_not),
    };

    return test_run(tests);
}
