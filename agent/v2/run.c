/* SPDX-License-Identifier: Apache-2.0 */
/* The order of a run; see run.h. */
#include "v2/run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/facts.h"
#include "engine/setup.h"
#include "engine/telemetry.h"
#include "engine/userdata-run.h"
#include "v2/events.h"
#include "stage-priv.h"
#include "v2/sysprep.h"

#define SEPARATOR "*******************************************************************"

static bool stopped(struct v2_run *run)
{
    if (run->stop && run->stop(run->ctx))
        run->end = true;
    return run->end;
}

/* What ends the run at once is told to everybody: log, console, event log. */
static void say_fatal(struct v2_run *run, const struct err *e)
{
    log_say(run->log, LOG_ERROR, "%s", e->msg);
    console_say(run->console, "Error EC2Launch service is stopping. %s", e->msg);
    v2_event(run->w, V2_EVENT_SERVICE, V2_EVENT_ERROR, "Service: Error: %s", e->msg);
}

static void tell_event_log(struct v2_run *run)
{
    struct err ignored = { 0 };

    if (run->w->reg_has_key(run->w, V2_EVENT_KEY, &ignored) == 1)
        log_say(run->log, LOG_INFO, "Windows event custom log exists: %s", V2_EVENT_LOG);
    else
        log_say(run->log, LOG_WARNING, "There is no Windows event log %s; events have no text.",
                V2_EVENT_LOG);
}

static int open_all(struct v2_run *run, struct err *e)
{
    int r;

    run->log = log_new(run->w, run->d, run->d->log_path, NULL);
    if (!run->log)
        return err_oom(e);
    log_say(run->log, LOG_INFO, SEPARATOR);
    log_say(run->log, LOG_INFO, "EC2Launch Service starting");
    v2_event(run->w, V2_EVENT_SERVICE, V2_EVENT_INFO, "Service: EC2Launch Service starting");
    tell_event_log(run);
    r = console_open(run->w, run->log, CONSOLE_WAIT_MS, &run->console, e);
    if (r < 0)
        return r;
    v2_event(run->w, V2_EVENT_SERIAL_PORT,
             console_has_port(run->console) ? V2_EVENT_SUCCESS : V2_EVENT_WARNING,
             console_has_port(run->console) ? "Serial port is available"
                                            : "Serial port is not available");
    run->imds = imds_new(run->w, run->d);
    return run->imds ? 0 : err_oom(e);
}

static void warn(void *ctx, const char *text)
{
    log_say(ctx, LOG_WARNING, "%s", text);
}

static int read_config(struct v2_run *run, struct err *e)
{
    struct win *w = run->w;
    _cleanup_free_ char *path = win_expand(w, V2_CONFIG_PATH, e);
    char *bytes = NULL;
    size_t n = 0;
    int r;

    if (!path)
        return -e->no;
    r = w->file_read(w, path, TREE_FILE_MAX, &bytes, &n, e);
    if (r < 0)
        return err_wrap(e, "read the settings");
    r = v2_config_parse(path, bytes, n, warn, run->log, &run->config, e);
    mem_wipe(bytes, n);
    free(bytes);
    return r;
}

/* What earlier runs left behind. */
static int read_state(struct v2_run *run, struct err *e)
{
    struct win *w = run->w;
    _cleanup_free_ char *once = win_expand(w, V2_RUN_ONCE, e);
    struct win_name found;
    struct err damaged = { 0 };
    int r;

    if (!once)
        return -e->no;
    r = w->file_stat(w, once, &found, e);
    if (r < 0)
        return r;
    run->fresh = r == 0;
    if (run->fresh)
        log_say(run->log, LOG_INFO, "Detected fresh run of EC2Launch.");
    else
        log_say(run->log, LOG_INFO, "Run-once already exists: %s", once);
    r = v2_state_load(w, V2_STATE_PATH, &run->state, &damaged);
    if (r < 0)
        log_err(run->log, "State of the last run, starting afresh", &damaged);
    run->resumed = r == 1;
    if (run->resumed)
        log_say(run->log, LOG_INFO, "Going on with the run that a restart has interrupted.");
    run->state.result = V2_RUNNING;
    return v2_state_save(w, V2_STATE_PATH, &run->state, e);
}

static int begin(struct v2_run *run, struct err *e)
{
    int r;

    script_sweep(run->w, run->d, run->log);
    r = setup_wait(run->w, run->console, run->d, 0, run->stop, run->ctx, e);

    if (r == 0)
        r = read_state(run, e);
    return r == 0 ? read_config(run, e) : r;
}

/* What every preReady does before the tasks of the settings. */
static void before_ready(struct v2_run *run)
{
    struct err e = { 0 };

    log_say(run->log, LOG_INFO, "Set monitor to always on.");
    if (run->w->monitor_always_on(run->w, &e) < 0)
        log_err(run->log, "Set monitor to always on", &e);
    v2_event(run->w, V2_EVENT_MONITOR, e.no ? V2_EVENT_WARNING : V2_EVENT_SUCCESS,
             "set_monitor_on%s%s", e.no ? ": " : "", e.msg);
    if (facts_hibernation(run->w, run->has_imds ? run->imds : NULL, run->console, run->d) < 0)
        v2_event(run->w, V2_EVENT_HIBERNATION, V2_EVENT_ERROR, "set_hibernation: failed");
    else
        v2_event(run->w, V2_EVENT_HIBERNATION, V2_EVENT_SUCCESS, "set_hibernation");
    v2_stage_run(run, V2_PRE_READY);
}

static void read_userdata(struct v2_run *run)
{
    struct err e = { 0 };
    char *bytes = NULL;
    size_t n = 0;
    int r = run->has_imds ? imds_get(run->imds, "user-data", &bytes, &n, &e) : 0;

    if (r == 1)
        r = v2_userdata_parse(run->d, bytes, n, run->log, &run->userdata, &e);
    free(bytes);
    console_say(run->console, "User data format: %s", v2_userdata_form_name(run->userdata.form));
    if (r >= 0)
        return;
    /* nothing of it is run; the owner sees why without logging on */
    v2_stage_note_failure(run, V2_USER_DATA, "read", e.msg);
    console_say(run->console, "Message: User data is refused: %s", e.msg);
}

static bool is_each_boot(const struct tree_node *task)
{
    const struct v2_schema *s = v2_schema_find(v2_text(task, "task"));
    const struct tree_node *inputs = tree_get(task, "inputs");

    if (!s || s->often != V2_PER_ITEM)
        return s && s->often == V2_ALWAYS;
    for (const struct tree_node *i = inputs ? inputs->first : NULL; i; i = i->next)
        if (str_eq(v2_text(i, "frequency"), "always"))
            return true;
    return false;
}

static void say_telemetry(struct v2_run *run)
{
    const struct tree_node *tasks = run->userdata.tasks;
    struct telemetry t = { .agent_each_boot = true };

    for (const struct tree_node *n = tasks ? tasks->first : NULL; n; n = n->next)
        t.user_data_each_boot = t.user_data_each_boot || is_each_boot(n);
    telemetry_say(run->w, run->console, run->d, &t);
}

static void ready(struct v2_run *run)
{
    say_telemetry(run);
    console_say(run->console, "%s", run->d->ready);
    console_let_go(run->console);
    v2_event(run->w, V2_EVENT_READY, V2_EVENT_SUCCESS, "Windows is Ready to use");
    if (run->userdata.form != V2_USERDATA_NONE)
        log_say(run->log, LOG_INFO, "Initialize user-data state.");
}

/* One part of the order after another, until something ends it. */
static void stages(struct v2_run *run)
{
    v2_stage_run(run, V2_BOOT);
    if (!stopped(run) && !run->reboot)
        v2_network(run);
    if (!stopped(run) && !run->reboot) {
        facts_all(run->w, run->has_imds ? run->imds : NULL, run->console, run->d);
        v2_event(run->w, V2_EVENT_OUTPUT_LOG, V2_EVENT_SUCCESS, "output_log");
    }
    if (!stopped(run) && !run->reboot)
        before_ready(run);
    if (stopped(run) || run->reboot)
        return;
    read_userdata(run);
    ready(run);
    if (run->userdata.form != V2_USERDATA_YAML_1_0)
        v2_stage_run(run, V2_USER_DATA);
    if (!stopped(run) && !run->reboot)
        v2_stage_run(run, V2_POST_READY);
    if (!stopped(run) && !run->reboot && run->userdata.form == V2_USERDATA_YAML_1_0)
        v2_stage_run(run, V2_USER_DATA);
}

static int replace_state(struct v2_run *run, struct err *e)
{
    struct win *w = run->w;
    _cleanup_free_ char *now = win_expand(w, V2_STATE_PATH, e);
    _cleanup_free_ char *previous = now ? win_expand(w, V2_PREVIOUS_STATE, e) : NULL;
    int r;

    if (!previous)
        return -e->no;
    log_say(run->log, LOG_INFO, "Replace %s with %s", now, previous);
    r = w->file_rename(w, now, previous, e);
    if (r == 0)
        log_say(run->log, LOG_INFO, "Success: %s replaced %s", now, previous);
    v2_event(w, V2_EVENT_REPLACE_STATE, r == 0 ? V2_EVENT_SUCCESS : V2_EVENT_ERROR,
             "Replace %s with %s", now, previous);
    return r;
}

/* "once" is over, and the result is the previous one. */
static int finish(struct v2_run *run, struct err *e)
{
    _cleanup_free_ char *once = win_expand(run->w, V2_RUN_ONCE, e);
    int r;

    if (!once)
        return -e->no;
    run->state.result = v2_state_failed(&run->state) ? V2_FAILED : V2_SUCCESS;
    r = v2_state_save(run->w, V2_STATE_PATH, &run->state, e);
    if (r == 0)
        r = run->w->file_write(run->w, once, "", 0, e);
    return r == 0 ? replace_state(run, e) : r;
}

static enum v2_end restart(struct v2_run *run)
{
    struct err e = { 0 };

    log_say(run->log, LOG_INFO, "Restarting Windows; the run goes on at the next start.");
    console_say(run->console, "%s", run->d->restarting);
    if (run->w->power_off(run->w, true, "EC2Launch: a task asked for a restart", &e) < 0) {
        say_fatal(run, &e);
        return V2_END_FAILED;
    }
    return V2_END_REBOOTS;
}

/* As the task asked for it; when it fails, the last run is one that failed, although its state has
 * its place already or was reset by the beginning of Sysprep. */
static int deferred_sysprep(struct v2_run *run)
{
    struct v2_step *step = v2_state_step(&run->state, V2_USER_DATA, "sysprep", 0, true);
    struct err e = { 0 };

    if (v2_sysprep(run->w, run->log, &run->sysprep_wish, NULL, NULL, &e) == 0)
        return 0;
    log_err(run->log, "Sysprep", &e);
    if (step)
        step->result = V2_FAILED;
    run->state.result = V2_FAILED;
    err_clear(&e);
    if (v2_state_save(run->w, V2_PREVIOUS_STATE, &run->state, &e) < 0)
        log_err(run->log, "State", &e);
    return -EIO;
}

static enum v2_end end_of(struct v2_run *run)
{
    struct err e = { 0 };

    if (run->reboot)
        return restart(run);
    if (run->end || v2_stage_was_reset(run)) {
        log_say(run->log, LOG_WARNING, "Stopped before all tasks were run.");
        return V2_END_STOPPED;
    }
    if (finish(run, &e) < 0) {
        say_fatal(run, &e);
        return V2_END_FAILED;
    }
    if (run->sysprep && deferred_sysprep(run) < 0)
        return V2_END_FAILED;
    return run->state.result == V2_FAILED ? V2_END_FAILED : V2_END_SUCCESS;
}

/* Settings that cannot be used: the state tells of a failed run, and "once" is not over. */
static void note_refusal(struct v2_run *run)
{
    struct err e = { 0 };

    run->state.result = V2_FAILED;
    if (v2_state_save(run->w, V2_STATE_PATH, &run->state, &e) < 0 || replace_state(run, &e) < 0)
        log_err(run->log, "State", &e);
}

static void close_all(struct v2_run *run)
{
    if (run->has_admin)
        password_done_wipe(&run->admin);
    v2_userdata_done(&run->userdata);
    v2_config_free(run->config);
    v2_state_done(&run->state);
    imds_free(run->imds);
    console_close(run->console);
    log_free(run->log);
}

enum v2_end v2_run_agent(struct win *w, bool (*stop)(void *ctx), void *ctx)
{
    struct v2_run run = { .w = w, .d = dialect_get(DIALECT_V2), .stop = stop, .ctx = ctx };
    enum v2_end end = V2_END_FAILED;
    struct err e = { 0 };
    int r = open_all(&run, &e);

    if (r == 0)
        r = begin(&run, &e);
    if (r == 0) {
        stages(&run);
        end = end_of(&run);
    } else if (r == -ECANCELED) {
        end = V2_END_STOPPED;
    } else if (run.console) {
        say_fatal(&run, &e);
        note_refusal(&run);
    }
    log_say(run.log, LOG_INFO, "EC2Launch stopped");
    v2_event(w, V2_EVENT_SERVICE, end == V2_END_FAILED ? V2_EVENT_WARNING : V2_EVENT_SUCCESS,
             "Service: EC2Launch stopped");
    close_all(&run);
    return end;
}

bool v2_run_one_knows(const char *name)
{
    return str_eq(name, "add-routes") || v2_stage_kebab(name) != NULL;
}

/* What the task left to be done: 1 when Windows restarts. */
static int after_one(struct v2_run *run, struct err *e)
{
    if (run->sysprep)
        return v2_sysprep(run->w, run->log, &run->sysprep_wish, NULL, NULL, e);
    if (!run->reboot)
        return 0;
    if (restart(run) == V2_END_REBOOTS)
        return 1;
    return err_set(e, EIO, ERR_OTHER, "the task asks for a restart, which Windows refuses");
}

int v2_run_one(struct win *w, const char *name, struct err *e)
{
    struct v2_run run = { .w = w, .d = dialect_get(DIALECT_V2), .fresh = true };
    int r = open_all(&run, e);

    if (r == 0 && str_eq(name, "add-routes")) {
        r = v2_network_routes(&run, e);
        if (r == 0)
            v2_network_by_mac(&run);
    } else if (r == 0) {
        r = read_config(&run, e);
        if (r == 0) {
            v2_network_metadata(&run);
            r = v2_stage_run_one(&run, v2_stage_kebab(name), e);
        }
        console_let_go(run.console); /* Sysprep's failure has a console of its own */
        if (r == 0)
            r = after_one(&run, e);
    }
    close_all(&run);
    return r;
}
