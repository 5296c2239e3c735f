/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The point in time of one job's volumes.
 *
 *   SERVE -> CLEAR -> FREEZE -> POINT -> THAW -> (done)
 *                       \__________\____/ on failure: thaw first, then the error
 *
 * Each phase asks every volume and waits for every answer: all are frozen before the first point is
 * taken, so that all points are of one instant. A run that was interrupted starts over: CLEAR gives
 * half-taken points back. */
#include "shots-priv.h"

#include <errno.h>
#include <string.h>

#include "log.h"

#define POINT_TRIES_MAX 5

static struct shots *shots_new(struct job *j)
{
    const json_t *parts = json_object_get(j->args, "parts");
    struct shots *s = xcalloc(1, sizeof *s);
    size_t n = json_array_size(parts);

    s->refs = 1;
    s->job = j;
    s->jobs = j->jobs;
    (void)str_copy(s->holder, sizeof s->holder, j->id);
    s->v = xcalloc(n, sizeof *s->v);
    s->n = n;
    for (size_t i = 0; i < n; i++) {
        const json_t *p = json_array_get(parts, i);
        const char *snap = json_string_value(json_object_get(p, "snapshot"));
        const char *vol = json_string_value(json_object_get(p, "volume"));

        s->v[i].all = s;
        (void)str_copy(s->v[i].snapshot, MODEL_ID_MAX, snap ? snap : "");
        (void)str_copy(s->v[i].volume, MODEL_ID_MAX, vol ? vol : "");
    }
    return s;
}

struct shots *shots_of(struct job *j)
{
    if (!j->mem)
        j->mem = shots_new(j);
    return j->mem;
}

static void unref(struct shots *s)
{
    if (--s->refs)
        return;
    free(s->v);
    free(s);
}

void shots_drop(struct job *j)
{
    struct shots *s = j->mem;

    j->mem = NULL;
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++) {
        work_cancel(s->v[i].work);
        s->v[i].work = NULL;
    }
    s->job = NULL;
    unref(s);
}

/* Every answer of a volume server ends here; the job may be gone by then. */
void shots_answered(struct shot *p, const struct err *e)
{
    struct shots *s = p->all;

    s->inflight--;
    if (e && e->no && !s->failed.no)
        s->failed = *e;
    if (s->job)
        job_wake(s->job);
    unref(s);
}

static void on_done(struct volume_server *vs, const struct err *e, void *userdata)
{
    (void)vs;
    shots_answered(userdata, e);
}

int shots_asked(struct shot *p, int r)
{
    if (r < 0)
        return r;
    p->all->inflight++;
    p->all->refs++;
    return 0;
}

static int serve_all(struct job *j, struct shots *s, struct err *e)
{
    size_t ready = 0;

    for (size_t i = 0; i < s->n; i++) {
        int r;

        job_watch(j, s->v[i].volume);
        r = served_hold(j->jobs, s->v[i].volume, j->id, e);
        if (r == 0)
            r = served_ready(j->jobs, s->v[i].volume, e);
        if (r < 0)
            return r;
        ready += r > 0;
    }
    return ready == s->n ? JOB_NEXT : JOB_WAIT;
}

static int ask(enum shots_phase phase, struct shot *p, struct err *e)
{
    struct volume_server *vs = served_server(p->all->jobs, p->volume);
    int r = 0;

    if (!vs)
        return err_set(e, EPIPE, ERR_IO, "the server of volume '%s' ended", p->volume);
    switch (phase) {
    case PHASE_CLEAR:
        r = volume_server_release(vs, p->snapshot, NULL, on_done, p, e);
        break;
    case PHASE_FREEZE:
        r = volume_server_freeze(vs, on_done, p, e);
        break;
    case PHASE_POINT:
        r = volume_server_point(vs, p->snapshot, on_done, p, e);
        break;
    case PHASE_THAW:
        r = volume_server_thaw(vs, on_done, p, e);
        break;
    case PHASE_SERVE:
    case PHASE_DONE:
        return 0;
    }
    return shots_asked(p, r);
}

static void ask_all(struct shots *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct err e = { 0 };

        if (ask(s->phase, &s->v[i], &e) < 0 && !s->failed.no)
            s->failed = e;
    }
}

int shots_point(struct job *j, struct err *e)
{
    struct shots *s = shots_of(j);
    int r;

    if (s->phase == PHASE_SERVE) {
        r = serve_all(j, s, e);
        if (r != JOB_NEXT)
            return r;
        s->phase = PHASE_CLEAR;
        ask_all(s);
    }
    while (s->inflight == 0 && s->phase != PHASE_DONE) {
        bool thawed = s->phase == PHASE_THAW;

        if (s->failed.no && s->phase < PHASE_THAW)
            s->phase = PHASE_THAW;
        else
            s->phase++;
        if (thawed || s->phase == PHASE_DONE)
            break;
        ask_all(s);
    }
    if (s->inflight)
        return JOB_WAIT;
    if (s->failed.no && s->failed.kind == ERR_IO && s->tries++ < POINT_TRIES_MAX) {
        log_warning("jobs", "taking the point in time of '%s' again: %s", j->subject,
                    s->failed.msg);
        err_clear(&s->failed);
        s->phase = PHASE_SERVE;
        return shots_point(j, e);
    }
    s->phase = PHASE_DONE;
    if (s->failed.no)
        return err_set(e, s->failed.no, s->failed.kind, "take the point in time: %s",
                       s->failed.msg);
    return JOB_NEXT;
}

bool shots_wants(struct job *j, const char *volume_id)
{
    struct shots *s;

    if (j->kind != &job_create_image && j->kind != &job_create_snapshots)
        return false;
    s = shots_of(j);
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i].up != UP_DONE && strcmp(s->v[i].volume, volume_id) == 0)
            return true;
    return false;
}

/* ---- failure --------------------------------------------------------------------------------- */

/* A pending snapshot is failed, and nothing of it stays in the store. */
static void fail_snapshot(struct jobs *js, const char *id, const struct err *why)
{
    struct err e = { 0 };

    if (model_snapshot_move(js->model, id, SNAPSHOT_EV_FAILED, why->msg, NULL, &e) < 0)
        log_error("jobs", "mark the snapshot '%s' as failed: %s", id, e.msg);
    err_clear(&e);
    if (store_snap_delete(js->store, id, &e) < 0)
        log_error("jobs", "remove what the snapshot '%s' left: %s", id, e.msg);
}

/* The point is given back by a job of its own: the server may be down just now. */
static void fail_one(struct shot *p, const struct err *why)
{
    struct jobs *js = p->all->jobs;
    struct snapshot_rec rec;
    struct err e = { 0 };
    bool completed = false;

    work_cancel(p->work);
    p->work = NULL;
    if (model_snapshot_get(js->model, NULL, p->snapshot, &rec, &e) < 0)
        log_error("jobs", "%s", e.msg);
    else if (rec.state == SNAPSHOT_PENDING)
        fail_snapshot(js, p->snapshot, why);
    else
        completed = rec.state == SNAPSHOT_COMPLETED;
    err_clear(&e);
    if (job_add(js, &job_release_point, p->volume, "",
                json_pack("{s:s, s:b}", "point", p->snapshot, "completed", completed), &e) < 0)
        log_error("jobs", "give back the point '%s': %s", p->snapshot, e.msg);
    served_release(js, p->volume, p->all->holder);
}

void shots_fail(struct job *j, const struct err *why)
{
    struct shots *s = shots_of(j);

    for (size_t i = 0; i < s->n; i++)
        if (s->v[i].up != UP_DONE)
            fail_one(&s->v[i], why);
    reclaim_want(j->jobs);
}
