/* SPDX-License-Identifier: Apache-2.0 */
#include "v2/sysprep.h"

#include <string.h>

#include "engine/wallpaper.h"
#include "sysprep/sysprep.h"
#include "v2/config.h"
#include "v2/events.h"
#include "v2/state.h"

#define LOG_FOLDER     "%ProgramData%\\Amazon\\EC2Launch\\log"
#define PANTHER_FOLDER "%SystemRoot%\\System32\\Sysprep\\Panther"

static int delete_file(struct win *w, const char *path, struct err *e)
{
    _cleanup_free_ char *where = win_expand(w, path, e);

    return where ? w->file_delete(w, where, e) : -e->no;
}

/* The files of a folder; the agent's open log stays when Windows refuses, which is no failure. */
static int empty_folder(struct win *w, const char *folder, struct err *e)
{
    _cleanup_free_ char *where = win_expand(w, folder, e);
    _cleanup_free_ struct win_name *names = NULL;
    size_t n = 0;
    int r = where ? w->dir_list(w, where, &names, &n, e) : -e->no;

    for (size_t i = 0; r == 0 && i < n; i++) {
        _cleanup_str_ struct str path = STR_INIT(2000);
        struct err ignored = { 0 };

        str_addf(&path, "%s\\%s", where, names[i].name);
        if (!names[i].is_dir && !path.failed)
            (void)w->file_delete(w, path.p, &ignored);
    }
    return r;
}

int v2_reset(struct win *w, struct log *log, bool clean, struct err *e)
{
    static const char *const files[] = { V2_RUN_ONCE, V2_STATE_PATH, V2_PREVIOUS_STATE };
    int r = 0;

    log_say(log, LOG_INFO, "Resetting the state of EC2Launch.");
    for (size_t i = 0; i < ARRAY_LEN(files) && r == 0; i++)
        r = delete_file(w, files[i], e);
    if (r == 0 && clean)
        r = empty_folder(w, LOG_FOLDER, e);
    if (r == 0 && clean)
        r = empty_folder(w, PANTHER_FOLDER, e);
    return r;
}

struct prepare {
    struct win *w;
    struct log *log;
    bool clean;
    void (*say)(void *ctx, const char *line);
    void *ctx;
};

static int prepare(void *ctx, struct err *e)
{
    struct prepare *p = ctx;
    int r = v2_reset(p->w, p->log, p->clean, e);

    return r < 0 ? r : wallpaper_shortcuts(p->w, V2_WALLPAPER, NULL, NULL, false, p->log, e);
}

static void say_on(void *ctx, const char *line)
{
    struct prepare *p = ctx;

    if (p->say)
        p->say(p->ctx, line);
}

int v2_sysprep(struct win *w, struct log *log, const struct v2_sysprep_wish *wish,
               void (*say)(void *ctx, const char *line), void *ctx, struct err *e)
{
    struct prepare p = { .w = w, .log = log, .clean = wish->clean, .say = say, .ctx = ctx };
    struct sysprep_order order = {
        .dialect = DIALECT_V2,
        .shutdown = wish->shutdown,
        .force = wish->force,
        .prepare = prepare,
        .say = say_on,
        .ctx = &p,
        .log = log,
    };
    int r;

    v2_event(w, V2_EVENT_SYSPREP, V2_EVENT_INFO, "Sysprep is starting");
    r = sysprep_run(w, &order, e);
    v2_event(w, V2_EVENT_SYSPREP, r == 0 ? V2_EVENT_SUCCESS : V2_EVENT_ERROR, "Sysprep%s%s",
             r == 0 ? " ran" : ": ", r == 0 ? "" : e->msg);
    return r;
}
