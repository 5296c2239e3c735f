/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <string.h>

#include "file.h"
#include "str.h"
#include "test-sample.h"
#include "tree-set.h"
#include "tree.h"

static struct sample sample;

static int get_as_of(const char *version, const char *path, struct str *out, bool *binary)
{
    char copy[512];
    const char *parts[TREE_DEPTH_MAX] = { 0 };
    struct tree_ask ask = { .version = version, .x = &sample.x };
    struct err e = { 0 };
    size_t n = 0;

    assert_int_equal(str_copy(copy, sizeof copy, path), 0);
    for (char *p = copy; *p;) {
        size_t len = strcspn(p, "/");
        bool more = p[len] == '/';

        p[len] = '\0';
        parts[n++] = p;
        p += len + more;
    }
    out->len = 0;
    return tree_get(&ask, parts, n, out, binary, &e);
}

static int get_all(const char *path, struct str *out, bool *binary)
{
    return get_as_of("latest", path, out, binary);
}

static void was_at(const char *version, const char *path, const char *wanted)
{
    _cleanup_str_ struct str out = STR_INIT(TREE_BODY_MAX);
    bool binary = false;
    int r = get_as_of(version, path, &out, &binary);

    assert_int_equal(r, wanted != NULL);
    if (wanted)
        assert_string_equal(str_text(&out), wanted);
}

static void is_at(const char *path, const char *wanted)
{
    was_at("latest", path, wanted);
}

static void values_are_those_of_the_instance(void **unused)
{
    static const struct {
        const char *path, *value;
    } cases[] = {
        { "meta-data/instance-id", "i-0000000000a010203" },
        { "meta-data/hostname", "ip-10-1-2-3.ec2.internal" },
        { "meta-data/ami-launch-index", "0" },
        { "meta-data/security-groups", "default\nweb servers" },
        { "meta-data/public-keys", "0=my-key" },
        { "meta-data/public-keys/0", "openssh-key" },
        { "meta-data/public-keys/0/openssh-key",
          "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7 my-key" },
        { "meta-data/public-keys/1", NULL },
        { "meta-data/public-keys/0=my-key", NULL },
        { "meta-data/block-device-mapping", "ami\nebs1\nephemeral0\nebs2\nroot" },
        { "meta-data/block-device-mapping/ami", "/dev/sda1" },
        { "meta-data/block-device-mapping/root", "/dev/sda1" },
        { "meta-data/block-device-mapping/ebs1", "sdb" },
        { "meta-data/block-device-mapping/ephemeral0", "sdc" },
        { "meta-data/block-device-mapping/ebs2", "sdf" },
        { "meta-data/block-device-mapping/ebs3", NULL },
        { "meta-data/network", "interfaces/" },
        { "meta-data/network/interfaces/macs", "02:00:0a:01:02:03/" },
        { "meta-data/network/interfaces/macs/02:00:0a:01:02:03/ipv4-associations", "203.0.113.7" },
        { "meta-data/network/interfaces/macs/02:00:0a:01:02:03/ipv4-associations/203.0.113.7",
          "10.1.2.3" },
        { "meta-data/network/interfaces/macs/02:00:0a:01:02:04/mac", NULL },
        { "meta-data/placement", "availability-zone\navailability-zone-id\nregion" },
        { "meta-data/tags", NULL }, /* not allowed */
        { "meta-data/iam/info", NULL },
        { "meta-data/{mac}", NULL },
        { "user-data", SAMPLE_DATA },
        { "dynamic", "fws/\ninstance-identity/" },
        { "dynamic/instance-identity", "document\npkcs7\nrsa2048\nsignature" },
        { "", "dynamic/\nmeta-data/\nuser-data" },
        { "meta-data/instance-id/x", NULL },
        { "meta", NULL },
        { "meta-datax", NULL },
    };

    (void)unused;
    sample_fill(&sample, "10.1.2.3");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        is_at(cases[i].path, cases[i].value);
}

static void an_older_version_shows_its_own_tree(void **unused)
{
    (void)unused;
    sample_fill(&sample, "10.1.2.3");
    sample.x.tags_shown = true;
    was_at("1.0", "", "meta-data/\nuser-data");
    was_at("1.0", "meta-data",
           "ami-id\nami-launch-index\nami-manifest-path\nhostname\ninstance-id\nlocal-ipv4\n"
           "public-keys/\nreservation-id\nsecurity-groups");
    was_at("2008-09-01", "dynamic", NULL);
    was_at("2009-04-04", "dynamic", "fws/\ninstance-identity/");
    was_at("2008-09-01", "meta-data/placement", "availability-zone");
    was_at("2019-10-01", "meta-data/placement", "availability-zone\navailability-zone-id");
    was_at("2020-10-27", "meta-data/placement", "availability-zone\navailability-zone-id\nregion");
    was_at("2019-10-01", "meta-data/placement/region", NULL);
    was_at("2021-01-03", "meta-data/tags", NULL);
    was_at("2021-03-23", "meta-data/tags", "instance/");
    was_at("2009-04-04", "meta-data/network", NULL);
    was_at("2011-01-01", "meta-data/network", "interfaces/");
}

/* A version that nobody can ask for would hide the item from all but later ones. */
static void dates_of_items_are_dates(void **unused)
{
    size_t n;
    const struct tree_row *rows = tree_rows(&n);

    (void)unused;
    for (size_t i = 0; i < n; i++)
        assert_true(str_eq(rows[i].since, "1.0") ||
                    (strlen(rows[i].since) == 10 && strspn(rows[i].since, "0123456789-") == 10));
}

static void tags_are_shown_when_allowed_and_fit_for_a_path(void **unused)
{
    (void)unused;
    sample_fill(&sample, "10.1.2.3");
    sample.x.tags_shown = true;
    is_at("meta-data/tags", "instance/");
    is_at("meta-data/tags/instance", "Name\nempty\nk:x@y,z+-=._");
    is_at("meta-data/tags/instance/Name", "build <1>");
    is_at("meta-data/tags/instance/empty", "");
    is_at("meta-data/tags/instance/has blank", NULL);
    sample.x.n_tags = 0;
    is_at("meta-data/tags", NULL);
}

static void what_an_instance_has_not_is_neither_listed_nor_found(void **unused)
{
    _cleanup_str_ struct str out = STR_INIT(TREE_BODY_MAX);
    bool binary;

    (void)unused;
    sample_fill(&sample, "10.1.2.3");
    sample.x = (struct imds_instance){ .id = "i-1", .region = "r" };
    is_at("", "dynamic/\nmeta-data/");
    is_at("user-data", NULL);
    is_at("meta-data/public-keys", NULL);
    is_at("meta-data/network", NULL);
    is_at("meta-data/block-device-mapping", NULL);
    is_at("meta-data/placement", "region");
    assert_int_equal(get_all("meta-data", &out, &binary), 1);
    assert_null(strstr(out.p, "public-ipv4"));
    assert_null(strstr(out.p, "public-keys"));
    assert_non_null(strstr(out.p, "instance-id"));
}

static void a_key_without_a_comment_gets_its_name(void **unused)
{
    (void)unused;
    sample_fill(&sample, "10.1.2.3");
    sample.x.public_key = "ssh-ed25519 AAAA\n";
    is_at("meta-data/public-keys/0/openssh-key", "ssh-ed25519 AAAA my-key");
    sample.x.key_name = NULL;
    is_at("meta-data/public-keys/0/openssh-key", "ssh-ed25519 AAAA");
}

static void user_data_is_bytes(void **unused)
{
    _cleanup_str_ struct str out = STR_INIT(TREE_BODY_MAX);
    bool binary = false;

    (void)unused;
    sample_fill(&sample, "10.1.2.3");
    sample.x.user_data = "\0\xff\n";
    sample.x.user_data_bytes = 3;
    assert_int_equal(get_all("user-data", &out, &binary), 1);
    assert_true(binary);
    assert_int_equal(out.len, 3);
    assert_memory_equal(out.p, "\0\xff\n", 3);
}

static void the_document_has_exactly_ec2s_keys(void **unused)
{
    static const char wanted[] = "{\n"
                                 "  \"accountId\" : \"123456789012\",\n"
                                 "  \"architecture\" : \"x86_64\",\n"
                                 "  \"availabilityZone\" : \"us-east-1a\",\n"
                                 "  \"billingProducts\" : [ \"bp-6ba54002\" ],\n"
                                 "  \"devpayProductCodes\" : null,\n"
                                 "  \"marketplaceProductCodes\" : null,\n"
                                 "  \"imageId\" : \"ami-0123456789abcdef0\",\n"
                                 "  \"instanceId\" : \"i-0000000000a010203\",\n"
                                 "  \"instanceType\" : \"m5.large\",\n"
                                 "  \"kernelId\" : null,\n"
                                 "  \"pendingTime\" : \"2026-01-02T03:04:05Z\",\n"
                                 "  \"privateIp\" : \"10.1.2.3\",\n"
                                 "  \"ramdiskId\" : null,\n"
                                 "  \"region\" : \"us-east-1\",\n"
                                 "  \"version\" : \"2017-09-30\"\n"
                                 "}";

    (void)unused;
    sample_fill(&sample, "10.1.2.3");
    sample.x.windows = true;
    is_at("dynamic/instance-identity/document", wanted);
}

static void the_table_is_sorted_and_fits(void **unused)
{
    size_t n;
    const struct tree_row *rows = tree_rows(&n);

    (void)unused;
    for (size_t i = 0; i < n; i++) {
        size_t depth = 1;

        if (i)
            assert_true(strcmp(rows[i - 1].path, rows[i].path) < 0);
        for (const char *p = rows[i].path; *p; p++)
            depth += *p == '/';
        assert_true(depth <= TREE_DEPTH_MAX);
    }
}

/* "_path_" in the manual page's table, braces and all, is a row here, and the other way round. */
static void the_manual_page_has_the_table(void **unused)
{
    _cleanup_free_ char *page = NULL;
    struct err e = { 0 };
    size_t n, len, in_page = 0;
    const struct tree_row *rows = tree_rows(&n);

    (void)unused;
    assert_int_equal(file_read(IMDS_PAGE, KIB(256), &page, &len, &e), 0);
    for (size_t i = 0; i < n; i++) {
        _cleanup_free_ char *row = xasprintf("\n|  *%s*\n", rows[i].path);

        if (!strstr(page, row))
            print_error("kiln-metadata(7) has no '%s'\n", rows[i].path);
        assert_non_null(strstr(page, row));
    }
    for (const char *p = page; (p = strstr(p, "\n|  *")); p++)
        in_page++;
    assert_int_equal(in_page, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_those_of_the_instance),
        cmocka_unit_test(an_older_version_shows_its_own_tree),
        cmocka_unit_test(dates_of_items_are_dates),
        cmocka_unit_test(tags_are_shown_when_allowed_and_fit_for_a_path),
        cmocka_unit_test(what_an_instance_has_not_is_neither_listed_nor_found),
        cmocka_unit_test(a_key_without_a_comment_gets_its_name),
        cmocka_unit_test(user_data_is_bytes),
        cmocka_unit_test(the_document_has_exactly_ec2s_keys),
        cmocka_unit_test(the_table_is_sorted_and_fits),
        cmocka_unit_test(the_manual_page_has_the_table),
    };

    return test_run(tests);
}
