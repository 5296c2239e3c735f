/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <string.h>

#include "report.h"

static int pipe_fds[2];

static void read_all(char *buf, size_t size)
{
    ssize_t n = read(pipe_fds[0], buf, size - 1);

    buf[n > 0 ? n : 0] = '\0';
}

static int open_pipe(void **unused)
{
    (void)unused;
    return pipe(pipe_fds);
}

static int close_pipe(void **unused)
{
    (void)unused;
    (void)close(pipe_fds[0]);
    (void)close(pipe_fds[1]);
    return 0;
}

static void the_rate_is_of_the_last_seconds(void **unused)
{
    struct meter m;
    uint64_t now = 1000, done = 0;

    (void)unused;
    meter_start(&m, now);
    for (unsigned i = 0; i < 100; i++) { /* 25 s at 4 MB/s */
        now += 250;
        done += 1000000;
        meter_note(&m, now, done);
    }
    assert_int_equal(meter_rate(&m, now, done), 4000000);
    for (unsigned i = 0; i < 20; i++) { /* then nothing for 5 s */
        now += 250;
        meter_note(&m, now, done);
    }
    assert_int_equal(meter_rate(&m, now, done), 0);
    assert_int_equal(meter_rate_overall(&m, now, done), 100000000 / 30);
}

static void the_first_instant_has_no_rate(void **unused)
{
    struct meter m;

    (void)unused;
    meter_start(&m, 5);
    assert_int_equal(meter_rate(&m, 5, 100), 0);
    assert_int_equal(meter_rate_overall(&m, 5, 100), 0);
    assert_int_equal(meter_rate(&m, 5 + 60000, 100), 0); /* all samples are too old */
}

static void lines_come_at_most_four_a_second_and_never_fall(void **unused)
{
    struct report r;
    struct err e = { 0 };
    char buf[1024];

    (void)unused;
    report_start(&r, pipe_fds[1], 0);
    assert_int_equal(report_progress(&r, &(struct progress){ 10, 100, 10, 1 }, 100, &e), 0);
    assert_false(report_due(&r, 349));
    assert_int_equal(report_progress(&r, &(struct progress){ 20, 100, 20, 2 }, 349, &e), 0);
    assert_true(report_due(&r, 350));
    assert_int_equal(report_progress(&r, &(struct progress){ 5, 100, 30, 3 }, 1000, &e), 0);
    assert_int_equal(report_progress_last(&r, &(struct progress){ 100, 100, 40, 4 }, 1001, &e), 0);
    read_all(buf, sizeof buf);
    assert_string_equal(
        buf, "{\"progress\":{\"done\":10,\"total\":100,\"rate\":100,\"read\":10,\"stored\":1}}\n"
             "{\"progress\":{\"done\":10,\"total\":100,\"rate\":10,\"read\":30,\"stored\":3}}\n"
             "{\"progress\":{\"done\":100,\"total\":100,\"rate\":99,\"read\":40,\"stored\":4}}\n");
}

static void an_error_is_one_line_whatever_it_says(void **unused)
{
    struct err why = { 0 }, e = { 0 };
    char buf[1024];
    json_t *line, *j;

    (void)unused;
    (void)e;
    (void)err_set(&why, 13, ERR_DENIED, "a \"quoted\"\nstory\\ with \x01 and \xff");
    report_error(pipe_fds[1], &why);
    read_all(buf, sizeof buf);
    assert_ptr_equal(strchr(buf, '\n'), buf + strlen(buf) - 1);
    line = json_loads(buf, 0, NULL);
    j = json_object_get(line, "error");
    assert_int_equal(json_integer_value(json_object_get(j, "no")), 13);
    assert_string_equal(json_string_value(json_object_get(j, "kind")), "denied");
    assert_non_null(strstr(json_string_value(json_object_get(j, "msg")), "a \"quoted\"\nstory\\"));
    json_decref(line);
}

static void a_result_is_one_line(void **unused)
{
    struct err e = { 0 };
    char buf[256];

    (void)unused;
    assert_int_equal(report_take_result(pipe_fds[1], json_pack("{s:i}", "a", 1), &e), 0);
    read_all(buf, sizeof buf);
    assert_string_equal(buf, "{\"result\":{\"a\":1}}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rate_is_of_the_last_seconds),
        cmocka_unit_test(the_first_instant_has_no_rate),
        cmocka_unit_test_setup_teardown(lines_come_at_most_four_a_second_and_never_fall, open_pipe,
                                        close_pipe),
        cmocka_unit_test_setup_teardown(an_error_is_one_line_whatever_it_says, open_pipe,
                                        close_pipe),
        cmocka_unit_test_setup_teardown(a_result_is_one_line, open_pipe, close_pipe),
    };

    return test_run(tests);
}
