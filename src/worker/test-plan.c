/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>

#include "plan.h"
#include "source.h"
#include "store.h"

#define B ((uint64_t)STORE_BLOCK_BYTES)

static struct plan make(enum plan_mode mode, uint64_t bytes)
{
    struct plan p = { 0 };
    struct err e = { 0 };

    assert_int_equal(plan_init(&p, mode, bytes, &e), 0);
    return p;
}

static void changes_are_data_and_holes_are_the_parents(void **unused)
{
    struct plan p = make(PLAN_CHANGES, 10 * B);

    (void)unused;
    plan_note(&p, 0, 2 * B, SOURCE_HOLE);
    plan_note(&p, 2 * B, 3 * B, 0);
    plan_note(&p, 5 * B, B, SOURCE_HOLE | SOURCE_ZERO);
    plan_note(&p, 6 * B, B, SOURCE_ZERO);
    plan_note(&p, 7 * B, 3 * B, SOURCE_HOLE);
    assert_int_equal(plan_want(&p, 1), PLAN_LEAVE);
    assert_int_equal(plan_next(&p, 0), 2);
    assert_int_equal(plan_want(&p, 4), PLAN_READ);
    assert_int_equal(plan_want(&p, 5), PLAN_ZERO);
    assert_int_equal(plan_want(&p, 6), PLAN_ZERO);
    assert_int_equal(plan_next(&p, 7), 10);
    assert_int_equal(plan_read_bytes(&p), 3 * B);
    plan_done(&p);
}

static void a_full_snapshot_reads_what_is_not_zero(void **unused)
{
    struct plan p = make(PLAN_FULL, 4 * B);

    (void)unused;
    plan_note(&p, 0, B, SOURCE_HOLE | SOURCE_ZERO);
    plan_note(&p, B, B, SOURCE_ZERO);
    plan_note(&p, 2 * B, B, SOURCE_HOLE); /* nobody knows what it reads as */
    plan_note(&p, 3 * B, B, 0);
    assert_int_equal(plan_want(&p, 0), PLAN_LEAVE);
    assert_int_equal(plan_want(&p, 1), PLAN_ZERO);
    assert_int_equal(plan_want(&p, 2), PLAN_READ);
    assert_int_equal(plan_want(&p, 3), PLAN_READ);
    plan_done(&p);
}

static void a_block_of_mixed_extents_is_read_whole(void **unused)
{
    struct plan p = make(PLAN_CHANGES, 3 * B), f = make(PLAN_FULL, 3 * B);

    (void)unused;
    plan_note(&p, 0, B + 4096, SOURCE_HOLE);
    plan_note(&p, B + 4096, B, SOURCE_ZERO);
    assert_int_equal(plan_want(&p, 0), PLAN_LEAVE);
    assert_int_equal(plan_want(&p, 1), PLAN_READ);
    assert_int_equal(plan_want(&p, 2), PLAN_ZERO);
    plan_note(&f, 0, 512, 0);
    plan_note(&f, 512, B, SOURCE_HOLE | SOURCE_ZERO);
    plan_note(&f, B + 512, 1024, SOURCE_ZERO);
    assert_int_equal(plan_want(&f, 0), PLAN_READ);
    assert_int_equal(plan_want(&f, 1), PLAN_ZERO);
    plan_done(&p);
    plan_done(&f);
}

static void the_last_block_is_cut_at_the_end(void **unused)
{
    struct plan p = make(PLAN_FULL, B + 1536);

    (void)unused;
    plan_note(&p, 0, UINT64_MAX, 0); /* a liar */
    plan_note(&p, UINT64_MAX, UINT64_MAX, 0);
    assert_int_equal(p.blocks, 2);
    assert_int_equal(plan_block_bytes(&p, 1), 1536);
    assert_int_equal(plan_read_bytes(&p), B + 1536);
    plan_done(&p);
}

static void everything_is_read_when_nobody_tells(void **unused)
{
    struct plan p = make(PLAN_FULL, 9 * B);

    (void)unused;
    plan_read_all(&p);
    assert_int_equal(plan_read_bytes(&p), 9 * B);
    plan_done(&p);
}

static void sixty_four_tebibytes_are_the_limit(void **unused)
{
    struct plan p = { 0 };
    struct err e = { 0 };

    (void)unused;
    assert_int_equal(plan_init(&p, PLAN_FULL, PLAN_VOLUME_MAX + 1, &e), -EFBIG);
    assert_int_equal(e.kind, ERR_LIMIT);
    assert_null(p.map);
    p = make(PLAN_FULL, PLAN_VOLUME_MAX);
    plan_note(&p, PLAN_VOLUME_MAX - 1, 1, 0);
    assert_int_equal(plan_next(&p, p.blocks - 2), p.blocks - 1);
    plan_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_are_data_and_holes_are_the_parents),
        cmocka_unit_test(a_full_snapshot_reads_what_is_not_zero),
        cmocka_unit_test(a_block_of_mixed_extents_is_read_whole),
        cmocka_unit_test(the_last_block_is_cut_at_the_end),
        cmocka_unit_test(everything_is_read_when_nobody_tells),
        cmocka_unit_test(sixty_four_tebibytes_are_the_limit),
    };

    return test_run(tests);
}
