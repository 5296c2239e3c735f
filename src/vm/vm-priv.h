/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of this room share about a machine. */
#pragma once

#include "child.h"
#include "machine-dir.h"
#include "nbd-ping.h"
#include "qemu-args.h"
#include "qmp.h"
#include "vm.h"

#define VM_MAGIC 0x766d6b6eU

enum vm_state {
    VM_CHECKING, /* its disks' servers are asked; no process yet */
    VM_STARTING, /* the process runs, its state is not known yet */
    VM_UP,       /* the guest's processors run */
    VM_DOWN,     /* they do not; QEMU waits */
    VM_ENDING,   /* the process is told to end */
    VM_DEAD,     /* VM_EXITED was told */
};

struct disk_op;    /* disks.c */
struct disk_watch; /* disk-watch.c */

struct vm {
    unsigned magic;
    unsigned holds; /* callbacks running; vm_free waits for them */
    bool free_me;
    sd_event *loop;
    char *id, *dir;
    vm_event_fn fn;
    void *userdata;

    enum vm_state state;
    bool asked_to_end; /* by vm_kill */
    bool resuming;     /* the reset before a new start is under way */
    uint64_t last_reset_ms;
    struct err end_why;  /* why we end it ourselves; no == 0: nothing yet */
    struct err stop_why; /* told with the next VM_GUEST_DOWN */

    struct child *child;
    struct machine_pid pid;
    struct qmp *qmp;
    unsigned n_reconnects;

    /* the serial line's relay: line.c */
    char *serial_program, *user;
    struct child *serial;
    uint64_t serial_ms; /* when it was started last */
    sd_event_source *serial_timer;
    struct child_exit exit; /* of QEMU, while the relay writes the last bytes */
    bool exited;

    /* until the process runs */
    struct vm_args args;
    enum vm_firmware firmware;
    bool tpm;
    int tap_fd; /* -1: none */
    struct nbd_ping *pings[VM_DISKS_MAX];
    char ping_disks[VM_DISKS_MAX][32];
    unsigned n_pings, pings_left;

    sd_event_source *hello_timer; /* QMP must greet until then */
    sd_event_source *end_timer;   /* then SIGKILL */
    sd_event_source *press_timer, *power_timer;
    sd_event_source *care_timer; /* logs, disk errors */
    sd_event_source *later;      /* death without a process */

    struct agent_question *agent; /* agent.c */

    sd_event_source *disk_timer;
    struct disk_op *ops;
    struct disk_watch *watches; /* disk-watch.c: known error counts, forced detaches */
};

struct vm *vm_checked(const struct vm *vm); /* asserts the magic */
void vm_hold(struct vm *vm);
void vm_drop(struct vm *vm);
/* The machine may be freed inside: hold it, or touch it no more. */
void vm_tell(struct vm *vm, enum vm_event ev, const char *detail, const struct err *why);

#define VM_HELLO_MS 30000U
#define VM_CARE_MS  10000U

/* The QMP connection; who does not greet in time fails the machine. */
int vm_connect(struct vm *vm, unsigned hello_ms, struct err *e);
/* Logs, relay and disks are looked after, then and every VM_CARE_MS. */
int vm_care_later(struct vm *vm, uint64_t after_ms, struct err *e);
void vm_on_exit_of_qemu(struct child *c, const struct child_exit *x, void *userdata);
void vm_forget_start(struct vm *vm); /* what is kept only until the process runs */

/* Ends the process because something is wrong; VM_EXITED will carry why. */
void vm_fail(struct vm *vm, const struct err *why);
/* Asks QEMU what state it is in and follows it. */
void vm_ask_state(struct vm *vm);
/* ERR_CONFLICT unless QEMU can be spoken to. */
int vm_need_qmp(const struct vm *vm, const char *attempt, struct err *e);
int vm_timer(struct vm *vm, sd_event_source **slot, uint64_t after_ms, sd_event_time_handler_t fn,
             struct err *e);
void vm_timer_stop(sd_event_source **slot);

/* line.c. Before QEMU: its first word is kept. */
int vm_line_start(struct vm *vm, struct err *e);
void vm_line_adopt(struct vm *vm);
void vm_line_care(struct vm *vm); /* a relay that is missing is started again */
/* After QEMU's end: vm_line_ended is called when the last bytes are in the log; false: they are. */
bool vm_line_wait(struct vm *vm);
void vm_line_ended(struct vm *vm);

/* agent.c. QMP is gone: who waits for an answer gets none. */
void vm_agent_end(struct vm *vm);

/* tpm.c. Before QEMU, which gets *ret_qemu_fd (caller closes); without a QEMU it ends by itself. */
int vm_tpm_start(struct vm *vm, int *ret_qemu_fd, struct err *e);

/* power.c */
void vm_power_done(struct vm *vm); /* the guest is down: no more presses */
void vm_power_reset_seen(struct vm *vm);

/* disk-watch.c: what QEMU cannot be asked for */
struct disk_watch {
    struct disk_watch *next;
    char id[32];
    bool forced;     /* its storage is gone, its device may not be */
    uint64_t errors; /* of its node, at the last look */
};
struct disk_watch *disk_watch_find(struct vm *vm, const char *id); /* NULL: nothing is known */
struct disk_watch *disk_watch_make(struct vm *vm, const char *id);
void disk_watch_drop(struct vm *vm, const char *id);
void vm_disks_care(struct vm *vm); /* looks for disk errors */

/* disks.c */
void vm_disks_event(struct vm *vm, const char *name, const json_t *data);
void vm_disks_begin(struct vm *vm); /* QMP is ready: what waited for it begins */
void vm_disks_end(struct vm *vm, const struct err *why); /* why NULL: tells nobody */
