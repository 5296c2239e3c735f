/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "file.h"
#include "str.h"

static char home[] = "/tmp/kiln-test-config.XXXXXX";

static void write_file(const char *text)
{
    _cleanup_free_ char *path = xasprintf("%s/credentials", home);
    struct err e = { 0 };

    assert_int_equal(file_replace(path, text, strlen(text), 0600, &e), 0);
}

static int before(void **unused)
{
    static const char *const names[] = { "KILN_ENDPOINT", "AWS_ACCESS_KEY_ID",
                                         "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION" };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        (void)unsetenv(names[i]);
    (void)setenv("KILN_HOME", home, 1);
    write_file("{\"endpoint\": \"http://file:1\", \"region\": \"file-1\", \"access_key_id\": "
               "\"FILE\", \"secret_access_key\": \"s'f\", \"account\": \"1\"}");
    return 0;
}

static void the_file_alone_is_enough(void **unused)
{
    struct cli c = { 0 };
    struct err e = { 0 };

    (void)unused;
    assert_int_equal(config_load(&c, false, &e), 0);
    assert_string_equal(c.cfg.endpoint, "http://file:1");
    assert_string_equal(c.cfg.region, "file-1");
    assert_string_equal(c.cfg.access_key, "FILE");
    assert_string_equal(c.cfg.secret, "s'f");
}

static void the_environment_wins_over_the_file(void **unused)
{
    struct cli c = { 0 };
    struct err e = { 0 };

    (void)unused;
    (void)setenv("KILN_ENDPOINT", "http://env:2", 1);
    (void)setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
    (void)setenv("AWS_SECRET_ACCESS_KEY", "se", 1);
    assert_int_equal(config_load(&c, false, &e), 0);
    assert_string_equal(c.cfg.endpoint, "http://env:2");
    assert_string_equal(c.cfg.access_key, "ENV");
    assert_string_equal(c.cfg.secret, "se");
}

static void half_a_key_in_the_environment_is_none(void **unused)
{
    struct cli c = { 0 };
    struct err e = { 0 };

    (void)unused;
    (void)setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
    assert_int_equal(config_load(&c, false, &e), 0);
    assert_string_equal(c.cfg.access_key, "FILE");
}

static void options_win_over_both(void **unused)
{
    const char *argv[] = { "kiln", "ls", "--endpoint", "http://opt:3", "--region", "opt-1" };
    struct cli c = { 0 };
    struct err e = { 0 };

    (void)unused;
    (void)setenv("KILN_ENDPOINT", "http://env:2", 1);
    assert_int_equal(cli_parse(&c, 6, (char **)argv, &e), 0);
    assert_int_equal(config_load(&c, false, &e), 0);
    assert_string_equal(c.cfg.endpoint, "http://opt:3");
    assert_string_equal(c.cfg.region, "opt-1");
}

static void kiln_env_does_not_see_another_kilns_environment(void **unused)
{
    struct cli c = { 0 };
    struct err e = { 0 };

    (void)unused;
    (void)setenv("KILN_ENDPOINT", "http://env:2", 1);
    (void)setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
    (void)setenv("AWS_SECRET_ACCESS_KEY", "se", 1);
    assert_int_equal(config_load(&c, true, &e), 0);
    assert_string_equal(c.cfg.endpoint, "http://file:1");
    assert_string_equal(c.cfg.access_key, "FILE");
}

static void a_missing_file_says_what_to_do(void **unused)
{
    struct cli c = { 0 };
    struct err e = { 0 };

    (void)unused;
    (void)setenv("KILN_HOME", "/nonexistent", 1);
    assert_int_equal(config_load(&c, false, &e), -ENOENT);
    assert_string_equal(e.msg,
                        "'/nonexistent/credentials' does not exist: kilnd writes it at its first "
                        "start. Start kilnd, or set KILN_HOME, or set AWS_ACCESS_KEY_ID and "
                        "AWS_SECRET_ACCESS_KEY");
}

static void a_broken_file_is_refused(void **unused)
{
    static const char *const texts[] = { "", "{", "[]", "{\"access_key_id\": \"A\"}",
                                         "{\"access_key_id\": 1, \"secret_access_key\": 2}" };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct cli c = { 0 };
        struct err e = { 0 };

        write_file(texts[i]);
        assert_int_equal(config_load(&c, false, &e), -EBADMSG);
        assert_int_equal(e.kind, ERR_CORRUPT);
    }
}

static int make_home(void **unused)
{
    (void)unused;
    return mkdtemp(home) ? 0 : -1;
}

static int remove_home(void **unused)
{
    struct err e = { 0 };

    (void)unused;
    return tree_remove(home, &e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_file_alone_is_enough, before),
        cmocka_unit_test_setup(the_environment_wins_over_the_file, before),
        cmocka_unit_test_setup(half_a_key_in_the_environment_is_none, before),
        cmocka_unit_test_setup(options_win_over_both, before),
        cmocka_unit_test_setup(kiln_env_does_not_see_another_kilns_environment, before),
        cmocka_unit_test_setup(a_missing_file_says_what_to_do, before),
        cmocka_unit_test_setup(a_broken_file_is_refused, before),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, make_home, remove_home);
}
