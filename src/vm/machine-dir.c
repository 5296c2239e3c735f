/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "machine-dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "child.h"
#include "clock.h"
#include "file.h"
#include "parse.h"
#include "qemu-args.h"
#include "str.h"

#define OVMF_VARS        "/usr/share/OVMF/OVMF_VARS_4M.fd"
#define OVMF_VARS_SECURE "/usr/share/OVMF/OVMF_VARS_4M.ms.fd" /* Microsoft's keys, enrolled */
#define VARS_MAX         MIB(1)
#define COPY_STEP        65536U
#define CMDLINE_MAX      KIB(256)

#define LINE_SOCKET   "line.sock"
#define AGENT_SOCKET  "agent.sock"
#define SERIAL_SOCKET "serial.sock"
#define CONSOLE_LOG   "console.log"

static const char *const leftovers[] = { "qmp.sock",         LINE_SOCKET,  SERIAL_SOCKET,
                                         "vnc.sock",         AGENT_SOCKET, MACHINE_PID,
                                         MACHINE_PID ".new", SERIAL_PID,   SERIAL_PID ".new" };

static int open_dir(const char *dir, int *ret, struct err *e)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return err_errno(e, "open the directory '%s'", dir);
    *ret = fd;
    return 0;
}

/* Opens a regular file in dir, never through a link. */
static int open_in(const char *dir, const char *name, int flags, int *ret_fd, uint64_t *ret_size,
                   struct err *e)
{
    _cleanup_close_ int dir_fd = -1, fd = -1;
    struct stat st;
    int r = open_dir(dir, &dir_fd, e);

    if (r < 0)
        return r;
    fd = openat(dir_fd, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, "open '%s/%s'", dir, name);
    if (fstat(fd, &st) < 0)
        return err_errno(e, "look at '%s/%s'", dir, name);
    if (!S_ISREG(st.st_mode))
        return err_set(e, EINVAL, ERR_IO, "'%s/%s' is no regular file", dir, name);
    *ret_fd = TAKE_FD(fd);
    *ret_size = (uint64_t)st.st_size;
    return 0;
}

/* ---- preparing ------------------------------------------------------------------------------- */

struct owner {
    bool change;
    uid_t uid;
    gid_t gid;
};

static int give_away(int dir_fd, const char *name, const struct owner *o, struct err *e)
{
    if (o->change && fchownat(dir_fd, name, o->uid, o->gid, AT_SYMLINK_NOFOLLOW) < 0)
        return err_errno(e, "give '%s' to the user %d", name, (int)o->uid);
    return 0;
}

/* Until owner_end, files are looked up and made as the owner would: what a broken QEMU put into its
 * directory gains nothing from our rights. */
static void owner_begin(const struct owner *o)
{
    if (!o->change)
        return;
    (void)setfsgid(o->gid);
    (void)setfsuid(o->uid); /* takes root's rights over files with it */
}

static void owner_end(const struct owner *o)
{
    if (!o->change)
        return;
    (void)setfsuid(geteuid());
    (void)setfsgid(getegid());
}

static int socket_at(const char *dir, const char *name, int *ret, struct sockaddr_un *ret_sun,
                     struct err *e)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    int fd;

    if (snprintf(sun.sun_path, sizeof sun.sun_path, "%s/%s", dir, name) >= (int)sizeof sun.sun_path)
        return err_set(e, ENAMETOOLONG, ERR_LIMIT, "socket path '%s/%s' is too long", dir, name);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_errno(e, "make a socket for '%s/%s'", dir, name);
    *ret = fd;
    *ret_sun = sun;
    return 0;
}

static int listen_at(const char *dir, const char *name, const struct owner *o, int *ret,
                     struct err *e)
{
    _cleanup_close_ int fd = -1;
    struct sockaddr_un sun;
    int bound, r = socket_at(dir, name, &fd, &sun, e);

    if (r < 0)
        return r;
    if (fchmod(fd, 0660) < 0) /* bind takes the socket file's mode from here */
        return err_errno(e, "restrict the socket '%s/%s'", dir, name);
    owner_begin(o);
    bound = bind(fd, (struct sockaddr *)&sun, sizeof sun);
    owner_end(o);
    if (bound < 0 || listen(fd, 8) < 0)
        return err_errno(e, "listen at '%s/%s'", dir, name);
    *ret = TAKE_FD(fd);
    return 0;
}

/* The machine's own copy of the firmware's variables, made once. */
static int copy_vars(int dir_fd, const char *from, const struct owner *o, struct err *e)
{
    _cleanup_free_ char *text = NULL;
    _cleanup_close_ int fd = -1;
    size_t n;
    int r;

    if (faccessat(dir_fd, "vars.fd", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    r = file_read(from, VARS_MAX, &text, &n, e);
    if (r < 0)
        return err_wrap(e, "copy the firmware's variables");
    (void)unlinkat(dir_fd, "vars.fd.new", 0);
    fd = openat(dir_fd, "vars.fd.new", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (fd < 0)
        return err_errno(e, "create 'vars.fd.new'");
    r = write_full(fd, text, n);
    if (r < 0)
        return err_no(e, r, "write 'vars.fd.new'");
    r = give_away(dir_fd, "vars.fd.new", o, e);
    if (r < 0)
        return r;
    if (fsync(fd) < 0 || renameat(dir_fd, "vars.fd.new", dir_fd, "vars.fd") < 0)
        return err_errno(e, "put 'vars.fd' in place");
    return 0;
}

static int find_owner(const char *user, struct owner *ret, struct err *e)
{
    int r = child_user_find(user, &ret->uid, &ret->gid, e);

    ret->change = r > 0;
    return r < 0 ? r : 0;
}

int machine_dir_prepare(const struct vm_spec *s, int *ret_qmp_fd, int *ret_line_fd, struct err *e)
{
    _cleanup_close_ int dir_fd = -1, qmp = -1, line = -1;
    struct owner o = { 0 };
    int r = dir_make(s->dir, 0750, e);

    if (r == 0)
        r = find_owner(s->user, &o, e);
    if (r == 0)
        r = open_dir(s->dir, &dir_fd, e);
    if (r < 0)
        return r;
    machine_dir_sweep(s->dir);
    if (s->firmware != VM_FIRMWARE_BIOS)
        r = copy_vars(dir_fd, s->firmware == VM_FIRMWARE_UEFI_SECURE ? OVMF_VARS_SECURE : OVMF_VARS,
                      &o, e);
    if (r < 0)
        return r;
    r = give_away(dir_fd, ".", &o, e); /* from here on its user may change it */
    if (r == 0)
        r = listen_at(s->dir, "qmp.sock", &o, &qmp, e);
    if (r == 0)
        r = listen_at(s->dir, LINE_SOCKET, &o, &line, e);
    if (r < 0)
        return r;
    *ret_qmp_fd = TAKE_FD(qmp);
    *ret_line_fd = TAKE_FD(line);
    return 0;
}

int machine_subdir_make(const char *dir, const char *name, const char *user, struct err *e)
{
    _cleanup_close_ int dir_fd = -1;
    struct owner o = { 0 };
    int made, r = find_owner(user, &o, e);

    if (r == 0)
        r = open_dir(dir, &dir_fd, e);
    if (r < 0)
        return r;
    owner_begin(&o);
    made = mkdirat(dir_fd, name, 0700);
    owner_end(&o);
    if (made < 0 && errno != EEXIST)
        return err_errno(e, "make the directory '%s/%s'", dir, name);
    return 0;
}

/* ---- the serial line's relay ----------------------------------------------------------------- */

static int connect_at(const char *dir, const char *name, const struct owner *o, bool wait, int *ret,
                      struct err *e)
{
    _cleanup_close_ int fd = -1;
    struct sockaddr_un sun;
    int done, r = socket_at(dir, name, &fd, &sun, e);

    if (r < 0)
        return r;
    if (!wait && fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        return err_errno(e, "connect to '%s/%s'", dir, name);
    owner_begin(o);
    done = connect(fd, (struct sockaddr *)&sun, sizeof sun);
    owner_end(o);
    if (done < 0)
        return err_errno(e, "connect to '%s/%s'", dir, name);
    *ret = TAKE_FD(fd);
    return 0;
}

int machine_agent_open(const char *dir, const char *user, int *ret, struct err *e)
{
    struct owner o = { 0 };
    int r = find_owner(user, &o, e);

    return r < 0 ? r : connect_at(dir, AGENT_SOCKET, &o, false, ret, e);
}

/* The lock belongs to the open file: it goes to the relay with it, and ends with the relay. */
static int open_log(const char *dir, const struct owner *o, int *ret, struct err *e)
{
    _cleanup_close_ int dir_fd = -1, fd = -1;
    struct stat st;
    int r = open_dir(dir, &dir_fd, e);

    if (r < 0)
        return r;
    owner_begin(o);
    fd = openat(dir_fd, CONSOLE_LOG, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0640);
    owner_end(o);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_errno(e, "open '%s/" CONSOLE_LOG "'", dir);
    if (!S_ISREG(st.st_mode))
        return err_set(e, EINVAL, ERR_IO, "'%s/" CONSOLE_LOG "' is no regular file", dir);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        return err_set(e, EBUSY, ERR_CONFLICT, "'%s/" CONSOLE_LOG "' is written by another process",
                       dir);
    *ret = TAKE_FD(fd);
    return 0;
}

int machine_line_open(const char *dir, const char *user, struct machine_line *ret, struct err *e)
{
    struct machine_line l = { { -1, -1, -1 } };
    struct owner o = { 0 };
    int r = find_owner(user, &o, e);

    if (r == 0)
        r = open_log(dir, &o, &l.fds[2], e);
    if (r == 0)
        r = connect_at(dir, LINE_SOCKET, &o, true, &l.fds[0], e);
    if (r == 0) { /* of a relay that died: nobody listens there */
        _cleanup_free_ char *path = xasprintf("%s/" SERIAL_SOCKET, dir);

        r = unlink_quiet(path, e);
    }
    if (r == 0)
        r = listen_at(dir, SERIAL_SOCKET, &o, &l.fds[1], e);
    if (r < 0) {
        machine_line_done(&l);
        return r;
    }
    *ret = l;
    return 0;
}

void machine_line_done(struct machine_line *l)
{
    for (size_t i = 0; i < ARRAY_LEN(l->fds); i++) {
        close_fdp(&l->fds[i]);
        l->fds[i] = -1;
    }
}

void machine_dir_sweep(const char *dir)
{
    _cleanup_close_ int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (dir_fd < 0)
        return;
    for (size_t i = 0; i < ARRAY_LEN(leftovers); i++)
        (void)unlinkat(dir_fd, leftovers[i], 0); /* mostly absent; the next start tries again */
}

/* ---- the pid file: "PID START-TIME STARTED-MS LOG-OFFSET" --------------------------------------
 */

/* No flush: after a power failure there is no process to find. */
int machine_pid_write(const char *dir, const char *name, const struct machine_pid *p, struct err *e)
{
    _cleanup_free_ char *fresh = xasprintf("%s.new", name);
    _cleanup_close_ int dir_fd = -1, fd = -1;
    char line[128];
    int n, r = open_dir(dir, &dir_fd, e);

    if (r < 0)
        return r;
    n = snprintf(line, sizeof line, "%d %llu %llu %llu\n", (int)p->pid,
                 (unsigned long long)p->start_time, (unsigned long long)p->started_ms,
                 (unsigned long long)p->log_offset);
    (void)unlinkat(dir_fd, fresh, 0);
    fd = openat(dir_fd, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return err_errno(e, "create '%s/%s'", dir, fresh);
    r = write_full(fd, line, (size_t)n);
    if (r < 0)
        return err_no(e, r, "write '%s/%s'", dir, fresh);
    if (renameat(dir_fd, fresh, dir_fd, name) < 0)
        return err_errno(e, "put '%s/%s' in place", dir, name);
    return 0;
}

static int parse_pid(char *text, struct machine_pid *ret)
{
    uint64_t v[4];
    char *save = NULL;
    unsigned n = 0;

    for (char *w = strtok_r(text, " \n", &save); w; w = strtok_r(NULL, " \n", &save))
        if (n == ARRAY_LEN(v) || parse_u64(w, 0, UINT64_MAX, &v[n++]) < 0)
            return -EINVAL;
    if (n != ARRAY_LEN(v) || v[0] < 2 || v[0] > INT32_MAX || v[1] == 0)
        return -EINVAL;
    *ret = (struct machine_pid){ (pid_t)v[0], v[1], v[2], v[3] };
    return 0;
}

int machine_pid_read(const char *dir, const char *name, struct machine_pid *ret, struct err *e)
{
    _cleanup_close_ int fd = -1;
    char text[128] = "";
    struct stat st;
    uint64_t size;
    int r = open_in(dir, name, O_RDONLY, &fd, &size, e);

    if (r < 0)
        return r;
    if (fstat(fd, &st) < 0)
        return err_errno(e, "look at '%s/%s'", dir, name);
    if (st.st_uid != geteuid() || (st.st_mode & 022))
        return err_set(e, EPERM, ERR_DENIED, "'%s/%s' was not written by us", dir, name);
    if (size >= sizeof text)
        return err_set(e, EINVAL, ERR_CORRUPT, "'%s/%s' is too long", dir, name);
    r = pread_full(fd, text, (size_t)size, 0);
    if (r < 0)
        return err_no(e, r, "read '%s/%s'", dir, name);
    if (parse_pid(text, ret) < 0)
        return err_set(e, EINVAL, ERR_CORRUPT, "'%s/%s' names no process", dir, name);
    return 0;
}

/* A pid file that counts for nothing leaves the question open: the processes answer it. */
static bool says_nothing(const struct err *e)
{
    return e->kind == ERR_NOT_FOUND || e->kind == ERR_CORRUPT || e->kind == ERR_DENIED;
}

/* "-name guest=ID" and "-vnc unix:DIR/vnc.sock" among the arguments. */
static bool is_machine(pid_t pid, const char *name_arg, const char *screen_arg)
{
    _cleanup_free_ char *path = xasprintf("/proc/%d/cmdline", (int)pid), *text = NULL;
    bool named = false, here = false;
    struct err ignored = { 0 };
    size_t n;

    if (file_read(path, CMDLINE_MAX, &text, &n, &ignored) < 0)
        return false; /* gone, or not QEMU's size */
    for (size_t at = 0; at < n; at += strlen(text + at) + 1) {
        named |= str_eq(text + at, name_arg);
        here |= str_eq(text + at, screen_arg);
    }
    return named && here;
}

static int scan_processes(const char *dir, const char *id, struct machine_pid *ret, struct err *e)
{
    _cleanup_free_ char *name_arg = xasprintf("guest=%s", id), *twice = vm_commas_doubled(dir);
    _cleanup_free_ char *screen_arg = xasprintf("unix:%s/vnc.sock", twice);
    DIR *proc = opendir("/proc");
    struct dirent *d;
    uint64_t pid;

    if (!proc)
        return err_errno(e, "list '/proc'");
    while ((d = readdir(proc))) {
        if (parse_u64(d->d_name, 2, INT32_MAX, &pid) < 0 || (pid_t)pid == getpid() ||
            !is_machine((pid_t)pid, name_arg, screen_arg))
            continue;
        *ret = (struct machine_pid){ .pid = (pid_t)pid,
                                     .start_time = child_start_time((pid_t)pid),
                                     .started_ms = clock_real_ms() };
        if (ret->start_time == 0)
            continue;
        (void)closedir(proc);
        return 0;
    }
    (void)closedir(proc);
    return err_set(e, ESRCH, ERR_NOT_FOUND, "no QEMU runs in '%s'", dir);
}

int machine_find(const char *dir, const char *id, struct machine_pid *ret, struct err *e)
{
    struct machine_pid p = { 0 };
    int r = machine_pid_read(dir, MACHINE_PID, &p, e);

    if (r == 0 && child_start_time(p.pid) != p.start_time)
        return err_set(e, ESRCH, ERR_NOT_FOUND, "the QEMU in '%s' is gone", dir);
    if (r < 0) {
        if (!says_nothing(e))
            return r;
        err_clear(e);
        r = scan_processes(dir, id, &p, e);
        if (r < 0)
            return r;
        r = machine_pid_write(dir, MACHINE_PID, &p, e);
        if (r < 0)
            return r;
    }
    *ret = p;
    return 0;
}

/* ---- logs ------------------------------------------------------------------------------------ */

uint64_t machine_log_size(const char *dir)
{
    _cleanup_close_ int fd = -1;
    struct err ignored = { 0 };
    uint64_t size = 0;

    return open_in(dir, "qemu.log", O_RDONLY, &fd, &size, &ignored) < 0 ? 0 : size;
}

/* The last bytes of a file, at most max, from offset on; the buffer has a NUL behind them. */
static int read_tail(const char *dir, const char *name, uint64_t offset, size_t max, char **ret,
                     size_t *ret_len, struct err *e)
{
    _cleanup_close_ int fd = -1;
    _cleanup_free_ char *buf = NULL;
    uint64_t size, n;
    int r = open_in(dir, name, O_RDONLY, &fd, &size, e);

    if (r < 0)
        return r;
    if (offset > size) /* it was cut since */
        offset = 0;
    n = min_u64(size - offset, max);
    buf = calloc(1, (size_t)n + 1);
    if (!buf)
        return err_oom(e);
    r = pread_full(fd, buf, (size_t)n, size - n);
    if (r < 0)
        return err_no(e, r, "read '%s/%s'", dir, name);
    *ret = TAKE_PTR(buf);
    *ret_len = (size_t)n;
    return 0;
}

void machine_log_last_line(const char *dir, uint64_t offset, char *out, size_t size)
{
    _cleanup_free_ char *text = NULL;
    struct err ignored = { 0 };
    size_t n;
    char *line;

    out[0] = '\0';
    if (read_tail(dir, "qemu.log", offset, 4096, &text, &n, &ignored) < 0)
        return; /* the message does without it */
    while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        text[--n] = '\0';
    line = memrchr(text, '\n', n);
    (void)str_show(line ? line + 1 : text, out, size);
}

int vm_console_tail(const char *dir, size_t max, char **ret, size_t *ret_len, struct err *e)
{
    int r = read_tail(dir, CONSOLE_LOG, 0, max, ret, ret_len, e);

    if (r == -ENOENT) { /* nothing was ever written */
        err_clear(e);
        *ret = xcalloc(1, 1);
        *ret_len = 0;
        return 0;
    }
    return r < 0 ? err_wrap(e, "read the console") : 0;
}

/* Copies from..end to the front; ends where the file ended at the last look, so that next to
 * nothing of what the writer appends meanwhile is lost. */
static int move_to_front(int fd, uint64_t from, uint64_t *ret_len)
{
    char buf[COPY_STEP];
    uint64_t to = 0;

    for (;;) {
        ssize_t n = pread(fd, buf, sizeof buf, (off_t)(from + to));
        int r;

        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        r = pwrite_full(fd, buf, (size_t)n, to);
        if (r < 0)
            return r;
        to += (uint64_t)n;
    }
    *ret_len = to;
    return 0;
}

int machine_log_cut(const char *dir, const char *name, uint64_t ceiling, uint64_t keep,
                    struct err *e)
{
    _cleanup_close_ int fd = -1;
    uint64_t size, len;
    int r = open_in(dir, name, O_RDWR, &fd, &size, e);

    if (r == -ENOENT) {
        err_clear(e);
        return 0;
    }
    if (r < 0)
        return r;
    if (size <= ceiling || size <= keep)
        return 0;
    r = move_to_front(fd, size - keep, &len);
    if (r == 0 && ftruncate(fd, (off_t)len) < 0)
        r = -errno;
    return r < 0 ? err_no(e, r, "cut '%s/%s'", dir, name) : 0;
}
