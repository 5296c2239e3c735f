/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "clock.h"
#include "nbd-ping.h"
#include "str.h"

#define HELLO "NBDMAGICIHAVEOPT\0\1"
#define REPLY "\0\3\xe8\x89\x04\x55\x65\xa9\0\0\0\6"

struct answer {
    bool told;
    struct err e;
};

static void on_answer(struct nbd_ping *p, const struct err *e, void *userdata)
{
    struct answer *a = userdata;

    (void)p;
    assert_false(a->told);
    a->told = true;
    a->e = e ? *e : (struct err){ 0 };
}

struct bytes {
    const char *p;
    size_t n;
};
#define BYTES(s)                                                                                   \
    {                                                                                              \
        s, sizeof(s) - 1                                                                           \
    }

/* A server that writes these bytes whatever it hears, then waits or hangs up. */
static struct answer ask(struct bytes first, struct bytes then, bool hang_up)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    _cleanup_(nbd_ping_freep) struct nbd_ping *p = NULL;
    char dir[] = "/tmp/kiln-ping.XXXXXX";
    struct answer a = { 0 };
    struct err e = { 0 };
    sd_event *loop = NULL;
    int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), peer;

    assert_non_null(mkdtemp(dir));
    (void)snprintf(sun.sun_path, sizeof sun.sun_path, "%s/s", dir);
    assert_int_equal(bind(server, (struct sockaddr *)&sun, sizeof sun), 0);
    assert_int_equal(listen(server, 1), 0);
    assert_true(sd_event_new(&loop) >= 0);
    assert_int_equal(nbd_ping_start(loop, sun.sun_path, 100, on_answer, &a, &p, &e), 0);
    peer = accept4(server, NULL, NULL, SOCK_CLOEXEC);
    assert_int_equal(write(peer, first.p, first.n), (int)first.n);
    while (sd_event_run(loop, 0) > 0)
        ;
    if (!a.told)
        assert_int_equal(write(peer, then.p, then.n), (int)then.n);
    if (hang_up)
        (void)shutdown(peer, SHUT_RDWR);
    while (!a.told)
        assert_true(sd_event_run(loop, 2000000) > 0);
    close_fdp(&peer);
    close_fdp(&server);
    (void)unlink(sun.sun_path);
    (void)rmdir(dir);
    nbd_ping_free(TAKE_PTR(p));
    sd_event_unref(loop);
    return a;
}

static void answers_are_told_apart(void **unused)
{
    static const struct {
        struct bytes first, then;
        bool hang_up;
        const char *why; /* NULL: fine */
        enum err_kind kind;
    } cases[] = {
        { BYTES(HELLO), BYTES(REPLY "\0\0\0\3\0\0\0\2ab" REPLY "\0\0\0\1\0\0\0\0"), false, NULL,
          0 },
        { BYTES(HELLO), BYTES(REPLY "\x80\0\0\1\0\0\0\0"), false, NULL, 0 },
        { BYTES(HELLO), BYTES(REPLY "\x80\0\0\6\0\0\0\3no!"), false, "has no default export",
          ERR_NOT_FOUND },
        { BYTES(HELLO), BYTES(REPLY "\x80\0\0\2\0\0\0\0"), false, "refuses with NBD error 2",
          ERR_IO },
        { BYTES(HELLO), BYTES(""), false, "did not answer within 100 ms", ERR_TIMEOUT },
        { BYTES(""), BYTES(""), false, "did not answer within 100 ms", ERR_TIMEOUT },
        { BYTES("NBDMAGIC"), BYTES(""), true, "hung up in the handshake", ERR_IO },
        { BYTES("HTTP/1.1 400 Bad Request"), BYTES(""), false, "does not speak NBD", ERR_IO },
        { BYTES("NBDMAGICIHAVEOPT\0\0"), BYTES(""), false, "dialect that is too old", ERR_IO },
        { BYTES(HELLO), BYTES("01234567890123456789"), false, "out of the NBD protocol", ERR_IO },
        { BYTES(HELLO), BYTES(REPLY "\0\0\0\3\xff\0\0\0"), false, "answers too much", ERR_IO },
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct answer a = ask(cases[i].first, cases[i].then, cases[i].hang_up);

        if (!cases[i].why) {
            assert_int_equal(a.e.no, 0);
            continue;
        }
        assert_non_null(strstr(a.e.msg, cases[i].why));
        assert_int_equal(a.e.kind, cases[i].kind);
    }
}

static void endless_replies_are_cut_off(void **unused)
{
    char many[20 * 32];
    struct answer a;

    (void)unused;
    for (unsigned i = 0; i < 32; i++)
        memcpy(many + 20 * i, REPLY "\0\0\0\3\0\0\0\0", 20);
    a = ask((struct bytes)BYTES(HELLO), (struct bytes){ many, sizeof many }, false);
    assert_non_null(strstr(a.e.msg, "answers too much"));
}

static void no_server_at_all_fails_at_once(void **unused)
{
    struct nbd_ping *p = NULL;
    struct err e = { 0 };
    sd_event *loop = NULL;

    (void)unused;
    assert_true(sd_event_new(&loop) >= 0);
    assert_int_equal(nbd_ping_start(loop, "/nonexistent/s", 100, on_answer, NULL, &p, &e), -ENOENT);
    assert_true(str_starts(e.msg, "connect to '/nonexistent/s'"));
    assert_null(p);
    sd_event_unref(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_told_apart),
        cmocka_unit_test(endless_replies_are_cut_off),
        cmocka_unit_test(no_server_at_all_fails_at_once),
    };

    return test_run(tests);
}
