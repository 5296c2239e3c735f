/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs-recorded.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "str.h"

struct held {
    jobs_screen_fn fn;
    void *userdata;
    struct held *next;
};

struct jobs {
    FILE *log;
    struct model *model;
    bool hold;
    struct held *held;
};

struct jobs *jobs_recorded_new(const char *directory, struct model *model)
{
    _cleanup_free_ char *path = xasprintf("%s/jobs.log", directory);
    struct jobs *j = xcalloc(1, sizeof(*j));

    j->log = fopen(path, "ae");
    j->model = model;
    return j;
}

void jobs_close(struct jobs *j)
{
    if (!j)
        return;
    jobs_recorded_release(j);
    if (j->log)
        (void)fclose(j->log);
    free(j);
}

static int record(struct jobs *j, const char *what, const char *id, const char *more)
{
    if (j && j->log) {
        (void)fprintf(j->log, "%s %s%s%s\n", what, id, more ? " " : "", more ? more : "");
        (void)fflush(j->log);
    }
    return 0;
}

int jobs_launch(struct jobs *j, const char *instance_id, struct err *e)
{
    (void)e;
    return record(j, "launch", instance_id, NULL);
}

int jobs_start(struct jobs *j, const char *instance_id, struct err *e)
{
    (void)e;
    return record(j, "start", instance_id, NULL);
}

int jobs_stop(struct jobs *j, const char *instance_id, bool force, struct err *e)
{
    (void)e;
    return record(j, "stop", instance_id, force ? "force" : NULL);
}

int jobs_reboot(struct jobs *j, const char *instance_id, struct err *e)
{
    (void)e;
    return record(j, "reboot", instance_id, NULL);
}

int jobs_terminate(struct jobs *j, const char *instance_id, struct err *e)
{
    (void)e;
    return record(j, "terminate", instance_id, NULL);
}

int jobs_create_volume(struct jobs *j, const char *volume_id, struct err *e)
{
    (void)e;
    return record(j, "create-volume", volume_id, NULL);
}

int jobs_delete_volume(struct jobs *j, const char *volume_id, struct err *e)
{
    (void)e;
    return record(j, "delete-volume", volume_id, NULL);
}

int jobs_modify_volume(struct jobs *j, const char *volume_id, struct err *e)
{
    (void)e;
    return record(j, "modify-volume", volume_id, NULL);
}

int jobs_attach(struct jobs *j, const char *volume_id, struct err *e)
{
    (void)e;
    return record(j, "attach", volume_id, NULL);
}

int jobs_detach(struct jobs *j, const char *volume_id, bool force, struct err *e)
{
    (void)e;
    return record(j, "detach", volume_id, force ? "force" : NULL);
}

int jobs_create_image(struct jobs *j, const char *image_id, const char *instance_id, bool no_reboot,
                      struct err *e)
{
    (void)e;
    (void)instance_id;
    return record(j, "create-image", image_id, no_reboot ? "no-reboot" : NULL);
}

int jobs_create_snapshots(struct jobs *j, const char *const *snapshot_ids, size_t n, struct err *e)
{
    (void)e;
    for (size_t i = 0; i < n; i++)
        (void)record(j, "create-snapshot", snapshot_ids[i], NULL);
    return 0;
}

int jobs_copy_snapshots(struct jobs *j, const char *image_id, const struct jobs_copy *v, size_t n,
                        struct err *e)
{
    (void)e;
    for (size_t i = 0; i < n; i++)
        (void)record(j, v[i].encrypt ? "encrypt" : "copy", v[i].source, v[i].made);
    return image_id ? record(j, "copy-image", image_id, NULL) : 0;
}

int jobs_delete_snapshot(struct jobs *j, const char *snapshot_id, struct err *e)
{
    (void)e;
    return record(j, "delete-snapshot", snapshot_id, NULL);
}

int jobs_import(struct jobs *j, const char *import_id, struct err *e)
{
    (void)e;
    return record(j, "import", import_id, NULL);
}

int jobs_console(struct jobs *j, const char *instance_id, size_t max, char **ret, size_t *ret_len,
                 struct err *e)
{
    (void)j;
    (void)max;
    (void)e;
    *ret = xasprintf("console of %s\n", instance_id);
    *ret_len = strlen(*ret);
    return 0;
}

int jobs_volume_status(struct jobs *j, const char *volume_id, struct volume_status *ret,
                       struct err *e)
{
    (void)j;
    (void)ret;
    return err_set(e, ENOENT, ERR_NOT_FOUND, "volume '%s' is not served now", volume_id);
}

void jobs_network_changed(struct jobs *j, const char *region)
{
    (void)record(j, "network-changed", region, NULL);
}

static void show(jobs_screen_fn fn, void *userdata)
{
    fn("\xff\xd8\xff", 3, NULL, userdata);
}

int jobs_screenshot(struct jobs *j, const char *instance_id, jobs_screen_fn fn, void *userdata,
                    struct err *e)
{
    struct held *h;

    (void)e;
    (void)record(j, "screenshot", instance_id, NULL);
    if (!j->hold) {
        show(fn, userdata);
        return 0;
    }
    h = xcalloc(1, sizeof(*h));
    *h = (struct held){ fn, userdata, j->held };
    j->held = h;
    return 0;
}

void jobs_recorded_hold(struct jobs *j)
{
    j->hold = true;
}

void jobs_recorded_release(struct jobs *j)
{
    j->hold = false;
    while (j->held) {
        struct held *h = j->held;

        j->held = h->next;
        show(h->fn, h->userdata);
        free(h);
    }
}
