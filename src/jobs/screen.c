/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A picture of a guest's screen. */
#include <errno.h>

#include "jobs-priv.h"

struct asked {
    jobs_screen_fn fn;
    void *userdata;
};

static void on_screen(struct vm *vm, const void *jpeg, size_t n, const struct err *e,
                      void *userdata)
{
    struct asked *a = userdata;

    (void)vm;
    a->fn(jpeg, n, e, a->userdata);
    free(a);
}

int jobs_screenshot(struct jobs *j, const char *instance_id, jobs_screen_fn fn, void *userdata,
                    struct err *e)
{
    struct vm *vm = machine_vm(j, instance_id);
    struct asked *a;
    int r;

    if (!vm)
        return err_set(e, EBUSY, ERR_CONFLICT, "instance '%s' has no machine now", instance_id);
    a = xcalloc(1, sizeof *a);
    *a = (struct asked){ fn, userdata };
    r = vm_screenshot(vm, on_screen, a, e);
    if (r < 0)
        free(a);
    return r;
}
