/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "ec2config/config.h"
#include "engine/userdata-run.h"
#include "lib/utf.h"
#include "plugin-priv.h"

struct running {
    struct plug *p;
    uint32_t pid;
};

static void say_started(void *ctx, uint32_t pid)
{
    struct running *r = ctx;

    r->pid = pid;
    log_from(r->p->r->log, r->p->name, "Message: Executing User Data with PID: %u", pid);
}

static int run_one(struct plug *p, const struct userdata_tags *t, enum script_kind kind,
                   const char *content, struct err *e)
{
    const char *const args[] = { t->powershell_arguments };
    struct script_result done = { 0 };
    struct running now = { .p = p };
    struct script s = { .kind = kind, .content = content, .started = say_started, .ctx = &now };

    if (!content)
        return 0;
    for (; content[s.content_n]; s.content_n++)
        ;
    if (kind == SCRIPT_POWERSHELL && t->powershell_arguments) {
        s.args = args;
        s.args_n = 1;
    }
    if (!t->as_local_system && p->r->password.account[0]) {
        s.account = p->r->password.account;
        s.password = p->r->password.clear;
    }
    if (script_run(p->r->w, p->r->d, &s, p->r->log, &done, e) < 0)
        return -e->no;
    log_from(p->r->log, p->name, "Message: ExitCode of User Data with PID: %u is %u", now.pid,
             done.exit_code);
    script_result_done(&done);
    return 0;
}

static int run_all(struct plug *p, const char *data, size_t n, struct err *e)
{
    struct userdata_tags t = { 0 };
    struct err first = { 0 };
    _cleanup_free_ char *text = NULL;
    size_t len = 0;
    int ret;

    if (utf_decode(data, n, false, "user data", &text, &len, e) < 0)
        return -e->no;
    ret = userdata_tags_parse(p->r->d, text, len, &t, e);
    if (ret < 0)
        return ret;
    if (t.persist)
        log_from(p->r->log, p->name, "Message: Re-enabled userdata execution");
    else
        log_from(p->r->log, p->name, "Message: Could not find <persist> and </persist>");
    if (!t.persist)
        plugin_turn_off(p); /* a script that restarts the machine must not come again */
    ret = run_one(p, &t, SCRIPT_BATCH, t.script, &first);
    if (ret < 0)
        log_from(p->r->log, p->name, "Error: %s", first.msg); /* the other runs all the same */
    if (run_one(p, &t, SCRIPT_POWERSHELL, t.powershell, e) == 0 && ret < 0)
        *e = first;
    userdata_tags_done(&t);
    return e->no ? -e->no : 0;
}

int plugin_user_data(struct plug *p, struct err *e)
{
    _cleanup_free_ char *data = NULL;
    size_t n = 0;
    int ret;

    log_from(p->r->log, p->name, "Message: Start running user scripts");
    ret = imds_get(p->imds, "user-data", &data, &n, e);
    p->turn_off = ret == 0;
    return ret > 0 ? run_all(p, data, n, e) : ret;
}
