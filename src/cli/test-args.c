/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "cli.h"
#include "str.h"

#define PARSE(c, e, ...)                                                                           \
    parse(c, e, (const char *[]){ "kiln", __VA_ARGS__ },                                           \
          ARRAY_LEN(((const char *[]){ "kiln", __VA_ARGS__ })))

static int parse(struct cli *c, struct err *e, const char **argv, size_t n)
{
    return cli_parse(c, (int)n, (char **)argv, e);
}

static void a_verb_of_two_words_is_found(void **unused)
{
    struct cli c = { 0 };
    struct err e = { 0 };

    (void)unused;
    assert_int_equal(PARSE(&c, &e, "image", "create", "i-1", "--name", "golden"), 0);
    assert_string_equal(c.verb->name, "image create");
    assert_int_equal(c.n_args, 1);
    assert_string_equal(c.args[0], "i-1");
    assert_string_equal(cli_opt(&c, "--name"), "golden");
}

static void an_alias_is_the_same_verb(void **unused)
{
    struct cli c = { 0 };
    struct err e = { 0 };

    (void)unused;
    assert_int_equal(PARSE(&c, &e, "image", "deregister", "ami-1"), 0);
    assert_string_equal(c.verb->name, "image delete");
}

static void options_stand_anywhere_and_take_both_forms(void **unused)
{
    struct cli c = { 0 };
    struct err e = { 0 };

    (void)unused;
    assert_int_equal(PARSE(&c, &e, "--region=r", "--json", "launch", "--disk", "a:1", "base",
                           "--disk=b:2", "--wait"),
                     0);
    assert_true(c.json);
    assert_true(cli_flag(&c, "--wait"));
    assert_string_equal(cli_opt(&c, "--region"), "r");
    assert_string_equal(cli_opt_at(&c, "--disk", 0), "a:1");
    assert_string_equal(cli_opt_at(&c, "--disk", 1), "b:2");
    assert_null(cli_opt_at(&c, "--disk", 2));
}

static void two_dashes_end_the_options(void **unused)
{
    struct cli c = { 0 };
    struct err e = { 0 };

    (void)unused;
    assert_int_equal(PARSE(&c, &e, "show", "--", "--json"), 0);
    assert_string_equal(c.args[0], "--json");
    assert_false(c.json);
}

static void wrong_usage_is_told_by_name(void **unused)
{
    static const struct {
        const char *words[6];
        const char *told;
    } cases[] = {
        { { "frob" }, "unknown verb 'frob'" },
        { { "image", "frob" }, "unknown verb 'image frob'" },
        { { "image" }, "'image' needs a second word" },
        { { "ls", "--frob" }, "unknown option '--frob'" },
        { { "ls", "--all=yes" }, "option '--all' takes no value" },
        { { "import", "f", "--name" }, "option '--name' needs a value: --name NAME" },
        { { "import", "f" }, "'import' needs --name NAME" },
        { { "import", "--name", "n" }, "'import' needs FILE" },
        { { "show", "a", "b" }, "'b' is one argument too many" },
        { { "ls", "--all", "--all" }, "option '--all' is given twice" },
        { { "import", "f", "--name=n", "--platform", "mac" },
          "option '--platform' takes one of windows|linux, not 'mac'" },
        { { "--json" }, "which verb?" },
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *argv[8] = { "kiln" };
        struct cli c = { 0 };
        struct err e = { 0 };
        size_t n = 1;

        for (; n <= 6 && cases[i].words[n - 1]; n++)
            argv[n] = cases[i].words[n - 1];
        assert_int_equal(parse(&c, &e, argv, n), -EINVAL);
        assert_int_equal(c.exit, CLI_USAGE);
        assert_memory_equal(e.msg, cases[i].told, strlen(cases[i].told));
        assert_non_null(strstr(e.msg, "(see 'kiln help"));
    }
}

static void help_needs_no_arguments(void **unused)
{
    struct cli c = { 0 };
    struct err e = { 0 };

    (void)unused;
    assert_int_equal(PARSE(&c, &e, "import", "--help"), 0);
    assert_true(c.want_help);
}

static void too_many_arguments_are_refused(void **unused)
{
    const char *argv[CLI_ARGS_MAX + 4] = { "kiln", "stop" };
    struct cli c = { 0 };
    struct err e = { 0 };

    (void)unused;
    for (size_t i = 2; i < ARRAY_LEN(argv); i++)
        argv[i] = "i-1";
    assert_int_equal(parse(&c, &e, argv, ARRAY_LEN(argv)), -EINVAL);
}

/* The table itself: what parsing, help and completion rely on. */
static void every_row_is_whole(void **unused)
{
    const struct cli_verb *v;

    (void)unused;
    for (size_t i = 0; (v = cli_verb_at(i)); i++) {
        const char *words[2] = { v->name, NULL };
        _cleanup_free_ char *first = xstrdup(v->name);
        char *space = strchr(first, ' ');
        size_t used = 0;

        if (space) {
            *space = 0;
            words[0] = first;
            words[1] = space + 1;
        }
        assert_ptr_equal(cli_verb_find(words, words[1] ? 2 : 1, &used), v);
        assert_non_null(v->run);
        assert_non_null(v->help);
        assert_true(v->min_args <= v->max_args);
        assert_true(v->args[0] || v->max_args == 0);
        assert_int_equal(v->summary[strlen(v->summary) - 1], '.');
        for (const struct cli_option *o = v->options; o && o->name; o++) {
            assert_true(o->name[0] == '-' && o->name[1]); /* "--name", or "-i" as ssh has it */
            assert_true(o->help[strlen(o->help) - 1] == '.');
            for (const struct cli_option *g = cli_globals; g->name; g++)
                assert_string_not_equal(o->name, g->name);
        }
    }
}

static void an_option_may_take_the_rest(void **unused)
{
    struct cli c = { 0 }, other = { 0 };
    struct err e = { 0 };

    (void)unused;
    assert_int_equal(PARSE(&c, &e, "connect", "web", "--port", "22", "--command", "ssh", "--json",
                           "-p", "{port}"),
                     0);
    assert_string_equal(cli_opt(&c, "--port"), "22");
    assert_int_equal(c.n_args, 1);
    assert_false(c.json); /* it is the command's */
    assert_string_equal(c.rest[0], "ssh");
    assert_string_equal(c.rest[3], "{port}");
    assert_true(PARSE(&other, &e, "connect", "web", "--port", "22", "--command=ssh") < 0);
    assert_non_null(strstr(e.msg, "takes the words behind it"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_option_may_take_the_rest),
        cmocka_unit_test(a_verb_of_two_words_is_found),
        cmocka_unit_test(an_alias_is_the_same_verb),
        cmocka_unit_test(options_stand_anywhere_and_take_both_forms),
        cmocka_unit_test(two_dashes_end_the_options),
        cmocka_unit_test(wrong_usage_is_told_by_name),
        cmocka_unit_test(help_needs_no_arguments),
        cmocka_unit_test(too_many_arguments_are_refused),
        cmocka_unit_test(every_row_is_whole),
    };

    return test_run(tests);
}
