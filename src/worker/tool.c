/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "clock.h"
#include "sandbox.h"
#include "str.h"

#define TOOL_CPU_S 120

void tool_done(struct tool *t)
{
    if (t->pid > 0) {
        (void)kill(t->pid, SIGKILL);
        while (waitpid(t->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    close_fdp(&t->out_fd);
    close_fdp(&t->err_fd);
    *t = (struct tool)TOOL_INIT;
}

struct launch {
    const char *const *argv;
    int in, out, err, source, listen, report;
    pid_t parent;
    bool writes;
};

/* Plain decimal without stdio, which is not for a forked child. */
static void put_decimal(char *p, unsigned v)
{
    char digits[12];
    unsigned n = 0;

    do
        digits[n++] = (char)('0' + v % 10);
    while (v /= 10);
    while (n)
        *p++ = digits[--n];
    *p = '\0';
}

static bool place(int fd, int at)
{
    int high = fcntl(fd, F_DUPFD_CLOEXEC, 64);

    return high >= 0 && dup2(high, at) >= 0;
}

_noreturn_ static void run_in_child(const struct launch *l)
{
    char pid[32] = "LISTEN_PID=", lang[] = "LC_ALL=C", count[] = "LISTEN_FDS=1";
    char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    char *env[] = { path, lang, NULL, NULL, NULL };
    int report = fcntl(l->report, F_DUPFD_CLOEXEC, 64), no;

    if (report < 0 ||
        !sandbox_child(l->parent, l->listen < 0 ? TOOL_CPU_S : 0, l->source, l->writes))
        goto failed;
    if (l->listen >= 0) {
        put_decimal(pid + strlen(pid), (unsigned)getpid());
        env[2] = count;
        env[3] = pid;
    }
    if (!place(l->source, 65) || !place(l->in, 0) || !place(l->out, 1) || !place(l->err, 2) ||
        (l->listen >= 0 && !place(l->listen, TOOL_LISTEN_FD)) || dup2(65, TOOL_SOURCE_FD) < 0)
        goto failed;
    (void)fcntl(65, F_SETFD, FD_CLOEXEC);
    execvpe(l->argv[0], (char *const *)l->argv, env);
failed:
    no = errno ? errno : EIO;
    (void)!write(report, &no, sizeof no);
    _exit(127);
}

static int make_pipe(int *ret_r, int *ret_w, struct err *e)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_errno(e, "make a pipe");
    *ret_r = fds[0];
    *ret_w = fds[1];
    return 0;
}

static int exec_result(int fd, const char *name, struct err *e)
{
    int no = 0;
    ssize_t n;

    do
        n = read(fd, &no, sizeof no);
    while (n < 0 && errno == EINTR);
    return n == sizeof no ? err_no(e, no, "run '%s'", name) : 0;
}

int tool_start(struct tool *t, const char *const *argv, int source_fd, int listen_fd, struct err *e)
{
    _cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    _cleanup_close_ int out_w = -1, err_w = -1, rep_r = -1, rep_w = -1;
    struct launch l = {
        .argv = argv, .source = source_fd, .listen = listen_fd, .writes = t->writes
    };
    int r;

    if (null < 0)
        return err_errno(e, "open '/dev/null'");
    r = make_pipe(&t->err_fd, &err_w, e);
    if (r == 0)
        r = make_pipe(&rep_r, &rep_w, e);
    if (r == 0 && listen_fd < 0)
        r = make_pipe(&t->out_fd, &out_w, e);
    if (r < 0)
        return r;
    (void)fcntl(t->err_fd, F_SETFL, O_NONBLOCK);
    l.in = null;
    l.out = listen_fd < 0 ? out_w : null;
    l.err = err_w;
    l.report = rep_w;
    l.parent = getpid();
    t->pid = fork();
    if (t->pid < 0)
        return err_errno(e, "fork for '%s'", argv[0]);
    if (t->pid == 0)
        run_in_child(&l);
    close_fdp(&rep_w);
    rep_w = -1;
    return exec_result(rep_r, argv[0], e);
}

/* Keeps the last bytes. Returns false at the end of the pipe. */
static bool drain_stderr(struct tool *t)
{
    char buf[1024];
    size_t cap = sizeof t->tail - 1;

    for (;;) {
        ssize_t n = read(t->err_fd, buf, sizeof buf);
        size_t k, over;

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 && errno == EAGAIN;
        k = (size_t)n;
        over = t->tail_len + k > cap ? t->tail_len + k - cap : 0;
        memmove(t->tail, t->tail + over, t->tail_len - over);
        memcpy(t->tail + t->tail_len - over, buf, k);
        t->tail_len += k - over;
        t->tail[t->tail_len] = '\0';
    }
}

/* Returns 1 at the end of stdout. */
static int take_output(struct tool *t, struct str *out, const char *what, struct err *e)
{
    char buf[8192];
    ssize_t n = read(t->out_fd, buf, sizeof buf);

    if (n < 0 && errno != EINTR)
        return err_errno(e, "read the output of %s", what);
    if (n == 0)
        return 1;
    if (n > 0)
        str_add_mem(out, buf, (size_t)n);
    return out->failed ? err_set(e, E2BIG, ERR_LIMIT, "%s says more than %zu bytes", what, out->max)
                       : 0;
}

static int gather(struct tool *t, struct str *out, uint64_t until, struct err *e)
{
    bool err_open = true;
    int r;

    for (;;) {
        uint64_t now = clock_mono_ms();
        struct pollfd p[] = { { .fd = t->out_fd, .events = POLLIN },
                              { .fd = err_open ? t->err_fd : -1, .events = POLLIN },
                              { .fd = sandbox_cancel_fd(), .events = POLLIN } };

        if (now >= until)
            return err_set(e, ETIMEDOUT, ERR_TIMEOUT, "no answer in time");
        if (poll(p, ARRAY_LEN(p), (int)min_u64(until - now, 60000)) < 0 && errno != EINTR)
            return err_errno(e, "wait for a child");
        r = sandbox_check(e);
        if (r < 0)
            return r;
        if (p[1].revents)
            err_open = drain_stderr(t);
        if (p[0].revents) {
            r = take_output(t, out, "a child", e);
            if (r != 0)
                return r < 0 ? r : 0;
        }
    }
}

int tool_finish(struct tool *t, unsigned timeout_ms, size_t max, char **ret_out, int *ret_status,
                struct err *e)
{
    _cleanup_str_ struct str out = STR_INIT(max);
    int r, status = 0;

    r = gather(t, &out, clock_mono_ms() + timeout_ms, e);
    if (r < 0)
        return r; /* tool_done() kills it */
    /* Its stdout has ended; a child that goes on without one has the CPU limit to stop it. */
    while (waitpid(t->pid, &status, 0) < 0 && errno == EINTR)
        ;
    t->pid = 0;
    (void)drain_stderr(t);
    r = str_check(&out, "the output of a child", e);
    if (r < 0)
        return r;
    *ret_out = str_take(&out);
    *ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return 0;
}

/* Copies text into s, with what replaced by by. */
static void add_replaced(struct str *s, const char *text, const char *what, const char *by)
{
    const char *at;

    while ((at = strstr(text, what))) {
        str_add_mem(s, text, (size_t)(at - text));
        str_add(s, by);
        text = at + strlen(what);
    }
    str_add(s, text);
}

/* "qemu-img: Could not open 'OPTIONS': reason" is for those who know the options. */
static const char *reason_of(const char *line)
{
    const char *colon = strstr(line, ": "), *quote;

    if (str_starts(line, "qemu-") && colon)
        line = colon + 2;
    quote = str_starts(line, "Could not open 'driver=") ? strstr(line, "': ") : NULL;
    return quote ? quote + 3 : line;
}

const char *tool_story(struct tool *t, const char *source, char *buf, size_t size)
{
    _cleanup_str_ struct str s = STR_INIT(8192);
    char *rest = t->tail, *line;

    if (t->err_fd >= 0)
        (void)drain_stderr(t);
    while ((line = strsep(&rest, "\n")))
        if (*line) {
            if (s.len)
                str_add(&s, "; ");
            add_replaced(&s, reason_of(line), TOOL_SOURCE_PATH, source);
        }
    t->tail_len = 0;
    t->tail[0] = '\0';
    return str_show(s.len ? str_text(&s) : "no reason given", buf, size);
}
