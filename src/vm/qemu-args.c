/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "qemu-args.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "str.h"

#define OVMF_CODE   "/usr/share/OVMF/OVMF_CODE_4M.fd"
#define OVMF_SECURE "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd"
#define SERIAL_MAX  20  /* of an NVMe controller */
#define NODE_MAX    31U /* of QEMU's node names */
#define BUS_PLACES  31U
#define VCPUS_MAX   255U
#define MEMORY_MIN  MIB(1)
#define DEVICE_MARK "disk."

/* ---- the vector ------------------------------------------------------------------------------ */

void vm_args_done(struct vm_args *a)
{
    for (unsigned i = 0; i < a->n; i++)
        free(a->v[i]);
    free(a->v);
    *a = (struct vm_args){ 0 };
}

static void add_take(struct vm_args *a, char *take_text)
{
    if (a->n + 2 > a->cap) {
        unsigned cap = a->cap ? 2 * a->cap : 64;
        char **v = xcalloc(cap, sizeof *v);

        if (a->n)
            memcpy(v, a->v, a->n * sizeof *v);
        free(a->v);
        a->v = v;
        a->cap = cap;
    }
    a->v[a->n++] = take_text;
    a->v[a->n] = NULL;
}

static void add(struct vm_args *a, const char *option, const char *value)
{
    add_take(a, xstrdup(option));
    if (value)
        add_take(a, xstrdup(value));
}

static void addf(struct vm_args *a, const char *option, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void addf(struct vm_args *a, const char *option, const char *fmt, ...)
{
    va_list ap;
    char *value = NULL;

    va_start(ap, fmt);
    if (vasprintf(&value, fmt, ap) < 0)
        abort();
    va_end(ap);
    add_take(a, xstrdup(option));
    add_take(a, value);
}

/* Takes the reference; NULL is text that JSON cannot carry. */
static void add_json(struct vm_args *a, const char *option, json_t *take_json)
{
    char *text = take_json ? json_dumps(take_json, JSON_COMPACT) : NULL;

    json_decref(take_json);
    if (!text) {
        a->failed = -EINVAL;
        return;
    }
    add_take(a, xstrdup(option));
    add_take(a, text);
}

char *vm_commas_doubled(const char *text)
{
    size_t n = strlen(text), k = 0;
    char *out = xcalloc(2 * n + 1, 1);

    for (size_t i = 0; i < n; i++) {
        if (text[i] == ',')
            out[k++] = ',';
        out[k++] = text[i];
    }
    return out;
}

/* ---- checks ---------------------------------------------------------------------------------- */

/* QEMU's own rule for ids and node names: a letter, then letters, digits, "-._". */
static bool is_id(const char *text, size_t max)
{
    size_t n = strlen(text);

    if (n == 0 || n > max || !isalpha((unsigned char)text[0]))
        return false;
    return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") == n;
}

/* "xx:xx" or "xxxx-xx": hex digits where the pattern has an x. */
static bool matches(const char *text, const char *pattern)
{
    for (; *pattern; pattern++, text++)
        if (*pattern == 'x' ? !isxdigit((unsigned char)*text) : *text != *pattern)
            return false;
    return *text == '\0';
}

static int bad(const char *what, const char *value, struct err *e)
{
    char shown[64];

    return err_set(e, EINVAL, ERR_INVALID, "%s '%s' cannot be used", what,
                   str_show(value ? value : "(none)", shown, sizeof shown));
}

int vm_disk_check(const struct vm_disk *d, struct err *e)
{
    if (!is_id(d->id, NODE_MAX - strlen(VM_DEAD_MARK)))
        return bad("disk id", d->id, e);
    if (d->serial[0] && (!is_id(d->serial, SERIAL_MAX)))
        return bad("disk serial number", d->serial, e);
    if (!d->nbd_socket == !d->file)
        return err_set(e, EINVAL, ERR_INVALID, "disk '%s' needs a server or a file, not both",
                       d->id);
    if ((d->nbd_socket ? d->nbd_socket : d->file)[0] != '/')
        return bad("disk path", d->nbd_socket ? d->nbd_socket : d->file, e);
    return 0;
}

static int check_disks(const struct vm_spec *s, struct err *e)
{
    unsigned n_boot = 0;

    if (s->n_disks > VM_DISKS_MAX)
        return err_set(e, E2BIG, ERR_LIMIT, "%u disks, at most %u fit", s->n_disks, VM_DISKS_MAX);
    for (unsigned i = 0; i < s->n_disks; i++) {
        int r = vm_disk_check(&s->disks[i], e);

        if (r < 0)
            return r;
        n_boot += s->disks[i].boot;
        for (unsigned k = 0; k < i; k++)
            if (str_eq(s->disks[i].id, s->disks[k].id))
                return err_set(e, EINVAL, ERR_INVALID, "disk '%s' is given twice", s->disks[i].id);
    }
    if (n_boot > 1)
        return err_set(e, EINVAL, ERR_INVALID, "%u boot disks, one at most", n_boot);
    return 0;
}

int vm_spec_check(const struct vm_spec *s, struct err *e)
{
    if (!s->id || !is_id(s->id, 64))
        return bad("instance id", s->id, e);
    if (!s->dir || s->dir[0] != '/')
        return bad("directory", s->dir, e);
    if (strlen(s->dir) > VM_PATH_MAX - sizeof "/serial.sock")
        return err_set(e, ENAMETOOLONG, ERR_LIMIT, "directory '%s' is too long for sockets in it",
                       s->dir);
    if (!s->qemu || !s->qemu[0])
        return bad("QEMU program", s->qemu, e);
    if (!s->serial || !s->serial[0])
        return bad("serial line program", s->serial, e);
    if (s->accel >= VM_ACCEL_MAX || s->firmware >= VM_FIRMWARE_MAX)
        return err_set(e, EINVAL, ERR_INVALID, "accelerator or firmware out of range");
    if (s->tpm && s->firmware == VM_FIRMWARE_BIOS)
        return err_set(e, EINVAL, ERR_INVALID, "a TPM 2.0 needs UEFI");
    if (s->vcpus < 1 || s->vcpus > VCPUS_MAX)
        return err_set(e, EINVAL, ERR_INVALID, "%u processors, 1 to %u are possible", s->vcpus,
                       VCPUS_MAX);
    if (s->memory_bytes < MEMORY_MIN)
        return err_set(e, EINVAL, ERR_INVALID, "less than 1 MiB of memory");
    if (!matches(s->uuid, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"))
        return bad("UUID", s->uuid, e);
    if (!matches(s->mac, "xx:xx:xx:xx:xx:xx"))
        return bad("MAC address", s->mac, e);
    return check_disks(s, e);
}

/* ---- disks ----------------------------------------------------------------------------------- */

char *vm_disk_device_id(const char *disk_id)
{
    return xasprintf(DEVICE_MARK "%s", disk_id);
}

const char *vm_device_disk_id(const char *device_id)
{
    return str_starts(device_id, DEVICE_MARK) ? device_id + strlen(DEVICE_MARK) : NULL;
}

/* The raw node on top is what the device holds; its storage can be taken away from below it, so
 * that a forced detach needs no help of the guest. After a lost connection requests wait 30 s for
 * the server to come back: a restarted volume server costs the guest a pause, nothing else. */
json_t *vm_disk_node_json(const struct vm_disk *d)
{
    json_t *file;

    if (d->nbd_socket)
        file = json_pack("{s:s, s:{s:s, s:s}, s:s, s:i, s:s}", "driver", "nbd", "server", "type",
                         "unix", "path", d->nbd_socket, "export", "", "reconnect-delay", 30,
                         "discard", "unmap");
    else
        file =
            json_pack("{s:s, s:s, s:s}", "driver", "file", "filename", d->file, "discard", "unmap");
    return file ? json_pack("{s:s, s:s, s:s, s:o}", "driver", "raw", "node-name", d->id, "discard",
                            "unmap", "file", file)
                : NULL;
}

json_t *vm_disk_device_json(const struct vm_disk *d, unsigned bus)
{
    _cleanup_free_ char *id = vm_disk_device_id(d->id);
    _cleanup_free_ char *bus_id = xasprintf("disks%u", bus);
    char serial[SERIAL_MAX + 1]; /* NVMe needs one: a disk without has its id's beginning */
    json_t *j;

    (void)snprintf(serial, sizeof serial, "%.*s", (int)SERIAL_MAX,
                   d->serial[0] ? d->serial : d->id);
    j = json_pack("{s:s, s:s, s:s, s:s, s:s}", "driver", "nvme", "id", id, "bus", bus_id, "drive",
                  d->id, "serial", serial);
    if (j && d->boot)
        (void)json_object_set_new(j, "bootindex", json_integer(0));
    return j;
}

static void add_disks(struct vm_args *a, const struct vm_spec *s)
{
    for (unsigned i = 0; i < VM_DISK_BUSES; i++)
        add_json(a, "-device",
                 json_pack("{s:s, s:o, s:s}", "driver", "pcie-pci-bridge", "id",
                           json_sprintf("disks%u", i), "bus", "pcie.0"));
    for (unsigned i = 0; i < s->n_disks; i++) {
        add_json(a, "-blockdev", vm_disk_node_json(&s->disks[i]));
        add_json(a, "-device", vm_disk_device_json(&s->disks[i], i / BUS_PLACES));
    }
}

/* ---- the rest -------------------------------------------------------------------------------- */

static void add_processor(struct vm_args *a, const struct vm_spec *s)
{
    if (s->accel == VM_ACCEL_KVM) {
        add(a, "-accel", "kvm");
        /* passthrough: as much of it as this kernel can, so that an old one refuses no guest */
        add(a, "-cpu", s->windows ? "host,hv-passthrough=on" : "host");
    } else {
        /* Without a ceiling the translation cache grows to 1 GiB. SMAP: QEMU 7.2 emulates an iret
         * of user mode wrongly with it. */
        addf(a, "-accel", "tcg,thread=multi,tb-size=%d", s->memory_bytes <= MIB(512) ? 64 : 256);
        add(a, "-cpu", "max,-smap");
    }
    addf(a, "-smp", "cpus=%u,sockets=1,cores=%u,threads=1", s->vcpus, s->vcpus);
    addf(a, "-m", "%lluk", (unsigned long long)div_up_u64(s->memory_bytes, 1024));
}

/* Sleep states off: an EC2 instance runs or is off. */
static void add_machine(struct vm_args *a, const struct vm_spec *s)
{
    bool secure = s->firmware == VM_FIRMWARE_UEFI_SECURE;

    addf(a, "-machine", "q35,vmport=off%s%s%s",
         s->windows && s->accel == VM_ACCEL_KVM ? ",hpet=off" : "", secure ? ",smm=on" : "",
         s->firmware != VM_FIRMWARE_BIOS ? ",pflash0=kiln-code,pflash1=kiln-vars" : "");
    add(a, "-global", "ICH9-LPC.disable_s3=1");
    add(a, "-global", "ICH9-LPC.disable_s4=1");
    if (secure) /* only its own code in system management mode writes the variables */
        add(a, "-global", "driver=cfi.pflash01,property=secure,value=on");
    if (s->firmware != VM_FIRMWARE_BIOS) {
        add_json(a, "-blockdev",
                 json_pack("{s:s, s:s, s:b, s:s}", "driver", "file", "node-name", "kiln-code",
                           "read-only", 1, "filename", secure ? OVMF_SECURE : OVMF_CODE));
        add_json(a, "-blockdev",
                 json_pack("{s:s, s:s, s:o}", "driver", "file", "node-name", "kiln-vars",
                           "filename", json_sprintf("%s/vars.fd", s->dir)));
    }
    addf(a, "-smbios", "type=1,manufacturer=Kiln,product=Kiln,version=1,serial=%s,uuid=%s", s->uuid,
         s->uuid);
    add(a, "-rtc", "base=utc");
    add(a, "-boot", "menu=off,strict=on");
}

static void add_channels(struct vm_args *a, const char *dir)
{
    _cleanup_free_ char *d = vm_commas_doubled(dir);

    addf(a, "-chardev", "socket,id=qmp,fd=%d,server=on,wait=off", VM_FD_QMP);
    add(a, "-mon", "chardev=qmp,mode=control");
    addf(a, "-chardev", "socket,id=serial,fd=%d,server=on,wait=off", VM_FD_LINE);
    add(a, "-serial", "chardev:serial");
    addf(a, "-chardev", "socket,id=" VM_AGENT ",path=%s/agent.sock,server=on,wait=off", d);
    add(a, "-device", "virtio-serial-pci,id=agents");
    add(a, "-device",
        "virtserialport,bus=agents.0,chardev=" VM_AGENT ",name=org.qemu.guest_agent.0");
    add(a, "-vga", "std");
    addf(a, "-vnc", "unix:%s/vnc.sock", d);
}

/* The widest network that libslirp takes, so that 169.254.169.254 lies inside: guestfwd wants that.
 * Each connection to it runs the relay, which connects to the metadata service's socket. */
static json_t *user_netdev(const struct vm_spec *s)
{
    _cleanup_str_ struct str forward = STR_INIT(1024);
    json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "type", "user", "id", "net0", "net",
                          "160.0.0.0/4", "host", "172.31.0.1", "dns", "172.31.0.2", "dhcpstart",
                          "172.31.0.10");

    if (!s->relay)
        return j;
    str_add(&forward, "tcp:169.254.169.254:80-cmd:");
    str_shell(&forward, s->relay);
    str_addc(&forward, ' ');
    str_shell(&forward, s->relay_socket);
    json_object_set_new(j, "guestfwd", json_pack("[{s:s}]", "str", str_text(&forward)));
    return j;
}

static json_t *netdev(const struct vm_spec *s)
{
    char fd[16];

    switch (s->net) {
    case VM_NET_TAP:
        (void)snprintf(fd, sizeof fd, "%d", VM_FD_TAP);
        return json_pack("{s:s, s:s, s:s}", "type", "tap", "id", "net0", "fd", fd);
    case VM_NET_USER:
        return user_netdev(s);
    case VM_NET_ISOLATED:
    case VM_NET_MAX:
        break;
    }
    return json_pack("{s:s, s:s, s:b}", "type", "user", "id", "net0", "restrict", 1);
}

static void add_network(struct vm_args *a, const struct vm_spec *s)
{
    add_json(a, "-netdev", netdev(s));
    add_json(a, "-device",
             json_pack("{s:s, s:s, s:s, s:s}", "driver",
                       s->nic == VM_NIC_VIRTIO ? "virtio-net-pci" : "e1000e", "netdev", "net0",
                       "mac", s->mac, "romfile", ""));
}

static void add_tpm(struct vm_args *a, const struct vm_spec *s)
{
    if (!s->tpm)
        return;
    addf(a, "-chardev", "socket,id=tpm,fd=%d", VM_FD_TPM(s->net == VM_NET_TAP));
    add(a, "-tpmdev", "emulator,id=tpm0,chardev=tpm");
    add(a, "-device", "tpm-crb,tpmdev=tpm0");
}

/* QEMU's system calls are filtered. A metadata relay is a program that it has to run, in a session
 * of its own: there only obsolete calls are denied. */
static void add_sandbox(struct vm_args *a, const struct vm_spec *s)
{
    const char *may = s->net == VM_NET_USER && s->relay ? "allow" : "deny";

    addf(a, "-sandbox", "on,obsolete=deny,elevateprivileges=%s,spawn=%s,resourcecontrol=%s", may,
         may, may);
}

int vm_args_build(const struct vm_spec *s, struct vm_args *ret, struct err *e)
{
    struct vm_args a = { 0 };

    add(&a, s->qemu, NULL);
    addf(&a, "-name", "guest=%s", s->id);
    add(&a, "-no-user-config", NULL);
    add(&a, "-nodefaults", NULL);
    add(&a, "-display", "none");
    add(&a, "-no-shutdown", NULL);
    add_sandbox(&a, s);
    add_machine(&a, s);
    add_processor(&a, s);
    add_channels(&a, s->dir);
    add(&a, "-device", "virtio-rng-pci");
    add_tpm(&a, s);
    add_network(&a, s);
    add_disks(&a, s);
    if (a.failed) {
        vm_args_done(&a);
        return err_set(e, EINVAL, ERR_INVALID, "a path of '%s' is not UTF-8", s->id);
    }
    *ret = a;
    return 0;
}
