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
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "str.h"

#define HELLO_MS          30000U
#define HELLO_ADOPT_MS    60000U
#define END_MS            5000U
#define CARE_MS           10000U
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

static void forget_start(struct vm *vm)
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
    forget_start(vm);
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
    forget_start(vm);
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
static void on_exit_of_qemu(struct child *c, const struct child_exit *x, void *userdata)
{
    struct vm *vm = vm_checked(userdata);

    (void)c;
    vm->exit = (struct child_exit){ .code = x->code, .signal = x->signal, .tail = "" };
    vm->exited = true;
    vm->state = VM_ENDING;
    stop_timers(vm);
    forget_start(vm);
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
    forget_start(vm);
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

static int connect_qmp(struct vm *vm, unsigned hello_ms, struct err *e);

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
    if (connect_qmp(vm, HELLO_MS, &e) < 0)
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

static int connect_qmp(struct vm *vm, unsigned hello_ms, struct err *e)
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
    if (vm_timer(vm, &vm->care_timer, CARE_MS, on_care, &e) < 0)
        log_warning("vm", "%s, going on", e.msg);
    vm_disks_care(vm);
    return 0;
}

/* ---- starting -------------------------------------------------------------------------------- */

static int spawn_qemu(struct vm *vm, int qmp_fd, int line_fd, int tpm_fd, struct err *e)
{
    _cleanup_free_ char *log = xasprintf("%s/qemu.log", vm->dir);
    struct child_spec cs = { .argv = (const char *const *)vm->args.v,
                             .log_path = log,
                             .user = vm->user,
                             .new_session = true,
                             .pass_fds = { qmp_fd, line_fd },
                             .n_pass_fds = 2,
                             .on_exit = on_exit_of_qemu,
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
    if (vm->pid.start_time == 0) /* ended already: on_exit_of_qemu tells */
        return 0;
    r = machine_pid_write(vm->dir, MACHINE_PID, &vm->pid, e);
    if (r == 0)
        r = connect_qmp(vm, HELLO_MS, e);
    if (r == 0)
        r = vm_timer(vm, &vm->care_timer, CARE_MS, on_care, e);
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
    forget_start(vm);
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
                 : child_adopt(vm->loop, vm->pid.pid, vm->pid.start_time, on_exit_of_qemu, vm,
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
    r = connect_qmp(vm, HELLO_ADOPT_MS, &later);
    if (r == 0)
        r = vm_timer(vm, &vm->care_timer, 0, on_care, &later);
    if (r < 0)
        vm_fail(vm, &later);
    *ret = TAKE_PTR(vm);
    return 0;
}
