/* SPDX-License-Identifier: GPL-3.0-or-later */
/* import: read -> register. A worker reads the disk image into a snapshot and tells what system it
 * holds and how it boots; the image's root is that snapshot. */
#include "jobs-priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "file.h"
#include "log.h"

#define TRIES_MAX 3

struct memo {
    struct job *job;
    struct work *work;
    bool started, ended;
    bool found; /* the snapshot is there: only its content is to be looked at */
    unsigned tries;
    struct err why;
    uint64_t volume_bytes, read, stored;
    char looks_like[16], boots_by[16];
};

static void drop(struct job *j)
{
    struct memo *m = j->mem;

    j->mem = NULL;
    if (!m)
        return;
    work_cancel(m->work);
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

static int get_import(struct job *j, struct import_rec *ret, struct err *e)
{
    return model_import_get(j->jobs->model, NULL, j->subject, ret, e);
}

static int save_progress(struct job *j, const struct work_progress *w, struct err *e)
{
    uint32_t percent = w->total ? (uint32_t)(w->done * 100 / w->total) : 0;
    struct import_rec rec;
    int r = get_import(j, &rec, e);

    if (r < 0)
        return r;
    rec.progress = percent > 99 ? 99 : percent;
    rec.bytes_done = w->done;
    rec.bytes_total = w->total;
    rec.bytes_per_s = w->rate;
    (void)str_copy(rec.status_message, sizeof rec.status_message, "reading the disk image");
    r = model_import_save(j->jobs->model, &rec, e);
    if (r == 0)
        r = model_snapshot_progress(j->jobs->model, rec.snapshot_id,
                                    &(struct snapshot_progress){ rec.progress, w->read, w->stored,
                                                                 w->done, w->total, w->rate },
                                    e);
    return r;
}

static void on_progress(void *userdata, const struct work_progress *w)
{
    struct memo *m = userdata;
    struct err e = { 0 };

    if (save_progress(m->job, w, &e) < 0)
        log_warning("jobs", "record the progress of '%s', ignoring: %s", m->job->subject, e.msg);
}

static uint64_t number(const json_t *o, const char *name)
{
    json_int_t v = json_integer_value(json_object_get(o, name));

    return v > 0 ? (uint64_t)v : 0;
}

static void on_end(void *userdata, const json_t *result, const struct err *why)
{
    struct memo *m = userdata;
    const char *looks = json_string_value(json_object_get(result, "looks_like"));
    const char *boots = json_string_value(json_object_get(result, "boots_by"));

    m->work = NULL;
    if (why && why->kind == ERR_IO && why->no != ENOSPC && ++m->tries < TRIES_MAX) {
        m->started =
            false; /* it was killed, or the disk stumbled: that may go well the next time */
        log_warning("jobs", "import '%s': trying again: %s", m->job->subject, why->msg);
    } else if (why) {
        m->ended = true;
        m->why = *why;
    } else {
        m->ended = true;
        if (!m->found) {
            m->volume_bytes = number(result, "volume_bytes");
            m->read = number(result, "read");
            m->stored = number(result, "stored");
        }
        (void)str_copy(m->boots_by, sizeof m->boots_by, boots ? boots : "");
        (void)str_copy(m->looks_like, sizeof m->looks_like, looks ? looks : "");
    }
    job_wake(m->job);
}

/* "file:///a/b" and "/a/b" are the same local file. */
static const char *local_path(const char *url)
{
    return str_starts(url, "file://") ? url + strlen("file://") : url;
}

static int start(struct job *j, const struct import_rec *rec, struct err *e)
{
    _cleanup_free_ char *key = NULL;
    struct memo *m = memo(j);
    const char *args[12] = { m->found ? "look" : "import", "--store", j->jobs->store_dir,
                             "--snapshot", rec->snapshot_id };
    size_t n = 5;
    struct work_spec spec = {
        .args = args, .on_progress = on_progress, .on_end = on_end, .userdata = m
    };
    struct snapshot_rec snap;
    int r;

    if (j->jobs->works_running >= WORKS_MAX || j->jobs->gc) {
        job_watch(j, WORKS_TOPIC);
        return 0;
    }
    if (!m->found) {
        args[n++] = "--format";
        args[n++] = rec->format;
        args[n++] = "--source";
        args[n++] = local_path(rec->url);
    }
    r = model_snapshot_get(j->jobs->model, NULL, rec->snapshot_id, &snap, e);
    if (r == 0 && snap.encrypted) {
        key = jobs_key_path(j->jobs);
        args[n++] = "--key";
        args[n++] = key;
    }
    if (r == 0)
        r = work_start(j->jobs, &spec, &m->work, e);
    if (r == 0)
        m->started = true;
    return r;
}

/* The daemon died after the worker's commit and before the database knew. */
static int find_finished(struct job *j, const struct import_rec *rec, struct err *e)
{
    _cleanup_(store_snap_closep) struct store_snap *sn = NULL;
    struct memo *m = memo(j);
    int r;

    if (m->found || !store_snap_exists(j->jobs->store, rec->snapshot_id))
        return 0;
    r = store_snap_open(j->jobs->store, rec->snapshot_id, &sn, e);
    if (r < 0)
        return r;
    m->found = true;
    m->volume_bytes = store_snap_info(sn)->volume_bytes;
    m->stored = store_snap_info(sn)->stored_bytes;
    return 0;
}

static int keep_result(struct job *j, struct err *e)
{
    struct memo *m = memo(j);

    json_object_set_new(j->args, "volume_bytes", json_integer((json_int_t)m->volume_bytes));
    json_object_set_new(j->args, "read", json_integer((json_int_t)m->read));
    json_object_set_new(j->args, "stored", json_integer((json_int_t)m->stored));
    json_object_set_new(j->args, "looks_like", json_string(m->looks_like));
    json_object_set_new(j->args, "boots_by", json_string(m->boots_by));
    return job_save_args(j, e);
}

static int step_read(struct job *j, struct err *e)
{
    struct memo *m = memo(j);
    struct import_rec rec;
    int r = 0;

    if (!m->started) {
        r = get_import(j, &rec, e);
        if (r == 0)
            r = find_finished(j, &rec, e);
        if (r == 0 && !m->started)
            r = start(j, &rec, e);
        if (r < 0)
            return r;
    }
    if (!m->ended)
        return JOB_WAIT;
    if (m->why.no)
        return err_set(e, m->why.no, m->why.kind, "%s", m->why.msg);
    r = keep_result(j, e);
    return r < 0 ? r : JOB_NEXT;
}

/* ---- register -------------------------------------------------------------------------------- */

/* What the request left open, the disk decides; what it said stands, with a warning. */
static void decide(struct job *j, struct import_rec *rec)
{
    const char *looks = job_arg(j, "looks_like"), *boots = job_arg(j, "boots_by");

    if (!rec->platform[0])
        (void)str_copy(rec->platform, sizeof rec->platform, looks[0] ? looks : "linux");
    else if (looks[0] && strcmp(rec->platform, looks) != 0)
        (void)snprintf(rec->warning, sizeof rec->warning,
                       "the platform was given as '%s', the disk looks like '%s'", rec->platform,
                       looks);
    if (!rec->boot_mode[0])
        (void)str_copy(rec->boot_mode, sizeof rec->boot_mode, boots[0] ? boots : "legacy-bios");
    else if (!rec->warning[0] && strcmp(boots, "uefi") == 0 && !str_starts(rec->boot_mode, "uefi"))
        (void)snprintf(rec->warning, sizeof rec->warning,
                       "the boot mode was given as '%s', the disk has a loader for UEFI only",
                       rec->boot_mode);
    if (rec->warning[0])
        log_warning("jobs", "import '%s': %s", rec->id, rec->warning);
}

static void fill_image(const struct import_rec *rec, struct image_rec *image)
{
    bool windows = strcmp(rec->platform, "windows") == 0;

    (void)str_copy(image->platform, sizeof image->platform, windows ? "windows" : "");
    (void)str_copy(image->platform_details, sizeof image->platform_details,
                   windows ? "Windows" : "Linux/UNIX");
    (void)str_copy(image->usage_operation, sizeof image->usage_operation,
                   windows ? "RunInstances:0002" : "RunInstances");
    (void)str_copy(image->boot_mode, sizeof image->boot_mode, rec->boot_mode);
}

static int register_image(struct job *j, struct err *e)
{
    struct model *m = j->jobs->model;
    uint64_t bytes = number(j->args, "volume_bytes");
    _cleanup_(image_rec_done) struct image_rec image = { 0 };
    struct snapshot_rec snap;
    struct import_rec rec;
    int r = get_import(j, &rec, e);

    if (r < 0 || rec.state != IMPORT_ACTIVE)
        return r;
    decide(j, &rec);
    r = model_snapshot_get(m, NULL, rec.snapshot_id, &snap, e);
    if (r < 0)
        return r;
    (void)str_copy(snap.platform, sizeof snap.platform,
                   strcmp(rec.platform, "windows") == 0 ? "windows" : "");
    snap.volume_size_gib = max_u64(1, div_up_u64(bytes, GIB(1)));
    r = model_snapshot_save(m, &snap, e);
    if (r == 0)
        r = model_snapshot_progress(m, snap.id,
                                    &(struct snapshot_progress){ 100, number(j->args, "read"),
                                                                 number(j->args, "stored") },
                                    e);
    if (r == 0 && snap.state == SNAPSHOT_PENDING)
        r = model_snapshot_move(m, snap.id, SNAPSHOT_EV_COMPLETED, "", NULL, e);
    if (r == 0)
        r = model_image_get(m, NULL, rec.image_id, &image, e);
    if (r < 0)
        return r;
    fill_image(&rec, &image);
    for (size_t i = 0; i < image.mapping.n; i++)
        if (strcmp(image.mapping.v[i].snapshot_id, snap.id) == 0)
            image.mapping.v[i].size_gib = snap.volume_size_gib;
    r = model_image_save(m, &image, e);
    if (r == 0 && image.state == IMAGE_PENDING)
        r = model_image_move(m, image.id, IMAGE_EV_AVAILABLE, "", "", NULL, e);
    rec.state = IMPORT_COMPLETED;
    rec.progress = 100;
    rec.disk_bytes = bytes;
    rec.bytes_done = rec.bytes_total;
    rec.status_message[0] = '\0';
    return r < 0 ? r : model_import_save(m, &rec, e);
}

static int step_register(struct job *j, struct err *e)
{
    int r = model_begin(j->jobs->model, e);

    if (r == 0)
        r = model_end(j->jobs->model, register_image(j, e), e);
    return r < 0 ? r : JOB_NEXT;
}

static int mark_failed(struct job *j, const struct err *why, struct err *e)
{
    struct model *m = j->jobs->model;
    struct import_rec rec;
    int r = get_import(j, &rec, e);

    if (r < 0)
        return r;
    rec.state = IMPORT_DELETED;
    (void)snprintf(rec.status_message, sizeof rec.status_message, "ClientError: %.480s", why->msg);
    r = model_import_save(m, &rec, e);
    if (r == 0)
        r = model_snapshot_move(m, rec.snapshot_id, SNAPSHOT_EV_FAILED, why->msg, NULL, e);
    if (r == 0)
        r = model_image_move(m, rec.image_id, IMAGE_EV_FAILED, "Client.ImportFailed", why->msg,
                             NULL, e);
    return r;
}

static void import_failed(struct job *j, const struct err *why)
{
    struct err e = { 0 };
    int r = model_begin(j->jobs->model, &e);

    if (r == 0)
        r = model_end(j->jobs->model, mark_failed(j, why, &e), &e);
    if (r < 0)
        log_error("jobs", "mark the import '%s' as failed: %s", j->subject, e.msg);
    reclaim_want(j->jobs);
}

static const struct job_step import_steps[] = {
    { "read", step_read, false },
    { "register", step_register, false },
    { 0 },
};
const struct job_kind job_import = { "import", import_steps, import_failed, drop };
