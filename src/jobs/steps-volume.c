/* SPDX-License-Identifier: GPL-3.0-or-later */
/* create-volume: make        delete-volume: remove
 * attach: serve -> plug      detach: unplug -> release */
#include "jobs-priv.h"

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "file.h"
#include "log.h"

#define ASK_AGAIN_MS 5000 /* a guest that has not let go yet is asked again */

struct memo {
    struct job *job; /* NULL: the job is gone, the answer comes late */
    bool asked, answered, forced;
    uint64_t asked_ms; /* monotonic */
    struct err why;
};

static void drop(struct job *j)
{
    struct memo *m = j->mem;

    j->mem = NULL;
    if (!m)
        return;
    if (m->asked && !m->answered)
        m->job = NULL; /* freed by the answer */
    else
        free(m);
}

static struct memo *memo(struct job *j)
{
    if (!j->mem) {
        struct memo *m = xcalloc(1, sizeof *m);

        m->job = j;
        j->mem = m;
    }
    return j->mem;
}

static void on_done(struct vm *vm, const struct err *e, void *userdata)
{
    struct memo *m = userdata;

    (void)vm;
    m->answered = true;
    if (!m->job) {
        free(m);
        return;
    }
    if (e && e->no)
        m->why = *e;
    job_wake(m->job);
}

/* ---- make and remove ------------------------------------------------------------------------- */

int volume_files_make(struct jobs *js, const char *volume_id, struct err *e)
{
    _cleanup_free_ char *dir = jobs_volume_dir(js, volume_id), *key = jobs_key_path(js);
    struct volume_rec rec;
    struct volume_spec spec = {
        .dir = dir, .store_dir = js->store_dir, .name = volume_id, .user = js->cfg.user
    };
    int r = model_volume_get(js->model, NULL, volume_id, &rec, e);

    if (r < 0)
        return r;
    if (!path_exists(dir)) {
        spec.size_bytes = GIB(rec.size_gib);
        spec.base = rec.snapshot_id[0] ? rec.snapshot_id : NULL;
        spec.key_path = rec.encrypted ? key : NULL;
        r = volume_create(&spec, e);
        if (r < 0)
            return err_wrap(e, "create the volume '%s'", volume_id);
    }
    if (rec.state == VOLUME_ST_CREATING)
        r = model_volume_move(js->model, volume_id, VOLUME_EV_READY, NULL, e);
    return r;
}

static int step_make(struct job *j, struct err *e)
{
    int r = volume_files_make(j->jobs, j->subject, e);

    return r < 0 ? r : JOB_NEXT;
}

static void create_failed(struct job *j, const struct err *why)
{
    struct err e = { 0 };

    (void)why; /* it is in the log; the volume's state is 'error' */
    if (model_volume_move(j->jobs->model, j->subject, VOLUME_EV_FAILED, NULL, &e) < 0)
        log_error("jobs", "mark the volume '%s' as failed: %s", j->subject, e.msg);
}

static const struct job_step create_steps[] = { { "make", step_make, true }, { 0 } };
const struct job_kind job_create_volume = { "create-volume", create_steps, create_failed, drop };

static int step_remove(struct job *j, struct err *e)
{
    _cleanup_free_ char *dir = jobs_volume_dir(j->jobs, j->subject);
    struct volume_rec rec;
    int r;

    if (served_is_up(j->jobs, j->subject) || served_is_held(j->jobs, j->subject))
        return JOB_WAIT; /* a snapshot of it is still being read; the last holder's end wakes us */
    r = volume_remove(dir, j->jobs->store_dir, j->subject, e);
    if (r < 0)
        return err_wrap(e, "remove the volume '%s'", j->subject);
    r = model_volume_get(j->jobs->model, NULL, j->subject, &rec, e);
    if (r == 0)
        r = model_volume_move(j->jobs->model, j->subject, VOLUME_EV_DELETED, NULL, e);
    else if (e->kind == ERR_NOT_FOUND) { /* a second run */
        err_clear(e);
        r = 0;
    }
    if (r < 0)
        return r;
    reclaim_want(j->jobs);
    return JOB_NEXT;
}

static const struct job_step delete_steps[] = { { "remove", step_remove, true }, { 0 } };
const struct job_kind job_delete_volume = { "delete-volume", delete_steps, NULL, drop };

/* ---- attach and detach ----------------------------------------------------------------------- */

static int step_serve(struct job *j, struct err *e)
{
    struct attachment_rec at;
    int r = model_attachment_get(j->jobs->model, j->subject, &at, e);

    if (r < 0)
        return r;
    job_watch(j, at.instance_id);
    if (machine_state(j->jobs, at.instance_id) == MACHINE_NONE)
        return JOB_NEXT; /* a stopped instance gets it at its start */
    r = served_hold(j->jobs, j->subject, at.instance_id, e);
    if (r == 0)
        r = served_ready(j->jobs, j->subject, e);
    if (r < 0)
        return r;
    return r > 0 ? JOB_NEXT : JOB_WAIT;
}

static int plug(struct job *j, const struct attachment_rec *at, struct err *e)
{
    struct memo *m = memo(j);
    struct vm_disk disk;
    int r;

    if (m->answered && m->why.no)
        return err_set(e, m->why.no, m->why.kind, "%s", m->why.msg);
    if (m->answered)
        return JOB_NEXT;
    if (m->asked)
        return JOB_WAIT;
    r = machine_disk(j->jobs, j->subject, at->device, false, &disk, e);
    if (r == 0)
        r = vm_disk_attach(machine_vm(j->jobs, at->instance_id), &disk, on_done, m, e);
    if (r < 0)
        return r;
    m->asked = true;
    return JOB_WAIT;
}

static int step_plug(struct job *j, struct err *e)
{
    struct attachment_rec at;
    int r = model_attachment_get(j->jobs->model, j->subject, &at, e);

    if (r < 0)
        return r;
    if (machine_vm(j->jobs, at.instance_id)) {
        r = plug(j, &at, e);
        if (r < 0 && e->kind == ERR_EXISTS) { /* a second run: it is in already */
            err_clear(e);
            r = JOB_NEXT;
        }
        if (r != JOB_NEXT)
            return r;
    }
    r = model_attachment_state(j->jobs->model, j->subject, ATTACH_ATTACHED, e);
    return r < 0 ? r : JOB_NEXT;
}

static void attach_failed(struct job *j, const struct err *why)
{
    struct attachment_rec at;
    struct err e = { 0 };

    (void)why;
    if (model_attachment_get(j->jobs->model, j->subject, &at, &e) < 0)
        return; /* nothing is attached */
    served_release(j->jobs, j->subject, at.instance_id);
    if (model_detach(j->jobs->model, j->subject, &e) < 0)
        log_error("jobs", "take back the attachment of '%s': %s", j->subject, e.msg);
}

static const struct job_step attach_steps[] = {
    { "serve", step_serve, true },
    { "plug", step_plug, true },
    { 0 },
};
const struct job_kind job_attach = { "attach", attach_steps, attach_failed, drop };

static bool long_ago(const struct memo *m)
{
    return clock_mono_ms() - m->asked_ms >= ASK_AGAIN_MS;
}

bool detach_again(struct jobs *js, const char *volume_id, bool force)
{
    for (struct job *j = js->list; j; j = j->next)
        if (!j->ended && j->kind == &job_detach && strcmp(j->subject, volume_id) == 0) {
            if (force)
                json_object_set_new(j->args, "force", json_true());
            job_wake(j);
            return true;
        }
    return false;
}

void detach_tick(struct jobs *js)
{
    for (struct job *j = js->list; j; j = j->next)
        if (!j->ended && j->kind == &job_detach)
            job_wake(j);
}

static int step_unplug(struct job *j, struct err *e)
{
    bool force = j->hurry || json_is_true(json_object_get(j->args, "force"));
    struct memo *m = memo(j);
    struct attachment_rec at;
    int r = model_attachment_get(j->jobs->model, j->subject, &at, e);

    if (r < 0 && e->kind == ERR_NOT_FOUND) { /* the instance was terminated meanwhile */
        err_clear(e);
        return JOB_FINISHED;
    }
    if (r < 0)
        return r;
    job_watch(j, at.instance_id);
    if (j->disk_gone || !machine_vm(j->jobs, at.instance_id))
        return JOB_NEXT;
    if (m->answered && m->why.no && m->why.kind == ERR_NOT_FOUND)
        return JOB_NEXT; /* a second run: it is out already */
    if (m->answered && m->why.no)
        return err_set(e, m->why.no, m->why.kind, "%s", m->why.msg);
    if (m->asked && (!m->answered || (force == m->forced && !long_ago(m))))
        return JOB_WAIT; /* for the answer, or for the guest to let go */
    m->answered = false;
    r = vm_disk_detach(machine_vm(j->jobs, at.instance_id), j->subject, force, on_done, m, e);
    if (r < 0)
        return r;
    m->asked = true;
    m->forced = force;
    m->asked_ms = clock_mono_ms();
    return JOB_WAIT;
}

static int step_detached(struct job *j, struct err *e)
{
    struct attachment_rec at;
    int r = model_attachment_get(j->jobs->model, j->subject, &at, e);

    if (r < 0 && e->kind == ERR_NOT_FOUND) { /* a second run */
        err_clear(e);
        return JOB_NEXT;
    }
    if (r < 0)
        return r;
    served_release(j->jobs, j->subject, at.instance_id);
    if (served_is_up(j->jobs, j->subject) && !served_is_held(j->jobs, j->subject))
        return JOB_WAIT; /* until all is on disk */
    r = model_detach(j->jobs->model, j->subject, e);
    return r < 0 ? r : JOB_NEXT;
}

static void detach_failed(struct job *j, const struct err *why)
{
    struct err e = { 0 };

    (void)why;
    if (model_attachment_state(j->jobs->model, j->subject, ATTACH_ATTACHED, &e) < 0)
        log_error("jobs", "take back the detach of '%s': %s", j->subject, e.msg);
}

static const struct job_step detach_steps[] = {
    { "unplug", step_unplug, false }, /* a guest may never let go: nobody queues behind it */
    { "release", step_detached, true },
    { 0 },
};
const struct job_kind job_detach = { "detach", detach_steps, detach_failed, drop };
