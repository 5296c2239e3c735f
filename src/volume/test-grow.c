/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A volume that gets larger keeps what it has, wherever the growing is interrupted. */
#include "test-lib.h"

#include <unistd.h>

#define SIZE  (8 * (uint64_t)STORE_BLOCK_BYTES)
#define LARGE (5000 * (uint64_t)STORE_BLOCK_BYTES) /* more pages of maps, several regions */

static uint8_t image[SIZE + STORE_BLOCK_BYTES];

static int try_grow(struct bench *b, uint64_t size)
{
    struct volume_spec spec = { .dir = b->vol, .name = "vol-1", .size_bytes = size };
    struct err e = { 0 };
    int r = volume_grow(&spec, &e);

    if (r < 0)
        fail_msg("%s", e.msg);
    return r;
}

static void close_volume_(struct bench *b)
{
    struct err e = { 0 };

    ok(volume_close(b->v, &e), &e);
    volume_free(TAKE_PTR(b->v));
}

/* Over a base of content: one block written whole, one in part, one zeroed; closed in order. */
static void used_volume(struct bench *b)
{
    struct err e = { 0 };

    memset(image, 0, sizeof image);
    for (uint64_t i = 0; i < 4; i++)
        noise(image + i * STORE_BLOCK_BYTES, STORE_BLOCK_BYTES, i + 1);
    make_snapshot_in(b->store, b->domain, "snap-1", NULL, image, SIZE, NULL);
    make_volume(b, SIZE, "snap-1");
    open_volume(b, NULL);
    noise(image + 7 * STORE_BLOCK_BYTES, STORE_BLOCK_BYTES, 70);
    must_write(b, image + 7 * STORE_BLOCK_BYTES, STORE_BLOCK_BYTES, 7 * STORE_BLOCK_BYTES);
    noise(image + STORE_BLOCK_BYTES + 8 * KB, 4 * KB, 71);
    must_write(b, image + STORE_BLOCK_BYTES + 8 * KB, 4 * KB, STORE_BLOCK_BYTES + 8 * KB);
    memset(image + 2 * STORE_BLOCK_BYTES, 0, STORE_BLOCK_BYTES);
    ok(volume_zero(b->v, STORE_BLOCK_BYTES, 2 * STORE_BLOCK_BYTES, 0, &e), &e);
}

/* Everything is there, zeros follow, and the new part can be used. */
static void must_be_large(struct bench *b)
{
    static uint8_t tail[STORE_BLOCK_BYTES];
    uint64_t last = LARGE - sizeof tail;

    open_volume(b, NULL);
    assert_int_equal(volume_size(b->v), LARGE);
    assert_int_equal(status_of(b).blocks_dirty, 3);
    must_equal(b, image, sizeof image, 0); /* one block behind the old end, too */
    noise(tail, sizeof tail, 99);
    must_write(b, tail, sizeof tail, last);
    close_volume_(b);
    open_volume(b, NULL);
    must_equal(b, tail, sizeof tail, last);
    must_equal(b, image, sizeof image, 0);
    assert_int_equal(status_of(b).blocks_dirty, 4);
}

static void grows(bool encrypted)
{
    struct bench b;

    bench_open(&b);
    if (encrypted)
        bench_encrypt(&b);
    used_volume(&b);
    close_volume_(&b);
    assert_int_equal(try_grow(&b, LARGE), 1);
    assert_int_equal(try_grow(&b, LARGE), 1);
    assert_int_equal(try_grow(&b, SIZE), 1); /* never smaller */
    must_be_large(&b);
    bench_close(&b);
}

static void what_was_written_stays_and_zeros_follow(void **unused)
{
    (void)unused;
    grows(false);
}

static void so_does_what_is_encrypted(void **unused)
{
    (void)unused;
    grows(true);
}

/* What a crash leaves before the last step: an old head, and perhaps old data. */
static void an_interrupted_growth_is_finished_by_the_next_one(void **unused)
{
    for (int data_too = 0; data_too < 2; data_too++) {
        _cleanup_free_ char *head = NULL, *data = NULL, *text = NULL;
        struct bench b;
        struct err e = { 0 };
        size_t n = 0;

        (void)unused;
        bench_open(&b);
        used_volume(&b);
        close_volume_(&b);
        head = xasprintf("%s/head", b.vol);
        data = xasprintf("%s/data", b.vol);
        ok(file_read(head, MIB(1), &text, &n, &e), &e);
        assert_int_equal(try_grow(&b, data_too ? LARGE / 2 : LARGE), 1); /* perhaps to less */
        ok(file_replace(head, text, n, 0640, &e), &e);
        if (data_too)
            assert_int_equal(truncate(data, (off_t)SIZE), 0);
        assert_int_equal(try_grow(&b, LARGE), 1);
        must_be_large(&b);
        bench_close(&b);
    }
}

static void a_volume_in_use_or_not_closed_has_to_wait(void **unused)
{
    struct bench b;
    struct err e = { 0 };
    bool moved = false;

    (void)unused;
    bench_open(&b);
    used_volume(&b);
    assert_int_equal(try_grow(&b, LARGE), 0); /* it is served */
    ok(volume_point(b.v, "point", &e), &e);
    close_volume_(&b);
    assert_int_equal(try_grow(&b, LARGE), 0); /* a snapshot of it is read later */
    open_volume(&b, NULL);
    ok(volume_release(b.v, "point", NULL, &moved, &e), &e);
    must_write(&b, image, 4 * KB, 0);
    volume_free(TAKE_PTR(b.v)); /* kill -9 */
    assert_int_equal(try_grow(&b, LARGE), 0);
    open_volume(&b, NULL);
    assert_int_equal(volume_size(b.v), SIZE);
    must_equal(&b, image, SIZE, 0);
    close_volume_(&b);
    assert_int_equal(try_grow(&b, LARGE), 1);
    open_volume(&b, NULL);
    assert_int_equal(status_of(&b).blocks_dirty, 4);
    must_equal(&b, image, sizeof image, 0);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_stays_and_zeros_follow),
        cmocka_unit_test(so_does_what_is_encrypted),
        cmocka_unit_test(an_interrupted_growth_is_finished_by_the_next_one),
        cmocka_unit_test(a_volume_in_use_or_not_closed_has_to_wait),
    };

    return test_run(tests);
}
