/* SPDX-License-Identifier: GPL-3.0-or-later */
/* "clean": identifiers, last users, stale settings and secrets out of the registry, the network's
 * leases, the machine's name. The SID stays. Sources: docs/windows/offline.md, "clean".
 */
#include "work.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "drivers.h"
#include "rand.h"

#define TCPIP      "Services\\Tcpip\\Parameters"
#define TCPIP6     "Services\\Tcpip6\\Parameters"
#define WINLOGON   NT_KEY "\\Winlogon"
#define LOGON_UI   "Microsoft\\Windows\\CurrentVersion\\Authentication\\LogonUI"
#define RDP_TCP    "Control\\Terminal Server\\WinStations\\RDP-Tcp"
#define HW_PROFILE "Control\\IDConfigDB\\Hardware Profiles\\0001"
#define SESSION    "Control\\Session Manager"
#define VALUES_MAX 4096

struct value_row {
    const char *path, *what;
    const char *names[7];
};

/* Values to delete in SOFTWARE. */
static const struct value_row software_values[] = {
    { "Microsoft\\SQMClient", "telemetry id", { "MachineId" } },
    { "Microsoft\\Windows\\CurrentVersion\\WindowsUpdate",
      "Windows Update id",
      { "SusClientId", "SusClientIdValidation", "PingID", "AccountDomainSid" } },
    { "Microsoft\\Windows Advanced Threat Protection", "Defender sensor id", { "senseGuid" } },
    { LOGON_UI,
      "last user",
      { "LastLoggedOnUser", "LastLoggedOnSAMUser", "LastLoggedOnUserSID", "LastLoggedOnDisplayName",
        "SelectedUserSID" } },
    { WINLOGON,
      "last user",
      { "AltDefaultDomainName", "AltDefaultUserName", "LastUsedUsername", "CachePrimaryDomain" } },
    { WINLOGON,
      "stored logon with its password",
      { "DefaultPassword", "AutoAdminLogon", "AutoLogonCount", "AutoLogonSID" } },
};

/* Values to delete in every control set. */
static const struct value_row system_values[] = {
    { "Services\\LanmanServer\\Parameters", "SMB server id", { "Guid" } },
    { "Control\\Terminal Server", "Terminal Server id", { "InstanceID" } },
    { RDP_TCP, "RDP certificate", { "SSLCertificateSHA1Hash", "SelfSignedCertificate" } },
    { SESSION "\\AppCompatCache", "list of started programs", { "AppCompatCache" } },
    { "Services\\rdyboost\\Parameters", "boot plan", { "BootPlan" } },
    { SESSION "\\Memory Management", "paging files in use", { "ExistingPageFiles" } },
};

static int delete_values(struct work *k, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < ARRAY_LEN(software_values); i++)
        r = value_delete(k, k->software, "SOFTWARE", software_values[i].path,
                         software_values[i].names, software_values[i].what, e);
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(system_values); i++)
        r = each_set_value_delete(k, system_values[i].path, system_values[i].names,
                                  system_values[i].what, e);
    return r;
}

static int new_guids(struct work *k, struct err *e)
{
    char guid[37], braced[40];
    int r;

    rand_uuid(guid);
    r = text_set(k, k->software, "SOFTWARE", "Microsoft\\Cryptography", "MachineGuid", guid,
                 "machine GUID", e);
    for (size_t i = 0; r == 0 && i < k->sets->n; i++) {
        uint32_t key = regf_find(k->system, k->sets->key[i], HW_PROFILE);

        if (!key || !regf_value(k->system, key, "HwProfileGuid"))
            continue;
        rand_uuid(guid);
        (void)snprintf(braced, sizeof braced, "{%s}", guid);
        r = regf_set_text(k->system, key, "HwProfileGuid", REGF_SZ, braced, e);
        if (r == 0)
            win_plan_addf(k->p, WIN_ROW_DONE, "hardware profile GUID", "SYSTEM", NULL, "%s",
                          braced);
    }
    return r;
}

/* ---- drive letters --------------------------------------------------------------------------- */

/* \DosDevices\C: and what else means the same volume stay. */
static int clean_drives(struct work *k, struct err *e)
{
    static const char where[] = "SYSTEM\\MountedDevices";
    uint32_t key = regf_find(k->system, 0, "MountedDevices"), v;
    struct regf_iter it = key ? regf_values(k->system, key) : (struct regf_iter){ 0 };
    _cleanup_regf_data_ struct regf_data c = { 0 };
    char *names[512];
    size_t n = 0;
    struct err scratch = { 0 };
    int r = 0;

    if (!key)
        return 0;
    if (regf_get(k->system, key, "\\DosDevices\\C:", &c, &scratch) < 0 || c.n == 0) {
        win_plan_add(k->p, WIN_ROW_KEPT, "drive letters", where, NULL,
                     "C: is not among them: Windows gives it to the volume it starts from");
        return 0;
    }
    while (n < ARRAY_LEN(names) && (v = regf_next_value(k->system, &it)) != 0) {
        _cleanup_regf_data_ struct regf_data d = { 0 };

        scratch = (struct err){ 0 };
        if (regf_value_data(k->system, v, &d, &scratch) == 0 && d.n == c.n &&
            memcmp(d.p, c.p, d.n) == 0)
            continue;
        names[n] = regf_value_name(k->system, v);
        n += names[n] != NULL;
    }
    for (size_t i = 0; i < n; i++) {
        if (r >= 0)
            r = regf_value_delete(k->system, key, names[i], e);
        free(names[i]);
    }
    if (r < 0)
        return err_wrap(e, "clean '%s'", where);
    win_plan_addf(k->p, WIN_ROW_DONE, "drive letters", where, NULL,
                  "%zu of other volumes deleted, C: kept", n);
    return 0;
}

int clean_registry(struct work *k, struct err *e)
{
    int r;

    r = new_guids(k, e);
    if (r == 0)
        r = delete_values(k, e);
    if (r == 0)
        r = key_delete(k, k->software, "SOFTWARE", LOGON_UI "\\SessionData", "last sessions", e);
    if (r == 0)
        r = key_empty(k, k->software, "SOFTWARE", 0,
                      "Microsoft\\SystemCertificates\\Remote Desktop\\Certificates",
                      "RDP certificate", e);
    if (r == 0)
        r = key_delete(k, k->security, "SECURITY", "Policy\\Secrets\\DefaultPassword",
                       "stored logon with its password", e);
    if (r == 0)
        r = clean_drives(k, e);
    if (r == 0)
        r = each_set_dword(k, SESSION "\\Power", "HiberbootEnabled", 0, "fast startup", e);
    return r;
}

/* ---- network --------------------------------------------------------------------------------- */

static bool is_lease(const char *name)
{
    return strncasecmp(name, "Dhcp", 4) == 0 || strncasecmp(name, "Lease", 5) == 0 ||
           strcasecmp(name, "T1") == 0 || strcasecmp(name, "T2") == 0;
}

/* Values of a lease in one interface; *n counts them. */
static int forget_lease(struct regf *h, uint32_t key, size_t *n, struct err *e)
{
    struct regf_iter it = regf_values(h, key);
    char *names[128];
    size_t count = 0;
    uint32_t v;
    int r = 0;

    while (count < ARRAY_LEN(names) && (v = regf_next_value(h, &it)) != 0) {
        names[count] = regf_value_name(h, v);
        if (names[count] && is_lease(names[count]))
            count++;
        else
            free(names[count]);
    }
    for (size_t i = 0; i < count; i++) {
        if (r >= 0)
            r = regf_value_delete(h, key, names[i], e);
        *n += r > 0;
        free(names[i]);
    }
    return r < 0 ? r : 0;
}

static int forget_leases(struct work *k, size_t set, const char *path, struct err *e)
{
    uint32_t base = regf_find(k->system, k->sets->key[set], path), key;
    struct regf_iter it = base ? regf_subkeys(k->system, base) : (struct regf_iter){ 0 };
    char where[128];
    size_t n = 0;

    while (base && (key = regf_next_subkey(k->system, &it)) != 0) {
        int r = forget_lease(k->system, key, &n, e);

        if (r < 0)
            return err_wrap(e, "forget leases in '%s'", path);
    }
    (void)snprintf(where, sizeof where, "SYSTEM\\ControlSet%03u\\%s", k->sets->no[set], path);
    if (n)
        win_plan_addf(k->p, WIN_ROW_DONE, "DHCP leases", where, NULL, "%zu values deleted", n);
    return 0;
}

int clean_network(struct work *k, struct err *e)
{
    static const char *const duid[] = { "Dhcpv6DUID", "Dhcpv6DNSServers", NULL };
    static const char *const last[] = { "DhcpDomain", "DhcpNameServer", "DhcpNameServerList",
                                        NULL };
    static const char *const lists[] = { TCPIP "\\Interfaces", TCPIP6 "\\Interfaces",
                                         "Services\\NetBT\\Parameters\\Interfaces" };
    int r;

    r = each_set_value_delete(k, TCPIP6, duid, "DHCPv6 id", e);
    if (r == 0)
        r = each_set_value_delete(k, TCPIP, last, "DHCP leases", e);
    if (r == 0)
        r = each_set_key_delete(k, TCPIP "\\DNSRegisteredAdapters", "DNS registrations", e);
    for (size_t s = 0; r == 0 && s < k->sets->n; s++)
        for (size_t i = 0; r == 0 && i < ARRAY_LEN(lists); i++)
            r = forget_leases(k, s, lists[i], e);
    return r;
}

/* ---- drivers that must start anywhere -------------------------------------------------------- */

static int drop_override(struct work *k, const char *service, struct err *e)
{
    char path[128];

    (void)snprintf(path, sizeof path, "Services\\%s\\StartOverride", service);
    return each_set_key_delete(k, path, "driver kept from starting", e);
}

int clean_start_overrides(struct work *k, struct err *e)
{
    const struct driver_model *m;
    int r = 0;

    for (size_t i = 0; r == 0 && (m = driver_model(i)) != NULL; i++)
        for (size_t s = 0;
             r == 0 && m->kind == DRIVER_DISK && s < DRIVER_SERVICES_MAX && m->services[s]; s++)
            r = drop_override(k, m->services[s], e);
    return r;
}

/* ---- the name -------------------------------------------------------------------------------- */

static void random_name(char out[16])
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    uint8_t b[11];

    rand_bytes(b, sizeof b);
    memcpy(out, "WIN-", 4);
    for (size_t i = 0; i < sizeof b; i++)
        out[4 + i] = letters[b[i] % (sizeof letters - 1)];
    out[15] = '\0';
}

/* The NetBIOS name is in capitals; the host name keeps its letters. */
static int write_name(struct work *k, const char *name, struct err *e)
{
    char upper[16];
    size_t n = 0;
    int r;

    for (; name[n] && n < sizeof upper - 1; n++)
        upper[n] = (char)(name[n] >= 'a' && name[n] <= 'z' ? name[n] - 32 : name[n]);
    upper[n] = '\0';
    r = each_set_text(k, "Control\\ComputerName\\ComputerName", "ComputerName", upper,
                      "computer name", e);
    if (r == 0)
        r = each_set_text(k, TCPIP, "NV Hostname", name, "host name", e);
    if (r == 0)
        r = each_set_text(k, TCPIP, "Hostname", name, "host name", e);
    if (r == 0)
        r = policy_set_text(k->security, "PolAcDmN", upper, e);
    if (r < 0)
        return err_wrap(e, "name the machine");
    win_plan_add(k->p, WIN_ROW_DONE, "account domain", "SECURITY\\Policy\\PolAcDmN", NULL, upper);
    return 0;
}

/* DefaultDomainName holds the old name on a machine that logs on by itself. */
static int forget_name(struct work *k, const char *old, struct err *e)
{
    static const char *const names[] = { "DefaultDomainName", NULL };
    _cleanup_free_ char *v = look_text(k->software, 0, WINLOGON, "DefaultDomainName");

    if (!v || !old || !str_eq_nocase(v, old))
        return 0;
    return value_delete(k, k->software, "SOFTWARE", WINLOGON, names, "old computer name", e);
}

int rename_machine(struct work *k, const char *name, struct err *e)
{
    _cleanup_free_ char *old = look_text(k->system, k->sets->current_key,
                                         "Control\\ComputerName\\ComputerName", "ComputerName");
    char random[16];
    int r;

    if (!name || !*name || strcmp(name, "*") == 0) {
        random_name(random);
        name = random;
    }
    r = answer_check_name(name, false, e);
    if (r == 0)
        r = write_name(k, name, e);
    if (r == 0)
        r = forget_name(k, old, e);
    return r;
}

/* ---- the action ------------------------------------------------------------------------------ */

int windows_clean(struct windows *w, const struct windows_options *o, struct win_plan *p,
                  struct err *e)
{
    _cleanup_(work_done) struct work k = { 0 };
    _cleanup_free_ char *domain = NULL;
    int r;

    r = work_open(&k, w, o, p, e);
    if (r < 0)
        return err_wrap(e, "clean");
    win_plan_add(p, WIN_ROW_WARNING, "not generalised", NULL, NULL,
                 "the machine's SID stays: copies of this image share it");
    domain = fact_domain(&k.i);
    r = clean_registry(&k, e);
    if (r == 0)
        r = clean_network(&k, e);
    if (r == 0)
        r = clean_start_overrides(&k, e);
    if (r == 0 && domain)
        win_plan_add(p, WIN_ROW_KEPT, "computer name", NULL, NULL,
                     "a member of a domain keeps its name");
    else if (r == 0)
        r = rename_machine(&k, o->computer_name, e);
    if (r == 0)
        r = clean_files(&k, e);
    if (r == 0)
        r = clean_logs(&k, e);
    if (r == 0 && k.dialect)
        r = dialect_forget(k.dialect, k.os, p, e);
    if (r == 0)
        r = work_save(&k, e);
    return r < 0 ? err_wrap(e, "clean") : 0;
}
