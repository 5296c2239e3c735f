/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/test.h"

#include <errno.h>
#include <string.h>

#include "engine/fake.h"
#include "engine/password.h"

struct fixture {
    struct fake *f;
    struct imds *m;
    struct err e;
    struct password_done done;
};

static struct fixture start(void)
{
    struct fixture x = { .f = fake_new() };

    fake_metadata_instance(x.f);
    x.m = imds_new(&x.f->win, dialect_get(DIALECT_V2));
    return x;
}

static void end(struct fixture *x)
{
    password_done_wipe(&x->done);
    imds_free(x->m);
    fake_free(x->f);
}

static void a_random_password_keeps_the_rules(void **unused)
{
    struct fixture x = start();
    char seen[256] = { 0 }, p[PASSWORD_MAX + 1], last[PASSWORD_MAX + 1] = "";
    unsigned kinds = 0;

    for (unsigned i = 0; i < 400; i++) {
        assert_int_equal(password_generate(&x.f->win, 32, p, &x.e), 0);
        assert_int_equal(strlen(p), 32);
        assert_true(password_is_good(p, 32));
        assert_string_not_equal(p, last);
        memcpy(last, p, sizeof(p));
        for (size_t k = 0; k < 32; k++)
            seen[(unsigned char)p[k]] = 1;
    }
    for (unsigned c = 0; c < 256; c++) {
        kinds += seen[c];
        if (seen[c])
            assert_non_null(memchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ23456789"
                                   "()!@$%-=.?*;&",
                                   (int)c, 73));
    }
    assert_int_equal(kinds, 73); /* all of them, none else */
    end(&x);
}

static void weak_words_are_refused(void **unused) /* S-91 */
{
    static const struct {
        const char *text;
        bool good;
    } rows[] = { { "abc", false },      { "", false },         { "Abcdefg1", true },
                 { "abcdefg1", false }, { "abcdef-1", true },  { "ABCDEF-1", true },
                 { "Abcdefgh", false }, { "Zürich-ab", true }, { "1234-5678", false } };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(password_is_good(rows[i].text, 0), rows[i].good);
    assert_false(password_is_good("Abcdefg1", 9));
}

static void it_is_set_made_active_and_sealed_for_the_owner(void **unused)
{
    struct fixture x = start();
    struct password_order o = { 0 };
    char *clear;

    x.f->accounts[0].flags = WIN_ACCOUNT_DISABLED | WIN_ACCOUNT_EXPIRES | WIN_ACCOUNT_MUST_CHANGE |
                             WIN_ACCOUNT_PASSWORD_NOT_REQ;
    assert_int_equal(password_apply(&x.f->win, x.m, &o, &x.done, &x.e), 0);
    assert_string_equal(x.done.account, "Administrator");
    assert_int_equal(x.f->accounts[0].flags, 0);
    assert_int_equal(strlen(x.done.sealed), 344); /* 2048 bits, no line breaks */
    clear = fake_unseal(x.done.sealed);
    assert_non_null(clear);
    assert_int_equal(strlen(clear), 32);
    assert_string_equal(clear, fake_password(x.f, "Administrator"));
    assert_string_equal(clear, x.done.clear);
    free(clear);
    end(&x);
}

static void a_given_one_is_used_when_good_else_replaced(void **unused)
{
    struct fixture x = start();
    struct password_order o = { .given = "Correct-Horse-7" };

    assert_int_equal(password_apply(&x.f->win, x.m, &o, &x.done, &x.e), 0);
    assert_string_equal(fake_password(x.f, "Administrator"), "Correct-Horse-7");
    assert_false(x.done.given_refused);
    password_done_wipe(&x.done);

    o.given = "abc"; /* S-91 */
    assert_int_equal(password_apply(&x.f->win, x.m, &o, &x.done, &x.e), 0);
    assert_true(x.done.given_refused);
    assert_int_equal(strlen(fake_password(x.f, "Administrator")), 32);
    password_done_wipe(&x.done);

    o.given = "Refused-By-Windows-1";
    fake_fail(x.f, "account_set_password", EINVAL, 1);
    assert_int_equal(password_apply(&x.f->win, x.m, &o, &x.done, &x.e), 0);
    assert_true(x.done.given_refused);
    assert_int_equal(strlen(fake_password(x.f, "Administrator")), 32);
    end(&x);
}

static void the_policy_may_ask_for_more_characters(void **unused)
{
    struct fixture x = start();
    struct password_order o = { .given = "Correct-Horse-7" };

    x.f->min_length = 40;
    assert_int_equal(password_apply(&x.f->win, x.m, &o, &x.done, &x.e), 0);
    assert_true(x.done.given_refused);
    assert_int_equal(strlen(fake_password(x.f, "Administrator")), 40);
    end(&x);
}

static void an_unknown_name_renames_the_administrator(void **unused)
{
    struct fixture x = start();
    struct password_order o = { .account = "Builder" };

    assert_int_equal(password_apply(&x.f->win, x.m, &o, &x.done, &x.e), 0);
    assert_string_equal(x.f->accounts[0].name, "Builder");
    assert_string_equal(x.done.account, "Builder");
    password_done_wipe(&x.done);
    o.account = "guest"; /* there already: nothing is renamed */
    assert_int_equal(password_apply(&x.f->win, x.m, &o, &x.done, &x.e), 0);
    assert_string_equal(x.done.account, "Guest");
    assert_string_equal(x.f->accounts[0].name, "Builder");
    password_done_wipe(&x.done);
    o.account = "bad/name";
    assert_int_equal(password_apply(&x.f->win, x.m, &o, &x.done, &x.e), -EINVAL);
    assert_string_equal(x.e.msg, "Invalid administrator username: bad/name");
    end(&x);
}

static void without_a_key_it_is_set_and_told_to_nobody(void **unused)
{
    struct fixture x = start();
    struct password_order o = { 0 };

    fake_metadata(x.f, "meta-data/public-keys/0/openssh-key", NULL);
    assert_int_equal(password_apply(&x.f->win, x.m, &o, &x.done, &x.e), 0);
    assert_null(x.done.sealed);
    assert_int_equal(x.done.no_seal.no, 0);
    assert_non_null(fake_password(x.f, "Administrator"));
    password_done_wipe(&x.done);

    fake_metadata(x.f, "meta-data/public-keys/0/openssh-key",
                  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI x");
    assert_int_equal(password_apply(&x.f->win, x.m, &o, &x.done, &x.e), 0);
    assert_null(x.done.sealed);
    assert_string_equal(
        x.done.no_seal.msg,
        "a launch key of type 'ssh-ed25519' cannot seal a password, only ssh-rsa can");
    end(&x);
}

static void damaged_keys_are_refused(void **unused)
{
    static const char *const lines[] = {
        "ssh-rsa",
        "ssh-rsa !!!!",
        "ssh-rsa AAAA",
        "ssh-rsa AAAAB3NzaC1yc2E=",                     /* the type alone */
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAwEAAQ==", /* 17 bits */
        "ssh-rsa AAAAB3NzaC1yc2H/////AQAB",
        "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAAA==", /* another type inside */
    };
    struct password_key key;

    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct err e = { 0 };

        assert_int_equal(password_key_parse(lines[i], &key, &e), -EINVAL);
        assert_true(str_starts(e.msg, "the launch key is damaged: "));
    }
}

static void a_failure_leaves_nothing_behind(void **unused)
{
    struct fixture x = start();
    struct password_order o = { 0 };
    struct password_done empty = { 0 };

    fake_fail(x.f, "account_set_flags", EACCES, 1);
    assert_int_equal(password_apply(&x.f->win, x.m, &o, &x.done, &x.e), -EACCES);
    assert_memory_equal(&x.done, &empty, sizeof(empty));
    end(&x);
}

static void each_failing_call_is_survived_and_told(void **unused)
{
    static const struct {
        const char *row;
        int result; /* the owner's key is a help, not a need */
    } rows[] = { { "accounts", -EIO },
                 { "account_set_password", -EIO },
                 { "account_set_flags", -EIO },
                 { "random", -EIO },
                 { "rsa_encrypt", 0 },
                 { "net_connect", 0 },
                 { "net_recv", 0 },
                 { "password_min_length", 0 } };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture x = start();
        struct password_order o = { 0 };

        fake_fail(x.f, rows[i].row, EIO, 50);
        assert_int_equal(password_apply(&x.f->win, x.m, &o, &x.done, &x.e), rows[i].result);
        if (rows[i].result == 0 && !str_eq(rows[i].row, "password_min_length")) {
            assert_null(x.done.sealed);
            assert_non_null(strstr(x.done.no_seal.msg, "injected failure"));
        }
        end(&x);
    }
}

static void a_scrambled_password_is_long_and_kept_nowhere(void **unused)
{
    struct fixture x = start();

    x.f->accounts[0].flags = WIN_ACCOUNT_DISABLED;
    assert_int_equal(password_scramble(&x.f->win, NULL, true, &x.e), 0);
    assert_int_equal(strlen(fake_password(x.f, "Administrator")), 64);
    assert_int_equal(x.f->accounts[0].flags, WIN_ACCOUNT_DISABLED);
    for (struct fake_pair *p = x.f->files; p; p = p->next)
        assert_null(strstr(p->data, fake_password(x.f, "Administrator")));
    assert_int_equal(password_scramble(&x.f->win, "Administrator", false, &x.e), 0);
    assert_int_equal(x.f->accounts[0].flags, 0);
    assert_int_equal(password_scramble(&x.f->win, "Nobody", false, &x.e), -ENOENT);
    end(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_random_password_keeps_the_rules),
        cmocka_unit_test(weak_words_are_refused),
        cmocka_unit_test(it_is_set_made_active_and_sealed_for_the_owner),
        cmocka_unit_test(a_given_one_is_used_when_good_else_replaced),
        cmocka_unit_test(the_policy_may_ask_for_more_characters),
        cmocka_unit_test(an_unknown_name_renames_the_administrator),
        cmocka_unit_test(without_a_key_it_is_set_and_told_to_nobody),
        cmocka_unit_test(damaged_keys_are_refused),
        cmocka_unit_test(a_failure_leaves_nothing_behind),
        cmocka_unit_test(each_failing_call_is_survived_and_told),
        cmocka_unit_test(a_scrambled_password_is_long_and_kept_nowhere),
    };

    return test_run(tests);
}
