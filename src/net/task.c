/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One run of ip or nft: its text in a memory file, its fate told from the loop. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "file.h"
#include "log.h"
#include "net-priv.h"

#define ARGS_MAX 12

struct task {
    struct child *child;
    const char *name;
    task_fn fn;
    void *userdata;
};

void task_free(struct task *t)
{
    if (!t)
        return;
    child_free(t->child);
    free(t);
}

/* "Error: this\n that\n" -> "Error: this; that" */
static void one_line(const char *tail, char *out, size_t size)
{
    size_t n = 0;

    for (; *tail && n + 3 < size; tail++)
        if (*tail != '\n')
            out[n++] = *tail;
        else if (n && tail[1])
            out[n++] = ';', out[n++] = ' ';
    out[n] = '\0';
}

static void on_task_exit(struct child *c, const struct child_exit *x, void *userdata)
{
    struct task *t = userdata;
    task_fn fn = t->fn;
    void *fn_userdata = t->userdata;
    struct err e = { 0 };
    char said[300];

    (void)c;
    one_line(x->tail, said, sizeof said);
    if (x->signal)
        (void)err_set(&e, EIO, ERR_OTHER, "'%s' was killed by signal %d", t->name, x->signal);
    else if (x->code != 0)
        (void)err_set(&e, EIO, ERR_OTHER, "'%s' ended with status %d: %s", t->name, x->code, said);
    task_free(t);
    fn(fn_userdata, e.no ? &e : NULL);
}

static int text_fd(const char *text, struct err *e)
{
    _cleanup_close_ int fd = memfd_create("kiln-net", MFD_CLOEXEC);

    if (fd < 0)
        return err_errno(e, "make a memory file");
    if (write_full(fd, text, strlen(text)) < 0)
        return err_errno(e, "fill a memory file");
    return TAKE_FD(fd);
}

int task_run(struct net *n, int ns_fd, const char *const *argv, const char *text, task_fn fn,
             void *userdata, struct task **ret, struct err *e)
{
    _ns_scope_ struct ns_scope scope = NS_SCOPE_INIT;
    _cleanup_close_ int fd = text_fd(text, e);
    const char *args[ARGS_MAX] = { 0 };
    struct task *t;
    int r;

    if (fd < 0)
        return fd;
    for (size_t i = 0; argv[i] && i + 1 < ARGS_MAX; i++)
        args[i] = strcmp(argv[i], "@") == 0 ? "/proc/self/fd/3" : argv[i];
    if (ns_fd >= 0 && (r = ns_enter(n, ns_fd, &scope, e)) < 0)
        return r;
    t = xcalloc(1, sizeof *t);
    t->fn = fn;
    t->userdata = userdata;
    t->name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
    log_debug("net", "runs %s:\n%s", t->name, text);
    r = child_spawn(n->loop,
                    &(struct child_spec){ .argv = args,
                                          .dies_with_parent = true,
                                          .pass_fds = { fd },
                                          .n_pass_fds = 1,
                                          .on_exit = on_task_exit,
                                          .userdata = t },
                    &t->child, e);
    if (r < 0) {
        free(t);
        return r;
    }
    *ret = t;
    return 0;
}
