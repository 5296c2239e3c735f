/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Version, edition, role, architecture, language: sections "source" and "windows". */
#include "inspect-priv.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "parse.h"

#define SYS_ENV "Control\\Session Manager\\Environment"

struct build_name {
    unsigned build;
    const char *client, *server, *release;
};

static const struct build_name builds[] = {
    { 6000, "Windows Vista", "", "" },
    { 6001, "Windows Vista SP1", "Windows Server 2008", "" },
    { 6002, "Windows Vista SP2", "Windows Server 2008 SP2", "" },
    { 7600, "Windows 7", "Windows Server 2008 R2", "" },
    { 7601, "Windows 7 SP1", "Windows Server 2008 R2 SP1", "" },
    { 9200, "Windows 8", "Windows Server 2012", "" },
    { 9600, "Windows 8.1", "Windows Server 2012 R2", "" },
    { 10240, "Windows 10", "", "1507" },
    { 10586, "Windows 10", "", "1511" },
    { 14393, "Windows 10", "Windows Server 2016", "1607" },
    { 15063, "Windows 10", "", "1703" },
    { 16299, "Windows 10", "Windows Server, version 1709", "1709" },
    { 17134, "Windows 10", "Windows Server, version 1803", "1803" },
    { 17763, "Windows 10", "Windows Server 2019", "1809" },
    { 18362, "Windows 10", "Windows Server, version 1903", "1903" },
    { 18363, "Windows 10", "Windows Server, version 1909", "1909" },
    { 19041, "Windows 10", "Windows Server, version 2004", "2004" },
    { 19042, "Windows 10", "Windows Server, version 20H2", "20H2" },
    { 19043, "Windows 10", "", "21H1" },
    { 19044, "Windows 10", "", "21H2" },
    { 19045, "Windows 10", "", "22H2" },
    { 20348, "", "Windows Server 2022", "21H2" },
    { 22000, "Windows 11", "", "21H2" },
    { 22621, "Windows 11", "", "22H2" },
    { 22631, "Windows 11", "", "23H2" },
    { 25398, "", "Windows Server, version 23H2", "23H2" },
    { 26100, "Windows 11", "Windows Server 2025", "24H2" },
    { 26200, "Windows 11", "", "25H2" },
};

static char *core_os(const struct inspect *i)
{
    return look_text(i->system, 0, "Setup\\Service Reporting API\\Components\\CoreOS", "Version");
}

/* "10.0.18362.1": its third number. */
static unsigned build_of(const char *version)
{
    const char *p = version ? strchr(version, '.') : NULL;
    char digits[12] = "";
    uint64_t v = 0;
    size_t n;

    p = p ? strchr(p + 1, '.') : NULL;
    n = p ? strspn(p + 1, "0123456789") : 0;
    if (n == 0 || n >= sizeof digits)
        return 0;
    memcpy(digits, p + 1, n);
    return parse_u64(digits, 0, 1000000, &v) == 0 ? (unsigned)v : 0;
}

unsigned fact_build(const struct inspect *i)
{
    _cleanup_free_ char *t = look_text(i->software, 0, NT_KEY, "CurrentBuildNumber");
    uint64_t v;

    if (t && parse_u64(t, 0, 1000000, &v) == 0)
        return (unsigned)v;
    free(t);
    t = core_os(i);
    return build_of(t);
}

static char *product_type(const struct inspect *i)
{
    return i->sets.n
               ? look_text(i->system, i->sets.current_key, "Control\\ProductOptions", "ProductType")
               : NULL;
}

bool fact_is_server(const struct inspect *i)
{
    _cleanup_free_ char *type = product_type(i);
    _cleanup_free_ char *kind = look_text(i->software, 0, NT_KEY, "InstallationType");

    return type ? !str_eq_nocase(type, "WinNT") : kind && str_starts(kind, "Server");
}

bool fact_is_domain_controller(const struct inspect *i)
{
    _cleanup_free_ char *type = product_type(i);

    return type && str_eq_nocase(type, "LanmanNT");
}

static const struct build_name *by_build(unsigned build)
{
    for (size_t k = 0; k < ARRAY_LEN(builds); k++)
        if (builds[k].build == build)
            return &builds[k];
    return NULL;
}

/* ProductName; Windows 11 still calls itself 10 there. */
static char *product_name(const struct inspect *i, unsigned build)
{
    char *t = look_text(i->software, 0, NT_KEY, "ProductName");
    const struct build_name *b = by_build(build);
    const char *name = b ? (fact_is_server(i) ? b->server : b->client) : "";

    if (t && build >= 22000 && str_starts(t, "Windows 10"))
        memcpy(t, "Windows 11", 10);
    if (!t && *name)
        t = xstrdup(name);
    return t;
}

static void put_version(struct inspect *i, json_t *o, unsigned build)
{
    _cleanup_free_ char *core = core_os(i);
    uint32_t major = look_dword(i->software, 0, NT_KEY, "CurrentMajorVersionNumber", UINT32_MAX);
    uint32_t minor = look_dword(i->software, 0, NT_KEY, "CurrentMinorVersionNumber", 0);
    uint32_t ubr = look_dword(i->software, 0, NT_KEY, "UBR", 0);
    _cleanup_free_ char *old = look_text(i->software, 0, NT_KEY, "CurrentVersion");
    char text[64];

    if (major != UINT32_MAX)
        (void)snprintf(text, sizeof text, "%u.%u.%u.%u", major, minor, build, ubr);
    else if (old)
        (void)snprintf(text, sizeof text, "%s.%u", old, build);
    else
        (void)snprintf(text, sizeof text, "%s", core ? core : "");
    if (text[0])
        put_text(o, "version", text);
    if (build)
        put_uint(o, "build", build);
}

static const char *role_of(const struct inspect *i)
{
    _cleanup_free_ char *type = product_type(i);

    if (!type)
        return NULL;
    return str_eq_nocase(type, "WinNT")      ? "client"
           : str_eq_nocase(type, "ServerNT") ? "server"
           : str_eq_nocase(type, "LanmanNT") ? "domain controller"
                                             : NULL;
}

static void put_unix_time(json_t *o, const char *key, uint64_t seconds)
{
    char text[CLOCK_ISO_MAX];

    clock_iso8601(seconds * 1000, text);
    put_text(o, key, text);
}

static void put_languages(struct inspect *i, json_t *o)
{
    uint32_t key =
        i->sets.n ? regf_find(i->system, i->sets.current_key, "Control\\MUI\\UILanguages") : 0;
    struct regf_iter it = key ? regf_subkeys(i->system, key) : (struct regf_iter){ 0 };
    char name[REGF_NAME_BYTES];
    json_t *list;
    uint32_t k;

    if (!key)
        return;
    list = put_array(o, "languages");
    while ((k = regf_next_subkey(i->system, &it)) != 0 && json_array_size(list) < 128)
        append_text(list, regf_key_name(i->system, k, name));
}

static void put_release(struct inspect *i, json_t *o, unsigned build)
{
    const struct build_name *b = by_build(build);
    char *t = look_text(i->software, 0, NT_KEY, "DisplayVersion");

    if (!t)
        t = look_text(i->software, 0, NT_KEY, "ReleaseId");
    if (!t && b && b->release[0])
        t = xstrdup(b->release);
    put_take(o, "release", t);
}

int inspect_version(struct inspect *i, struct err *e)
{
    unsigned build = fact_build(i);
    json_t *o = put_object(i->doc, "windows");
    uint32_t installed = look_dword(i->software, 0, NT_KEY, "InstallDate", 0);
    uint32_t cs = i->sets.current_key;

    (void)e;
    put_take(o, "product", product_name(i, build));
    put_version(i, o, build);
    put_release(i, o, build);
    put_take(o, "edition", look_text(i->software, 0, NT_KEY, "EditionID"));
    put_take(o, "installation", look_text(i->software, 0, NT_KEY, "InstallationType"));
    put_text(o, "role", role_of(i));
    if (i->sets.n) {
        put_take(o, "architecture", look_text(i->system, cs, SYS_ENV, "PROCESSOR_ARCHITECTURE"));
        put_take(o, "time_zone",
                 look_text(i->system, cs, "Control\\TimeZoneInformation", "TimeZoneKeyName"));
        put_bool(o, "hardware_clock_utc",
                 look_dword(i->system, cs, "Control\\TimeZoneInformation", "RealTimeIsUniversal",
                            0) == 1);
    }
    put_languages(i, o);
    put_take(o, "owner", look_text(i->software, 0, NT_KEY, "RegisteredOwner"));
    put_take(o, "organisation", look_text(i->software, 0, NT_KEY, "RegisteredOrganization"));
    if (installed)
        put_unix_time(o, "installed", installed);
    return 0;
}

/* ---- where it came from ---------------------------------------------------------------------- */

static void put_disk(struct inspect *i, json_t *o)
{
    const struct win_parts *p = &i->w->parts;
    json_t *list;
    char id[48];

    put_uint(o, "bytes", win_disk_bytes(i->w->disk));
    put_text(o, "partition_table", win_table_name(p->table));
    put_text(o, "firmware", i->w->is_uefi ? "UEFI" : "BIOS");
    if (p->table == WIN_TABLE_MBR) {
        (void)snprintf(id, sizeof id, "%08x", p->disk_signature);
        put_text(o, "disk_signature", id);
    }
    list = put_array(o, "partitions");
    for (size_t k = 0; k < p->n; k++) {
        const struct win_part *x = &p->part[k];
        json_t *row = json_object();

        put_uint(row, "number", x->number);
        put_uint(row, "offset", x->offset);
        put_uint(row, "bytes", x->bytes);
        put_text(row, "holds", win_part_holds_name(x->holds));
        put_bool(row, "windows", x == i->w->os_part);
        put_bool(row, "system", x == i->w->system_part);
        (void)json_array_append_new(list, row);
    }
}

int inspect_source(struct inspect *i, struct err *e)
{
    json_t *o = put_object(i->doc, "source"), *v;
    struct win_volume_facts f;
    int r;

    if (i->w->disk)
        put_disk(i, o);
    r = win_tree_facts(i->os, &f, e);
    if (r < 0)
        return r;
    v = put_object(o, "volume");
    put_text(v, "format", f.format);
    if (win_tree_kind(i->os) == WIN_TREE_FOLDER)
        return 0;
    put_text(v, "label", f.label);
    put_uint(v, "bytes", f.total_bytes);
    put_uint(v, "free_bytes", f.free_bytes);
    put_uint(v, "cluster_bytes", f.cluster_bytes);
    return 0;
}
