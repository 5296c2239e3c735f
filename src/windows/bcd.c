/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bcd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cur.h"
#include "str.h"

#define MANAGER      "{9dea862c-5cdd-4e70-acc1-f32b344d4795}"
#define EMS_SETTINGS "{0ce4991b-e6b3-4b16-b23c-5e0d9250e5d9}"
#define EMS_TYPE     0x20100000U
#define LOADER_TYPE  0x10200003U

/* Elements: bits 27-24 are the format, and so the registry type. */
#define E_DESCRIPTION   0x12000004U
#define E_PATH          0x12000002U
#define E_DEFAULT       0x23000003U
#define E_BOOT_EMS      0x16000020U /* in the manager, and "enabled" in EMS settings */
#define E_EMS           0x260000b0U
#define E_EMS_PORT      0x15000022U
#define E_EMS_BAUD      0x15000023U
#define E_TIMEOUT       0x25000004U
#define E_RECOVERY      0x16000009U
#define E_STATUS_POLICY 0x250000e0U
#define IGNORE_ALL      1

static uint32_t object(const struct regf *h, const char *guid)
{
    char path[16 + BCD_GUID_MAX];

    (void)snprintf(path, sizeof path, "Objects\\%s", guid);
    return regf_find(h, 0, path);
}

static uint32_t element(const struct regf *h, uint32_t obj, uint32_t id)
{
    char path[24];

    (void)snprintf(path, sizeof path, "Elements\\%08x", id);
    return obj ? regf_find(h, obj, path) : 0;
}

static char *get_text(const struct regf *h, uint32_t obj, uint32_t id)
{
    uint32_t k = element(h, obj, id);

    return k ? regf_text(h, k, "Element") : NULL;
}

/* Up to 8 bytes, little end first; false when it is not there. */
static bool get_number(const struct regf *h, uint32_t obj, uint32_t id, uint64_t *ret)
{
    uint32_t k = element(h, obj, id);
    _cleanup_regf_data_ struct regf_data d = { 0 };
    struct err scratch = { 0 };
    uint64_t v = 0;

    if (!k || regf_get(h, k, "Element", &d, &scratch) < 0 || d.n == 0 || d.n > 8)
        return false;
    for (size_t i = 0; i < d.n; i++)
        v |= (uint64_t)d.p[i] << 8 * i;
    *ret = v;
    return true;
}

static enum bcd_tristate get_bool(const struct regf *h, uint32_t obj, uint32_t id)
{
    uint64_t v;

    return !get_number(h, obj, id, &v) ? BCD_UNSET : v ? BCD_YES : BCD_NO;
}

static void count_objects(const struct regf *h, uint32_t list, struct bcd_info *i)
{
    struct regf_iter it = regf_subkeys(h, list);
    uint32_t k;

    while (i->objects < BCD_OBJECTS_MAX && (k = regf_next_subkey(h, &it)) != 0) {
        uint32_t d = regf_find(h, k, "Description");

        i->objects++;
        i->loaders += d && regf_dword(h, d, "Type", 0) == LOADER_TYPE;
    }
}

/* The default entry of the boot manager; 0 and "" when it names none that is there. */
static uint32_t default_loader(const struct regf *h, char out[BCD_GUID_MAX])
{
    _cleanup_free_ char *guid = get_text(h, object(h, MANAGER), E_DEFAULT);
    uint32_t k = guid && strlen(guid) == BCD_GUID_MAX - 1 ? object(h, guid) : 0;

    out[0] = '\0';
    if (k)
        (void)str_copy(out, BCD_GUID_MAX, guid);
    return k;
}

static void take(char *text, char *out, size_t size)
{
    if (text)
        (void)str_show(text, out, size);
    free(text);
}

int bcd_read(const struct regf *h, struct bcd_info *ret, struct err *e)
{
    struct bcd_info i = { .timeout_s = UINT64_MAX };
    uint32_t list = regf_find(h, 0, "Objects"), manager = object(h, MANAGER), loader, ems;
    uint64_t policy = 0;

    if (!list)
        return err_set(e, EBADMSG, ERR_CORRUPT, "boot configuration: there are no 'Objects' in it");
    count_objects(h, list, &i);
    loader = default_loader(h, i.default_loader);
    ems = object(h, EMS_SETTINGS);
    take(get_text(h, loader, E_DESCRIPTION), i.description, sizeof i.description);
    take(get_text(h, loader, E_PATH), i.loader_path, sizeof i.loader_path);
    i.boot_ems = get_bool(h, manager, E_BOOT_EMS);
    i.ems = get_bool(h, loader, E_EMS);
    i.ems_settings = get_bool(h, ems, E_BOOT_EMS);
    (void)get_number(h, ems, E_EMS_PORT, &i.ems_port);
    (void)get_number(h, ems, E_EMS_BAUD, &i.ems_baud);
    (void)get_number(h, manager, E_TIMEOUT, &i.timeout_s);
    i.recovery = get_bool(h, loader, E_RECOVERY);
    (void)get_number(h, loader, E_STATUS_POLICY, &policy);
    i.ignores_failures = policy == IGNORE_ALL;
    *ret = i;
    return 0;
}

/* ---- changing -------------------------------------------------------------------------------- */

struct edit {
    struct regf *h;
    const char *where;
    struct win_plan *p;
};

static int set_number(struct edit *x, uint32_t obj, uint32_t id, const char *what, uint64_t v,
                      size_t bytes, struct err *e)
{
    char path[24], before[24] = "";
    le64 data = put_le64(v);
    uint64_t old;
    uint32_t k;
    int r;

    if (get_number(x->h, obj, id, &old)) {
        (void)snprintf(before, sizeof before, "%" PRIu64, old);
        if (old == v) {
            win_plan_addf(x->p, WIN_ROW_KEPT, what, x->where, NULL, "%" PRIu64, v);
            return 0;
        }
    }
    (void)snprintf(path, sizeof path, "Elements\\%08x", id);
    r = regf_key_create(x->h, obj, path, &k, e);
    if (r == 0)
        r = regf_set(x->h, k, "Element", REGF_BINARY, data.b, bytes, e);
    if (r < 0)
        return err_wrap(e, "boot configuration: set '%s'", what);
    win_plan_addf(x->p, WIN_ROW_DONE, what, x->where, before[0] ? before : NULL, "%" PRIu64, v);
    return 0;
}

static int need_object(struct edit *x, const char *guid, uint32_t type, uint32_t *ret,
                       struct err *e)
{
    char path[16 + BCD_GUID_MAX];
    uint32_t obj, d;
    int r;

    obj = object(x->h, guid);
    if (!obj) {
        (void)snprintf(path, sizeof path, "Objects\\%s", guid);
        r = regf_key_create(x->h, 0, path, &obj, e);
        if (r == 0)
            r = regf_key_create(x->h, obj, "Description", &d, e);
        if (r == 0)
            r = regf_set_dword(x->h, d, "Type", type, e);
        if (r < 0)
            return err_wrap(e, "boot configuration: make the object %s", guid);
    }
    *ret = obj;
    return 0;
}

static int apply_ems(struct edit *x, uint32_t manager, uint32_t loader, const struct bcd_options *o,
                     struct err *e)
{
    uint32_t ems = 0;
    int r;

    r = need_object(x, EMS_SETTINGS, EMS_TYPE, &ems, e);
    if (r == 0)
        r = set_number(x, manager, E_BOOT_EMS, "boot manager: bootems", 1, 1, e);
    if (r == 0)
        r = set_number(x, loader, E_EMS, "loader: ems", 1, 1, e);
    if (r == 0)
        r = set_number(x, ems, E_BOOT_EMS, "EMS settings: on", 1, 1, e);
    if (r == 0)
        r = set_number(x, ems, E_EMS_PORT, "EMS settings: port", o->port, 8, e);
    if (r == 0)
        r = set_number(x, ems, E_EMS_BAUD, "EMS settings: baud rate", o->baud, 8, e);
    return r;
}

int bcd_apply(struct regf *h, const struct bcd_options *o, const char *where, struct win_plan *p,
              struct err *e)
{
    struct edit x = { h, where, p };
    char guid[BCD_GUID_MAX];
    uint32_t manager = object(h, MANAGER), loader = default_loader(h, guid);
    int r = 0;

    if (!manager || !loader)
        return err_set(e, EBADMSG, ERR_CORRUPT,
                       "boot configuration: no boot manager with a default entry in it");
    if (o->ems)
        r = apply_ems(&x, manager, loader, o, e);
    if (r == 0 && o->no_recovery)
        r = set_number(&x, loader, E_RECOVERY, "loader: automatic repair", 0, 1, e);
    if (r == 0 && o->no_recovery)
        r = set_number(&x, loader, E_STATUS_POLICY, "loader: boot status policy", IGNORE_ALL, 8, e);
    if (r == 0 && o->timeout_s != UINT64_MAX)
        r = set_number(&x, manager, E_TIMEOUT, "boot menu: seconds", o->timeout_s, 8, e);
    return r;
}
