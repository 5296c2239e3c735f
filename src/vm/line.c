/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The relay of a machine's serial line (kiln-serial): started before QEMU, so that no word is lost,
 * left alone by a daemon that goes, known again by its pid file, started again when it dies. It
 * ends by itself when QEMU does; the machine is not said to be gone before the last bytes are in
 * the log. */
#include "vm-priv.h"

#include <errno.h>
#include <signal.h>

#include "clock.h"
#include "log.h"
#include "str.h"

#define LAST_BYTES_MS 2000U  /* more than it needs; then it is killed */
#define AGAIN_MS      10000U /* a relay that dies sooner waits for the next care */

static void on_serial_exit(struct child *c, const struct child_exit *x, void *userdata)
{
    struct vm *vm = vm_checked(userdata);
    bool died = x->signal || x->code > 0;

    (void)c;
    child_free(TAKE_PTR(vm->serial));
    if (vm->exited) {
        vm_line_ended(vm);
        return;
    }
    if (!died) /* the line has ended: QEMU is about to follow, or vm_line_care sees that it is not
                */
        return;
    log_warning("vm", "the relay of the serial line of '%s' died (status %d, signal %d)", vm->id,
                x->code, x->signal);
    if (clock_mono_ms() - vm->serial_ms > AGAIN_MS)
        vm_line_care(vm);
}

static int write_pid(const struct vm *vm, struct err *e)
{
    struct machine_pid p = { .pid = child_pid(vm->serial), .started_ms = clock_real_ms() };

    p.start_time = child_start_time(p.pid);
    return p.start_time ? machine_pid_write(vm->dir, SERIAL_PID, &p, e) : 0; /* 0: ended already */
}

int vm_line_start(struct vm *vm, struct err *e)
{
    const char *argv[] = { vm->serial_program, vm->dir, NULL };
    struct machine_line l;
    int r = machine_line_open(vm->dir, vm->user, &l, e);

    vm->serial_ms = clock_mono_ms();
    if (r == 0) {
        struct child_spec cs = { .argv = argv,
                                 .user = vm->user,
                                 .new_session = true,
                                 .pass_fds = { l.fds[0], l.fds[1], l.fds[2] },
                                 .n_pass_fds = ARRAY_LEN(l.fds),
                                 .on_exit = on_serial_exit,
                                 .userdata = vm };

        r = child_spawn(vm->loop, &cs, &vm->serial, e);
        machine_line_done(&l);
    }
    if (r == 0)
        r = write_pid(vm, e);
    return r < 0 ? err_wrap(e, "keep the serial line of '%s'", vm->id) : 0;
}

void vm_line_adopt(struct vm *vm)
{
    struct machine_pid p;
    struct err e = { 0 };
    int r = machine_pid_read(vm->dir, SERIAL_PID, &p, &e);

    if (r == 0)
        r = child_adopt(vm->loop, p.pid, p.start_time, on_serial_exit, vm, &vm->serial, &e);
    if (r == 0)
        vm->serial_ms = clock_mono_ms();
    else
        vm_line_care(vm);
}

void vm_line_care(struct vm *vm)
{
    struct err e = { 0 };

    if (vm->serial || vm->exited || vm->state == VM_ENDING || vm->state == VM_DEAD)
        return;
    if (vm_line_start(vm, &e) < 0)
        log_warning("vm", "%s, trying again later", e.msg);
}

static int on_late(sd_event_source *s, uint64_t usec, void *userdata)
{
    struct vm *vm = vm_checked(userdata);
    struct err e = { 0 };

    (void)s, (void)usec;
    log_warning("vm", "the relay of the serial line of '%s' does not end: killing it", vm->id);
    if (child_signal(vm->serial, SIGKILL, &e) < 0) {
        log_error("vm", "%s", e.msg);
        child_free(TAKE_PTR(vm->serial));
        vm_line_ended(vm);
    }
    return 0;
}

bool vm_line_wait(struct vm *vm)
{
    struct err e = { 0 };

    if (!vm->serial)
        return false;
    if (vm_timer(vm, &vm->serial_timer, LAST_BYTES_MS, on_late, &e) == 0)
        return true;
    log_error("vm", "%s", e.msg);
    return false;
}
