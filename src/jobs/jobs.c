/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The door: opening, requests, shutting down. */
#include "jobs-priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "console.h"
#include "file.h"
#include "log.h"
#include "network.h"

#define TICK_US       1000000
#define TICK_SLOP_US  200000
#define ENDED_KEPT_MS (24ULL * 3600 * 1000)

char *jobs_volume_dir(struct jobs *js, const char *volume_id)
{
    return xasprintf("%s/%s", js->volumes_dir, volume_id);
}

char *jobs_instance_dir(struct jobs *js, const char *instance_id)
{
    return xasprintf("%s/%s", js->instances_dir, instance_id);
}

/* ---- opening --------------------------------------------------------------------------------- */

static int give_to_user(const char *path, const char *user, struct err *e)
{
    uid_t uid;
    gid_t gid;
    int r = child_user_find(user, &uid, &gid, e);

    if (r > 0 && chown(path, uid, gid) < 0)
        return err_errno(e, "give '%s' to the user '%s'", path, user);
    return r < 0 ? r : 0;
}

static int make_dir(const struct jobs *js, const char *path, struct err *e)
{
    int r = dir_make(path, 0770, e);

    return r < 0 ? r : give_to_user(path, js->cfg.user, e);
}

/* The store's own files are made by whoever comes first; all belong to the user of the workers. */
static int open_store(struct jobs *js, struct err *e)
{
    static const char *const parts[] = { "",      "/format", "/packs",   "/snaps",
                                         "/pins", "/locks",  "/locks/gc" };
    _cleanup_free_ char *format = xasprintf("%s/format", js->store_dir);
    int r = 0;

    if (!path_exists(format))
        r = store_create(js->store_dir, e);
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(parts); i++) {
        _cleanup_free_ char *path = xasprintf("%s%s", js->store_dir, parts[i]);

        if (path_exists(path))
            r = give_to_user(path, js->cfg.user, e);
    }
    if (r == 0)
        r = store_open(js->store_dir, NULL, &js->store, e);
    return r;
}

static int on_tick(sd_event_source *s, uint64_t usec, void *userdata)
{
    struct jobs *js = userdata;

    if (js->adopting) {
        js->adopting = false;
        served_adopted(js);
    }
    served_tick(js);
    reclaim_tick(js);
    detach_tick(js);
    console_tick(js);
    (void)sd_event_source_set_time(s, usec + TICK_US);
    return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

static int start_tick(struct jobs *js, struct err *e)
{
    int r = sd_event_add_time_relative(js->cfg.loop, &js->tick, CLOCK_MONOTONIC, TICK_US,
                                       TICK_SLOP_US, on_tick, js);

    return r < 0 ? err_no(e, r, "make a timer") : 0;
}

/* For "kiln status": one line, what guests run with and why. */
static void tell_accel(struct jobs *js, const char *why)
{
    _cleanup_free_ char *path = xasprintf("%s/guests-run-with", js->run_dir);
    _cleanup_free_ char *line = xasprintf("%s: %s\n", vm_accel_name(js->accel), why);
    struct err e = { 0 };

    if (file_replace(path, line, strlen(line), 0640, &e) < 0 ||
        give_to_user(path, js->cfg.user, &e) < 0)
        log_warning("jobs", "tell what guests run with: %s", e.msg);
}

static void on_accel(enum vm_accel accel, const char *why, void *userdata)
{
    struct jobs *js = userdata;

    js->accel = accel;
    js->accel_known = true;
    tell_accel(js, why);
    log_notice("vm", "guests run with %s: %s", vm_accel_name(accel), why);
    for (struct job *j = js->list; j; j = j->next)
        job_wake(j);
}

static int probe(struct jobs *js, struct err *e)
{
    _cleanup_free_ char *cache = xasprintf("%s/acceleration", js->run_dir);
    _cleanup_free_ char *told = xasprintf("%s/guests-run-with", js->run_dir);

    (void)unlink(told); /* of the run before; what it says is not true yet */
    return vm_probe(js->cfg.loop, js->cfg.qemu, js->cfg.user, cache, on_accel, js, e);
}

int jobs_open(const struct jobs_config *cfg, struct jobs **ret, struct err *e)
{
    _cleanup_(jobs_closep) struct jobs *js = xcalloc(1, sizeof *js);
    uint64_t now = clock_real_ms();
    int r;

    js->cfg = *cfg;
    js->model = cfg->model;
    js->store_dir = xasprintf("%s/store", cfg->home);
    js->volumes_dir = xasprintf("%s/volumes", cfg->home);
    js->instances_dir = xasprintf("%s/instances", cfg->home);
    js->run_dir = xasprintf("%s/run", cfg->home);
    r = make_dir(js, js->volumes_dir, e);
    if (r == 0)
        r = make_dir(js, js->instances_dir, e);
    if (r == 0)
        r = make_dir(js, js->run_dir, e);
    if (r == 0)
        r = work_sweep(js, e);
    if (r == 0)
        r = open_store(js, e);
    if (r == 0)
        r = keys_open(js, e);
    if (r == 0)
        r = model_job_sweep(js->model, now > ENDED_KEPT_MS ? now - ENDED_KEPT_MS : 0, e);
    if (r == 0)
        r = job_resume_all(js, e);
    if (r == 0)
        r = start_tick(js, e);
    if (r == 0)
        r = probe(js, e);
    if (r < 0)
        return r;
    r = network_open(js, e);
    if (r < 0)
        return r;
    machine_adopt_all(js);
    served_adopt_all(js);
    js->adopting = true;
    reclaim_want(js); /* what dead writers left */
    *ret = TAKE_PTR(js);
    return 0;
}

void jobs_close(struct jobs *js)
{
    if (!js)
        return;
    js->closing = true;
    reclaim_close(js);
    while (js->list) {
        struct job *j = js->list;

        js->list = j->next;
        if (j->kind->drop)
            j->kind->drop(j);
        windows_drop(j);
        json_decref(j->args);
        free(j);
    }
    console_close_all(js);
    freeze_close_all(js);
    machine_close_all(js);
    served_close_all(js);
    network_close(js);
    js->runner = sd_event_source_disable_unref(js->runner);
    js->tick = sd_event_source_disable_unref(js->tick);
    store_close(js->store);
    free(js->store_dir);
    free(js->volumes_dir);
    free(js->instances_dir);
    free(js->run_dir);
    free(js);
}

/* ---- shutting everything down ---------------------------------------------------------------- */

/* 1 when a stop was begun. */
static int stop_one(struct jobs *js, const struct instance_rec *rec)
{
    struct err e = { 0 };
    int r;

    if (rec->state != INSTANCE_RUNNING)
        return 0;
    r = model_instance_move(js->model, rec->id, INSTANCE_EV_HOST_STOP, "Server.ScheduledStop",
                            "Server.ScheduledStop: Stopped with its host", NULL, &e);
    if (r == 0)
        r = jobs_stop(js, rec->id, false, &e);
    if (r < 0)
        log_error("jobs", "stop instance '%s': %s", rec->id, e.msg);
    return r == 0;
}

static bool stop_all(struct jobs *js)
{
    _cleanup_free_ struct instance_rec *v = NULL;
    size_t n = 0;
    struct err e = { 0 };
    bool any = false;

    if (model_instance_list(js->model, NULL, &v, &n, &e) < 0)
        log_error("jobs", "list the instances to stop: %s", e.msg);
    for (size_t i = 0; i < n; i++)
        any |= stop_one(js, &v[i]) > 0;
    return any;
}

static void on_networks_gone(void *userdata)
{
    struct jobs *js = userdata;

    js->networks_gone = true;
    (void)sd_event_source_set_enabled(js->runner, SD_EVENT_ONESHOT);
}

/* Instances first, in order; then what serves their disks. A job that only waits or copies is not
 * waited for: it goes on at the next start. */
void jobs_shutdown_step(struct jobs *js)
{
    void (*down)(void *userdata) = js->down;

    if (!down || job_any_locked(js) || stop_all(js) || machine_end_all(js) > 0)
        return;
    if (!js->servers_asked) {
        js->servers_asked = true;
        served_stop_all(js);
    }
    if (!served_none_up(js))
        return;
    if (!js->networks_asked) {
        js->networks_asked = true;
        network_purge(js, on_networks_gone, js);
    }
    if (!js->networks_gone)
        return;
    js->down = NULL;
    down(js->down_userdata);
}

void jobs_shutdown(struct jobs *js, void (*fn)(void *userdata), void *userdata)
{
    js->down = fn;
    js->down_userdata = userdata;
    (void)sd_event_source_set_enabled(js->runner, SD_EVENT_ONESHOT);
}

/* ---- requests -------------------------------------------------------------------------------- */

int jobs_launch(struct jobs *j, const char *instance_id, struct err *e)
{
    json_t *args = json_object();
    int r = args ? windows_tag_arg(j, instance_id, "kiln:prepare", "prepare", args, e) : err_oom(e);

    if (r < 0) {
        json_decref(args);
        return r;
    }
    return job_add(j, &job_launch, instance_id, instance_id, args, e);
}

int jobs_start(struct jobs *j, const char *instance_id, struct err *e)
{
    return job_add(j, &job_start, instance_id, instance_id, NULL, e);
}

int jobs_stop(struct jobs *j, const char *instance_id, bool force, struct err *e)
{
    if (force)
        job_hurry_others(j, instance_id);
    return job_add(j, &job_stop, instance_id, instance_id, json_pack("{s:b}", "force", force), e);
}

int jobs_reboot(struct jobs *j, const char *instance_id, struct err *e)
{
    return job_add(j, &job_reboot, instance_id, instance_id, NULL, e);
}

int jobs_terminate(struct jobs *j, const char *instance_id, struct err *e)
{
    job_hurry_others(j, instance_id);
    return job_add(j, &job_terminate, instance_id, instance_id, NULL, e);
}

int jobs_create_volume(struct jobs *j, const char *volume_id, struct err *e)
{
    return job_add(j, &job_create_volume, volume_id, volume_id, NULL, e);
}

int jobs_delete_volume(struct jobs *j, const char *volume_id, struct err *e)
{
    return job_add(j, &job_delete_volume, volume_id, volume_id, NULL, e);
}

/* What works on an attached volume queues with what works on its instance. */
static void lock_of_volume(struct jobs *j, const char *volume_id, char out[MODEL_ID_MAX])
{
    struct attachment_rec at;
    struct err e = { 0 };

    if (model_attachment_get(j->model, volume_id, &at, &e) == 0)
        (void)str_copy(out, MODEL_ID_MAX, at.instance_id);
    else
        (void)str_copy(out, MODEL_ID_MAX, volume_id);
}

int jobs_attach(struct jobs *j, const char *volume_id, struct err *e)
{
    char lock[MODEL_ID_MAX];

    lock_of_volume(j, volume_id, lock);
    return job_add(j, &job_attach, volume_id, lock, NULL, e);
}

int jobs_detach(struct jobs *j, const char *volume_id, bool force, struct err *e)
{
    char lock[MODEL_ID_MAX];

    if (detach_again(j, volume_id, force))
        return 0;
    lock_of_volume(j, volume_id, lock);
    return job_add(j, &job_detach, volume_id, lock, json_pack("{s:b}", "force", force), e);
}

static int add_part(struct jobs *j, json_t *parts, const char *snapshot_id, struct err *e)
{
    struct snapshot_rec rec;
    int r = model_snapshot_get(j->model, NULL, snapshot_id, &rec, e);

    if (r < 0)
        return r;
    if (json_array_append_new(parts, json_pack("{s:s, s:s}", "snapshot", rec.id, "volume",
                                               rec.volume_id)) < 0)
        return err_oom(e);
    return 0;
}

int jobs_create_image(struct jobs *j, const char *image_id, const char *instance_id, bool no_reboot,
                      struct err *e)
{
    _cleanup_(image_rec_done) struct image_rec image = { 0 };
    json_t *parts = json_array(), *args;
    int r = model_image_get(j->model, NULL, image_id, &image, e);

    for (size_t i = 0; r == 0 && i < image.mapping.n; i++) {
        struct snapshot_rec rec;

        if (!image.mapping.v[i].snapshot_id[0])
            continue;
        r = model_snapshot_get(j->model, NULL, image.mapping.v[i].snapshot_id, &rec, e);
        if (r == 0 && rec.state == SNAPSHOT_PENDING) /* others are named by the request */
            r = add_part(j, parts, rec.id, e);
    }
    if (r < 0) {
        json_decref(parts);
        return r;
    }
    args = json_pack("{s:o, s:b}", "parts", parts, "no_reboot", no_reboot);
    r = args ? windows_tag_arg(j, image_id, "kiln:generalize", "generalize", args, e) : err_oom(e);
    if (r < 0) {
        json_decref(args);
        return r;
    }
    return job_add(j, &job_create_image, image_id, instance_id, args, e);
}

int jobs_create_snapshots(struct jobs *j, const char *const *snapshot_ids, size_t n, struct err *e)
{
    json_t *parts = json_array();
    char lock[MODEL_ID_MAX] = "";
    int r = 0;

    for (size_t i = 0; r == 0 && i < n; i++)
        r = add_part(j, parts, snapshot_ids[i], e);
    if (r < 0) {
        json_decref(parts);
        return r;
    }
    if (n)
        lock_of_volume(j, json_string_value(json_object_get(json_array_get(parts, 0), "volume")),
                       lock);
    return job_add(j, &job_create_snapshots, n ? snapshot_ids[0] : "", lock,
                   json_pack("{s:o}", "parts", parts), e);
}

int jobs_delete_snapshot(struct jobs *j, const char *snapshot_id, struct err *e)
{
    return job_add(j, &job_delete_snapshot, snapshot_id, "", NULL, e);
}

int jobs_import(struct jobs *j, const char *import_id, struct err *e)
{
    return job_add(j, &job_import, import_id, "", NULL, e);
}

int jobs_console(struct jobs *j, const char *instance_id, size_t max, char **ret, size_t *ret_len,
                 struct err *e)
{
    _cleanup_free_ char *dir = jobs_instance_dir(j, instance_id);

    return vm_console_tail(dir, max, ret, ret_len, e);
}
