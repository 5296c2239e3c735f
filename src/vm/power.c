/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Power button, plug and reset. */
#include <errno.h>

#include "log.h"
#include "vm-priv.h"

#define PRESS_MS 2000U
#define STOP_MS  10000U /* QEMU's answer to "stop": it flushes the disks meanwhile */

void vm_power_done(struct vm *vm)
{
    vm_timer_stop(&vm->press_timer);
    vm_timer_stop(&vm->power_timer);
}

/* A QEMU that does not do what each QEMU can do is ended. */
static void must_succeed(const json_t *ret, const struct err *e, void *userdata)
{
    struct vm *vm = userdata;
    struct err why;

    (void)ret;
    if (!e)
        return;
    why = *e;
    (void)err_wrap(&why, "QEMU of '%s'", vm->id);
    vm_fail(vm, &why);
}

static int stop_guest(struct vm *vm, struct err *e)
{
    return qmp_send(vm->qmp, "stop", NULL, STOP_MS, must_succeed, vm, e);
}

/* ---- the power button ------------------------------------------------------------------------ */

static int on_press(sd_event_source *s, uint64_t usec, void *userdata)
{
    struct vm *vm = vm_checked(userdata);
    struct err e = { 0 };

    (void)s, (void)usec;
    if (vm->state == VM_UP && qmp_is_ready(vm->qmp) &&
        qmp_send(vm->qmp, "system_powerdown", NULL, 0, NULL, NULL, &e) < 0) {
        log_warning("vm", "%s, pressing again", e.msg);
        err_clear(&e);
    }
    if (vm_timer(vm, &vm->press_timer, PRESS_MS, on_press, &e) < 0)
        log_warning("vm", "%s, waiting for the deadline", e.msg);
    return 0;
}

static int on_power_late(sd_event_source *s, uint64_t usec, void *userdata)
{
    struct vm *vm = vm_checked(userdata);
    struct err e = { 0 };

    (void)s, (void)usec;
    vm_power_done(vm);
    (void)err_set(&vm->stop_why, ETIMEDOUT, ERR_TIMEOUT,
                  "the guest of '%s' did not power off in time and was stopped hard", vm->id);
    if (vm->state != VM_UP || !qmp_is_ready(vm->qmp))
        vm_fail(vm, &vm->stop_why);
    else if (stop_guest(vm, &e) < 0)
        vm_fail(vm, &e);
    return 0;
}

int vm_powerdown(struct vm *vm, unsigned timeout_ms, struct err *e)
{
    int r;

    if (vm_checked(vm)->state >= VM_DOWN)
        return err_set(e, EBUSY, ERR_CONFLICT, "power off '%s': its guest does not run", vm->id);
    vm->stop_why = (struct err){ 0 };
    r = vm_timer(vm, &vm->power_timer, timeout_ms, on_power_late, e);
    if (r == 0)
        r = vm_timer(vm, &vm->press_timer, 0, on_press, e);
    if (r < 0)
        vm_power_done(vm);
    return r;
}

/* ---- plug and reset -------------------------------------------------------------------------- */

int vm_halt(struct vm *vm, struct err *e)
{
    int r = vm_need_qmp(vm_checked(vm), "halt", e);

    if (r < 0)
        return r;
    if (vm->state != VM_UP)
        return err_set(e, EBUSY, ERR_CONFLICT, "halt '%s': its guest does not run", vm->id);
    vm_power_done(vm);
    return stop_guest(vm, e);
}

/* The reset is done when its event comes; a "cont" before that would be refused. */
int vm_resume(struct vm *vm, struct err *e)
{
    int r = vm_need_qmp(vm_checked(vm), "start", e);

    if (r < 0)
        return r;
    if (vm->state != VM_DOWN || vm->resuming)
        return err_set(e, EBUSY, ERR_CONFLICT, "start '%s': its guest runs", vm->id);
    r = qmp_send(vm->qmp, "system_reset", NULL, 0, must_succeed, vm, e);
    if (r == 0)
        vm->resuming = true;
    return r;
}

void vm_power_reset_seen(struct vm *vm)
{
    struct err e = { 0 };

    if (vm->resuming && qmp_is_ready(vm->qmp) &&
        qmp_send(vm->qmp, "cont", NULL, 0, must_succeed, vm, &e) < 0)
        vm_fail(vm, &e);
}

int vm_reset(struct vm *vm, struct err *e)
{
    int r = vm_need_qmp(vm_checked(vm), "reset", e);

    if (r < 0)
        return r;
    if (vm->state != VM_UP)
        return err_set(e, EBUSY, ERR_CONFLICT, "reset '%s': its guest does not run", vm->id);
    return qmp_send(vm->qmp, "system_reset", NULL, 0, must_succeed, vm, e);
}
