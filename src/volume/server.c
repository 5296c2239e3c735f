/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The daemon's handle of one volume's server.
 *
 *   start ──► adopt (pid file names a living process) ──┐
 *      └────► spawn ──► ctl.sock appears (inotify) ─────┴──► ping answered ──► VOLUME_READY
 *   the process ends, at any moment ──► VOLUME_EXITED
 *   not ready in time, or not gone in time after stop ──► SIGKILL ──► VOLUME_EXITED
 *
 * The server writes its pid file itself, under the lock of the directory: a daemon that dies
 * between fork and its next line leaves nothing that the next daemon cannot find. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "child.h"
#include "client.h"
#include "file.h"
#include "log.h"
#include "parse.h"
#include "str.h"
#include "volume.h"

#define READY_MS      5000U
#define DEADLINE_MS   10000U
#define LOG_BYTES_MAX (1U << 20)
#define CALLS_MAX     32U

struct volume_server {
    sd_event *loop;
    char *dir, *nbd, *ctl, *log;
    struct child *child;
    bool adopted, ready, stopping;
    sd_event_source *watch, *timer;
    struct err why; /* what the exit will be told with */
    volume_event_fn fn;
    void *userdata;
    struct pending *pending; /* calls under way */
    bool telling, dead;      /* freed by a callback while the exit is being told */
};

struct pending {
    struct volume_server *vs;
    struct client_call *call;
    void (*reply)(struct pending *p, const json_t *reply, const struct err *e);
    volume_done_fn done;
    volume_status_fn status;
    void *userdata;
    struct pending *next;
};

/* ---- calls ----------------------------------------------------------------------------------- */

static void unlink_pending(struct pending *p)
{
    struct pending **at = &p->vs->pending;

    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
}

static void on_reply(const json_t *reply, const struct err *e, void *userdata)
{
    struct pending *p = userdata;

    unlink_pending(p);
    p->reply(p, reply, e);
    free(p);
}

static int call(struct volume_server *vs, json_t *request, struct pending like, struct err *e)
{
    struct pending *p = calloc(1, sizeof *p);
    int r;

    if (!p) {
        json_decref(request);
        return err_oom(e);
    }
    *p = like;
    p->vs = vs;
    r = client_call_start(vs->loop, vs->ctl, request, DEADLINE_MS, on_reply, p, &p->call, e);
    if (r < 0) {
        free(p);
        return r;
    }
    p->next = vs->pending;
    vs->pending = p;
    return 0;
}

static void reply_done(struct pending *p, const json_t *reply, const struct err *e)
{
    (void)reply;
    p->done(p->vs, e, p->userdata);
}

static int call_done(struct volume_server *vs, json_t *request, volume_done_fn fn, void *userdata,
                     struct err *e)
{
    return call(vs, request,
                (struct pending){ .reply = reply_done, .done = fn, .userdata = userdata }, e);
}

static uint64_t number(const json_t *o, const char *key)
{
    json_int_t n = json_integer_value(json_object_get(o, key));

    return n < 0 ? 0 : (uint64_t)n;
}

static void reply_status(struct pending *p, const json_t *o, const struct err *e)
{
    struct volume_status s = { 0 };
    const char *base = json_string_value(json_object_get(o, "base"));

    if (e) {
        p->status(p->vs, NULL, e, p->userdata);
        return;
    }
    s.size_bytes = number(o, "size_bytes");
    s.blocks = number(o, "blocks");
    s.blocks_present = number(o, "blocks_present");
    s.blocks_base = number(o, "blocks_base");
    s.blocks_dirty = number(o, "blocks_dirty");
    s.store_bytes_read = number(o, "store_bytes_read");
    s.store_blocks_read = number(o, "store_blocks_read");
    s.fill_done = number(o, "fill_done");
    s.fill_total = number(o, "fill_total");
    s.fill_rate = number(o, "fill_rate");
    s.clean_start = json_is_true(json_object_get(o, "clean_start"));
    (void)str_copy(s.base, sizeof s.base, base ? base : "");
    p->status(p->vs, &s, NULL, p->userdata);
}

int volume_server_status(struct volume_server *vs, volume_status_fn fn, void *userdata,
                         struct err *e)
{
    return call(vs, json_pack("{s:s}", "call", "status"),
                (struct pending){ .reply = reply_status, .status = fn, .userdata = userdata }, e);
}

int volume_server_freeze(struct volume_server *vs, volume_done_fn fn, void *userdata, struct err *e)
{
    return call_done(vs, json_pack("{s:s}", "call", "freeze"), fn, userdata, e);
}

int volume_server_thaw(struct volume_server *vs, volume_done_fn fn, void *userdata, struct err *e)
{
    return call_done(vs, json_pack("{s:s}", "call", "thaw"), fn, userdata, e);
}

int volume_server_point(struct volume_server *vs, const char *name, volume_done_fn fn,
                        void *userdata, struct err *e)
{
    return call_done(vs, json_pack("{s:s, s:s}", "call", "point", "name", name), fn, userdata, e);
}

int volume_server_release(struct volume_server *vs, const char *name, const char *new_base,
                          volume_done_fn fn, void *userdata, struct err *e)
{
    return call_done(vs,
                     json_pack("{s:s, s:s, s:s*}", "call", "release", "name", name, "base",
                               new_base),
                     fn, userdata, e);
}

int volume_server_fill(struct volume_server *vs, uint64_t bytes_per_s, volume_done_fn fn,
                       void *userdata, struct err *e)
{
    json_t *req = bytes_per_s > INT64_MAX
                      ? json_pack("{s:s, s:s}", "call", "fill", "rate", "max")
                      : json_pack("{s:s, s:I}", "call", "fill", "rate", (json_int_t)bytes_per_s);

    return call_done(vs, req, fn, userdata, e);
}

/* ---- becoming ready -------------------------------------------------------------------------- */

static void kill_for(struct volume_server *vs, const struct err *why)
{
    struct err e = { 0 };

    if (!vs->why.no)
        vs->why = *why;
    if (child_signal(vs->child, SIGKILL, &e) < 0)
        log_error("volume", "%s", e.msg);
}

static void reply_ready(struct pending *p, const json_t *reply, const struct err *e)
{
    struct volume_server *vs = p->vs;

    (void)reply;
    if (e) {
        log_info("volume", "the server of '%s' is not ready: %s", vs->dir, e->msg);
        return; /* the timer or the exit has the last word */
    }
    if (vs->ready || vs->stopping)
        return;
    vs->ready = true;
    vs->watch = sd_event_source_disable_unref(vs->watch);
    vs->timer = sd_event_source_disable_unref(vs->timer);
    vs->fn(vs, VOLUME_READY, NULL, vs->userdata);
}

static void ask_ready(struct volume_server *vs)
{
    struct err e = { 0 };

    if (call(vs, json_pack("{s:s}", "call", "ping"), (struct pending){ .reply = reply_ready }, &e) <
        0)
        log_debug("volume", "not ready yet: %s", e.msg);
}

static int on_appears(sd_event_source *s, const struct inotify_event *ev, void *userdata)
{
    struct volume_server *vs = userdata;

    (void)s;
    if (!vs->ready && ev->len && strcmp(ev->name, "ctl.sock") == 0)
        ask_ready(vs);
    return 0;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
    struct volume_server *vs = userdata;
    struct err e = { 0 };

    (void)s, (void)usec;
    (void)err_set(&e, ETIMEDOUT, ERR_TIMEOUT, "the server of '%s' %s in time", vs->dir,
                  vs->stopping ? "did not end" : "was not ready");
    kill_for(vs, &e);
    return 0;
}

static int set_timer(struct volume_server *vs, unsigned ms, struct err *e)
{
    int r;

    vs->timer = sd_event_source_disable_unref(vs->timer);
    r = sd_event_add_time_relative(vs->loop, &vs->timer, CLOCK_MONOTONIC, (uint64_t)ms * 1000, 0,
                                   on_timer, vs);
    return r < 0 ? err_no(e, r, "set a timer for '%s'", vs->dir) : 0;
}

/* ---- the process ----------------------------------------------------------------------------- */

/* The last line of the log says why it ended, if anything does. */
static void last_words(const struct volume_server *vs, char *out, size_t size)
{
    _cleanup_close_ int fd = open(vs->log, O_RDONLY | O_CLOEXEC);
    char buf[512];
    off_t end = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    ssize_t n = fd < 0 ? 0 : pread(fd, buf, sizeof buf - 1, end > 511 ? end - 511 : 0);
    char *line;

    buf[n > 0 ? n : 0] = '\0';
    while (n > 0 && buf[n - 1] == '\n')
        buf[--n] = '\0';
    line = strrchr(buf, '\n');
    (void)str_show(line ? line + 1 : buf, out, size);
}

/* Who waits for an answer gets none any more. */
static void fail_pending(struct volume_server *vs)
{
    struct err e = { 0 };

    (void)err_set(&e, ECONNRESET, ERR_IO, "the server of '%s' ended before it answered", vs->dir);
    while (vs->pending && !vs->dead) {
        struct pending *p = vs->pending;

        client_call_free(p->call);
        on_reply(NULL, &e, p);
    }
}

static void on_exit_of_server(struct child *c, const struct child_exit *x, void *userdata)
{
    struct volume_server *vs = userdata;
    char words[300] = "";

    (void)c;
    vs->ready = false;
    vs->watch = sd_event_source_disable_unref(vs->watch);
    vs->timer = sd_event_source_disable_unref(vs->timer);
    if (!vs->why.no && !(vs->stopping && (x->code == 0 || vs->adopted))) {
        last_words(vs, words, sizeof words);
        (void)err_set(&vs->why, ESRCH, ERR_IO, "the server of '%s' ended (%s %d): %s", vs->dir,
                      x->signal ? "signal" : "status", x->signal ? x->signal : x->code, words);
    }
    vs->telling = true;
    fail_pending(vs);
    vs->telling = false;
    if (vs->dead)
        volume_server_free(vs);
    else
        vs->fn(vs, VOLUME_EXITED, &vs->why, vs->userdata);
}

static int try_adopt(struct volume_server *vs, struct err *e)
{
    _cleanup_free_ char *path = xasprintf("%s/server.pid", vs->dir), *text = NULL;
    uint64_t pid, start;
    char *space;
    int r = file_read(path, 100, &text, NULL, e);

    if (r < 0)
        return r;
    text[strcspn(text, "\n")] = '\0';
    space = strchr(text, ' ');
    if (space)
        *space = '\0';
    if (!space || parse_u64(text, 2, INT32_MAX, &pid) < 0 ||
        parse_u64(space + 1, 1, UINT64_MAX, &start) < 0)
        return err_set(e, EILSEQ, ERR_NOT_FOUND, "'%s' names no process", path);
    r = child_adopt(vs->loop, (pid_t)pid, start, on_exit_of_server, vs, &vs->child, e);
    vs->adopted = r == 0;
    return r;
}

/* A server that has the lock and no pid file yet was started by a daemon that died just now. */
static int check_unlocked(struct volume_server *vs, struct err *e)
{
    _cleanup_free_ char *path = xasprintf("%s/lock", vs->dir);
    _cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0)
        return err_errno(e, "open '%s'", path);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    return err_set(e, EBUSY, ERR_CONFLICT, "'%s' is served by another process", vs->dir);
}

static int clear_leftovers(struct volume_server *vs, struct err *e)
{
    _cleanup_free_ char *pid = xasprintf("%s/server.pid", vs->dir);
    _cleanup_free_ char *old = xasprintf("%s.1", vs->log);
    struct stat st;
    int r = unlink_quiet(vs->nbd, e);

    if (r == 0)
        r = unlink_quiet(vs->ctl, e);
    if (r == 0)
        r = unlink_quiet(pid, e);
    if (r == 0 && stat(vs->log, &st) == 0 && st.st_size > LOG_BYTES_MAX)
        (void)rename(vs->log, old); /* else it goes on growing, no harm */
    return r;
}

static int spawn(struct volume_server *vs, const struct volume_server_spec *spec, struct err *e)
{
    _cleanup_free_ char *dir = xasprintf("dir=%s", spec->dir);
    _cleanup_free_ char *store = xasprintf("store=%s", spec->store_dir ? spec->store_dir : "");
    _cleanup_free_ char *fill =
        spec->fill_bytes_per_s > INT64_MAX
            ? xstrdup("fill=max")
            : xasprintf("fill=%llu", (unsigned long long)spec->fill_bytes_per_s);
    _cleanup_free_ char *key = xasprintf("key=%s", spec->key_path ? spec->key_path : "");
    const char *argv[12] = { "nbdkit", "-f", "-U", vs->nbd, spec->plugin, dir, fill };
    size_t n = 7;
    struct child_spec cs = { .argv = argv,
                             .log_path = vs->log,
                             .user = spec->user,
                             .new_session = true,
                             .on_exit = on_exit_of_server,
                             .userdata = vs };
    int r = check_unlocked(vs, e);

    if (spec->store_dir)
        argv[n++] = store;
    if (spec->key_path)
        argv[n++] = key;
    if (r == 0)
        r = clear_leftovers(vs, e);
    return r < 0 ? r : child_spawn(vs->loop, &cs, &vs->child, e);
}

static int adopt_or_spawn(struct volume_server *vs, const struct volume_server_spec *spec,
                          struct err *e)
{
    struct err none = { 0 };
    int r = sd_event_add_inotify(vs->loop, &vs->watch, vs->dir, IN_MOVED_TO, on_appears, vs);

    if (r < 0)
        return err_no(e, r, "watch '%s'", vs->dir);
    r = set_timer(vs, spec->ready_timeout_ms ? spec->ready_timeout_ms : READY_MS, e);
    if (r < 0)
        return r;
    if (try_adopt(vs, &none) < 0)
        return spawn(vs, spec, e);
    ask_ready(vs); /* its socket may be there already; else inotify tells */
    return 0;
}

static struct volume_server *server_new(sd_event *loop, const char *dir)
{
    struct volume_server *vs = xcalloc(1, sizeof *vs);

    vs->loop = sd_event_ref(loop);
    vs->dir = xstrdup(dir);
    vs->nbd = xasprintf("%s/nbd.sock", dir);
    vs->ctl = xasprintf("%s/ctl.sock", dir);
    vs->log = xasprintf("%s/server.log", dir);
    return vs;
}

int volume_server_start(sd_event *loop, const struct volume_server_spec *spec, volume_event_fn fn,
                        void *userdata, struct volume_server **ret, struct err *e)
{
    _cleanup_(volume_server_freep) struct volume_server *vs = server_new(loop, spec->dir);
    int r;

    vs->fn = fn;
    vs->userdata = userdata;
    r = adopt_or_spawn(vs, spec, e);
    if (r < 0)
        return err_wrap(e, "start the server of '%s'", spec->dir);
    *ret = TAKE_PTR(vs);
    return 0;
}

void volume_server_free(struct volume_server *vs)
{
    if (!vs)
        return;
    vs->dead = true;
    if (vs->telling)
        return;
    while (vs->pending) {
        struct pending *p = vs->pending;

        vs->pending = p->next;
        client_call_free(p->call);
        free(p);
    }
    vs->watch = sd_event_source_disable_unref(vs->watch);
    vs->timer = sd_event_source_disable_unref(vs->timer);
    child_free(vs->child);
    sd_event_unref(vs->loop);
    free(vs->dir);
    free(vs->nbd);
    free(vs->ctl);
    free(vs->log);
    free(vs);
}

bool volume_server_is_ready(const struct volume_server *vs)
{
    return vs->ready;
}

const char *volume_server_nbd_socket(const struct volume_server *vs)
{
    return vs->nbd;
}

static void reply_stop(struct pending *p, const json_t *reply, const struct err *e)
{
    struct err no = { 0 };

    (void)reply;
    if (!e)
        return; /* its exit follows */
    log_warning("volume", "the server of '%s' cannot be asked to stop: %s", p->vs->dir, e->msg);
    if (child_signal(p->vs->child, SIGTERM, &no) < 0)
        log_error("volume", "%s", no.msg);
}

void volume_server_stop(struct volume_server *vs, unsigned timeout_ms)
{
    struct err e = { 0 };

    if (vs->stopping)
        return;
    vs->stopping = true;
    if (set_timer(vs, timeout_ms, &e) < 0)
        log_error("volume", "%s", e.msg);
    err_clear(&e);
    if (call(vs, json_pack("{s:s}", "call", "stop"), (struct pending){ .reply = reply_stop }, &e) ==
        0)
        return;
    err_clear(&e); /* no socket (yet): nbdkit ends in order on this signal too */
    if (child_signal(vs->child, SIGTERM, &e) < 0)
        log_error("volume", "%s", e.msg);
}
