/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Virtual machines: one QEMU each, started by argument vector, spoken to over QMP, watched by
 * pidfd, adopted again after a restart of the daemon. Knows nothing of EC2's API. */
#pragma once

#include <systemd/sd-event.h>

#include "err.h"

/* ---- acceleration ---------------------------------------------------------------------------- */

enum vm_accel { VM_ACCEL_TCG, VM_ACCEL_KVM, VM_ACCEL_MAX };
const char *vm_accel_name(enum vm_accel a);

/* Finds out once whether KVM runs a guest here, for the user that guests run as (NULL: this one):
 * a boot sector under a deadline of two seconds, in a process of its own; the answer is remembered
 * in cache_path for this boot (boot id, QEMU version), so that a second call costs nothing. fn is
 * called from the loop, or before this returns when the answer is known at once; why is one
 * sentence for the log. */
typedef void (*vm_probe_fn)(enum vm_accel accel, const char *why, void *userdata);
int vm_probe(sd_event *loop, const char *qemu, const char *user, const char *cache_path,
             vm_probe_fn fn, void *userdata, struct err *e);

/* ---- machines -------------------------------------------------------------------------------- */

enum vm_firmware {
    VM_FIRMWARE_BIOS,
    VM_FIRMWARE_UEFI,
    VM_FIRMWARE_UEFI_SECURE, /* Secure Boot is on, with Microsoft's keys */
    VM_FIRMWARE_MAX
};

#define VM_DISKS_MAX 40

struct vm_disk {
    char id[32];     /* names the device and node; volume id, or "ephemeral0" */
    char serial[32]; /* NVMe serial: the volume id without its dash, as on Nitro ("vol0123…");
                        "" for none */
    const char *nbd_socket; /* a volume server's unix socket, NULL: file */
    const char *file;       /* raw file (instance store), with nbd_socket NULL */
    bool boot;              /* the first boot device */
};

enum vm_nic { VM_NIC_E1000E, VM_NIC_VIRTIO, VM_NIC_MAX };

/* How the guest's network card is connected. */
enum vm_net {
    VM_NET_ISOLATED, /* QEMU's own user network, closed: an address and nothing behind it */
    VM_NET_TAP,      /* an open tap device */
    VM_NET_USER,     /* QEMU's own user network, open to the outside, with the metadata service */
    VM_NET_MAX
};

struct vm_spec {
    const char *id;     /* instance id */
    const char *dir;    /* the machine's directory: sockets, console.log, qemu.log, pid files */
    const char *qemu;   /* "qemu-system-x86_64" */
    const char *serial; /* program that keeps the serial line: kiln-serial */
    const char *user;   /* unprivileged user, NULL: stay */
    enum vm_accel accel;
    enum vm_firmware firmware;
    bool tpm; /* version 2.0; its state is kept in dir */
    unsigned vcpus;
    uint64_t memory_bytes;
    char uuid[37]; /* SMBIOS, lower case, begins with "ec2"; the serial number equals it */
    bool windows;  /* the guest: under KVM it is offered what Hyper-V offers, and no HPET */
    char mac[18];
    enum vm_nic nic;
    enum vm_net net;
    int tap_fd;        /* VM_NET_TAP: open, not taken; QEMU inherits a copy */
    const char *relay; /* VM_NET_USER: program that connects a guest to relay_socket */
    const char *relay_socket;
    const struct vm_disk *disks; /* copied */
    unsigned n_disks;
};

struct vm;

enum vm_event {
    VM_RUNNING,     /* the guest's processors run */
    VM_GUEST_DOWN,  /* the guest powered off; QEMU waits (vm_resume or vm_kill) */
    VM_GUEST_RESET, /* the guest restarted itself */
    VM_DISK_GONE,   /* a detach has ended; detail = disk id */
    VM_DISK_ERROR,  /* a disk answered with an error; detail = disk id */
    VM_EXITED,      /* QEMU ended; why tells (no == 0: asked for); the object is dead, free it */
};

typedef void (*vm_event_fn)(struct vm *vm, enum vm_event ev, const char *detail,
                            const struct err *why, void *userdata);

/* Asks each disk's server for an answer first (NBD handshake under a deadline of 2 s, asynchronous:
 * a silent server freezes a whole guest), then starts QEMU (-no-shutdown), then VM_RUNNING.
 * Failures after this call returned arrive as VM_EXITED. */
int vm_start(sd_event *loop, const struct vm_spec *spec, vm_event_fn fn, void *userdata,
             struct vm **ret, struct err *e);
/* Takes over the QEMU that an earlier daemon started in spec->dir; ERR_NOT_FOUND when none lives
 * there (its leftovers are removed then). Tells its present state by VM_RUNNING or VM_GUEST_DOWN.
 * Of the spec: id, dir, serial, user. */
int vm_adopt(sd_event *loop, const struct vm_spec *spec, vm_event_fn fn, void *userdata,
             struct vm **ret, struct err *e);
bool vm_is_running(const struct vm *vm);     /* the guest runs */
bool vm_is_guest_down(const struct vm *vm);  /* powered off, QEMU waits */
uint64_t vm_started_ms(const struct vm *vm); /* when QEMU was; a vm_resume changes nothing */

/* The ACPI power button; repeated every 2 s until VM_GUEST_DOWN (a press before the guest listens
 * is lost); after timeout_ms QEMU is made to stop the guest hard: VM_GUEST_DOWN arrives all the
 * same, with why set (ERR_TIMEOUT). */
int vm_powerdown(struct vm *vm, unsigned timeout_ms, struct err *e);
/* Stops the guest at once as by pulling the plug, QEMU waits: VM_GUEST_DOWN. */
int vm_halt(struct vm *vm, struct err *e);
/* After VM_GUEST_DOWN: the machine starts from its firmware again: VM_RUNNING. */
int vm_resume(struct vm *vm, struct err *e);
int vm_reset(struct vm *vm, struct err *e);
/* QEMU ends: quit over QMP, SIGKILL after 5 s; then VM_EXITED with no == 0. */
void vm_kill(struct vm *vm);

/* Hot plug; fn is called once. Attach checks the disk's server first, as vm_start does. Detach: fn
 * as soon as the guest was asked; VM_DISK_GONE when it let go (force: pulled without asking: the
 * storage is free at once, the guest gets errors from then on). ERR_NOT_FOUND from a detach: it is
 * gone already, and VM_DISK_GONE will not come. Both may be repeated, also by the next daemon;
 * while QEMU starts or is being adopted they wait. */
typedef void (*vm_done_fn)(struct vm *vm, const struct err *e, void *userdata);
int vm_disk_attach(struct vm *vm, const struct vm_disk *disk, vm_done_fn fn, void *userdata,
                   struct err *e);
int vm_disk_detach(struct vm *vm, const char *disk_id, bool force, vm_done_fn fn, void *userdata,
                   struct err *e);

/* The guest's screen as a JPEG file in memory; fn is called once. */
typedef void (*vm_screen_fn)(struct vm *vm, const void *jpeg, size_t n, const struct err *e,
                             void *userdata);
int vm_screenshot(struct vm *vm, vm_screen_fn fn, void *userdata, struct err *e);

/* A connection to the QEMU Guest Agent, for kiln-freeze: fn is called once, from the loop. fd is
 * the callee's; -1 without an error: no agent listens in the guest. */
typedef void (*vm_agent_fn)(int fd, const struct err *e, void *userdata);
int vm_agent_connect(struct vm *vm, vm_agent_fn fn, void *userdata, struct err *e);

/* console.log: what the guest wrote to its serial port over all boots of this directory. When it
 * would grow above MAX, exactly DROP bytes go from its front, perhaps more than once. */
#define VM_CONSOLE_MAX  MIB(8)
#define VM_CONSOLE_DROP MIB(7)
/* Its last bytes, at most max; caller frees. */
int vm_console_tail(const char *dir, size_t max, char **ret, size_t *ret_len, struct err *e);

/* Forgets the object; QEMU goes on (adopt later). */
void vm_free(struct vm *vm);
DEFINE_FREEP(vm_free, struct vm);
