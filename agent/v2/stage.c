/* SPDX-License-Identifier: Apache-2.0 */
#include "stage-priv.h"

#include <errno.h>
#include <string.h>

#include "engine/userdata-run.h"
#include "v2/events.h"

bool v2_stage_was_reset(struct v2_run *run)
{
    struct err e = { 0 };
    _cleanup_free_ char *path = win_expand(run->w, V2_STATE_PATH, &e);
    struct win_name found;

    if (!path || run->w->file_stat(run->w, path, &found, &e) != 0)
        return false;
    if (!run->end)
        log_say(run->log, LOG_INFO, "The state was reset; no further task is run.");
    run->end = true;
    return true;
}

static void save(struct v2_run *run)
{
    struct err e = { 0 };

    if (!v2_stage_was_reset(run) && v2_state_save(run->w, V2_STATE_PATH, &run->state, &e) < 0)
        log_err(run->log, "State", &e);
}

void v2_stage_note_failure(struct v2_run *run, enum v2_stage stage, const char *what,
                           const char *why)
{
    struct v2_step *step = v2_state_step(&run->state, stage, what, 0, false);

    if (step)
        step->result = V2_FAILED;
    log_say(run->log, LOG_ERROR, "%s: %s", v2_stage_name(stage), why);
    v2_event(run->w, v2_event_of_stage(stage), V2_EVENT_ERROR, "%s: %s", what, why);
    save(run);
}

static bool is_once(const struct v2_schema *s, const struct tree_node *inputs)
{
    if (s->often == V2_PER_ITEM)
        return str_eq(v2_text(inputs, "frequency"), "once");
    return s->often == V2_ONCE;
}

static bool is_due(struct v2_run *run, struct v2_step *step)
{
    if (step->once && !run->fresh) {
        log_say(run->log, LOG_WARNING, "Skipping task %s", step->id);
        step->result = V2_SKIPPED;
        return false;
    }
    /* done before the restart that interrupted this run */
    return !(step->once && run->resumed &&
             (step->result == V2_SUCCESS || step->result == V2_FAILED));
}

/* Exit code 3010: "restart and run me again", five times at most. */
static void ask_restart(struct v2_run *run, struct v2_step *step)
{
    if (step->reboots >= USERDATA_REBOOTS) {
        step->result = V2_FAILED;
        log_say(run->log, LOG_ERROR,
                "Error running task: failed to run task '%s': it asked for more than %u restarts",
                step->id, USERDATA_REBOOTS);
        return;
    }
    step->reboots++;
    run->reboot = true;
    log_say(run->log, LOG_INFO, "Task %s asks for restart %u of %u.", step->id, step->reboots,
            USERDATA_REBOOTS);
}

static void note_result(struct v2_run *run, struct v2_job *j, struct v2_step *step,
                        const struct err *e)
{
    unsigned event = v2_event_of_task(j->stage, j->schema->id);

    step->exit_code = j->exit_code;
    if (e->no) {
        step->result = V2_FAILED;
        log_say(run->log, LOG_ERROR, "Error running task: failed to run task '%s': %s", step->id,
                e->msg);
        v2_event(run->w, event, V2_EVENT_ERROR, "%s: %s", step->id, e->msg);
    } else if (j->exit_code == USERDATA_REBOOT) {
        ask_restart(run, step);
    } else {
        step->result = V2_SUCCESS;
        run->reboot = run->reboot || j->restart;
        v2_event(run->w, event, V2_EVENT_SUCCESS, "%s", step->id);
    }
}

static void run_step(struct v2_run *run, enum v2_stage stage, const struct v2_schema *s,
                     const struct tree_node *inputs, unsigned index)
{
    struct v2_step *step = v2_state_step(&run->state, stage, s->name, index, is_once(s, inputs));
    struct v2_job j = { .run = run, .stage = stage, .schema = s, .inputs = inputs };
    struct err e = { 0 };

    if (!step) {
        log_say(run->log, LOG_ERROR, "Too many tasks; %s is not run.", s->name);
        return;
    }
    if (!is_due(run, step))
        return;
    step->result = V2_RUNNING;
    save(run);
    if (run->end)
        return;
    (void)v2_task_run(&j, &e);
    if (v2_stage_was_reset(run))
        return;
    note_result(run, &j, step, &e);
    save(run);
}

static bool goes_on(struct v2_run *run)
{
    if (run->stop && run->stop(run->ctx))
        run->end = true;
    return !run->end && !run->reboot;
}

static void run_task(struct v2_run *run, enum v2_stage stage, const struct tree_node *task)
{
    const struct v2_schema *s = v2_schema_find(v2_text(task, "task"));
    const struct tree_node *inputs = tree_get(task, "inputs");
    unsigned index = 0;

    if (s->inputs != V2_INPUTS_LIST) {
        run_step(run, stage, s, inputs, 0);
        return;
    }
    for (const struct tree_node *item = inputs->first; item && goes_on(run); item = item->next)
        run_step(run, stage, s, item, index++);
}

/* All steps as pending, so that state.json tells what is still to come. */
static void announce(struct v2_run *run, enum v2_stage stage, const struct tree_node *tasks)
{
    for (const struct tree_node *t = tasks->first; t; t = t->next) {
        const struct v2_schema *s = v2_schema_find(v2_text(t, "task"));
        const struct tree_node *inputs = tree_get(t, "inputs");
        const struct tree_node *item = s->inputs == V2_INPUTS_LIST ? inputs->first : inputs;
        unsigned index = 0;

        do {
            (void)v2_state_step(&run->state, stage, s->name, index++, is_once(s, item));
            item = s->inputs == V2_INPUTS_LIST && item ? item->next : NULL;
        } while (item);
    }
    save(run);
}

void v2_stage_run(struct v2_run *run, enum v2_stage stage)
{
    const struct tree_node *tasks =
        stage == V2_USER_DATA ? run->userdata.tasks : run->config->tasks[stage];

    if (!goes_on(run) || (stage == V2_USER_DATA && !tasks))
        return;
    if (tasks && tasks->first) {
        announce(run, stage, tasks);
        if (stage == V2_USER_DATA)
            log_say(run->log, LOG_INFO, "User-data state initialized successfully.");
    }
    for (const struct tree_node *t = tasks ? tasks->first : NULL; t && goes_on(run); t = t->next)
        run_task(run, stage, t);
    if (run->end || run->reboot)
        return;
    log_say(run->log, LOG_INFO, "Stage: %s completed.", v2_stage_name(stage));
    v2_event(run->w, v2_event_of_stage(stage), V2_EVENT_INFO, "Stage: %s completed.",
             v2_stage_name(stage));
}

/* "setHostName" against "set-host-name". */
static bool is_kebab(const char *name, const char *kebab)
{
    for (; *name; name++, kebab++) {
        bool capital = *name >= 'A' && *name <= 'Z';

        if (capital && *kebab++ != '-')
            return false;
        if (*kebab != (capital ? *name + 32 : *name))
            return false;
    }
    return *kebab == '\0';
}

const struct v2_schema *v2_stage_kebab(const char *name)
{
    for (unsigned i = 0; i < V2_TASK_MAX; i++) {
        const struct v2_schema *s = v2_schema_of((enum v2_task_id)i);

        if (str_eq(s->name, name) || is_kebab(s->name, name))
            return s;
    }
    return NULL;
}

static const struct tree_node *find_task(const struct v2_run *run, const struct v2_schema *s,
                                         enum v2_stage *ret_stage)
{
    for (unsigned stage = 0; stage < V2_USER_DATA; stage++) {
        const struct tree_node *tasks = run->config->tasks[stage];

        for (const struct tree_node *t = tasks ? tasks->first : NULL; t; t = t->next)
            if (str_eq(v2_text(t, "task"), s->name)) {
                *ret_stage = (enum v2_stage)stage;
                return t;
            }
    }
    return NULL;
}

static int run_now(struct v2_job *j, struct err *e)
{
    int r;

    j->exit_code = 0;
    r = v2_task_run(j, e);
    if (r == 0 && j->exit_code == USERDATA_REBOOT)
        return err_set(e, EAGAIN, ERR_OTHER,
                       "the script asks to be run again behind a restart (exit code 3010): only a "
                       "run of all tasks does that");
    j->run->reboot = j->run->reboot || (r == 0 && j->restart);
    return r;
}

int v2_stage_run_one(struct v2_run *run, const struct v2_schema *s, struct err *e)
{
    enum v2_stage stage = V2_POST_READY;
    const struct tree_node *task = find_task(run, s, &stage), *inputs = tree_get(task, "inputs");
    struct v2_job j = { .run = run, .stage = stage, .schema = s, .inputs = inputs };
    int r = 0;

    if (!task && (s->inputs == V2_INPUTS_MAP || s->inputs == V2_INPUTS_LIST))
        return err_set(e, ENOENT, ERR_NOT_FOUND, "the task '%s' stands in no stage of %s", s->name,
                       V2_CONFIG_NAME);
    if (s->inputs != V2_INPUTS_LIST)
        return run_now(&j, e);
    for (j.inputs = inputs->first; j.inputs && r == 0; j.inputs = j.inputs->next)
        r = run_now(&j, e);
    return r;
}
