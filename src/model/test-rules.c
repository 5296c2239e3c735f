/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names, tags, devices, volumes, instance types: tables of good and bad. */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rules.h"
#include "str.h"

static char *repeat(const char *what, size_t n)
{
    struct str s = STR_INIT(4096);

    for (size_t i = 0; i < n; i++)
        str_add(&s, what);
    return s.p ? str_take(&s) : xstrdup("");
}

struct verdict {
    const char *unit;
    size_t times;
    int r;
};

static void check_verdicts(const struct verdict *v, size_t n,
                           int (*rule)(const char *text, struct err *e))
{
    for (size_t i = 0; i < n; i++) {
        _cleanup_free_ char *text = repeat(v[i].unit, v[i].times);
        struct err e = { 0 };
        int r = rule(text, &e);

        if (r != v[i].r || e.no != -r || (r < 0 && e.kind != ERR_INVALID))
            fail_msg("'%s' * %zu gave %d: %s", v[i].unit, v[i].times, r, e.msg);
    }
}

static void image_names_have_3_to_128_of_the_allowed_signs(void **unused) /* C-64 */
{
    static const struct verdict v[] = {
        { "a", 2, -EILSEQ },     { "a", 3, 0 },
        { "a", 128, 0 },         { "a", 129, -EILSEQ },
        { "", 1, -EILSEQ },      { "aZ09()[] ./-'@_", 1, 0 },
        { "   ", 1, 0 },         { "abc*", 1, -EILSEQ },
        { "abc:d", 1, -EILSEQ }, { "abc\xc3\xa4", 1, -EILSEQ },
        { "abc\n", 1, -EILSEQ }, { "a,bc", 1, -EILSEQ },
        { "abc\\", 1, -EILSEQ }, { "abc\"", 1, -EILSEQ },
    };
    struct err e = { 0 };

    (void)unused;
    check_verdicts(v, ARRAY_LEN(v), rules_image_name);
    (void)rules_image_name("x", &e);
    assert_string_equal(e.msg,
                        "AMI names must be between 3 and 128 characters long, and may contain "
                        "letters, numbers, '(', ')', '.', '-', '/' and '_'");
}

static void descriptions_have_255_characters_not_bytes(void **unused) /* C-42 */
{
    static const struct verdict v[] = {
        { "", 1, 0 },
        { "a", 255, 0 },
        { "a", 256, -EINVAL },
        { "\xe2\x82\xac", 255, 0 },
        { "\xe2\x82\xac", 256, -EINVAL },
    };

    (void)unused;
    check_verdicts(v, ARRAY_LEN(v), rules_description);
}

static void key_names_are_ascii_without_blanks_at_the_ends(void **unused)
{
    static const struct verdict v[] = {
        { "k", 1, 0 },          { "k", 255, 0 },
        { "k", 256, -EINVAL },  { "", 1, -EINVAL },
        { " k", 1, -EINVAL },   { "k ", 1, -EINVAL },
        { "my key", 1, 0 },     { "k\xc3\xa4", 1, -EINVAL },
        { "k\tk", 1, -EINVAL },
    };

    (void)unused;
    check_verdicts(v, ARRAY_LEN(v), rules_key_name);
}

static int value_rule(const char *text, struct err *e)
{
    return rules_tag("key", text, e);
}

static int tag_key_rule(const char *text, struct err *e)
{
    return rules_tag(text, "", e);
}

static void tags_are_counted_in_characters(void **unused)
{
    static const struct verdict keys[] = {
        { "k", 128, 0 },
        { "k", 129, -EINVAL },
        { "\xf0\x9f\x94\xa5", 128, 0 },
        { "\xf0\x9f\x94\xa5", 129, -EINVAL },
        { "", 1, -EINVAL },
        { "aws:", 1, -EINVAL },
        { "AwS:x", 1, -EINVAL },
        { "aws", 1, 0 },
        { "kiln:generalize", 1, 0 },
        { "\xff", 1, -EINVAL },
    };
    static const struct verdict values[] = {
        { "", 1, 0 },
        { "v", 256, 0 },
        { "v", 257, -EINVAL },
        { "\xc3\xa4", 256, 0 },
        { "\xc3\xa4", 257, -EINVAL },
        { "\xc0\x80", 1, -EINVAL },
    };

    (void)unused;
    check_verdicts(keys, ARRAY_LEN(keys), tag_key_rule);
    check_verdicts(values, ARRAY_LEN(values), value_rule);
}

static void device_names_are_those_of_ec2(void **unused) /* C-53 */
{
    static const struct verdict v[] = {
        { "/dev/sda1", 1, 0 },
        { "/dev/sda", 1, 0 },
        { "/dev/sdf", 1, 0 },
        { "/dev/sdp15", 1, 0 },
        { "/dev/xvda", 1, 0 },
        { "xvdf", 1, 0 },
        { "xvdca", 1, 0 },
        { "xvdcz", 1, 0 },
        { "xvdba", 1, 0 },
        { "/dev/xvdf1", 1, 0 },
        { "sdb", 1, 0 },
        { "/dev/sdp16", 1, -EINVAL },
        { "/dev/sda0", 1, -EINVAL },
        { "/dev/sda01", 1, -EINVAL },
        { "/dev/sdaa", 1, -EINVAL },
        { "xvdea", 1, -EINVAL },
        { "xvdcaa", 1, -EINVAL },
        { "/dev/", 1, -EINVAL },
        { "", 1, -EINVAL },
        { "/dev/nvme0n1", 1, -EINVAL },
        { "sdF", 1, -EINVAL },
        { "/dev/sdf ", 1, -EINVAL },
        { "/dev/../etc", 1, -EINVAL },
        { "C:", 1, -EINVAL },
    };
    struct err e = { 0 };

    (void)unused;
    check_verdicts(v, ARRAY_LEN(v), rules_device_name);
    (void)rules_device_name("/dev/foo", &e);
    assert_string_equal(e.msg, "Value (/dev/foo) for parameter device is invalid. "
                               "/dev/foo is not a valid EBS device name.");
}

static void ephemeral_disks_are_numbered_0_to_23(void **unused) /* C-66 */
{
    static const struct {
        const char *name;
        int n;
    } v[] = {
        { "ephemeral0", 0 },
        { "ephemeral9", 9 },
        { "ephemeral23", 23 },
        { "ephemeral24", -EINVAL },
        { "ephemeral", -EINVAL },
        { "ephemeral00", -EINVAL },
        { "ephemeral01", -EINVAL },
        { "ephemeral-1", -EINVAL },
        { "Ephemeral0", -EINVAL },
        { "ephemeral1 ", -EINVAL },
        { "", -EINVAL },
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        if (rules_ephemeral_number(v[i].name) != v[i].n)
            fail_msg("%s", v[i].name);
}

static void volumes_have_the_ranges_of_their_type(void **unused)
{
    static const struct {
        const char *type;
        uint64_t gib;
        uint32_t iops, throughput;
        int r;
        uint32_t want_iops, want_throughput;
    } v[] = {
        { "", 1, 0, 0, 0, 0, 0 }, /* becomes gp2 */
        { "gp2", 16384, 0, 0, 0, 0, 0 },
        { "gp2", 16385, 0, 0, -EINVAL, 0, 0 },
        { "gp2", 0, 0, 0, -EINVAL, 0, 0 },
        { "gp2", 8, 100, 0, -ENOTSUP, 0, 0 },
        { "gp2", 8, 0, 125, -ENOTSUP, 0, 0 },
        { "gp3", 1, 0, 0, 0, 3000, 125 },
        { "gp3", 65536, 80000, 2000, 0, 80000, 2000 },
        { "gp3", 65537, 0, 0, -EINVAL, 0, 0 },
        { "gp3", 100, 2999, 0, -EINVAL, 0, 0 },
        { "gp3", 65536, 80001, 0, -EINVAL, 0, 0 },
        { "gp3", 8, 4000, 0, 0, 4000, 125 },
        { "gp3", 8, 4001, 0, -EINVAL, 0, 0 }, /* 500 for each GiB */
        { "gp3", 100, 3000, 124, -EINVAL, 0, 0 },
        { "gp3", 100, 8000, 2001, -EINVAL, 0, 0 },
        { "gp3", 100, 3000, 750, 0, 3000, 750 },
        { "gp3", 100, 3000, 751, -ENOTSUP, 0, 0 },
        { "io1", 4, 100, 0, 0, 100, 0 },
        { "io1", 3, 100, 0, -EINVAL, 0, 0 },
        { "io1", 4, 0, 0, -ENODATA, 0, 0 },
        { "io1", 4, 99, 0, -EINVAL, 0, 0 },
        { "io1", 4, 201, 0, -EINVAL, 0, 0 },
        { "io1", 16384, 64000, 0, 0, 64000, 0 },
        { "io1", 16384, 64001, 0, -EINVAL, 0, 0 },
        { "io2", 65536, 256000, 0, 0, 256000, 0 },
        { "io2", 65536, 256001, 0, -EINVAL, 0, 0 },
        { "st1", 124, 0, 0, -EINVAL, 0, 0 },
        { "st1", 125, 0, 0, 0, 0, 0 },
        { "sc1", 16385, 0, 0, -EINVAL, 0, 0 },
        { "standard", 1024, 0, 0, 0, 0, 0 },
        { "standard", 1025, 0, 0, -EINVAL, 0, 0 },
        { "gp4", 8, 0, 0, -EINVAL, 0, 0 },
        { "GP2", 8, 0, 0, -EINVAL, 0, 0 },
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(v); i++) {
        struct err e = { 0 };
        char type[16];
        uint32_t iops = v[i].iops, through = v[i].throughput;
        int r;

        assert_int_equal(str_copy(type, sizeof type, v[i].type), 0);
        r = rules_volume(type, v[i].gib, &iops, &through, &e);
        if (r != v[i].r || e.no != -r)
            fail_msg("row %zu: %d %s", i, r, e.msg);
        assert_string_equal(type, r == 0 && !v[i].type[0] ? "gp2" : v[i].type);
        assert_int_equal(iops, r < 0 ? v[i].iops : v[i].want_iops);
        assert_int_equal(through, r < 0 ? v[i].throughput : v[i].want_throughput);
    }
}

static void instance_types_are_sorted_and_found(void **unused)
{
    const struct instance_type *t, *before = NULL;
    size_t n = 0;

    (void)unused;
    for (; (t = instance_type_at(n)); n++) {
        if (before)
            assert_true(strcmp(before->name, t->name) < 0);
        assert_ptr_equal(instance_type_find(t->name), t);
        assert_true(t->vcpus && t->memory_mib);
        assert_int_equal(t->store_disks == 0, t->store_disk_gib == 0);
        assert_true(!t->store_nvme || (t->nitro && t->store_disks));
        before = t;
    }
    assert_true(n >= 39);
    assert_null(instance_type_find("m9.huge"));
    assert_null(instance_type_find(""));
}

static void instance_types_are_those_of_ec2(void **unused) /* C-9: encryption by type */
{
    static const struct {
        const char *name;
        unsigned vcpus;
        uint64_t mib;
        unsigned disks;
        uint64_t gib;
        bool nvme, encryption, nitro, burstable;
    } v[] = {
        { "t1.micro", 1, 627, 0, 0, false, false, false, false },
        { "m1.small", 1, 1740, 1, 160, false, false, false, false },
        { "m3.medium", 1, 3840, 1, 4, false, true, false, false },
        { "t2.micro", 1, 1024, 0, 0, false, true, false, true },
        { "t3.medium", 2, 4096, 0, 0, false, true, true, true },
        { "m5.large", 2, 8192, 0, 0, false, true, true, false },
        { "m5d.4xlarge", 16, 65536, 2, 300, true, true, true, false },
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(v); i++) {
        const struct instance_type *t = instance_type_find(v[i].name);

        assert_non_null(t);
        assert_int_equal(t->vcpus, v[i].vcpus);
        assert_int_equal(t->memory_mib, v[i].mib);
        assert_int_equal(t->store_disks, v[i].disks);
        assert_int_equal(t->store_disk_gib, v[i].gib);
        assert_int_equal(t->store_nvme, v[i].nvme);
        assert_int_equal(t->encryption, v[i].encryption);
        assert_int_equal(t->nitro, v[i].nitro);
        assert_int_equal(t->burstable, v[i].burstable);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(image_names_have_3_to_128_of_the_allowed_signs),
        cmocka_unit_test(descriptions_have_255_characters_not_bytes),
        cmocka_unit_test(key_names_are_ascii_without_blanks_at_the_ends),
        cmocka_unit_test(tags_are_counted_in_characters),
        cmocka_unit_test(device_names_are_those_of_ec2),
        cmocka_unit_test(ephemeral_disks_are_numbered_0_to_23),
        cmocka_unit_test(volumes_have_the_ranges_of_their_type),
        cmocka_unit_test(instance_types_are_sorted_and_found),
        cmocka_unit_test(instance_types_are_those_of_ec2),
    };
    return test_run(tests);
}
