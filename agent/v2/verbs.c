/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs about runs, state and settings. */
#include <errno.h>
#include <string.h>

#include "cli-priv.h"
#include "engine/disks.h"
#include "engine/imds.h"
#include "engine/log.h"
#include "engine/password.h"
#include "v2/run.h"
#include "v2/sysprep.h"

#define SERVICE     "EC2Launch"
#define BLOCK_MS    5000U
#define SERVICE_EXE "EC2LaunchService.exe"
#define PROGRAM_EXE "EC2Launch.exe"

/* ---- waiting for the agent ---- */

static bool is_running(struct v2_cli *c)
{
    enum win_service_state state = WIN_SERVICE_ABSENT;
    struct err ignored = { 0 };

    if (c->locked && c->locked(c->ctx))
        return true;
    if (c->w->service_state(c->w, SERVICE, &state, &ignored) < 0)
        return false;
    return state == WIN_SERVICE_RUNNING || state == WIN_SERVICE_STARTING ||
           state == WIN_SERVICE_STOPPING;
}

static void wait_for_end(struct v2_cli *c)
{
    while (is_running(c)) {
        v2_say(c, "service is still running...checking again in '5.000000' seconds\n");
        c->w->sleep_ms(c->w, BLOCK_MS);
    }
}

/* Whether we were started by a script of the agent itself. */
static bool inside_agent(struct v2_cli *c)
{
    _cleanup_free_ struct win_name *names = NULL;
    struct err ignored = { 0 };
    size_t n = 0;

    if (c->w->ancestors(c->w, &names, &n, &ignored) < 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if (str_eq_nocase(names[i].name, SERVICE_EXE) || str_eq_nocase(names[i].name, PROGRAM_EXE))
            return true;
    return false;
}

/* An inline script is a step that runs; a detached one has ended for the agent. */
static bool inside_inline_script(struct v2_cli *c)
{
    struct v2_state s = { 0 };
    struct err ignored = { 0 };
    bool is = false;

    if (!inside_agent(c))
        return false;
    if (v2_state_load(c->w, V2_STATE_PATH, &s, &ignored) == 1)
        for (size_t i = 0; i < s.n; i++)
            is = is || s.steps[i].result == V2_RUNNING;
    v2_state_done(&s);
    return is;
}

/* Before reset, sysprep and status --block. A detached script waits for the agent; with block so
 * does everybody; an inline one that waited would wait for itself. */
static int wait_turn(struct v2_cli *c, const char *verb, bool block, struct err *e)
{
    bool within = inside_inline_script(c);

    if (block && within)
        return err_set(e, EDEADLK, ERR_CONFLICT,
                       "'%s' was called by an inline script of the agent, which waits for it; "
                       "--block would never end",
                       verb);
    if (block)
        v2_say(c, "'%s' command running in blocking mode.\n", verb);
    if (block || (!within && inside_agent(c)))
        wait_for_end(c);
    return 0;
}

/* ---- run ---- */

int v2_verb_run(struct v2_cli *c, const struct v2_args *a)
{
    enum v2_end end;

    if (c->lock && !c->lock(c->ctx)) {
        struct err e = { 0 };

        (void)err_set(&e, EBUSY, ERR_CONFLICT, "the agent is running already");
        return v2_fail(c, &e);
    }
    end = v2_run_agent(c->w, NULL, NULL);
    if (c->unlock)
        c->unlock(c->ctx);
    if (end == V2_END_REBOOTS)
        v2_say(c, "Windows restarts; the run goes on then.\n");
    return end == V2_END_SUCCESS || end == V2_END_REBOOTS ? V2_EXIT_OK : V2_EXIT_FAILED;
}

int v2_verb_run_task(struct v2_cli *c, const struct v2_args *a)
{
    struct err e = { 0 };
    int r;

    if (!v2_run_one_knows(a->operand)) {
        (void)err_set(&e, EINVAL, ERR_INVALID, "there is no task '%s'", a->operand);
        (void)v2_fail(c, &e);
        return V2_EXIT_USAGE;
    }
    r = v2_run_one(c->w, a->operand, &e);
    if (r == 1)
        v2_say(c, "Windows restarts.\n");
    return r < 0 ? v2_fail(c, &e) : V2_EXIT_OK;
}

/* ---- status ---- */

/* state.json without a run in progress: the last one was stopped, killed or waits for a restart. */
static bool is_interrupted(struct v2_cli *c)
{
    struct v2_state s = { 0 };
    struct err ignored = { 0 };
    int r = v2_state_load(c->w, V2_STATE_PATH, &s, &ignored);

    v2_state_done(&s);
    return r == 1;
}

static int last_result(struct v2_cli *c)
{
    struct v2_state s = { 0 };
    struct err e = { 0 };
    int r = v2_state_load(c->w, V2_PREVIOUS_STATE, &s, &e);
    enum v2_result result = s.result;

    v2_state_done(&s);
    if (r < 0)
        return V2_STATUS_NEVER; /* damaged */
    if (is_interrupted(c))
        return V2_STATUS_FAILED;
    return r == 0 ? V2_STATUS_NEVER : result == V2_SUCCESS ? V2_STATUS_SUCCESS : V2_STATUS_FAILED;
}

static int status_now(struct v2_cli *c)
{
    enum win_service_state state = WIN_SERVICE_ABSENT;
    struct err e = { 0 };
    int r = c->w->service_state(c->w, SERVICE, &state, &e);

    if (c->locked && c->locked(c->ctx))
        return V2_STATUS_RUNNING;
    if (r < 0 || state == WIN_SERVICE_ABSENT)
        return V2_STATUS_ERROR;
    if (state == WIN_SERVICE_RUNNING || state == WIN_SERVICE_STARTING ||
        state == WIN_SERVICE_STOPPING)
        return V2_STATUS_RUNNING;
    return state == WIN_SERVICE_STOPPED ? last_result(c) : V2_STATUS_ODD;
}

int v2_verb_status(struct v2_cli *c, const struct v2_args *a)
{
    static const char *const words[] = {
        [V2_STATUS_SUCCESS] = "The last run succeeded.",
        [V2_STATUS_FAILED] = "The last run failed.",
        [V2_STATUS_RUNNING] = "The agent is running.",
        [V2_STATUS_ODD] = "The state of the agent is unknown.",
        [V2_STATUS_ERROR] = "The state of the agent cannot be asked for: no service.",
        [V2_STATUS_NEVER] = "The agent is not running, and no last run is known.",
    };
    struct err e = { 0 };
    int code;

    if (a->on[0] && wait_turn(c, "status", true, &e) < 0) {
        (void)v2_fail(c, &e);
        return V2_STATUS_ERROR;
    }
    code = status_now(c);
    v2_say(c, "%s\n", words[code]);
    return code;
}

/* ---- reset, sysprep ---- */

struct log *v2_open_log(struct v2_cli *c)
{
    const struct dialect *d = dialect_get(DIALECT_V2);

    return log_new(c->w, d, d->log_path, NULL);
}

int v2_verb_reset(struct v2_cli *c, const struct v2_args *a)
{
    struct err e = { 0 };
    struct log *log;
    int r = wait_turn(c, "reset", a->on[1], &e);

    if (r < 0)
        return v2_fail(c, &e);
    log = v2_open_log(c);
    r = v2_reset(c->w, log, a->on[0], &e);
    log_free(log);
    return r < 0 ? v2_fail(c, &e) : V2_EXIT_OK;
}

static void say_line(void *ctx, const char *line)
{
    v2_say(ctx, "%s\n", line);
}

int v2_verb_sysprep(struct v2_cli *c, const struct v2_args *a)
{
    struct v2_sysprep_wish wish = { .clean = a->on[0], .shutdown = a->on[1], .force = a->on[3] };
    struct err e = { 0 };
    struct log *log;
    int r = wait_turn(c, "sysprep", a->on[2], &e);

    if (r < 0)
        return v2_fail(c, &e);
    log = v2_open_log(c);
    r = v2_sysprep(c->w, log, &wish, say_line, c, &e);
    log_free(log);
    return r < 0 ? v2_fail(c, &e) : V2_EXIT_OK;
}

/* ---- settings ---- */

static void warn(void *ctx, const char *text)
{
    v2_say(ctx, "warning: %s\n", text);
}

static int load_config(struct v2_cli *c, v2_warn *say, struct v2_config **ret, struct err *e)
{
    _cleanup_free_ char *path = win_expand(c->w, V2_CONFIG_PATH, e);
    char *bytes = NULL;
    size_t n = 0;
    int r = path ? c->w->file_read(c->w, path, TREE_FILE_MAX, &bytes, &n, e) : -e->no;

    if (r == 0)
        r = v2_config_parse(path, bytes, n, say, c, ret, e);
    if (bytes)
        mem_wipe(bytes, n);
    free(bytes);
    return r;
}

int v2_verb_validate(struct v2_cli *c, const struct v2_args *a)
{
    _cleanup_(v2_config_freep) struct v2_config *config = NULL;
    struct err e = { 0 };

    if (load_config(c, warn, &config, &e) < 0)
        return v2_fail(c, &e);
    v2_say(c, "%s is valid.\n", V2_CONFIG_NAME);
    return V2_EXIT_OK;
}

int v2_verb_get_config(struct v2_cli *c, const struct v2_args *a)
{
    _cleanup_(v2_config_freep) struct v2_config *config = NULL;
    struct str out = STR_INIT(MIB(4));
    const char *format = a->value[0];
    struct err e = { 0 };
    int r;

    if (format && !str_eq_nocase(format, "json") && !str_eq_nocase(format, "yaml")) {
        (void)err_set(&e, EINVAL, ERR_INVALID, "'json' or 'yaml' expected, not '%s'", format);
        (void)v2_fail(c, &e);
        return V2_EXIT_USAGE;
    }
    if (load_config(c, NULL, &config, &e) < 0)
        return v2_fail(c, &e);
    v2_config_write(&out, config, format ? str_eq_nocase(format, "json") : config->json);
    r = str_check(&out, "the settings", &e);
    if (r == 0)
        c->print(c->ctx, false, str_text(&out));
    str_wipe(&out);
    return r < 0 ? v2_fail(c, &e) : V2_EXIT_OK;
}

int v2_verb_list_volumes(struct v2_cli *c, const struct v2_args *a)
{
    _cleanup_(imds_freep) struct imds *m = imds_new(c->w, dialect_get(DIALECT_V2));
    _cleanup_free_ struct disk_row *rows = NULL;
    _cleanup_free_ char *text = NULL;
    struct err e = { 0 };
    size_t n = 0;

    if (disks_list(c->w, m, &rows, &n, &e) < 0)
        return v2_fail(c, &e);
    text = disks_text(rows, n);
    c->print(c->ctx, false, text ? text : "");
    return V2_EXIT_OK;
}

int v2_verb_version(struct v2_cli *c, const struct v2_args *a)
{
    v2_say(c, "%s\n", AGENT_VERSION);
    return V2_EXIT_OK;
}

/* ---- internal ---- */

int v2_verb_randomize(struct v2_cli *c, const struct v2_args *a)
{
    struct err e = { 0 };

    if (!a->value[0])
        return v2_missing(c, "username");
    return password_scramble(c->w, a->value[0], false, &e) < 0 ? v2_fail(c, &e) : V2_EXIT_OK;
}

int v2_verb_encrypt(struct v2_cli *c, const struct v2_args *a)
{
    _cleanup_str_ struct str out = STR_INIT(KIB(8));
    struct err e = { 0 };
    void *sealed = NULL;
    size_t n = 0;

    if (!a->value[0])
        return v2_missing(c, "password");
    if (c->w->protect(c->w, a->value[0], strlen(a->value[0]), &sealed, &n, &e) < 0)
        return v2_fail(c, &e);
    str_base64(&out, sealed, n);
    free(sealed);
    v2_say(c, "%s\n", str_text(&out));
    return V2_EXIT_OK;
}
