/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The four captured requests of real clients, a presigned one made by botocore, and every way in
 * which a signature is refused. */
#include "test.h"

#include <string.h>

#include "sigv4.h"
#include "str.h"

#define SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define KEY    "AKIAIOSFODNN7EXAMPLE"

struct captured {
    const char *method, *query, *body;
    struct sigv4_header headers[12];
    const char *authorization;
    uint64_t now_s;
};

#define AUTH(names, signature)                                                                     \
    "AWS4-HMAC-SHA256 Credential=" KEY                                                             \
    "/20261122/us-east-1/ec2/aws4_request, SignedHeaders=" names ", Signature=" signature

static const struct captured botocore = {
    "POST",
    "",
    "Action=DeleteTags&Version=2016-11-15&ResourceId.1=i-ac9a820633abac633&Tag.1.Key=k1&Tag.2.Key="
    "k2&Tag.2.Value=",
    { { "Content-Type", "application/x-www-form-urlencoded; charset=utf-8" },
      { "Host", "127.0.0.1:6001" },
      { "X-Amz-Date", "20261122T104302Z" } },
    AUTH("content-type;host;x-amz-date",
         "779125f58a8ae82ef3712542ab9c0d1728e17e3e81ebeef40e1d06c20776420a"),
    1795344182,
};

static const struct captured go_v1 = {
    "POST",
    "",
    "Action=DescribeRegions&Version=2016-11-15",
    { { "content-length", "41" },
      { "content-type", "application/x-www-form-urlencoded; charset=utf-8" },
      { "host", "127.0.0.1:6002" },
      { "x-amz-date", "20261122T103751Z" } },
    AUTH("content-length;content-type;host;x-amz-date",
         "0ee4c2b05611bfa5ee4f19718062acb71555e9f0cff5bf89a6d6761afe10999a"),
    1795343871,
};

static const struct captured javascript = {
    "POST",
    "",
    "Action=StopInstances&Version=2016-11-15&InstanceId.1=i-389651f1d42e1f3d3&Hibernate=false&"
    "Force="
    "true",
    { { "amz-sdk-invocation-id", "f43a2dfa-da7f-4b47-8f17-93474b7d2527" },
      { "amz-sdk-request", "attempt=1; max=3" },
      { "content-length", "99" },
      { "content-type", "application/x-www-form-urlencoded" },
      { "host", "127.0.0.1:6004" },
      { "x-amz-content-sha256",
        "af773eb8ed54f0418d7e5f7ba605d93d66d22c1048abe52ab3c3db0c9d479354" },
      { "x-amz-date", "20261122T104447Z" },
      { "x-amz-user-agent", "aws-sdk-js/3.1168.0" } },
    AUTH("amz-sdk-invocation-id;amz-sdk-request;content-length;content-type;host;"
         "x-amz-content-sha256;x-amz-date;x-amz-user-agent",
         "6548a41f8d7603eb94bc9656e3b2ec9fa794b37ac984eb105e52940d7ce3a0c8"),
    1795344287,
};

/* The trailing blank of user-agent is signed trimmed (rule 18). */
static const struct captured libcloud = {
    "GET",
    "Action=DescribeAvailabilityZones&Filter.1.Name=region-name&Filter.1.Value.1=us-east-1&Filter."
    "2."
    "Name=state&Filter.2.Value.1=available&Version=2016-11-15",
    "",
    { { "Accept-Encoding", "gzip,deflate" },
      { "Host", "127.0.0.1:6005" },
      { "User-Agent", "libcloud/3.4.1 (Amazon EC2) " },
      { "X-Amz-Content-SHA256", SIGV4_EMPTY },
      { "X-Amz-Date", "20261122T104527Z" } },
    AUTH("accept-encoding;host;user-agent;x-amz-content-sha256;x-amz-date",
         "0f147004e8892cf5b22de165cb26226d65b6cebdd708ccea69f5c5f40daf0ea3"),
    1795344327,
};

struct made {
    struct sigv4_header headers[13];
    struct sigv4_request q;
};

static void make(const struct captured *c, struct made *m)
{
    size_t n = 0;

    for (; n < 12 && c->headers[n].name; n++)
        m->headers[n] = c->headers[n];
    if (c->authorization)
        m->headers[n++] = (struct sigv4_header){ "authorization", c->authorization };
    m->q = (struct sigv4_request){ .method = c->method,
                                   .path = "/",
                                   .query = c->query,
                                   .headers = m->headers,
                                   .n_headers = n,
                                   .body = c->body,
                                   .body_len = strlen(c->body) };
}

static int check(const struct sigv4_request *q, const char *secret, uint64_t now_s,
                 enum sigv4_fault *fault, struct err *e)
{
    struct sigv4_claim claim;
    int r = sigv4_read(q, &claim, fault, e);

    return r < 0 ? r : sigv4_verify(q, &claim, secret, now_s, false, fault, e);
}

static void assert_good(const struct captured *c)
{
    enum sigv4_fault fault = SIGV4_FAULT_OTHER;
    struct err e = { 0 };
    struct made m;

    make(c, &m);
    if (check(&m.q, SECRET, c->now_s, &fault, &e) < 0)
        fail_msg("%s", e.msg);
    assert_true(check(&m.q, "another", c->now_s, &fault, &e) < 0);
    assert_int_equal(fault, SIGV4_FAULT_MISMATCH);
    assert_string_equal(e.msg, "the signature is not the one that this secret access key makes");
}

static void the_vector_of_botocore_verifies(void **unused)
{
    (void)unused;
    assert_good(&botocore);
}

static void the_vector_of_go_v1_verifies(void **unused)
{
    (void)unused;
    assert_good(&go_v1);
}

static void the_vector_of_javascript_verifies(void **unused)
{
    (void)unused;
    assert_good(&javascript);
}

static void the_vector_of_libcloud_verifies_trimmed(void **unused)
{
    (void)unused;
    assert_good(&libcloud);
}

static const struct captured presigned = {
    "GET",
    "Action=DescribeTags&Version=2016-11-15&Filter.1.Name=key&Filter.1.Value.1=a%20b%2Bc&"
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" KEY
    "%2F20261122%2Fus-east-1%2Fec2%2Faws4_request&X-Amz-Date=20261122T104527Z&X-Amz-Expires=600&"
    "X-Amz-SignedHeaders=host&X-Amz-Signature="
    "b840d4f6028b2fc25fddfe3acaf7ac279b44f360738e7457d24b4688f94805e7",
    "",
    { { "host", "127.0.0.1:6005" } },
    NULL,
    1795344327,
};

static void a_presigned_request_lives_as_long_as_it_says(void **unused)
{
    enum sigv4_fault fault = SIGV4_FAULT_OTHER;
    struct err e = { 0 };
    struct made m;

    (void)unused;
    assert_good(&presigned);
    make(&presigned, &m);
    assert_int_equal(check(&m.q, SECRET, presigned.now_s + 600, &fault, &e), 0);
    assert_true(check(&m.q, SECRET, presigned.now_s + 601, &fault, &e) < 0);
    assert_int_equal(fault, SIGV4_FAULT_EXPIRED);
    err_clear(&e);
    assert_true(check(&m.q, SECRET, presigned.now_s - 901, &fault, &e) < 0);
    assert_int_equal(fault, SIGV4_FAULT_EXPIRED);
}

static void what_is_signed_here_verifies_here_and_matches_botocore(void **unused)
{
    struct captured unsigned_one = botocore;
    char stamp[SIGV4_STAMP];
    _cleanup_free_ char *authorization = NULL;
    struct err e = { 0 };
    struct made m;

    (void)unused;
    unsigned_one.authorization = NULL;
    unsigned_one.headers[2] = (struct sigv4_header){ NULL, NULL };
    make(&unsigned_one, &m);
    assert_int_equal(sigv4_sign(&m.q, KEY, SECRET, "us-east-1", "ec2", botocore.now_s, stamp,
                                &authorization, &e),
                     0);
    assert_string_equal(stamp, "20261122T104302Z");
    assert_string_equal(authorization, botocore.authorization);
}

static void the_clock_may_be_15_minutes_off_and_the_refusal_says_how_far(void **unused)
{
    enum sigv4_fault fault = SIGV4_FAULT_OTHER;
    struct err e = { 0 };
    struct made m;

    (void)unused;
    make(&botocore, &m);
    assert_int_equal(check(&m.q, SECRET, botocore.now_s + 900, &fault, &e), 0);
    assert_int_equal(check(&m.q, SECRET, botocore.now_s - 900, &fault, &e), 0);
    assert_true(check(&m.q, SECRET, botocore.now_s + 1200, &fault, &e) < 0);
    assert_int_equal(fault, SIGV4_FAULT_EXPIRED);
    assert_non_null(strstr(e.msg, "1200 seconds behind this server's clock (20261122T110302Z)"));
    err_clear(&e);
    assert_true(check(&m.q, SECRET, botocore.now_s - 1200, &fault, &e) < 0);
    assert_non_null(strstr(e.msg, "1200 seconds ahead of"));
}

static void changed(const struct captured *c, enum sigv4_fault expected, const char *text)
{
    enum sigv4_fault fault = SIGV4_FAULT_OTHER;
    struct err e = { 0 };
    struct made m;

    make(c, &m);
    if (check(&m.q, SECRET, c->now_s, &fault, &e) >= 0)
        fail_msg("accepted, but expected: %s", text);
    assert_int_equal(fault, expected);
    if (!strstr(e.msg, text))
        fail_msg("'%s' is not in: %s", text, e.msg);
    assert_null(strstr(e.msg, "779125f5"));
    assert_null(strstr(e.msg, "wJalr"));
}

static void every_change_on_the_way_is_seen(void **unused)
{
    struct captured c = botocore;

    (void)unused;
    c.body = "Action=DeleteTags";
    changed(&c, SIGV4_FAULT_MISMATCH, "not the one");
    c = botocore;
    c.method = "GET";
    changed(&c, SIGV4_FAULT_MISMATCH, "not the one");
    c = botocore;
    c.query = "Action=X";
    changed(&c, SIGV4_FAULT_MISMATCH, "not the one");
    c = botocore;
    c.headers[1].value = "127.0.0.1";
    changed(&c, SIGV4_FAULT_MISMATCH, "not the one");
    c = botocore;
    c.headers[0] = (struct sigv4_header){ "x-other", "1" };
    changed(&c, SIGV4_FAULT_MISMATCH, "'content-type' is not in the request");
    c = javascript;
    c.body = "Action=TerminateInstances";
    changed(&c, SIGV4_FAULT_MISMATCH, "x-amz-content-sha256 is not the SHA-256");
    c = libcloud;
    c.headers[3].value = "UNSIGNED-PAYLOAD";
    changed(&c, SIGV4_FAULT_MISMATCH, "x-amz-content-sha256 is not the SHA-256");
}

static void what_cannot_be_read_is_incomplete(void **unused)
{
    static const char *const bad[] = {
        "AWS AKIA:abc",
        "Basic dXNlcjpwYXNz",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 ",
        "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=00",
        "AWS4-HMAC-SHA256 SignedHeaders=host",
        "AWS4-HMAC-SHA256 Credential=" KEY
        "/2026112/us-east-1/ec2/aws4_request, SignedHeaders=host,"
        " Signature=779125f58a8ae82ef3712542ab9c0d1728e17e3e81ebeef40e1d06c20776420a",
        "AWS4-HMAC-SHA256 Credential=" KEY
        "/20261122/us-east-1/ec2/aws3_request, SignedHeaders=host,"
        " Signature=779125f58a8ae82ef3712542ab9c0d1728e17e3e81ebeef40e1d06c20776420a",
        AUTH("x-amz-date", "779125f58a8ae82ef3712542ab9c0d1728e17e3e81ebeef40e1d06c20776420a"),
        AUTH("Host", "779125f58a8ae82ef3712542ab9c0d1728e17e3e81ebeef40e1d06c20776420a"),
        AUTH("host", "779125F58A8AE82EF3712542AB9C0D1728E17E3E81EBEEF40E1D06C20776420A"),
        AUTH("host", "00"),
    };
    struct captured c = botocore;

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        c.authorization = bad[i];
        changed(&c, SIGV4_FAULT_INCOMPLETE, "");
    }
    c = botocore;
    c.authorization = NULL;
    changed(&c, SIGV4_FAULT_MISSING, "not signed");
    c = botocore;
    c.headers[2] = (struct sigv4_header){ "x-amz-date", "yesterday" };
    changed(&c, SIGV4_FAULT_INCOMPLETE, "20261124T054643Z");
    c.headers[2] = (struct sigv4_header){ "x-other", "20261122T104302Z" };
    changed(&c, SIGV4_FAULT_INCOMPLETE, "neither an X-Amz-Date nor a Date");
}

static void the_day_of_the_scope_must_be_that_of_the_date(void **unused)
{
    struct captured c = botocore;

    (void)unused;
    c.headers[2].value = "20261123T003001Z";
    c.now_s += 50000;
    changed(&c, SIGV4_FAULT_MISMATCH, "the scope's day 20261122 is not that of the date 20261123");
}

static void a_plain_date_header_is_read_too(void **unused)
{
    struct sigv4_header headers[] = { { "host", "h" },
                                      { "date", "Sun, 22 Nov 2026 10:43:02 GMT" },
                                      { "authorization", botocore.authorization } };
    struct sigv4_request q = { "POST", "/", "", headers, 3, "", 0 };
    enum sigv4_fault fault = SIGV4_FAULT_OTHER;
    struct sigv4_claim claim;
    struct err e = { 0 };

    (void)unused;
    assert_int_equal(sigv4_read(&q, &claim, &fault, &e), 0);
    assert_string_equal(claim.stamp, "20261122T104302Z");
    assert_int_equal(claim.stamp_s, botocore.now_s);
    assert_string_equal(claim.region, "us-east-1");
    assert_string_equal(claim.service, "ec2");
    assert_string_equal(claim.access_key, KEY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vector_of_botocore_verifies),
        cmocka_unit_test(the_vector_of_go_v1_verifies),
        cmocka_unit_test(the_vector_of_javascript_verifies),
        cmocka_unit_test(the_vector_of_libcloud_verifies_trimmed),
        cmocka_unit_test(a_presigned_request_lives_as_long_as_it_says),
        cmocka_unit_test(what_is_signed_here_verifies_here_and_matches_botocore),
        cmocka_unit_test(the_clock_may_be_15_minutes_off_and_the_refusal_says_how_far),
        cmocka_unit_test(every_change_on_the_way_is_seen),
        cmocka_unit_test(what_cannot_be_read_is_incomplete),
        cmocka_unit_test(the_day_of_the_scope_must_be_that_of_the_date),
        cmocka_unit_test(a_plain_date_header_is_read_too),
    };

    return test_run(tests);
}
