/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What we know of a machine's disks and QEMU cannot be asked for; errors of disks. */
#include <string.h>

#include "str.h"
#include "vm-priv.h"

struct disk_watch *disk_watch_find(struct vm *vm, const char *id)
{
    for (struct disk_watch *w = vm->watches; w; w = w->next)
        if (str_eq(w->id, id))
            return w;
    return NULL;
}

struct disk_watch *disk_watch_make(struct vm *vm, const char *id)
{
    struct disk_watch *w = disk_watch_find(vm, id);

    if (!w) {
        w = xcalloc(1, sizeof *w);
        (void)str_copy(w->id, sizeof w->id, id);
        w->next = vm->watches;
        vm->watches = w;
    }
    return w;
}

void disk_watch_drop(struct vm *vm, const char *id)
{
    for (struct disk_watch **w = &vm->watches; *w; w = &(*w)->next)
        if (str_eq((*w)->id, id)) {
            struct disk_watch *gone = *w;

            *w = gone->next;
            free(gone);
            return;
        }
}

static uint64_t count_of(const json_t *stats, const char *key)
{
    json_int_t v = json_integer_value(json_object_get(stats, key));

    return v > 0 ? (uint64_t)v : 0;
}

/* QEMU 7.2's NVMe controller sends no BLOCK_IO_ERROR, but it counts what failed. */
static void stats_told(const json_t *ret, const struct err *e, void *userdata)
{
    struct vm *vm = vm_checked(userdata);
    size_t i;
    json_t *entry;

    if (e)
        return; /* the next look asks again */
    vm_hold(vm);
    json_array_foreach ((json_t *)ret, i, entry) {
        const char *node = json_string_value(json_object_get(entry, "node-name"));
        const json_t *stats = json_object_get(entry, "stats");
        uint64_t n = count_of(stats, "failed_rd_operations") +
                     count_of(stats, "failed_wr_operations") +
                     count_of(stats, "failed_flush_operations");
        struct disk_watch *w;
        char id[32];

        if (!node || str_starts(node, "kiln-") || str_copy(id, sizeof id, node) < 0)
            continue;
        w = disk_watch_find(vm, id);
        if (n == (w ? w->errors : 0) || (w && w->forced))
            continue;
        disk_watch_make(vm, id)->errors = n;
        vm_tell(vm, VM_DISK_ERROR, id, NULL);
        if (vm->free_me)
            break;
    }
    vm_drop(vm);
}

void vm_disks_care(struct vm *vm)
{
    struct err ignored = { 0 };

    if (vm->state == VM_UP && qmp_is_ready(vm->qmp))
        (void)qmp_send(vm->qmp, "query-blockstats", NULL, 0, stats_told, vm, &ignored);
}
