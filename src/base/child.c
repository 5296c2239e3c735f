/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE 1
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "file.h"
#include "str.h"

#define TAIL_MAX       4096
#define LINE_MAX_BYTES (64U << 10)
#define GROUPS_MAX     64

struct child {
    pid_t pid;
    bool ours; /* our child (waitid works), or adopted */
    int pidfd, out_fd, err_fd;
    sd_event_source *pid_src, *out_src, *err_src;
    struct str line;
    bool line_too_long;
    char tail[TAIL_MAX];
    size_t tail_len;
    bool exited;
    bool forgotten; /* freed by its owner while it lived: only reaped from now on */
    struct child_exit how;
    void (*on_line)(struct child *c, const char *line, void *userdata);
    void (*on_exit)(struct child *c, const struct child_exit *x, void *userdata);
    void *userdata;
};

struct identity {
    uid_t uid;
    gid_t gid;
    gid_t groups[GROUPS_MAX]; /* the user's own: /dev/kvm belongs to one */
    int n_groups;
    bool change;
};

static struct {
    bool set;
    int nice;
} priority;

void child_nice(int nice)
{
    priority.set = true;
    priority.nice = nice;
}

static void source_gone(sd_event_source **s)
{
    *s = sd_event_source_disable_unref(*s);
}

static void fd_gone(int *fd)
{
    close_fdp(fd);
    *fd = -1;
}

static void let_go_of_pipes(struct child *c)
{
    source_gone(&c->out_src);
    source_gone(&c->err_src);
    fd_gone(&c->out_fd);
    fd_gone(&c->err_fd);
    str_done(&c->line);
}

void child_free(struct child *c)
{
    if (!c)
        return;
    let_go_of_pipes(c);
    if (c->ours && !c->exited && c->pid_src) { /* or a zombie would stay */
        c->forgotten = true;
        return;
    }
    source_gone(&c->pid_src);
    fd_gone(&c->pidfd);
    free(c);
}

pid_t child_pid(const struct child *c)
{
    return c->pid;
}

/* The exit is told when the process is dead and both pipes have ended: no line is lost. */
static void tell_exit_when_all_ended(struct child *c)
{
    if (!c->exited || c->out_src || c->err_src)
        return;
    c->tail[c->tail_len] = '\0';
    c->how.tail = c->tail;
    if (c->on_exit)
        c->on_exit(c, &c->how, c->userdata);
}

static void keep_tail(struct child *c, const char *p, size_t n)
{
    size_t cap = sizeof c->tail - 1;

    if (n >= cap) {
        p += n - cap;
        n = cap;
    }
    if (c->tail_len + n > cap) {
        size_t drop = c->tail_len + n - cap;

        memmove(c->tail, c->tail + drop, c->tail_len - drop);
        c->tail_len -= drop;
    }
    memcpy(c->tail + c->tail_len, p, n);
    c->tail_len += n;
}

static void end_line(struct child *c)
{
    if (!c->line_too_long && c->line.len && c->on_line)
        c->on_line(c, str_text(&c->line), c->userdata);
    str_done(&c->line);
    c->line_too_long = false;
}

static void take_lines(struct child *c, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\n')
            end_line(c);
        else if (!c->line_too_long)
            str_addc(&c->line, p[i]);
        if (c->line.failed)
            c->line_too_long = true;
    }
}

static int on_pipe(sd_event_source *s, int fd, uint32_t events, void *userdata)
{
    struct child *c = userdata;
    char buf[8192];
    ssize_t n = read(fd, buf, sizeof buf);

    (void)events;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n > 0) {
        if (s == c->out_src)
            take_lines(c, buf, (size_t)n);
        else
            keep_tail(c, buf, (size_t)n);
        return 0;
    }
    if (s == c->out_src) {
        end_line(c);
        source_gone(&c->out_src);
    } else {
        source_gone(&c->err_src);
    }
    tell_exit_when_all_ended(c);
    return 0;
}

static int on_pidfd(sd_event_source *s, int fd, uint32_t events, void *userdata)
{
    struct child *c = userdata;
    siginfo_t si = { 0 };

    (void)s, (void)fd, (void)events;
    c->how = (struct child_exit){ .code = -1 };
    if (c->ours && waitid(P_PIDFD, (id_t)c->pidfd, &si, WEXITED) == 0) {
        if (si.si_code == CLD_EXITED)
            c->how.code = si.si_status;
        else
            c->how.signal = si.si_status;
    }
    c->exited = true;
    source_gone(&c->pid_src);
    if (c->forgotten) {
        child_free(c);
        return 0;
    }
    tell_exit_when_all_ended(c);
    return 0;
}

/* 1 and *ret when we are root and the user exists, 0 when we stay who we are. */
static int find_user(const char *user, char *buf, size_t size, struct passwd *ret, struct err *e)
{
    struct passwd *found = NULL;
    int r;

    if (!user || geteuid() != 0)
        return 0;
    r = getpwnam_r(user, ret, buf, size, &found);
    if (r != 0)
        return err_no(e, r, "look up the user '%s'", user);
    return found ? 1 : 0;
}

int child_user_find(const char *user, uid_t *ret_uid, gid_t *ret_gid, struct err *e)
{
    char buf[4096];
    struct passwd pw;
    int r = find_user(user, buf, sizeof buf, &pw, e);

    if (r > 0) {
        *ret_uid = pw.pw_uid;
        *ret_gid = pw.pw_gid;
    }
    return r;
}

static int find_identity(const char *user, struct identity *ret, struct err *e)
{
    char buf[4096];
    struct passwd pw;
    int r = find_user(user, buf, sizeof buf, &pw, e);

    *ret = (struct identity){ 0 };
    if (r <= 0)
        return r;
    ret->uid = pw.pw_uid;
    ret->gid = pw.pw_gid;
    ret->change = true;
    ret->n_groups = GROUPS_MAX;
    if (getgrouplist(user, pw.pw_gid, ret->groups, &ret->n_groups) < 0)
        return err_set(e, E2BIG, ERR_LIMIT, "the user '%s' is in too many groups", user);
    return 0;
}

struct launch {
    const struct child_spec *spec;
    struct identity who;
    int out, err, null; /* descriptors for 1, 2 and 0 */
    int report;         /* errno of a failed exec goes here */
    pid_t parent;
};

_noreturn_ static void fail_in_child(int report)
{
    int no = errno;

    (void)!write(report, &no, sizeof no);
    _exit(127);
}

/* Only async-signal-safe calls from here to exec, but for setgroups, which is a plain call too. */
_noreturn_ static void run_in_child(const struct launch *l)
{
    int report = fcntl(l->report, F_DUPFD_CLOEXEC, 64), fds[CHILD_FDS_MAX];
    sigset_t none;

    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (l->spec->new_session || priority.set)
        (void)setsid();
    if (priority.set)
        (void)setpriority(PRIO_PROCESS, 0, priority.nice);
    for (unsigned i = 0; i < l->spec->n_pass_fds; i++)
        if ((fds[i] = fcntl(l->spec->pass_fds[i], F_DUPFD_CLOEXEC, 64)) < 0)
            fail_in_child(report);
    if (dup2(l->null, 0) < 0 || dup2(l->out, 1) < 0 || dup2(l->err, 2) < 0)
        fail_in_child(report);
    for (unsigned i = 0; i < l->spec->n_pass_fds; i++)
        if (dup2(fds[i], 3 + (int)i) < 0)
            fail_in_child(report);
    if (l->who.change && (setgroups((size_t)l->who.n_groups, l->who.groups) < 0 ||
                          setgid(l->who.gid) < 0 || setuid(l->who.uid) < 0))
        fail_in_child(report);
    if (l->spec->dies_with_parent) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != l->parent) /* it died before the line above */
            _exit(127);
    }
    execvp(l->spec->argv[0], (char *const *)l->spec->argv);
    fail_in_child(report);
}

static int make_pipe(int fds[2], struct err *e)
{
    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_errno(e, "make a pipe");
    return 0;
}

static int watch(sd_event *loop, int fd, sd_event_io_handler_t fn, struct child *c,
                 sd_event_source **ret, struct err *e)
{
    int r = sd_event_add_io(loop, ret, fd, EPOLLIN, fn, c);

    return r < 0 ? err_no(e, r, "watch the process %d", (int)c->pid) : 0;
}

static int watch_all(sd_event *loop, struct child *c, struct err *e)
{
    int r;

    c->pidfd = pidfd_open(c->pid, 0);
    if (c->pidfd < 0)
        return err_errno(e, "open a pidfd of process %d", (int)c->pid);
    r = watch(loop, c->pidfd, on_pidfd, c, &c->pid_src, e);
    if (r == 0 && c->out_fd >= 0)
        r = watch(loop, c->out_fd, on_pipe, c, &c->out_src, e);
    if (r == 0 && c->err_fd >= 0)
        r = watch(loop, c->err_fd, on_pipe, c, &c->err_src, e);
    return r;
}

static struct child *child_new(void)
{
    struct child *c = calloc(1, sizeof *c);

    if (c) {
        c->pidfd = c->out_fd = c->err_fd = -1;
        c->line.max = LINE_MAX_BYTES;
    }
    return c;
}

static int exec_result(int report_fd, const char *name, struct err *e)
{
    int no = 0;
    ssize_t n;

    do
        n = read(report_fd, &no, sizeof no);
    while (n < 0 && errno == EINTR);
    return n == sizeof no ? err_no(e, no, "run '%s'", name) : 0;
}

int child_spawn(sd_event *loop, const struct child_spec *spec, struct child **ret, struct err *e)
{
    _cleanup_(child_freep) struct child *c = child_new();
    int out[2] = { -1, -1 }, errp[2] = { -1, -1 }, rep[2] = { -1, -1 };
    _cleanup_close_ int log = -1, null = -1, out_w = -1, err_w = -1, rep_r = -1, rep_w = -1;
    struct launch l = { .spec = spec, .parent = getpid() };
    int r;

    if (!c)
        return err_oom(e);
    r = find_identity(spec->user, &l.who, e);
    if (r < 0)
        return r;
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return err_errno(e, "open '/dev/null'");
    if (spec->log_path) {
        log = open(spec->log_path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640);
        if (log < 0)
            return err_errno(e, "open the log '%s'", spec->log_path);
    } else if ((r = make_pipe(errp, e)) < 0) {
        return r;
    }
    c->err_fd = errp[0], err_w = errp[1];
    if (spec->on_line && (r = make_pipe(out, e)) < 0)
        return r;
    c->out_fd = out[0], out_w = out[1];
    if ((r = make_pipe(rep, e)) < 0)
        return r;
    rep_r = rep[0], rep_w = rep[1];

    l.null = null;
    l.err = log >= 0 ? log : err_w;
    l.out = out_w >= 0 ? out_w : l.err;
    l.report = rep_w;
    c->pid = fork();
    if (c->pid < 0)
        return err_errno(e, "fork for '%s'", spec->argv[0]);
    if (c->pid == 0)
        run_in_child(&l);
    fd_gone(&rep_w);
    r = exec_result(rep_r, spec->argv[0], e);
    if (r < 0) {
        (void)waitpid(c->pid, NULL, 0);
        return r;
    }
    c->ours = true;
    c->on_line = spec->on_line;
    c->on_exit = spec->on_exit;
    c->userdata = spec->userdata;
    r = watch_all(loop, c, e);
    if (r < 0) {
        (void)kill(c->pid, SIGKILL);
        (void)waitpid(c->pid, NULL, 0);
        return r;
    }
    *ret = TAKE_PTR(c);
    return 0;
}

uint64_t child_start_time(pid_t pid)
{
    _cleanup_free_ char *text = NULL;
    struct err e = { 0 };
    char path[64], *p;
    unsigned long long start = 0;
    char state = 'Z';

    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (file_read(path, 4096, &text, NULL, &e) < 0)
        return 0;
    p = strrchr(text, ')'); /* the name may hold anything, ')' too */
    if (!p || sscanf(p + 1,
                     " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d "
                     "%llu",
                     &state, &start) != 2)
        return 0;
    return state == 'Z' || state == 'X' ? 0 : start;
}

int child_adopt(sd_event *loop, pid_t pid, uint64_t start_time,
                void (*on_exit)(struct child *c, const struct child_exit *x, void *userdata),
                void *userdata, struct child **ret, struct err *e)
{
    _cleanup_(child_freep) struct child *c = child_new();
    int r;

    if (!c)
        return err_oom(e);
    c->pid = pid;
    c->on_exit = on_exit;
    c->userdata = userdata;
    r = watch_all(loop, c, e);
    if (r < 0)
        return r;
    /* Asked after the pidfd is held: from here on the pid cannot be another's. */
    if (start_time == 0 || child_start_time(pid) != start_time)
        return err_set(e, ESRCH, ERR_NOT_FOUND, "process %d of an earlier run is gone", (int)pid);
    *ret = TAKE_PTR(c);
    return 0;
}

int child_signal(struct child *c, int sig, struct err *e)
{
    if (c->exited)
        return 0;
    if (syscall(SYS_pidfd_send_signal, c->pidfd, sig, NULL, 0) < 0 && errno != ESRCH)
        return err_errno(e, "send signal %d to process %d", sig, (int)c->pid);
    return 0;
}
