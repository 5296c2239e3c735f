/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/test.h"

#include <errno.h>
#include <string.h>

#include "engine/fake.h"
#include "engine/imds.h"

struct fixture {
    struct fake *f;
    struct imds *m;
    struct err e;
    char *text;
};

static struct fixture start(enum dialect_id id)
{
    struct fixture x = { .f = fake_new() };

    fake_metadata_instance(x.f);
    x.m = imds_new(&x.f->win, dialect_get(id));
    assert_non_null(x.m);
    return x;
}

static void end(struct fixture *x)
{
    free(x->text);
    imds_free(x->m);
    fake_free(x->f);
}

static void values_come_with_a_token_that_is_kept(void **unused)
{
    struct fixture x = start(DIALECT_V2);

    x.f->imds_needs_token = true;
    assert_int_equal(imds_value(x.m, "instance-id", &x.text, &x.e), 1);
    assert_string_equal(x.text, "i-0123456789abcdef0");
    free(x.text);
    assert_int_equal(imds_value(x.m, "placement/region", &x.text, &x.e), 1);
    assert_string_equal(x.text, "eu-test-1");
    assert_int_equal(x.f->imds_tokens, 1);
    x.f->tick_ms += (21600 - 60) * 1000ULL; /* a minute before its end a new one is fetched */
    free(x.text);
    assert_int_equal(imds_value(x.m, "mac", &x.text, &x.e), 1);
    assert_int_equal(x.f->imds_tokens, 2);
    end(&x);
}

static void an_absent_value_is_no_error(void **unused)
{
    struct fixture x = start(DIALECT_V2);

    assert_int_equal(imds_value(x.m, "ipv6", &x.text, &x.e), 0);
    assert_null(x.text);
    fake_metadata(x.f, "meta-data/ipv6", "\r\n");
    assert_int_equal(imds_value(x.m, "ipv6", &x.text, &x.e), 0);
    assert_int_equal(x.e.no, 0);
    end(&x);
}

static void v1_and_ec2config_go_on_without_tokens(void **unused)
{
    for (int id = DIALECT_V2; id < DIALECT_MAX; id++) {
        struct fixture x = start((enum dialect_id)id);

        x.f->imds_no_token = true;
        assert_int_equal(imds_value(x.m, "ami-id", &x.text, &x.e), id == DIALECT_V2 ? -EPROTO : 1);
        end(&x);
    }
}

static void a_forgotten_token_is_renewed(void **unused)
{
    struct fixture x = start(DIALECT_V1);

    x.f->imds_no_token = true; /* the service starts asking for tokens later */
    assert_int_equal(imds_value(x.m, "ami-id", &x.text, &x.e), 1);
    free(x.text);
    x.f->imds_no_token = false;
    x.f->imds_needs_token = true;
    assert_int_equal(imds_value(x.m, "ami-id", &x.text, &x.e), 1);
    assert_int_equal(x.f->imds_tokens, 1);
    end(&x);
}

static void broken_connections_are_tried_again_but_not_for_ever(void **unused)
{
    struct fixture x = start(DIALECT_V2);

    x.f->imds_refuse = 2;
    assert_int_equal(imds_value(x.m, "ami-id", &x.text, &x.e), 1);
    x.f->imds_break = 1;
    free(x.text);
    x.text = NULL;
    assert_int_equal(imds_value(x.m, "ami-id", &x.text, &x.e), 1);
    x.f->imds_refuse = 1000;
    assert_int_equal(imds_value(x.m, "mac", &x.text, &x.e), -ECONNREFUSED);
    assert_string_equal(x.e.msg,
                        "metadata 'meta-data/mac': connect to 169.254.169.254 port 80: refused");
    assert_true(x.f->imds_refuse >= 1000 - 2 * IMDS_TRIES);
    end(&x);
}

static void chunks_are_joined(void **unused)
{
    struct fixture x = start(DIALECT_V2);

    x.f->imds_chunked = true;
    assert_int_equal(imds_value(x.m, "instance-id", &x.text, &x.e), 1);
    assert_string_equal(x.text, "i-0123456789abcdef0");
    end(&x);
}

static unsigned firsts, agains;

static void count(void *ctx, bool again)
{
    *(again ? &agains : &firsts) += 1;
}

static void waiting_says_so_and_ends(void **unused)
{
    struct fixture x = start(DIALECT_V1);

    firsts = agains = 0;
    x.f->imds_refuse = 200;
    assert_int_equal(imds_wait(x.m, count, NULL, &x.e), 1);
    assert_int_equal(firsts, 1);
    assert_true(agains >= 1);
    x.f->imds_refuse = 1000000;
    x.f->tick_ms += 100000000;
    assert_int_equal(imds_wait(x.m, count, NULL, &x.e), -ETIMEDOUT);
    assert_int_equal(x.e.kind, ERR_TIMEOUT);
    end(&x);
}

static void metadata_that_is_off_ends_the_wait(void **unused)
{
    struct fixture x = start(DIALECT_V2);

    x.f->imds_off = true;
    assert_int_equal(imds_wait(x.m, NULL, NULL, &x.e), 0);
    assert_int_equal(imds_value(x.m, "mac", &x.text, &x.e), -EACCES);
    end(&x);
}

static void the_region_may_come_from_the_zone(void **unused)
{
    struct fixture x = start(DIALECT_V2);

    fake_metadata(x.f, "meta-data/placement/region", NULL);
    fake_metadata(x.f, "meta-data/placement/availability-zone", "eu-test-1a.");
    assert_int_equal(imds_region(x.m, &x.text, &x.e), 1);
    assert_string_equal(x.text, "eu-test-1");
    end(&x);
}

static void another_endpoint_is_numeric_http_only(void **unused)
{
    static const struct {
        const char *url;
        int result;
    } rows[] = {
        { "http://127.0.0.1:8080/", 1 },
        { "http://127.0.0.1", 1 },
        { "http://10.9.9.9:8080", -EHOSTUNREACH },
        { "http://[fd00::1]:81", -EHOSTUNREACH },
        { "https://127.0.0.1/", 1 }, /* refused words leave the usual address */
        { "http://evil.example/", 1 },
        { "http://10.9.9.9:0", 1 },
        { "http://10.9.9.9:99999", 1 },
        { "http://10.9.9.9/path", 1 },
        { "http://", 1 },
        { "http://[fd00::1", 1 },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture x = { .f = fake_new() };

        fake_metadata_instance(x.f);
        fake_env(x.f, "AWS_EC2_METADATA_SERVICE_ENDPOINT", rows[i].url);
        x.m = imds_new(&x.f->win, dialect_get(DIALECT_V2));
        assert_int_equal(imds_value(x.m, "mac", &x.text, &x.e), rows[i].result);
        end(&x);
    }
}

static void bad_answers_are_refused(void **unused)
{
    static const struct {
        const char *text;
        int result; /* at the end of the connection */
    } rows[] = {
        { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", 1 },
        { "HTTP/1.0 200 OK\r\n\r\nall", 1 },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", 1 },
        { "", -EPROTO },
        { "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", -EPROTO },
        { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc", -EPROTO },
        { "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", -EPROTO },
        { "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", -EFBIG },
        { "HTTP/1.1 2x0 OK\r\n\r\n", -EPROTO },
        { "SSH-2.0-x\r\n\r\n", -EPROTO },
        { "HTTP/1.1 200 OK\r\n: x\r\n\r\n", -EPROTO },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", -EPROTO },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", -EPROTO },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n", -EPROTO },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\na", -EPROTO },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_answer a = { 0 };
        struct err e = { 0 };

        assert_int_equal(http_answer_parse(rows[i].text, strlen(rows[i].text), true, &a, &e),
                         rows[i].result);
        http_answer_done(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_with_a_token_that_is_kept),
        cmocka_unit_test(an_absent_value_is_no_error),
        cmocka_unit_test(v1_and_ec2config_go_on_without_tokens),
        cmocka_unit_test(a_forgotten_token_is_renewed),
        cmocka_unit_test(broken_connections_are_tried_again_but_not_for_ever),
        cmocka_unit_test(chunks_are_joined),
        cmocka_unit_test(waiting_says_so_and_ends),
        cmocka_unit_test(metadata_that_is_off_ends_the_wait),
        cmocka_unit_test(the_region_may_come_from_the_zone),
        cmocka_unit_test(another_endpoint_is_numeric_http_only),
        cmocka_unit_test(bad_answers_are_refused),
    };

    return test_run(tests);
}
