/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A guest whose file systems its own agent holds still: one kiln-freeze each, which thaws it
 * whatever becomes of us. What is known of it lives in memory: a daemon that comes back knows
 * nothing, and says so by FREEZE_NONE. */
#include "jobs-priv.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "child.h"
#include "log.h"

struct freeze {
    struct freeze *next;
    struct jobs *jobs;
    char id[MODEL_ID_MAX];
    enum freeze_state state;
    struct child *child;
    int control;  /* closed: thaw */
    bool asked;   /* vm_agent_connect will answer */
    bool dropped; /* forgotten while it was asked */
    char reason[256];
};

static struct freeze *find(struct jobs *js, const char *id)
{
    for (struct freeze *f = js->freezes; f; f = f->next)
        if (strcmp(f->id, id) == 0)
            return f;
    return NULL;
}

static void let_go(struct freeze *f)
{
    close_fdp(&f->control);
    f->control = -1;
}

static void failed(struct freeze *f, const char *why)
{
    f->state = FREEZE_FAILED;
    (void)snprintf(f->reason, sizeof f->reason, "%.250s", why);
    job_publish(f->jobs, f->id);
}

static void on_line(struct child *c, const char *line, void *userdata)
{
    struct freeze *f = userdata;

    (void)c;
    if (str_starts(line, "frozen ") && f->state == FREEZE_ASKED) {
        f->state = FREEZE_HELD;
        log_info("jobs", "the guest of instance '%s' is held still: %s file systems", f->id,
                 line + strlen("frozen "));
        job_publish(f->jobs, f->id);
    } else if (str_starts(line, "thawed ") && f->state == FREEZE_ENDING) {
        f->state = FREEZE_KEPT;
        job_publish(f->jobs, f->id);
    } else if (strchr(line, ' ')) { /* refused, lost */
        failed(f, strchr(line, ' ') + 1);
    }
}

static void on_freeze_exit(struct child *c, const struct child_exit *x, void *userdata)
{
    struct freeze *f = userdata;

    (void)c;
    child_free(TAKE_PTR(f->child));
    let_go(f);
    if (f->state == FREEZE_ASKED || f->state == FREEZE_HELD || f->state == FREEZE_ENDING)
        failed(f, x->tail[0] ? x->tail : "kiln-freeze ended without a word");
}

static int run(struct freeze *f, int agent_fd, struct err *e)
{
    const char *argv[] = { f->jobs->cfg.freeze, f->id, NULL };
    struct child_spec cs = { .argv = argv,
                             .user = f->jobs->cfg.user,
                             .new_session = true,
                             .n_pass_fds = 2,
                             .on_line = on_line,
                             .on_exit = on_freeze_exit,
                             .userdata = f };
    int pair[2], r;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return err_errno(e, "make a socket pair");
    cs.pass_fds[0] = agent_fd;
    cs.pass_fds[1] = pair[1];
    r = child_spawn(f->jobs->cfg.loop, &cs, &f->child, e);
    (void)close(pair[1]);
    f->control = pair[0];
    return r;
}

static void on_agent(int fd, const struct err *e, void *userdata)
{
    struct freeze *f = userdata;
    struct err why = { 0 };

    f->asked = false;
    if (f->dropped) {
        if (fd >= 0)
            (void)close(fd);
        free(f);
        return;
    }
    if (fd < 0) {
        failed(f, e ? e->msg : "no guest agent listens in it");
        return;
    }
    if (run(f, fd, &why) < 0)
        failed(f, why.msg);
    (void)close(fd);
}

void freeze_begin(struct jobs *js, const char *instance_id)
{
    struct freeze *f = xcalloc(1, sizeof *f);
    struct vm *vm = machine_vm(js, instance_id);
    struct err e = { 0 };

    freeze_forget(js, instance_id);
    f->jobs = js;
    f->control = -1;
    f->state = FREEZE_ASKED;
    (void)str_copy(f->id, sizeof f->id, instance_id);
    f->next = js->freezes;
    js->freezes = f;
    if (vm && vm_agent_connect(vm, on_agent, f, &e) == 0)
        f->asked = true;
    else
        failed(f, vm ? e.msg : "it does not run");
}

enum freeze_state freeze_state(struct jobs *js, const char *instance_id)
{
    struct freeze *f = find(js, instance_id);

    return f ? f->state : FREEZE_NONE;
}

const char *freeze_reason(struct jobs *js, const char *instance_id)
{
    struct freeze *f = find(js, instance_id);

    return f ? f->reason : "";
}

void freeze_end(struct jobs *js, const char *instance_id)
{
    struct freeze *f = find(js, instance_id);

    if (!f || f->state != FREEZE_HELD)
        return;
    f->state = FREEZE_ENDING;
    let_go(f);
}

static void drop(struct freeze *f)
{
    let_go(f); /* kiln-freeze goes on until the guest is thawed */
    child_free(TAKE_PTR(f->child));
    f->dropped = true;
    if (!f->asked)
        free(f);
}

void freeze_forget(struct jobs *js, const char *instance_id)
{
    for (struct freeze **at = &js->freezes; *at; at = &(*at)->next)
        if (strcmp((*at)->id, instance_id) == 0) {
            struct freeze *f = *at;

            *at = f->next;
            drop(f);
            return;
        }
}

void freeze_close_all(struct jobs *js)
{
    while (js->freezes)
        freeze_forget(js, js->freezes->id);
}
