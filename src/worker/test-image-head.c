/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "image-head.h"

static uint8_t first[IMAGE_FIRST_MAX];
static struct image_head h;

static int clear(void **unused)
{
    (void)unused;
    memset(first, 0, sizeof first);
    h = (struct image_head){ .first = first, .n_first = sizeof first, .file_bytes = MIB(10) };
    return 0;
}

static void put(void *at, uint64_t value, unsigned bytes, bool big)
{
    for (unsigned i = 0; i < bytes; i++)
        ((uint8_t *)at)[big ? bytes - 1 - i : i] = (uint8_t)(value >> 8 * i);
}

static void refused(enum image_format f, enum err_kind kind, const char *part)
{
    struct err e = { 0 };

    assert_int_equal(image_head_check(&h, f, &e), -EINVAL);
    if (!strstr(e.msg, part))
        fail_msg("'%s' does not say '%s'", e.msg, part);
    assert_int_equal(e.kind, kind);
}

static void accepted(enum image_format f)
{
    struct err e = { 0 };

    assert_int_equal(image_head_check(&h, f, &e), 0);
}

static void qcow2(unsigned version)
{
    memcpy(first, "QFI\xfb", 4);
    put(first + 4, version, 4, true);
}

static void names_are_what_users_write(void **unused)
{
    enum image_format f = IMAGE_FORMAT_MAX;

    (void)unused;
    for (unsigned i = 0; i < IMAGE_FORMAT_MAX; i++) {
        assert_int_equal(image_format_parse(image_format_name((enum image_format)i), &f), 0);
        assert_int_equal(f, i);
    }
    assert_int_equal(image_format_parse("vpc", &f), -EINVAL);
    assert_string_equal(image_format_driver(IMAGE_VHD), "vpc");
}

static void a_raw_disk_is_raw_only(void **unused)
{
    (void)unused;
    accepted(IMAGE_RAW);
    refused(IMAGE_QCOW2, ERR_INVALID, "does not look like a qcow2 image");
    refused(IMAGE_VHD, ERR_INVALID, "does not look like a vhd image");
}

static void another_format_is_named(void **unused)
{
    (void)unused;
    qcow2(3);
    refused(IMAGE_RAW, ERR_INVALID, "it is a qcow2 image; name its format");
    clear(NULL);
    memcpy(first, "vhdxfile", 8);
    refused(IMAGE_VHD, ERR_INVALID, "it is a vhdx image; name its format");
    clear(NULL);
    memcpy(h.last, "conectix", 8);
    refused(IMAGE_RAW, ERR_INVALID, "it is a vhd image; name its format");
    clear(NULL);
    memcpy(first, "# Disk DescriptorFile\n", 22);
    refused(IMAGE_RAW, ERR_INVALID, "it is a vmdk image; name its format");
}

static void qcow2_references_are_refused(void **unused)
{
    (void)unused;
    qcow2(3);
    accepted(IMAGE_QCOW2);
    put(first + 8, 4096, 8, true);
    refused(IMAGE_QCOW2, ERR_INVALID, "needs a backing file");
    put(first + 8, 0, 8, true);
    put(first + 72, 4, 8, true);
    refused(IMAGE_QCOW2, ERR_INVALID, "its data lies in another file");
    put(first + 72, 0, 8, true);
    put(first + 32, 2, 4, true);
    refused(IMAGE_QCOW2, ERR_INVALID, "it is encrypted");
}

static void qcow2_states_are_refused(void **unused)
{
    (void)unused;
    qcow2(3);
    put(first + 72, 1, 8, true);
    refused(IMAGE_QCOW2, ERR_CORRUPT, "not closed cleanly");
    put(first + 72, 2, 8, true);
    refused(IMAGE_QCOW2, ERR_CORRUPT, "marked corrupt");
    qcow2(2); /* version 2 has no such bits */
    accepted(IMAGE_QCOW2);
    qcow2(9);
    refused(IMAGE_QCOW2, ERR_INVALID, "version 9 is unknown");
    qcow2(3);
    h.n_first = 40;
    refused(IMAGE_QCOW2, ERR_CORRUPT, "ends inside of its header");
}

static void vhd(uint8_t *footer, unsigned type, uint64_t size)
{
    memcpy(footer, "conectix", 8);
    memcpy(footer + 28, "win ", 4);
    put(footer + 48, size, 8, true);
    put(footer + 60, type, 4, true);
}

static void vhd_kinds_are_told_apart(void **unused)
{
    (void)unused;
    vhd(first, 3, GIB(100));
    accepted(IMAGE_VHD);
    vhd(first, 4, GIB(100));
    refused(IMAGE_VHD, ERR_INVALID, "differencing disk");
    vhd(first, 7, GIB(100));
    refused(IMAGE_VHD, ERR_INVALID, "disk type 7");
    clear(NULL);
    vhd(h.last, 2, MIB(10) - 512);
    accepted(IMAGE_VHD);
    vhd(h.last, 2, MIB(10));
    refused(IMAGE_VHD, ERR_CORRUPT, "truncated");
}

static void only_virtual_pc_counts_cylinders(void **unused)
{
    (void)unused;
    vhd(first, 3, GIB(1));
    assert_true(image_head_vhd_exact(&h));
    memcpy(first + 28, "vpc ", 4);
    assert_false(image_head_vhd_exact(&h));
}

static void vmdk(const char *descriptor)
{
    memcpy(first, "KDMV", 4);
    put(first + 12, 2048, 8, false);
    put(first + 28, 1, 8, false);
    put(first + 36, 20, 8, false);
    memset(first + 512, 0, 20 * 512);
    memcpy(first + 512, descriptor, strlen(descriptor));
}

static void vmdk_references_are_refused(void **unused)
{
    (void)unused;
    vmdk("# Disk DescriptorFile\nparentCID=ffffffff\ncreateType=\"monolithicSparse\"\n");
    accepted(IMAGE_VMDK);
    put(first + 12, 0, 8, false);
    refused(IMAGE_VMDK, ERR_INVALID, "only describes other files");
    vmdk("parentCID=0badf00d\ncreateType=\"monolithicSparse\"\n");
    refused(IMAGE_VMDK, ERR_INVALID, "needs its parent");
    vmdk("createType=\"monolithicSparse\"\nparentFileNameHint=\"/etc/shadow\"\n");
    refused(IMAGE_VMDK, ERR_INVALID, "needs its parent");
    vmdk("createType=\"twoGbMaxExtentSparse\"\n");
    refused(IMAGE_VMDK, ERR_INVALID, "its type 'twoGbMaxExtentSparse'");
    put(first + 28, 0, 8, false);
    refused(IMAGE_VMDK, ERR_INVALID, "one piece of a split disk");
    put(first + 28, UINT64_MAX / 512, 8, false);
    refused(IMAGE_VMDK, ERR_CORRUPT, "descriptor is not where");
    clear(NULL);
    memcpy(first, "# Disk DescriptorFile", 21);
    refused(IMAGE_VMDK, ERR_INVALID, "refers to other files");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(names_are_what_users_write, clear),
        cmocka_unit_test_setup(a_raw_disk_is_raw_only, clear),
        cmocka_unit_test_setup(another_format_is_named, clear),
        cmocka_unit_test_setup(qcow2_references_are_refused, clear),
        cmocka_unit_test_setup(qcow2_states_are_refused, clear),
        cmocka_unit_test_setup(vhd_kinds_are_told_apart, clear),
        cmocka_unit_test_setup(only_virtual_pc_counts_cylinders, clear),
        cmocka_unit_test_setup(vmdk_references_are_refused, clear),
    };

    return test_run(tests);
}
