/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The life of a machine.
 *
 *   vm_start --> CHECKING --pings_done()--> STARTING --+              +--follow_state()--+
 *                                                      +--got_state()--> UP <-------> DOWN
 *   vm_adopt ------------------------------> STARTING -+
 *
 *   any --vm_kill(), vm_fail()--> ENDING --on_exit(), on_later()--> DEAD
 *   any with a process --it ends by itself--> DEAD
 *
 * UP and DOWN are what QEMU says: events only make us ask (query-status). The answer to that
 * question comes after QEMU has stopped the processors and flushed the disks, so VM_GUEST_DOWN
 * means that the disks are quiet and whole. A start and an adoption take the same road.
 *
 * CHECKING  no process, no files          STARTING  process, pid file; QMP may be missing
 * UP, DOWN  QMP was ready once; it is missing for a moment after a lost connection
 * ENDING    nothing is told but VM_EXITED DEAD      process gone, files swept; only vm_free is left
 */
#include "vm-priv.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "str.h"

#define END_MS            5000U
#define RECONNECTS_MAX    8U
#define FIRMWARE_RESET_MS 3000U

/* ---- small things ---------------------------------------------------------------------------- */

struct vm *vm_checked(const struct vm *vm)
{
    assert(vm && vm->magic == VM_MAGIC);
    return (struct vm *)vm;
}

void vm_hold(struct vm *vm)
{
    vm_checked(vm)->holds++;
}

void vm_drop(struct vm *vm)
{
    if (--vm_checked(vm)->holds == 0 && vm->free_me)
        vm_free(vm);
}

void vm_tell(struct vm *vm, enum vm_event ev, const char *detail, const struct err *why)
{
    if (!vm->free_me)
        vm->fn(vm, ev, detail, why, vm->userdata);
}

void vm_timer_stop(sd_event_source **slot)
{
    *slot = sd_event_source_disable_unref(*slot);
}

int vm_timer(struct vm *vm, sd_event_source **slot, uint64_t after_ms, sd_event_time_handler_t fn,
             struct err *e)
{
    int r;

    vm_timer_stop(slot);
    r = sd_event_add_time_relative(vm->loop, slot, CLOCK_MONOTONIC, after_ms * 1000, 10000, fn, vm);
    return r < 0 ? err_no(e, r, "set a timer for '%s'", vm->id) : 0;
}

int vm_need_qmp(const struct vm *vm, const char *attempt, struct err *e)
{
    if ((vm->state == VM_UP || vm->state == VM_DOWN) && qmp_is_ready(vm->qmp))
        return 0;
    return err_set(e, EBUSY, ERR_CONFLICT, "%s '%s': its QEMU cannot be spoken to now", attempt,
                   vm->id);
}

void vm_forget_start(struct vm *vm)
{
    for (unsigned i = 0; i < vm->n_pings; i++)
        nbd_ping_free(TAKE_PTR(vm->pings[i]));
    vm->n_pings = 0;
    vm_args_done(&vm->args);
    close_fdp(&vm->tap_fd); /* QEMU has its own copy */
    vm->tap_fd = -1;
}

static void stop_timers(struct vm *vm)
{
    vm_timer_stop(&vm->hello_timer);
    vm_timer_stop(&vm->end_timer);
    vm_timer_stop(&vm->press_timer);
    vm_timer_stop(&vm->power_timer);
    vm_timer_stop(&vm->care_timer);
    vm_timer_stop(&vm->later);
    vm_timer_stop(&vm->disk_timer);
    vm_timer_stop(&vm->serial_timer);
}

void vm_free(struct vm *vm)
{
    if (!vm)
        return;
    vm_checked(vm);
    vm->free_me = true;
    stop_timers(vm);
    vm_forget_start(vm);
    vm_disks_end(vm, NULL);
    qmp_free(TAKE_PTR(vm->qmp));
    vm_agent_end(vm);
    child_free(TAKE_PTR(vm->child));
    child_free(TAKE_PTR(vm->serial));
    if (vm->holds)
        return;
    sd_event_unref(vm->loop);
    free(vm->id);
    free(vm->dir);
    free(vm->user);
    free(vm->serial_program);
    vm->magic = 0;
    free(vm);
}

bool vm_is_running(const struct vm *vm)
{
    return vm_checked(vm)->state == VM_UP;
}

bool vm_is_guest_down(const struct vm *vm)
{
    return vm_checked(vm)->state == VM_DOWN;
}

uint64_t vm_started_ms(const struct vm *vm)
{
    return vm_checked(vm)->pid.started_ms;
}

/* ---- the end --------------------------------------------------------------------------------- */

static void describe_exit(const struct vm *vm, const struct child_exit *x, struct err *e)
{
    char line[256], how[64];

    machine_log_last_line(vm->dir, vm->pid.log_offset, line, sizeof line);
    if (x->signal)
        (void)snprintf(how, sizeof how, "was killed by signal %d", x->signal);
    else if (x->code >= 0)
        (void)snprintf(how, sizeof how, "ended with status %d", x->code);
    else
        (void)snprintf(how, sizeof how, "ended");
    (void)err_set(e, EIO, ERR_IO, "QEMU of '%s' %s%s%s%s", vm->id, how, line[0] ? ": '" : "", line,
                  line[0] ? "'" : "");
}

/* Only from the loop. x is NULL when no process ran. */
static void die(struct vm *vm, const struct child_exit *x)
{
    struct err why = { 0 };

    if (vm->end_why.no)
        why = vm->end_why;
    else if (!vm->asked_to_end && x)
        describe_exit(vm, x, &why);
    vm_hold(vm);
    vm->state = VM_DEAD;
    stop_timers(vm);
    vm_forget_start(vm);
    qmp_free(TAKE_PTR(vm->qmp));
    vm_agent_end(vm);
    child_free(TAKE_PTR(vm->child));
    child_free(TAKE_PTR(vm->serial)); /* without a QEMU it ends by itself */
    machine_dir_sweep(vm->dir);
    if (why.no) {
        vm_disks_end(vm, &why);
    } else {
        struct err ended = { 0 };

        (void)err_set(&ended, ECANCELED, ERR_CONFLICT, "QEMU of '%s' was ended", vm->id);
        vm_disks_end(vm, &ended);
    }
    vm_tell(vm, VM_EXITED, NULL, &why);
    vm_drop(vm);
}

void vm_line_ended(struct vm *vm)
{
    die(vm, &vm->exit);
}

/* It is dead when the last bytes of its serial line are in the log as well. */
void vm_on_exit_of_qemu(struct child *c, const struct child_exit *x, void *userdata)
{
    struct vm *vm = vm_checked(userdata);

    (void)c;
    vm->exit = (struct child_exit){ .code = x->code, .signal = x->signal, .tail = "" };
    vm->exited = true;
    vm->state = VM_ENDING;
    stop_timers(vm);
    vm_forget_start(vm);
    qmp_free(TAKE_PTR(vm->qmp));
    vm_agent_end(vm);
    child_free(TAKE_PTR(vm->child));
    if (!vm_line_wait(vm))
        vm_line_ended(vm);
}

static int on_later(sd_event_source *s, void *userdata)
{
    (void)s;
    die(vm_checked(userdata), NULL);
    return 0;
}

static void kill_now(struct vm *vm)
{
    struct err e = { 0 };

    if (child_signal(vm->child, SIGKILL, &e) < 0)
        log_error("vm", "kill QEMU of '%s': %s", vm->id, e.msg);
}

static void enter_ending(struct vm *vm)
{
    vm->state = VM_ENDING;
    stop_timers(vm);
    vm_forget_start(vm);
    if (vm->child)
        return;
    /* Never from inside of a call: VM_EXITED comes from the loop. */
    if (sd_event_add_defer(vm->loop, &vm->later, on_later, vm) < 0)
        abort();
}

void vm_fail(struct vm *vm, const struct err *why)
{
    if (vm->state == VM_DEAD || vm->exited || (vm->state == VM_ENDING && vm->asked_to_end))
        return;
    if (!vm->end_why.no)
        vm->end_why = *why;
    if (vm->state != VM_ENDING)
        enter_ending(vm);
    if (vm->child)
        kill_now(vm);
}

static int on_end_late(sd_event_source *s, uint64_t usec, void *userdata)
{
    (void)s, (void)usec;
    kill_now(vm_checked(userdata));
    return 0;
}

void vm_kill(struct vm *vm)
{
    struct err e = { 0 };

    if (vm_checked(vm)->state == VM_DEAD || vm->exited || vm->asked_to_end)
        return;
    vm->asked_to_end = true;
    vm->end_why = (struct err){ 0 };
    if (vm->state != VM_ENDING)
        enter_ending(vm);
    if (!vm->child)
        return;
    if (!qmp_is_ready(vm->qmp) || qmp_send(vm->qmp, "quit", NULL, 0, NULL, NULL, &e) < 0 ||
        vm_timer(vm, &vm->end_timer, END_MS, on_end_late, &e) < 0)
        kill_now(vm);
}

/* ---- following QEMU's state ------------------------------------------------------------------ */

static void follow_state(struct vm *vm, const char *status)
{
    struct err why = vm->stop_why;

    if (str_eq(status, "running")) {
        vm->resuming = false;
        if (vm->state == VM_UP)
            return;
        vm->state = VM_UP;
        vm_tell(vm, VM_RUNNING, NULL, NULL);
        return;
    }
    if (vm->resuming && str_eq(status, "prelaunch")) /* its event went with a lost connection */
        vm_power_reset_seen(vm);
    if (vm->resuming || vm->state == VM_DOWN)
        return;
    if (!why.no && (str_eq(status, "internal-error") || str_eq(status, "guest-panicked")))
        (void)err_set(&why, EIO, ERR_IO, "the guest of '%s' stopped: %s", vm->id, status);
    vm->state = VM_DOWN;
    vm->stop_why = (struct err){ 0 };
    vm_power_done(vm);
    vm_tell(vm, VM_GUEST_DOWN, NULL, why.no ? &why : NULL);
}

static void got_state(const json_t *ret, const struct err *e, void *userdata)
{
    struct vm *vm = vm_checked(userdata);
    const char *status = json_string_value(json_object_get(ret, "status"));
    struct err why = { 0 };

    if (vm->state == VM_ENDING || (e && !qmp_is_ready(vm->qmp))) /* a new connection asks again */
        return;
    vm_timer_stop(&vm->hello_timer);
    if (e || !status) {
        if (e)
            why = *e;
        else
            (void)err_set(&why, EPROTO, ERR_CORRUPT, "QEMU tells no state");
        (void)err_wrap(&why, "ask QEMU of '%s' for its state", vm->id);
        vm_fail(vm, &why);
        return;
    }
    follow_state(vm, status);
}

void vm_ask_state(struct vm *vm)
{
    struct err e = { 0 };

    if (qmp_is_ready(vm->qmp) && qmp_send(vm->qmp, "query-status", NULL, 0, got_state, vm, &e) < 0)
        vm_fail(vm, &e);
}

static void on_qmp_ready(void *userdata)
{
    struct vm *vm = vm_checked(userdata);

    vm_ask_state(vm);
    vm_disks_begin(vm);
}

/* Each start after the first one and each reset makes the firmware reset the machine once or twice
 * more. Those are not the guest's. */
static void on_reset(struct vm *vm, bool by_guest)
{
    uint64_t now = clock_mono_ms(), since = now - vm->last_reset_ms;

    vm->last_reset_ms = now;
    if (!by_guest)
        vm_power_reset_seen(vm);
    else if (since > FIRMWARE_RESET_MS)
        vm_tell(vm, VM_GUEST_RESET, NULL, NULL);
}

static void on_qmp_event(const char *name, const json_t *data, void *userdata)
{
    struct vm *vm = vm_checked(userdata);

    if (vm->state == VM_ENDING)
        return;
    log_debug("vm", "QEMU's event vm=%s name=%s", vm->id, name);
    if (str_eq(name, "STOP") || str_eq(name, "RESUME")) {
        vm_ask_state(vm);
    } else if (str_eq(name, "RESET")) {
        on_reset(vm, json_is_true(json_object_get(data, "guest")));
    } else {
        vm_disks_event(vm, name, data);
    }
}

/* ---- the QMP connection ---------------------------------------------------------------------- */

/* QEMU closes the socket a moment before it ends, so a failure to come back is not told: if the
 * process goes, its exit is the story; if it stays, the timer is. */
static void on_qmp_down(const struct err *why, void *userdata)
{
    struct vm *vm = vm_checked(userdata);
    struct err lost = *why, e = { 0 };

    qmp_free(TAKE_PTR(vm->qmp));
    vm_agent_end(vm);
    if (vm->state == VM_ENDING)
        return;
    (void)err_wrap(&lost, "QMP of '%s'", vm->id);
    if (why->kind == ERR_CORRUPT || why->kind == ERR_LIMIT ||
        vm->n_reconnects++ >= RECONNECTS_MAX) {
        vm_fail(vm, &lost);
        return;
    }
    if (vm_connect(vm, VM_HELLO_MS, &e) < 0)
        log_debug("vm", "reconnect to QMP vm=%s: %s", vm->id, e.msg);
}

static int on_no_hello(sd_event_source *s, uint64_t usec, void *userdata)
{
    struct vm *vm = vm_checked(userdata);
    struct err why = { 0 };

    (void)s, (void)usec;
    (void)err_set(&why, ETIMEDOUT, ERR_TIMEOUT, "QEMU of '%s' does not answer on its QMP socket",
                  vm->id);
    vm_fail(vm, &why);
    return 0;
}

int vm_connect(struct vm *vm, unsigned hello_ms, struct err *e)
{
    struct qmp_hooks hooks = { on_qmp_ready, on_qmp_event, on_qmp_down, vm };
    _cleanup_free_ char *path = xasprintf("%s/qmp.sock", vm->dir);
    int r = vm_timer(vm, &vm->hello_timer, hello_ms, on_no_hello, e);

    return r < 0 ? r : qmp_connect(vm->loop, path, &hooks, &vm->qmp, e);
}

static int on_care(sd_event_source *s, uint64_t usec, void *userdata)
{
    struct vm *vm = vm_checked(userdata);
    struct err e = { 0 };

    (void)s, (void)usec;
    if (machine_log_cut(vm->dir, "qemu.log", MACHINE_LOG_CEILING, MACHINE_LOG_KEEP, &e) < 0) {
        log_warning("vm", "%s, going on", e.msg);
        err_clear(&e);
    }
    vm_line_care(vm);
    if (vm_care_later(vm, VM_CARE_MS, &e) < 0)
        log_warning("vm", "%s, going on", e.msg);
    vm_disks_care(vm);
    return 0;
}

int vm_care_later(struct vm *vm, uint64_t after_ms, struct err *e)
{
    return vm_timer(vm, &vm->care_timer, after_ms, on_care, e);
}
