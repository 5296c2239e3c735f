/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define START_ABSENT   UINT32_MAX
#define START_DISABLED 4

static const struct driver_model models[] = {
    { "nvme", DRIVER_DISK, { "stornvme", "awsnvme", "nvme" }, { "CC_010802" } },
    { "virtio-blk", DRIVER_DISK, { "viostor" }, { "VEN_1AF4&DEV_1001", "VEN_1AF4&DEV_1042" } },
    { "virtio-scsi", DRIVER_DISK, { "vioscsi" }, { "VEN_1AF4&DEV_1004", "VEN_1AF4&DEV_1048" } },
    { "ahci", DRIVER_DISK, { "storahci", "msahci", "iaStorV" }, { "CC_010601" } },
    { "ide", DRIVER_DISK, { "intelide", "atapi", "pciide" } },
    { "lsi-sas", DRIVER_DISK, { "lsi_sas", "LSI_SAS2i", "LSI_SAS3i" }, { "VEN_1000&DEV_0054" } },
    { "pvscsi", DRIVER_DISK, { "pvscsi", "pvscsii" }, { "VEN_15AD&DEV_07C0" } },
    { "hyper-v", DRIVER_DISK, { "storvsc" } },
    { "xen", DRIVER_DISK, { "xenvbd", "xvdd" } },
    { "virtio-net", DRIVER_NETWORK, { "netkvm" }, { "VEN_1AF4&DEV_1000", "VEN_1AF4&DEV_1041" } },
    { "e1000e",
      DRIVER_NETWORK,
      { "e1i68x64", "e1i65x64", "e1i63x64", "e1iexpress", "e1yexpress" },
      { "VEN_8086&DEV_10D3" } },
    { "e1000", DRIVER_NETWORK, { "E1G60" }, { "VEN_8086&DEV_100E" } },
    { "vmxnet3", DRIVER_NETWORK, { "vmxnet3ndis6" }, { "VEN_15AD&DEV_07B0" } },
    { "ena", DRIVER_NETWORK, { "ena" }, { "VEN_1D0F&DEV_EC20" } },
    { "hyper-v", DRIVER_NETWORK, { "netvsc" } },
    { "xen", DRIVER_NETWORK, { "xennet" } },
};

const struct driver_model *driver_model(size_t i)
{
    return i < ARRAY_LEN(models) ? &models[i] : NULL;
}

/* ImagePath in all its spellings, as a path of the volume: "system32\drivers\x.sys",
 * "\SystemRoot\System32\drivers\x.sys", "\??\C:\Windows\...". */
static char *image_path(const struct regf *h, uint32_t key, const char *service)
{
    _cleanup_free_ char *t = regf_text(h, key, "ImagePath");
    const char *p = t;

    if (!t || !*t)
        return xasprintf("Windows/System32/drivers/%s.sys", service);
    for (char *c = t; *c; c++)
        if (*c == '\\')
            *c = '/';
    if (strncasecmp(p,
                    "/?"
                    "?/",
                    4) == 0)
        p += 4;
    if (((*p | 32) >= 'a' && (*p | 32) <= 'z') && p[1] == ':' && p[2] == '/')
        return xstrdup(p + 3);
    if (strncasecmp(p, "/SystemRoot/", 12) == 0)
        return xasprintf("Windows/%s", p + 12);
    if (strncasecmp(p, "%SystemRoot%/", 13) == 0)
        return xasprintf("Windows/%s", p + 13);
    return xasprintf("Windows/%s", p);
}

/* StartOverride\0: what Windows put there when the controller was gone the last time. */
static uint32_t override_of(const struct regf *h, uint32_t key)
{
    uint32_t o = regf_find(h, key, "StartOverride");

    return o ? regf_dword(h, o, "0", START_ABSENT) : START_ABSENT;
}

static int look_at(const struct regf *h, uint32_t set, struct win_tree *os, const char *service,
                   bool is_disk, struct driver_state *ret, struct err *e)
{
    _cleanup_free_ char *path = NULL;
    struct driver_state s = { .service = service };
    char name[128];
    uint32_t key, over;
    int r;

    (void)snprintf(name, sizeof name, "Services\\%s", service);
    key = regf_find(h, set, name);
    if (!key)
        return 0;
    s.start = regf_dword(h, key, "Start", START_DISABLED);
    over = override_of(h, key);
    s.overridden = over != START_ABSENT && over != s.start;
    s.has_file = true;
    if (os) {
        path = image_path(h, key, service);
        r = win_tree_exists(os, path, e);
        if (r < 0)
            return r;
        s.has_file = r > 0;
    }
    s.boots = is_disk && s.start == 0 && !s.overridden && s.has_file;
    *ret = s;
    return 1;
}

int driver_look(const struct regf *system, uint32_t control_set, struct win_tree *os,
                const struct driver_model *m, struct driver_state *ret, struct err *e)
{
    struct driver_state best = { 0 };

    for (size_t i = 0; i < DRIVER_SERVICES_MAX && m->services[i]; i++) {
        struct driver_state s = { 0 };
        int r = look_at(system, control_set, os, m->services[i], m->kind == DRIVER_DISK, &s, e);

        if (r < 0)
            return r;
        if (r == 0)
            continue;
        if (!best.service || (s.boots && !best.boots) || (s.start < best.start && !best.boots))
            best = s;
    }
    *ret = best;
    return 0;
}

bool driver_has_package(const struct regf *h, const struct driver_model *m)
{
    uint32_t base = h ? regf_find(h, 0, "DriverDatabase\\DeviceIds\\PCI") : 0, k;
    struct regf_iter it = base ? regf_subkeys(h, base) : (struct regf_iter){ 0 };
    char name[REGF_NAME_BYTES];

    while (base && m->ids[0] && (k = regf_next_subkey(h, &it)) != 0) {
        const char *id = regf_key_name(h, k, name);

        for (size_t i = 0; i < ARRAY_LEN(m->ids) && m->ids[i]; i++)
            if (strncasecmp(id, m->ids[i], strlen(m->ids[i])) == 0 && regf_value_count(h, k))
                return true;
    }
    return false;
}
