/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "answer-rules.h"

#include <string.h>

#define WORD_MAX 64

#define T(n)                                                                                       \
    {                                                                                              \
        .name = n, .kind = RULE_TEXT                                                               \
    }
#define B(n)                                                                                       \
    {                                                                                              \
        .name = n, .kind = RULE_BOOL                                                               \
    }
#define C(n)                                                                                       \
    {                                                                                              \
        .name = n, .kind = RULE_COMMAND                                                            \
    }
#define A(n)                                                                                       \
    {                                                                                              \
        .name = n, .kind = RULE_ANY                                                                \
    }
#define U(n, lo, hi)                                                                               \
    {                                                                                              \
        .name = n, .kind = RULE_UINT, .min = lo, .max = hi                                         \
    }
#define W(n, w)                                                                                    \
    {                                                                                              \
        .name = n, .kind = RULE_WORDS, .words = w                                                  \
    }
#define G(n, k)                                                                                    \
    {                                                                                              \
        .name = n, .kind = RULE_GROUP, .kids = k                                                   \
    }
#define L(n, k)                                                                                    \
    {                                                                                              \
        .name = n, .kind = RULE_LIST, .kids = k                                                    \
    }
#define ORDER                                                                                      \
    {                                                                                              \
        .name = "Order", .kind = RULE_UINT, .min = 1, .max = 500, .once = true                     \
    }
#define END                                                                                        \
    {                                                                                              \
        .name = NULL                                                                               \
    }

/* clang-format off */
static const struct rule credentials[] = { T("Domain"), T("Password"), T("Username"), END };
static const struct rule password[] = { T("Value"), B("PlainText"), END };
static const struct rule run_command[] = {
    G("Credentials", credentials), T("Description"), ORDER, C("Path"),
    W("WillReboot", "Always|Never|OnRequest"), END };
static const struct rule run_list[] = { L("RunSynchronousCommand", run_command), END };
static const struct rule run_async[] = {
    G("Credentials", credentials), T("Description"), ORDER, C("Path"), END };
static const struct rule run_async_list[] = { L("RunAsynchronousCommand", run_async), END };
static const struct rule logon_command[] = {
    C("CommandLine"), T("Description"), ORDER, B("RequiresUserInput"), END };
static const struct rule logon_list[] = { L("SynchronousCommand", logon_command), END };
static const struct rule logon_async[] = { C("CommandLine"), T("Description"), ORDER, END };
static const struct rule logon_async_list[] = { L("AsynchronousCommand", logon_async), END };
static const struct rule account[] = {
    G("Password", password), T("Description"), T("DisplayName"), T("Group"), T("Name"), END };
static const struct rule account_list[] = { L("LocalAccount", account), END };
static const struct rule user_accounts[] = {
    G("AdministratorPassword", password), A("DomainAccounts"),
    { .name = "LocalAccounts", .kind = RULE_GROUP, .kids = account_list }, END };
static const struct rule auto_logon[] = {
    G("Password", password), T("Domain"), B("Enabled"), U("LogonCount", 0, 9999999),
    T("Username"), END };
static const struct rule oobe[] = {
    B("HideEULAPage"), B("HideLocalAccountScreen"), B("HideOEMRegistrationScreen"),
    B("HideOnlineAccountScreens"), B("HideWirelessSetupInOOBE"),
    W("NetworkLocation", "Home|Work|Other"), T("OEMAppId"), U("ProtectYourPC", 1, 3),
    B("SkipMachineOOBE"), B("SkipUserOOBE"), B("UnattendEnableRetailDemo"),
    A("VMModeOptimizations"), END };

#define SPEC  PASS_BIT(PASS_SPECIALIZE)
#define OOBE  PASS_BIT(PASS_OOBE_SYSTEM)
#define AUDIT (PASS_BIT(PASS_AUDIT_SYSTEM) | PASS_BIT(PASS_AUDIT_USER))
#define GENR  PASS_BIT(PASS_GENERALIZE)
#define OFFL  PASS_BIT(PASS_OFFLINE_SERVICING)
#define PE    PASS_BIT(PASS_WINDOWS_PE)

static const struct rule shell_setup[] = {
    { .name = "AutoLogon", .kind = RULE_GROUP, .kids = auto_logon, .passes = SPEC | OOBE | AUDIT },
    B("BluetoothTaskbarIconEnabled"),
    { .name = "ComputerName", .kind = RULE_NAME, .passes = SPEC | OFFL | AUDIT },
    U("ConvertibleSlateModePromptPreference", 0, 2),
    { .name = "CopyProfile", .kind = RULE_BOOL, .passes = SPEC },
    A("DesktopOptimization"), B("DisableAutoDaylightTimeSet"), B("DoNotCleanTaskBar"),
    B("EnableStartMenu"),
    { .name = "FirstLogonCommands", .kind = RULE_GROUP, .kids = logon_list, .passes = OOBE },
    A("FolderLocations"),
    { .name = "LogonCommands", .kind = RULE_GROUP, .kids = logon_async_list, .passes = OOBE },
    A("NotificationArea"), A("OEMInformation"), T("OEMName"), A("OEMWelcomeCenter"),
    A("OfflineUserAccounts"),
    { .name = "OOBE", .kind = RULE_GROUP, .kids = oobe, .passes = OOBE },
    { .name = "ProductKey", .kind = RULE_KEY, .passes = SPEC | AUDIT },
    T("RegisteredOrganization"), T("RegisteredOwner"), B("ShowPowerButtonOnStartScreen"),
    B("ShowWindowsLive"), U("SignInMode", 0, 2), A("StartPanelLinks"), A("StartTiles"),
    A("TaskbarLinks"), A("Themes"),
    { .name = "TimeZone", .kind = RULE_ZONE, .passes = SPEC | OOBE | AUDIT },
    { .name = "UserAccounts", .kind = RULE_GROUP, .kids = user_accounts, .passes = OOBE | AUDIT },
    A("VisualEffects"), A("WindowsFeatures"), END };

static const struct rule deployment[] = {
    A("ExtendOSPartition"), A("Generalize"), A("Reseal"),
    { .name = "RunAsynchronous", .kind = RULE_GROUP, .kids = run_async_list },
    { .name = "RunSynchronous", .kind = RULE_GROUP, .kids = run_list }, END };

static const struct rule international[] = {
    { .name = "InputLocale", .kind = RULE_INPUT }, { .name = "SystemLocale", .kind = RULE_LOCALE },
    { .name = "UILanguage", .kind = RULE_LOCALE },
    { .name = "UILanguageFallback", .kind = RULE_LOCALE },
    { .name = "UserLocale", .kind = RULE_LOCALE }, END };

static const struct rule pnp_sysprep[] = {
    B("DoNotCleanUpNonPresentDevices"), B("PersistAllDeviceInstalls"), END };
static const struct rule session_manager[] = { B("fDenyTSConnections"), END };
static const struct rule rdp_station[] = {
    U("SecurityLayer", 0, 2), U("UserAuthentication", 0, 1), END };
static const struct rule firewall_group[] = {
    B("Active"), T("Group"), W("Profile", "all|domain|private|public"), END };
static const struct rule firewall_groups[] = { L("FirewallGroup", firewall_group), END };
static const struct rule firewall[] = {
    W("DisableStatefulFTP", "true|false"), W("DisableStatefulPPTP", "true|false"),
    B("DomainProfile_EnableFirewall"), { .name = "FirewallGroups", .kind = RULE_GROUP,
    .kids = firewall_groups }, B("PrivateProfile_EnableFirewall"),
    B("PublicProfile_EnableFirewall"), END };
static const struct rule server_manager[] = { B("DoNotOpenServerManagerAtLogon"), END };
static const struct rule first_tasks[] = {
    B("DoNotOpenInitialConfigurationTasksAtLogon"), END };
static const struct rule spp[] = { U("SkipRearm", 0, 1), END };
static const struct rule spp_ux[] = { B("SkipAutoActivation"), END };
static const struct rule lua[] = { B("EnableLUA"), END };
static const struct rule ie_esc[] = { B("IEHardenAdmin"), B("IEHardenUser"), END };

static const struct rule_component components[] = {
    { "Microsoft-Windows-PnpSysprep", pnp_sysprep, GENR },
    { "Microsoft-Windows-Security-SPP", spp, GENR },
    { "Microsoft-Windows-Shell-Setup", shell_setup, SPEC | OOBE | AUDIT | OFFL | GENR },
    { "Microsoft-Windows-Deployment", deployment, SPEC | OOBE | AUDIT | GENR },
    { "Microsoft-Windows-International-Core", international, SPEC | OOBE },
    { "Microsoft-Windows-International-Core-WinPE", NULL, PE },
    { "Microsoft-Windows-Setup", NULL, PE },
    { "Microsoft-Windows-PnpCustomizationsWinPE", NULL, PE },
    { "Microsoft-Windows-PnpCustomizationsNonWinPE", NULL, OFFL | AUDIT },
    { "Microsoft-Windows-TerminalServices-LocalSessionManager", session_manager,
      OFFL | SPEC | GENR | OOBE },
    { "Microsoft-Windows-TerminalServices-RDP-WinStationExtensions", rdp_station,
      OFFL | SPEC | GENR | OOBE },
    { "Networking-MPSSVC-Svc", firewall, OFFL | SPEC | GENR | OOBE },
    { "Microsoft-Windows-ServerManager-SvrMgrNc", server_manager, OFFL | SPEC | GENR | OOBE },
    { "Microsoft-Windows-OutOfBoxExperience", first_tasks, OFFL | SPEC | GENR | OOBE },
    { "Microsoft-Windows-Security-SPP-UX", spp_ux, SPEC },
    { "Microsoft-Windows-LUA-Settings", lua, OFFL },
    { "Microsoft-Windows-IE-ESC", ie_esc, OFFL | SPEC | GENR | OOBE },
    { "Microsoft-Windows-IE-InternetExplorer", NULL, ~0U },
    { "Microsoft-Windows-UnattendedJoin", NULL, SPEC },
    { "Microsoft-Windows-TCPIP", NULL, SPEC | PE },
    { "Microsoft-Windows-DNS-Client", NULL, SPEC | PE },
    { "Microsoft-Windows-NetBT", NULL, SPEC | PE },
};
/* clang-format on */

const struct rule_component *rule_component_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(components); i++)
        if (strcmp(components[i].name, name) == 0)
            return &components[i];
    return NULL;
}

size_t rule_index(const struct rule *table, const char *name)
{
    for (size_t i = 0; table && table[i].name; i++)
        if (strcmp(table[i].name, name) == 0)
            return i;
    return SIZE_MAX;
}

const struct rule *rule_find(const struct rule *table, const char *name)
{
    size_t i = rule_index(table, name);

    return i == SIZE_MAX ? NULL : &table[i];
}

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

unsigned word_distance(const char *a, const char *b, unsigned max)
{
    size_t n = strlen(a), m = strlen(b);
    unsigned row[WORD_MAX + 1];

    if (n > WORD_MAX || m > WORD_MAX || (n > m ? n - m : m - n) > max)
        return max + 1;
    for (unsigned j = 0; j <= m; j++)
        row[j] = j;
    for (unsigned i = 1; i <= n; i++) {
        unsigned diagonal = row[0];

        row[0] = i;
        for (unsigned j = 1; j <= m; j++) {
            unsigned best = diagonal + (lower(a[i - 1]) != lower(b[j - 1]));

            diagonal = row[j];
            best = diagonal + 1 < best ? diagonal + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            row[j] = best;
        }
    }
    return row[m] > max ? max + 1 : row[m];
}

/* A word may differ in a third of its letters and still be the one that is meant. */
static unsigned near_enough(const char *name)
{
    size_t n = strlen(name) / 3;

    return n < 1 ? 1 : n > 4 ? 4 : (unsigned)n;
}

const char *rule_nearest(const struct rule *table, const char *name)
{
    unsigned best = near_enough(name) + 1;
    const char *found = NULL;

    for (; table && table->name; table++) {
        unsigned d = word_distance(name, table->name, best - 1);

        if (d < best) {
            best = d;
            found = table->name;
        }
        if (best == 0)
            break;
    }
    return found;
}

const char *rule_nearest_component(const char *name)
{
    unsigned best = near_enough(name) + 1;
    const char *found = NULL;

    for (size_t i = 0; i < ARRAY_LEN(components) && best; i++) {
        unsigned d = word_distance(name, components[i].name, best - 1);

        if (d < best) {
            best = d;
            found = components[i].name;
        }
    }
    return found;
}
