/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/test.h"

#include <string.h>

#include "lib/zip.h"

/* 20 times "version: 1.1\ntasks:\n- task: startSsm\n", deflated by another program. */
static const char archive[] =
    "\x50\x4b\x03\x04\x14\x00\x00\x00\x08\x00\x83\x18\x22\x5c\x90\xa5\x38\x5a\x2c\x00"
    "\x00\x00\xe4\x02\x00\x00\x0c\x00\x00\x00\x75\x73\x65\x72\x64\x61\x74\x61\x2e\x79"
    "\x6d\x6c\x2b\x4b\x2d\x2a\xce\xcc\xcf\xb3\x52\x30\xd4\x33\xe4\x2a\x49\x2c\xce\x2e"
    "\xb6\xe2\xd2\x55\x00\x31\xac\x14\x8a\x4b\x12\x8b\x4a\x82\x8b\x73\xb9\xca\x46\x15"
    "\x8d\x2a\x1a\xba\x8a\x00\x50\x4b\x01\x02\x14\x03\x14\x00\x00\x00\x08\x00\x83\x18"
    "\x22\x5c\x90\xa5\x38\x5a\x2c\x00\x00\x00\xe4\x02\x00\x00\x0c\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x80\x01\x00\x00\x00\x00\x75\x73\x65\x72\x64\x61\x74\x61"
    "\x2e\x79\x6d\x6c\x50\x4b\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00\x3a\x00\x00\x00"
    "\x56\x00\x00\x00\x00\x00";

static void a_deflated_file_is_unpacked(void **state)
{
    _cleanup_str_ struct str out = STR_INIT(KIB(60));
    struct err e = { 0 };

    assert_true(zip_is(archive, sizeof archive - 1));
    assert_int_equal(zip_read_only_file(archive, sizeof archive - 1, "z", &out, &e), 0);
    assert_int_equal(out.len, 20 * strlen("version: 1.1\ntasks:\n- task: startSsm\n"));
    assert_int_equal(strncmp(out.p, "version: 1.1\ntasks:\n- task: startSsm\nversion", 44), 0);
}

static void more_than_the_limit_is_refused(void **state)
{
    _cleanup_str_ struct str out = STR_INIT(100);
    struct err e = { 0 };

    assert_int_not_equal(zip_read_only_file(archive, sizeof archive - 1, "z", &out, &e), 0);
    assert_string_equal(e.msg, "build z: longer than 100 bytes");
}

static void a_damaged_archive_is_refused(void **state)
{
    for (size_t i = 0; i < sizeof archive - 1; i++) {
        _cleanup_str_ struct str out = STR_INIT(KIB(60));
        char copy[sizeof archive];
        struct err e = { 0 };

        memcpy(copy, archive, sizeof archive);
        copy[i] ^= 0x55;
        if (zip_read_only_file(copy, sizeof archive - 1, "z", &out, &e) == 0)
            assert_int_equal(out.len, 740); /* a time or a name was hit */
        else
            assert_string_not_equal(e.msg, "");
    }
}

static void what_is_written_is_read_again(void **state)
{
    struct zip_writer z = ZIP_WRITER_INIT;
    _cleanup_str_ struct str out = STR_INIT(100);
    struct err e = { 0 };

    zip_add(&z, "log/agent.log", "text", 4);
    assert_int_equal(zip_end(&z, &e), 0);
    assert_int_equal(zip_read_only_file(z.out.p, z.out.len, "z", &out, &e), 0);
    assert_string_equal(str_text(&out), "text");
    zip_writer_done(&z);
}

static void two_files_are_one_too_many(void **state)
{
    struct zip_writer z = ZIP_WRITER_INIT;
    _cleanup_str_ struct str out = STR_INIT(100);
    struct err e = { 0 };

    zip_add(&z, "a", "", 0);
    zip_add(&z, "b", "", 0);
    assert_int_equal(zip_end(&z, &e), 0);
    assert_int_not_equal(zip_read_only_file(z.out.p, z.out.len, "z", &out, &e), 0);
    assert_string_equal(e.msg,
                        "'z' is no zip archive that is understood: it must hold exactly one file");
    zip_writer_done(&z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deflated_file_is_unpacked),
        cmocka_unit_test(more_than_the_limit_is_refused),
        cmocka_unit_test(a_damaged_archive_is_refused),
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(two_files_are_one_too_many),
    };

    return test_run(tests);
}
