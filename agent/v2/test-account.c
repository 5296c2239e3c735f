/* SPDX-License-Identifier: Apache-2.0 */
/* setAdminAccount in whole runs: each type of password, and what the owner is told of it. */
#include "lib/test.h"

#include <stdio.h>
#include <string.h>

#include "lib/str.h"
#include "test-machine.h"

#define INVALID "Z: Invalid administrator password\r\n"

/* A run with these inputs of setAdminAccount. */
static struct fake *ran(const char *inputs)
{
    char task[700];
    struct fake *f;

    (void)snprintf(task, sizeof task, "  - task: setAdminAccount\n    inputs: %s\n", inputs);
    f = machine_of(machine_settings("preReady", task));
    (void)machine_run(f);
    return f;
}

/* What `internal encrypt-password` prints for this text. */
static char *sealed(const char *clear)
{
    _cleanup_(fake_freep) struct fake *f = fake_new();
    struct str s = STR_INIT(4096);
    struct err e = { 0 };
    void *bytes = NULL;
    size_t n = 0;

    assert_int_equal(f->win.protect(&f->win, clear, strlen(clear), &bytes, &n, &e), 0);
    str_base64(&s, bytes, n);
    free(bytes);
    return str_take(&s);
}

static void a_sealed_password_is_opened_set_and_taken_out_of_the_file(void **state)
{
    _cleanup_free_ char *text = sealed("Str0ng,Enough!");
    char inputs[600];

    (void)snprintf(inputs, sizeof inputs, "{password: {type: encrypted, data: '%s'}}", text);
    _cleanup_(fake_freep) struct fake *f = ran(inputs);

    assert_string_equal(fake_password(f, "Administrator"), "Str0ng,Enough!");
    assert_on_console(f, "Password: <Password>\r\n");
    assert_null(strstr(fake_file_text(f, MACHINE_CONFIG), text));
}

/* Text of the console: the user guide's list of messages. */
static void a_password_that_cannot_be_used_is_told_and_replaced(void **state)
{
    static const struct {
        const char *inputs, *why;
    } rows[] = {
        { "{password: {type: static, data: abc}}", "it does not meet the rules" },
        { "{password: {type: encrypted, data: '#no'}}", "'data' is no base64" },
        { "{password: {type: encrypted}}", "" },
        { "{password: {type: static, data: "
          "Aa1-678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
          "01234567890123456789012345678901234567890}}",
          "it does not meet the rules" }, /* 128 characters */
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        _cleanup_(fake_freep) struct fake *f = ran(rows[i].inputs);

        assert_non_null(fake_password(f, "Administrator"));
        assert_int_equal(strlen(fake_password(f, "Administrator")), 32);
        assert_on_console(f, INVALID);
        assert_console_order(f, INVALID, "Username: Administrator\r\n");
        assert_logged(f, "Warning: Invalid administrator password: ");
        assert_logged(f, rows[i].why);
    }
}

static void a_name_that_windows_refuses_is_told_on_the_console(void **state)
{
    _cleanup_(fake_freep) struct fake *f = ran("{name: 'a/b'}");

    assert_on_console(f, "Z: Invalid administrator username: a/b\r\n");
    assert_logged(f, "failed to run task 'preReady-setAdminAccount-0': Invalid administrator "
                     "username: a/b");
    assert_null(fake_password(f, "Administrator"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sealed_password_is_opened_set_and_taken_out_of_the_file),
        cmocka_unit_test(a_password_that_cannot_be_used_is_told_and_replaced),
        cmocka_unit_test(a_name_that_windows_refuses_is_told_on_the_console),
    };

    return test_run(tests);
}
