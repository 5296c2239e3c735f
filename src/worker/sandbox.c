/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>

static int cancel_fd = -1;
static bool cancelled;

static void stop_signals(sigset_t *ret)
{
    sigemptyset(ret);
    sigaddset(ret, SIGTERM);
    sigaddset(ret, SIGINT);
}

int sandbox_enter(struct err *e)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    struct rlimit none = { 0, 0 };
    sigset_t stop;

    stop_signals(&stop);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_errno(e, "give up new privileges");
    if (setrlimit(RLIMIT_CORE, &none) < 0)
        return err_errno(e, "turn core dumps off");
    if (sigaction(SIGPIPE, &ignore, NULL) < 0 || sigaction(SIGXFSZ, &ignore, NULL) < 0)
        return err_errno(e, "ignore SIGPIPE and SIGXFSZ");
    if (sigprocmask(SIG_BLOCK, &stop, NULL) < 0)
        return err_errno(e, "block SIGTERM");
    cancel_fd = signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
    if (cancel_fd < 0)
        return err_errno(e, "make a signal descriptor");
    return 0;
}

int sandbox_cancel_fd(void)
{
    return cancel_fd;
}

bool sandbox_cancelled(void)
{
    struct signalfd_siginfo si;

    if (!cancelled && cancel_fd >= 0 && read(cancel_fd, &si, sizeof si) == sizeof si)
        cancelled = true;
    return cancelled;
}

int sandbox_check(struct err *e)
{
    return sandbox_cancelled() ? err_set(e, ECANCELED, ERR_OTHER, "cancelled") : 0;
}

/* ---- children: only async-signal-safe calls ------------------------------------------------- */

static bool limit(int what, uint64_t value)
{
    struct rlimit l = { value, value };

    return setrlimit((__rlimit_resource_t)what, &l) == 0;
}

#define FS_READ    (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_EXECUTE LANDLOCK_ACCESS_FS_EXECUTE
#define FS_ALL     (LANDLOCK_ACCESS_FS_MAKE_SYM * 2 - 1) /* every right of the first version */

static void allow(int rules, int fd, uint64_t access)
{
    struct landlock_path_beneath_attr rule = { .allowed_access = access, .parent_fd = fd };

    if (fd >= 0)
        (void)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

static void allow_path(int rules, const char *path, uint64_t access)
{
    allow(rules, open(path, O_PATH | O_CLOEXEC), access);
}

/* A second fence behind the refusals of image-head.c: an image that names another file after all
 * does not get it. A kernel without Landlock has only the first one. */
static void fence(int source_fd, bool writes)
{
    static const struct landlock_ruleset_attr attr = { .handled_access_fs = FS_ALL };
    static const char *const programs[] = { "/usr", "/bin", "/lib", "/lib64", "/opt", "/nix" };
    static const char *const readable[] = {
        "/etc/ld.so.cache",    "/etc/ld.so.conf", "/etc/ssl", "/etc/gcrypt", "/proc",
        "/sys/devices/system", "/dev/urandom",    "/dev/null"
    };
    int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);

    if (rules < 0)
        return;
    for (size_t i = 0; i < ARRAY_LEN(programs); i++)
        allow_path(rules, programs[i], FS_READ | FS_EXECUTE);
    for (size_t i = 0; i < ARRAY_LEN(readable); i++) {
        int fd = open(readable[i], O_PATH | O_CLOEXEC);

        allow(rules, fd, FS_READ); /* a directory */
        allow(rules, fd, LANDLOCK_ACCESS_FS_READ_FILE);
    }
    allow_path(rules, "/dev/null", LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE);
    allow(rules, source_fd,
          LANDLOCK_ACCESS_FS_READ_FILE | (writes ? LANDLOCK_ACCESS_FS_WRITE_FILE : 0));
    (void)syscall(SYS_landlock_restrict_self, rules, 0);
}

bool sandbox_child(pid_t parent, unsigned cpu_s, int source_fd, bool writes)
{
    struct sigaction normal = { .sa_handler = SIG_DFL };
    sigset_t none;

    sigemptyset(&none);
    if (sigaction(SIGPIPE, &normal, NULL) < 0 || sigaction(SIGXFSZ, &normal, NULL) < 0 ||
        sigprocmask(SIG_SETMASK, &none, NULL) < 0)
        return false;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        return false;
    if (!limit(RLIMIT_AS, SANDBOX_TOOL_MEMORY) || (!writes && !limit(RLIMIT_FSIZE, 0)) ||
        (cpu_s && !limit(RLIMIT_CPU, cpu_s)))
        return false;
    fence(source_fd, writes);
    return true;
}

int sandbox_fence_self(const int *dirs, unsigned n_dirs, int read_dir, uint64_t memory,
                       struct err *e)
{
    static const struct landlock_ruleset_attr attr = { .handled_access_fs = FS_ALL };
    struct sigaction normal = { .sa_handler = SIG_DFL };
    sigset_t stop;
    int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);

    if (!limit(RLIMIT_AS, memory))
        return err_errno(e, "limit the memory");
    if (rules >= 0) { /* a kernel without Landlock has the other fences */
        allow_path(rules, "/usr", FS_READ);
        allow_path(rules, "/proc/self", FS_READ);
        if (read_dir >= 0)
            allow(rules, fcntl(read_dir, F_DUPFD_CLOEXEC, 0), FS_READ);
        for (unsigned i = 0; i < n_dirs; i++)
            allow(rules, dirs[i],
                  FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
                      LANDLOCK_ACCESS_FS_REMOVE_FILE);
        if (syscall(SYS_landlock_restrict_self, rules, 0) < 0)
            return err_errno(e, "fence the worker in");
        close_fdp(&rules);
    }
    stop_signals(&stop);
    if (sigaction(SIGTERM, &normal, NULL) < 0 || sigprocmask(SIG_UNBLOCK, &stop, NULL) < 0)
        return err_errno(e, "let SIGTERM through");
    return 0;
}
