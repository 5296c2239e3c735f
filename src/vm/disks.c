/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hot plug. One operation is a chain of QMP commands; each reply starts the next step.
 *
 *   attach: [NBD ping] -> is the device there already? -> leftover node away -> node -> device
 *   detach: device_del; the guest lets go when it likes -> DEVICE_DELETED -> node away
 *           -> VM_DISK_GONE
 *   forced: device_del -> dead node -> reopen the disk's node over it -> VM_DISK_GONE; the device
 *           answers each request with an error until the guest lets go of it
 *
 * Each operation may be repeated, also by the next daemon after a crash in the middle. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "str.h"
#include "vm-priv.h"

/* ---- operations ------------------------------------------------------------------------------ */

struct disk_op {
    struct disk_op *next;
    struct vm *vm;
    const char *what;
    struct vm_disk disk;
    char *path; /* disk's socket or file */
    unsigned bus;
    bool force;
    void (*begin)(struct disk_op *op); /* not begun yet: QEMU cannot be spoken to */
    struct nbd_ping *ping;
    struct err why; /* the failure, while its traces are removed */
    vm_done_fn fn;
    void *userdata;
};

static struct disk_op *op_new(struct vm *vm, const char *what, const char *disk_id, vm_done_fn fn,
                              void *userdata)
{
    struct disk_op *op = xcalloc(1, sizeof *op), **end = &vm->ops;

    op->vm = vm;
    op->what = what;
    (void)str_copy(op->disk.id, sizeof op->disk.id, disk_id);
    op->fn = fn;
    op->userdata = userdata;
    while (*end)
        end = &(*end)->next;
    *end = op;
    return op;
}

static void op_free(struct disk_op *op)
{
    struct disk_op **p = &op->vm->ops;

    while (*p != op)
        p = &(*p)->next;
    *p = op->next;
    nbd_ping_free(op->ping);
    free(op->path);
    free(op);
}

static void op_end(struct disk_op *op, const struct err *e)
{
    struct vm *vm = op->vm;
    vm_done_fn fn = op->fn;
    void *userdata = op->userdata;
    struct err why = { 0 };

    if (e) {
        why = *e;
        (void)err_wrap(&why, "%s disk '%s' of '%s'", op->what, op->disk.id, vm->id);
    }
    op_free(op);
    if (fn)
        fn(vm, why.no ? &why : NULL, userdata);
}

void vm_disks_end(struct vm *vm, const struct err *why)
{
    while (vm->ops) {
        if (why)
            op_end(vm->ops, why);
        else
            op_free(vm->ops);
    }
    while (vm->watches)
        disk_watch_drop(vm, vm->watches->id);
}

/* The next step, or the end when it cannot be sent. */
static void step(struct disk_op *op, const char *command, json_t *take_args, qmp_reply_fn fn)
{
    struct err e = { 0 };

    if (!take_args)
        (void)err_set(&e, EINVAL, ERR_INVALID, "a path is not UTF-8");
    else if (op->vm->qmp)
        (void)qmp_send(op->vm->qmp, command, json_incref(take_args), 0, fn, op, &e);
    else
        (void)err_set(&e, ENOTCONN, ERR_IO, "the connection to QEMU was lost");
    json_decref(take_args);
    if (e.no)
        op_end(op, &e);
}

/* ---- beginning: from the loop, when QEMU can be spoken to ------------------------------------ */

static struct disk_op *first_waiting(const struct vm *vm)
{
    struct disk_op *op = vm->ops;

    while (op && !op->begin)
        op = op->next;
    return op;
}

void vm_disks_begin(struct vm *vm)
{
    struct disk_op *op;

    vm_hold(vm);
    while (qmp_is_ready(vm->qmp) && (op = first_waiting(vm))) {
        void (*begin)(struct disk_op * op) = op->begin;

        op->begin = NULL;
        begin(op); /* may end the operation, and its owner may free the machine */
    }
    vm_drop(vm);
}

static int on_begin(sd_event_source *s, uint64_t usec, void *userdata)
{
    (void)s, (void)usec;
    vm_disks_begin(vm_checked(userdata));
    return 0;
}

/* The new operation is the last one; it goes when it cannot be begun at all. */
static int begin_soon(struct vm *vm, struct err *e)
{
    struct disk_op *op = vm->ops;
    int r = vm_timer(vm, &vm->disk_timer, 0, on_begin, e);

    if (r == 0)
        return 0;
    while (op->next)
        op = op->next;
    op_free(op);
    return r;
}

/* While QEMU starts, or is being adopted, an operation waits. */
static int need_living(const struct vm *vm, const char *attempt, struct err *e)
{
    if (vm->state < VM_ENDING)
        return 0;
    return err_set(e, EBUSY, ERR_CONFLICT, "%s '%s': its QEMU ends", attempt, vm->id);
}

static json_t *node_name(const char *id)
{
    return json_pack("{s:s}", "node-name", id);
}

static json_t *dead_name(const char *id)
{
    return json_sprintf(VM_DEAD_MARK "%s", id);
}

static json_t *device_args(const char *disk_id)
{
    _cleanup_free_ char *id = vm_disk_device_id(disk_id);

    return json_pack("{s:s}", "id", id);
}

/* ---- attach ---------------------------------------------------------------------------------- */

static void node_removed(const json_t *ret, const struct err *e, void *userdata)
{
    struct disk_op *op = userdata;

    (void)ret, (void)e; /* the first failure is the story */
    op_end(op, &op->why);
}

static void add_device(struct disk_op *op);

static void device_added(const json_t *ret, const struct err *e, void *userdata)
{
    struct disk_op *op = userdata;

    (void)ret;
    if (!e) {
        op_end(op, NULL);
        return;
    }
    if (++op->bus < VM_DISK_BUSES) { /* this bus may be full */
        add_device(op);
        return;
    }
    op->why = *e;
    step(op, "blockdev-del", node_name(op->disk.id), node_removed);
}

static void add_device(struct disk_op *op)
{
    step(op, "device_add", vm_disk_device_json(&op->disk, op->bus), device_added);
}

static void node_added(const json_t *ret, const struct err *e, void *userdata)
{
    struct disk_op *op = userdata;

    (void)ret;
    if (e)
        op_end(op, e);
    else
        add_device(op);
}

static void leftover_removed(const json_t *ret, const struct err *e, void *userdata)
{
    struct disk_op *op = userdata;

    (void)ret, (void)e; /* mostly there is none */
    step(op, "blockdev-add", vm_disk_node_json(&op->disk), node_added);
}

static bool has_device(const json_t *list, const char *disk_id)
{
    _cleanup_free_ char *id = vm_disk_device_id(disk_id);
    size_t i;
    json_t *d;

    json_array_foreach ((json_t *)list, i, d)
        if (str_eq(json_string_value(json_object_get(d, "name")), id))
            return true;
    return false;
}

static void devices_listed(const json_t *ret, const struct err *e, void *userdata)
{
    struct disk_op *op = userdata;

    if (e)
        op_end(op, e);
    else if (has_device(ret, op->disk.id))
        op_end(op, NULL); /* an earlier daemon got this far */
    else
        step(op, "blockdev-del", node_name(op->disk.id), leftover_removed);
}

static void look_for_device(struct disk_op *op)
{
    step(op, "qom-list", json_pack("{s:s}", "path", "/machine/peripheral"), devices_listed);
}

static void on_ping(struct nbd_ping *p, const struct err *e, void *userdata)
{
    struct disk_op *op = userdata;

    (void)p;
    if (e) {
        struct err why = *e;

        op_end(op, &why);
        return;
    }
    look_for_device(op);
}

static void begin_attach(struct disk_op *op)
{
    struct err e = { 0 };

    if (!op->disk.nbd_socket)
        look_for_device(op);
    else if (nbd_ping_start(op->vm->loop, op->path, NBD_PING_TIMEOUT_MS, on_ping, op, &op->ping,
                            &e) < 0)
        op_end(op, &e);
}

int vm_disk_attach(struct vm *vm, const struct vm_disk *disk, vm_done_fn fn, void *userdata,
                   struct err *e)
{
    struct disk_watch *w;
    struct disk_op *op;
    int r = need_living(vm_checked(vm), "attach a disk to", e);

    if (r == 0)
        r = vm_disk_check(disk, e);
    if (r < 0)
        return r;
    w = disk_watch_find(vm, disk->id);
    if (w && w->forced)
        return err_set(e, EBUSY, ERR_CONFLICT, "the guest of '%s' has not let go of disk '%s' yet",
                       vm->id, disk->id);
    op = op_new(vm, "attach", disk->id, fn, userdata);
    op->disk = *disk;
    op->disk.boot = false; /* boot order is fixed when QEMU starts */
    op->path = xstrdup(disk->nbd_socket ? disk->nbd_socket : disk->file);
    *(disk->nbd_socket ? &op->disk.nbd_socket : &op->disk.file) = op->path;
    op->begin = begin_attach;
    return begin_soon(vm, e);
}

/* ---- detach ---------------------------------------------------------------------------------- */

static void node_closed(const json_t *ret, const struct err *e, void *userdata)
{
    struct disk_op *op = userdata;
    struct vm *vm = op->vm;
    struct disk_watch *w = disk_watch_find(vm, op->disk.id);
    bool told = w && w->forced;
    char id[sizeof op->disk.id];
    struct err ignored = { 0 };

    (void)ret;
    (void)str_copy(id, sizeof id, op->disk.id);
    if (qmp_is_ready(vm->qmp)) /* mostly there is none */
        (void)qmp_send(vm->qmp, "blockdev-del", json_pack("{s:o}", "node-name", dead_name(id)), 0,
                       NULL, NULL, &ignored);
    if (e)
        log_warning("vm", "close disk '%s' of '%s': %s, ignoring", op->disk.id, vm->id, e->msg);
    vm_hold(vm);
    op_end(op, NULL);
    disk_watch_drop(vm, id);
    if (!told)
        vm_tell(vm, VM_DISK_GONE, id, NULL);
    vm_drop(vm);
}

/* The guest let go of the device; now its node goes, and with it the connection to the server. */
static void device_deleted(struct vm *vm, const char *disk_id)
{
    step(op_new(vm, "close", disk_id, NULL, NULL), "blockdev-del", node_name(disk_id), node_closed);
}

static void storage_taken(const json_t *ret, const struct err *e, void *userdata)
{
    struct disk_op *op = userdata;
    struct vm *vm = op->vm;
    char id[sizeof op->disk.id];

    (void)ret;
    if (e) {
        op_end(op, e);
        return;
    }
    (void)str_copy(id, sizeof id, op->disk.id);
    disk_watch_make(vm, id)->forced = true;
    vm_hold(vm);
    op_end(op, NULL);
    vm_tell(vm, VM_DISK_GONE, id, NULL);
    vm_drop(vm);
}

static void dead_node_added(const json_t *ret, const struct err *e, void *userdata)
{
    struct disk_op *op = userdata;

    (void)ret, (void)e; /* it may be there from an earlier attempt; the next step shows it */
    step(op, "blockdev-reopen",
         json_pack("{s:[{s:s, s:s, s:s, s:o}]}", "options", "driver", "raw", "node-name",
                   op->disk.id, "discard", "unmap", "file", dead_name(op->disk.id)),
         storage_taken);
}

/* Fails every request. One for each disk: two writers of one node are refused. */
static void add_dead_node(struct disk_op *op)
{
    step(op, "blockdev-add",
         json_pack("{s:s, s:o, s:{s:s, s:I}, s:[{s:s, s:i, s:b}]}", "driver", "blkdebug",
                   "node-name", dead_name(op->disk.id), "image", "driver", "null-co", "size",
                   (json_int_t)1 << 50, "inject-error", "event", "none", "errno", EIO, "once", 0),
         dead_node_added);
}

/* DeviceNotFound: gone already. A leftover node of it is closed, and that is told as ever. */
static void absent_closed(const json_t *ret, const struct err *e, void *userdata)
{
    struct disk_op *op = userdata;

    (void)ret, (void)e;
    op_end(op, &op->why);
}

static void device_asked(const json_t *ret, const struct err *e, void *userdata)
{
    struct disk_op *op = userdata;

    (void)ret;
    if (e && e->kind == ERR_NOT_FOUND) {
        op->why = *e;
        step(op, "blockdev-del", node_name(op->disk.id), absent_closed);
    } else if (op->force) {
        add_dead_node(op);
    } else {
        op_end(op, e);
    }
}

static void begin_detach(struct disk_op *op)
{
    step(op, "device_del", device_args(op->disk.id), device_asked);
}

int vm_disk_detach(struct vm *vm, const char *disk_id, bool force, vm_done_fn fn, void *userdata,
                   struct err *e)
{
    struct disk_op *op;
    int r = need_living(vm_checked(vm), "detach a disk of", e);

    if (r < 0)
        return r;
    op = op_new(vm, "detach", disk_id, fn, userdata);
    op->force = force;
    op->begin = begin_detach;
    return begin_soon(vm, e);
}

void vm_disks_event(struct vm *vm, const char *name, const json_t *data)
{
    const char *device = json_string_value(json_object_get(data, "device"));
    const char *disk_id = device ? vm_device_disk_id(device) : NULL;

    if (disk_id && str_eq(name, "DEVICE_DELETED"))
        device_deleted(vm, disk_id);
}
