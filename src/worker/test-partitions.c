/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "partitions.h"

#define DISK_BYTES MIB(2)

static uint8_t disk[DISK_BYTES];
static unsigned reads;

static int clear(void **unused)
{
    (void)unused;
    memset(disk, 0, sizeof disk);
    reads = 0;
    return 0;
}

static int read_disk(void *userdata, uint64_t offset, void *buf, size_t len, struct err *e)
{
    (void)userdata;
    (void)e;
    reads++;
    assert_true(offset <= sizeof disk && len <= sizeof disk - offset);
    memcpy(buf, disk + offset, len);
    return 0;
}

static struct partitions_look look(void)
{
    struct partitions_look l = { 0 };
    struct err e = { 0 };

    assert_int_equal(partitions_guess(read_disk, NULL, sizeof disk, &l, &e), 0);
    return l;
}

static const char *guess(void)
{
    return look().system;
}

static void le(uint8_t *at, uint64_t v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        at[i] = (uint8_t)(v >> 8 * i);
}

static void mbr(uint64_t table_at, unsigned i, uint8_t type, uint32_t start, uint32_t count)
{
    uint8_t *p = disk + table_at + 446 + 16 * i;

    p[4] = type;
    le(p + 8, start, 4);
    le(p + 12, count, 4);
    le(disk + table_at + 510, 0xaa55, 2);
}

static void gpt(unsigned sector, unsigned n, unsigned size)
{
    memcpy(disk + sector, "EFI PART", 8);
    le(disk + sector + 72, 2, 8);
    le(disk + sector + 80, n, 4);
    le(disk + sector + 84, size, 4);
}

static void gpt_part(unsigned sector, unsigned i, uint64_t first, uint64_t last)
{
    uint8_t *p = disk + 2 * sector + 128 * i;

    p[0] = 0xaa;
    le(p + 32, first, 8);
    le(p + 40, last, 8);
}

static void ntfs(uint64_t at)
{
    memcpy(disk + at + 3, "NTFS    ", 8);
}

static void ext4(uint64_t at)
{
    memcpy(disk + at + 1080, "\x53\xef", 2);
}

static void an_empty_disk_looks_like_nothing(void **unused)
{
    (void)unused;
    assert_string_equal(guess(), "");
}

static void ntfs_in_an_mbr_is_windows(void **unused)
{
    (void)unused;
    mbr(0, 0, 7, 64, 1000);
    ntfs(64 * 512);
    assert_string_equal(guess(), "windows");
}

static void ext4_in_a_gpt_is_linux(void **unused)
{
    (void)unused;
    gpt(512, 128, 128);
    gpt_part(512, 3, 100, 200);
    ext4(100 * 512);
    assert_string_equal(guess(), "linux");
}

static void a_gpt_of_large_sectors_is_found(void **unused)
{
    (void)unused;
    gpt(4096, 4, 128);
    gpt_part(4096, 0, 20, 30);
    ntfs(20 * 4096);
    assert_string_equal(guess(), "windows");
}

static void the_larger_part_decides(void **unused)
{
    (void)unused;
    gpt(512, 128, 128);
    gpt_part(512, 0, 100, 2000);
    gpt_part(512, 1, 2001, 2100);
    ext4(100 * 512);
    ntfs(2001 * 512);
    assert_string_equal(guess(), "linux");
}

static void a_logical_partition_is_found(void **unused)
{
    (void)unused;
    mbr(0, 0, 5, 100, 2000);
    mbr(100 * 512, 0, 0x83, 10, 50);
    mbr(100 * 512, 1, 5, 200, 100);
    mbr(300 * 512, 0, 0x83, 10, 50);
    memcpy(disk + 310 * 512, "XFSB", 4);
    assert_string_equal(guess(), "linux");
}

static void a_file_system_without_partitions_is_found(void **unused)
{
    (void)unused;
    ntfs(0);
    le(disk + 510, 0xaa55, 2);
    assert_string_equal(guess(), "windows");
    clear(NULL);
    memcpy(disk + 0x10040, "_BHRfS_M", 8);
    assert_string_equal(guess(), "linux");
}

static void hostile_tables_end(void **unused)
{
    (void)unused;
    mbr(0, 0, 5, 100, UINT32_MAX);
    mbr(100 * 512, 1, 5, 0, 100); /* a link to itself */
    assert_string_equal(guess(), "");
    clear(NULL);
    mbr(0, 0, 5, UINT32_MAX, UINT32_MAX);
    assert_string_equal(guess(), "");
    clear(NULL);
    gpt(512, UINT32_MAX, 128);
    memset(disk + 1024, 0xff, sizeof disk - 1024);
    assert_string_equal(guess(), "");
    assert_true(reads < 1000);
    clear(NULL);
    gpt(512, 10, UINT32_MAX);
    le(disk + 512 + 72, UINT64_MAX, 8);
    assert_string_equal(guess(), "");
}

static void gpt_type(unsigned i, const char *type)
{
    memcpy(disk + 1024 + 128 * i, type, 16);
}

static void the_table_tells_the_firmware(void **unused)
{
    static const char efi[] = "\x28\x73\x2a\xc1\x1f\xf8\xd2\x11\xba\x4b\x00\xa0\xc9\x3e\xc9\x3b";

    (void)unused;
    assert_string_equal(look().boot, "");
    mbr(0, 0, 7, 64, 1000);
    ntfs(64 * 512);
    assert_string_equal(look().boot, "legacy-bios");
    clear(NULL);
    gpt(512, 128, 128);
    gpt_part(512, 0, 100, 200);
    gpt_part(512, 1, 201, 2000);
    assert_string_equal(look().boot, "legacy-bios"); /* no loader for UEFI */
    gpt_type(0, efi);
    assert_string_equal(look().boot, "uefi");
    gpt_part(512, 2, 40, 60);
    gpt_type(2, "Hah!IdontNeedEFI"); /* a cloud image that boots by either */
    assert_string_equal(look().boot, "legacy-bios");
    ntfs(201 * 512); /* Windows knows one way only */
    assert_string_equal(look().boot, "uefi");
}

static int read_fails(void *userdata, uint64_t offset, void *buf, size_t len, struct err *e)
{
    (void)userdata, (void)buf, (void)len;
    return err_set(e, EIO, ERR_IO, "read at %llu", (unsigned long long)offset);
}

static void a_failing_read_is_told(void **unused)
{
    struct partitions_look l = { 0 };
    struct err e = { 0 };

    (void)unused;
    assert_int_equal(partitions_guess(read_fails, NULL, DISK_BYTES, &l, &e), -EIO);
    assert_null(l.system);
    assert_string_equal(e.msg, "read at 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_empty_disk_looks_like_nothing, clear),
        cmocka_unit_test_setup(ntfs_in_an_mbr_is_windows, clear),
        cmocka_unit_test_setup(ext4_in_a_gpt_is_linux, clear),
        cmocka_unit_test_setup(a_gpt_of_large_sectors_is_found, clear),
        cmocka_unit_test_setup(the_larger_part_decides, clear),
        cmocka_unit_test_setup(a_logical_partition_is_found, clear),
        cmocka_unit_test_setup(a_file_system_without_partitions_is_found, clear),
        cmocka_unit_test_setup(the_table_tells_the_firmware, clear),
        cmocka_unit_test_setup(hostile_tables_end, clear),
        cmocka_unit_test(a_failing_read_is_told),
    };

    return test_run(tests);
}
