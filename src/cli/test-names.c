/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>

#include "records.h"

static json_t *sample(void)
{
    json_t *all = json_array();
    static const char *const rows[][3] = {
        { "i-0aaaaaaa", "web", "running" },    { "i-0aaaaabb", "db", "stopped" },
        { "i-0bbbbbbb", "web", "terminated" }, { "i-0ccccccc", "twin", "running" },
        { "i-0ddddddd", "twin", "running" },   { "i-0eeeeeee", "old", "terminated" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        json_array_append_new(all, json_pack("{s:s, s:s, s:s}", "id", rows[i][0], "name",
                                             rows[i][1], "state", rows[i][2]));
    return all;
}

static void names_and_beginnings_of_ids_are_found(void **unused)
{
    static const char *const cases[][2] = {
        { "web", "i-0aaaaaaa" }, /* the terminated one of that name does not count */
        { "i-0aaaaab", "i-0aaaaabb" }, { "i-0c", "i-0ccccccc" },
        { "old", "i-0eeeeeee" }, /* nothing else fits */
        { "i-0e", "i-0eeeeeee" },
    };
    _cleanup_json_ json_t *all = sample();

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *id = NULL;
        struct err e = { 0 };

        assert_int_equal(names_choose(KIND_INSTANCE, all, cases[i][0], &id, &e), 1);
        assert_string_equal(id, cases[i][1]);
    }
}

static void what_fits_nothing_is_no_error(void **unused)
{
    _cleanup_json_ json_t *all = sample();
    const char *id = NULL;
    struct err e = { 0 };

    (void)unused;
    assert_int_equal(names_choose(KIND_INSTANCE, all, "nix", &id, &e), 0);
    assert_null(id);
}

static void what_fits_several_lists_them(void **unused)
{
    _cleanup_json_ json_t *all = sample();
    const char *id = NULL;
    struct err e = { 0 };

    (void)unused;
    assert_int_equal(names_choose(KIND_INSTANCE, all, "twin", &id, &e), -ENOTUNIQ);
    assert_string_equal(e.msg, "'twin' fits 2 instances: i-0ccccccc, i-0ddddddd");
    e = (struct err){ 0 };
    assert_int_equal(names_choose(KIND_INSTANCE, all, "i-0a", &id, &e), -ENOTUNIQ);
    assert_string_equal(e.msg, "'i-0a' fits 2 instances: i-0aaaaaaa, i-0aaaaabb");
    assert_null(id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_beginnings_of_ids_are_found),
        cmocka_unit_test(what_fits_nothing_is_no_error),
        cmocka_unit_test(what_fits_several_lists_them),
    };

    return test_run(tests);
}
