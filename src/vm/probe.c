/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Does KVM run a guest here? A device that opens is no answer: nested in some machines it executes
 * nothing, in others each instruction by itself, a thousand times slower than emulation. So a
 * machine like an instance's, with its firmware and as its user, boots a sector that does some work
 * and writes a byte to QEMU's exit port: emulation takes 0.2 s for all of it, KVM less. */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "child.h"
#include "clock.h"
#include "file.h"
#include "str.h"

#define DISK_BYTES  (2U << 20) /* the firmware reads no disk of less than a cylinder */
#define EXIT_BYTE   0x2aU
#define EXIT_STATUS ((int)(EXIT_BYTE << 1 | 1)) /* how isa-debug-exit makes it a status */
#define WHY_MAX     256

struct probe {
    struct child *child;
    sd_event_source *timer;
    unsigned deadline_ms;
    bool late;
    char *cache_path, *user;
    char stamp[192];
    vm_probe_fn fn;
    void *userdata;
};

const char *vm_accel_name(enum vm_accel a)
{
    static const char *const names[VM_ACCEL_MAX] = { "tcg", "kvm" };

    return a < VM_ACCEL_MAX ? names[a] : "unknown";
}

static void probe_free(struct probe *p)
{
    if (!p)
        return;
    sd_event_source_disable_unref(p->timer);
    child_free(p->child);
    free(p->cache_path);
    free(p->user);
    free(p);
}
DEFINE_FREEP(probe_free, struct probe);

/* ---- what is remembered: "STAMP ACCEL", the stamp being this boot, this QEMU and the user ---- */

static bool find_program(const char *name, struct stat *ret)
{
    const char *path = getenv("PATH");

    if (strchr(name, '/'))
        return stat(name, ret) == 0;
    while (path && *path) {
        size_t n = strcspn(path, ":");
        _cleanup_free_ char *file = xasprintf("%.*s/%s", (int)n, path, name);

        if (access(file, X_OK) == 0 && stat(file, ret) == 0)
            return true;
        path += n + (path[n] == ':');
    }
    return false;
}

/* Size and time of the program stand for its version: asking it would cost a process. */
static int make_stamp(const char *qemu, const char *user, char *out, size_t size, struct err *e)
{
    char boot[40];
    struct stat st;
    int r = clock_boot_id(boot);

    if (r < 0)
        return err_no(e, r, "read the boot id");
    if (!find_program(qemu, &st))
        return err_set(e, ENOENT, ERR_NOT_FOUND, "there is no program '%s'", qemu);
    (void)snprintf(out, size, "%s %lld-%lld.%09ld %s", boot, (long long)st.st_size,
                   (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, user ? user : "-");
    return 0;
}

static bool recall(const char *cache_path, const char *stamp, enum vm_accel *ret)
{
    _cleanup_free_ char *text = NULL;
    struct err ignored = { 0 };

    if (file_read(cache_path, 512, &text, NULL, &ignored) < 0)
        return false;
    for (unsigned a = 0; a < VM_ACCEL_MAX; a++) {
        _cleanup_free_ char *line = xasprintf("%s %s\n", stamp, vm_accel_name(a));

        if (str_eq(text, line)) {
            *ret = a;
            return true;
        }
    }
    return false;
}

/* ---- the trial ------------------------------------------------------------------------------- */

/* A trial that ran or hung is remembered; a refusal costs nothing, and its cause may be mended. */
static void finish(struct probe *p, enum vm_accel accel, const char *why)
{
    _cleanup_free_ char *line = xasprintf("%s %s\n", p->stamp, vm_accel_name(accel));
    vm_probe_fn fn = p->fn;
    void *userdata = p->userdata;
    struct err ignored = { 0 }; /* not remembered: the next start asks again */

    if (p->late || accel == VM_ACCEL_KVM)
        (void)file_replace(p->cache_path, line, strlen(line), 0644, &ignored);
    probe_free(p);
    fn(accel, why, userdata);
}

/* What stands behind the last ": " of the last line. */
static const char *reason_in(const char *text, char *buf, size_t size)
{
    size_t n = strlen(text), from;
    _cleanup_free_ char *line = NULL;
    const char *colon;

    while (n && text[n - 1] == '\n')
        n--;
    for (from = n; from && text[from - 1] != '\n'; from--)
        ;
    if (from == n)
        return "no reason given";
    line = xasprintf("%.*s", (int)(n - from), text + from);
    for (colon = strstr(line, ": "); colon && strstr(colon + 2, ": ");)
        colon = strstr(colon + 2, ": ");
    return str_show(colon ? colon + 2 : line, buf, size);
}

static void on_exit_of_trial(struct child *c, const struct child_exit *x, void *userdata)
{
    struct probe *p = userdata;
    char why[WHY_MAX], tail[128];

    (void)c;
    if (p->late)
        (void)
            snprintf(why, sizeof why,
                     "KVM can be opened but ran no guest within %u ms, guests are emulated (slow)",
                     p->deadline_ms);
    else if (x->code == EXIT_STATUS)
        (void)snprintf(why, sizeof why, "KVM runs guests");
    else
        (void)snprintf(why, sizeof why, "KVM cannot be used%s%s%s, guests are emulated (slow): %s",
                       p->user ? " by the user '" : "", p->user ? p->user : "", p->user ? "'" : "",
                       reason_in(x->tail, tail, sizeof tail));
    finish(p, !p->late && x->code == EXIT_STATUS ? VM_ACCEL_KVM : VM_ACCEL_TCG, why);
}

static int on_late(sd_event_source *s, uint64_t usec, void *userdata)
{
    struct probe *p = userdata;
    struct err ignored = { 0 };

    (void)s, (void)usec;
    p->late = true;
    (void)child_signal(p->child, SIGKILL, &ignored);
    return 0;
}

/* The boot sector, loaded at 0x7c00: to 64-bit mode with one page of 2 MiB, a loop of 50 million
 * rounds, and out. */
static const uint8_t boot_code[] = {
    0xfa,                                          /* cli */
    0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0,            /* ds = es = 0 */
    0xbf, 0x00, 0x10, 0xb9, 0x00, 0x0c,            /* from 0x1000 on three pages */
    0x66, 0x31, 0xc0, 0xfc, 0x66, 0xf3,      0xab, /* of zeros */
    0xc7, 0x06, 0x00, 0x10, 0x03, 0x20,            /* level 4: the table at 0x2000 */
    0xc7, 0x06, 0x00, 0x20, 0x03, 0x30,            /* level 3: the table at 0x3000 */
    0xc6, 0x06, 0x00, 0x30, 0x83,                  /* level 2: a large page at 0 */
    0x66, 0xb8, 0x00, 0x10, 0x00, 0x00,            /* mov eax, 0x1000 */
    0x0f, 0x22, 0xd8,                              /* mov cr3, eax */
    0x66, 0xb8, 0x20, 0x00, 0x00, 0x00,            /* mov eax, PAE */
    0x0f, 0x22, 0xe0,                              /* mov cr4, eax */
    0x66, 0xb9, 0x80, 0x00, 0x00, 0xc0,            /* mov ecx, EFER */
    0x0f, 0x32, 0x0d, 0x00, 0x01, 0x0f,      0x30, /* long mode enable */
    0x66, 0x0f, 0x01, 0x16, 0x80, 0x7c,            /* lgdt [0x7c80] */
    0x66, 0xb8, 0x01, 0x00, 0x00, 0x80,            /* mov eax, PG | PE */
    0x0f, 0x22, 0xc0,                              /* mov cr0, eax */
    0xea, 0x58, 0x7c, 0x08, 0x00,                  /* jmp 8:0x7c58, the next line */
    0xb9, 0x80, 0xf0, 0xfa, 0x02,                  /* mov ecx, 50000000 */
    0xff, 0xc9, 0x75, 0xfc,                        /* dec ecx; jnz -2 */
    0x66, 0xba, 0x01, 0x05, 0xb0, EXIT_BYTE, 0xee, /* out 0x501, EXIT_BYTE */
    0xf4, 0xeb, 0xfd,                              /* hlt, again */
};
#define GDT_AT 0x70U
static const uint8_t boot_gdt[] = {
    0,  0, 0,    0,    0, 0,    0,    0, /* the null descriptor */
    0,  0, 0,    0,    0, 0x9b, 0x20, 0, /* 64-bit code */
    15, 0, 0x70, 0x7c, 0, 0,             /* 0x7c80, what lgdt reads: limit and place of the two */
};
_Static_assert(sizeof boot_code <= GDT_AT, "the code ends before its table");

static int make_disk(int *ret, struct err *e)
{
    _cleanup_close_ int fd = memfd_create("kvm-probe", MFD_CLOEXEC);
    int r;

    if (fd < 0)
        return err_errno(e, "make the probe's disk");
    r = pwrite_full(fd, boot_code, sizeof boot_code, 0);
    if (r == 0)
        r = pwrite_full(fd, boot_gdt, sizeof boot_gdt, GDT_AT);
    if (r == 0)
        r = pwrite_full(fd, "\x55\xaa", 2, 510);
    if (r == 0 && ftruncate(fd, DISK_BYTES) < 0)
        r = -errno;
    if (r < 0)
        return err_no(e, r, "write the probe's disk");
    *ret = TAKE_FD(fd);
    return 0;
}

static int start_trial(sd_event *loop, struct probe *p, const char *qemu, struct err *e)
{
    const char *argv[] = {
        qemu,
        "-no-user-config",
        "-nodefaults",
        "-display",
        "none",
        "-machine",
        "q35",
        "-accel",
        "kvm",
        "-cpu",
        "host",
        "-m",
        "64M",
        "-boot",
        "menu=off,strict=on",
        "-drive",
        "file=/dev/fd/3,format=raw,if=none,id=disk,readonly=on",
        "-device",
        "virtio-blk-pci,drive=disk,bootindex=0",
        "-device",
        "isa-debug-exit,iobase=0x501,iosize=1",
        NULL,
    };
    _cleanup_close_ int disk = -1;
    struct child_spec cs = { .argv = argv,
                             .user = p->user,
                             .n_pass_fds = 1,
                             .dies_with_parent = true,
                             .on_exit = on_exit_of_trial,
                             .userdata = p };
    int r = make_disk(&disk, e);

    if (r < 0)
        return r;
    cs.pass_fds[0] = disk;
    r = child_spawn(loop, &cs, &p->child, e);
    if (r < 0)
        return r;
    r = sd_event_add_time_relative(loop, &p->timer, CLOCK_MONOTONIC, p->deadline_ms * 1000ULL,
                                   10000, on_late, p);
    if (r < 0) {
        on_late(NULL, 0, p);
        return err_no(e, r, "set the probe's deadline");
    }
    return 0;
}

int vm_probe_at(sd_event *loop, const char *qemu, const char *device, const char *user,
                const char *cache_path, unsigned deadline_ms, vm_probe_fn fn, void *userdata,
                struct err *e)
{
    _cleanup_(probe_freep) struct probe *p = NULL;
    enum vm_accel known;
    char why[WHY_MAX];
    int r;

    if (access(device, R_OK | W_OK) < 0) {
        (void)snprintf(why, sizeof why, "%s: %s, guests are emulated (slow)", device,
                       errno == ENOENT ? "there is none here" : "it may not be opened");
        fn(VM_ACCEL_TCG, why, userdata);
        return 0;
    }
    p = xcalloc(1, sizeof *p);
    r = make_stamp(qemu, user, p->stamp, sizeof p->stamp, e);
    if (r < 0)
        return err_wrap(e, "probe KVM");
    if (recall(cache_path, p->stamp, &known)) {
        fn(known,
           known == VM_ACCEL_KVM
               ? "KVM runs guests (known since this boot)"
               : "KVM ran no guest before in this boot, guests are emulated (slow)",
           userdata);
        return 0;
    }
    p->cache_path = xstrdup(cache_path);
    p->user = user ? xstrdup(user) : NULL;
    p->deadline_ms = deadline_ms;
    p->fn = fn;
    p->userdata = userdata;
    r = start_trial(loop, p, qemu, e);
    if (r < 0)
        return err_wrap(e, "probe KVM");
    (void)TAKE_PTR(p); /* freed by finish() */
    return 0;
}

int vm_probe(sd_event *loop, const char *qemu, const char *user, const char *cache_path,
             vm_probe_fn fn, void *userdata, struct err *e)
{
    return vm_probe_at(loop, qemu, "/dev/kvm", user, cache_path, PROBE_DEADLINE_MS, fn, userdata,
                       e);
}
