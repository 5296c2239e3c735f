/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"
#include "str.h"
#include "windows-journal.h"

/* /dev/null is 1:3 everywhere; its sysfs is one of ours. */
static char *with(const char *sysfs, const char *name, const char *text)
{
    _cleanup_free_ char *path = xasprintf("%s/dev/block/1:3/%s", sysfs, name);
    _cleanup_free_ char *dir = xasprintf("%.*s", (int)(strrchr(path, '/') - path), path);
    struct err e = { 0 };
    char *got = NULL;

    if (text) {
        assert_int_equal(dir_make(dir, 0700, &e), 0);
        assert_int_equal(file_replace(path, text, strlen(text), 0600, &e), 0);
    }
    assert_int_equal(windows_journal_path("/home", "/dev/null", sysfs, &got, &e), 0);
    return got;
}

static void a_device_is_known_by_what_it_is(void **unused)
{
    char sysfs[] = "/tmp/kiln-test-XXXXXX";
    _cleanup_free_ char *by_name = NULL, *by_serial = NULL, *again = NULL, *part = NULL;
    struct err e = { 0 };
    (void)unused;

    assert_non_null(mkdtemp(sysfs));
    by_name = with(sysfs, "", NULL);
    assert_non_null(strstr(by_name, "/home/journals/disk-.dev.null-"));
    by_serial = with(sysfs, "device/serial", "  WD 123/45 \n");
    assert_non_null(strstr(by_serial, "/home/journals/disk-WD.123.45-"));
    again = with(sysfs, "serial", "WD 123/45\n");
    assert_string_equal(again, by_serial); /* however it is padded */
    (void)tree_remove(sysfs, &e);
    assert_int_equal(mkdir(sysfs, 0700), 0);
    part = with(sysfs, "partition", "2\n");
    free(part);
    part = xasprintf("%s/dev/block/serial", sysfs);
    assert_int_equal(file_replace(part, "WD 123/45\n", 10, 0600, &e), 0);
    free(part);
    part = with(sysfs, "partition", "2\n");
    assert_non_null(strstr(part, "/disk-WD.123.45-part2-"));
    assert_int_equal(tree_remove(sysfs, &e), 0);
}

static void what_is_not_there_is_told(void **unused)
{
    struct err e = { 0 };
    char *got = NULL;
    (void)unused;

    assert_int_equal(windows_journal_path("/home", "/dev/nothing-here", "/sys", &got, &e), -ENOENT);
    assert_null(got);
    assert_string_equal(e.msg, "open '/dev/nothing-here': No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_is_known_by_what_it_is),
        cmocka_unit_test(what_is_not_there_is_told),
    };

    return test_run(tests);
}
