/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Drivers put into a Windows that is not running: the files, and for disk drivers what makes
 * Windows start from them; the rest is installed at the first boot by pnputil. The registry form is
 * the one that virt-v2v and virt-customize write (libguestfs-common, inject_virtio_win). */
#include "work.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "drivers.h"

#define PLACE      "Windows/Drivers/VirtIO"
#define PLACE_NT   "%SystemRoot%\\Drivers\\VirtIO"
#define SYS_PLACE  "Windows/System32/drivers"
#define SCSI_CLASS "{4D36E97B-E325-11CE-BFC1-08002BE10318}"
#define CONF       "guestor_conf"

struct boot_driver {
    const char *service;
    const char *pci[2];
};

static const struct boot_driver boot_drivers[] = {
    { "viostor", { "VEN_1AF4&DEV_1001&REV_00", "VEN_1AF4&DEV_1042&REV_01" } },
    { "vioscsi", { "VEN_1AF4&DEV_1004&REV_00", "VEN_1AF4&DEV_1048&REV_01" } },
};

/* ---- which files are meant ------------------------------------------------------------------- */

/* Directories of a virtio-win tree. */
static const struct {
    const char *dir;
    unsigned from, to; /* builds */
    bool server;
} systems[] = {
    { "2k8R2", 7600, 7601, true },  { "w7", 7600, 7601, false },    { "2k12", 9200, 9200, true },
    { "w8", 9200, 9200, false },    { "2k12R2", 9600, 9600, true }, { "w8.1", 9600, 9600, false },
    { "2k16", 14393, 14393, true }, { "w10", 10240, 19999, false }, { "2k19", 16299, 18999, true },
    { "2k22", 19000, 25999, true }, { "2k25", 26000, 99999, true }, { "w11", 20000, 99999, false },
    { "2k3", 0, 0, true },          { "xp", 0, 0, false },          { "2k8", 6000, 6002, true },
};
static const char *const arches[] = { "amd64", "x86", "ARM64" };

struct wanted {
    unsigned build;
    bool server;
    bool any_role;    /* client and server of one build take the same drivers */
    const char *arch; /* "amd64", "x86", "ARM64" */
};

static struct wanted wanted_of(const struct work *k)
{
    _cleanup_free_ char *a =
        look_text(k->system, k->sets->current_key, "Control\\Session Manager\\Environment",
                  "PROCESSOR_ARCHITECTURE");

    return (struct wanted){ fact_build(&k->i), fact_is_server(&k->i), false,
                            a && strcasecmp(a, "x86") == 0     ? "x86"
                            : a && strcasecmp(a, "ARM64") == 0 ? "ARM64"
                                                               : "amd64" };
}

static bool fits_part(const struct wanted *w, const char *part, size_t n)
{
    for (size_t i = 0; i < ARRAY_LEN(systems); i++)
        if (strlen(systems[i].dir) == n && strncasecmp(part, systems[i].dir, n) == 0)
            return w->build >= systems[i].from && w->build <= systems[i].to &&
                   (w->any_role || w->server == systems[i].server);
    for (size_t i = 0; i < ARRAY_LEN(arches); i++)
        if (strlen(arches[i]) == n && strncasecmp(part, arches[i], n) == 0)
            return strcasecmp(arches[i], w->arch) == 0;
    return true;
}

static bool ends(const char *name, const char *tail)
{
    size_t n = strlen(name), m = strlen(tail);

    return n > m && strcasecmp(name + n - m, tail) == 0;
}

/* A file of this Windows' version and architecture; what names none is for all. */
static bool fits(const struct wanted *w, const char *path)
{
    for (const char *p = path, *slash; (slash = strchr(p, '/')) != NULL; p = slash + 1)
        if (!fits_part(w, p, (size_t)(slash - p)))
            return false;
    return !ends(path, ".pdb");
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* ---- the registry ---------------------------------------------------------------------------- */

static int write_service(struct work *k, uint32_t set, const char *service, struct err *e)
{
    char path[64], image[96];
    uint32_t key;
    int r;

    (void)snprintf(path, sizeof path, "Services\\%s", service);
    (void)snprintf(image, sizeof image, "system32\\drivers\\%s.sys", service);
    r = regf_key_create(k->system, set, path, &key, e);
    if (r == 0)
        r = regf_set_dword(k->system, key, "Type", 1, e);
    if (r == 0)
        r = regf_set_dword(k->system, key, "Start", 0, e);
    if (r == 0)
        r = regf_set_dword(k->system, key, "ErrorControl", 1, e);
    if (r == 0)
        r = regf_set_text(k->system, key, "Group", REGF_SZ, "SCSI miniport", e);
    if (r == 0)
        r = regf_set_text(k->system, key, "ImagePath", REGF_EXPAND_SZ, image, e);
    if (r == 0)
        r = regf_key_delete_path(k->system, key, "StartOverride", e);
    return r < 0 ? r : 0;
}

/* Up to Windows 7 and Server 2008 R2. */
static int write_critical(struct work *k, uint32_t set, const struct boot_driver *d, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < ARRAY_LEN(d->pci); i++) {
        char path[128];
        uint32_t key;

        (void)snprintf(path, sizeof path, "Control\\CriticalDeviceDatabase\\PCI#%s", d->pci[i]);
        r = regf_key_create(k->system, set, path, &key, e);
        if (r == 0)
            r = regf_set_text(k->system, key, "Service", REGF_SZ, d->service, e);
        if (r == 0)
            r = regf_set_text(k->system, key, "ClassGUID", REGF_SZ, SCSI_CLASS, e);
    }
    return r;
}

static int set_in(struct regf *h, const char *path, const char *name, uint32_t type, const void *p,
                  size_t n, struct err *e)
{
    uint32_t key;
    int r = regf_key_create(h, 0, path, &key, e);

    if (r == 0)
        r = type == REGF_SZ ? regf_set_text(h, key, name, REGF_SZ, p, e)
                            : regf_set(h, key, name, type, p, n, e);
    return r;
}

static int write_inf_file(struct regf *h, const char *inf, const char *package, struct err *e)
{
    const char *const packages[] = { package, NULL }, *const confs[] = { CONF, NULL };
    char path[128];
    uint32_t key;
    int r;

    (void)snprintf(path, sizeof path, "DriverDatabase\\DriverInfFiles\\%s", inf);
    r = regf_key_create(h, 0, path, &key, e);
    if (r == 0)
        r = regf_set_multi(h, key, "", packages, e);
    if (r == 0)
        r = regf_set_text(h, key, "Active", REGF_SZ, package, e);
    if (r == 0)
        r = regf_set_multi(h, key, "Configurations", confs, e);
    return r;
}

static int write_package(struct regf *h, const struct boot_driver *d, const char *package,
                         struct err *e)
{
    /* Version, then the class of SCSI adapters as bytes, then zeros. */
    static const uint8_t version[48] = { 0x00, 0xff, 0x09, 0,    0,    0,    0,    0,
                                         0x7b, 0xe9, 0x36, 0x4d, 0x25, 0xe3, 0xce, 0x11,
                                         0xbf, 0xc1, 0x08, 0x00, 0x2b, 0xe1, 0x03, 0x18 };
    static const uint8_t zero[4];
    char path[200];
    int r;

    (void)snprintf(path, sizeof path, "DriverDatabase\\DriverPackages\\%s", package);
    r = set_in(h, path, "Version", REGF_BINARY, version, sizeof version, e);
    (void)snprintf(path, sizeof path, "DriverDatabase\\DriverPackages\\%s\\Configurations\\" CONF,
                   package);
    if (r == 0)
        r = set_in(h, path, "ConfigFlags", REGF_DWORD, zero, sizeof zero, e);
    if (r == 0)
        r = set_in(h, path, "Service", REGF_SZ, d->service, 0, e);
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(d->pci); i++) {
        (void)snprintf(path, sizeof path,
                       "DriverDatabase\\DriverPackages\\%s\\Descriptors\\PCI\\%s", package,
                       d->pci[i]);
        r = set_in(h, path, "Configuration", REGF_SZ, CONF, 0, e);
    }
    return r;
}

/* Windows 8 and Server 2012 on: one made-up package for each driver. */
static int write_database(struct work *k, const struct boot_driver *d, const char *arch,
                          struct err *e)
{
    static const uint8_t rank[4] = { 0x01, 0xff, 0x00, 0x00 };
    char inf[32], package[96], path[128];
    int r;

    (void)snprintf(inf, sizeof inf, "kiln-%s.inf", d->service);
    (void)snprintf(package, sizeof package, "%s_%s_0000000000000000", inf, arch);
    r = write_inf_file(k->system, inf, package, e);
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(d->pci); i++) {
        (void)snprintf(path, sizeof path, "DriverDatabase\\DeviceIds\\PCI\\%s", d->pci[i]);
        r = set_in(k->system, path, inf, REGF_BINARY, rank, sizeof rank, e);
    }
    return r < 0 ? r : write_package(k->system, d, package, e);
}

static int make_bootable(struct work *k, const struct boot_driver *d, const char *arch,
                         struct err *e)
{
    bool database = regf_find(k->system, 0, "DriverDatabase") != 0;
    int r = 0;

    for (size_t i = 0; r == 0 && i < k->sets->n; i++) {
        r = write_service(k, k->sets->key[i], d->service, e);
        if (r == 0 && !database)
            r = write_critical(k, k->sets->key[i], d, e);
    }
    if (r == 0 && database)
        r = write_database(k, d, strcmp(arch, "ARM64") == 0 ? "arm64" : arch, e);
    if (r < 0)
        return err_wrap(e, "make Windows start from '%s'", d->service);
    win_plan_add(k->p, WIN_ROW_DONE, "disk driver", d->service, NULL,
                 database ? "Windows can start from it (DriverDatabase)"
                          : "Windows can start from it (CriticalDeviceDatabase)");
    return 0;
}

/* ---- files ----------------------------------------------------------------------------------- */

static const struct boot_driver *boot_driver_of(const char *file)
{
    for (size_t i = 0; i < ARRAY_LEN(boot_drivers); i++) {
        size_t n = strlen(boot_drivers[i].service);

        if (strncasecmp(file, boot_drivers[i].service, n) == 0 && strcasecmp(file + n, ".sys") == 0)
            return &boot_drivers[i];
    }
    return NULL;
}

static int put_file(struct work *k, const char *dir, const char *name, const struct windows_file *f,
                    struct err *e)
{
    _cleanup_free_ char *path = xasprintf("%s/%s", dir, name);
    int r = win_tree_mkdir(k->os, dir, e);

    return r < 0 ? r : win_tree_write(k->os, path, f->data, f->len, e);
}

/* Where Windows looks for drivers of devices that it finds. */
static int add_device_path(struct work *k, struct err *e)
{
    static const char where[] = "Microsoft\\Windows\\CurrentVersion";
    uint32_t key;
    _cleanup_free_ char *old = NULL, *more = NULL;
    int r = regf_key_create(k->software, 0, where, &key, e);

    if (r < 0)
        return r;
    old = regf_text(k->software, key, "DevicePath");
    if (old && strcasestr(old, PLACE_NT))
        return 0;
    more = xasprintf("%s;%s", old && *old ? old : "%SystemRoot%\\inf", PLACE_NT);
    r = regf_set_text(k->software, key, "DevicePath", REGF_EXPAND_SZ, more, e);
    if (r == 0)
        win_plan_add(k->p, WIN_ROW_DONE, "places of drivers", "SOFTWARE", old, more);
    return r;
}

static size_t count_fitting(const struct work *k, const struct wanted *w)
{
    size_t n = 0;

    for (size_t i = 0; i < k->o->n_drivers; i++)
        n += fits(w, k->o->drivers[i].path);
    return n;
}

int inject_drivers(struct work *k, bool *ret_pnputil, struct err *e)
{
    struct wanted w = wanted_of(k);
    unsigned bootable = 0, files = 0, infs = 0;
    int r = 0;

    *ret_pnputil = false;
    w.any_role = count_fitting(k, &w) == 0;
    for (size_t i = 0; r == 0 && i < k->o->n_drivers; i++) {
        const struct windows_file *f = &k->o->drivers[i];
        const char *name = base_name(f->path);
        const struct boot_driver *d = boot_driver_of(name);

        if (!fits(&w, f->path))
            continue;
        r = put_file(k, PLACE, name, f, e);
        files++;
        infs += ends(name, ".inf");
        if (r < 0 || !d || (bootable & 1U << (d - boot_drivers)))
            continue;
        bootable |= 1U << (d - boot_drivers);
        r = put_file(k, SYS_PLACE, name, f, e);
        if (r == 0)
            r = make_bootable(k, d, w.arch, e);
    }
    if (r < 0 || !k->o->n_drivers)
        return r < 0 ? err_wrap(e, "inject drivers") : 0;
    if (!files)
        return err_set(e, EINVAL, ERR_INVALID, "none of the %zu driver files is for build %u, %s%s",
                       k->o->n_drivers, w.build, w.server ? "server, " : "", w.arch);
    win_plan_addf(k->p, WIN_ROW_DONE, "drivers", PLACE, NULL, "%u files of %u drivers", files,
                  infs);
    *ret_pnputil = infs > 0;
    return add_device_path(k, e);
}
