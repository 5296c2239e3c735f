/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a flush promises when syncs fail, are slow, or the power goes; freezes and the gate. */
#include "test-lib.h"

#include <fcntl.h>
#include <pthread.h>

#include "gate.h"
#include "maps.h"

#define SIZE (8 * (uint64_t)STORE_BLOCK_BYTES)

static uint8_t image[SIZE];

static void base_image(void)
{
    memset(image, 0, sizeof image);
    for (uint64_t b = 0; b < 4; b++)
        noise(image + b * STORE_BLOCK_BYTES, STORE_BLOCK_BYTES, b + 1);
}

/* ---- failures of the disk -------------------------------------------------------------------- */

static int failing_sync(const struct volume_io *io, enum volume_file f, int fd)
{
    unsigned *left = io->userdata;

    (void)fd;
    if (f != VOLUME_FILE_DATA || *left == 0)
        return 0;
    return --*left == 0 ? -EIO : 0;
}

static int plain_pwrite(const struct volume_io *io, enum volume_file f, int fd, const void *buf,
                        size_t n, uint64_t offset)
{
    (void)io, (void)f;
    return pwrite_full(fd, buf, n, offset);
}

static void after_a_failed_sync_no_flush_succeeds(void **unused)
{
    struct err e = { 0 };
    struct bench b;
    unsigned left = 2;

    (void)unused;
    bench_open(&b);
    make_volume(&b, SIZE, NULL);
    b.io = (struct volume_io){ plain_pwrite, failing_sync, &left };
    open_volume(&b, NULL);
    base_image();
    must_write(&b, image, 4096, 0);
    ok(volume_flush(b.v, &e), &e);
    must_write(&b, image, 4096, 0);
    assert_int_equal(volume_flush(b.v, &e), -EIO);
    err_clear(&e);
    assert_int_equal(volume_flush(b.v, &e), -EIO); /* the kernel would say yes now */
    bench_close(&b);
}

/* ---- power loss, step by step (test-random.c does it at random) --------------------------------
 */

struct sync_hook {
    struct bench *b;
    uint8_t durable[SIZE]; /* data, at its last sync */
    bool write;            /* once, while data is synced */
};

static int write_behind_the_sync(const struct volume_io *io, enum volume_file f, int fd)
{
    struct sync_hook *h = io->userdata;

    if (f != VOLUME_FILE_DATA)
        return 0;
    assert_int_equal(pread_full(fd, h->durable, SIZE, 0), 0);
    if (h->write) {
        h->write = false;
        must_write(h->b, h->durable + SIZE - STORE_BLOCK_BYTES, STORE_BLOCK_BYTES, 0);
    }
    return 0;
}

static void bits_set_during_a_sync_are_not_durable_with_it(void **unused)
{
    struct volume_open_spec first = { .boot_id = "boot-1", .no_loader = true };
    struct volume_open_spec second = { .boot_id = "boot-2", .no_loader = true };
    static struct sync_hook h;
    _cleanup_free_ char *path = NULL;
    _cleanup_close_ int fd = -1;
    struct err e = { 0 };
    struct bench b;

    (void)unused;
    bench_open(&b);
    base_image();
    make_snapshot(b.store, "snap-1", NULL, image, SIZE, NULL);
    make_volume(&b, SIZE, "snap-1");
    h.b = &b;
    h.write = true;
    b.io = (struct volume_io){ plain_pwrite, write_behind_the_sync, &h };
    open_volume(&b, &first);
    must_write(&b, image, 4096, 3 * STORE_BLOCK_BYTES);
    ok(volume_flush(b.v, &e), &e);
    assert_false(h.write);
    volume_free(TAKE_PTR(b.v));
    path = xasprintf("%s/data", b.vol);
    fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite_full(fd, h.durable, SIZE, 0), 0); /* what came later is lost */
    open_volume(&b, &second);
    must_equal(&b, image, STORE_BLOCK_BYTES, 0);
    must_equal(&b, image, 4096, 3 * STORE_BLOCK_BYTES);
    bench_close(&b);
}

static void an_unflushed_change_of_a_loaded_block_is_dirty_after_power_loss(void **unused)
{
    struct volume_open_spec first = { .boot_id = "boot-1", .fill_bytes_per_s = UINT64_MAX };
    struct volume_open_spec second = { .boot_id = "boot-2", .no_loader = true };
    struct err e = { 0 };
    struct bench b;

    (void)unused;
    bench_open(&b);
    base_image();
    make_snapshot(b.store, "snap-1", NULL, image, SIZE, NULL);
    make_volume(&b, SIZE, "snap-1");
    open_volume(&b, &first);
    while (status_of(&b).fill_done < 4)
        (void)sched_yield();
    ok(volume_flush(b.v, &e), &e);
    assert_int_equal(status_of(&b).blocks_dirty, 0);
    must_write(&b, image + 100, 4096, STORE_BLOCK_BYTES);
    volume_free(TAKE_PTR(b.v)); /* the data has reached the disk, the map has not */
    open_volume(&b, &second);
    must_equal(&b, image + 100, 4096, STORE_BLOCK_BYTES);
    assert_int_equal(status_of(&b).blocks_dirty, 4); /* too much, never too little */
    bench_close(&b);
}

static void the_first_change_after_a_clean_start_is_as_safe(void **unused)
{
    struct volume_open_spec first = { .boot_id = "boot-1", .fill_bytes_per_s = UINT64_MAX };
    struct volume_open_spec second = { .boot_id = "boot-2", .no_loader = true };
    struct err e = { 0 };
    struct bench b;

    (void)unused;
    bench_open(&b);
    base_image();
    make_snapshot(b.store, "snap-1", NULL, image, SIZE, NULL);
    make_volume(&b, SIZE, "snap-1");
    open_volume(&b, &first);
    while (status_of(&b).fill_done < 4)
        (void)sched_yield();
    must_write(&b, image + 100, 4096, STORE_BLOCK_BYTES); /* its region has intent now */
    ok(volume_close(b.v, &e), &e);
    volume_free(TAKE_PTR(b.v));
    open_volume(&b, &first);
    assert_true(status_of(&b).clean_start);
    must_write(&b, image + 100, 4096, 2 * STORE_BLOCK_BYTES);
    volume_free(TAKE_PTR(b.v));
    open_volume(&b, &second);
    assert_false(status_of(&b).clean_start);
    assert_int_equal(status_of(&b).blocks_dirty, 4);
    bench_close(&b);
}

/* ---- gate ------------------------------------------------------------------------------------ */

static void *write_once(void *arg)
{
    struct bench *b = arg;

    must_write(b, image, 4096, 4096);
    return NULL;
}

static void a_freeze_holds_writes_until_the_thaw(void **unused)
{
    uint8_t zeros[4096] = { 0 };
    struct err e = { 0 };
    struct bench b;
    pthread_t t;

    (void)unused;
    bench_open(&b);
    make_volume(&b, SIZE, NULL);
    open_volume(&b, NULL);
    base_image();
    ok(volume_freeze(b.v, &e), &e);
    assert_int_equal(pthread_create(&t, NULL, write_once, &b), 0);
    ok(volume_point(b.v, "p1", &e), &e);
    must_equal(&b, zeros, 4096, 4096);
    assert_int_equal(status_of(&b).blocks_dirty, 0);
    volume_thaw(b.v);
    assert_int_equal(pthread_join(t, NULL), 0);
    must_equal(&b, image, 4096, 4096);
    assert_int_equal(status_of(&b).blocks_dirty, 1);
    bench_close(&b);
}

static void a_gate_that_does_not_empty_opens_again(void **unused)
{
    struct gate g;

    (void)unused;
    gate_init(&g);
    gate_enter(&g);
    assert_int_equal(gate_close(&g, 5), -ETIMEDOUT);
    gate_enter(&g); /* open */
    gate_leave(&g);
    gate_leave(&g);
    assert_int_equal(gate_close(&g, 5), 0);
    gate_open(&g);
    gate_done(&g);
}

static void a_closed_volume_refuses_writes(void **unused)
{
    struct err e = { 0 };
    struct bench b;

    (void)unused;
    bench_open(&b);
    make_volume(&b, SIZE, NULL);
    open_volume(&b, NULL);
    ok(volume_close(b.v, &e), &e);
    assert_int_equal(volume_write(b.v, image, 512, 0, false, &e), -ESHUTDOWN);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_a_failed_sync_no_flush_succeeds),
        cmocka_unit_test(bits_set_during_a_sync_are_not_durable_with_it),
        cmocka_unit_test(an_unflushed_change_of_a_loaded_block_is_dirty_after_power_loss),
        cmocka_unit_test(the_first_change_after_a_clean_start_is_as_safe),
        cmocka_unit_test(a_freeze_holds_writes_until_the_thaw),
        cmocka_unit_test(a_gate_that_does_not_empty_opens_again),
        cmocka_unit_test(a_closed_volume_refuses_writes),
    };

    return test_run(tests);
}
