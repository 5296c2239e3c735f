/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "qmp.h"
#include "str.h"

#define GREETING "{\"QMP\": {\"version\": {}, \"capabilities\": [\"oob\"]}}\r\n"

/* ---- one message ----------------------------------------------------------------------------- */

static void good_lines_are_understood(void **unused)
{
    static const struct {
        const char *line;
        enum qmp_kind kind;
        uint64_t id;
        const char *name;
    } good[] = {
        { "{\"QMP\":{}}", QMP_GREETING, 0, NULL },
        { "{\"return\":{},\"id\":7}", QMP_RETURN, 7, NULL },
        { "{\"return\":[]}", QMP_RETURN, 0, NULL },
        { "{\"event\":\"STOP\",\"timestamp\":{\"seconds\":1}}", QMP_EVENT, 0, "STOP" },
        { "{\"error\":{\"class\":\"DeviceNotFound\",\"desc\":\"no\"},\"id\":18446744073}",
          QMP_ERROR, 18446744073, "DeviceNotFound" },
        { "{\"return\":{},\"id\":-1}", QMP_RETURN, 0, NULL },
        { "{\"return\":{},\"id\":\"x\"}", QMP_RETURN, 0, NULL },
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct qmp_msg m = { 0 };
        struct err e = { 0 };

        assert_int_equal(qmp_parse(good[i].line, strlen(good[i].line), &m, &e), 0);
        assert_int_equal(m.kind, good[i].kind);
        assert_int_equal(m.id, good[i].id);
        if (good[i].name)
            assert_string_equal(m.name, good[i].name);
        qmp_msg_done(&m);
    }
}

static void bad_lines_are_refused(void **unused)
{
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "null",
        "{}",
        "{\"event\":1}",
        "{\"error\":1}",
        "{\"error\":{\"class\":\"GenericError\"}}",
        "{\"error\":{\"class\":1,\"desc\":\"x\"}}",
        "{\"return\":{},\"return\":{}}",
        "{\"return\":{}} x",
        "{\"event\":\"\xff\"}",
    };
    struct qmp_msg m = { .kind = QMP_KIND_MAX };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err e = { 0 };

        assert_int_equal(qmp_parse(bad[i], strlen(bad[i]), &m, &e), -EPROTO);
        assert_int_equal(e.kind, ERR_CORRUPT);
    }
    assert_int_equal(m.kind, QMP_KIND_MAX);
}

/* ---- a session with ourselves as QEMU -------------------------------------------------------- */

struct session {
    sd_event *loop;
    int qemu; /* our end of the socket */
    struct qmp *q;
    char log[512]; /* what the hooks and replies told */
    bool free_on_event;
};

static void note(struct session *s, const char *what, const char *detail)
{
    size_t n = strlen(s->log);

    (void)snprintf(s->log + n, sizeof s->log - n, "%s:%s;", what, detail);
}

static void on_ready(void *userdata)
{
    note(userdata, "ready", "");
}

static void on_event(const char *name, const json_t *data, void *userdata)
{
    struct session *s = userdata;

    (void)data;
    note(s, "event", name);
    if (s->free_on_event)
        qmp_free(TAKE_PTR(s->q));
}

static void on_down(const struct err *why, void *userdata)
{
    note(userdata, "down", why->msg);
}

static void on_reply(const json_t *ret, const struct err *e, void *userdata)
{
    (void)ret;
    note(userdata, e ? err_kind_name(e->kind) : "ok", e ? e->msg : "");
}

static void session_open(struct session *s)
{
    struct qmp_hooks hooks = { on_ready, on_event, on_down, s };
    struct err e = { 0 };
    int fds[2];

    *s = (struct session){ 0 };
    assert_true(sd_event_new(&s->loop) >= 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    s->qemu = fds[1];
    assert_int_equal(qmp_new(s->loop, fds[0], &hooks, &s->q, &e), 0);
}

static void session_close(struct session *s)
{
    qmp_free(s->q);
    close_fdp(&s->qemu);
    sd_event_unref(s->loop);
}

static void qemu_says(struct session *s, const char *text)
{
    assert_int_equal(write(s->qemu, text, strlen(text)), (int)strlen(text));
    while (sd_event_run(s->loop, 0) > 0)
        ;
}

static const char *qemu_hears(struct session *s)
{
    static char buf[512];
    ssize_t n = read(s->qemu, buf, sizeof buf - 1);

    buf[n > 0 ? n : 0] = '\0';
    return buf;
}

static void greet(struct session *s)
{
    qemu_says(s, GREETING);
    assert_string_equal(qemu_hears(s), "{\"execute\":\"qmp_capabilities\",\"id\":1}\n");
    assert_false(qmp_is_ready(s->q));
    qemu_says(s, "{\"return\": {}, \"id\": 1}\r\n");
    assert_true(qmp_is_ready(s->q));
}

static void replies_find_their_commands_in_any_order(void **unused)
{
    struct session s;
    struct err e = { 0 };

    (void)unused;
    session_open(&s);
    greet(&s);
    assert_int_equal(qmp_send(s.q, "stop", NULL, 0, on_reply, &s, &e), 0);
    assert_int_equal(qmp_send(s.q, "device_del", json_pack("{s:s}", "id", "a\"b"), 0, on_reply, &s,
                              &e),
                     0);
    assert_string_equal(qemu_hears(&s), "{\"execute\":\"stop\",\"id\":2}\n{\"execute\":\"device_"
                                        "del\",\"id\":3,\"arguments\":{\"id\":\"a\\\"b\"}}\n");
    qemu_says(&s, "{\"id\":3,\"error\":{\"class\":\"DeviceNotFound\",\"desc\":\"no a\"}}\r\n{\"ev");
    qemu_says(&s, "ent\":\"STOP\"}\r\n{\"id\":2,\"return\":{}}\n{\"id\":2,\"return\":{}}\n");
    assert_string_equal(s.log, "ready:;not-found:QMP command 'device_del': no a;event:STOP;ok:;");
    session_close(&s);
}

static void a_command_before_the_greeting_is_refused(void **unused)
{
    struct session s;
    struct err e = { 0 };

    (void)unused;
    session_open(&s);
    assert_int_equal(qmp_send(s.q, "stop", json_object(), 0, on_reply, &s, &e), -ENOTCONN);
    assert_int_equal(e.kind, ERR_CONFLICT);
    session_close(&s);
}

static void a_silent_qemu_is_a_timeout_and_its_late_reply_is_ignored(void **unused)
{
    struct session s;
    struct err e = { 0 };

    (void)unused;
    session_open(&s);
    greet(&s);
    assert_int_equal(qmp_send(s.q, "stop", NULL, 20, on_reply, &s, &e), 0);
    assert_true(sd_event_run(s.loop, 2000000) > 0);
    assert_string_equal(s.log, "ready:;timeout:QMP command 'stop': no answer;");
    qemu_says(&s, "{\"id\":2,\"return\":{}}\n");
    assert_string_equal(s.log, "ready:;timeout:QMP command 'stop': no answer;");
    assert_true(qmp_is_ready(s.q));
    session_close(&s);
}

static void a_hang_up_fails_what_waits_and_is_told_once(void **unused)
{
    struct session s;
    struct err e = { 0 };

    (void)unused;
    session_open(&s);
    greet(&s);
    assert_int_equal(qmp_send(s.q, "stop", NULL, 0, on_reply, &s, &e), 0);
    (void)shutdown(s.qemu, SHUT_RDWR);
    while (sd_event_run(s.loop, 0) > 0)
        ;
    assert_string_equal(s.log, "ready:;io:QMP command 'stop': QEMU closed the QMP socket;"
                               "down:QEMU closed the QMP socket;");
    session_close(&s);
}

static void messages_out_of_order_end_the_session(void **unused)
{
    static const struct {
        const char *text, *log;
    } cases[] = {
        { "{\"event\":\"STOP\"}\n", "down:a QMP message before the greeting;" },
        { GREETING GREETING, "down:a second QMP greeting;" },
        { "HTTP/1.1 200 OK\n", NULL },
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct session s;

        session_open(&s);
        qemu_says(&s, cases[i].text);
        assert_non_null(strstr(s.log, cases[i].log ? cases[i].log : "no JSON object"));
        session_close(&s);
    }
}

static void a_line_without_end_is_refused_at_the_limit(void **unused)
{
    _cleanup_free_ char *much = malloc(65536);
    struct session s;

    (void)unused;
    memset(much, ' ', 65536);
    session_open(&s);
    for (unsigned i = 0; i < QMP_LINE_MAX / 65536; i++)
        qmp_input(s.q, much, 65536);
    assert_string_equal(s.log, "");
    qmp_input(s.q, much, 1);
    assert_true(str_starts(s.log, "down:build a QMP line"));
    session_close(&s);
}

static void the_session_may_be_freed_in_its_own_event(void **unused)
{
    struct session s;

    (void)unused;
    session_open(&s);
    greet(&s);
    s.free_on_event = true;
    qemu_says(&s, "{\"event\":\"A\"}\n{\"event\":\"B\"}\n");
    assert_string_equal(s.log, "ready:;event:A;");
    session_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_lines_are_understood),
        cmocka_unit_test(bad_lines_are_refused),
        cmocka_unit_test(replies_find_their_commands_in_any_order),
        cmocka_unit_test(a_command_before_the_greeting_is_refused),
        cmocka_unit_test(a_silent_qemu_is_a_timeout_and_its_late_reply_is_ignored),
        cmocka_unit_test(a_hang_up_fails_what_waits_and_is_told_once),
        cmocka_unit_test(messages_out_of_order_end_the_session),
        cmocka_unit_test(a_line_without_end_is_refused_at_the_limit),
        cmocka_unit_test(the_session_may_be_freed_in_its_own_event),
    };

    return test_run(tests);
}
