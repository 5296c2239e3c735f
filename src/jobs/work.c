/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One kiln-worker: spawned, its lines read, its end told; docs/design/worker.md has the lines. */
#include "jobs-priv.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "file.h"
#include "log.h"

#define WORK_ARGS_MAX 24

struct work {
    struct jobs *jobs;
    struct child *child;
    struct work_spec spec;
    json_t *result;
    struct err why;
};

static void work_free(struct work *w)
{
    child_free(w->child);
    json_decref(w->result);
    w->jobs->works_running--;
    free(w);
}

static uint64_t number(const json_t *o, const char *name)
{
    json_int_t v = json_integer_value(json_object_get(o, name));

    return v > 0 ? (uint64_t)v : 0;
}

static void take_error(struct work *w, const json_t *o)
{
    const char *kind = json_string_value(json_object_get(o, "kind"));
    const char *msg = json_string_value(json_object_get(o, "msg"));
    uint64_t no = number(o, "no");
    enum err_kind k = ERR_OTHER;

    if (w->why.no)
        return;
    (void)err_kind_parse(kind ? kind : "", &k);
    (void)err_set(&w->why, no && no < 4096 ? (int)no : EIO, k, "%s", msg ? msg : "no reason given");
}

static void on_line(struct child *c, const char *line, void *userdata)
{
    struct work *w = userdata;
    json_t *doc = json_loads(line, 0, NULL);
    const json_t *o;

    (void)c;
    if ((o = json_object_get(doc, "progress")) && w->spec.on_progress) {
        struct work_progress p = { number(o, "done"), number(o, "total"), number(o, "rate"),
                                   number(o, "read"), number(o, "stored") };

        w->spec.on_progress(w->spec.userdata, &p);
    } else if ((o = json_object_get(doc, "result"))) {
        json_decref(w->result);
        w->result = json_deep_copy(o);
    } else if ((o = json_object_get(doc, "error"))) {
        take_error(w, o);
    } else if (!doc) {
        log_warning("jobs", "a worker said what is not JSON, ignoring: %s", line);
    }
    json_decref(doc);
}

static void last_line(const char *tail, char *out, size_t size)
{
    size_t n = strlen(tail);
    const char *p;

    while (n && tail[n - 1] == '\n')
        n--;
    p = tail + n;
    while (p > tail && p[-1] != '\n')
        p--;
    n = (size_t)(tail + n - p);
    if (n >= size)
        n = size - 1;
    memcpy(out, p, n);
    out[n] = '\0';
}

static void after_a_worker(struct jobs *js)
{
    job_publish(js, WORKS_TOPIC);
    if (js->works_running == 0 && js->gc_wanted)
        reclaim_want(js);
}

static void on_worker_exit(struct child *c, const struct child_exit *x, void *userdata)
{
    struct work *w = userdata;
    struct jobs *js = w->jobs;
    char tail[256];

    (void)c;
    last_line(x->tail, tail, sizeof tail);
    if (!w->why.no && x->signal)
        (void)err_set(&w->why, EIO, ERR_IO, "the worker was killed by signal %d", x->signal);
    else if (!w->why.no && (x->code != 0 || !w->result))
        (void)err_set(&w->why, EIO, ERR_OTHER, "the worker ended with status %d: %s", x->code,
                      tail);
    if (w->why.no)
        w->spec.on_end(w->spec.userdata, NULL, &w->why);
    else
        w->spec.on_end(w->spec.userdata, w->result, NULL);
    work_free(w);
    after_a_worker(js);
}

int work_start(struct jobs *js, const struct work_spec *spec, struct work **ret, struct err *e)
{
    const char *argv[WORK_ARGS_MAX] = { js->cfg.worker };
    struct child_spec cs = { .argv = argv,
                             .user = js->cfg.user,
                             .dies_with_parent = true,
                             .new_session = true,
                             .on_line = on_line,
                             .on_exit = on_worker_exit };
    struct work *w;
    size_t n = 1;
    int r;

    for (size_t i = 0; spec->args[i]; i++) {
        if (n + 1 >= WORK_ARGS_MAX)
            return err_set(e, E2BIG, ERR_LIMIT, "too many arguments for a worker");
        argv[n++] = spec->args[i];
    }
    w = xcalloc(1, sizeof *w);
    w->jobs = js;
    w->spec = *spec;
    w->spec.args = NULL;
    cs.userdata = w;
    r = child_spawn(js->cfg.loop, &cs, &w->child, e);
    if (r < 0) {
        free(w);
        return err_wrap(e, "start a worker");
    }
    js->works_running++;
    log_debug("jobs", "worker '%s' runs as process %d", spec->args[0], (int)child_pid(w->child));
    *ret = w;
    return 0;
}

void work_cancel(struct work *w)
{
    struct err e = { 0 };

    if (!w)
        return;
    (void)child_signal(w->child, SIGKILL, &e); /* a dead one is fine */
    work_free(w);
}

/* "worker-SNAPSHOT", a directory of a worker's own; "windows-JOB.json", a request to one;
 * "report-SNAPSHOT.json", what one did. */
static bool is_left_over(struct jobs *js, const char *name)
{
    size_t n = strlen(name);

    return strncmp(name, "worker-", 7) == 0 ||
           (strncmp(name, "windows-", 8) == 0 && n > 13 && strcmp(name + n - 5, ".json") == 0) ||
           windows_report_is_left_over(js, name);
}

int work_sweep(struct jobs *js, struct err *e)
{
    DIR *d = opendir(js->run_dir);
    struct dirent *de;
    int r = 0;

    if (!d)
        return err_errno(e, "open '%s'", js->run_dir);
    while (r == 0 && (errno = 0, de = readdir(d))) {
        _cleanup_free_ char *path = NULL;

        if (!is_left_over(js, de->d_name))
            continue;
        path = xasprintf("%s/%s", js->run_dir, de->d_name);
        r = tree_remove(path, e);
        if (r == 0)
            log_info("jobs", "removed '%s', which a worker left", path);
    }
    if (r == 0 && errno)
        r = err_errno(e, "read '%s'", js->run_dir);
    (void)closedir(d);
    return r;
}
