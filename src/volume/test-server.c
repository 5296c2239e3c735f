/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The daemon's handle against a real nbdkit; KILN_VOLUME_PLUGIN names the plugin. */
#include "test-lib.h"

#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "child.h"
#include "clock.h"
#include "parse.h"
#include "str.h"

struct seen {
    sd_event *loop;
    struct volume_server *vs;
    unsigned ready, exited, replies;
    struct err why;
    struct volume_status status;
};

static void on_event(struct volume_server *vs, enum volume_event ev, const struct err *why,
                     void *userdata)
{
    struct seen *s = userdata;

    (void)vs;
    if (ev == VOLUME_READY) {
        s->ready++;
        return;
    }
    s->exited++;
    s->why = *why;
}

static void on_done(struct volume_server *vs, const struct err *e, void *userdata)
{
    struct seen *s = userdata;

    (void)vs;
    s->replies++;
    s->why = e ? *e : (struct err){ 0 };
}

static void on_status(struct volume_server *vs, const struct volume_status *st, const struct err *e,
                      void *userdata)
{
    struct seen *s = userdata;

    (void)vs;
    assert_null(e);
    s->replies++;
    s->status = *st;
}

static void run_until(struct seen *s, const unsigned *what, unsigned n)
{
    while (*what < n) {
        int r = sd_event_run(s->loop, 20 * 1000000ULL);

        if (r <= 0)
            fail_msg("nothing happens (%d)", r);
    }
}

static void start(struct bench *b, struct seen *s, unsigned ready_ms)
{
    struct volume_server_spec spec = { .dir = b->vol,
                                       .store_dir = b->store_dir,
                                       .plugin = getenv("KILN_VOLUME_PLUGIN"),
                                       .ready_timeout_ms = ready_ms };
    struct err e = { 0 };

    if (!spec.plugin)
        skip();
    *s = (struct seen){ .loop = s->loop };
    if (!s->loop)
        assert_true(sd_event_new(&s->loop) >= 0);
    ok(volume_server_start(s->loop, &spec, on_event, s, &s->vs, &e), &e);
}

static void end(struct seen *s)
{
    volume_server_free(s->vs);
    while (sd_event_run(s->loop, 0) > 0) /* processes that were forgotten and have ended */
        ;
    s->loop = sd_event_unref(s->loop);
}

static void begin(struct bench *b)
{
    if (!getenv("KILN_VOLUME_PLUGIN"))
        skip();
    bench_open(b);
    make_volume(b, MIB(64), NULL);
}

static void a_server_starts_answers_and_stops_clean(void **unused)
{
    struct bench b;
    struct seen s = { 0 };
    struct err e = { 0 };

    (void)unused;
    begin(&b);
    start(&b, &s, 0);
    assert_false(volume_server_is_ready(s.vs));
    run_until(&s, &s.ready, 1);
    assert_true(volume_server_is_ready(s.vs));
    ok(volume_server_freeze(s.vs, on_done, &s, &e), &e);
    run_until(&s, &s.replies, 1);
    ok(volume_server_point(s.vs, "p1", on_done, &s, &e), &e);
    run_until(&s, &s.replies, 2);
    ok(volume_server_thaw(s.vs, on_done, &s, &e), &e);
    run_until(&s, &s.replies, 3);
    ok(volume_server_fill(s.vs, UINT64_MAX, on_done, &s, &e), &e);
    run_until(&s, &s.replies, 4);
    assert_int_equal(s.why.no, 0);
    ok(volume_server_release(s.vs, "p1", "no-such-snapshot", on_done, &s, &e), &e);
    run_until(&s, &s.replies, 5);
    assert_int_equal(s.why.kind, ERR_NOT_FOUND);
    ok(volume_server_release(s.vs, "p1", NULL, on_done, &s, &e), &e);
    run_until(&s, &s.replies, 6);
    ok(volume_server_status(s.vs, on_status, &s, &e), &e);
    run_until(&s, &s.replies, 7);
    assert_int_equal(s.status.size_bytes, MIB(64));
    assert_true(s.status.clean_start);
    volume_server_stop(s.vs, 5000);
    run_until(&s, &s.exited, 1);
    assert_int_equal(s.why.no, 0);
    end(&s);
    bench_close(&b);
}

/* Promised for a machine with nothing else to do; with more work than processors, it waits its
 * turn. */
static uint64_t patience_ns(void)
{
    double load = 0, cpus = (double)sysconf(_SC_NPROCESSORS_ONLN);

    (void)getloadavg(&load, 1);
    return (uint64_t)(100e6 * (load > cpus ? load / cpus : 1));
}

static void a_volume_of_8_gib_over_a_snapshot_is_served_within_100_ms(void **unused)
{
    uint64_t best = UINT64_MAX;
    static uint8_t some[STORE_BLOCK_BYTES];
    struct bench b;

    (void)unused;
    if (!getenv("KILN_VOLUME_PLUGIN"))
        skip();
    bench_open(&b);
    noise(some, sizeof some, 1);
    make_snapshot(b.store, "snap-1", NULL, some, sizeof some, NULL);
    for (unsigned i = 0; i < 5; i++) {
        uint64_t before = clock_mono_ns();
        struct err e = { 0 };
        struct seen s = { 0 };

        make_volume(&b, GIB(8), "snap-1");
        start(&b, &s, 0);
        run_until(&s, &s.ready, 1);
        best = min_u64(best, clock_mono_ns() - before);
        volume_server_stop(s.vs, 5000);
        run_until(&s, &s.exited, 1);
        end(&s);
        ok(volume_remove(b.vol, b.store_dir, "vol-1", &e), &e);
    }
    print_message("# made, started and ready in %llu us\n", (unsigned long long)best / 1000);
    assert_true(best < patience_ns());
    bench_close(&b);
}

static void a_living_server_is_adopted(void **unused)
{
    struct bench b;
    struct seen s = { 0 };
    struct err e = { 0 };
    _cleanup_free_ char *path = NULL, *before = NULL, *after = NULL;

    (void)unused;
    begin(&b);
    start(&b, &s, 0);
    run_until(&s, &s.ready, 1);
    path = xasprintf("%s/server.pid", b.vol);
    ok(file_read(path, 100, &before, NULL, &e), &e);
    volume_server_free(s.vs); /* the daemon goes, the server stays */
    start(&b, &s, 0);
    run_until(&s, &s.ready, 1);
    ok(file_read(path, 100, &after, NULL, &e), &e);
    assert_string_equal(before, after);
    volume_server_stop(s.vs, 5000);
    run_until(&s, &s.exited, 1);
    assert_int_equal(s.why.no, 0);
    end(&s);
    bench_close(&b);
}

static void a_killed_server_is_told_with_who_waits_and_replaced(void **unused)
{
    struct bench b;
    struct seen s = { 0 };
    struct err e = { 0 };
    uint64_t pid = 0;
    _cleanup_free_ char *path = NULL, *text = NULL;

    (void)unused;
    begin(&b);
    start(&b, &s, 0);
    run_until(&s, &s.ready, 1);
    path = xasprintf("%s/server.pid", b.vol);
    ok(file_read(path, 100, &text, NULL, &e), &e);
    text[strcspn(text, " ")] = '\0';
    assert_int_equal(parse_u64(text, 2, INT32_MAX, &pid), 0);
    assert_int_equal(kill((pid_t)pid, SIGSTOP), 0);
    ok(volume_server_thaw(s.vs, on_done, &s, &e), &e);
    assert_int_equal(kill((pid_t)pid, SIGKILL), 0);
    run_until(&s, &s.exited, 1);
    assert_int_equal(s.replies, 1); /* told before the exit, once */
    assert_int_equal(s.why.kind, ERR_IO);
    assert_non_null(strstr(s.why.msg, "signal 9"));
    end(&s);
    start(&b, &s, 0);
    run_until(&s, &s.ready, 1);
    ok(volume_server_status(s.vs, on_status, &s, &e), &e);
    run_until(&s, &s.replies, 1);
    assert_true(s.status.clean_start); /* nothing had changed */
    volume_server_stop(s.vs, 5000);
    run_until(&s, &s.exited, 1);
    end(&s);
    bench_close(&b);
}

static void a_damaged_volume_says_why_it_is_not_served(void **unused)
{
    struct bench b;
    struct seen s = { 0 };
    struct err e = { 0 };
    _cleanup_free_ char *path = NULL;

    (void)unused;
    begin(&b);
    path = xasprintf("%s/head", b.vol);
    ok(file_replace(path, "nonsense", 8, 0600, &e), &e);
    start(&b, &s, 0);
    run_until(&s, &s.exited, 1);
    assert_int_equal(s.ready, 0);
    assert_non_null(strstr(s.why.msg, "is not the head of a volume"));
    end(&s);
    bench_close(&b);
}

static void a_server_that_is_not_ready_in_time_is_killed(void **unused)
{
    struct bench b;
    struct seen s = { 0 };

    (void)unused;
    begin(&b);
    start(&b, &s, 1);
    run_until(&s, &s.exited, 1);
    assert_int_equal(s.why.kind, ERR_TIMEOUT);
    end(&s);
    bench_close(&b);
}

static void a_directory_under_lock_is_not_served_twice(void **unused)
{
    struct volume_server_spec spec = { 0 };
    struct volume_server *vs = NULL;
    struct err e = { 0 };
    sd_event *loop = NULL;
    struct bench b;

    (void)unused;
    begin(&b);
    open_volume(&b, NULL);
    spec.dir = b.vol;
    spec.plugin = getenv("KILN_VOLUME_PLUGIN");
    assert_true(sd_event_new(&loop) >= 0);
    assert_int_equal(volume_server_start(loop, &spec, on_event, NULL, &vs, &e), -EBUSY);
    assert_int_equal(e.kind, ERR_CONFLICT);
    sd_event_unref(loop);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_starts_answers_and_stops_clean),
        cmocka_unit_test(a_volume_of_8_gib_over_a_snapshot_is_served_within_100_ms),
        cmocka_unit_test(a_living_server_is_adopted),
        cmocka_unit_test(a_killed_server_is_told_with_who_waits_and_replaced),
        cmocka_unit_test(a_damaged_volume_says_why_it_is_not_served),
        cmocka_unit_test(a_server_that_is_not_ready_in_time_is_killed),
        cmocka_unit_test(a_directory_under_lock_is_not_served_twice),
    };

    return test_run(tests);
}
