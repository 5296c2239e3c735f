/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tool.h"

static char source[] = "/tmp/kiln-test-tool-XXXXXX";
static int source_fd = -1;

static int make_source(void **unused)
{
    (void)unused;
    source_fd = mkostemp(source, O_CLOEXEC);
    return source_fd < 0 || write(source_fd, "the source", 10) != 10;
}

static int remove_source(void **unused)
{
    (void)unused;
    (void)unlink(source);
    return close(source_fd);
}

struct ran {
    struct tool t;
    char *out;
    int status, r;
    struct err e;
};

static void ran_done(struct ran *x)
{
    tool_done(&x->t);
    free(x->out);
}

static struct ran run(const char *script, unsigned timeout_ms)
{
    struct ran x = { .t = TOOL_INIT, .status = -1 };
    const char *argv[] = { "sh", "-c", script, NULL };

    x.r = tool_start(&x.t, argv, source_fd, -1, &x.e);
    if (x.r == 0)
        x.r = tool_finish(&x.t, timeout_ms, 1000, &x.out, &x.status, &x.e);
    return x;
}

static void output_status_and_last_words_arrive(void **unused)
{
    _cleanup_(ran_done) struct ran x =
        run("echo out; echo \"qemu-img: Could not open 'driver=x': bad /proc/self/fd/4\" >&2;"
            "echo more >&2; exit 3",
            10000);
    char buf[64];

    (void)unused;
    assert_int_equal(x.r, 0);
    assert_int_equal(x.status, 3);
    assert_string_equal(x.out, "out\n");
    assert_string_equal(tool_story(&x.t, "a.img", buf, sizeof buf), "bad a.img; more");
}

static void the_source_can_be_read_by_its_number(void **unused)
{
    _cleanup_(ran_done) struct ran x = run("cat " TOOL_SOURCE_PATH, 10000);

    (void)unused;
    assert_int_equal(x.status, 0);
    assert_string_equal(x.out, "the source");
}

static void no_other_file_can_be_opened(void **unused)
{
    char other[] = "/tmp/kiln-test-other-XXXXXX";
    int fd = mkostemp(other, O_CLOEXEC);
    char script[128];

    (void)unused;
    assert_true(fd >= 0);
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 0)
        skip(); /* this kernel has no such fence */
    (void)snprintf(script, sizeof script, "cat %s || cat /etc/passwd || : >>%s", other, other);
    {
        _cleanup_(ran_done) struct ran x = run(script, 10000);

        assert_int_equal(x.r, 0);
        assert_int_not_equal(x.status, 0);
        assert_string_equal(x.out, "");
    }
    (void)unlink(other);
    (void)close(fd);
}

static void no_file_can_grow(void **unused)
{
    _cleanup_(ran_done) struct ran x = run("ulimit -f; ulimit -c", 10000);

    (void)unused;
    assert_string_equal(x.out, "0\n0\n");
}

static void a_deadline_ends_the_wait(void **unused)
{
    _cleanup_(ran_done) struct ran x = run("exec cat </proc/self/fd/2", 50);

    (void)unused;
    assert_int_equal(x.r, -ETIMEDOUT);
    assert_int_equal(x.e.kind, ERR_TIMEOUT);
    assert_null(x.out);
}

static void a_tool_dies_with_its_worker(void **unused)
{
    const char *argv[] = { "sh", "-c", "exec cat </proc/self/fd/2", NULL };
    struct tool t = TOOL_INIT;
    struct err e = { 0 };
    pid_t worker, tool = 0;
    int fds[2], status = 0;

    (void)unused;
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); /* the orphan becomes ours */
    assert_int_equal(pipe(fds), 0);
    worker = fork();
    if (worker == 0) {
        (void)tool_start(&t, argv, source_fd, -1, &e);
        (void)!write(fds[1], &t.pid, sizeof t.pid);
        (void)raise(SIGKILL);
    }
    assert_int_equal(read(fds[0], &tool, sizeof tool), sizeof tool);
    assert_true(tool > 0);
    assert_int_equal(waitpid(worker, NULL, 0), worker);
    (void)alarm(20); /* it would wait for ever */
    assert_int_equal(waitpid(tool, &status, 0), tool);
    (void)alarm(0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void too_much_output_is_refused(void **unused)
{
    _cleanup_(ran_done) struct ran x = run("yes", 10000);

    (void)unused;
    assert_int_equal(x.r, -E2BIG);
    assert_int_equal(x.e.kind, ERR_LIMIT);
}

static void a_missing_program_is_named(void **unused)
{
    struct tool t = TOOL_INIT;
    const char *argv[] = { "kiln-no-such-program", NULL };
    struct err e = { 0 };

    (void)unused;
    assert_int_equal(tool_start(&t, argv, source_fd, -1, &e), -ENOENT);
    assert_string_equal(e.msg, "run 'kiln-no-such-program': No such file or directory");
    tool_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_status_and_last_words_arrive),
        cmocka_unit_test(the_source_can_be_read_by_its_number),
        cmocka_unit_test(no_other_file_can_be_opened),
        cmocka_unit_test(no_file_can_grow),
        cmocka_unit_test(a_deadline_ends_the_wait),
        cmocka_unit_test(a_tool_dies_with_its_worker),
        cmocka_unit_test(too_much_output_is_refused),
        cmocka_unit_test(a_missing_program_is_named),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, make_source, remove_source);
}
