/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>

#include "verbs.h"

static void a_whole_command_line_is_understood(void **unused)
{
    static const char *const argv[] = { "snapshot", "--store=s",  "--snapshot", "snap-1",
                                        "--nbd",    "a b/n.sock", "--export",   "point/p1",
                                        "--size=1", "--parent",   "",           "--key=/k" };
    const struct verb *v = NULL;
    struct worker_args a;
    struct err e = { 0 };

    (void)unused;
    assert_int_equal(args_parse(ARRAY_LEN(argv), (char *const *)argv, &v, &a, &e), 0);
    assert_string_equal(v->name, "snapshot");
    assert_string_equal(a.store, "s");
    assert_string_equal(a.nbd, "a b/n.sock");
    assert_string_equal(a.export_name, "point/p1");
    assert_string_equal(a.parent, "");
    assert_string_equal(a.key, "/k");
    assert_null(a.run);
}

static void a_wrong_word_is_named(void **unused)
{
    static const struct {
        const char *argv[6];
        const char *msg;
    } rows[] = {
        { { NULL }, "no verb; see 'kiln-worker --help'" },
        { { "improt" }, "unknown verb 'improt'" },
        { { "gc", "--store" }, "'--store' needs a value" },
        { { "gc" }, "'gc' needs '--store'" },
        { { "gc", "--store", "a", "--store", "b" }, "'--store' is given twice" },
        { { "gc", "--store", "a", "--shallow" }, "'--shallow' is no option of 'gc'" },
        { { "gc", "--store", "a", "--run=r" }, "'--run=r' is no option of 'gc'" },
        { { "check", "--store", "a", "--shallow=1" }, "'--shallow' takes no value" },
        { { "gc", "stray" }, "'stray' is no option of 'gc'" },
        { { "gc", "--sto", "a" }, "'--sto' is no option of 'gc'" },
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct verb *v = NULL;
        struct worker_args a;
        struct err e = { 0 };
        int n = 0;

        while (rows[i].argv[n])
            n++;
        assert_int_equal(args_parse(n, (char *const *)rows[i].argv, &v, &a, &e), -EINVAL);
        assert_int_equal(e.kind, ERR_INVALID);
        assert_string_equal(e.msg, rows[i].msg);
        assert_null(v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_command_line_is_understood),
        cmocka_unit_test(a_wrong_word_is_named),
    };

    return test_run(tests);
}
