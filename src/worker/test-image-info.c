/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "image-info.h"

static void what_qemu_says_is_judged(void **unused)
{
    static const struct {
        const char *json;
        int r;
        enum err_kind kind;
        const char *part;
    } rows[] = {
        { "{\"format\":\"qcow2\",\"virtual-size\":1024}", 0, 0, "" },
        { "{\"format\":\"qcow2\",\"virtual-size\":1024,\"snapshots\":[{\"id\":\"1\"}]}", 0, 0, "" },
        { "{\"format\":\"vmdk\",\"virtual-size\":1024}", -EINVAL, ERR_INVALID, "format 'vmdk'" },
        { "{\"virtual-size\":1024}", -EINVAL, ERR_INVALID, "format ''" },
        { "{\"format\":\"qcow2\",\"virtual-size\":0}", -EINVAL, ERR_INVALID, "empty" },
        { "{\"format\":\"qcow2\",\"virtual-size\":-5}", -EINVAL, ERR_INVALID, "empty" },
        { "{\"format\":\"qcow2\",\"virtual-size\":70368744177665}", -EFBIG, ERR_LIMIT, "64 TiB" },
        { "{\"format\":\"qcow2\",\"virtual-size\":1024,\"backing-filename\":\"x\"}", -EINVAL,
          ERR_INVALID, "backing file" },
        { "{\"format\":\"qcow2\",\"virtual-size\":1024,\"encrypted\":true}", -EINVAL, ERR_INVALID,
          "encrypted" },
        { "{\"format\":\"qcow2\",\"virtual-size\":1,\"format-specific\":{\"data\":"
          "{\"data-file\":\"x\"}}}",
          -EINVAL, ERR_INVALID, "another file" },
        { "{\"format\":\"qcow2\",\"virtual-size\":1,\"format-specific\":{\"data\":"
          "{\"extents\":[{},{}]}}}",
          -EINVAL, ERR_INVALID, "several files" },
        { "{\"format\":\"qcow2\",\"virtual-size\":1,\"format-specific\":{\"data\":"
          "{\"corrupt\":true}}}",
          -EINVAL, ERR_CORRUPT, "corrupt" },
        { "[]", -EPROTO, ERR_IO, "else than JSON" },
        { "", -EPROTO, ERR_IO, "else than JSON" },
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = { 0 };
        uint64_t bytes = 7;

        assert_int_equal(image_info_judge(rows[i].json, IMAGE_QCOW2, &bytes, &e), rows[i].r);
        assert_int_equal(bytes, rows[i].r == 0 ? 1024 : 7);
        assert_int_equal(e.kind, rows[i].kind);
        assert_non_null(strstr(e.msg, rows[i].part));
    }
}

static void a_check_forgives_leaks_only(void **unused)
{
    struct err e = { 0 };

    (void)unused;
    assert_int_equal(image_check_judge("{\"leaks\":5,\"check-errors\":0}", 1024, &e), 0);
    assert_int_equal(image_check_judge("{\"corruptions\":2,\"check-errors\":0}", 1024, &e),
                     -EINVAL);
    assert_int_equal(e.kind, ERR_CORRUPT);
    err_clear(&e);
    assert_int_equal(image_check_judge("{\"check-errors\":1}", 1024, &e), -EIO);
    err_clear(&e);
    assert_int_equal(image_check_judge("{\"check-errors\":0,\"image-end-offset\":9000000}", 1024,
                                       &e),
                     -EINVAL);
    assert_non_null(strstr(e.msg, "truncated: 1024 of 9000000 bytes"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_qemu_says_is_judged),
        cmocka_unit_test(a_check_forgives_leaks_only),
    };

    return test_run(tests);
}
