/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "disk-format.h"
#include "file.h"

static char dir[] = "/tmp/kiln-test-format.XXXXXX";

static void names_tell_the_format(void **unused)
{
    (void)unused;
    assert_string_equal(disk_format_of_name("a/b.VHDX"), "vhdx");
    assert_string_equal(disk_format_of_name("b.img"), "raw");
    assert_string_equal(disk_format_of_name("b.vpc"), "vhd");
    assert_null(disk_format_of_name("b.iso"));
    assert_null(disk_format_of_name("vhdx"));
}

/* first bytes, last bytes, name, format or the error's end */
static const struct {
    const char *name, *first, *last, *format, *told;
} cases[] = {
    { "a.vhd", "conectix", "", "vhd", NULL },
    { "disk", "", "conectix", "vhd", NULL },
    { "disk", "vhdxfile", "", "vhdx", NULL },
    { "a.vmdk", "KDMV", "", "vmdk", NULL },
    { "a.raw", "anything", "", "raw", NULL },
    { "a.raw", "QFI\xfb", "", NULL, "is called raw and begins like qcow2" },
    { "a.iso", "anything", "", NULL, "tell its format" },
};

static void name_and_content_are_weighed(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_free_ char *path = xasprintf("%s/%s", dir, cases[i].name);
        char bytes[2048] = { 0 };
        const char *format = NULL;
        struct err e = { 0 };
        int r;

        memcpy(bytes, cases[i].first, strlen(cases[i].first));
        memcpy(bytes + sizeof(bytes) - 512, cases[i].last, strlen(cases[i].last));
        assert_int_equal(file_replace(path, bytes, sizeof(bytes), 0600, &e), 0);
        r = disk_format_guess(path, &format, &e);
        if (cases[i].format) {
            assert_int_equal(r, 0);
            assert_string_equal(format, cases[i].format);
        } else {
            assert_int_equal(r, -EINVAL);
            assert_non_null(strstr(e.msg, cases[i].told));
            assert_null(format);
        }
    }
}

static void a_short_file_and_a_directory_are_no_trouble(void **unused)
{
    _cleanup_free_ char *path = xasprintf("%s/short.raw", dir);
    const char *format = NULL;
    struct err e = { 0 };

    (void)unused;
    assert_int_equal(file_replace(path, "x", 1, 0600, &e), 0);
    assert_int_equal(disk_format_guess(path, &format, &e), 0);
    assert_string_equal(format, "raw");
    assert_int_equal(disk_format_guess(dir, &format, &e), -EINVAL);
}

static int make_dir(void **unused)
{
    (void)unused;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **unused)
{
    struct err e = { 0 };

    (void)unused;
    return tree_remove(dir, &e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_tell_the_format),
        cmocka_unit_test(name_and_content_are_weighed),
        cmocka_unit_test(a_short_file_and_a_directory_are_no_trouble),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
