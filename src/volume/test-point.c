/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test-lib.h"

#include <pthread.h>
#include <sys/stat.h>

#include "clock.h"

#define SIZE (64 * (uint64_t)STORE_BLOCK_BYTES)

static uint8_t image[SIZE], got[SIZE];

static void fixture(struct bench *b)
{
    bench_open(b);
    noise(image, SIZE / 2, 7);
    memset(image + SIZE / 2, 0, SIZE / 2);
    make_snapshot(b->store, "snap-1", NULL, image, SIZE, NULL);
    make_volume(b, SIZE, "snap-1");
}

static void point(struct bench *b, const char *name)
{
    struct err e = { 0 };

    ok(volume_point(b->v, name, &e), &e);
}

static struct volume_point *get(struct bench *b, const char *name)
{
    struct volume_point *p = NULL;
    struct err e = { 0 };

    ok(volume_point_get(b->v, name, &p, &e), &e);
    return p;
}

static void release(struct bench *b, const char *name, const char *base, bool moved_wanted)
{
    struct err e = { 0 };
    bool moved;

    ok(volume_release(b->v, name, base, &moved, &e), &e);
    assert_int_equal(moved, moved_wanted);
}

/* ---- one thread that writes, one that reads the point ---------------------------------------- */

struct load {
    struct bench *b;
    bool stop; /* atomic */
    uint64_t seed, writes;
};

static void *keep_writing(void *arg)
{
    struct load *l = arg;
    static __thread uint8_t buf[128 * KB];
    uint64_t x = l->seed;

    while (!__atomic_load_n(&l->stop, __ATOMIC_ACQUIRE)) {
        struct err e = { 0 };
        uint64_t n, at;

        x = x * 6364136223846793005ULL + 1442695040888963407ULL;
        n = 512 * (1 + (x >> 33) % 256);
        at = (x >> 20) % ((SIZE - n) / 512) * 512;
        memset(buf, (int)(x >> 50) | 1, n);
        ok(x >> 60 ? volume_write(l->b->v, buf, n, at, false, &e)
                   : volume_zero(l->b->v, n, at, 0, &e),
           &e);
        (void)__atomic_add_fetch(&l->writes, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void a_point_does_not_change_while_threads_write_and_blocks_load(void **unused)
{
    struct volume_open_spec spec = { .fill_bytes_per_s = MIB(16) };
    static uint8_t frozen[SIZE];
    struct load loads[2];
    pthread_t t[2];
    struct bench b;

    (void)unused;
    fixture(&b);
    open_volume(&b, &spec);
    for (unsigned i = 0; i < 2; i++) {
        loads[i] = (struct load){ .b = &b, .seed = i + 1 };
        assert_int_equal(pthread_create(&t[i], NULL, keep_writing, &loads[i]), 0);
    }
    for (unsigned round = 0; round < 4; round++) {
        char name[16];
        struct err e = { 0 };
        struct volume_point *p;
        uint64_t before = __atomic_load_n(&loads[0].writes, __ATOMIC_RELAXED);

        (void)snprintf(name, sizeof name, "p%u", round);
        while (__atomic_load_n(&loads[0].writes, __ATOMIC_RELAXED) < before + 50)
            (void)sched_yield();
        ok(volume_freeze(b.v, &e), &e);
        point(&b, name);
        ok(volume_read(b.v, frozen, SIZE, 0, &e), &e);
        volume_thaw(b.v);
        p = get(&b, name);
        for (unsigned again = 0; again < 2; again++) {
            ok(volume_point_read(p, got, SIZE, 0, &e), &e);
            assert_memory_equal(got, frozen, SIZE);
        }
        volume_point_put(p);
        if (round % 2)
            release(&b, name, NULL, false);
    }
    for (unsigned i = 0; i < 2; i++) {
        __atomic_store_n(&loads[i].stop, true, __ATOMIC_RELEASE);
        assert_int_equal(pthread_join(t[i], NULL), 0);
    }
    bench_close(&b);
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void a_point_that_ended_reads_as_an_error_for_who_holds_it(void **unused)
{
    struct volume_point *p;
    struct err e = { 0 };
    struct bench b;

    (void)unused;
    fixture(&b);
    open_volume(&b, NULL);
    point(&b, "p1");
    p = get(&b, "p1");
    release(&b, "p1", NULL, false);
    assert_int_equal(volume_point_read(p, got, 512, 0, &e), -EIO);
    assert_string_equal(e.msg, "point 'p1' of volume 'vol-1' is gone");
    volume_point_put(p);
    err_clear(&e);
    assert_int_equal(volume_point_get(b.v, "p1", &p, &e), -ENOENT);
    bench_close(&b);
}

static int no_room_for_points(const struct volume_io *io, enum volume_file f, int fd,
                              const void *buf, size_t n, uint64_t offset)
{
    if (f == VOLUME_FILE_POINT && *(bool *)io->userdata)
        return -ENOSPC;
    return pwrite_full(fd, buf, n, offset);
}

static int plain_sync(const struct volume_io *io, enum volume_file f, int fd)
{
    (void)io, (void)f, (void)fd;
    return 0;
}

static void a_full_disk_breaks_the_point_and_never_the_guest(void **unused)
{
    struct volume_point *p;
    struct err e = { 0 };
    bool full = false, moved;
    struct bench b;

    (void)unused;
    fixture(&b);
    b.io = (struct volume_io){ no_room_for_points, plain_sync, &full };
    open_volume(&b, NULL);
    must_write(&b, image + 100, 8192, 0);
    point(&b, "p1");
    full = true;
    must_write(&b, image, 8192, STORE_BLOCK_BYTES); /* nothing local there: nothing to keep */
    p = get(&b, "p1");
    ok(volume_point_read(p, got, 8192, 0, &e), &e);
    must_write(&b, image + 200, 8192, 0);
    must_equal(&b, image + 200, 8192, 0);
    assert_int_equal(volume_point_read(p, got, 512, 0, &e), -EIO);
    assert_string_equal(e.msg, "point 'p1' of volume 'vol-1' is broken");
    volume_point_put(p);
    err_clear(&e);
    make_snapshot(b.store, "snap-2", "snap-1", image, SIZE, NULL);
    assert_int_equal(volume_release(b.v, "p1", "snap-2", &moved, &e), -EIO);
    assert_false(moved);
    assert_string_equal(status_of(&b).base, "snap-1");
    assert_int_equal(status_of(&b).blocks_dirty, 2);
    bench_close(&b);
}

static void a_point_released_into_a_snapshot_moves_the_base(void **unused)
{
    struct bench b;

    (void)unused;
    fixture(&b);
    open_volume(&b, NULL);
    noise(image, 4096, 99);
    must_write(&b, image, 4096, 0);
    point(&b, "p1");
    make_snapshot(b.store, "snap-2", "snap-1", image, SIZE, NULL);
    release(&b, "p1", "snap-2", true);
    assert_string_equal(status_of(&b).base, "snap-2");
    assert_int_equal(status_of(&b).blocks_dirty, 0);
    release(&b, "p1", "snap-2", false); /* once more, as after a crash of the daemon */
    must_equal(&b, image, SIZE, 0);
    volume_free(TAKE_PTR(b.v));
    open_volume(&b, NULL);
    assert_string_equal(status_of(&b).base, "snap-2");
    must_equal(&b, image, SIZE, 0);
    bench_close(&b);
}

static void a_snapshot_of_another_size_is_no_base(void **unused)
{
    struct err e = { 0 };
    struct bench b;
    bool moved;

    (void)unused;
    fixture(&b);
    open_volume(&b, NULL);
    point(&b, "p1");
    make_snapshot(b.store, "small", NULL, image, SIZE / 2, NULL);
    assert_int_equal(volume_release(b.v, "p1", "small", &moved, &e), -EINVAL);
    volume_point_put(get(&b, "p1")); /* it lives on */
    bench_close(&b);
}

/* The pin has moved when the head cannot be written: what is read must be what the pin keeps. */
static void a_base_that_moved_by_half_is_read_from_what_is_kept(void **unused)
{
    struct volume_open_spec spec = { .fill_bytes_per_s = 0 };
    bool changed[SIZE / STORE_BLOCK_BYTES] = { 0 }, moved = true;
    struct store_gc_stats gc;
    char obstacle[128];
    struct err e = { 0 };
    struct bench b;

    (void)unused;
    fixture(&b);
    open_volume(&b, &spec);
    for (unsigned i = 0; i < 24; i++) { /* of 32 with content */
        noise(image + i * STORE_BLOCK_BYTES, STORE_BLOCK_BYTES, 100 + i);
        must_write(&b, image + i * STORE_BLOCK_BYTES, STORE_BLOCK_BYTES, i * STORE_BLOCK_BYTES);
        changed[i] = true;
    }
    point(&b, "p1");
    make_snapshot(b.store, "snap-2", "snap-1", image, SIZE, changed);
    (void)snprintf(obstacle, sizeof obstacle, "%s/head.new", b.vol);
    assert_int_equal(mkdir(obstacle, 0700), 0);
    assert_true(volume_release(b.v, "p1", "snap-2", &moved, &e) < 0);
    assert_int_equal(rmdir(obstacle), 0);
    err_clear(&e);
    ok(store_snap_delete(b.store, "snap-1", &e), &e);
    ok(store_gc(b.store, &gc, &e), &e);
    assert_int_equal(gc.packs_compacted, 1);
    volume_tidy(b.v);
    must_equal(&b, image, SIZE, 0);
    release(&b, "p1", "snap-2", true); /* again, and now it goes */
    must_equal(&b, image, SIZE, 0);
    bench_close(&b);
}

/* A release that ends in an error has ended the point or not: the point itself is not lost. */
static void a_release_whose_files_stay_may_be_repeated(void **unused)
{
    struct err e = { 0 };
    char obstacle[128];
    struct bench b;
    bool moved = true;

    (void)unused;
    fixture(&b);
    open_volume(&b, NULL);
    point(&b, "p1");
    (void)snprintf(obstacle, sizeof obstacle, "%s/points/p1/map", b.vol);
    assert_int_equal(unlink(obstacle), 0);
    assert_int_equal(mkdir(obstacle, 0700), 0);
    assert_true(volume_release(b.v, "p1", NULL, &moved, &e) < 0);
    assert_int_equal(rmdir(obstacle), 0);
    release(&b, "p1", NULL, false);
    point(&b, "p1"); /* over what was left */
    release(&b, "p1", NULL, false);
    bench_close(&b); /* the sanitizer's run finds a point that nobody freed */
}

static void a_point_is_fixed_in_milliseconds(void **unused)
{
    struct bench b;
    uint64_t before, best = UINT64_MAX;

    (void)unused;
    bench_open(&b);
    make_volume(&b, GIB(8), NULL);
    open_volume(&b, NULL);
    for (unsigned i = 0; i < 5; i++) {
        char name[8];

        (void)snprintf(name, sizeof name, "p%u", i);
        must_write(&b, image, 4096, i * GIB(1));
        before = clock_mono_ns();
        point(&b, name);
        best = min_u64(best, clock_mono_ns() - before);
    }
    print_message("# a point of 8 GiB: %llu us\n", (unsigned long long)best / 1000);
    assert_true(best < 20000000);
    bench_close(&b);
}

static void power_loss_ends_points_and_their_changes_count_as_new(void **unused)
{
    struct volume_open_spec first = { .boot_id = "boot-1", .no_loader = true };
    struct volume_open_spec second = { .boot_id = "boot-2", .no_loader = true };
    struct volume_point *p = NULL;
    struct err e = { 0 };
    struct bench b;

    (void)unused;
    fixture(&b);
    open_volume(&b, &first);
    must_write(&b, image, 4096, 4096);
    point(&b, "p1");
    must_write(&b, image, 4096, 3 * STORE_BLOCK_BYTES);
    ok(volume_flush(b.v, &e), &e);
    assert_int_equal(status_of(&b).blocks_dirty, 1);
    volume_free(TAKE_PTR(b.v));
    open_volume(&b, &second);
    assert_int_equal(volume_point_get(b.v, "p1", &p, &e), -ENOENT);
    assert_int_equal(status_of(&b).blocks_dirty, 2);
    bench_close(&b);
}

static void names_that_are_paths_are_refused(void **unused)
{
    static const char *const bad[] = { "", ".", "..", "a/b", "../x", "a b", "\xc3\xa4" };
    struct bench b;

    (void)unused;
    fixture(&b);
    open_volume(&b, NULL);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err e = { 0 };

        assert_int_equal(volume_point(b.v, bad[i], &e), -EINVAL);
    }
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_point_does_not_change_while_threads_write_and_blocks_load),
        cmocka_unit_test(a_point_that_ended_reads_as_an_error_for_who_holds_it),
        cmocka_unit_test(a_full_disk_breaks_the_point_and_never_the_guest),
        cmocka_unit_test(a_point_released_into_a_snapshot_moves_the_base),
        cmocka_unit_test(a_snapshot_of_another_size_is_no_base),
        cmocka_unit_test(a_base_that_moved_by_half_is_read_from_what_is_kept),
        cmocka_unit_test(a_release_whose_files_stay_may_be_repeated),
        cmocka_unit_test(a_point_is_fixed_in_milliseconds),
        cmocka_unit_test(power_loss_ends_points_and_their_changes_count_as_new),
        cmocka_unit_test(names_that_are_paths_are_refused),
    };

    return test_run(tests);
}
