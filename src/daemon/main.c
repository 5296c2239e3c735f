/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kilnd: wires the rooms together, holds no policy. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "api.h"
#include "child.h"
#include "clock.h"
#include "config.h"
#include "file.h"
#include "jobs.h"
#include "libexec.h"
#include "log.h"
#include "model.h"

#define SWEEP_US              (60ULL * 1000000)
#define TERMINATED_VISIBLE_MS (3600ULL * 1000)
#define OPEN_FILES            65536U
#define PRIORITY              (-10) /* beside what it was started with */

struct daemon {
    const struct config *cfg;
    sd_event *loop;
    struct model *model;
    struct jobs *jobs;
    struct api *api;
    char *pid_path, *worker, *plugin, *relay, *serial, *freeze;
    int pid_fd;
};

static void daemon_done(struct daemon *d)
{
    api_close(d->api);
    jobs_close(d->jobs);
    model_close(d->model);
    d->loop = sd_event_unref(d->loop);
    if (d->pid_fd >= 0)
        (void)unlink(d->pid_path);
    close_fdp(&d->pid_fd);
    free(d->pid_path);
    free(d->worker);
    free(d->plugin);
    free(d->relay);
    free(d->serial);
    free(d->freeze);
}

/* ---- one daemon on a home -------------------------------------------------------------------- */

/* A kilnd that was killed while it started a child: the child has the lock until it becomes another
 * program, or sees that it is alone and ends. */
static bool holder_is_gone(int fd)
{
    char text[32] = "";
    int pid = 0;

    return pread(fd, text, sizeof text - 1, 0) > 0 && sscanf(text, "%d", &pid) == 1 && pid > 0 &&
           kill(pid, 0) < 0 && errno == ESRCH;
}

static int lock_home(int fd)
{
    int r = flock(fd, LOCK_EX | LOCK_NB);

    while (r < 0 && (errno == EWOULDBLOCK || errno == EINTR) && holder_is_gone(fd))
        r = flock(fd, LOCK_EX);
    return r;
}

/* The children's user must get in; what lies in it looks after itself. */
static int make_home(const char *home, struct err *e)
{
    mode_t strict = umask(0022);
    int r = dir_make(home, 0755, e);

    (void)umask(strict);
    return r;
}

static int take_home(struct daemon *d, struct err *e)
{
    _cleanup_free_ char *run = xasprintf("%s/run", d->cfg->home);
    char text[32];
    int n, r = make_home(d->cfg->home, e);

    if (r == 0)
        r = dir_make(run, 0770, e);
    if (r < 0)
        return r;
    d->pid_path = xasprintf("%s/kilnd.pid", run);
    d->pid_fd = open(d->pid_path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (d->pid_fd < 0)
        return err_errno(e, "open '%s'", d->pid_path);
    if (lock_home(d->pid_fd) < 0) {
        r = err_set(e, EBUSY, ERR_CONFLICT, "another kilnd runs on '%s'", d->cfg->home);
        close_fdp(&d->pid_fd);
        d->pid_fd = -1;
        return r;
    }
    n = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(d->pid_fd, 0) < 0 || pwrite_full(d->pid_fd, text, (size_t)n, 0) < 0)
        return err_errno(e, "write '%s'", d->pid_path);
    return 0;
}

/* kilnd --stop: the daemon of this home ends with all its machines; returns when it is gone. */
static int stop_running(const struct config *c, struct err *e)
{
    _cleanup_free_ char *path = xasprintf("%s/run/kilnd.pid", c->home);
    _cleanup_close_ int lock = open(path, O_RDWR | O_CLOEXEC), pidfd = -1;
    char text[32] = "";
    struct pollfd p = { .events = POLLIN };
    int pid = 0;

    if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) == 0) {
        (void)fprintf(stderr, "kilnd: none runs on '%s'\n", c->home);
        return 0;
    }
    if (pread(lock, text, sizeof text - 1, 0) < 0 || sscanf(text, "%d", &pid) != 1 || pid <= 0)
        return err_set(e, EIO, ERR_CORRUPT, "'%s' holds no process id", path);
    pidfd = pidfd_open(pid, 0);
    if (pidfd < 0 || pidfd_send_signal(pidfd, SIGPWR, NULL, 0) < 0)
        return errno == ESRCH ? 0 : err_errno(e, "ask process %d to stop", pid);
    p.fd = pidfd;
    while (poll(&p, 1, -1) < 0 && errno == EINTR)
        ;
    return 0;
}

/* ---- credentials for clients on this machine ------------------------------------------------- */

static int write_credentials(struct daemon *d, struct err *e)
{
    _cleanup_free_ char *path = xasprintf("%s/credentials", d->cfg->home);
    _cleanup_free_ char *endpoint = xasprintf("http://%s", api_address(d->api));
    _cleanup_free_ char *text = NULL;
    struct access_key key;
    struct group gr, *found = NULL;
    char buf[4096];
    json_t *doc;
    int r = model_access_key_first(d->model, &key, e);

    if (r < 0)
        return r;
    doc =
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "endpoint", endpoint, "region", d->cfg->region,
                  "access_key_id", key.id, "secret_access_key", key.secret, "account", key.account);
    text = json_dumps(doc, JSON_INDENT(2));
    json_decref(doc);
    explicit_bzero(&key, sizeof key);
    if (!text)
        return err_oom(e);
    r = file_replace(path, text, strlen(text), 0640, e);
    explicit_bzero(text, strlen(text));
    if (r == 0 && geteuid() == 0 && getgrnam_r(d->cfg->user, &gr, buf, sizeof buf, &found) == 0 &&
        found && chown(path, (uid_t)-1, found->gr_gid) < 0)
        r = err_errno(e, "give '%s' to the group '%s'", path, d->cfg->user);
    return r;
}

/* ---- signals and time ------------------------------------------------------------------------ */

static int on_term(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata)
{
    struct daemon *d = userdata;

    (void)s;
    log_notice("daemon", "signal %u: ending; machines and volume servers go on", si->ssi_signo);
    return sd_event_exit(d->loop, 0);
}

static void all_down(void *userdata)
{
    struct daemon *d = userdata;

    log_notice("daemon", "all machines are down: ending");
    (void)sd_event_exit(d->loop, 0);
}

static int on_pwr(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata)
{
    struct daemon *d = userdata;

    (void)s, (void)si;
    log_notice("daemon", "asked to stop: ending all machines first");
    api_close(d->api); /* no new work */
    d->api = NULL;
    jobs_shutdown(d->jobs, all_down, d);
    return 0;
}

static int on_sweep(sd_event_source *s, uint64_t usec, void *userdata)
{
    struct daemon *d = userdata;
    struct err e = { 0 };

    if (model_instance_sweep(d->model, clock_real_ms() - TERMINATED_VISIBLE_MS, &e) < 0)
        log_error("daemon", "forget terminated instances: %s", e.msg);
    (void)sd_event_source_set_time(s, usec + SWEEP_US);
    return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

static int add_sources(struct daemon *d, struct err *e)
{
    static const int ends[] = { SIGTERM, SIGINT };
    sigset_t set;
    int r = 0;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGPWR);
    sigaddset(&set, SIGPIPE);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return err_errno(e, "block signals");
    for (size_t i = 0; r >= 0 && i < ARRAY_LEN(ends); i++)
        r = sd_event_add_signal(d->loop, NULL, ends[i], on_term, d);
    if (r >= 0)
        r = sd_event_add_signal(d->loop, NULL, SIGPWR, on_pwr, d);
    if (r >= 0)
        r = sd_event_add_time_relative(d->loop, NULL, CLOCK_MONOTONIC, SWEEP_US, SWEEP_US, on_sweep,
                                       d);
    return r < 0 ? err_no(e, r, "set up the event loop") : 0;
}

/* Guests' connections to the metadata service, machines, servers: 1024 are few for a full host. */
static void raise_open_files(void)
{
    struct rlimit l;

    if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur >= OPEN_FILES)
        return;
    l.rlim_cur = l.rlim_max < OPEN_FILES ? l.rlim_max : OPEN_FILES;
    if (setrlimit(RLIMIT_NOFILE, &l) < 0)
        log_warning("daemon", "raise the limit of open files, going on: %s",
                    strerrordesc_np(errno));
}

/* Guests may want all the processors that there are; who answers them all waits for none of them.
 * Where sessions share time first, ours must count for more as a whole: only if it is ours. */
static void raise_priority(void)
{
    int nice = getpriority(PRIO_PROCESS, 0), fd;
    char text[16];

    if (setpriority(PRIO_PROCESS, 0, nice + PRIORITY) < 0)
        return; /* not root */
    child_nice(nice);
    if (getsid(0) != getpid())
        return;
    fd = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
    if (fd >= 0)
        (void)!write(fd, text, (size_t)snprintf(text, sizeof text, "%d", nice + PRIORITY));
    close_fdp(&fd);
}

/* ---- wiring ---------------------------------------------------------------------------------- */

static int open_model(struct daemon *d, struct err *e)
{
    _cleanup_free_ char *path = xasprintf("%s/kiln.db", d->cfg->home);

    return model_open(path, &d->model, e);
}

static int open_jobs(struct daemon *d, struct err *e)
{
    struct jobs_config c = { .loop = d->loop,
                             .model = d->model,
                             .home = d->cfg->home,
                             .worker = d->worker,
                             .plugin = d->plugin,
                             .qemu = d->cfg->qemu,
                             .user = d->cfg->user,
                             .relay = d->relay,
                             .serial = d->serial,
                             .freeze = d->freeze,
                             .network = (enum jobs_network)d->cfg->network,
                             .nat = !d->cfg->no_nat,
                             .public_addresses = d->cfg->public_addresses,
                             .ntp = d->cfg->ntp,
                             .kms = d->cfg->kms,
                             .fill_bytes_per_s = d->cfg->fill_bytes_per_s,
                             .stop_timeout_ms = d->cfg->stop_timeout_ms };

    return jobs_open(&c, &d->jobs, e);
}

static int open_api(struct daemon *d, struct err *e)
{
    struct api_config c = { .loop = d->loop,
                            .model = d->model,
                            .jobs = d->jobs,
                            .listen = d->cfg->listen,
                            .default_region = d->cfg->region,
                            .memory_limit_mib = config_memory_limit_mib(d->cfg) };

    return api_open(&c, &d->api, e);
}

static int find_helpers(struct daemon *d, struct err *e)
{
    _cleanup_free_ char *dir = NULL;
    int r = libexec_for(d->cfg->libexec, d->cfg->user, d->cfg->home, &dir, e);

    if (r < 0)
        return r;
    d->worker = xasprintf("%s/kiln-worker", dir);
    d->relay = xasprintf("%s/kiln-imds-relay", dir);
    d->serial = xasprintf("%s/kiln-serial", dir);
    d->freeze = xasprintf("%s/kiln-freeze", dir);
    d->plugin = xasprintf("%s/kiln-volume.so", dir);
    return 0;
}

static int open_all(struct daemon *d, struct err *e)
{
    int r = sd_event_new(&d->loop);

    if (r < 0)
        return err_no(e, r, "make the event loop");
    r = take_home(d, e);
    if (r == 0)
        r = find_helpers(d, e);
    if (r == 0)
        r = add_sources(d, e);
    if (r == 0)
        r = open_model(d, e);
    if (r == 0)
        r = open_jobs(d, e);
    if (r == 0)
        r = open_api(d, e);
    if (r == 0)
        r = write_credentials(d, e);
    return r;
}

static int serve(const struct config *c, struct err *e)
{
    _cleanup_(daemon_done) struct daemon d = { .cfg = c, .pid_fd = -1 };
    int r;

    raise_priority();
    r = open_all(&d, e);

    if (r < 0)
        return r;
    log_notice("daemon", "ready on http://%s home=%s region=%s", api_address(d.api), c->home,
               c->region);
    r = sd_event_loop(d.loop);
    return r < 0 ? err_no(e, r, "run the event loop") : 0;
}

int main(int argc, char **argv)
{
    _cleanup_(config_done) struct config c = { 0 };
    struct err e = { 0 };
    int r;

    (void)prctl(PR_SET_DUMPABLE, 0); /* it holds access keys */
    (void)umask(0007);
    r = config_read(argc, argv, &c, &e);
    if (r > 0)
        return 0;
    if (r == 0) {
        log_set_debug(c.debug);
        raise_open_files();
        r = c.stop ? stop_running(&c, &e) : serve(&c, &e);
    }
    if (r < 0) {
        (void)fprintf(stderr, "kilnd: %s\n", e.msg);
        return e.kind == ERR_INVALID ? 2 : 1;
    }
    return 0;
}
