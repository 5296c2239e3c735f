/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "err.h"

static void wrap_puts_context_before_the_story(void **unused)
{
    struct err e = { 0 };

    (void)unused;
    assert_int_equal(err_set(&e, ENOENT, ERR_NOT_FOUND, "no '%s'", "x"), -ENOENT);
    assert_int_equal(err_wrap(&e, "open the volume"), -ENOENT);
    assert_string_equal(e.msg, "open the volume: no 'x'");
    assert_int_equal(e.kind, ERR_NOT_FOUND);
}

static void errno_gives_text_and_kind(void **unused)
{
    struct err e = { 0 };

    (void)unused;
    errno = ENOSPC;
    assert_int_equal(err_errno(&e, "write 'f'"), -ENOSPC);
    assert_string_equal(e.msg, "write 'f': No space left on device");
    assert_int_equal(e.kind, ERR_LIMIT);
}

static void a_long_story_is_cut_visibly(void **unused)
{
    char big[1000];
    struct err e = { 0 };

    (void)unused;
    memset(big, 'a', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    (void)err_set(&e, EIO, ERR_IO, "%s", big);
    assert_int_equal(strlen(e.msg), sizeof e.msg - 1);
    assert_string_equal(e.msg + sizeof e.msg - 4, "...");
}

static void kinds_have_names_both_ways(void **unused)
{
    enum err_kind k;

    (void)unused;
    for (unsigned i = 0; i < ERR_KIND_MAX; i++) {
        assert_int_equal(err_kind_parse(err_kind_name((enum err_kind)i), &k), 0);
        assert_int_equal(k, i);
    }
    assert_int_equal(err_kind_parse("nonsense", &k), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrap_puts_context_before_the_story),
        cmocka_unit_test(errno_gives_text_and_kind),
        cmocka_unit_test(a_long_story_is_cut_visibly),
        cmocka_unit_test(kinds_have_names_both_ways),
    };

    return test_run(tests);
}
