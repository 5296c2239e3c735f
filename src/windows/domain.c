/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Leaving a domain without the domain: what the machine knows of it. Its account in the directory
 * is not touched, it cannot be. */
#include "work.h"

#include <strings.h>

#include "sam.h"

#define CV          "Microsoft\\Windows\\CurrentVersion"
#define CACHE_MAX   256
#define CACHE_ENTRY 4096

static int empty_value(struct work *k, const char *path, struct err *e)
{
    uint32_t key = regf_find(k->security, 0, path);

    return key ? regf_set(k->security, key, "", REGF_NONE, NULL, 0, e) : 0;
}

static int leave_policy(struct work *k, struct err *e)
{
    static const uint8_t no_guid[16];
    uint32_t guid = regf_find(k->security, 0, "Policy\\PolDnDmG");
    int r;

    r = empty_value(k, "Policy\\PolPrDmS", e);
    if (r == 0)
        r = policy_set_text(k->security, "PolPrDmN", "WORKGROUP", e);
    if (r == 0)
        r = policy_set_text(k->security, "PolDnDDN", "", e);
    if (r == 0)
        r = policy_set_text(k->security, "PolDnTrN", "", e);
    if (r == 0 && guid)
        r = regf_set(k->security, guid, "", REGF_NONE, no_guid, sizeof no_guid, e);
    if (r == 0)
        r = empty_value(k, "Policy\\PolMachineAccountR", e);
    if (r == 0)
        r = empty_value(k, "Policy\\PolMachineAccountS", e);
    if (r == 0)
        r = key_delete(k, k->security, "SECURITY", "Policy\\Secrets\\$MACHINE.ACC",
                       "password of the computer account", e);
    return r;
}

/* Cached logons: zeros of the same length, as a workgroup machine has them. */
static int forget_logons(struct work *k, struct err *e)
{
    static const uint8_t zeros[CACHE_ENTRY];
    uint32_t cache = regf_find(k->security, 0, "Cache"), v;
    struct regf_iter it = cache ? regf_values(k->security, cache) : (struct regf_iter){ 0 };
    struct {
        char *name;
        uint32_t type;
        size_t n;
    } list[CACHE_MAX];
    size_t n = 0, done = 0;
    int r = 0;

    while (cache && n < CACHE_MAX && (v = regf_next_value(k->security, &it)) != 0) {
        list[n].name = regf_value_name(k->security, v);
        list[n].type = regf_value_type(k->security, v);
        list[n].n = regf_value_bytes(k->security, v);
        if (list[n].name && strncasecmp(list[n].name, "NL$", 3) == 0 &&
            strcasecmp(list[n].name, "NL$Control") != 0)
            n++;
        else
            free(list[n].name);
    }
    for (size_t i = 0; i < n; i++) {
        if (r == 0)
            r = regf_set(k->security, cache, list[i].name, list[i].type, zeros,
                         list[i].n < sizeof zeros ? list[i].n : sizeof zeros, e);
        done += r == 0;
        free(list[i].name);
    }
    if (r == 0 && done)
        win_plan_addf(k->p, WIN_ROW_DONE, "cached logons", "SECURITY\\Cache", NULL,
                      "%zu entries zeroed", done);
    return r;
}

static int leave_system(struct work *k, struct err *e)
{
    static const char *const site[] = { "DynamicSiteName", "SiteName", NULL };
    static const char *const keys[] = { "Services\\Netlogon\\JoinDomain",
                                        "Services\\Netlogon\\AvoidSpnSet",
                                        "Services\\Netlogon\\AvoidLocatorAccountLookup" };
    int r;

    r = each_set_dword(k, "Services\\Netlogon", "Start", 3, "Netlogon service", e);
    if (r == 0)
        r = each_set_value_delete(k, "Services\\Netlogon\\Parameters", site, "site of the domain",
                                  e);
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(keys); i++)
        r = each_set_key_delete(k, keys[i], "domain", e);
    if (r == 0)
        r = each_set_text(k, "Services\\Tcpip\\Parameters", "Domain", "", "DNS suffix", e);
    if (r == 0)
        r = each_set_text(k, "Services\\Tcpip\\Parameters", "NV Domain", "", "DNS suffix", e);
    return r;
}

static int leave_software(struct work *k, struct err *e)
{
    static const char *const keys[] = {
        CV "\\Group Policy\\State\\Machine",
        CV "\\Group Policy\\History",
        CV "\\Group Policy\\DataStore\\Machine",
        NT_KEY "\\Winlogon\\DomainCache",
    };
    int r = 0;

    for (size_t i = 0; r == 0 && i < ARRAY_LEN(keys); i++)
        r = key_delete(k, k->software, "SOFTWARE", keys[i], "cache of the domain's policies", e);
    if (r == 0 && regf_find(k->software, 0, "Policies\\Microsoft"))
        win_plan_add(k->p, WIN_ROW_KEPT, "policies", "SOFTWARE\\Policies", NULL,
                     "settings stay; a domain may have made some of them");
    return r;
}

int leave_domain(struct work *k, struct err *e)
{
    _cleanup_free_ char *domain = fact_domain(&k->i);
    uint64_t members = 0;
    int r;

    if (!domain) {
        win_plan_add(k->p, WIN_ROW_KEPT, "domain", "SECURITY\\Policy\\PolPrDmS", NULL,
                     "a workgroup");
        return 0;
    }
    r = leave_policy(k, e);
    if (r == 0)
        win_plan_add(k->p, WIN_ROW_DONE, "domain", "SECURITY\\Policy", domain,
                     "left: workgroup WORKGROUP");
    if (r == 0)
        r = forget_logons(k, e);
    if (r == 0)
        r = leave_system(k, e);
    if (r == 0)
        r = leave_software(k, e);
    if (r == 0)
        r = sam_drop_foreign_members(k->sam, &members, e);
    if (r < 0)
        return err_wrap(e, "leave the domain '%s'", domain);
    if (members)
        win_plan_addf(k->p, WIN_ROW_DONE, "members of the domain in local groups", "SAM", NULL,
                      "%llu removed", (unsigned long long)members);
    win_plan_add(k->p, WIN_ROW_CANNOT, "computer account", domain, NULL,
                 "stays in the directory: delete it there");
    return 0;
}
