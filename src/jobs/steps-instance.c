/* SPDX-License-Identifier: GPL-3.0-or-later */
/* launch, start: volumes -> serve -> (prepare) -> network -> boot -> running
 * stop:          powerdown -> end -> release -> stopped
 * terminate:     powerdown -> end -> release -> delete
 * reboot:        powerdown -> resume */
#include "jobs-priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "file.h"
#include "log.h"
#include "network.h"

#define STOP_TIMEOUT_MS      120000
#define TERMINATE_TIMEOUT_MS 10000

struct memo {
    bool started, pressed;
    bool plugging, plugged;
    int tap_fd; /* -1: none */
    struct plug *plug;
    struct err plug_why;
    struct job *job;
};

static struct memo *memo(struct job *j)
{
    if (!j->mem) {
        struct memo *m = xcalloc(1, sizeof *m);

        m->tap_fd = -1;
        m->job = j;
        j->mem = m;
    }
    return j->mem;
}

static void drop(struct job *j)
{
    struct memo *m = j->mem;

    j->mem = NULL;
    if (!m)
        return;
    plug_free(m->plug);
    close_fdp(&m->tap_fd);
    free(m);
}

static int get_instance(struct job *j, struct instance_rec *ret, struct err *e)
{
    return model_instance_get(j->jobs->model, NULL, j->subject, ret, e);
}

static int get_disks(struct job *j, struct attachment_rec **ret, size_t *ret_n, struct err *e)
{
    return model_attachment_list(j->jobs->model, j->subject, ret, ret_n, e);
}

/* ---- launch and start ------------------------------------------------------------------------ */

static int step_volumes(struct job *j, struct err *e)
{
    _cleanup_free_ struct attachment_rec *at = NULL;
    size_t n = 0;
    int r = get_disks(j, &at, &n, e);

    for (size_t i = 0; r == 0 && i < n; i++)
        r = volume_files_make(j->jobs, at[i].volume_id, e);
    return r < 0 ? r : JOB_NEXT;
}

static int step_serve(struct job *j, struct err *e)
{
    _cleanup_free_ struct attachment_rec *at = NULL;
    size_t n = 0, ready = 0;
    int r = get_disks(j, &at, &n, e);

    for (size_t i = 0; r >= 0 && i < n; i++) {
        job_watch(j, at[i].volume_id);
        r = served_hold(j->jobs, at[i].volume_id, j->subject, e);
        if (r == 0)
            r = served_ready(j->jobs, at[i].volume_id, e);
        if (r > 0)
            ready++;
    }
    if (r < 0)
        return r;
    return ready == n ? JOB_NEXT : JOB_WAIT;
}

/* The steps behind hold the disks, too: a daemon that was killed begins with one of them, and the
 * servers may have died with it. */
static int step_prepare(struct job *j, struct err *e)
{
    int r = step_serve(j, e);

    return r == JOB_NEXT ? windows_prepare_step(j, e) : r;
}

static void on_plugged(int fd, const struct err *why, void *userdata)
{
    struct memo *m = userdata;

    m->plugged = true;
    m->tap_fd = fd;
    if (why)
        m->plug_why = *why;
    job_wake(m->job);
}

static int step_network(struct job *j, struct err *e)
{
    struct memo *m = memo(j);
    int r;

    if (machine_state(j->jobs, j->subject) != MACHINE_NONE)
        return JOB_NEXT; /* adopted: it has its tap */
    r = step_serve(j, e);
    if (r != JOB_NEXT)
        return r;
    if (!m->plugging) {
        m->plugging = true;
        r = network_plug(j->jobs, j->subject, on_plugged, m, &m->plug, e);
        if (r < 0)
            return r;
    }
    if (!m->plugged)
        return JOB_WAIT;
    if (m->plug_why.no)
        return err_set(e, m->plug_why.no, m->plug_why.kind, "connect the network: %s",
                       m->plug_why.msg);
    return JOB_NEXT;
}

static int step_boot(struct job *j, struct err *e)
{
    struct instance_rec rec;
    int r;

    if (!j->jobs->accel_known)
        return JOB_WAIT; /* the probe wakes every job */
    switch (machine_state(j->jobs, j->subject)) {
    case MACHINE_NONE:
        if (memo(j)->started)
            return err_set(e, EIO, ERR_OTHER, "the machine ended: %s",
                           machine_failure(j->jobs, j->subject));
        r = step_serve(j, e);
        if (r != JOB_NEXT)
            return r;
        r = get_instance(j, &rec, e);
        if (r == 0)
            r = machine_start(j->jobs, &rec, memo(j)->tap_fd, e);
        if (r < 0)
            return r;
        memo(j)->started = true;
        return JOB_WAIT;
    case MACHINE_STARTING:
    case MACHINE_ENDING:
        memo(j)->started = true;
        return JOB_WAIT;
    case MACHINE_RUNNING:
    case MACHINE_DOWN:
        return JOB_NEXT;
    }
    return JOB_WAIT;
}

static int mark_attached(struct job *j, struct err *e)
{
    _cleanup_free_ struct attachment_rec *at = NULL;
    size_t n = 0;
    int r = get_disks(j, &at, &n, e);

    for (size_t i = 0; r == 0 && i < n; i++)
        if (at[i].state == ATTACH_ATTACHING)
            r = model_attachment_state(j->jobs->model, at[i].volume_id, ATTACH_ATTACHED, e);
    return r;
}

static int mark_running(struct job *j, struct err *e)
{
    struct instance_rec rec;
    int r = get_instance(j, &rec, e);

    if (r < 0 || rec.state != INSTANCE_PENDING) /* a second run, or it is wanted down already */
        return r;
    r = mark_attached(j, e);
    if (r == 0)
        r = model_instance_move(j->jobs->model, j->subject, INSTANCE_EV_RUNNING, "", "", NULL, e);
    if (r == 0)
        r = get_instance(j, &rec, e);
    if (r < 0)
        return r;
    rec.status_ok = true;
    return model_instance_save(j->jobs->model, &rec, e);
}

static int step_running(struct job *j, struct err *e)
{
    int r = model_begin(j->jobs->model, e);

    if (r == 0)
        r = model_end(j->jobs->model, mark_running(j, e), e);
    return r < 0 ? r : JOB_NEXT;
}

static const char *reason_code(const struct err *why)
{
    switch (why->kind) {
    case ERR_LIMIT:
        return "Server.InsufficientInstanceCapacity";
    case ERR_NOT_FOUND:
        return "Client.InvalidSnapshot.NotFound";
    default:
        return "Server.InternalError";
    }
}

static void launch_failed(struct job *j, const struct err *why)
{
    struct jobs *js = j->jobs;
    struct err e = { 0 };
    char reason[MODEL_TEXT_MAX];

    (void)snprintf(reason, sizeof reason, "%s: %.400s", reason_code(why), why->msg);
    if (model_instance_move(js->model, j->subject, INSTANCE_EV_LAUNCH_FAILED, reason_code(why),
                            reason, NULL, &e) < 0 ||
        job_add(js, &job_terminate, j->subject, j->subject, NULL, &e) < 0)
        log_error("jobs", "clean up the failed launch of '%s': %s", j->subject, e.msg);
}

static void start_failed(struct job *j, const struct err *why)
{
    struct jobs *js = j->jobs;
    struct instance_rec rec;
    struct err e = { 0 };
    char reason[MODEL_TEXT_MAX];

    (void)snprintf(reason, sizeof reason, "%s: %.400s", reason_code(why), why->msg);
    machine_end(js, j->subject);
    served_release_all(js, j->subject);
    if (model_instance_move(js->model, j->subject, INSTANCE_EV_START_FAILED, reason_code(why),
                            reason, NULL, &e) < 0)
        log_error("jobs", "clean up the failed start of '%s': %s", j->subject, e.msg);
    else if (get_instance(j, &rec, &e) == 0)
        jobs_network_changed(js, rec.region);
}

static const struct job_step launch_steps[] = {
    { "volumes", step_volumes, true },
    { "serve", step_serve, true },
    { "prepare", step_prepare, true },
    { "network", step_network, true },
    { "boot", step_boot, true },
    { "running", step_running, true },
    { 0 },
};

const struct job_kind job_launch = { "launch", launch_steps, launch_failed, drop };
const struct job_kind job_start = { "start", launch_steps, start_failed, drop };

/* ---- going down ------------------------------------------------------------------------------ */

static unsigned patience(const struct job *j, bool brief)
{
    unsigned ms = j->jobs->cfg.stop_timeout_ms ? j->jobs->cfg.stop_timeout_ms : STOP_TIMEOUT_MS;

    return brief && ms > TERMINATE_TIMEOUT_MS ? TERMINATE_TIMEOUT_MS : ms;
}

static int powerdown(struct job *j, bool brief, struct err *e)
{
    bool force = j->hurry || json_is_true(json_object_get(j->args, "force"));
    int r = 0;

    switch (machine_state(j->jobs, j->subject)) {
    case MACHINE_NONE:
    case MACHINE_DOWN:
    case MACHINE_ENDING:
        return JOB_NEXT;
    case MACHINE_STARTING:
        return JOB_WAIT;
    case MACHINE_RUNNING:
        if (force)
            r = machine_halt(j->jobs, j->subject, e);
        else if (!memo(j)->pressed)
            r = machine_powerdown(j->jobs, j->subject, patience(j, brief), e);
        memo(j)->pressed = true;
        break;
    }
    return r < 0 ? r : JOB_WAIT;
}

static int step_powerdown(struct job *j, struct err *e)
{
    return powerdown(j, false, e);
}

static int step_powerdown_brief(struct job *j, struct err *e)
{
    return powerdown(j, true, e);
}

static int step_end(struct job *j, struct err *e)
{
    (void)e;
    if (machine_state(j->jobs, j->subject) == MACHINE_NONE)
        return JOB_NEXT;
    machine_end(j->jobs, j->subject);
    return JOB_WAIT;
}

/* Stopped means on disk: the servers have flushed and ended, unless another job still reads. */
static int step_release(struct job *j, struct err *e)
{
    _cleanup_free_ struct attachment_rec *at = NULL;
    size_t n = 0;
    int r = get_disks(j, &at, &n, e);

    if (r < 0)
        return r;
    served_release_all(j->jobs, j->subject);
    for (size_t i = 0; i < n; i++) {
        job_watch(j, at[i].volume_id);
        if (served_is_up(j->jobs, at[i].volume_id) && !served_is_held(j->jobs, at[i].volume_id))
            return JOB_WAIT;
    }
    return JOB_NEXT;
}

/* Instance store data is lost at stop: that is its contract. */
static int remove_ephemerals(struct job *j, struct err *e)
{
    _cleanup_free_ struct ephemeral_rec *eph = NULL;
    _cleanup_free_ char *dir = jobs_instance_dir(j->jobs, j->subject);
    size_t n = 0;
    int r = model_ephemeral_list(j->jobs->model, j->subject, &eph, &n, e);

    for (size_t i = 0; r == 0 && i < n; i++) {
        _cleanup_free_ char *path = xasprintf("%s/%s.raw", dir, eph[i].virtual_name);

        r = unlink_quiet(path, e);
    }
    return r;
}

static int step_stopped(struct job *j, struct err *e)
{
    struct instance_rec rec;
    int r = remove_ephemerals(j, e);

    if (r == 0)
        r = get_instance(j, &rec, e);
    if (r == 0 && rec.state == INSTANCE_STOPPING)
        r = model_instance_move(j->jobs->model, j->subject, INSTANCE_EV_STOPPED, NULL, NULL, NULL,
                                e);
    if (r == 0 && rec.status_ok) {
        r = get_instance(j, &rec, e);
        rec.status_ok = false;
        if (r == 0)
            r = model_instance_save(j->jobs->model, &rec, e);
    }
    if (r == 0)
        jobs_network_changed(j->jobs, rec.region); /* its public address is nobody's now */
    return r < 0 ? r : JOB_NEXT;
}

static const struct job_step stop_steps[] = {
    { "powerdown", step_powerdown, true },
    { "end", step_end, true },
    { "release", step_release, true },
    { "stopped", step_stopped, true },
    { 0 },
};

const struct job_kind job_stop = { "stop", stop_steps, NULL, drop };

/* ---- terminate ------------------------------------------------------------------------------- */

static int let_volume_go(struct job *j, const struct attachment_rec *at, struct err *e)
{
    struct model *m = j->jobs->model;
    int r = model_begin(m, e);

    if (r < 0)
        return r;
    r = model_detach(m, at->volume_id, e);
    if (r == 0 && at->delete_on_termination) {
        r = model_volume_move(m, at->volume_id, VOLUME_EV_DELETE, NULL, e);
        if (r == 0)
            r = jobs_delete_volume(j->jobs, at->volume_id, e);
    }
    return model_end(m, r, e);
}

/* Before the move to 'terminated', which frees the address in the model. */
static void let_interface_go(struct job *j)
{
    struct interface_rec port;
    struct err e = { 0 };

    if (model_interface_of(j->jobs->model, j->subject, &port, &e) == 0)
        network_forget(j->jobs, port.region, port.id);
}

static int step_delete(struct job *j, struct err *e)
{
    _cleanup_free_ struct attachment_rec *at = NULL;
    _cleanup_free_ char *dir = jobs_instance_dir(j->jobs, j->subject);
    struct instance_rec rec;
    size_t n = 0;
    int r = get_disks(j, &at, &n, e);

    for (size_t i = 0; r == 0 && i < n; i++)
        r = let_volume_go(j, &at[i], e);
    if (r == 0)
        let_interface_go(j);
    if (r == 0)
        r = tree_remove(dir, e);
    if (r == 0)
        r = get_instance(j, &rec, e);
    if (r == 0 && rec.state != INSTANCE_TERMINATED)
        r = model_instance_move(j->jobs->model, j->subject, INSTANCE_EV_TERMINATED, NULL, NULL,
                                NULL, e);
    if (r < 0)
        return r;
    machine_forget(j->jobs, j->subject);
    return JOB_NEXT;
}

static const struct job_step terminate_steps[] = {
    { "powerdown", step_powerdown_brief, true },
    { "end", step_end, true },
    { "release", step_release, true },
    { "delete", step_delete, true },
    { 0 },
};

const struct job_kind job_terminate = { "terminate", terminate_steps, NULL, drop };

/* ---- reboot ---------------------------------------------------------------------------------- */

static int step_resume(struct job *j, struct err *e)
{
    int r = 0;

    switch (machine_state(j->jobs, j->subject)) {
    case MACHINE_NONE: /* it ended meanwhile: machine_settle makes that a stop */
    case MACHINE_ENDING:
    case MACHINE_RUNNING:
        return JOB_NEXT;
    case MACHINE_STARTING:
        return JOB_WAIT;
    case MACHINE_DOWN:
        r = machine_resume(j->jobs, j->subject, e);
        break;
    }
    return r < 0 ? r : JOB_WAIT;
}

static const struct job_step reboot_steps[] = {
    { "powerdown", step_powerdown, true },
    { "resume", step_resume, true },
    { 0 },
};

const struct job_kind job_reboot = { "reboot", reboot_steps, NULL, drop };
