/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The channel to the guest's own agent (QEMU Guest Agent): whether one listens, and a connection.
 */
#include "vm-priv.h"

#include <errno.h>
#include <string.h>

#define ASK_TIMEOUT_MS 5000

struct agent_question {
    vm_agent_fn fn;
    void *userdata;
};

/* QEMU knows whether a program in the guest has the port open. */
static bool listens(const json_t *chardevs)
{
    const json_t *one;
    size_t i;

    json_array_foreach (chardevs, i, one) {
        const char *label = json_string_value(json_object_get(one, "label"));

        if (label && strcmp(label, VM_AGENT) == 0)
            return json_is_true(json_object_get(one, "frontend-open"));
    }
    return false;
}

static void answer(struct vm *vm, int fd, const struct err *e)
{
    struct agent_question *q = TAKE_PTR(vm->agent);

    q->fn(fd, e, q->userdata);
    free(q);
}

static void got_chardevs(const json_t *ret, const struct err *e, void *userdata)
{
    struct vm *vm = userdata;
    struct err why = { 0 };
    int fd = -1;

    if (!e && listens(ret) && machine_agent_open(vm->dir, vm->user, &fd, &why) < 0)
        e = &why;
    answer(vm, fd, e);
}

int vm_agent_connect(struct vm *vm, vm_agent_fn fn, void *userdata, struct err *e)
{
    int r = vm_need_qmp(vm_checked(vm), "speak to the agent in", e);

    if (r < 0)
        return r;
    if (vm->agent)
        return err_set(e, EBUSY, ERR_CONFLICT, "the agent in '%s' is being asked already", vm->id);
    vm->agent = xcalloc(1, sizeof *vm->agent);
    *vm->agent = (struct agent_question){ .fn = fn, .userdata = userdata };
    r = qmp_send(vm->qmp, "query-chardev", NULL, ASK_TIMEOUT_MS, got_chardevs, vm, e);
    if (r < 0)
        free(TAKE_PTR(vm->agent));
    return r;
}

void vm_agent_end(struct vm *vm)
{
    struct err why = { 0 };

    if (!vm->agent)
        return;
    (void)err_set(&why, EPIPE, ERR_IO, "QEMU of '%s' ended", vm->id);
    answer(vm, -1, &why);
}
