/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a tag asks to be done to a Windows without booting it (docs/windows/pipeline.md): an image's
 * kiln:generalize, on the new root snapshot, into another one; an instance's kiln:prepare, on its
 * fresh root volume before the first boot. One worker a job; the request lies in a file. */
#include "jobs-priv.h"

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "file.h"
#include "log.h"

#define TRIES_MAX 3 /* of a worker that was killed */

struct job_windows {
    struct job *job;
    struct work *work;
    char *request; /* path */
    bool ended;
    unsigned tries;
    struct err why; /* of the last end */
};

static struct job_windows *memo(struct job *j)
{
    if (!j->windows) {
        j->windows = xcalloc(1, sizeof *j->windows);
        j->windows->job = j;
    }
    return j->windows;
}

static void forget_request(struct job_windows *m)
{
    struct err ignored = { 0 };

    if (m->request)
        (void)unlink_quiet(m->request, &ignored); /* a few hundred bytes in run/ */
    free(m->request);
    m->request = NULL;
}

void windows_drop(struct job *j)
{
    struct job_windows *m = j->windows;

    j->windows = NULL;
    if (!m)
        return;
    work_cancel(m->work);
    forget_request(m);
    free(m);
}

/* ---- one worker ------------------------------------------------------------------------------ */

static void log_result(const struct job *j, const json_t *result)
{
    const json_t *n = json_object_get(result, "counts");

    log_info("jobs", "%s of '%s': %lld done, %lld cannot be done offline, %lld warnings",
             json_string_value(json_object_get(result, "action")), j->subject,
             (long long)json_integer_value(json_object_get(n, "done")),
             (long long)json_integer_value(json_object_get(n, "cannot")),
             (long long)json_integer_value(json_object_get(n, "warning")));
}

static void on_end(void *userdata, const json_t *result, const struct err *why)
{
    struct job_windows *m = userdata;

    m->work = NULL;
    m->ended = true;
    if (why) {
        m->why = *why;
    } else {
        log_result(m->job, result);
        if (*job_arg(m->job, "prepare"))
            windows_report_keep(m->job, result);
    }
    job_wake(m->job);
}

static int write_request(struct job *j, json_t *request, struct err *e)
{
    struct job_windows *m = memo(j);
    _cleanup_free_ char *text = json_dumps(request, JSON_COMPACT);
    uid_t uid;
    gid_t gid;
    int r;

    if (!text)
        return err_oom(e);
    forget_request(m);
    m->request = xasprintf("%s/windows-%s.json", j->jobs->run_dir, j->id);
    r = file_replace(m->request, text, strlen(text), 0600, e);
    if (r == 0)
        r = child_user_find(j->jobs->cfg.user, &uid, &gid, e);
    if (r == 1 && lchown(m->request, uid, gid) < 0)
        return err_errno(e, "give '%s' to '%s'", m->request, j->jobs->cfg.user);
    return r < 0 ? r : 0;
}

/* Steals request. more: after "windows --request FILE", NULL-terminated. JOB_NEXT: it has ended
 * well, in this run of the daemon. */
static int run_worker(struct job *j, json_t *request, const char *const *more, struct err *e)
{
    struct job_windows *m = memo(j);
    const char *args[20] = { "windows", "--request" };
    struct work_spec spec = { .args = args, .on_end = on_end, .userdata = m };
    size_t n = 3;
    int r = 0;

    if (m->ended && !m->why.no) {
        json_decref(request);
        return JOB_NEXT;
    }
    if (m->ended && (m->why.kind != ERR_IO || ++m->tries >= TRIES_MAX))
        r = err_set(e, m->why.no, m->why.kind, "%s", m->why.msg);
    if (r == 0 && !m->work && j->jobs->works_running < WORKS_MAX && !j->jobs->gc) {
        m->ended = false;
        err_clear(&m->why);
        r = write_request(j, request, e);
        args[2] = m->request;
        for (; *more; more++)
            args[n++] = *more;
        if (r == 0)
            r = work_start(j->jobs, &spec, &m->work, e);
    }
    json_decref(request);
    job_watch(j, WORKS_TOPIC);
    return r < 0 ? r : JOB_WAIT;
}

/* ---- kiln:generalize ------------------------------------------------------------------------- */

/* The snapshot that the image will have in place of the plain one. */
static int insert_snapshot(struct job *j, const char *plain, char made[MODEL_ID_MAX], struct err *e)
{
    struct model *m = j->jobs->model;
    _cleanup_(tag_list_done) struct tag_list tags = { 0 };
    struct snapshot_rec rec;
    int r = model_snapshot_get(m, NULL, plain, &rec, e);

    if (r == 0)
        r = model_tags_get(m, plain, &tags, e);
    if (r < 0)
        return r;
    model_new_id("snap", rec.id);
    rec.state = SNAPSHOT_PENDING;
    rec.progress = 0;
    rec.bytes_read = rec.bytes_stored = 0;
    rec.bytes_done = rec.bytes_total = rec.bytes_per_s = 0;
    rec.started_ms = clock_real_ms();
    rec.completed_ms = 0;
    rec.state_message[0] = '\0';
    (void)str_copy(rec.parent, sizeof rec.parent, plain);
    r = model_snapshot_insert(m, &rec, e);
    if (r == 0 && tags.n)
        r = model_tags_set(m, rec.region, rec.id, &tags, e);
    if (r == 0)
        (void)str_copy(made, MODEL_ID_MAX, rec.id);
    return r;
}

static int begin(struct job *j, const char *plain, struct err *e)
{
    char made[MODEL_ID_MAX] = "";
    int r = model_begin(j->jobs->model, e);

    if (r < 0)
        return r;
    r = insert_snapshot(j, plain, made, e);
    if (r == 0) {
        (void)json_object_set_new(j->args, "plain", json_string(plain));
        (void)json_object_set_new(j->args, "made", json_string(made));
        r = job_save_args(j, e);
    }
    r = model_end(j->jobs->model, r, e);
    if (r < 0) {
        (void)json_object_del(j->args, "plain");
        (void)json_object_del(j->args, "made");
    }
    return r;
}

/* In one transaction: the new snapshot is whole, the image has it, and the plain one, which nobody
 * asked for, goes. */
static int exchange(struct job *j, struct image_rec *image, struct mapping *root, uint64_t stored,
                    struct err *e)
{
    struct model *m = j->jobs->model;
    const char *made = job_arg(j, "made"), *plain = job_arg(j, "plain");
    const struct snapshot_progress p = { .percent = 100, .read = stored, .stored = stored };
    struct err inner = { 0 };
    int r = model_snapshot_progress(m, made, &p, e);

    if (r == 0)
        r = model_snapshot_move(m, made, SNAPSHOT_EV_COMPLETED, "", NULL, e);
    if (r == 0) {
        (void)str_copy(root->snapshot_id, sizeof root->snapshot_id, made);
        r = model_image_save(m, image, e);
    }
    if (r < 0)
        return r;
    if (model_snapshot_delete(m, plain, &inner) == 0)
        return jobs_delete_snapshot(j->jobs, plain, e);
    log_notice("jobs", "snapshot '%s' stays: %s", plain, inner.msg);
    return 0;
}

static int finish(struct job *j, struct image_rec *image, struct mapping *root, struct err *e)
{
    _cleanup_(store_snap_closep) struct store_snap *sn = NULL;
    int r = store_snap_open(j->jobs->store, job_arg(j, "made"), &sn, e);

    if (r == 0)
        r = model_begin(j->jobs->model, e);
    if (r < 0)
        return r;
    windows_report_take(j, job_arg(j, "made"));
    r = exchange(j, image, root, store_snap_info(sn)->stored_bytes, e);
    r = model_end(j->jobs->model, r, e);
    if (r == 0)
        windows_report_taken(j, job_arg(j, "made"));
    return r;
}

static json_t *generalise_request(struct job *j)
{
    return json_pack("{s:s, s:[{s:s}], s:{s:s}}", "action", "generalise", "disks", "snapshot",
                     job_arg(j, "plain"), "options", "dialect", job_arg(j, "generalize"));
}

static int ask_generalise(struct job *j, const struct snapshot_rec *plain, struct err *e)
{
    _cleanup_free_ char *key = plain->encrypted ? jobs_key_path(j->jobs) : NULL;
    const char *more[] = { "--store",
                           j->jobs->store_dir,
                           "--snapshot",
                           job_arg(j, "made"),
                           "--parent",
                           job_arg(j, "plain"),
                           "--run",
                           j->jobs->run_dir,
                           key ? "--key" : NULL,
                           key,
                           NULL };

    return run_worker(j, generalise_request(j), more, e);
}

int windows_generalise_step(struct job *j, struct err *e)
{
    _cleanup_(image_rec_done) struct image_rec image = { 0 };
    struct snapshot_rec plain;
    struct mapping *root;
    int r;

    if (!*job_arg(j, "generalize"))
        return JOB_NEXT;
    r = model_image_get(j->jobs->model, NULL, j->subject, &image, e);
    if (r < 0)
        return r;
    root = mapping_find(&image.mapping, image.root_device_name);
    if (!root || !root->snapshot_id[0])
        return err_set(e, EINVAL, ERR_INVALID, "the image has no root snapshot");
    if (*job_arg(j, "made") && str_eq(root->snapshot_id, job_arg(j, "made")))
        return JOB_NEXT; /* an earlier run came so far */
    if (!*job_arg(j, "made")) {
        r = begin(j, root->snapshot_id, e);
        if (r < 0)
            return r;
    }
    if (!store_snap_exists(j->jobs->store, job_arg(j, "made"))) {
        r = model_snapshot_get(j->jobs->model, NULL, job_arg(j, "plain"), &plain, e);
        if (r == 0)
            r = ask_generalise(j, &plain, e);
        if (r != JOB_NEXT)
            return r < 0 ? err_wrap(e, "generalise it") : r;
    }
    r = finish(j, &image, root, e);
    return r < 0 ? r : JOB_NEXT;
}

/* The plain snapshots stay: they are what the user can go on with. The one that was to be made
 * goes: nobody knows it. */
void windows_generalise_failed(struct job *j)
{
    const char *made = job_arg(j, "made");
    _cleanup_free_ char *dir = xasprintf("%s/worker-%s", j->jobs->run_dir, made);
    struct err e = { 0 };

    windows_drop(j);
    if (!*made)
        return;
    if (tree_remove(dir, &e) < 0) /* a worker that was killed left it */
        log_warning("jobs", "remove what a worker left, ignoring: %s", e.msg);
    err_clear(&e);
    if (model_snapshot_delete(j->jobs->model, made, &e) < 0 && e.kind != ERR_NOT_FOUND) {
        log_error("jobs", "forget the snapshot '%s': %s", made, e.msg);
        return; /* the image has it */
    }
    windows_report_drop(j, made);
    err_clear(&e);
    if (store_snap_delete(j->jobs->store, made, &e) < 0)
        log_error("jobs", "remove the snapshot '%s': %s", made, e.msg);
}

/* ---- kiln:prepare ---------------------------------------------------------------------------- */

/* "computer-name=WEB01;ems" as the options of a request; the API has checked it. NULL: no memory.
 */
static json_t *prepare_options(const char *tag)
{
    _cleanup_free_ char *copy = xstrdup(tag);
    json_t *o = json_object();
    char *rest = copy, *one;

    while (o && (one = strsep(&rest, ";"))) {
        char *eq = strchr(one, '='), *p;

        if (!*one || str_eq(one, "true"))
            continue;
        if (eq)
            *eq = '\0';
        for (p = one; *p; p++)
            *p = (char)(*p == '-' ? '_' : *p);
        (void)json_object_set_new(o, one, eq ? json_string(eq + 1) : json_true());
    }
    return o;
}

static int root_volume(struct job *j, char ret[MODEL_ID_MAX], struct err *e)
{
    _cleanup_free_ struct attachment_rec *at = NULL;
    struct instance_rec rec;
    size_t n = 0;
    int r = model_instance_get(j->jobs->model, NULL, j->subject, &rec, e);

    if (r == 0)
        r = model_attachment_list(j->jobs->model, j->subject, &at, &n, e);
    for (size_t i = 0; r == 0 && i < n; i++)
        if (str_eq(at[i].device, rec.root_device_name)) {
            (void)str_copy(ret, MODEL_ID_MAX, at[i].volume_id);
            return 0;
        }
    return r < 0 ? r : err_set(e, ENOENT, ERR_NOT_FOUND, "the instance has no root volume");
}

static int ask_prepare(struct job *j, struct err *e)
{
    static const char *const nothing[] = { NULL };
    _cleanup_free_ char *dir = NULL, *journal = NULL;
    char volume[MODEL_ID_MAX];
    struct volume_server *vs;
    json_t *request;
    int r = root_volume(j, volume, e);

    if (r < 0)
        return r;
    vs = served_server(j->jobs, volume);
    if (!vs) {
        job_watch(j, volume);
        return JOB_WAIT; /* it is starting again */
    }
    dir = jobs_volume_dir(j->jobs, volume);
    journal = xasprintf("%s/prepare.kiln-journal", dir);
    request = json_pack("{s:s, s:[{s:s, s:s}], s:o}", "action", "prepare", "disks", "nbd",
                        volume_server_nbd_socket(vs), "journal", journal, "options",
                        prepare_options(job_arg(j, "prepare")));
    return request ? run_worker(j, request, nothing, e) : err_oom(e);
}

int windows_prepare_step(struct job *j, struct err *e)
{
    int r;

    if (!*job_arg(j, "prepare") || json_is_true(json_object_get(j->args, "prepared")))
        return JOB_NEXT;
    r = ask_prepare(j, e);
    if (r < 0)
        return err_wrap(e, "prepare its Windows");
    if (r != JOB_NEXT)
        return r;
    windows_drop(j);
    (void)json_object_set_new(j->args, "prepared", json_true());
    r = job_save_args(j, e);
    return r < 0 ? r : JOB_NEXT;
}

/* ---- the tags -------------------------------------------------------------------------------- */

int windows_tag_arg(struct jobs *js, const char *id, const char *key, const char *name,
                    json_t *args, struct err *e)
{
    _cleanup_(tag_list_done) struct tag_list tags = { 0 };
    int r = model_tags_get(js->model, id, &tags, e);

    for (size_t i = 0; r == 0 && i < tags.n; i++)
        if (str_eq(tags.v[i].key, key) &&
            json_object_set_new(args, name,
                                json_string(tags.v[i].value[0] ? tags.v[i].value : "true")) < 0)
            r = err_oom(e);
    return r;
}
