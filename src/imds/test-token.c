/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <string.h>

#include "imds-token.h"
#include "rate.h"

#define ID  "i-0123456789abcdef0"
#define NOW 1000000ULL

static struct token_key key;

static void make(char ret[TOKEN_TEXT])
{
    token_key_init(&key);
    assert_int_equal(token_make(&key, ID, 7, 60, NOW, ret), 0);
    assert_int_equal(strlen(ret), TOKEN_CHARS);
}

static void a_token_lives_as_long_as_it_was_made_for(void **unused)
{
    char t[TOKEN_TEXT];
    uint32_t left = 0;

    (void)unused;
    make(t);
    assert_int_equal(token_check(&key, ID, 7, t, NOW, &left), 1);
    assert_int_equal(left, 60);
    assert_int_equal(token_check(&key, ID, 7, t, NOW + 1, &left), 1);
    assert_int_equal(left, 60);
    assert_int_equal(token_check(&key, ID, 7, t, NOW + 59999, &left), 1);
    assert_int_equal(left, 1);
    left = 99;
    assert_int_equal(token_check(&key, ID, 7, t, NOW + 60000, &left), 0);
    assert_int_equal(left, 99); /* outputs untouched */
}

static void a_token_is_worth_nothing_elsewhere_or_after_a_stop(void **unused)
{
    char t[TOKEN_TEXT];
    uint32_t left;

    (void)unused;
    make(t);
    assert_int_equal(token_check(&key, "i-0123456789abcdef1", 7, t, NOW, &left), 0);
    assert_int_equal(token_check(&key, "i-0123456789abcdef", 7, t, NOW, &left), 0);
    assert_int_equal(token_check(&key, ID, 8, t, NOW, &left), 0);
    token_key_init(&key); /* the daemon was started again */
    assert_int_equal(token_check(&key, ID, 7, t, NOW, &left), 0);
}

static void no_letter_of_a_token_may_change(void **unused)
{
    static const char letters[] = "AQgw_-9+/= \n";
    char t[TOKEN_TEXT];
    uint32_t left;

    (void)unused;
    make(t);
    for (size_t i = 0; i < TOKEN_CHARS - 3; i++) /* the last letter holds four spare bits */
        for (size_t k = 0; k < sizeof letters - 1; k++) {
            char was = t[i];

            t[i] = letters[k];
            assert_int_equal(token_check(&key, ID, 7, t, NOW, &left), was == letters[k]);
            t[i] = was;
        }
}

static void what_is_no_token_is_refused(void **unused)
{
    static const char *const cases[] = {
        "",
        "A",
        "====",
        "AQAAAA==",
        "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
        "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "                                                        ",
        "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA===",
    };
    uint32_t left;

    (void)unused;
    token_key_init(&key);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(token_check(&key, ID, 7, cases[i], NOW, &left), 0);
}

static void two_tokens_are_never_the_same(void **unused)
{
    char a[TOKEN_TEXT], b[TOKEN_TEXT];

    (void)unused;
    make(a);
    assert_int_equal(token_make(&key, ID, 7, 60, NOW, b), 0);
    assert_string_not_equal(a, b);
}

static void a_bucket_gives_its_burst_then_its_rate(void **unused)
{
    struct bucket b;

    (void)unused;
    bucket_init(&b, 10, 5, 1000);
    for (unsigned i = 0; i < 5; i++)
        assert_true(bucket_take(&b, 1000));
    assert_false(bucket_take(&b, 1000));
    assert_false(bucket_take(&b, 1099));
    assert_true(bucket_take(&b, 1100));
    assert_true(bucket_is_empty(&b, 1100));
    assert_false(bucket_take(&b, 900)); /* a clock that goes back gives nothing */
    assert_false(bucket_is_empty(&b, 1200));
    for (unsigned i = 0; i < 5; i++) /* however long it rested: no more than the burst */
        assert_true(bucket_take(&b, UINT64_MAX));
    assert_false(bucket_take(&b, UINT64_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_lives_as_long_as_it_was_made_for),
        cmocka_unit_test(a_token_is_worth_nothing_elsewhere_or_after_a_stop),
        cmocka_unit_test(no_letter_of_a_token_may_change),
        cmocka_unit_test(what_is_no_token_is_refused),
        cmocka_unit_test(two_tokens_are_never_the_same),
        cmocka_unit_test(a_bucket_gives_its_burst_then_its_rate),
    };

    return test_run(tests);
}
