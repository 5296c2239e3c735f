/* SPDX-License-Identifier: Apache-2.0 */
/* Network adapters, host routes, the computer's name. */
#include "win-priv.h"

#include <stdio.h>
#include <string.h>

#include <ws2tcpip.h> /* before the two below, which look for its types */
#include <iphlpapi.h>
#include <netioapi.h>

#define IPHLPAPI     L"iphlpapi.dll"
#define ADAPTERS_MAX 256U
#define ROUTES_MAX   10000U

static bool address_text(const struct sockaddr *a, char out[WIN_ADDR_MAX])
{
    const void *p;

    if (a->sa_family == AF_INET)
        p = &((const struct sockaddr_in *)(const void *)a)->sin_addr;
    else if (a->sa_family == AF_INET6)
        p = &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
    else
        return false;
    return inet_ntop(a->sa_family, p, out, WIN_ADDR_MAX) != NULL;
}

static void fill_adapter(const IP_ADAPTER_ADDRESSES *a, struct win_adapter *out)
{
    const BYTE *m = a->PhysicalAddress;

    out->index = a->IfIndex ? a->IfIndex : a->Ipv6IfIndex;
    win_narrow_into(a->FriendlyName, out->name, sizeof(out->name));
    win_narrow_into(a->Description, out->what, sizeof(out->what));
    win_narrow_into(a->DnsSuffix ? a->DnsSuffix : L"", out->suffix, sizeof(out->suffix));
    (void)str_copy(out->guid, sizeof(out->guid), a->AdapterName);
    if (a->PhysicalAddressLength == 6)
        (void)snprintf(out->mac, sizeof(out->mac), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1],
                       m[2], m[3], m[4], m[5]);
    out->up = a->OperStatus == IfOperStatusUp;
    out->ethernet = a->IfType == IF_TYPE_ETHERNET_CSMACD;
    out->metric4 = a->Ipv4Metric;
    out->metric6 = a->Ipv6Metric;
    for (const IP_ADAPTER_UNICAST_ADDRESS *u = a->FirstUnicastAddress; u; u = u->Next)
        if (!out->ip4[0] && u->Address.lpSockaddr->sa_family == AF_INET)
            (void)address_text(u->Address.lpSockaddr, out->ip4);
    for (const IP_ADAPTER_GATEWAY_ADDRESS *g = a->FirstGatewayAddress; g; g = g->Next) {
        bool six = g->Address.lpSockaddr->sa_family == AF_INET6;

        (void)address_text(g->Address.lpSockaddr, six ? out->gateway6 : out->gateway4);
    }
}

static int adapters(struct win *w, struct win_adapter **ret, size_t *ret_n, struct err *e)
{
    __typeof__(&GetAdaptersAddresses) fn = DYN(IPHLPAPI, GetAdaptersAddresses);
    ULONG flags = GAA_FLAG_INCLUDE_GATEWAYS | GAA_FLAG_SKIP_ANYCAST | GAA_FLAG_SKIP_MULTICAST |
                  GAA_FLAG_SKIP_DNS_SERVER;
    ULONG size = 16384, code = ERROR_BUFFER_OVERFLOW;
    _cleanup_free_ IP_ADAPTER_ADDRESSES *all = NULL;
    struct win_adapter *list;
    size_t n = 0;

    if (!fn)
        return err_no_function(e, "GetAdaptersAddresses");
    for (unsigned i = 0; i < 4 && code == ERROR_BUFFER_OVERFLOW; i++) {
        free(all);
        all = calloc(1, size);
        if (!all)
            return err_oom(e);
        code = fn(AF_UNSPEC, flags, NULL, all, &size);
    }
    if (code && code != ERROR_NO_DATA)
        return err_win32(e, code, "list the network adapters");
    list = calloc(ADAPTERS_MAX, sizeof(*list));
    if (!list)
        return err_oom(e);
    for (const IP_ADAPTER_ADDRESSES *a = code ? NULL : all; a && n < ADAPTERS_MAX; a = a->Next)
        fill_adapter(a, &list[n++]);
    *ret = list;
    *ret_n = n;
    return 0;
}

static bool parse_address(const char *text, SOCKADDR_INET *out)
{
    memset(out, 0, sizeof(*out));
    if (strchr(text, ':')) {
        out->si_family = AF_INET6;
        return inet_pton(AF_INET6, text, &out->Ipv6.sin6_addr) == 1;
    }
    out->si_family = AF_INET;
    return inet_pton(AF_INET, text, &out->Ipv4.sin_addr) == 1;
}

static int make_row(const struct win_route *r, MIB_IPFORWARD_ROW2 *row, struct err *e)
{
    __typeof__(&InitializeIpForwardEntry) init = DYN(IPHLPAPI, InitializeIpForwardEntry);

    if (!init)
        return err_no_function(e, "InitializeIpForwardEntry");
    init(row);
    row->InterfaceIndex = r->index;
    row->DestinationPrefix.PrefixLength = (UINT8)r->prefix;
    row->Metric = 0; /* on top of the interface's */
    row->Protocol = (NL_ROUTE_PROTOCOL)3 /* set by management */;
    if (!parse_address(r->dest, &row->DestinationPrefix.Prefix) ||
        !parse_address(r->gateway, &row->NextHop))
        return err_set(e, EINVAL, ERR_INVALID, "route '%s' via '%s'", r->dest, r->gateway);
    return 0;
}

static bool same_address(const SOCKADDR_INET *a, const SOCKADDR_INET *b)
{
    if (a->si_family != b->si_family)
        return false;
    return a->si_family == AF_INET ? memcmp(&a->Ipv4.sin_addr, &b->Ipv4.sin_addr, 4) == 0
                                   : memcmp(&a->Ipv6.sin6_addr, &b->Ipv6.sin6_addr, 16) == 0;
}

#define LEGACY_ROUTES                                                                              \
    "HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters\\PersistentRoutes"

/* netsh reaches the store that lasts over a restart, which the functions of iphlpapi do not. */
static int netsh_route(struct win *w, bool add, const struct win_route *r, struct err *e)
{
    bool six = strchr(r->dest, ':') != NULL;
    struct str line = STR_INIT(512);
    struct win_run run = { .timeout_ms = 30000 };
    uint32_t pid = 0, code = 0;
    int no;

    str_addf(&line, "netsh.exe interface %s %s route %s/%u %u", six ? "ipv6" : "ipv4",
             add ? "add" : "delete", r->dest, r->prefix, r->index);
    if (add)
        str_addf(&line, " %s metric=%u", r->gateway, r->metric);
    str_add(&line, " store=persistent");
    run.command = str_text(&line);
    no = str_check(&line, "a command line", e);
    if (no == 0)
        no = w->run(w, &run, &pid, &code, e);
    if (no == 0 && code)
        no = err_set(e, EIO, ERR_OTHER, "'%s' ends with %u", str_text(&line), code);
    str_done(&line);
    return no;
}

/* What `route -p` has kept: values "dest,mask,gateway,metric". */
static void forget_legacy(struct win *w, const struct win_route *r)
{
    _cleanup_free_ struct win_name *names = NULL;
    struct err ignore = { 0 };
    size_t n = 0, len = strlen(r->dest);

    if (w->reg_values(w, LEGACY_ROUTES, &names, &n, &ignore) < 0)
        return;
    for (size_t i = 0; i < n; i++)
        if (strncmp(names[i].name, r->dest, len) == 0 && names[i].name[len] == ',') {
            err_clear(&ignore);
            (void)w->reg_delete(w, LEGACY_ROUTES, names[i].name, &ignore); /* the new one wins */
        }
}

static int route_delete(struct win *w, const struct win_route *r, struct err *e)
{
    __typeof__(&GetIpForwardTable2) table_of = DYN(IPHLPAPI, GetIpForwardTable2);
    __typeof__(&DeleteIpForwardEntry2) remove = DYN(IPHLPAPI, DeleteIpForwardEntry2);
    __typeof__(&FreeMibTable) free_table = DYN(IPHLPAPI, FreeMibTable);
    MIB_IPFORWARD_TABLE2 *t = NULL;
    SOCKADDR_INET dest;
    DWORD code;

    if (!table_of || !remove || !free_table)
        return err_no_function(e, "DeleteIpForwardEntry2");
    if (!parse_address(r->dest, &dest))
        return err_set(e, EINVAL, ERR_INVALID, "route '%s'", r->dest);
    code = table_of(dest.si_family, &t);
    if (code)
        return code == ERROR_NOT_FOUND ? 0 : err_win32(e, code, "list the routes");
    for (ULONG i = 0; i < t->NumEntries && i < ROUTES_MAX && !code; i++)
        if (t->Table[i].DestinationPrefix.PrefixLength == r->prefix &&
            same_address(&t->Table[i].DestinationPrefix.Prefix, &dest)) {
            code = remove(&t->Table[i]);
            if (code == ERROR_NOT_FOUND)
                code = 0;
        }
    free_table(t);
    forget_legacy(w, r);
    if (r->persistent && !code) {
        struct err ignore = { 0 };

        (void)netsh_route(w, false, r, &ignore); /* there may be none */
    }
    return code ? err_win32(e, code, "delete the route to %s", r->dest) : 0;
}

static int route_add(struct win *w, const struct win_route *r, struct err *e)
{
    __typeof__(&CreateIpForwardEntry2) create = DYN(IPHLPAPI, CreateIpForwardEntry2);
    MIB_IPFORWARD_ROW2 row;
    DWORD code;
    int no = make_row(r, &row, e);

    if (no < 0)
        return no;
    if (!create)
        return err_no_function(e, "CreateIpForwardEntry2");
    code = create(&row);
    if (code && code != ERROR_OBJECT_ALREADY_EXISTS)
        return err_win32(e, code, "add it");
    return r->persistent ? netsh_route(w, true, r, e) : 0;
}

static int computer_name(struct win *w, char **ret, struct err *e)
{
    /* the one that becomes active with the next restart */
    int r = win_reg_text(w, "HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters",
                         "NV Hostname", ret, e);

    if (r == 0)
        r = win_reg_text(w, "HKLM\\SYSTEM\\CurrentControlSet\\Control\\ComputerName\\ComputerName",
                         "ComputerName", ret, e);
    if (r == 0)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "the computer has no name");
    return r < 0 ? r : 0;
}

static int computer_set_name(struct win *w, const char *name, struct err *e)
{
    _cleanup_free_ wchar_t *wide = win_wide(name, e);

    if (!wide)
        return -e->no;
    return SetComputerNameExW(ComputerNamePhysicalDnsHostname, wide)
               ? 0
               : err_win32(e, GetLastError(), "set the computer name");
}

void win_fill_route(struct win *w)
{
    w->adapters = adapters;
    w->route_delete = route_delete;
    w->route_add = route_add;
    w->computer_name = computer_name;
    w->computer_set_name = computer_set_name;
}
