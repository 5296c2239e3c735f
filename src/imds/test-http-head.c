/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <string.h>

#include "http-head.h"
#include "str.h"

#define H "Host: h\r\n"

static int parse(const char *text, struct http_head *ret)
{
    return http_head_parse(text, strlen(text), ret);
}

static void a_whole_head_is_read(void **unused)
{
    struct http_head h;

    (void)unused;
    assert_int_equal(parse("PUT /latest/api/token?x=1 HTTP/1.1\r\nhost: h\r\n"
                           "X-AWS-EC2-metadata-token-TTL-seconds:\t 21600 \r\n"
                           "x-aws-ec2-metadata-token: AQ==\r\nX-Forwarded-For: 1.2.3.4\r\n"
                           "Content-Length: 3\r\nExpect: 100-Continue\r\nOther: a: b\r\n\r\n",
                           &h),
                     0);
    assert_int_equal(h.method, HTTP_PUT);
    assert_string_equal(h.path, "/latest/api/token");
    assert_true(h.has_ttl && h.has_token && h.forwarded && h.expects_continue && h.keep_alive);
    assert_string_equal(h.ttl, "21600");
    assert_string_equal(h.token, "AQ==");
    assert_int_equal(h.body_bytes, 3);
}

static void targets_and_methods_are_told_apart(void **unused)
{
    static const struct {
        const char *line, *path;
        enum http_method method;
    } cases[] = {
        { "GET / HTTP/1.1", "/", HTTP_GET },
        { "HEAD /a//b/ HTTP/1.1", "/a//b/", HTTP_HEAD },
        { "get / HTTP/1.1", "/", HTTP_ANOTHER }, /* methods are case-sensitive */
        { "POST /x HTTP/1.1", "/x", HTTP_ANOTHER },
        { "OPTIONS * HTTP/1.1", "/", HTTP_ANOTHER },
        { "GET http://169.254.169.254/latest/ HTTP/1.1", "/latest/", HTTP_GET },
        { "GET HTTP://host:80 HTTP/1.1", "/", HTTP_GET },
        { "GET /? HTTP/1.1", "/", HTTP_GET },
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_free_ char *text = xasprintf("%s\r\n" H "\r\n", cases[i].line);
        struct http_head h;

        assert_int_equal(parse(text, &h), 0);
        assert_string_equal(h.path, cases[i].path);
        assert_int_equal(h.method, cases[i].method);
    }
}

static void keep_alive_follows_version_and_header(void **unused)
{
    static const struct {
        const char *text;
        bool keep;
    } cases[] = {
        { "GET / HTTP/1.1\r\n" H "\r\n", true },
        { "GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n", false },
        { "GET / HTTP/1.1\r\n" H "Connection: x, CLOSE ,y\r\n\r\n", false },
        { "GET / HTTP/1.1\r\n" H "Connection: closet\r\n\r\n", true },
        { "GET / HTTP/1.0\r\n\r\n", false },
        { "GET / HTTP/1.0\nConnection: Keep-Alive\n\n", true },
        { "GET / HTTP/1.0\nConnection: keep-alive, close\n\n", false },
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_head h;

        assert_int_equal(parse(cases[i].text, &h), 0);
        assert_int_equal(h.keep_alive, cases[i].keep);
    }
}

static void bad_heads_are_refused_with_their_status(void **unused)
{
    static const struct {
        const char *text;
        int status;
    } cases[] = {
        { "", 400 },
        { "\r\n", 400 },
        { "GET\r\n\r\n", 400 },
        { "GET /\r\n\r\n", 400 },
        { "GET / HTTP/1.1 \r\n" H "\r\n", 400 },
        { "GET  / HTTP/1.1\r\n" H "\r\n", 400 },
        { "G@T / HTTP/1.1\r\n" H "\r\n", 400 },
        { "GET latest HTTP/1.1\r\n" H "\r\n", 400 },
        { "GET * HTTP/1.1\r\n" H "\r\n", 400 },
        { "GET /\x01 HTTP/1.1\r\n" H "\r\n", 400 },
        { "GET / HTTP/1.1\r\n\r\n", 400 }, /* no Host */
        { "GET / HTTP/1.1\r\n" H H "\r\n", 400 },
        { "GET / HTTP/2.0\r\n" H "\r\n", 505 },
        { "GET / HTTP/1.2\r\n" H "\r\n", 505 },
        { "GET / SIP/2.0\r\n" H "\r\n", 400 },
        { "GET / HTTP/1.1\r\n" H "no colon\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\n" H "name : v\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\n" H ": v\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\n" H "a: b\r\n folded\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\n" H "a: \x7f\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\n" H "a: x\ry\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\n" H "Content-Length: 1, 1\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\n" H "Content-Length: 8193\r\n\r\n", 413 },
        { "GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n", 501 },
        { "GET / HTTP/1.1\r\n" H
          "X-aws-ec2-metadata-token: a\r\nX-aws-ec2-metadata-token: b\r\n\r\n",
          400 },
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_head h;

        assert_int_equal(parse(cases[i].text, &h), cases[i].status);
        assert_false(h.keep_alive);
        assert_int_equal(h.body_bytes, 0);
    }
}

static void a_nul_byte_is_refused_wherever_it_stands(void **unused)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n";
    char copy[sizeof text];
    struct http_head h;

    (void)unused;
    for (size_t i = 0; i < sizeof text - 5; i++) {
        memcpy(copy, text, sizeof text);
        copy[i] = '\0';
        assert_int_not_equal(http_head_parse(copy, sizeof text - 1, &h), 0);
    }
}

static void the_end_is_found_however_the_bytes_come(void **unused)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\nGET";
    static const char unixish[] = "GET / HTTP/1.0\n\nrest";
    size_t scanned = 0;

    (void)unused;
    for (size_t n = 0; n < sizeof text - 4; n++)
        assert_int_equal(http_head_find(text, n, &scanned), 0);
    assert_int_equal(http_head_find(text, sizeof text - 4, &scanned), sizeof text - 4);
    assert_int_equal(scanned, 0);
    assert_int_equal(http_head_find(text, sizeof text - 1, &scanned), sizeof text - 4);
    assert_int_equal(http_head_find(unixish, sizeof unixish - 1, &scanned), 16);
}

static void heads_are_bounded(void **unused)
{
    _cleanup_str_ struct str s = STR_INIT(20000);
    struct http_head h;

    (void)unused;
    str_add(&s, "GET /");
    while (s.len < HTTP_LINE_MAX - 10)
        str_addc(&s, 'a');
    str_add(&s, " HTTP/1.1");
    assert_int_equal(s.len, HTTP_LINE_MAX - 1);
    assert_int_equal(http_head_too_long(s.p, s.len), 0);
    str_add(&s, "\n" H "\n");
    assert_int_equal(http_head_parse(s.p, s.len, &h), 0);
    s.len = 0;
    for (unsigned i = 0; i < HTTP_LINE_MAX; i++)
        str_addc(&s, 'a');
    assert_int_equal(http_head_too_long(s.p, s.len), 414);
    str_add(&s, " / HTTP/1.1\n" H "\n");
    assert_int_equal(http_head_parse(s.p, s.len, &h), 414);

    s.len = 0;
    str_add(&s, "GET / HTTP/1.1\n" H "a: ");
    while (s.len < HTTP_FIELDS_MAX + 14)
        str_addc(&s, 'b');
    assert_int_equal(http_head_too_long(s.p, s.len), 0);
    str_addc(&s, 'b');
    assert_int_equal(http_head_too_long(s.p, s.len), 431);
    str_add(&s, "bb\n\n");
    assert_int_equal(http_head_parse(s.p, s.len, &h), 431);
}

static void values_too_long_to_be_ours_become_empty(void **unused)
{
    _cleanup_str_ struct str s = STR_INIT(1000);
    struct http_head h;

    (void)unused;
    str_add(&s, "GET / HTTP/1.1\n" H "X-aws-ec2-metadata-token: ");
    for (unsigned i = 0; i < sizeof h.token; i++)
        str_addc(&s, 'A');
    str_add(&s, "\n\n");
    assert_int_equal(http_head_parse(s.p, s.len, &h), 0);
    assert_true(h.has_token);
    assert_string_equal(h.token, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_head_is_read),
        cmocka_unit_test(targets_and_methods_are_told_apart),
        cmocka_unit_test(keep_alive_follows_version_and_header),
        cmocka_unit_test(bad_heads_are_refused_with_their_status),
        cmocka_unit_test(a_nul_byte_is_refused_wherever_it_stands),
        cmocka_unit_test(the_end_is_found_however_the_bytes_come),
        cmocka_unit_test(heads_are_bounded),
        cmocka_unit_test(values_too_long_to_be_ours_become_empty),
    };

    return test_run(tests);
}
