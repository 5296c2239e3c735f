/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "child.h"
#include "str.h"

struct seen {
    sd_event *loop;
    char lines[256];
    int code, signal;
    char tail[256];
};

static void note_line(struct child *c, const char *line, void *userdata)
{
    struct seen *s = userdata;
    size_t n = strlen(s->lines);

    (void)c;
    (void)snprintf(s->lines + n, sizeof s->lines - n, "%s;", line);
}

static void note_exit(struct child *c, const struct child_exit *x, void *userdata)
{
    struct seen *s = userdata;

    (void)c;
    s->code = x->code;
    s->signal = x->signal;
    (void)str_copy(s->tail, sizeof s->tail, x->tail);
    (void)sd_event_exit(s->loop, 0);
}

static void run(const char *const *argv, struct seen *s)
{
    _cleanup_(child_freep) struct child *c = NULL;
    struct child_spec spec = { .argv = argv,
                               .on_line = note_line,
                               .on_exit = note_exit,
                               .userdata = s,
                               .dies_with_parent = true };
    struct err e = { 0 };

    assert_true(sd_event_new(&s->loop) >= 0);
    assert_int_equal(child_spawn(s->loop, &spec, &c, &e), 0);
    assert_int_equal(sd_event_loop(s->loop), 0);
    sd_event_unref(s->loop);
}

static void lines_tail_and_status_arrive(void **unused)
{
    struct seen s = { .code = 99 };

    (void)unused;
    run((const char *[]){ "sh", "-c", "echo one; echo two; echo bad >&2; exit 3", NULL }, &s);
    assert_string_equal(s.lines, "one;two;");
    assert_string_equal(s.tail, "bad\n");
    assert_int_equal(s.code, 3);
}

static void a_killing_signal_is_told(void **unused)
{
    struct seen s = { .code = 99 };

    (void)unused;
    run((const char *[]){ "sh", "-c", "kill -9 $$", NULL }, &s);
    assert_int_equal(s.code, -1);
    assert_int_equal(s.signal, SIGKILL);
}

static void a_missing_program_is_an_error_of_the_start(void **unused)
{
    sd_event *loop = NULL;
    struct child *c = NULL;
    struct child_spec spec = { .argv = (const char *[]){ "/nonexistent/program", NULL } };
    struct err e = { 0 };

    (void)unused;
    assert_true(sd_event_new(&loop) >= 0);
    assert_int_equal(child_spawn(loop, &spec, &c, &e), -ENOENT);
    assert_string_equal(e.msg, "run '/nonexistent/program': No such file or directory");
    assert_null(c);
    sd_event_unref(loop);
}

static void a_dead_process_is_not_adopted(void **unused)
{
    sd_event *loop = NULL;
    struct child *c = NULL;
    struct err e = { 0 };

    (void)unused;
    assert_true(sd_event_new(&loop) >= 0);
    assert_int_equal(child_adopt(loop, getpid(), 1, NULL, NULL, &c, &e), -ESRCH);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_null(c);
    assert_true(child_start_time(getpid()) > 0);
    sd_event_unref(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_tail_and_status_arrive),
        cmocka_unit_test(a_killing_signal_is_told),
        cmocka_unit_test(a_missing_program_is_an_error_of_the_start),
        cmocka_unit_test(a_dead_process_is_not_adopted),
    };

    return test_run(tests);
}
