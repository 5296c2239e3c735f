/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <string.h>
#include <sys/stat.h>

#include "answer.h"
#include "file.h"
#include "test-sample.h"

#define NOW 5000ULL

static struct sample sample;
static struct token_key key;
static struct sign_memo memo;

/* lines: what follows the request line. */
static void ask(const char *line, const char *lines, struct answer *ret)
{
    const struct answer_site site = { .tokens = &key };
    _cleanup_free_ char *text = xasprintf("%s HTTP/1.1\r\nHost: h\r\n%s\r\n", line, lines);
    struct http_head h;

    assert_int_equal(http_head_parse(text, strlen(text), &h), 0);
    answer_make(&site, &memo, &sample.x, &h, NOW, ret);
}

static void has_status(const char *line, const char *lines, int status, const char *allow)
{
    struct answer a;

    ask(line, lines, &a);
    if (a.status != status)
        print_error("%s\n%s", line, lines);
    assert_int_equal(a.status, status);
    if (allow)
        assert_string_equal(a.allow, allow);
    else
        assert_null(a.allow);
    answer_done(&a);
}

static char *token_of(uint32_t ttl)
{
    _cleanup_free_ char *lines =
        xasprintf("X-aws-ec2-metadata-token-ttl-seconds: %u\r\n", (unsigned)ttl);
    struct answer a;
    char *header;

    ask("PUT /latest/api/token", lines, &a);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.ttl_s, ttl);
    assert_string_equal(a.type, "text/plain");
    header = xasprintf("X-aws-ec2-metadata-token: %s\r\n", str_text(&a.body));
    answer_done(&a);
    return header;
}

static int setup(void **unused)
{
    (void)unused;
    sample_fill(&sample, "10.1.2.3");
    token_key_init(&key);
    return 0;
}

#define TTL(text) "X-aws-ec2-metadata-token-ttl-seconds: " text "\r\n"

static void each_question_gets_its_status(void **unused)
{
    static const struct {
        const char *line, *lines;
        int status;
        const char *allow;
    } cases[] = {
        { "PUT /latest/api/token", TTL("1"), 200 },
        { "PUT /latest/api/token/", TTL("21600"), 200 },
        { "PUT /latest/api/token", "", 400 },
        { "PUT /latest/api/token", TTL("0"), 400 },
        { "PUT /latest/api/token", TTL("21601"), 400 },
        { "PUT /latest/api/token", TTL(""), 400 },
        { "PUT /latest/api/token", TTL("abc"), 400 },
        { "PUT /latest/api/token", TTL("-5"), 400 },
        { "PUT /latest/api/token", TTL("+5"), 400 },
        { "PUT /latest/api/token", TTL("1.5"), 400 },
        { "PUT /latest/api/token", TTL("60 60"), 400 },
        { "PUT /latest/api/token", TTL("99999999999999999999"), 400 },
        { "PUT /latest/api/token", TTL("60") "X-Forwarded-For: 1.2.3.4\r\n", 403 },
        { "PUT /latest/api/token", TTL("60") "x-forwarded-for:\r\n", 403 },
        { "PUT /2021-03-23/api/token", TTL("60"), 403 },
        { "PUT /1.0/api/token", TTL("60"), 403 },
        { "PUT /latest/meta-data/instance-id", TTL("60"), 405, "GET, HEAD" },
        { "PUT /", "", 405, "GET, HEAD" },
        { "GET /latest/api/token", "", 405, "PUT" },
        { "HEAD /latest/api/token", "", 405, "PUT" },
        { "POST /latest/api/token", "", 405, "PUT" },
        { "POST /latest/meta-data/", "", 405, "GET, HEAD" },
        { "DELETE /", "", 405, "GET, HEAD" },
        { "OPTIONS *", "", 405, "GET, HEAD" },
        { "GET /", "", 200 },
        { "GET /latest", "", 200 },
        { "GET //latest///meta-data//", "", 200 },
        { "GET /1.0/meta-data/instance-id", "", 200 },
        { "GET /2009-04-04/meta-data/instance-id/", "", 200 },
        { "GET /2026-01-01/meta-data/instance-id", "", 404 },
        { "GET /latest/meta-data/iam/info", "", 404 },
        { "GET /a/b/c/d/e/f/g/h/i/j/k/l/m", "", 404 },
        { "GET /latest/meta-data/%69nstance-id", "", 200 },
        { "GET /latest/meta-data%2Finstance-id", "", 404 },
        { "GET /latest/meta-data/../user-data", "", 404 },
        { "GET /latest/%zz", "", 400 },
        { "GET /latest/%", "", 400 },
        { "GET /latest/%6", "", 400 },
        { "GET /latest/meta-data/instance-id%00", "", 400 },
        { "GET /", "X-aws-ec2-metadata-token: wrong\r\n", 401 },
        { "GET /nothing", "X-aws-ec2-metadata-token: \r\n", 401 },
        { "GET /latest/user-data", "X-Forwarded-For: 1.2.3.4\r\n", 200 },
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        has_status(cases[i].line, cases[i].lines, cases[i].status, cases[i].allow);
}

static void each_listed_version_serves_the_tree(void **unused)
{
    size_t n;
    const char *const *v = tree_versions(&n);

    (void)unused;
    assert_string_equal(v[0], "1.0");
    assert_string_equal(v[n - 1], "latest");
    for (size_t i = 0; i < n; i++) {
        _cleanup_free_ char *line = xasprintf("GET /%s/meta-data/instance-id", v[i]);

        has_status(line, "", 200, NULL);
    }
}

static void tokens_open_what_is_closed_without(void **unused)
{
    _cleanup_free_ char *token = NULL;
    struct answer a;

    (void)unused;
    sample.x.tokens_required = true;
    has_status("GET /latest/meta-data/instance-id", "", 401, NULL);
    has_status("GET /", "", 401, NULL);
    token = token_of(300);
    ask("GET /latest/meta-data/instance-id", token, &a);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.ttl_s, 300); /* repeated */
    assert_int_equal(a.hop_limit, 0);
    answer_done(&a);
    has_status("GET /latest/none", token, 404, NULL);
    sample.x.generation++; /* stopped and started */
    has_status("GET /latest/meta-data/instance-id", token, 401, NULL);
    sample.x.tokens_required = false;
    has_status("GET /latest/meta-data/instance-id", token, 401, NULL);
}

static void a_token_answer_carries_the_hop_limit(void **unused)
{
    static const struct {
        uint8_t set, carried;
    } cases[] = { { 0, 1 }, { 1, 1 }, { 2, 2 }, { 64, 64 } };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct answer a;

        sample.x.hop_limit = cases[i].set;
        ask("PUT /latest/api/token", TTL("5"), &a);
        assert_int_equal(a.hop_limit, cases[i].carried);
        answer_done(&a);
    }
}

static void a_disabled_endpoint_says_only_that(void **unused)
{
    _cleanup_free_ char *token = token_of(300);

    (void)unused;
    sample.x.endpoint_disabled = true;
    has_status("GET /latest/meta-data/instance-id", token, 403, NULL);
    has_status("PUT /latest/api/token", TTL("5"), 403, NULL);
    has_status("GET /none", "", 403, NULL);
}

static void printed(const struct answer *a, bool body, bool keep, const char *wanted)
{
    _cleanup_str_ struct str out = STR_INIT(TREE_BODY_MAX);

    answer_print(a, body, keep, 1767323045000, &out);
    assert_string_equal(str_text(&out), wanted);
}

static void answers_look_as_ec2s(void **unused)
{
    _cleanup_free_ char *token = token_of(300);
    struct answer a;

    (void)unused;
    ask("GET /latest/meta-data/instance-id", token, &a);
#define HEAD                                                                                       \
    "HTTP/1.1 200 OK\r\nX-Aws-Ec2-Metadata-Token-Ttl-Seconds: 300\r\nContent-Type: text/plain\r\n" \
    "Accept-Ranges: none\r\nLast-Modified: Fri, 02 Jan 2026 03:04:05 GMT\r\n"                      \
    "Content-Length: 19\r\nDate: Fri, 02 Jan 2026 03:04:05 GMT\r\nServer: EC2ws\r\n"
    printed(&a, true, true, HEAD "Connection: keep-alive\r\n\r\ni-0000000000a010203");
    printed(&a, false, false, HEAD "Connection: close\r\n\r\n");
    answer_done(&a);
    ask("DELETE /", "", &a);
    printed(&a, false, true,
            "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD\r\nContent-Type: text/html\r\n"
            "Accept-Ranges: none\r\nContent-Length: 358\r\n"
            "Date: Fri, 02 Jan 2026 03:04:05 GMT\r\nServer: EC2ws\r\n"
            "Connection: keep-alive\r\n\r\n");
    assert_non_null(strstr(a.body.p, "<title>405 - Method Not Allowed</title>"));
    answer_done(&a);
}

/* ---- signatures: keys on disk; openssl itself verifies them in tests/imds/documents.sh --------
 */

static void a_key_is_made_once_and_kept_private(void **unused)
{
    char dir[] = "/tmp/kiln-test-XXXXXX";
    _cleanup_free_ char *key_path = NULL, *first = NULL, *second = NULL;
    struct sign *s = NULL;
    const char *text = NULL;
    struct err e = { 0 };
    struct stat st;
    size_t n;

    (void)unused;
    assert_non_null(mkdtemp(dir));
    key_path = xasprintf("%s/imds-key.pem", dir);
    assert_int_equal(sign_open(dir, &s, &e), 0);
    assert_int_equal(stat(key_path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(sign_certificate_path(s), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
    assert_int_equal(sign_text(s, &memo, SIGN_PLAIN, "text", &text, &e), 0);
    first = xstrdup(text);
    sign_close(s);
    sign_memo_done(&memo);

    assert_int_equal(sign_open(dir, &s, &e), 0); /* the same key again */
    assert_int_equal(sign_text(s, &memo, SIGN_PLAIN, "text", &text, &e), 0);
    assert_string_equal(text, first);
    assert_int_equal(sign_text(s, &memo, SIGN_PLAIN, "other", &text, &e), 0);
    assert_string_not_equal(text, first); /* what was remembered is of another text */
    unlink_quiet(sign_certificate_path(s), &e);
    sign_close(s);
    assert_int_equal(sign_open(dir, &s, &e), 0); /* killed before the certificate */
    assert_int_equal(file_read(sign_certificate_path(s), KIB(8), &second, &n, &e), 0);
    sign_close(s);
    sign_memo_done(&memo);

    assert_int_equal(chmod(key_path, 0640), 0);
    assert_true(sign_open(dir, &s, &e) < 0);
    assert_int_equal(e.kind, ERR_DENIED);
    err_clear(&e);
    assert_int_equal(file_replace(key_path, "no key", 6, 0600, &e), 0);
    assert_true(sign_open(dir, &s, &e) < 0);
    assert_int_equal(e.kind, ERR_CORRUPT);
    err_clear(&e);
    assert_int_equal(unlink(key_path), 0);
    assert_int_equal(sign_open(dir, &s, &e), 0); /* a certificate without key is replaced */
    sign_close(s);
    assert_int_equal(tree_remove(dir, &e), 0);
}

static void foreign_certificates_are_refused(void **unused)
{
    char a[] = "/tmp/kiln-test-XXXXXX", b[] = "/tmp/kiln-test-XXXXXX";
    _cleanup_free_ char *theirs = NULL, *ours = NULL;
    struct sign *s = NULL;
    struct err e = { 0 };

    (void)unused;
    assert_non_null(mkdtemp(a));
    assert_non_null(mkdtemp(b));
    assert_int_equal(sign_open(a, &s, &e), 0);
    sign_close(s);
    assert_int_equal(sign_open(b, &s, &e), 0);
    sign_close(s);
    theirs = xasprintf("%s/imds-cert.pem", a);
    ours = xasprintf("%s/imds-cert.pem", b);
    assert_int_equal(rename(theirs, ours), 0);
    assert_true(sign_open(b, &s, &e) < 0);
    assert_int_equal(e.kind, ERR_CONFLICT);
    err_clear(&e);
    assert_int_equal(tree_remove(a, &e), 0);
    assert_int_equal(tree_remove(b, &e), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_question_gets_its_status, setup),
        cmocka_unit_test_setup(each_listed_version_serves_the_tree, setup),
        cmocka_unit_test_setup(tokens_open_what_is_closed_without, setup),
        cmocka_unit_test_setup(a_token_answer_carries_the_hop_limit, setup),
        cmocka_unit_test_setup(a_disabled_endpoint_says_only_that, setup),
        cmocka_unit_test_setup(answers_look_as_ec2s, setup),
        cmocka_unit_test(a_key_is_made_once_and_kept_private),
        cmocka_unit_test(foreign_certificates_are_refused),
    };

    return test_run(tests);
}
