/* SPDX-License-Identifier: GPL-3.0-or-later */
/* copy-snapshot: copy; copy-image: copy -> register. A worker for each snapshot: another root over
 * the same blocks, or every block anew under the key. A source whose record is deleted meanwhile
 * keeps its content until the job has ended (copy_reads). */
#include "jobs-priv.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "log.h"

#define TRIES_MAX 3

struct part {
    struct job *job;
    char source[MODEL_ID_MAX], made[MODEL_ID_MAX];
    bool encrypt;
    struct work *work;
    bool done;
    unsigned tries;
    struct err failed;
};
struct memo {
    struct part *v;
    size_t n;
};

/* ---- arguments ------------------------------------------------------------------------------- */

static const char *text(const json_t *o, const char *name)
{
    const char *v = json_string_value(json_object_get(o, name));

    return v ? v : "";
}

static struct memo *memo(struct job *j)
{
    const json_t *parts = json_object_get(j->args, "parts"), *one;
    struct memo *m;
    size_t i;

    if (j->mem)
        return j->mem;
    m = xcalloc(1, sizeof *m);
    m->n = json_array_size(parts);
    m->v = xcalloc(m->n + 1, sizeof *m->v);
    json_array_foreach (parts, i, one) {
        m->v[i].job = j;
        m->v[i].encrypt = json_is_true(json_object_get(one, "encrypt"));
        (void)str_copy(m->v[i].source, sizeof m->v[i].source, text(one, "source"));
        (void)str_copy(m->v[i].made, sizeof m->v[i].made, text(one, "made"));
    }
    j->mem = m;
    return m;
}

static void drop(struct job *j)
{
    struct memo *m = j->mem;

    j->mem = NULL;
    if (!m)
        return;
    for (size_t i = 0; i < m->n; i++)
        work_cancel(m->v[i].work);
    free(m->v);
    free(m);
}

const struct job *copy_reads(const struct jobs *js, const char *snapshot_id)
{
    for (struct job *j = js->list; j; j = j->next) {
        const json_t *parts = json_object_get(j->args, "parts"), *one;
        size_t i;

        if (j->ended || (j->kind != &job_copy_image && j->kind != &job_copy_snapshot))
            continue;
        json_array_foreach (parts, i, one) {
            if (strcmp(text(one, "source"), snapshot_id) == 0)
                return j;
        }
    }
    return NULL;
}

int jobs_copy_snapshots(struct jobs *js, const char *image_id, const struct jobs_copy *v, size_t n,
                        struct err *e)
{
    json_t *parts = json_array(), *args;

    for (size_t i = 0; i < n; i++)
        if (json_array_append_new(parts, json_pack("{s:s, s:s, s:b}", "source", v[i].source, "made",
                                                   v[i].made, "encrypt", (int)v[i].encrypt)) < 0) {
            json_decref(parts);
            return err_oom(e);
        }
    args = json_pack("{s:o}", "parts", parts);
    if (!args)
        return err_oom(e);
    if (image_id)
        return job_add(js, &job_copy_image, image_id, "", args, e);
    return job_add(js, &job_copy_snapshot, v[0].made, "", args, e);
}

/* ---- one worker ------------------------------------------------------------------------------ */

static int completed(struct part *p, uint64_t read, uint64_t stored, struct err *e)
{
    struct model *m = p->job->jobs->model;
    const struct snapshot_progress all = { .percent = 100, .read = read, .stored = stored };
    struct snapshot_rec rec;
    int r = model_begin(m, e);

    if (r < 0)
        return r;
    r = model_snapshot_get(m, NULL, p->made, &rec, e);
    if (r == 0 && rec.state == SNAPSHOT_PENDING) {
        (void)str_copy(rec.parent, sizeof rec.parent, p->encrypt ? "" : p->source);
        r = model_snapshot_save(m, &rec, e);
        if (r == 0)
            r = model_snapshot_progress(m, p->made, &all, e);
        if (r == 0)
            r = model_snapshot_move(m, p->made, SNAPSHOT_EV_COMPLETED, "", NULL, e);
    }
    r = model_end(m, r, e);
    if (r == 0)
        p->done = true;
    return r;
}

static void on_progress(void *userdata, const struct work_progress *w)
{
    struct part *p = userdata;
    struct snapshot_progress now = {
        .read = w->read, .stored = w->stored, .done = w->done, .total = w->total, .per_s = w->rate
    };
    struct err e = { 0 };

    now.percent = w->total ? (uint32_t)min_u64(99, w->done * 100 / w->total) : 0;
    if (model_snapshot_progress(p->job->jobs->model, p->made, &now, &e) < 0)
        log_warning("jobs", "record the progress of '%s', ignoring: %s", p->made, e.msg);
}

static uint64_t number(const json_t *o, const char *name)
{
    json_int_t v = json_integer_value(json_object_get(o, name));

    return v > 0 ? (uint64_t)v : 0;
}

static void on_end(void *userdata, const json_t *result, const struct err *why)
{
    struct part *p = userdata;

    p->work = NULL;
    if (!why) {
        if (completed(p, number(result, "read"), number(result, "stored"), &p->failed) == 0)
            log_info("jobs",
                     "snapshot '%s' is a copy of '%s': read %" PRIu64 " bytes, stored %" PRIu64,
                     p->made, p->source, number(result, "read"), number(result, "stored"));
    } else if (why->kind == ERR_IO && why->no != ENOSPC && ++p->tries < TRIES_MAX) {
        log_warning("jobs", "snapshot '%s': trying again: %s", p->made, why->msg);
    } else {
        p->failed = *why;
    }
    job_wake(p->job);
}

static int start(struct part *p, struct err *e)
{
    struct jobs *js = p->job->jobs;
    _cleanup_free_ char *key = p->encrypt ? jobs_key_path(js) : NULL;
    const char *args[] = { "copy",       "--store", js->store_dir,        "--source", p->source,
                           "--snapshot", p->made,   key ? "--key" : NULL, key,        NULL };
    struct work_spec spec = {
        .args = args, .on_progress = on_progress, .on_end = on_end, .userdata = p
    };

    if (js->works_running >= WORKS_MAX || js->gc) {
        job_watch(p->job, WORKS_TOPIC);
        return 0;
    }
    return work_start(js, &spec, &p->work, e);
}

/* The root record is the truth: a worker may have committed before the database knew. */
static int advance(struct part *p, struct err *e)
{
    _cleanup_(store_snap_closep) struct store_snap *sn = NULL;
    struct jobs *js = p->job->jobs;
    int r;

    if (p->done || p->work)
        return 0;
    if (p->failed.no)
        return err_set(e, p->failed.no, p->failed.kind, "snapshot '%s' of '%s': %s", p->made,
                       p->source, p->failed.msg);
    if (!store_snap_exists(js->store, p->made))
        return start(p, e);
    r = store_snap_open(js->store, p->made, &sn, e);
    if (r < 0)
        return r;
    return completed(p, store_snap_info(sn)->stored_bytes, store_snap_info(sn)->stored_bytes, e);
}

static int step_copy(struct job *j, struct err *e)
{
    struct memo *m = memo(j);
    size_t done = 0;

    for (size_t i = 0; i < m->n; i++) {
        int r = advance(&m->v[i], e);

        if (r < 0)
            return r;
        done += m->v[i].done;
    }
    return done == m->n ? JOB_NEXT : JOB_WAIT;
}

/* ---- failure --------------------------------------------------------------------------------- */

/* One that is completed is whole, and stays. */
static void give_up(struct part *p, const struct err *why)
{
    struct jobs *js = p->job->jobs;
    struct err e = { 0 };

    if (p->done)
        return;
    work_cancel(TAKE_PTR(p->work));
    if (model_snapshot_move(js->model, p->made, SNAPSHOT_EV_FAILED, why->msg, NULL, &e) < 0) {
        log_error("jobs", "mark the snapshot '%s' as failed: %s", p->made, e.msg);
        return;
    }
    if (store_snap_delete(js->store, p->made, &e) < 0)
        log_error("jobs", "remove the snapshot '%s': %s", p->made, e.msg);
}

static void copy_failed(struct job *j, const struct err *why)
{
    struct memo *m = memo(j);
    struct err e = { 0 };

    for (size_t i = 0; i < m->n; i++)
        give_up(&m->v[i], why);
    if (j->kind == &job_copy_image &&
        model_image_move(j->jobs->model, j->subject, IMAGE_EV_FAILED, "Server.InternalError",
                         why->msg, NULL, &e) < 0)
        log_error("jobs", "mark the image '%s' as failed: %s", j->subject, e.msg);
    reclaim_want(j->jobs);
}

static const struct job_step image_steps[] = {
    { "copy", step_copy, false },
    { "register", image_register_step, false },
    { 0 },
};
const struct job_kind job_copy_image = { "copy-image", image_steps, copy_failed, drop };

static const struct job_step snapshot_steps[] = { { "copy", step_copy, false }, { 0 } };
const struct job_kind job_copy_snapshot = { "copy-snapshot", snapshot_steps, copy_failed, drop };
