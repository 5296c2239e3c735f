/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine: stores a step's name, runs the step, waits, goes on; see jobs-priv.h. */
#include "jobs-priv.h"

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "network.h"

#define STEPS_IN_A_ROW_MAX 32 /* then the loop gets a turn */

static const struct job_kind *const kinds[] = {
    &job_launch,
    &job_start,
    &job_stop,
    &job_reboot,
    &job_terminate,
    &job_create_volume,
    &job_delete_volume,
    &job_attach,
    &job_detach,
    &job_create_image,
    &job_create_snapshots,
    &job_import,
    &job_delete_snapshot,
    &job_release_point,
    &job_copy_image,
    &job_copy_snapshot,
    &job_modify_volume,
};

static const struct job_kind *kind_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}

static void job_free(struct job *j)
{
    if (!j)
        return;
    if (j->kind->drop)
        j->kind->drop(j);
    windows_drop(j);
    json_decref(j->args);
    free(j);
}
DEFINE_FREEP(job_free, struct job);

const char *job_arg(const struct job *j, const char *name)
{
    const char *v = json_string_value(json_object_get(j->args, name));

    return v ? v : "";
}

void job_watch(struct job *j, const char *topic)
{
    for (size_t i = 0; i < j->n_topics; i++)
        if (strcmp(j->topics[i], topic) == 0)
            return;
    if (j->n_topics < JOB_TOPICS_MAX)
        (void)str_copy(j->topics[j->n_topics++], MODEL_ID_MAX, topic);
}

void job_wake(struct job *j)
{
    j->runnable = true;
    if (!j->jobs->closing)
        (void)sd_event_source_set_enabled(j->jobs->runner, SD_EVENT_ONESHOT);
}

void job_publish(struct jobs *js, const char *topic)
{
    for (struct job *j = js->list; j; j = j->next)
        for (size_t i = 0; i < j->n_topics; i++)
            if (strcmp(j->topics[i], topic) == 0)
                job_wake(j);
}

void job_disk_gone(struct jobs *js, const char *volume_id)
{
    for (struct job *j = js->list; j; j = j->next)
        if (strcmp(j->subject, volume_id) == 0) {
            j->disk_gone = true;
            job_wake(j);
        }
}

void job_hurry_others(struct jobs *js, const char *lock)
{
    for (struct job *j = js->list; j; j = j->next)
        if (lock[0] && strcmp(j->lock, lock) == 0) {
            j->hurry = true;
            job_wake(j);
        }
}

bool job_any_on(struct jobs *js, const char *lock)
{
    for (struct job *j = js->list; j; j = j->next)
        if (!j->ended && strcmp(j->lock, lock) == 0 && j->kind->steps[j->step].locked)
            return true;
    return false;
}

bool job_any_locked(struct jobs *js)
{
    for (struct job *j = js->list; j; j = j->next)
        if (!j->ended && j->lock[0] && j->kind->steps[j->step].locked)
            return true;
    return false;
}

/* An older job that still needs the same thing for itself. */
static bool must_queue(const struct job *mine)
{
    if (!mine->lock[0] || !mine->kind->steps[mine->step].locked)
        return false;
    for (const struct job *j = mine->jobs->list; j && j != mine; j = j->next)
        if (!j->ended && strcmp(j->lock, mine->lock) == 0 && j->kind->steps[j->step].locked)
            return true;
    return false;
}

static void wake_queue(struct jobs *js, const char *lock)
{
    for (struct job *j = js->list; j; j = j->next)
        if (lock[0] && strcmp(j->lock, lock) == 0)
            job_wake(j);
}

static void append(struct jobs *js, struct job *j)
{
    struct job **at = &js->list;

    while (*at)
        at = &(*at)->next;
    *at = j;
}

static struct job *job_new(struct jobs *js, const struct job_kind *kind, const char *id,
                           const char *subject, const char *lock, json_t *args)
{
    struct job *j = xcalloc(1, sizeof *j);

    j->jobs = js;
    j->kind = kind;
    j->args = args ? args : json_object();
    (void)str_copy(j->id, sizeof j->id, id);
    (void)str_copy(j->subject, sizeof j->subject, subject);
    (void)str_copy(j->lock, sizeof j->lock, lock ? lock : "");
    job_watch(j, subject);
    if (j->lock[0])
        job_watch(j, j->lock);
    return j;
}

int job_add(struct jobs *js, const struct job_kind *kind, const char *subject, const char *lock,
            json_t *args, struct err *e)
{
    char id[MODEL_ID_MAX];
    _cleanup_(job_freep) struct job *j = NULL;
    _cleanup_free_ char *text = NULL;
    struct job_rec rec = { .state = JOB_ACTIVE, .created_ms = clock_real_ms() };
    int r;

    model_new_id("job", id);
    j = job_new(js, kind, id, subject, lock, args);
    json_object_set_new(j->args, "lock", json_string(j->lock));
    text = json_dumps(j->args, JSON_COMPACT);
    if (!text)
        return err_oom(e);
    (void)str_copy(rec.id, sizeof rec.id, id);
    (void)str_copy(rec.kind, sizeof rec.kind, kind->name);
    (void)str_copy(rec.subject, sizeof rec.subject, subject);
    (void)str_copy(rec.step, sizeof rec.step, kind->steps[0].name);
    rec.args = text;
    rec.updated_ms = rec.created_ms;
    r = model_job_insert(js->model, &rec, e);
    if (r < 0)
        return err_wrap(e, "begin the job '%s' of '%s'", kind->name, subject);
    job_wake(j);
    append(js, TAKE_PTR(j));
    return 0;
}

int job_save_args(struct job *j, struct err *e)
{
    _cleanup_free_ char *text = json_dumps(j->args, JSON_COMPACT);

    if (!text)
        return err_oom(e);
    return model_job_step(j->jobs->model, j->id, j->kind->steps[j->step].name, text, e);
}

void jobs_log_failure(const struct job *j, const struct err *why)
{
    log_error("jobs", "job '%s' of '%s' failed in step '%s': %s", j->kind->name, j->subject,
              j->kind->steps[j->step].name, why->msg);
}

static void end_job(struct job *j, enum job_state st, const struct err *why)
{
    struct err e = { 0 };

    if (st == JOB_FAILED) {
        jobs_log_failure(j, why);
        if (j->kind->failed)
            j->kind->failed(j, why);
    }
    j->ended = true;
    if (model_job_end(j->jobs->model, j->id, st, why ? why->msg : NULL, &e) < 0)
        log_error("jobs", "record the end of job '%s': %s", j->id, e.msg);
    wake_queue(j->jobs, j->lock);
    job_publish(j->jobs, j->subject);
    machine_settle(j->jobs, j->lock);
}

/* A job whose row was rolled back with the transaction that made it never was. */
static int store_step(struct job *j, struct err *e)
{
    int r;

    if (j->step_stored)
        return 0;
    r = model_job_step(j->jobs->model, j->id, j->kind->steps[j->step].name, NULL, e);
    if (r == 0)
        j->step_stored = true;
    return r;
}

static void run_one(struct job *j)
{
    for (unsigned i = 0; i < STEPS_IN_A_ROW_MAX; i++) {
        const struct job_step *s = &j->kind->steps[j->step];
        struct err e = { 0 };
        bool was_locked = s->locked;
        int r;

        if (must_queue(j))
            return;
        r = store_step(j, &e);
        if (r < 0 && e.kind == ERR_NOT_FOUND) {
            j->ended = true;
            return;
        }
        if (r == 0)
            r = s->run(j, &e);
        if (r < 0) {
            end_job(j, JOB_FAILED, &e);
            return;
        }
        if (r == JOB_WAIT)
            return;
        if (r == JOB_FINISHED || !j->kind->steps[j->step + 1].name) {
            end_job(j, JOB_DONE, NULL);
            return;
        }
        j->step++;
        j->step_stored = false;
        if (was_locked && !j->kind->steps[j->step].locked) {
            wake_queue(j->jobs, j->lock);
            machine_settle(j->jobs, j->lock);
        }
    }
    job_wake(j); /* more to do; the loop gets a turn */
}

static void sweep_ended(struct jobs *js)
{
    struct job **at = &js->list;

    while (*at) {
        struct job *j = *at;

        if (!j->ended) {
            at = &j->next;
            continue;
        }
        *at = j->next;
        job_free(j);
    }
}

/* Runs every job that was woken. Jobs added or woken meanwhile get the next turn of the loop. */
static int on_runner(sd_event_source *s, void *userdata)
{
    struct jobs *js = userdata;

    (void)s;
    network_run(js);
    for (struct job *j = js->list; j; j = j->next) {
        if (!j->runnable || j->ended)
            continue;
        if (js->down && !j->kind->steps[j->step].locked)
            continue; /* it goes on at the next start */
        j->runnable = false;
        run_one(j);
    }
    sweep_ended(js);
    jobs_shutdown_step(js);
    return 0;
}

static int resume(struct jobs *js, const struct job_rec *rec, struct err *e)
{
    const struct job_kind *kind = kind_find(rec->kind);
    json_t *args = json_loads(rec->args, 0, NULL);
    struct job *j;

    if (!kind) {
        json_decref(args);
        return err_set(e, EINVAL, ERR_CORRUPT, "job '%s' is of an unknown kind '%s'", rec->id,
                       rec->kind);
    }
    j = job_new(js, kind, rec->id, rec->subject, json_string_value(json_object_get(args, "lock")),
                args);
    for (size_t i = 0; kind->steps[i].name; i++)
        if (strcmp(kind->steps[i].name, rec->step) == 0)
            j->step = i;
    append(js, j);
    job_wake(j);
    log_notice("jobs", "job '%s' of '%s' goes on with step '%s'", rec->kind, rec->subject,
               kind->steps[j->step].name);
    return 0;
}

int job_resume_all(struct jobs *js, struct err *e)
{
    struct job_rec *v = NULL;
    size_t n = 0;
    int r;

    r = sd_event_add_defer(js->cfg.loop, &js->runner, on_runner, js);
    if (r < 0)
        return err_no(e, r, "make the runner of jobs");
    (void)sd_event_source_set_enabled(js->runner, SD_EVENT_OFF);
    r = model_job_active(js->model, &v, &n, e);
    if (r < 0)
        return err_wrap(e, "read the active jobs");
    for (size_t i = 0; i < n; i++) {
        struct err one = { 0 };

        if (resume(js, &v[i], &one) < 0) {
            log_error("jobs", "%s", one.msg);
            err_clear(&one);
            (void)model_job_end(js->model, v[i].id, JOB_FAILED, "of an unknown kind", &one);
        }
        job_rec_done(&v[i]);
    }
    free(v);
    return 0;
}
