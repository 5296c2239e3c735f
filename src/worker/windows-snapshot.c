/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One action on a Windows in a snapshot of the store: the result is a new snapshot, incremental to
 * it. A child reads the disk, fenced in: it sees the store for reading only, and leaves a sealed
 * journal of changed blocks (docs/formats/journal.md). The parent, which has read nothing of the
 * disk, leaves the report in RUN/report-SNAPSHOT.json, checks the journal and hands the changed
 * blocks to the store's writer. */
#include "verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "cow.h"
#include "file.h"
#include "run-dir.h"
#include "run.h"
#include "sandbox.h"
#include "store.h"
#include "str.h"

#define MEMORY_MAX  GIB(2)
#define ANSWER_MAX  MIB(64)
#define CACHE_LINES 256 /* frames of the store: 32 MiB */

/* ---- a snapshot as a disk -------------------------------------------------------------------- */

struct snap_disk {
    struct store *store;
    struct store_snap *snap;
    uint32_t domain; /* of the key that was given; 0: none */
};

static int snap_read(void *state, uint64_t offset, void *buf, size_t len, struct err *e)
{
    struct snap_disk *s = state;

    return store_snap_read(s->snap, offset, buf, len, NULL, e);
}

static void snap_free(void *state)
{
    struct snap_disk *s = state;

    store_snap_close(s->snap);
    store_close(s->store);
    free(s);
}

static const struct win_disk_ops snap_ops = { snap_read, NULL, NULL, snap_free };

static int add_key(struct snap_disk *s, const char *path, struct err *e)
{
    _cleanup_(store_key_freep) struct store_key *key = NULL;
    int r = store_key_load(path, &key, e);

    if (r == 0)
        r = store_add_key(s->store, key, e);
    if (r == 0)
        s->domain = store_key_domain(key);
    return r;
}

/* *ret_snap: borrowed from the disk. */
static int open_disk(const struct worker_args *a, const char *id, struct win_disk **ret,
                     struct snap_disk **ret_snap, struct err *e)
{
    struct snap_disk *s = calloc(1, sizeof *s);
    struct win_disk *slow = NULL;
    int r;

    if (!s)
        return err_oom(e);
    r = store_open(a->store, NULL, &s->store, e);
    if (r == 0 && a->key)
        r = add_key(s, a->key, e);
    if (r == 0)
        r = store_snap_open(s->store, id, &s->snap, e);
    if (r == 0)
        r = store_snap_may_read(s->snap, e);
    if (r < 0) {
        snap_free(s);
        return r;
    }
    r = win_disk_new(&snap_ops, s, store_snap_info(s->snap)->volume_bytes, &slow, e);
    if (r == 0)
        r = win_disk_take_cached(slow, STORE_FRAME_BYTES, CACHE_LINES, ret, e);
    if (r == 0)
        *ret_snap = s;
    return r;
}

/* ---- the child ------------------------------------------------------------------------------- */

static int fence(const struct worker_args *a, const char *dir, struct err *e)
{
    _cleanup_close_ int rw = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    _cleanup_close_ int ro = open(a->store, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (rw < 0 || ro < 0)
        return err_errno(e, "open '%s'", rw < 0 ? dir : a->store);
    return sandbox_fence_self(&rw, 1, ro, MEMORY_MAX, e);
}

static int work_in_child(const struct worker_args *a, const struct windows_request *rq,
                         const char *dir, const char *journal, json_t **ret, struct err *e)
{
    _cleanup_(win_disk_freep) struct win_disk *disk = NULL;
    struct snap_disk *s;
    int r = open_disk(a, rq->disk[0].snapshot, &disk, &s, e);

    if (r == 0)
        r = fence(a, dir, e);
    return r < 0 ? r : windows_run(disk, journal, rq, ret, e);
}

_noreturn_ static void run_child(const struct worker_args *a, const struct windows_request *rq,
                                 const char *dir, const char *journal, int out, pid_t parent)
{
    json_t *result = NULL;
    struct err e = { 0 };

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(1);
    if (work_in_child(a, rq, dir, journal, &result, &e) < 0 ||
        report_take_result(out, result, &e) < 0) {
        report_error(out, &e);
        _exit(1);
    }
    _exit(0);
}

/* ---- the parent ------------------------------------------------------------------------------ */

static int read_all(int fd, struct str *out, struct err *e)
{
    char buf[65536];

    for (;;) {
        struct pollfd p[] = { { .fd = fd, .events = POLLIN },
                              { .fd = sandbox_cancel_fd(), .events = POLLIN } };
        ssize_t n;
        int r;

        if (poll(p, ARRAY_LEN(p), -1) < 0 && errno != EINTR)
            return err_errno(e, "wait for the child");
        r = sandbox_check(e);
        if (r < 0)
            return r;
        if (!p[0].revents)
            continue;
        n = read(fd, buf, sizeof buf);
        if (n < 0 && errno != EINTR)
            return err_errno(e, "read the child's answer");
        if (n == 0)
            return str_check(out, "the child's answer", e);
        if (n > 0)
            str_add_mem(out, buf, (size_t)n);
    }
}

static int judge(const char *text, int status, json_t **ret, struct err *e)
{
    json_t *doc = json_loads(text, 0, NULL);
    const json_t *why = json_object_get(doc, "error");
    json_t *result = json_object_get(doc, "result");
    enum err_kind kind = ERR_OTHER;
    int r;

    if (why) {
        const char *msg = json_string_value(json_object_get(why, "msg"));
        const char *name = json_string_value(json_object_get(why, "kind"));
        json_int_t no = json_integer_value(json_object_get(why, "no"));

        (void)err_kind_parse(name ? name : "", &kind);
        r = err_set(e, no > 0 && no < 4096 ? (int)no : EIO, kind, "%s", msg ? msg : "no reason");
    } else if (!result || !json_is_object(result)) {
        r = err_set(e, EIO, ERR_OTHER, "the reader of the disk ended with status %d and no answer",
                    WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    } else {
        *ret = json_incref(result);
        r = 0;
    }
    json_decref(doc);
    return r;
}

static int in_a_child(const struct worker_args *a, const struct windows_request *rq,
                      const char *dir, const char *journal, json_t **ret, struct err *e)
{
    _cleanup_str_ struct str answer = STR_INIT(ANSWER_MAX);
    _cleanup_close_ int out = -1;
    pid_t parent = getpid(), pid;
    int fds[2], status = 0, r;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_errno(e, "make a pipe");
    out = fds[0];
    pid = fork();
    if (pid == 0)
        run_child(a, rq, dir, journal, fds[1], parent);
    close_fdp(&fds[1]);
    if (pid < 0)
        return err_errno(e, "fork");
    r = read_all(out, &answer, e);
    if (r < 0)
        (void)kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return r < 0 ? r : judge(str_text(&answer), status, ret, e);
}

static int copy_changes(struct win_cow *cow, struct store_writer *w, struct err *e)
{
    _cleanup_free_ uint8_t *buf = calloc(1, STORE_BLOCK_BYTES);
    _cleanup_free_ uint64_t *blocks = NULL;
    struct win_disk *d = win_cow_disk(cow);
    size_t n = 0;
    int r = buf ? win_cow_changes(cow, STORE_BLOCK_BYTES, &blocks, &n, e) : err_oom(e);

    for (size_t i = 0; i < n && r == 0; i++) {
        uint64_t at = blocks[i] << STORE_BLOCK_SHIFT;
        size_t len = (size_t)min_u64(STORE_BLOCK_BYTES, win_disk_bytes(d) - at);

        memset(buf + len, 0, STORE_BLOCK_BYTES - len);
        r = win_disk_read(d, at, buf, len, e);
        if (r == 0)
            r = store_writer_block(w, blocks[i], buf, e);
        if (r == 0)
            r = sandbox_check(e);
    }
    return r;
}

static int write_snapshot(const struct worker_args *a, const char *journal, json_t *result,
                          struct err *e)
{
    _cleanup_(win_disk_freep) struct win_disk *disk = NULL;
    _cleanup_(win_cow_freep) struct win_cow *cow = NULL;
    _cleanup_(store_writer_freep) struct store_writer *w = NULL;
    struct store_writer_spec spec = { .id = a->snapshot, .parent = a->parent };
    struct store_snap_info info;
    struct store_write_stats st;
    struct snap_disk *s;
    int r = open_disk(a, a->parent, &disk, &s, e);

    if (r == 0)
        r = win_cow_open_sealed(disk, journal, &cow, e);
    if (r < 0)
        return r;
    spec.volume_bytes = win_disk_bytes(disk);
    spec.domain = s->domain;
    r = store_writer_open(s->store, &spec, &w, e);
    if (r == 0)
        r = copy_changes(cow, w, e);
    if (r == 0)
        r = store_writer_commit(w, &info, e);
    if (r < 0)
        return r;
    store_writer_stats(w, &st);
    store_writer_free(TAKE_PTR(w)); /* before its store */
    win_cow_free(TAKE_PTR(cow));
    if (json_object_set_new(result, "snapshot", json_string(info.id)) < 0 ||
        json_object_set_new(result, "stored", json_integer((json_int_t)st.bytes_stored)) < 0 ||
        json_object_set_new(result, "blocks_written", json_integer((json_int_t)st.blocks_written)) <
            0)
        return err_oom(e);
    return 0;
}

/* On disk before the snapshot is whole: who finds the snapshot finds the report, too. */
static int write_report(const char *path, const json_t *result, struct err *e)
{
    _cleanup_free_ char *text = json_dumps(result, JSON_INDENT(2));

    return text ? file_replace(path, text, strlen(text), 0640, e) : err_oom(e);
}

int windows_on_snapshot(const struct worker_args *a, const struct windows_request *rq,
                        json_t **ret_result, struct err *e)
{
    _cleanup_(run_dir_done) struct run_dir dir = { 0 };
    _cleanup_free_ char *journal = NULL, *report = NULL;
    struct err ignored = { 0 };
    json_t *result = NULL;
    int r;

    if (!a->store || !a->snapshot || !a->parent || !a->run)
        return err_set(e, EINVAL, ERR_INVALID,
                       "a snapshot needs '--store', '--snapshot', '--parent' and '--run'");
    if (rq->dry_run || rq->action == WINDOWS_INSPECT || rq->action == WINDOWS_DIFF)
        return err_set(e, EINVAL, ERR_INVALID, "that makes no snapshot");
    if (strcmp(a->parent, rq->disk[0].snapshot) != 0)
        return err_set(e, EINVAL, ERR_INVALID, "'--parent' is not the request's snapshot");
    r = run_dir_make(&dir, a->run, a->snapshot, e);
    if (r < 0)
        return r;
    journal = xasprintf("%s/journal", dir.path);
    report = xasprintf("%s/report-%s.json", a->run, a->snapshot);
    r = in_a_child(a, rq, dir.path, journal, &result, e);
    if (r == 0)
        r = write_report(report, result, e);
    if (r == 0)
        r = write_snapshot(a, journal, result, e);
    if (r < 0) {
        (void)unlink_quiet(report, &ignored);
        json_decref(result);
        return r;
    }
    *ret_result = result;
    return 0;
}
