/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "machine-dir.h"

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
#include "file.h"
#include "str.h"

#define OVMF_VARS        "/usr/share/OVMF/OVMF_VARS_4M.fd"
#define OVMF_VARS_SECURE "/usr/share/OVMF/OVMF_VARS_4M.ms.fd" /* Microsoft's keys, enrolled */
#define VARS_MAX         MIB(1)

#define LINE_SOCKET   "line.sock"
#define AGENT_SOCKET  "agent.sock"
#define SERIAL_SOCKET "serial.sock"

static const char *const leftovers[] = { "qmp.sock",         LINE_SOCKET,  SERIAL_SOCKET,
                                         "vnc.sock",         AGENT_SOCKET, MACHINE_PID,
                                         MACHINE_PID ".new", SERIAL_PID,   SERIAL_PID ".new" };

int machine_open_dir(const char *dir, int *ret, struct err *e)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return err_errno(e, "open the directory '%s'", dir);
    *ret = fd;
    return 0;
}

int machine_open_in(const char *dir, const char *name, int flags, int *ret_fd, uint64_t *ret_size,
                    struct err *e)
{
    _cleanup_close_ int dir_fd = -1, fd = -1;
    struct stat st;
    int r = machine_open_dir(dir, &dir_fd, e);

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
        r = machine_open_dir(s->dir, &dir_fd, e);
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
        r = machine_open_dir(dir, &dir_fd, e);
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
    int r = machine_open_dir(dir, &dir_fd, e);

    if (r < 0)
        return r;
    owner_begin(o);
    fd = openat(dir_fd, MACHINE_CONSOLE_LOG, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                0640);
    owner_end(o);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_errno(e, "open '%s/" MACHINE_CONSOLE_LOG "'", dir);
    if (!S_ISREG(st.st_mode))
        return err_set(e, EINVAL, ERR_IO, "'%s/" MACHINE_CONSOLE_LOG "' is no regular file", dir);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        return err_set(e, EBUSY, ERR_CONFLICT,
                       "'%s/" MACHINE_CONSOLE_LOG "' is written by another process", dir);
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
