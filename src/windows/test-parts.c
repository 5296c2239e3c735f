/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Partition tables as tools make them, and as nobody should. */
#include "test.h"

#include "bytes.h"
#include "parts.h"

#include <string.h>

#define BYTES (4 * 1024 * 1024)

struct world {
    uint8_t disk[BYTES];
    struct win_disk *d;
    struct win_parts p;
    struct err e;
};

static int set_up(void **state)
{
    struct world *w = xcalloc(1, sizeof *w);

    if (win_disk_over(w->disk, BYTES, &w->d, &w->e) < 0)
        return -1;
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    win_disk_free(w->d);
    free(w);
    return 0;
}

static uint32_t crc(const uint8_t *p, size_t n)
{
    uint32_t c = 0xffffffff;

    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int k = 0; k < 8; k++)
            c = c >> 1 ^ (0xedb88320U & -(c & 1));
    }
    return ~c;
}

static void entry(uint8_t *sector, unsigned i, uint8_t type, uint32_t start, uint32_t n)
{
    uint8_t *p = sector + 446 + i * 16;

    p[4] = type;
    wr32(p + 8, start);
    wr32(p + 12, n);
    sector[510] = 0x55;
    sector[511] = 0xaa;
}

static void ntfs_at(struct world *w, uint64_t sector)
{
    memcpy(w->disk + sector * 512 + 3, "NTFS    ", 8);
}

static void refused(struct world *w, enum err_kind kind)
{
    assert_true(win_parts_read(w->d, &w->p, &w->e) < 0);
    assert_int_equal(w->e.kind, kind);
}

static void gpt(struct world *w, uint64_t lba, uint64_t entries)
{
    uint8_t *h = w->disk + lba * 512, *t = w->disk + entries * 512;
    static const uint8_t esp[16] = { 0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11,
                                     0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b };

    entry(w->disk, 0, 0xee, 1, BYTES / 512 - 1);
    memset(t, 0, 128 * 128);
    memcpy(t, esp, 16);
    wr64(t + 32, 2048);
    wr64(t + 40, 2099);
    memset(t + 128, 7, 16);
    wr64(t + 128 + 32, 4096);
    wr64(t + 128 + 40, 5000);
    memset(h, 0, 512);
    memcpy(h, "EFI PART", 8);
    wr32(h + 8, 0x10000);
    wr32(h + 12, 92);
    wr64(h + 24, lba);
    wr64(h + 40, 34);
    wr64(h + 48, BYTES / 512 - 34);
    wr64(h + 72, entries);
    wr32(h + 80, 128);
    wr32(h + 84, 128);
    wr32(h + 88, crc(t, 128 * 128));
    wr32(h + 16, crc(h, 92));
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void a_bare_volume_is_one_part(void **state)
{
    struct world *w = *state;

    ntfs_at(w, 0);
    w->disk[510] = 0x55, w->disk[511] = 0xaa;
    assert_int_equal(win_parts_read(w->d, &w->p, &w->e), 0);
    assert_int_equal(w->p.table, WIN_TABLE_NONE);
    assert_int_equal(w->p.n, 1);
    assert_int_equal(w->p.part[0].holds, WIN_HOLDS_NTFS);
    assert_int_equal(w->p.part[0].number, 0);
}

static void an_mbr_tells_primary_and_logical_parts(void **state)
{
    struct world *w = *state;
    uint8_t *ebr = w->disk + 4096 * 512;

    entry(w->disk, 0, 7, 2048, 1000);
    entry(w->disk, 1, 0x0f, 4096, 4000);
    w->disk[446] = 0x80;
    wr32(w->disk + 440, 0x12345678);
    entry(ebr, 0, 7, 10, 500);
    entry(ebr, 1, 5, 1000, 600);
    entry(ebr + 1000 * 512, 0, 7, 20, 100);
    ntfs_at(w, 5096 + 20);
    assert_int_equal(win_parts_read(w->d, &w->p, &w->e), 0);
    assert_int_equal(w->p.table, WIN_TABLE_MBR);
    assert_int_equal(w->p.disk_signature, 0x12345678);
    assert_int_equal(w->p.n, 3);
    assert_true(w->p.part[0].active);
    assert_int_equal(w->p.part[1].number, 5);
    assert_int_equal(w->p.part[1].offset, (4096 + 10) * 512);
    assert_int_equal(w->p.part[2].number, 6);
    assert_int_equal(w->p.part[2].holds, WIN_HOLDS_NTFS);
}

static void a_chain_of_logical_drives_that_bites_its_tail_is_refused(void **state)
{
    struct world *w = *state;
    uint8_t *ebr = w->disk + 4096 * 512;

    entry(w->disk, 1, 0x05, 4096, 4000);
    entry(ebr, 1, 5, 0, 600);
    refused(w, ERR_CORRUPT);
}

static void parts_that_overlap_or_leave_the_disk_are_refused(void **state)
{
    struct world *w = *state;

    entry(w->disk, 0, 7, 2048, 1000);
    entry(w->disk, 1, 7, 3000, 10);
    refused(w, ERR_CORRUPT);
    err_clear(&w->e);
    entry(w->disk, 1, 7, 8000, 0xffffffff);
    refused(w, ERR_CORRUPT);
}

static void a_gpt_tells_its_parts(void **state)
{
    struct world *w = *state;

    gpt(w, 1, 2);
    memcpy(w->disk + 4096 * 512 + 3, "-FVE-FS-", 8);
    assert_int_equal(win_parts_read(w->d, &w->p, &w->e), 0);
    assert_int_equal(w->p.table, WIN_TABLE_GPT);
    assert_int_equal(w->p.n, 2);
    assert_true(w->p.part[0].is_esp);
    assert_int_equal(w->p.part[0].bytes, 52 * 512);
    assert_int_equal(w->p.part[1].holds, WIN_HOLDS_BITLOCKER);
    assert_false(w->p.backup_used);
}

static void the_backup_helps_when_the_first_gpt_is_damaged(void **state)
{
    struct world *w = *state;

    gpt(w, 1, 2);
    gpt(w, BYTES / 512 - 1, BYTES / 512 - 33);
    w->disk[512 + 60] ^= 1;
    assert_int_equal(win_parts_read(w->d, &w->p, &w->e), 0);
    assert_true(w->p.backup_used);
    assert_int_equal(w->p.n, 2);
    w->disk[BYTES - 512 + 60] ^= 1;
    refused(w, ERR_CORRUPT);
}

static void a_gpt_whose_parts_lie_elsewhere_is_refused(void **state)
{
    struct world *w = *state;
    uint8_t *h = w->disk + 512, *t = w->disk + 1024;

    gpt(w, 1, 2);
    wr64(t + 128 + 40, 1ULL << 60);
    wr32(h + 88, crc(t, 128 * 128));
    wr32(h + 16, 0);
    wr32(h + 16, crc(h, 92));
    refused(w, ERR_CORRUPT);
}

static void what_is_smaller_than_a_sector_is_no_disk(void **state)
{
    struct world *w = *state;
    struct win_disk *small = NULL;

    assert_int_equal(win_disk_over(w->disk, 100, &small, &w->e), 0);
    assert_true(win_parts_read(small, &w->p, &w->e) < 0);
    win_disk_free(small);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_bare_volume_is_one_part),
        TEST(an_mbr_tells_primary_and_logical_parts),
        TEST(a_chain_of_logical_drives_that_bites_its_tail_is_refused),
        TEST(parts_that_overlap_or_leave_the_disk_are_refused),
        TEST(a_gpt_tells_its_parts),
        TEST(the_backup_helps_when_the_first_gpt_is_damaged),
        TEST(a_gpt_whose_parts_lie_elsewhere_is_refused),
        TEST(what_is_smaller_than_a_sector_is_no_disk),
    };

    return test_run(tests);
}
