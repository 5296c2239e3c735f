/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a machine begins: its disks' servers are asked, then its process is started; or the process
 * of an earlier daemon is adopted. What comes then is told at the top of vm.c. */
#include "vm-priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "clock.h"
#include "str.h"

#define HELLO_ADOPT_MS 60000U

static struct vm *vm_new(sd_event *loop, const struct vm_spec *s, vm_event_fn fn, void *userdata)
{
    struct vm *vm = xcalloc(1, sizeof *vm);

    vm->magic = VM_MAGIC;
    vm->tap_fd = -1;
    vm->loop = sd_event_ref(loop);
    vm->id = xstrdup(s->id);
    vm->dir = xstrdup(s->dir);
    vm->user = s->user ? xstrdup(s->user) : NULL;
    vm->serial_program = xstrdup(s->serial);
    vm->fn = fn;
    vm->userdata = userdata;
    return vm;
}

static int spawn_qemu(struct vm *vm, int qmp_fd, int line_fd, int tpm_fd, struct err *e)
{
    _cleanup_free_ char *log = xasprintf("%s/qemu.log", vm->dir);
    struct child_spec cs = { .argv = (const char *const *)vm->args.v,
                             .log_path = log,
                             .user = vm->user,
                             .new_session = true,
                             .pass_fds = { qmp_fd, line_fd },
                             .n_pass_fds = 2,
                             .on_exit = vm_on_exit_of_qemu,
                             .userdata = vm };

    if (vm->tap_fd >= 0)
        cs.pass_fds[cs.n_pass_fds++] = vm->tap_fd;
    if (tpm_fd >= 0)
        cs.pass_fds[cs.n_pass_fds++] = tpm_fd;

    vm->pid.log_offset = machine_log_size(vm->dir);
    return child_spawn(vm->loop, &cs, &vm->child, e);
}

/* After the process runs, each failure ends it by the ordinary way: vm_fail, VM_EXITED. */
static int begin_process(struct vm *vm, struct err *e)
{
    int r;

    vm->pid.pid = child_pid(vm->child);
    vm->pid.start_time = child_start_time(vm->pid.pid);
    vm->pid.started_ms = clock_real_ms();
    if (vm->pid.start_time == 0) /* ended already: vm_on_exit_of_qemu tells */
        return 0;
    r = machine_pid_write(vm->dir, MACHINE_PID, &vm->pid, e);
    if (r == 0)
        r = vm_connect(vm, VM_HELLO_MS, e);
    if (r == 0)
        r = vm_care_later(vm, VM_CARE_MS, e);
    return r;
}

static int launch(struct vm *vm, struct err *e)
{
    _cleanup_close_ int qmp_fd = -1, line_fd = -1, tpm_fd = -1;
    struct vm_spec s = { .dir = vm->dir, .user = vm->user, .firmware = vm->firmware };
    struct err later = { 0 };
    int r = machine_dir_prepare(&s, &qmp_fd, &line_fd, e);

    if (r < 0)
        return r;
    r = vm_line_start(vm, e);
    if (r == 0 && vm->tpm)
        r = vm_tpm_start(vm, &tpm_fd, e);
    if (r == 0)
        r = spawn_qemu(vm, qmp_fd, line_fd, tpm_fd, e);
    if (r < 0) { /* the relay and the TPM end with what is closed here */
        machine_dir_sweep(vm->dir);
        return r;
    }
    vm->state = VM_STARTING;
    vm_forget_start(vm);
    if (begin_process(vm, &later) < 0)
        vm_fail(vm, &later);
    return 0;
}

static void on_ping(struct nbd_ping *p, const struct err *e, void *userdata)
{
    struct vm *vm = vm_checked(userdata);
    struct err why = { 0 };

    if (e) {
        unsigned i = 0;

        while (i < vm->n_pings && vm->pings[i] != p)
            i++;
        why = *e;
        (void)err_wrap(&why, "disk '%s' of '%s'", i < vm->n_pings ? vm->ping_disks[i] : "?",
                       vm->id);
        vm_fail(vm, &why);
        return;
    }
    if (--vm->pings_left == 0 && launch(vm, &why) < 0) {
        (void)err_wrap(&why, "start '%s'", vm->id);
        vm_fail(vm, &why);
    }
}

static int ping_disks(struct vm *vm, const struct vm_spec *s, struct err *e)
{
    for (unsigned i = 0; i < s->n_disks; i++) {
        const struct vm_disk *d = &s->disks[i];
        int r;

        if (!d->nbd_socket)
            continue;
        (void)str_copy(vm->ping_disks[vm->n_pings], sizeof vm->ping_disks[0], d->id);
        r = nbd_ping_start(vm->loop, d->nbd_socket, NBD_PING_TIMEOUT_MS, on_ping, vm,
                           &vm->pings[vm->n_pings], e);
        if (r < 0)
            return err_wrap(e, "disk '%s' of '%s'", d->id, vm->id);
        vm->n_pings++;
        vm->pings_left++;
    }
    return 0;
}

/* Two of them would write to the same disks. */
static int refuse_if_alive(const struct vm *vm, struct err *e)
{
    struct machine_pid p;
    int r = machine_find(vm->dir, vm->id, &p, e);

    if (r == 0)
        return err_set(e, EBUSY, ERR_CONFLICT, "start '%s': its QEMU runs already (process %d)",
                       vm->id, (int)p.pid);
    if (e->kind != ERR_NOT_FOUND)
        return r;
    err_clear(e);
    return 0;
}

int vm_start(sd_event *loop, const struct vm_spec *spec, vm_event_fn fn, void *userdata,
             struct vm **ret, struct err *e)
{
    _cleanup_(vm_freep) struct vm *vm = NULL;
    int r = vm_spec_check(spec, e);

    if (r < 0)
        return err_wrap(e, "start '%s'", spec->id ? spec->id : "");
    vm = vm_new(loop, spec, fn, userdata);
    r = refuse_if_alive(vm, e);
    if (r == 0)
        r = vm_args_build(spec, &vm->args, e);
    if (r < 0)
        return r;
    vm->firmware = spec->firmware;
    vm->tpm = spec->tpm;
    if (spec->net == VM_NET_TAP) {
        vm->tap_fd = fcntl(spec->tap_fd, F_DUPFD_CLOEXEC, 3);
        if (vm->tap_fd < 0)
            return err_errno(e, "keep the tap device of '%s'", spec->id);
    }
    r = ping_disks(vm, spec, e);
    if (r == 0 && vm->n_pings == 0)
        r = launch(vm, e);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(vm);
    return 0;
}

/* The process of an earlier daemon; ERR_NOT_FOUND when it is gone. */
static int find_process(struct vm *vm, struct err *e)
{
    int r = machine_find(vm->dir, vm->id, &vm->pid, e);

    return r < 0 ? r
                 : child_adopt(vm->loop, vm->pid.pid, vm->pid.start_time, vm_on_exit_of_qemu, vm,
                               &vm->child, e);
}

int vm_adopt(sd_event *loop, const struct vm_spec *spec, vm_event_fn fn, void *userdata,
             struct vm **ret, struct err *e)
{
    _cleanup_(vm_freep) struct vm *vm = vm_new(loop, spec, fn, userdata);
    struct err later = { 0 };
    int r = find_process(vm, e);

    if (r < 0) {
        if (e->kind == ERR_NOT_FOUND)
            machine_dir_sweep(spec->dir);
        return err_wrap(e, "adopt QEMU of '%s'", spec->id);
    }
    vm->state = VM_STARTING;
    vm_line_adopt(vm);
    vm->last_reset_ms = clock_mono_ms(); /* it may be in the middle of one */
    r = vm_connect(vm, HELLO_ADOPT_MS, &later);
    if (r == 0)
        r = vm_care_later(vm, 0, &later);
    if (r < 0)
        vm_fail(vm, &later);
    *ret = TAKE_PTR(vm);
    return 0;
}
