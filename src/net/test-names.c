/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "names.h"

#include <string.h>

#include "test.h"

static void ids_are_a_prefix_and_hex_digits(void **unused)
{
    static const char *const bad[] = { "",
                                       "eni-",
                                       "eni-0123456",
                                       "vpc-01234567",
                                       "eni-0123456g",
                                       "eni-01234567 ",
                                       "eni-0123456789abcdef01",
                                       "eni-01234567\n",
                                       "eni-0123;567",
                                       "eni-0123456A",
                                       "eni01234567" };
    char id[NET_ID_MAX] = "before";

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err e = { 0 };

        assert_true(net_id_take(bad[i], "eni", id, &e) < 0);
        assert_int_equal(e.kind, ERR_INVALID);
        assert_string_equal(id, "before");
    }
    struct err e = { 0 };

    assert_int_equal(net_id_take(NULL, "eni", id, &e), -22);
    err_clear(&e);
    assert_int_equal(net_id_take("eni-0123456789abcdef0", "eni", id, &e), 0);
    assert_string_equal(id, "eni-0123456789abcdef0");
    assert_int_equal(net_id_take("sg-01234567", "sg", id, &e), 0);
}

static void ranges_lose_the_bits_behind_the_prefix(void **unused)
{
    static const char *const bad[] = { "10.0.0.0",    "10.0.0.0/33", "10.0.0/8", "10.0.0.0/",
                                       "10.0.0.0/ 8", "10.0.0.0/8;", "/8",       "fd00::/129",
                                       "fd00:::/8",   "010.0.0.1/8", "a/8",      "10.0.0.0/8/8" };
    struct cidr4 c = { 7, 7 };
    struct err e = { 0 };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        err_clear(&e);
        assert_true(net_cidr_take(bad[i], &c, &e) < 0);
        assert_int_equal(c.prefix, 7);
    }
    err_clear(&e);
    assert_int_equal(net_cidr_take("172.31.5.9/20", &c, &e), 1);
    assert_int_equal(c.address, 0xac1f0000);
    assert_true(net_cidr_has(c, 0xac1f0fff));
    assert_false(net_cidr_has(c, 0xac1f1000));
    assert_int_equal(net_cidr_take("0.0.0.0/0", &c, &e), 1);
    assert_true(net_cidr_has(c, 0xffffffff));
    assert_int_equal(net_cidr_take("1.2.3.4/32", &c, &e), 1);
    assert_false(net_cidr_has(c, 0x01020305));
    c.prefix = 7;
    assert_int_equal(net_cidr_take("fd00::/8", &c, &e), 0);
    assert_int_equal(c.prefix, 7);
}

static void mac_addresses_belong_to_one_station(void **unused)
{
    static const char *const bad[] = { "",
                                       "02:00:00:00:00",
                                       "02:00:00:00:00:0G",
                                       "02:00:00:00:00:0A",
                                       "02-00-00-00-00-01",
                                       "01:00:5e:00:00:01",
                                       "ff:ff:ff:ff:ff:ff",
                                       "00:00:00:00:00:00",
                                       "02:00:00:00:00:011" };
    char mac[MAC_TEXT_MAX];
    struct err e = { 0 };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        err_clear(&e);
        assert_true(net_mac_take(bad[i], mac, &e) < 0);
    }
    err_clear(&e);
    assert_int_equal(net_mac_take("0e:12:34:56:78:9a", mac, &e), 0);
    assert_string_equal(mac, "0e:12:34:56:78:9a");
}

static void domains_are_plain(void **unused)
{
    static const char *const bad[] = { "", ".", "a..b", "-a", "a-", "a b", "a/b", "a,b", "A" };
    char d[DOMAIN_MAX];
    struct err e = { 0 };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        err_clear(&e);
        assert_true(net_domain_take(bad[i], d, &e) < 0);
    }
    err_clear(&e);
    assert_int_equal(net_domain_take("eu-west-1.compute.internal", d, &e), 0);
}

static void derived_names_fit_and_differ(void **unused)
{
    char ns[NET_NAME_MAX], a[NET_IF_MAX], b[NET_IF_MAX];

    (void)unused;
    net_name_ns("01234567", "vpc-0123456789abcdef0", ns);
    assert_string_equal(ns, "kiln-01234567-0123456789abcdef0");
    net_name_veth("01234567", "vpc-0123456789abcdef0", a);
    net_name_veth("01234567", "vpc-0123456789abcdef1", b);
    assert_int_equal(strlen(a), 15);
    assert_int_equal(strncmp(a, "k01234567", 9), 0);
    assert_string_not_equal(a, b);
    net_name_tap("eni-0123456789abcdef0", a);
    assert_string_equal(a, "t3456789abcdef0");
    net_name_tap("eni-01234567", a);
    assert_string_equal(a, "t01234567");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_a_prefix_and_hex_digits),
        cmocka_unit_test(ranges_lose_the_bits_behind_the_prefix),
        cmocka_unit_test(mac_addresses_belong_to_one_station),
        cmocka_unit_test(domains_are_plain),
        cmocka_unit_test(derived_names_fit_and_differ),
    };

    return test_run(tests);
}
