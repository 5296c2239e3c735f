/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test-lib.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>

#include "head.h"
#include "maps.h"

#define SIZE (8 * (uint64_t)STORE_BLOCK_BYTES)

static uint8_t image[SIZE];

static void base_image(void)
{
    memset(image, 0, sizeof image);
    for (uint64_t b = 0; b < 4; b++)
        noise(image + b * STORE_BLOCK_BYTES, STORE_BLOCK_BYTES, b + 1);
}

/* ---- files ----------------------------------------------------------------------------------- */

static void bad_volumes_are_not_created(void **unused)
{
    struct bench b;
    struct err e = { 0 };
    struct volume_spec spec = { .name = "vol-1" };

    (void)unused;
    bench_open(&b);
    spec.dir = b.vol;
    spec.size_bytes = 1000;
    assert_int_equal(volume_create(&spec, &e), -EINVAL);
    assert_string_equal(e.msg, "create volume 'vol-1': 1000 bytes cannot be the size of a volume");
    err_clear(&e);
    spec.size_bytes = SIZE;
    spec.name = "..";
    assert_int_equal(volume_create(&spec, &e), -EINVAL);
    err_clear(&e);
    spec.name = "vol-1";
    spec.store_dir = b.store_dir;
    spec.base = "no-such";
    assert_true(volume_create(&spec, &e) < 0);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_false(path_exists(b.vol));
    err_clear(&e);
    base_image();
    make_snapshot(b.store, "snap-1", NULL, image, SIZE, NULL);
    spec.base = "snap-1";
    spec.size_bytes = SIZE / 2;
    assert_int_equal(volume_create(&spec, &e), -EINVAL);
    bench_close(&b);
}

static void creating_may_be_repeated_but_not_over_another_volume(void **unused)
{
    struct bench b;
    struct err e = { 0 };
    struct volume_spec spec = { .name = "vol-1", .size_bytes = SIZE };
    _cleanup_free_ char *half = NULL;

    (void)unused;
    bench_open(&b);
    half = xasprintf("%s/vol/data", b.dir);
    ok(dir_make(b.vol, 0700, &e), &e);
    ok(file_replace(half, "half", 4, 0600, &e), &e);
    spec.dir = b.vol;
    ok(volume_create(&spec, &e), &e);
    ok(volume_create(&spec, &e), &e);
    spec.size_bytes *= 2;
    assert_int_equal(volume_create(&spec, &e), -EEXIST);
    assert_int_equal(e.kind, ERR_EXISTS);
    err_clear(&e);
    ok(volume_remove(b.vol, b.store_dir, "vol-1", &e), &e);
    ok(volume_remove(b.vol, b.store_dir, "vol-1", &e), &e);
    assert_false(path_exists(b.vol));
    bench_close(&b);
}

static void a_volume_lives_on_when_its_snapshot_is_deleted(void **unused)
{
    struct store_gc_stats gc;
    struct bench b;
    struct err e = { 0 };

    (void)unused;
    bench_open(&b);
    base_image();
    make_snapshot(b.store, "snap-1", NULL, image, SIZE, NULL);
    make_volume(&b, SIZE, "snap-1");
    ok(store_snap_delete(b.store, "snap-1", &e), &e);
    ok(store_gc(b.store, &gc, &e), &e);
    open_volume(&b, NULL);
    must_equal(&b, image, SIZE, 0);
    bench_close(&b);
}

static void a_damaged_head_or_map_is_refused_by_name(void **unused)
{
    struct volume_open_spec spec = { 0 };
    struct volume *v = NULL;
    struct err e = { 0 };
    struct bench b;
    _cleanup_free_ char *head = NULL, *map = NULL;
    _cleanup_close_ int fd = -1;

    (void)unused;
    bench_open(&b);
    make_volume(&b, SIZE, NULL);
    head = xasprintf("%s/head", b.vol);
    map = xasprintf("%s/map", b.vol);
    spec.dir = b.vol;
    fd = open(map, O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite_full(fd, "x", 1, 20), 0);
    assert_int_equal(volume_open(&spec, &v, &e), -EILSEQ);
    assert_int_equal(e.kind, ERR_CORRUPT);
    assert_non_null(strstr(e.msg, "/map' is damaged"));
    err_clear(&e);
    close_fdp(&fd);
    fd = open(head, O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite_full(fd, "x", 1, 20), 0);
    assert_int_equal(volume_open(&spec, &v, &e), -EILSEQ);
    assert_non_null(strstr(e.msg, "/head' is damaged: its checksum is wrong"));
    assert_null(v);
    bench_close(&b);
}

static void two_processes_do_not_serve_one_volume(void **unused)
{
    struct volume_open_spec spec = { 0 };
    struct volume *v = NULL;
    struct err e = { 0 };
    struct bench b;

    (void)unused;
    bench_open(&b);
    make_volume(&b, SIZE, NULL);
    open_volume(&b, NULL);
    spec.dir = b.vol;
    assert_int_equal(volume_open(&spec, &v, &e), -EBUSY);
    assert_null(v);
    bench_close(&b);
}

/* ---- lazy ------------------------------------------------------------------------------------ */

static void damage_the_store(struct bench *b)
{
    _cleanup_free_ char *pattern = xasprintf("%s/packs/*", b->store_dir);
    glob_t found;

    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        _cleanup_close_ int fd = open(found.gl_pathv[i], O_RDWR | O_CLOEXEC);
        struct stat st;
        uint8_t byte;

        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
            continue;
        for (uint64_t at = 70000; at + 200000 < (uint64_t)st.st_size; at += 100000) {
            assert_int_equal(pread_full(fd, &byte, 1, at), 0);
            byte ^= 0x10;
            assert_int_equal(pwrite_full(fd, &byte, 1, at), 0);
        }
    }
    globfree(&found);
}

static void a_damaged_store_is_an_error_and_never_wrong_data(void **unused)
{
    struct volume_open_spec spec = { .fill_bytes_per_s = UINT64_MAX };
    _cleanup_free_ uint8_t *got = malloc(SIZE);
    struct bench b;
    unsigned refused = 0;

    (void)unused;
    bench_open(&b);
    base_image();
    make_snapshot(b.store, "snap-1", NULL, image, SIZE, NULL);
    make_volume(&b, SIZE, "snap-1");
    damage_the_store(&b);
    open_volume(&b, &spec);
    for (uint64_t at = 0; at < SIZE; at += 4096) {
        struct err e = { 0 };

        if (volume_read(b.v, got, 4096, at, &e) < 0) {
            refused++;
            assert_int_equal(e.kind, ERR_CORRUPT);
        } else {
            assert_memory_equal(got, image + at, 4096);
        }
    }
    assert_true(refused > 0);
    /* what is written whole is well again */
    must_write(&b, image, STORE_BLOCK_BYTES, 0);
    must_equal(&b, image, STORE_BLOCK_BYTES, 0);
    bench_close(&b);
}

static void behind_the_base_are_zeros_that_can_be_written(void **unused)
{
    struct bench b;
    uint8_t zeros[8192] = { 0 };

    (void)unused;
    bench_open(&b);
    base_image();
    make_snapshot(b.store, "snap-1", NULL, image, 3 * STORE_BLOCK_BYTES + 512, NULL);
    make_volume(&b, SIZE, "snap-1");
    open_volume(&b, NULL);
    must_equal(&b, image, 3 * STORE_BLOCK_BYTES + 512, 0);
    must_equal(&b, zeros, 4096, 3 * STORE_BLOCK_BYTES + 512);
    must_equal(&b, zeros, 4096, 6 * STORE_BLOCK_BYTES);
    must_write(&b, image, 100, 3 * STORE_BLOCK_BYTES + 512 + 5);
    must_equal(&b, zeros, 5, 3 * STORE_BLOCK_BYTES + 512);
    must_equal(&b, image, 100, 3 * STORE_BLOCK_BYTES + 512 + 5);
    must_equal(&b, image + 3 * STORE_BLOCK_BYTES, 512, 3 * STORE_BLOCK_BYTES);
    bench_close(&b);
}

static void the_fill_brings_all_and_then_the_store_is_not_needed(void **unused)
{
    struct volume_open_spec spec = { .fill_bytes_per_s = UINT64_MAX };
    struct bench b;
    uint64_t read;

    (void)unused;
    bench_open(&b);
    base_image();
    make_snapshot(b.store, "snap-1", NULL, image, SIZE, NULL);
    make_volume(&b, SIZE, "snap-1");
    open_volume(&b, &spec);
    assert_int_equal(status_of(&b).fill_total, 4);
    while (status_of(&b).fill_done < 4)
        (void)sched_yield();
    read = status_of(&b).store_bytes_read;
    must_equal(&b, image, SIZE, 0);
    assert_int_equal(status_of(&b).store_bytes_read, read);
    assert_int_equal(status_of(&b).blocks_dirty, 0);
    bench_close(&b);
}

/* ---- layout ---------------------------------------------------------------------------------- */

static void the_layout_is_what_the_format_page_says(void **unused)
{
    struct layout l = layout_of(GIB(8));

    (void)unused;
    assert_int_equal(l.blocks, 16384);
    assert_int_equal(l.regions, 16);
    assert_int_equal(l.intent, 4096);
    assert_int_equal(l.present, 8192);
    assert_int_equal(l.dirty, 12288);
    assert_int_equal(l.partial, 16384);
    assert_int_equal(l.sectors, 20480);
    assert_int_equal(l.saved, 20480 + 262144);
    assert_int_equal(l.end, 20480 + 262144 + 16384);
    l = layout_of(512);
    assert_int_equal(l.blocks, 1);
    assert_int_equal(l.regions, 1);
    assert_int_equal(head_crc32c("123456789", 9, 0), 0xe3069283U);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_volumes_are_not_created),
        cmocka_unit_test(creating_may_be_repeated_but_not_over_another_volume),
        cmocka_unit_test(a_volume_lives_on_when_its_snapshot_is_deleted),
        cmocka_unit_test(a_damaged_head_or_map_is_refused_by_name),
        cmocka_unit_test(two_processes_do_not_serve_one_volume),
        cmocka_unit_test(a_damaged_store_is_an_error_and_never_wrong_data),
        cmocka_unit_test(behind_the_base_are_zeros_that_can_be_written),
        cmocka_unit_test(the_fill_brings_all_and_then_the_store_is_not_needed),
        cmocka_unit_test(the_layout_is_what_the_format_page_says),
    };

    return test_run(tests);
}
