/* SPDX-License-Identifier: GPL-3.0-or-later */
/* create-image:     quiesce -> point -> resume -> upload -> generalise -> register   (design:
 * docs/design/jobs.md) create-snapshots: point -> upload delete-snapshot:  remove */
#include "shots.h"

#include <errno.h>
#include <string.h>

#include "log.h"

#define QUIESCE_TIMEOUT_MS 120000
#define RELEASE_TRIES_MAX  5

static bool no_reboot(const struct job *j)
{
    return json_is_true(json_object_get(j->args, "no_reboot"));
}

static int set_rebooting(struct job *j, bool on, struct err *e)
{
    struct instance_rec rec;
    int r = model_instance_get(j->jobs->model, NULL, j->lock, &rec, e);

    if (r < 0 || rec.rebooting == on)
        return r;
    rec.rebooting = on;
    return model_instance_save(j->jobs->model, &rec, e);
}

/* ---- quiesce --------------------------------------------------------------------------------- */

/* NoReboot. A guest that cannot be frozen is taken as it is: what a power cut would leave. */
static int hold_still(struct job *j)
{
    struct jobs *js = j->jobs;

    if (machine_state(js, j->lock) != MACHINE_RUNNING || j->hurry)
        return JOB_NEXT;
    switch (freeze_state(js, j->lock)) {
    case FREEZE_NONE:
        freeze_begin(js, j->lock);
        return freeze_state(js, j->lock) == FREEZE_ASKED ? JOB_WAIT : JOB_NEXT;
    case FREEZE_ASKED:
    case FREEZE_ENDING:
        return JOB_WAIT;
    case FREEZE_HELD:
    case FREEZE_KEPT:
    case FREEZE_FAILED:
        break;
    }
    return JOB_NEXT;
}

static int step_quiesce(struct job *j, struct err *e)
{
    unsigned timeout = j->jobs->cfg.stop_timeout_ms;
    int r = 0;

    if (no_reboot(j))
        return hold_still(j);
    switch (machine_state(j->jobs, j->lock)) {
    case MACHINE_NONE:
    case MACHINE_ENDING:
    case MACHINE_DOWN:
        return JOB_NEXT;
    case MACHINE_STARTING:
        return JOB_WAIT;
    case MACHINE_RUNNING:
        if (j->hurry) {
            r = machine_halt(j->jobs, j->lock, e);
        } else if (!json_object_get(j->args,
                                    "pressed")) { /* known to this run of the daemon only */
            r = set_rebooting(j, true, e);
            if (r == 0)
                r = machine_powerdown(j->jobs, j->lock, timeout ? timeout : QUIESCE_TIMEOUT_MS, e);
            if (r == 0)
                json_object_set_new(j->args, "pressed", json_true());
        }
        break;
    }
    return r < 0 ? r : JOB_WAIT;
}

static int is_rebooting(struct job *j, struct err *e)
{
    struct instance_rec rec;
    int r = model_instance_get(j->jobs->model, NULL, j->lock, &rec, e);

    return r < 0 ? r : rec.rebooting;
}

/* As AWS marks what its own VSS component has frozen. */
static int tag_consistent(struct job *j, struct err *e)
{
    struct tag one = { .key = (char *)"AppConsistent", .value = (char *)"True" };
    const struct tag_list tags = { &one, 1 };
    const json_t *parts = json_object_get(j->args, "parts"), *p;
    int r = model_begin(j->jobs->model, e);
    size_t i;

    if (r < 0)
        return r;
    json_array_foreach (parts, i, p) {
        const char *id = json_string_value(json_object_get(p, "snapshot"));
        struct snapshot_rec rec;

        if (r == 0)
            r = model_snapshot_get(j->jobs->model, NULL, id ? id : "", &rec, e);
        if (r == 0)
            r = model_tags_set(j->jobs->model, rec.region, rec.id, &tags, e);
    }
    return model_end(j->jobs->model, r, e);
}

static int let_go(struct job *j)
{
    struct jobs *js = j->jobs;
    struct err e = { 0 };

    if (freeze_state(js, j->lock) == FREEZE_HELD)
        freeze_end(js, j->lock);
    switch (freeze_state(js, j->lock)) {
    case FREEZE_NONE: /* it does not run, or kilnd was restarted */
    case FREEZE_ASKED:
    case FREEZE_HELD:
        break;
    case FREEZE_ENDING:
        return JOB_WAIT;
    case FREEZE_KEPT:
        if (tag_consistent(j, &e) < 0)
            log_warning("jobs", "tag the snapshots of '%s': %s", j->subject, e.msg);
        break;
    case FREEZE_FAILED:
        log_notice("jobs", "image '%s' is crash-consistent, its guest was not frozen: %s",
                   j->subject, freeze_reason(js, j->lock));
        break;
    }
    freeze_forget(js, j->lock);
    return JOB_NEXT;
}

static int step_resume(struct job *j, struct err *e)
{
    int r = is_rebooting(j, e);

    if (r == 0 && no_reboot(j))
        return let_go(j);

    if (r <= 0) /* nobody took it down */
        return r < 0 ? r : JOB_NEXT;
    switch (machine_state(j->jobs, j->lock)) {
    case MACHINE_STARTING:
        return JOB_WAIT;
    case MACHINE_DOWN:
        r = machine_resume(j->jobs, j->lock, e);
        return r < 0 ? r : JOB_WAIT;
    case MACHINE_NONE: /* it ended meanwhile: machine_settle sees to that */
    case MACHINE_ENDING:
    case MACHINE_RUNNING:
        break;
    }
    r = set_rebooting(j, false, e);
    return r < 0 ? r : JOB_NEXT;
}

/* ---- register -------------------------------------------------------------------------------- */

int image_register_step(struct job *j, struct err *e)
{
    _cleanup_(image_rec_done) struct image_rec rec = { 0 };
    int r = model_image_get(j->jobs->model, NULL, j->subject, &rec, e);

    if (r == 0 && rec.state == IMAGE_PENDING)
        r = model_image_move(j->jobs->model, j->subject, IMAGE_EV_AVAILABLE, "", "", NULL, e);
    return r < 0 ? r : JOB_NEXT;
}

static void image_failed(struct job *j, const struct err *why)
{
    struct jobs *js = j->jobs;
    struct err e = { 0 };

    freeze_forget(js, j->lock);
    shots_fail(j, why);
    windows_generalise_failed(j);
    if (model_image_move(js->model, j->subject, IMAGE_EV_FAILED, "Server.InternalError", why->msg,
                         NULL, &e) < 0)
        log_error("jobs", "mark the image '%s' as failed: %s", j->subject, e.msg);
    err_clear(&e);
    if (!no_reboot(j) && machine_state(js, j->lock) == MACHINE_DOWN &&
        machine_resume(js, j->lock, &e) < 0)
        log_error("jobs", "resume instance '%s': %s", j->lock, e.msg);
    err_clear(&e);
    if (set_rebooting(j, false, &e) < 0 && e.kind != ERR_NOT_FOUND)
        log_error("jobs", "resume instance '%s': %s", j->lock, e.msg);
}

static const struct job_step image_steps[] = {
    { "quiesce", step_quiesce, true },
    { "point", shots_point, true },
    { "resume", step_resume, true },
    { "upload", shots_upload, false },
    { "generalise", windows_generalise_step, false },
    { "register", image_register_step, false },
    { 0 },
};
const struct job_kind job_create_image = { "create-image", image_steps, image_failed, shots_drop };

/* ---- plain snapshots ------------------------------------------------------------------------- */

static const struct job_step snapshot_steps[] = {
    { "point", shots_point, true },
    { "upload", shots_upload, false },
    { 0 },
};
const struct job_kind job_create_snapshots = { "create-snapshots", snapshot_steps, shots_fail,
                                               shots_drop };

/* ---- delete ---------------------------------------------------------------------------------- */

static int step_remove(struct job *j, struct err *e)
{
    const struct job *copy = copy_reads(j->jobs, j->subject);
    int r;

    if (copy) {
        job_watch(j, copy->subject);
        return JOB_WAIT;
    }
    r = store_snap_delete(j->jobs->store, j->subject, e);
    if (r < 0)
        return r;
    reclaim_want(j->jobs);
    return JOB_NEXT;
}

static const struct job_step delete_steps[] = { { "remove", step_remove, false }, { 0 } };
const struct job_kind job_delete_snapshot = { "delete-snapshot", delete_steps, NULL, NULL };

/* ---- release-point --------------------------------------------------------------------------- */

struct memo {
    struct job *job; /* NULL: gone, the answer frees this */
    bool asked, done;
    unsigned tries;
    struct err why;
};

static void drop_memo(struct job *j)
{
    struct memo *m = j->mem;

    j->mem = NULL;
    if (m && m->asked)
        m->job = NULL;
    else
        free(m);
}

static void on_released(struct volume_server *vs, const struct err *e, void *userdata)
{
    struct memo *m = userdata;

    (void)vs;
    m->asked = false;
    if (!m->job) {
        free(m);
        return;
    }
    if (e && e->no)
        m->why = *e;
    else
        m->done = true;
    job_wake(m->job);
}

static int volume_is_gone(struct job *j, struct err *e)
{
    struct volume_rec rec;
    int r = model_volume_get(j->jobs->model, NULL, j->subject, &rec, e);

    if (r == 0)
        return rec.state == VOLUME_ST_DELETING;
    if (e->kind != ERR_NOT_FOUND)
        return r;
    err_clear(e);
    return 1;
}

static int ask_release(struct job *j, struct memo *m, struct err *e)
{
    bool completed = json_is_true(json_object_get(j->args, "completed"));
    const char *point = job_arg(j, "point");
    int r = served_hold(j->jobs, j->subject, j->id, e);

    if (r == 0)
        r = served_ready(j->jobs, j->subject, e);
    if (r <= 0)
        return r;
    r = volume_server_release(served_server(j->jobs, j->subject), point, completed ? point : NULL,
                              on_released, m, e);
    if (r == 0)
        m->asked = true;
    return r;
}

static int step_release_point(struct job *j, struct err *e)
{
    struct memo *m = j->mem ? j->mem : (j->mem = xcalloc(1, sizeof *m));
    int r = volume_is_gone(j, e);

    m->job = j;
    if (r < 0)
        return r;
    if (r > 0 || m->done) {
        served_release(j->jobs, j->subject, j->id);
        return JOB_NEXT;
    }
    if (m->asked)
        return JOB_WAIT;
    if (m->why.no && ++m->tries > RELEASE_TRIES_MAX)
        return err_set(e, m->why.no, m->why.kind, "%s", m->why.msg);
    err_clear(&m->why);
    r = ask_release(j, m, e);
    if (r < 0 && e->kind == ERR_IO &&
        ++m->tries <= RELEASE_TRIES_MAX) { /* it died: it comes back */
        err_clear(e);
        r = 0;
    }
    return r < 0 ? r : JOB_WAIT;
}

static void release_failed(struct job *j, const struct err *why)
{
    (void)why; /* told in the log; the point costs space until the volume is deleted */
    served_release(j->jobs, j->subject, j->id);
}

static const struct job_step release_steps[] = { { "release", step_release_point, false }, { 0 } };
const struct job_kind job_release_point = { "release-point", release_steps, release_failed,
                                            drop_memo };
