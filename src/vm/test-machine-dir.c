/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "child.h"
#include "file.h"
#include "machine-dir.h"
#include "str.h"

static char dir[32];

static int make_dir(void **unused)
{
    (void)unused;
    (void)str_copy(dir, sizeof dir, "/tmp/kiln-dir.XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **unused)
{
    struct err e = { 0 };

    (void)unused;
    return tree_remove(dir, &e);
}

static void put(const char *name, const char *text, size_t n)
{
    _cleanup_free_ char *path = xasprintf("%s/%s", dir, name);
    struct err e = { 0 };

    assert_int_equal(file_replace(path, text, n, 0644, &e), 0);
}

static char *get(const char *name)
{
    _cleanup_free_ char *path = xasprintf("%s/%s", dir, name);
    struct err e = { 0 };
    char *text = NULL;

    assert_int_equal(file_read(path, MIB(1), &text, NULL, &e), 0);
    return text;
}

static void a_living_process_is_found_again(void **unused)
{
    struct machine_pid p = { getpid(), child_start_time(getpid()), 1234, 77 }, got = { 0 };
    struct err e = { 0 };

    (void)unused;
    assert_int_equal(machine_pid_write(dir, MACHINE_PID, &p, &e), 0);
    assert_int_equal(machine_find(dir, "i-1", &got, &e), 0);
    assert_int_equal(got.pid, p.pid);
    assert_true(got.start_time == p.start_time && got.started_ms == 1234);
    assert_int_equal(got.log_offset, 77);
}

static void a_pid_of_another_process_is_not_believed(void **unused)
{
    struct machine_pid p = { getpid(), child_start_time(getpid()) + 1, 1234, 77 }, got = { 0 };
    struct err e = { 0 };

    (void)unused;
    assert_int_equal(machine_pid_write(dir, MACHINE_PID, &p, &e), 0);
    assert_int_equal(machine_find(dir, "i-1", &got, &e), -ESRCH);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_int_equal(got.pid, 0);
}

static void broken_pid_files_name_nobody(void **unused)
{
    static const char *const bad[] = { "",         "12",         "1 2 3 4",           "x 1 1 1",
                                       "12 0 1 1", "12 1 1 1 1", "99999999999 1 1 1", "-5 1 1 1" };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct machine_pid got = { 0 };
        struct err e = { 0 };

        put("pid", bad[i], strlen(bad[i]));
        assert_true(machine_find(dir, "i-1", &got, &e) < 0);
        assert_int_equal(e.kind, ERR_NOT_FOUND);
    }
}

static void a_pid_file_that_others_may_write_is_not_believed(void **unused)
{
    struct machine_pid p = { getpid(), child_start_time(getpid()), 1, 1 }, got = { 0 };
    _cleanup_free_ char *path = xasprintf("%s/pid", dir);
    struct err e = { 0 };

    (void)unused;
    assert_int_equal(machine_pid_write(dir, MACHINE_PID, &p, &e), 0);
    assert_int_equal(chmod(path, 0666), 0);
    assert_true(machine_find(dir, "i-1", &got, &e) < 0);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
}

static void the_last_line_of_the_log_is_the_last_of_this_run(void **unused)
{
    static const char log[] = "old: story\nqemu: first\nqemu: bad \x1b[31m\n\n";
    char line[64];

    (void)unused;
    put("qemu.log", log, sizeof log - 1);
    machine_log_last_line(dir, 0, line, sizeof line);
    assert_string_equal(line, "qemu: bad ?[31m");
    machine_log_last_line(dir, sizeof log - 1, line, sizeof line);
    assert_string_equal(line, "");
    machine_log_last_line(dir, 1000, line, sizeof line); /* the log was cut since */
    assert_string_equal(line, "qemu: bad ?[31m");
}

static void a_log_over_its_ceiling_keeps_its_end(void **unused)
{
    struct err e = { 0 };

    (void)unused;
    put("console.log", "0123456789", 10);
    assert_int_equal(machine_log_cut(dir, "console.log", 10, 4, &e), 0);
    _cleanup_free_ char *whole = get("console.log");
    assert_string_equal(whole, "0123456789");
    assert_int_equal(machine_log_cut(dir, "console.log", 9, 4, &e), 0);
    _cleanup_free_ char *cut = get("console.log");
    assert_string_equal(cut, "6789");
    assert_int_equal(machine_log_cut(dir, "absent.log", 9, 4, &e), 0);
}

static void the_console_has_a_tail_and_may_be_absent(void **unused)
{
    struct err e = { 0 };
    char *text = NULL;
    size_t n = 9;

    (void)unused;
    assert_int_equal(vm_console_tail(dir, 5, &text, &n, &e), 0);
    assert_int_equal(n, 0);
    free(text);
    put("console.log", "abc\0efgh", 8);
    assert_int_equal(vm_console_tail(dir, 6, &text, &n, &e), 0);
    assert_int_equal(n, 6);
    assert_memory_equal(text, "c\0efgh", 7);
    free(text);
}

static void a_link_in_the_place_of_a_log_is_not_followed(void **unused)
{
    _cleanup_free_ char *path = xasprintf("%s/console.log", dir);
    struct err e = { 0 };
    char *text = NULL;
    size_t n = 0;

    (void)unused;
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(vm_console_tail(dir, 100, &text, &n, &e), -ELOOP);
    assert_null(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_living_process_is_found_again, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_pid_of_another_process_is_not_believed, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(broken_pid_files_name_nobody, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_pid_file_that_others_may_write_is_not_believed, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(the_last_line_of_the_log_is_the_last_of_this_run, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(a_log_over_its_ceiling_keeps_its_end, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(the_console_has_a_tail_and_may_be_absent, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(a_link_in_the_place_of_a_log_is_not_followed, make_dir,
                                        remove_dir),
    };

    return test_run(tests);
}
