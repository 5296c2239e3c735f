/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Encrypted volumes: who may open them, what lies on disk. Random work: test-random.c. */
#include "test-lib.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "crypt.h"
#include "maps.h"

#define SIZE (5 * (uint64_t)STORE_BLOCK_BYTES + 512)

static uint8_t image[SIZE];

static void an_image(void)
{
    noise(image, SIZE, 7);
    memset(image + 2 * STORE_BLOCK_BYTES, 0, STORE_BLOCK_BYTES);
}

static void file_bytes(const struct bench *b, const char *name, uint8_t *out)
{
    _cleanup_free_ char *path = xasprintf("%s/%s", b->vol, name);
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(pread_full(fd, out, SIZE, 0), 0);
}

static bool lies_in(const uint8_t *p, const uint8_t *what, size_t n)
{
    return memmem(p, SIZE, what, n) != NULL;
}

static void what_is_written_is_read_and_not_on_disk(void **unused)
{
    static uint8_t disk[SIZE];
    struct bench b;

    (void)unused;
    bench_open(&b);
    bench_encrypt(&b);
    an_image();
    make_volume(&b, SIZE, NULL);
    open_volume(&b, NULL);
    must_write(&b, image + 4096, 8192, 4096);
    must_write(&b, image + 100000, 7, 100000);
    must_write(&b, image + 200001, 70000, 200001);
    must_write(&b, image + SIZE - 512, 512, SIZE - 512); /* the last unit is short */
    must_equal(&b, image + 4096, 8192, 4096);
    must_equal(&b, image + 4097, 700, 4097);
    must_equal(&b, image + 100000, 7, 100000);
    must_equal(&b, image + 200001, 70000, 200001);
    must_equal(&b, image + SIZE - 100, 100, SIZE - 100);
    must_equal(&b, image + 2 * STORE_BLOCK_BYTES, 4096, 3 * STORE_BLOCK_BYTES);
    file_bytes(&b, "data", disk);
    assert_false(lies_in(disk, image + 4096, 16));
    assert_false(lies_in(disk, image + 200704, 16));
    assert_false(lies_in(disk, image + SIZE - 512, 16));
    bench_close(&b);
}

/* Equal content at two places, and in two volumes of one key, has nothing in common on disk. */
static void equal_content_looks_different_everywhere(void **unused)
{
    static uint8_t one[SIZE], two[SIZE];
    struct err e = { 0 };
    struct bench b;

    (void)unused;
    an_image();
    bench_open(&b);
    bench_encrypt(&b);
    make_volume(&b, SIZE, NULL);
    open_volume(&b, NULL);
    must_write(&b, image, 4096, 0);
    must_write(&b, image, 4096, 4096);
    file_bytes(&b, "data", one);
    assert_memory_not_equal(one, one + 4096, 16);
    volume_free(TAKE_PTR(b.v));
    ok(volume_remove(b.vol, b.store_dir, "vol-1", &e), &e);
    make_volume(&b, SIZE, NULL); /* of the same name */
    open_volume(&b, NULL);
    must_write(&b, image, 4096, 0);
    file_bytes(&b, "data", two);
    for (size_t i = 0; i < 4096; i += 16)
        assert_memory_not_equal(one + i, two + i, 16);
    bench_close(&b);
}

static void zeros_and_trims_are_zeros(void **unused)
{
    static uint8_t zeros[STORE_BLOCK_BYTES];
    struct err e = { 0 };
    struct bench b;

    (void)unused;
    an_image();
    bench_open(&b);
    bench_encrypt(&b);
    make_volume(&b, SIZE, NULL);
    open_volume(&b, NULL);
    must_write(&b, image, STORE_BLOCK_BYTES, 0);
    ok(volume_zero(b.v, 1000, 5000, 0, &e), &e); /* not even a whole piece at its ends */
    must_equal(&b, image, 5000, 0);
    must_equal(&b, zeros, 1000, 5000);
    must_equal(&b, image + 6000, 10000, 6000);
    must_write(&b, zeros, 4096, 65536); /* as data */
    must_equal(&b, zeros, 4096, 65536);
    ok(volume_zero(b.v, STORE_BLOCK_BYTES, 0, VOLUME_ZERO_KEEP, &e), &e);
    must_equal(&b, zeros, STORE_BLOCK_BYTES, 0);
    bench_close(&b);
}

static void must_not_open(struct bench *b, const char *key, const char *why)
{
    struct volume_open_spec spec = { .dir = b->vol, .key_path = key, .no_loader = true };
    struct volume *v = NULL;
    struct err e = { 0 };

    assert_int_equal(volume_open(&spec, &v, &e), -EACCES);
    assert_int_equal(e.kind, ERR_DENIED);
    if (!strstr(e.msg, why))
        fail_msg("'%s' is not in: %s", why, e.msg);
    assert_null(v);
}

static void without_its_key_no_volume_opens(void **unused)
{
    char other[128];
    struct err e = { 0 };
    struct bench b;

    (void)unused;
    bench_open(&b);
    bench_encrypt(&b);
    make_volume(&b, SIZE, NULL);
    (void)snprintf(other, sizeof other, "%s/other", b.dir);
    must_not_open(&b, NULL, "volume 'vol-1' is encrypted in key domain 1, and no key was given");
    ok(store_key_create(other, 1, &e), &e);
    must_not_open(&b, other, "is encrypted in key domain 1 with another key than the one given");
    open_volume(&b, NULL);
    bench_close(&b);
}

static void a_volume_of_an_encrypted_snapshot_must_be_encrypted(void **unused)
{
    struct volume_spec spec = { .name = "vol-1", .size_bytes = SIZE, .base = "snap-1" };
    struct err e = { 0 };
    struct bench b;

    (void)unused;
    an_image();
    bench_open(&b);
    bench_encrypt(&b);
    make_snapshot_in(b.store, 1, "snap-1", NULL, image, SIZE, NULL);
    spec.dir = b.vol;
    spec.store_dir = b.store_dir;
    assert_int_equal(volume_create(&spec, &e), -EINVAL);
    assert_non_null(strstr(e.msg, "snapshot 'snap-1' is encrypted, and so must be a volume of it"));
    assert_false(path_exists(b.vol));
    make_volume(&b, SIZE, "snap-1");
    open_volume(&b, NULL);
    must_equal(&b, image, SIZE, 0);
    bench_close(&b);
}

/* A volume over a plain snapshot may be encrypted: what it writes and what it loads is. */
static void a_plain_base_is_encrypted_as_it_is_loaded(void **unused)
{
    struct volume_open_spec fill = { .fill_bytes_per_s = UINT64_MAX };
    static uint8_t disk[SIZE];
    struct bench b;

    (void)unused;
    an_image();
    bench_open(&b);
    bench_encrypt(&b);
    make_snapshot(b.store, "snap-1", NULL, image, SIZE, NULL);
    make_volume(&b, SIZE, "snap-1");
    open_volume(&b, &fill);
    while (status_of(&b).fill_done < status_of(&b).fill_total)
        (void)sched_yield();
    must_equal(&b, image, SIZE, 0);
    file_bytes(&b, "data", disk);
    for (size_t at = 0; at + 512 <= STORE_BLOCK_BYTES; at += 4096)
        assert_memory_not_equal(disk + at, image + at, 512);
    bench_close(&b);
}

/* Old content kept aside for a point is what lay on disk. */
static void a_point_keeps_what_was_encrypted(void **unused)
{
    static uint8_t kept[SIZE], got[SIZE];
    struct volume_point *p = NULL;
    struct err e = { 0 };
    struct bench b;

    (void)unused;
    an_image();
    bench_open(&b);
    bench_encrypt(&b);
    make_volume(&b, SIZE, NULL);
    open_volume(&b, NULL);
    must_write(&b, image, 2 * STORE_BLOCK_BYTES, 0);
    ok(volume_point(b.v, "p", &e), &e);
    must_write(&b, image + STORE_BLOCK_BYTES, 300000, 1001);
    ok(volume_point_get(b.v, "p", &p, &e), &e);
    ok(volume_point_read(p, got, 2 * STORE_BLOCK_BYTES, 0, &e), &e);
    assert_memory_equal(got, image, 2 * STORE_BLOCK_BYTES);
    ok(volume_point_read(p, got, 5000, 65537, &e), &e);
    assert_memory_equal(got, image + 65537, 5000);
    volume_point_put(p);
    file_bytes(&b, "points/p/data", kept);
    assert_false(lies_in(kept, image + 4096, 16));
    assert_false(lies_in(kept, image + 128 * KB, 16));
    bench_close(&b);
}

/* Written once, on this very page: what is on disk today must still open in ten years. */
static void the_cipher_is_aes_256_xts_with_units_of_4_kib(void **unused)
{
    uint8_t sealed[2 * CRYPT_UNIT], again[CRYPT_PIECE];
    struct store_key *k = NULL;
    struct crypt *c = NULL;
    struct head h = { .name = "vol-1" };
    struct err e = { 0 };
    struct bench b;

    (void)unused;
    an_image();
    bench_open(&b);
    bench_encrypt(&b);
    ok(store_key_load(b.key, &k, &e), &e);
    crypt_head(&h, k);
    ok(crypt_new(&h, k, &c, &e), &e);
    memcpy(sealed, image, sizeof sealed);
    assert_int_equal(crypt_seal(c, sealed, sizeof sealed, GIB(3)), 0);
    memcpy(again, image + CRYPT_UNIT, sizeof again); /* a part of a unit is the unit's part */
    assert_int_equal(crypt_seal(c, again, sizeof again, GIB(3) + CRYPT_UNIT), 0);
    assert_memory_equal(again, sealed + CRYPT_UNIT, sizeof again);
    assert_int_equal(crypt_unseal(c, sealed, sizeof sealed, GIB(3)), 0);
    assert_memory_equal(sealed, image, sizeof sealed);
    crypt_free(c);
    store_key_free(k);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_and_not_on_disk),
        cmocka_unit_test(equal_content_looks_different_everywhere),
        cmocka_unit_test(zeros_and_trims_are_zeros),
        cmocka_unit_test(without_its_key_no_volume_opens),
        cmocka_unit_test(a_volume_of_an_encrypted_snapshot_must_be_encrypted),
        cmocka_unit_test(a_plain_base_is_encrypted_as_it_is_loaded),
        cmocka_unit_test(a_point_keeps_what_was_encrypted),
        cmocka_unit_test(the_cipher_is_aes_256_xts_with_units_of_4_kib),
    };

    return test_run(tests);
}
