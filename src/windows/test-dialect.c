/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>

#include "dialect-files.h"
#include "dialect.h"

static const char *const names[] = { "ec2launch-v2", "ec2launch", "ec2config" };

static void every_agent_ships_a_valid_answer_file(void **unused)
{
    (void)unused;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        _cleanup_(answer_freep) struct answer *a = NULL;
        _cleanup_(answer_settings_done) struct answer_settings s = { 0 };
        const struct dialect *d;
        struct answer_faults f;
        struct err e = { 0 };

        assert_int_equal(dialect_find(names[i], &d, &e), 0);
        assert_int_equal(answer_parse(d->answer.shipped->data, d->answer.shipped->n, &a, &e), 0);
        answer_check(a, &f);
        assert_int_equal(f.errors + f.notes, 0);
        assert_int_equal(answer_read(a, &s, &e), 0);
        assert_int_equal(s.persist_devices, ANSWER_TRUE);
        assert_int_equal(s.keep_absent_devices, ANSWER_TRUE);
        assert_int_equal(s.copy_profile, ANSWER_TRUE);
        assert_string_equal(s.computer_name, "*");
        assert_true(s.n_specialize_commands >= 2);
    }
}

static void shipped_files_have_line_ends_of_windows(void **unused)
{
    (void)unused;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct dialect *d;
        struct err e = { 0 };

        assert_int_equal(dialect_find(names[i], &d, &e), 0);
        for (size_t k = 0; k < DIALECT_FILES_MAX && d->files[k].path; k++) {
            const struct embedded_file *f = d->files[k].shipped;

            assert_true(f->n > 2);
            assert_memory_equal(f->data + f->n - 2, "\r\n", 2);
        }
    }
}

static void an_unknown_agent_is_refused_by_name(void **unused)
{
    const struct dialect *d = NULL;
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(dialect_find("ec2launch-v3", &d, &e), -EINVAL);
    assert_null(d);
    assert_string_equal(e.msg, "'ec2launch-v3' is no launch agent: ec2launch-v2, ec2launch or "
                               "ec2config");
    err_clear(&e);
    assert_int_equal(dialect_find(NULL, &d, &e), 0);
    assert_null(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_agent_ships_a_valid_answer_file),
        cmocka_unit_test(shipped_files_have_line_ends_of_windows),
        cmocka_unit_test(an_unknown_agent_is_refused_by_name),
    };

    return test_run(tests);
}
