/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run.h"

#include <errno.h>

#include "changes.h"
#include "cow.h"

struct run {
    const struct windows_request *rq;
    struct win_plan *plan;
    struct win_changes *os, *system;
};

static void run_done(struct run *r)
{
    win_plan_free(r->plan);
    win_changes_free(r->os);
    win_changes_free(r->system);
}

/* ---- inspect --------------------------------------------------------------------------------- */

static int inspect(struct win_disk *disk, const struct windows_request *rq, json_t **ret_result,
                   struct err *e)
{
    _cleanup_(windows_freep) struct windows *w = NULL;
    int r = windows_open(disk, rq->disk[0].partition, false, &w, e);

    return r < 0 ? r : windows_inspect(w, ret_result, e);
}

int windows_run_folder(const struct windows_request *rq, json_t **ret_result, struct err *e)
{
    _cleanup_(windows_freep) struct windows *w = NULL;
    int r = windows_open_folder(rq->disk[0].folder, &w, e);

    return r < 0 ? r : windows_inspect(w, ret_result, e);
}

/* ---- what writes ----------------------------------------------------------------------------- */

static int act(struct run *run, struct windows *w, struct err *e)
{
    static int (*const actions[WINDOWS_ACTION_MAX])(struct windows * w,
                                                    const struct windows_options *o,
                                                    struct win_plan *p, struct err *e) = {
        [WINDOWS_PREPARE] = windows_prepare,
        [WINDOWS_CLEAN] = windows_clean,
        [WINDOWS_GENERALISE] = windows_generalise,
        [WINDOWS_SPECIALISE] = windows_specialise,
    };
    enum windows_action a = run->rq->action;
    int r;

    if (a >= WINDOWS_ACTION_MAX || !actions[a])
        return err_set(e, EINVAL, ERR_INVALID, "'%s' changes nothing", windows_action_name(a));
    r = windows_refuse(w, a, run->plan, e);
    if (r == 0)
        r = actions[a](w, &run->rq->options, run->plan, e);
    return r < 0 ? r : win_plan_check(run->plan, e);
}

/* By an opening of its own: records are wiped as they lie on the disk. */
static int wipe(struct run *run, struct win_disk *layer, struct err *e)
{
    _cleanup_(windows_freep) struct windows *w = NULL;
    uint8_t sid[24];
    int r;

    if (!win_changes_old_sid(run->os, sid))
        return 0;
    r = windows_open(layer, run->rq->disk[0].partition, true, &w, e);
    if (r == 0)
        r = windows_wipe_sid(w, sid, run->plan, e);
    if (r == 0)
        r = win_plan_check(run->plan, e);
    return r < 0 ? r : windows_close(TAKE_PTR(w), e);
}

/* On the layer alone: nothing reaches the disk. */
static int change(struct run *run, struct win_disk *layer, struct err *e)
{
    _cleanup_(windows_freep) struct windows *w = NULL;
    int r = windows_open(layer, run->rq->disk[0].partition, true, &w, e);

    if (r < 0)
        return r;
    win_tree_note_changes(w->os, run->os);
    if (w->system && w->system != w->os)
        win_tree_note_changes(w->system, run->system);
    r = act(run, w, e);
    if (r == 0)
        r = windows_close(TAKE_PTR(w), e);
    return r < 0 ? r : wipe(run, layer, e);
}

/* Everything again from the layer, by a new opening. */
static int verify(const struct run *run, struct win_disk *layer, struct err *e)
{
    _cleanup_(windows_freep) struct windows *w = NULL;
    enum win_volume_state state;
    int r = windows_open(layer, run->rq->disk[0].partition, false, &w, e);

    if (r == 0)
        r = win_ntfs_state(w->os, &state, e);
    if (r == 0 && state != WIN_VOLUME_CLEAN)
        return err_set(e, EIO, ERR_CORRUPT,
                       "the volume is %s after the change; nothing was "
                       "committed",
                       win_volume_state_name(state));
    if (r == 0)
        r = win_changes_verify(run->os, w->os, e);
    if (r == 0 && win_changes_count(run->system))
        r = w->system ? win_changes_verify(run->system, w->system, e)
                      : err_set(e, EIO, ERR_CORRUPT, "the system partition is gone");
    return r;
}

static json_t *counts(const struct win_plan *p)
{
    json_t *o = json_object();

    for (unsigned s = 0; o && s < WIN_ROW_STATUS_MAX; s++)
        (void)json_object_set_new(o, win_row_status_name((enum win_row_status)s),
                                  json_integer(
                                      (json_int_t)win_plan_count(p, (enum win_row_status)s)));
    return o;
}

static int result(const struct run *run, uint64_t changed, bool finished, json_t **ret,
                  struct err *e)
{
    json_t *o = json_pack("{s:s, s:b, s:b, s:b, s:I, s:o*, s:o*}", "action",
                          windows_action_name(run->rq->action), "dry_run", run->rq->dry_run,
                          "committed", !run->rq->dry_run, "finished_earlier", finished,
                          "changed_bytes", (json_int_t)changed, "counts", counts(run->plan), "rows",
                          win_plan_json(run->plan));

    if (!o)
        return err_oom(e);
    *ret = o;
    return 0;
}

static int change_all(struct win_disk *disk, const char *journal, bool finished, struct run *run,
                      json_t **ret_result, struct err *e)
{
    _cleanup_(win_cow_freep) struct win_cow *cow = NULL;
    json_t *made = NULL;
    uint64_t changed;
    int r;

    /* A dry run needs no place beside the disk. */
    r = win_cow_open(disk, run->rq->dry_run ? NULL : journal, &cow, e);
    if (r == 0)
        r = change(run, win_cow_disk(cow), e);
    if (r == 0)
        r = verify(run, win_cow_disk(cow), e);
    if (r < 0)
        return r;
    changed = win_cow_changed_bytes(cow);
    r = result(run, changed, finished, &made, e);
    if (r == 0 && !run->rq->dry_run)
        r = win_disk_writable(disk) ? win_cow_commit(cow, e) : win_cow_seal(cow, e);
    if (r < 0) {
        json_decref(made);
        return r;
    }
    *ret_result = made;
    return 0;
}

int windows_run(struct win_disk *disk, const char *journal, const struct windows_request *rq,
                json_t **ret_result, struct err *e)
{
    _cleanup_(run_done) struct run run = { .rq = rq };
    bool finished = false;
    int r = journal ? win_cow_recover(disk, journal, &finished, e) : 0;

    if (r < 0)
        return r;
    if (rq->action == WINDOWS_INSPECT)
        return inspect(disk, rq, ret_result, e);
    run.plan = win_plan_new();
    run.os = win_changes_new();
    run.system = win_changes_new();
    return change_all(disk, journal, finished, &run, ret_result, e);
}
