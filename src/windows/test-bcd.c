/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>

#include "bcd.h"

#define LOADER "{00000000-1111-2222-3333-444444444444}"
#define SETS   "{0ce4991b-e6b3-4b16-b23c-5e0d9250e5d9}"
#define BOOT   "{9dea862c-5cdd-4e70-acc1-f32b344d4795}"

/* O:SY G:SY with an empty list: enough of a descriptor. */
static const uint8_t sd[] = { 1, 0, 4, 0x80, 20, 0, 0, 0, 32, 0, 0,  0, 0, 0, 0, 0, 44, 0,
                              0, 0, 1, 1,    0,  0, 0, 0, 0,  5, 18, 0, 0, 0, 1, 1, 0,  0,
                              0, 0, 0, 5,    18, 0, 0, 0, 2,  0, 8,  0, 0, 0, 0, 0 };

static void put(struct regf *h, const char *path, uint32_t type, const void *p, size_t n)
{
    struct err e = { 0 };
    uint32_t k;

    assert_int_equal(regf_key_create(h, 0, path, &k, &e), 0);
    if (type == REGF_SZ)
        assert_int_equal(regf_set_text(h, k, "Element", REGF_SZ, p, &e), 0);
    else
        assert_int_equal(regf_set(h, k, "Element", type, p, n, &e), 0);
}

static struct regf *store(bool with_default)
{
    struct regf *h = NULL;
    struct err e = { 0 };
    uint32_t k;

    assert_int_equal(regf_new(3, "NewStoreRoot", sd, sizeof sd, &h, &e), 0);
    assert_int_equal(regf_key_create(h, 0, "Objects\\" LOADER "\\Description", &k, &e), 0);
    assert_int_equal(regf_set_dword(h, k, "Type", 0x10200003, &e), 0);
    put(h, "Objects\\" LOADER "\\Elements\\12000004", REGF_SZ, "Windows Server", 0);
    put(h, "Objects\\" BOOT "\\Elements\\25000004", REGF_BINARY, "\x1e\0\0\0\0\0\0", 8);
    if (with_default)
        put(h, "Objects\\" BOOT "\\Elements\\23000003", REGF_SZ, LOADER, 0);
    return h;
}

static const struct bcd_options ems = {
    .ems = true, .port = 1, .baud = 115200, .timeout_s = UINT64_MAX
};

static void a_store_is_read(void **unused)
{
    _cleanup_regf_ struct regf *h = store(true);
    struct bcd_info i;
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(bcd_read(h, &i, &e), 0);
    assert_string_equal(i.default_loader, LOADER);
    assert_string_equal(i.description, "Windows Server");
    assert_int_equal(i.loaders, 1);
    assert_int_equal(i.ems, BCD_UNSET);
    assert_int_equal(i.timeout_s, 30);
}

static void the_serial_console_is_turned_on_in_all_three_places(void **unused)
{
    _cleanup_regf_ struct regf *h = store(true);
    _cleanup_(win_plan_freep) struct win_plan *p = win_plan_new();
    struct bcd_info i;
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(bcd_apply(h, &ems, "BCD", p, &e), 0);
    assert_int_equal(regf_verify(h, NULL, &e), 0);
    assert_int_equal(bcd_read(h, &i, &e), 0);
    assert_int_equal(i.boot_ems, BCD_YES);
    assert_int_equal(i.ems, BCD_YES);
    assert_int_equal(i.ems_settings, BCD_YES);
    assert_int_equal(i.ems_port, 1);
    assert_int_equal(i.ems_baud, 115200);
    assert_int_equal(i.timeout_s, 30);
    assert_int_equal(win_plan_count(p, WIN_ROW_DONE), 5);
    /* the second time nothing is left to do */
    assert_int_equal(bcd_apply(h, &ems, "BCD", p, &e), 0);
    assert_int_equal(win_plan_count(p, WIN_ROW_DONE), 5);
    assert_int_equal(win_plan_count(p, WIN_ROW_KEPT), 5);
}

static void a_store_without_a_default_entry_is_refused(void **unused)
{
    _cleanup_regf_ struct regf *h = store(false);
    _cleanup_(win_plan_freep) struct win_plan *p = win_plan_new();
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(bcd_apply(h, &ems, "BCD", p, &e), -EBADMSG);
    assert_string_equal(e.msg, "boot configuration: no boot manager with a default entry in it");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_is_read),
        cmocka_unit_test(the_serial_console_is_turned_on_in_all_three_places),
        cmocka_unit_test(a_store_without_a_default_entry_is_refused),
    };

    return test_run(tests);
}
