/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Volume servers, shared: a server runs while anybody holds the volume, is started again when it
 * dies under a holder, and is stopped in order when the last holder lets go.
 *
 *   (none) --hold--> STARTING --ready--> UP --last release--> STOPPING --exit--> (none, or
 * STARTING)
 *                        \__exit: again, at most RESTARTS_MAX times in a row__/
 */
#include "jobs-priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "file.h"
#include "log.h"

#define HOLDERS_MAX     16
#define RESTARTS_MAX    5
#define STOP_TIMEOUT_MS 10000
#define ADOPTER         "adopter" /* holds what an earlier daemon served, for a while */

struct served {
    struct served *next;
    struct jobs *jobs;
    char id[MODEL_ID_MAX];
    struct volume_server *vs; /* NULL: no process */
    bool ready, stopping, asked;
    char holders[HOLDERS_MAX][MODEL_ID_MAX];
    size_t n_holders;
    unsigned restarts; /* since it was last ready for a status */
    struct err broken; /* why it cannot be served */
    struct volume_status status;
    bool status_known;
};

static struct served *find(struct jobs *js, const char *id)
{
    for (struct served *s = js->served; s; s = s->next)
        if (strcmp(s->id, id) == 0)
            return s;
    return NULL;
}

static void forget(struct served *gone)
{
    for (struct served **at = &gone->jobs->served; *at; at = &(*at)->next)
        if (*at == gone) {
            *at = gone->next;
            break;
        }
    volume_server_free(gone->vs);
    free(gone);
}

static int start(struct served *s, struct err *e);

/* A fresh error of the last exit; the holders see it by served_ready. */
static void give_up(struct served *s, const struct err *why)
{
    s->broken = *why;
    log_error("jobs", "volume '%s' cannot be served: %s", s->id, why->msg);
}

static void after_exit(struct served *s, const struct err *why)
{
    struct jobs *js = s->jobs;
    char id[MODEL_ID_MAX];
    const struct err cause = why ? *why : (struct err){ 0 }; /* it may lie in what is freed here */
    struct err e = { 0 };

    memcpy(id, s->id, sizeof id);
    volume_server_free(TAKE_PTR(s->vs));
    s->ready = s->asked = s->status_known = false;
    if (s->n_holders == 0 || js->closing) {
        forget(s);
    } else if (s->stopping) { /* somebody came back while it stopped */
        s->stopping = false;
        if (start(s, &e) < 0)
            give_up(s, &e);
    } else if (s->restarts++ < RESTARTS_MAX) {
        log_warning("jobs", "the server of volume '%s' ended, starting it again: %s", id,
                    cause.no ? cause.msg : "it was asked to");
        if (start(s, &e) < 0)
            give_up(s, &e);
    } else {
        if (cause.no)
            e = cause;
        else
            (void)err_set(&e, EIO, ERR_IO, "its server ended %u times", RESTARTS_MAX);
        give_up(s, &e);
    }
    job_publish(js, id);
    jobs_shutdown_step(js);
}

static void on_status(struct volume_server *vs, const struct volume_status *st, const struct err *e,
                      void *userdata)
{
    struct served *s = userdata;

    (void)vs;
    s->asked = false;
    if (e && e->no)
        return;
    s->status = *st;
    s->status_known = true;
    s->restarts = 0;
    job_publish(s->jobs, s->id);
}

static void ask_status(struct served *s)
{
    struct err e = { 0 };

    if (!s->asked && volume_server_status(s->vs, on_status, s, &e) == 0)
        s->asked = true;
}

static void on_event(struct volume_server *vs, enum volume_event ev, const struct err *why,
                     void *userdata)
{
    struct served *s = userdata;

    (void)vs;
    switch (ev) {
    case VOLUME_READY:
        s->ready = true;
        ask_status(s);
        job_publish(s->jobs, s->id);
        break;
    case VOLUME_EXITED:
        after_exit(s, why);
        break;
    }
}

static int start(struct served *s, struct err *e)
{
    struct jobs *js = s->jobs;
    _cleanup_free_ char *dir = jobs_volume_dir(js, s->id), *key = jobs_key_path(js);
    struct volume_rec rec;
    struct volume_server_spec spec = { .dir = dir,
                                       .store_dir = js->store_dir,
                                       .plugin = js->cfg.plugin,
                                       .user = js->cfg.user,
                                       .fill_bytes_per_s = js->cfg.fill_bytes_per_s };
    int r = model_volume_get(js->model, NULL, s->id, &rec, e);

    if (r < 0)
        return r;
    if (rec.encrypted)
        spec.key_path = key;
    r = volume_files_grow(js, &rec, e); /* one that is adopted, or was killed, waits for its end */
    return r < 0 ? r : volume_server_start(js->cfg.loop, &spec, on_event, s, &s->vs, e);
}

int served_hold(struct jobs *js, const char *volume_id, const char *holder, struct err *e)
{
    struct served *s = find(js, volume_id);
    int r;

    if (!s) {
        s = xcalloc(1, sizeof *s);
        s->jobs = js;
        (void)str_copy(s->id, sizeof s->id, volume_id);
        s->next = js->served;
        js->served = s;
    }
    for (size_t i = 0; i < s->n_holders; i++)
        if (strcmp(s->holders[i], holder) == 0)
            return 0;
    if (s->n_holders == HOLDERS_MAX)
        return err_set(e, EMFILE, ERR_LIMIT, "volume '%s' is held by %d jobs already", volume_id,
                       HOLDERS_MAX);
    (void)str_copy(s->holders[s->n_holders++], MODEL_ID_MAX, holder);
    if (s->broken.no) { /* a new holder is a new try */
        err_clear(&s->broken);
        s->restarts = 0;
    }
    if (s->vs)
        return 0;
    r = start(s, e);
    if (r < 0) {
        s->n_holders--;
        if (s->n_holders == 0)
            forget(s);
        return err_wrap(e, "serve the volume '%s'", volume_id);
    }
    return 0;
}

void served_release(struct jobs *js, const char *volume_id, const char *holder)
{
    struct served *s = find(js, volume_id);

    if (!s)
        return;
    for (size_t i = 0; i < s->n_holders; i++)
        if (strcmp(s->holders[i], holder) == 0) {
            memmove(s->holders[i], s->holders[i + 1],
                    (s->n_holders - i - 1) * sizeof s->holders[0]);
            s->n_holders--;
            break;
        }
    if (s->n_holders)
        return;
    if (!s->vs) {
        forget(s);
        return;
    }
    if (!s->stopping) {
        s->stopping = true;
        volume_server_stop(s->vs, STOP_TIMEOUT_MS);
    }
}

void served_release_all(struct jobs *js, const char *holder)
{
    struct served *next;

    for (struct served *s = js->served; s; s = next) {
        next = s->next;
        for (size_t i = 0; i < s->n_holders; i++)
            if (strcmp(s->holders[i], holder) == 0) {
                served_release(js, s->id, holder);
                break;
            }
    }
}

int served_ready(struct jobs *js, const char *volume_id, struct err *e)
{
    struct served *s = find(js, volume_id);

    if (!s)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "volume '%s' is not served", volume_id);
    if (s->broken.no)
        return err_set(e, s->broken.no, s->broken.kind, "serve the volume '%s': %s", volume_id,
                       s->broken.msg);
    return s->ready && !s->stopping;
}

bool served_is_held(struct jobs *js, const char *volume_id)
{
    struct served *s = find(js, volume_id);

    return s && s->n_holders > 0;
}

bool served_is_up(struct jobs *js, const char *volume_id)
{
    struct served *s = find(js, volume_id);

    return s && s->vs;
}

struct volume_server *served_server(struct jobs *js, const char *volume_id)
{
    struct served *s = find(js, volume_id);

    return s && s->ready && !s->stopping ? s->vs : NULL;
}

const struct volume_status *served_status(struct jobs *js, const char *volume_id)
{
    struct served *s = find(js, volume_id);

    if (!s || !s->status_known)
        return NULL;
    return &s->status;
}

int jobs_volume_status(struct jobs *j, const char *volume_id, struct volume_status *ret,
                       struct err *e)
{
    const struct volume_status *st = served_status(j, volume_id);

    if (!st)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "volume '%s' is not in use now", volume_id);
    *ret = *st;
    return 0;
}

/* ---- a restart of the daemon --------------------------------------------------------------- */

/* The server of an earlier daemon: its pid file names a process that still lives. */
static bool lives(struct jobs *js, const char *volume_id)
{
    _cleanup_free_ char *dir = jobs_volume_dir(js, volume_id);
    _cleanup_free_ char *path = xasprintf("%s/server.pid", dir);
    _cleanup_free_ char *text = NULL;
    struct err e = { 0 };
    unsigned long long start = 0;
    int pid = 0;

    if (file_read(path, 64, &text, NULL, &e) < 0 || sscanf(text, "%d %llu", &pid, &start) != 2)
        return false;
    return pid > 0 && start && child_start_time(pid) == start;
}

void served_adopt_all(struct jobs *js)
{
    _cleanup_free_ struct volume_rec *v = NULL;
    size_t n = 0;
    struct err e = { 0 };

    if (model_volume_list(js->model, NULL, &v, &n, &e) < 0)
        log_error("jobs", "list the volumes whose servers may live: %s", e.msg);
    for (size_t i = 0; i < n; i++) {
        struct err one = { 0 };

        if (lives(js, v[i].id) && served_hold(js, v[i].id, ADOPTER, &one) < 0)
            log_error("jobs", "adopt the server of volume '%s': %s", v[i].id, one.msg);
    }
}

void served_adopted(struct jobs *js)
{
    served_release_all(js, ADOPTER);
}

/* Once a second: what fills is asked how far it is. */
void served_tick(struct jobs *js)
{
    for (struct served *s = js->served; s; s = s->next)
        if (s->ready && !s->stopping)
            ask_status(s);
}

void served_stop_all(struct jobs *js)
{
    struct served *next;

    for (struct served *s = js->served; s; s = next) {
        next = s->next;
        s->n_holders = 0;
        if (!s->vs)
            forget(s);
        else if (!s->stopping) {
            s->stopping = true;
            volume_server_stop(s->vs, STOP_TIMEOUT_MS);
        }
    }
}

bool served_none_up(struct jobs *js)
{
    return !js->served;
}

void served_close_all(struct jobs *js)
{
    while (js->served)
        forget(js->served);
}
