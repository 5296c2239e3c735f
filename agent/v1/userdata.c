/* SPDX-License-Identifier: Apache-2.0 */
/* User data of v1: tags, scripts, and the task that runs persistent ones at every boot. */
#include "v1/v1.h"

#include <string.h>

#include "engine/userdata-run.h"
#include "lib/utf.h"

static void log_tag(struct log *log, const char *tag, bool given, const char *value)
{
    if (given)
        log_say(log, LOG_INFO, "<%s> tag was provided: %s", tag, value);
    else
        log_say(log, LOG_INFO, "Zero or more than one <%s> tag was not provided", tag);
}

static void log_tags(struct log *log, const struct userdata_tags *t)
{
    log_tag(log, "persist", t->has_persist, t->persist ? "true" : "false");
    log_tag(log, "powershellArguments", t->powershell_arguments != NULL,
            t->powershell_arguments ? t->powershell_arguments : "");
    log_tag(log, "runAsLocalSystem", t->has_as_local_system, t->as_local_system ? "true" : "false");
}

/* Where the run comes at every boot, user data that does not persist is off before it is run: it
 * may restart the machine. */
static int turn_off(struct v1_run *r, struct err *e)
{
    if (!r->keep_schedule || !r->config.tree)
        return 0;
    if (v1_config_set(&r->config, V1_USER_DATA, false, e) < 0)
        return -e->no;
    return v1_config_save(r->w, &r->config, e);
}

static int keep_or_drop_task(struct v1_run *r, struct log *log, bool persist, struct err *e)
{
    if (persist) {
        log_say(log, LOG_INFO, "Running userdata on every boot");
        /* per boot, the initialisation runs it itself */
        return r->keep_schedule ? 0 : v1_task_schedule(r->w, V1_TASK_USERDATA, "", e);
    }
    log_say(log, LOG_INFO, "Unregistering the persist scheduled task");
    if (r->w->task_delete(r->w, v1_task_name(V1_TASK_USERDATA), e) < 0)
        return -e->no;
    return turn_off(r, e);
}

static void log_output(struct log *log, const char *what, const char *text)
{
    struct str line = STR_INIT(2 * USERDATA_OUTPUT_MAX);

    str_addf(&line, "Message: The %s from user scripts: ", what);
    str_add(&line, text);
    log_text(log, LOG_INFO, str_text(&line));
    str_done(&line);
}

static int run_one(struct v1_run *r, struct log *log, const struct userdata_tags *t,
                   enum script_kind kind, struct err *e)
{
    const char *tag = kind == SCRIPT_BATCH ? "script" : "powershell";
    const char *const args[] = { t->powershell_arguments };
    struct script_result done = { 0 };
    struct script s = { .kind = kind, .content = kind == SCRIPT_BATCH ? t->script : t->powershell };

    if (!s.content) {
        log_say(log, LOG_INFO, "Zero or more than one <%s> tag was not provided", tag);
        return 0;
    }
    s.content_n = strlen(s.content);
    if (kind == SCRIPT_POWERSHELL && t->powershell_arguments) {
        s.args = args;
        s.args_n = 1;
    }
    if (!t->as_local_system && r->password.account[0]) {
        s.account = r->password.account;
        s.password = r->password.clear;
    }
    log_say(log, LOG_INFO, "<%s> tag was provided.. running %s content", tag, tag);
    if (script_run(r->w, r->d, &s, log, &done, e) < 0)
        return -e->no;
    log_output(log, "errors", done.err);
    log_output(log, "output", done.out);
    script_result_done(&done);
    return 0;
}

/* What fails is told; the rest is run all the same. */
static int run_all(struct v1_run *r, struct log *log, const char *data, size_t n, struct err *e)
{
    static const enum script_kind order[] = { SCRIPT_BATCH, SCRIPT_POWERSHELL };
    struct userdata_tags t = { 0 };
    struct err one = { 0 };
    _cleanup_free_ char *text = NULL;
    size_t len = 0;
    int ret;

    if (utf_decode(data, n, false, "user data", &text, &len, e) < 0)
        return -e->no;
    ret = userdata_tags_parse(r->d, text, len, &t, e);
    if (ret < 0)
        return ret;
    log_tags(log, &t);
    if (keep_or_drop_task(r, log, t.persist, &one) < 0)
        log_say(log, LOG_ERROR, "%s", one.msg);
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        err_clear(&one);
        if (run_one(r, log, &t, order[i], &one) >= 0)
            continue;
        if (e->no)
            log_say(log, LOG_ERROR, "%s", one.msg);
        else
            *e = one;
    }
    userdata_tags_done(&t);
    return e->no ? -e->no : 0;
}

/* Scripts print what is none of other users' business. */
static void hide_log(struct v1_run *r, struct log *log)
{
    struct err e = { 0 };
    _cleanup_free_ char *path = win_expand(r->w, r->d->user_log_path, &e);

    if (!path || r->w->file_protect(r->w, path, WIN_PROTECT_ADMINS, &e) < 0)
        log_say(log, LOG_WARNING, "%s", e.msg);
}

int v1_user_data(struct v1_run *r, struct err *e)
{
    _cleanup_(log_freep) struct log *log = log_new(r->w, r->d, r->d->user_log_path, NULL);
    _cleanup_free_ char *data = NULL;
    size_t n = 0;
    int ret;

    log_say(log, LOG_INFO, "Userdata execution begins");
    hide_log(r, log);
    ret = imds_get(r->imds, "user-data", &data, &n, e);
    if (ret > 0)
        ret = run_all(r, log, data, n, e);
    else if (ret == 0)
        log_say(log, LOG_INFO, "Userdata was not provided");
    if (ret == 0 && !data)
        ret = turn_off(r, e);
    if (ret < 0)
        log_say(log, LOG_ERROR, "%s", e->msg);
    log_say(log, LOG_INFO, "Userdata execution done");
    return ret < 0 ? ret : 0;
}
