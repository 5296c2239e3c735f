/* SPDX-License-Identifier: Apache-2.0 */
/* SysprepInstance, scheduling, disks and events: the other entry points of v1. */
#include "sysprep/sysprep.h"

#include <errno.h>

#include "engine/disks.h"
#include "engine/events.h"
#include "v1/v1.h"

#define CONFIG_DIR   "%ProgramData%\\Amazon\\EC2-Windows\\Launch\\Config\\"
#define LETTERS_FILE CONFIG_DIR "DriveLetterMappingConfig.json"
#define EVENTS_FILE  CONFIG_DIR "EventLogConfig.json"
#define LIST_MAX     KIB(64)
#define SSM_SERVICE  "AmazonSSMAgent"

static void say(struct v1_run *r, const char *line)
{
    log_text(r->log, LOG_INFO, line);
    if (r->say)
        r->say(r->ctx, line);
}

static void warn_unscheduled(struct v1_run *r)
{
    enum win_task_state state = WIN_TASK_ABSENT;
    struct err e = { 0 };

    if (r->w->task_state(r->w, v1_task_name(V1_TASK_INIT), &state, &e) < 0 ||
        state != WIN_TASK_ENABLED)
        say(r, "Warning: initialisation is not scheduled, new instances will not initialise "
               "themselves. Run InitializeInstance.ps1 -Schedule first.");
}

/* A failure here is worth a line, not the run. */
static int prepare(void *ctx, struct err *e)
{
    struct v1_run *r = ctx;
    struct err one = { 0 };

    (void)e;
    if (v1_wallpaper_setup(r->w, r->log, false, &one) < 0)
        log_err(r->log, "Remove the wallpaper", &one);
    err_clear(&one);
    if (r->w->hibernation(r->w, false, &one) < 0)
        log_err(r->log, "Switch hibernation off", &one);
    err_clear(&one);
    if (r->w->task_delete(r->w, v1_task_name(V1_TASK_USERDATA), &one) < 0)
        log_err(r->log, "Remove the user data task", &one);
    return 0;
}

static void say_line(void *ctx, const char *line)
{
    struct v1_run *r = ctx;

    if (r->say)
        r->say(r->ctx, line);
}

static void warn_weak_password(struct v1_run *r)
{
    struct err e = { 0 };
    unsigned min = 0;

    if (r->config.type != V1_PASSWORD_SPECIFY)
        return;
    if (r->w->password_min_length(r->w, &min, &e) < 0)
        min = 0;
    if (!r->config.password || !password_is_good(r->config.password, min))
        say(r, "Warning: adminPassword does not meet the rules for passwords: new instances get a "
               "random one.");
}

int v1_sysprep(struct v1_run *r, bool shutdown, bool force, struct err *e)
{
    struct sysprep_order o = {
        .dialect = DIALECT_V1,
        .shutdown = shutdown,
        .force = force,
        .no_password = r->config.type == V1_PASSWORD_NOTHING,
        .prepare = prepare,
        .say = say_line,
        .ctx = r,
        .log = r->log,
    };

    say(r, SYSPREP_WARNING);
    warn_unscheduled(r);
    warn_weak_password(r);
    return sysprep_run(r->w, &o, e);
}

int v1_schedule(struct v1_run *r, bool per_boot, struct err *e)
{
    struct err one = { 0 };
    struct str notice = STR_INIT(512);

    if (v1_task_schedule(r->w, V1_TASK_INIT, per_boot ? "-KeepSchedule" : "", e) < 0)
        return -e->no;
    if (per_boot) {
        if (r->w->task_delete(r->w, v1_task_name(V1_TASK_USERDATA), e) < 0)
            return -e->no;
    } else if (r->w->service_set_start(r->w, SSM_SERVICE, WIN_START_DISABLED, &one) < 0 &&
               one.no != ENOENT) {
        log_err(r->log, "Disable the SSM agent until the instance is ready", &one);
    }
    str_addf(&notice,
             "Initialisation is scheduled for %s. Note: the administrator's password will then "
             "follow adminPasswordType (%s).",
             per_boot ? "every boot" : "the next boot", v1_password_name(r->config.type));
    say(r, str_text(&notice));
    str_done(&notice);
    return 0;
}

/* 1: read; 0: there is no such file. */
static int read_list(struct v1_run *r, const char *file, char **ret_path, char **ret_data,
                     size_t *ret_n, struct err *e)
{
    int ret;

    *ret_path = win_expand(r->w, file, e);
    if (!*ret_path)
        return -e->no;
    ret = r->w->file_read(r->w, *ret_path, LIST_MAX, ret_data, ret_n, e);
    if (ret != -ENOENT)
        return ret < 0 ? ret : 1;
    err_clear(e);
    return 0;
}

static int map_letters(struct v1_run *r, struct err *e)
{
    _cleanup_free_ char *path = NULL, *data = NULL;
    _cleanup_free_ struct v1_letter *rows = NULL;
    _cleanup_free_ struct disk_letter *map = NULL;
    size_t data_n = 0, n = 0;
    int ret = read_list(r, LETTERS_FILE, &path, &data, &data_n, e);

    if (ret > 0)
        ret = v1_letters_parse(path, data, data_n, &rows, &n, e);
    if (ret < 0 || !n)
        return ret;
    map = calloc(n, sizeof(*map));
    if (!map)
        return err_oom(e);
    for (size_t i = 0; i < n; i++)
        map[i] = (struct disk_letter){ rows[i].volume, rows[i].letter };
    return disks_map_letters(r->w, map, n, r->log, e);
}

int v1_disks(struct v1_run *r, bool trim, struct err *e)
{
    struct err one = { 0 };
    int ret = disks_initialise(r->w, r->imds, r->d, true, NULL, 0, trim, r->log, e);

    if (map_letters(r, &one) < 0) {
        log_err(r->log, "Map drive letters", &one);
        if (ret == 0)
            ret = err_set(e, one.no, one.kind, "%s", one.msg);
    }
    return ret;
}

static int send_one(struct v1_run *r, const struct v1_event *row, struct err *e)
{
    struct events_wish wish = { .log = row->log, .source = row->source, .count = row->count };

    if (events_level_parse(row->level, &wish.level, e) < 0)
        return -e->no;
    return events_print(r->w, r->console, &wish, NULL, e);
}

int v1_send_events(struct v1_run *r, struct err *e)
{
    _cleanup_free_ char *path = NULL, *data = NULL;
    _cleanup_free_ struct v1_event *rows = NULL;
    size_t data_n = 0, n = 0;
    int ret = read_list(r, EVENTS_FILE, &path, &data, &data_n, e);

    if (ret > 0)
        ret = v1_events_parse(path, data, data_n, &rows, &n, e);
    for (size_t i = 0; ret >= 0 && i < n; i++) {
        struct err one = { 0 };
        if (send_one(r, &rows[i], &one) >= 0)
            continue;
        log_say(r->log, LOG_ERROR, "%s", one.msg); /* a log that is not there hides no other */
        if (!e->no)
            *e = one;
    }
    return e->no ? -e->no : 0;
}
