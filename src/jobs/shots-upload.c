/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The upload of one job's points: a worker for each volume, side by side.
 *
 *   NEW -> ASKING (what is it relative to?) -> READY -> WORKING -> WORKED -> RELEASING -> RELEASED
 * -> DONE
 *    ^__________________________________________/ the worker failed: again, TRIES_MAX times
 */
#include "shots-priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

#define TRIES_MAX 5

/* Uploads of one volume go one after the other: each is relative to the one before. */
static bool an_older_job_wants(struct job *mine, const char *volume_id)
{
    for (struct job *j = mine->jobs->list; j && j != mine; j = j->next)
        if (!j->ended && shots_wants(j, volume_id)) {
            job_watch(mine, j->subject);
            return true;
        }
    return false;
}

static void on_status(struct volume_server *vs, const struct volume_status *st, const struct err *e,
                      void *userdata)
{
    struct shot *p = userdata;

    (void)vs;
    if (e && e->no) { /* its server ended: asked again when it is back */
        p->up = UP_NEW;
        if (++p->tries > TRIES_MAX)
            p->failed = *e;
    } else {
        (void)str_copy(p->base, sizeof p->base, st->base);
        p->size_bytes = st->size_bytes;
        p->up = UP_READY;
    }
    shots_answered(p, NULL);
}

/* A server that died under the call: its end is on the way to us, and a new one follows. */
static int when_it_is_back(struct shot *p, int r, struct err *e)
{
    if (r >= 0 || e->kind != ERR_IO || ++p->tries > TRIES_MAX)
        return r;
    log_warning("jobs", "snapshot '%s': waiting for the server of '%s': %s", p->snapshot, p->volume,
                e->msg);
    err_clear(e);
    return 0;
}

static int ask_base(struct job *j, struct shot *p, struct err *e)
{
    int r = served_hold(j->jobs, p->volume, j->id, e);

    if (r == 0)
        r = served_ready(j->jobs, p->volume, e);
    if (r <= 0)
        return r;
    r = volume_server_status(served_server(j->jobs, p->volume), on_status, p, e);
    if (shots_asked(p, r) < 0)
        return when_it_is_back(p, r, e);
    p->up = UP_ASKING;
    return 0;
}

/* ---- the worker ------------------------------------------------------------------------------ */

static void on_progress(void *userdata, const struct work_progress *w)
{
    struct shot *p = userdata;
    struct snapshot_progress now = {
        .read = w->read, .stored = w->stored, .done = w->done, .total = w->total, .per_s = w->rate
    };
    struct err e = { 0 };

    now.percent = w->total ? (uint32_t)(w->done * 100 / w->total) : 0;
    if (now.percent > 99)
        now.percent = 99; /* 100 is said when it is completed */
    if (model_snapshot_progress(p->all->jobs->model, p->snapshot, &now, &e) < 0)
        log_warning("jobs", "record the progress of '%s', ignoring: %s", p->snapshot, e.msg);
}

/* The volume's server or the worker itself was killed: that may go well the next time. */
static bool worth_another_try(const struct shot *p, const struct err *why)
{
    return why->kind == ERR_IO && why->no != ENOSPC && p->tries < TRIES_MAX;
}

static int completed(struct shot *p, uint64_t read, uint64_t stored, struct err *e)
{
    struct model *m = p->all->jobs->model;
    const struct snapshot_progress all = { .percent = 100, .read = read, .stored = stored };
    struct snapshot_rec rec;
    int r = model_begin(m, e);

    if (r < 0)
        return r;
    r = model_snapshot_get(m, NULL, p->snapshot, &rec, e);
    if (r == 0 && rec.state == SNAPSHOT_PENDING) {
        (void)str_copy(rec.parent, sizeof rec.parent, str_starts(p->base, "snap-") ? p->base : "");
        r = model_snapshot_save(m, &rec, e);
        if (r == 0)
            r = model_snapshot_progress(m, p->snapshot, &all, e);
        if (r == 0)
            r = model_snapshot_move(m, p->snapshot, SNAPSHOT_EV_COMPLETED, "", NULL, e);
    }
    return model_end(m, r, e);
}

static uint64_t number(const json_t *o, const char *name)
{
    json_int_t v = json_integer_value(json_object_get(o, name));

    return v > 0 ? (uint64_t)v : 0;
}

static void on_work_end(void *userdata, const json_t *result, const struct err *why)
{
    struct shot *p = userdata;

    p->work = NULL;
    if (!why) {
        p->up = UP_WORKED;
        if (completed(p, number(result, "read"), number(result, "stored"), &p->failed) == 0)
            log_info("jobs", "snapshot '%s': read %" PRIu64 " bytes, stored %" PRIu64, p->snapshot,
                     number(result, "read"), number(result, "stored"));
    } else if (worth_another_try(p, why)) {
        p->tries++;
        p->up = UP_NEW;
        log_warning("jobs", "snapshot '%s': trying again: %s", p->snapshot, why->msg);
    } else {
        p->failed = *why;
    }
    if (p->all->job)
        job_wake(p->all->job);
}

/* The first snapshot of an encrypted volume over a plain one is a full one: domains share nothing.
 * *ret_key: what it is encrypted with; NULL: nothing. */
static int take_domain(struct job *j, struct shot *p, char **ret_key, struct err *e)
{
    _cleanup_(store_snap_closep) struct store_snap *base = NULL;
    struct volume_rec rec;
    int r = model_volume_get(j->jobs->model, NULL, p->volume, &rec, e);

    *ret_key = NULL;
    if (r < 0 || !rec.encrypted)
        return r;
    if (p->base[0]) {
        r = store_snap_open(j->jobs->store, p->volume, &base, e); /* the volume's pin of it */
        if (r < 0)
            return r;
        if (store_snap_info(base)->domain == 0)
            p->base[0] = '\0';
    }
    *ret_key = jobs_key_path(j->jobs);
    return 0;
}

static int start_worker(struct job *j, struct shot *p, struct err *e)
{
    _cleanup_free_ char *key = NULL;
    char size[24], export[MODEL_ID_MAX + 16];
    const char *args[20] = { "snapshot", "--store", j->jobs->store_dir, "--snapshot", p->snapshot,
                             "--nbd",    NULL,      "--export",         export,       "--size",
                             size };
    struct work_spec spec = {
        .args = args, .on_progress = on_progress, .on_end = on_work_end, .userdata = p
    };
    struct volume_server *vs = served_server(j->jobs, p->volume);
    size_t n = 11;
    int r;

    if (!vs || j->jobs->works_running >= WORKS_MAX || j->jobs->gc) {
        job_watch(j, WORKS_TOPIC);
        return 0;
    }
    r = take_domain(j, p, &key, e);
    if (r < 0)
        return r;
    args[6] = volume_server_nbd_socket(vs);
    (void)snprintf(size, sizeof size, "%" PRIu64, p->size_bytes);
    (void)snprintf(export, sizeof export, "point/%s%s", p->snapshot, p->base[0] ? "" : "/full");
    if (p->base[0]) {
        args[n++] = "--parent";
        args[n++] = p->volume; /* the volume's pin of its base */
    }
    if (key) {
        args[n++] = "--key";
        args[n++] = key;
    }
    r = work_start(j->jobs, &spec, &p->work, e);
    if (r == 0)
        p->up = UP_WORKING;
    return r;
}

/* ---- after it -------------------------------------------------------------------------------- */

static void on_released(struct volume_server *vs, const struct err *e, void *userdata)
{
    struct shot *p = userdata;

    (void)vs;
    if (e && e->no) {
        p->up = UP_WORKED; /* its server ended; the snapshot is safe: released when it is back */
        if (++p->tries > TRIES_MAX)
            p->failed = *e;
    } else {
        p->up = UP_RELEASED;
    }
    shots_answered(p, NULL);
}

static int release(struct job *j, struct shot *p, struct err *e)
{
    int r = served_hold(j->jobs, p->volume, j->id, e);

    if (r == 0)
        r = served_ready(j->jobs, p->volume, e);
    if (r <= 0)
        return r;
    r = volume_server_release(served_server(j->jobs, p->volume), p->snapshot, p->snapshot,
                              on_released, p, e);
    if (shots_asked(p, r) < 0)
        return when_it_is_back(p, r, e);
    p->up = UP_RELEASING;
    return 0;
}

/* What an earlier run of the daemon reached: the root record is the truth, the database follows. */
static int find_finished(struct job *j, struct shot *p, struct err *e)
{
    _cleanup_(store_snap_closep) struct store_snap *sn = NULL;
    uint64_t stored;
    int r;

    if (!store_snap_exists(j->jobs->store, p->snapshot))
        return 0;
    r = store_snap_open(j->jobs->store, p->snapshot, &sn, e);
    if (r < 0)
        return r;
    stored = store_snap_info(sn)->stored_bytes;
    r = completed(p, stored, stored, e);
    if (r == 0)
        p->up = UP_WORKED;
    return r;
}

static int advance(struct job *j, struct shot *p, struct err *e)
{
    int r = 0;

    if (p->failed.no)
        return err_set(e, p->failed.no, p->failed.kind, "snapshot '%s' of volume '%s': %s",
                       p->snapshot, p->volume, p->failed.msg);
    switch (p->up) {
    case UP_NEW:
        r = find_finished(j, p, e);
        if (r == 0 && p->up == UP_NEW && !an_older_job_wants(j, p->volume))
            r = ask_base(j, p, e);
        break;
    case UP_READY:
        r = start_worker(j, p, e);
        break;
    case UP_WORKED:
        r = release(j, p, e);
        break;
    case UP_RELEASED:
        served_release(j->jobs, p->volume, j->id);
        p->up = UP_DONE;
        break;
    case UP_ASKING:
    case UP_WORKING:
    case UP_RELEASING:
    case UP_DONE:
        break;
    }
    return r;
}

int shots_upload(struct job *j, struct err *e)
{
    struct shots *s = shots_of(j);
    size_t done = 0;

    for (size_t i = 0; i < s->n; i++) {
        enum shot_up before;

        job_watch(j, s->v[i].volume);
        do {
            int r;

            before = s->v[i].up;
            r = advance(j, &s->v[i], e);
            if (r < 0)
                return r;
        } while (s->v[i].up != before);
        done += s->v[i].up == UP_DONE;
    }
    return done == s->n ? JOB_NEXT : JOB_WAIT;
}
