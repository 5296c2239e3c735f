/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which process a machine is: the pid file, "PID START-TIME STARTED-MS LOG-OFFSET", and, where it
 * says nothing, the command lines of all processes. */
#include "machine-dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "child.h"
#include "clock.h"
#include "file.h"
#include "parse.h"
#include "qemu-args.h"
#include "str.h"

#define CMDLINE_MAX KIB(256)

/* No flush: after a power failure there is no process to find. */
int machine_pid_write(const char *dir, const char *name, const struct machine_pid *p, struct err *e)
{
    _cleanup_free_ char *fresh = xasprintf("%s.new", name);
    _cleanup_close_ int dir_fd = -1, fd = -1;
    char line[128];
    int n, r = machine_open_dir(dir, &dir_fd, e);

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
    int r = machine_open_in(dir, name, O_RDONLY, &fd, &size, e);

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
