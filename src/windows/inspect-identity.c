/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who this machine is: names, domain, SID, other identifiers. Section "identity"; facts on domains
 * and roles for the refuse list. */
#include "inspect-priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sam.h"
#include "sid.h"

#define TCPIP       "Services\\Tcpip\\Parameters"
#define ENROLLMENTS "Microsoft\\Enrollments"
#define MDM_FULL    6
#define ENROLL_MAX  512

static char *account_text(const struct regf *security, const char *name)
{
    return security ? policy_text(security, name) : NULL;
}

static char *domain_sid(const struct regf *security)
{
    struct err scratch = { 0 };
    uint8_t sid[SID_MACHINE_BYTES];
    char text[SID_TEXT_MAX];

    if (!security || policy_domain_sid(security, sid, &scratch) <= 0 ||
        !sid_text(sid, sizeof sid, text))
        return NULL;
    return xstrdup(text);
}

static char *non_empty(char *t)
{
    if (t && !*t) {
        free(t);
        return NULL;
    }
    return t;
}

char *fact_domain(const struct inspect *i)
{
    _cleanup_free_ char *sid = domain_sid(i->security);
    char *name;

    if (i->security && !sid)
        return NULL; /* a workgroup has no domain SID */
    name = non_empty(account_text(i->security, "PolDnDDN"));
    if (!name && sid)
        name = non_empty(account_text(i->security, "PolPrDmN"));
    if (!name && i->sets.n && !i->security &&
        look_dword(i->system, i->sets.current_key, "Services\\Netlogon", "Start", 3) == 2)
        name = non_empty(look_text(i->system, i->sets.current_key, TCPIP, "NV Domain"));
    return name;
}

static bool looks_like_guid(const char *name)
{
    size_t n = strlen(name);

    return (n == 38 && name[0] == '{' && name[37] == '}') || (n == 36 && name[8] == '-');
}

/* Keys of every Windows lie there as well; a real enrolment names its server or user. */
static bool is_mdm_enrolled(const struct inspect *i)
{
    static const char *const signs[] = { "ProviderID", "UPN", "DiscoveryServiceFullURL" };
    uint32_t base = i->software ? regf_find(i->software, 0, ENROLLMENTS) : 0, k;
    struct regf_iter it = base ? regf_subkeys(i->software, base) : (struct regf_iter){ 0 };
    char name[REGF_NAME_BYTES];

    for (unsigned n = 0; base && n < ENROLL_MAX && (k = regf_next_subkey(i->software, &it)); n++) {
        if (!looks_like_guid(regf_key_name(i->software, k, name)))
            continue;
        if (regf_dword(i->software, k, "EnrollmentType", 0) == MDM_FULL)
            return true;
        for (size_t s = 0; s < ARRAY_LEN(signs); s++) {
            _cleanup_free_ char *v = regf_text(i->software, k, signs[s]);

            if (v && *v)
                return true;
        }
    }
    return false;
}

const char *fact_cloud_joined(const struct inspect *i)
{
    uint32_t info =
        i->sets.n ? regf_find(i->system, i->sets.current_key, "Control\\CloudDomainJoin\\JoinInfo")
                  : 0;

    if (info && regf_key_count(i->system, info))
        return "Entra ID (Azure AD)";
    return is_mdm_enrolled(i) ? "an MDM server" : NULL;
}

bool fact_has_service(const struct inspect *i, const char *name)
{
    char path[160];

    (void)snprintf(path, sizeof path, "Services\\%s", name);
    return i->sets.n && regf_find(i->system, i->sets.current_key, path);
}

/* SQL Server: one service for each instance. */
static bool has_sql_server(const struct inspect *i)
{
    uint32_t base = i->sets.n ? regf_find(i->system, i->sets.current_key, "Services") : 0, k;
    struct regf_iter it = base ? regf_subkeys(i->system, base) : (struct regf_iter){ 0 };
    char name[REGF_NAME_BYTES];

    while (base && (k = regf_next_subkey(i->system, &it)) != 0) {
        const char *s = regf_key_name(i->system, k, name);

        if (strcasecmp(s, "MSSQLSERVER") == 0 || strncasecmp(s, "MSSQL$", 6) == 0)
            return true;
    }
    return false;
}

const char *fact_role_with_identity(const struct inspect *i)
{
    static const struct {
        const char *service, *role;
    } roles[] = {
        { "ClusSvc", "a failover cluster node" },
        { "CertSvc", "a certification authority" },
        { "MSExchangeServiceHost", "Exchange Server" },
        { "MSExchangeIS", "Exchange Server" },
        { "IAS", "Network Policy Server" },
        { "TermServLicensing", "Remote Desktop Licensing" },
        { "WsusService", "Windows Server Update Services" },
    };

    for (size_t k = 0; k < ARRAY_LEN(roles); k++)
        if (fact_has_service(i, roles[k].service))
            return roles[k].role;
    return has_sql_server(i) ? "SQL Server" : NULL;
}

char *fact_generalised_by_us(const struct inspect *i)
{
    return look_text(i->software, 0, KILN_KEY, "Generalised");
}

static void put_domain(struct inspect *i, json_t *o)
{
    _cleanup_free_ char *domain = fact_domain(i);
    const char *cloud = fact_cloud_joined(i);

    if (!i->security && !i->sets.n)
        return;
    put_bool(o, "joined", domain != NULL);
    if (domain) {
        put_text(o, "domain", domain);
        put_take(o, "domain_netbios", account_text(i->security, "PolPrDmN"));
        put_take(o, "domain_sid", domain_sid(i->security));
    } else {
        put_take(o, "workgroup", account_text(i->security, "PolPrDmN"));
    }
    if (cloud)
        put_text(o, "cloud", cloud);
}

static void put_sid(struct inspect *i, json_t *o)
{
    uint8_t sid[SID_MACHINE_BYTES], account[SID_MACHINE_BYTES];
    struct err scratch = { 0 };
    char text[SID_TEXT_MAX] = "";
    bool in_sam = false, in_security = false;

    if (i->sam) {
        in_sam = sam_machine_sid(i->sam, sid, &scratch) == 0;
        if (!in_sam)
            inspect_note(i, "SAM: %s", scratch.msg);
    }
    scratch = (struct err){ 0 };
    in_security = i->security && policy_machine_sid(i->security, account, &scratch) == 0;
    if ((in_sam && sid_text(sid, sizeof sid, text)) ||
        (in_security && sid_text(account, sizeof account, text)))
        put_text(o, "machine_sid", text);
    if (in_sam && in_security && memcmp(sid, account, sizeof sid) != 0)
        inspect_note(i, "SAM and SECURITY do not agree on the SID of the machine");
}

int inspect_identity(struct inspect *i, struct err *e)
{
    json_t *o = put_object(i->doc, "identity");
    uint32_t cs = i->sets.current_key;

    (void)e;
    if (i->sets.n) {
        put_take(o, "computer_name",
                 look_text(i->system, cs, "Control\\ComputerName\\ComputerName", "ComputerName"));
        put_take(o, "host_name", look_text(i->system, cs, TCPIP, "NV Hostname"));
        put_take(o, "dns_suffix", non_empty(look_text(i->system, cs, TCPIP, "NV Domain")));
    } else {
        put_take(o, "computer_name", account_text(i->security, "PolAcDmN"));
    }
    put_sid(i, o);
    put_domain(i, o);
    put_take(o, "machine_guid",
             look_text(i->software, 0, "Microsoft\\Cryptography", "MachineGuid"));
    put_text(o, "role_with_identity", fact_role_with_identity(i));
    put_take(o, "generalised_by_kiln", fact_generalised_by_us(i));
    return 0;
}
