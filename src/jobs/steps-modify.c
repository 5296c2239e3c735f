/* SPDX-License-Identifier: GPL-3.0-or-later */
/* modify-volume: grow. A volume gets larger while nobody serves it. One in use goes on with its old
 * size, which is all that QEMU's NVMe disks can have; its next server has the new one (served.c),
 * and this job waits for that. */
#include "jobs-priv.h"

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "log.h"

#define REPAIRS_MAX 3

#define LATER                                                                                      \
    "the guest has the new size when its instance is started, or the volume attached, the next "   \
    "time"

/* This run of the daemon only. */
struct memo {
    unsigned repairs; /* servers started to end in order what one that was killed left */
    bool serving;
};

static void drop(struct job *j)
{
    free(j->mem);
    j->mem = NULL;
}

static struct memo *memo(struct job *j)
{
    if (!j->mem)
        j->mem = xcalloc(1, sizeof(struct memo));
    return j->mem;
}

int volume_files_grow(struct jobs *js, const struct volume_rec *rec, struct err *e)
{
    _cleanup_free_ char *dir = jobs_volume_dir(js, rec->id);
    struct volume_spec spec = {
        .dir = dir, .name = rec->id, .size_bytes = GIB(rec->size_gib), .user = js->cfg.user
    };

    return volume_grow(&spec, e);
}

int jobs_modify_volume(struct jobs *js, const char *volume_id, struct err *e)
{
    return job_add(js, &job_modify_volume, volume_id, "", NULL, e);
}

static int note(struct job *j, enum modification_state state, const char *message, struct err *e)
{
    struct modification_rec rec;
    int r = model_modification_get(j->jobs->model, NULL, j->subject, &rec, e);

    if (r < 0 || (rec.state == state && strcmp(rec.status_message, message) == 0))
        return r;
    rec.state = state;
    (void)str_copy(rec.status_message, sizeof rec.status_message, message);
    if (state == MODIFICATION_COMPLETED || state == MODIFICATION_FAILED)
        rec.ended_ms = clock_real_ms();
    r = model_modification_put(j->jobs->model, &rec, e);
    if (r == 0)
        log_notice("jobs", "modification of volume '%s' is %s", j->subject,
                   model_modification_state_name(state));
    return r;
}

/* The last server was killed: one that starts and ends in order leaves the maps as they must be. */
static int repair(struct job *j, struct err *e)
{
    struct memo *m = memo(j);
    int r;

    if (!m->serving && m->repairs++ >= REPAIRS_MAX)
        return err_set(e, EIO, ERR_IO, "its files were not closed in order, %d times", REPAIRS_MAX);
    m->serving = true;
    r = served_hold(j->jobs, j->subject, j->id, e);
    if (r == 0)
        r = served_ready(j->jobs, j->subject, e);
    if (r <= 0)
        return r < 0 ? r : JOB_WAIT;
    m->serving = false;
    served_release(j->jobs, j->subject, j->id);
    return JOB_WAIT; /* for its end */
}

static int is_deleted(struct job *j, struct volume_rec *rec, struct err *e)
{
    int r = model_volume_get(j->jobs->model, NULL, j->subject, rec, e);

    if (r < 0 && e->kind == ERR_NOT_FOUND) {
        err_clear(e);
        return 1;
    }
    return r < 0 ? r : rec->state == VOLUME_ST_DELETING;
}

static int step_grow(struct job *j, struct err *e)
{
    struct volume_rec rec;
    int r = is_deleted(j, &rec, e);

    if (r < 0)
        return r;
    if (r > 0) {
        served_release(j->jobs, j->subject, j->id); /* its removal waits for the last holder */
        return JOB_FINISHED;
    }
    if (memo(j)->serving)
        return repair(j, e);
    r = volume_files_grow(j->jobs, &rec, e);
    if (r < 0)
        return r;
    if (r > 0) {
        r = note(j, MODIFICATION_COMPLETED, "", e);
        return r < 0 ? r : JOB_NEXT;
    }
    r = note(j, MODIFICATION_OPTIMIZING, LATER, e);
    if (r < 0)
        return r;
    return served_is_up(j->jobs, j->subject) ? JOB_WAIT : repair(j, e);
}

/* The record keeps its new size: perhaps half of the growth is done, and the volume's next server
 * begins with the rest. */
static void modify_failed(struct job *j, const struct err *why)
{
    struct err e = { 0 };

    served_release(j->jobs, j->subject, j->id);
    if (note(j, MODIFICATION_FAILED, why->msg, &e) < 0)
        log_error("jobs", "mark the modification of '%s' as failed: %s", j->subject, e.msg);
}

static const struct job_step modify_steps[] = { { "grow", step_grow, false }, { 0 } };
const struct job_kind job_modify_volume = { "modify-volume", modify_steps, modify_failed, drop };
