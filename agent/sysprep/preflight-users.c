/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts, profiles and their packages. */
#include "sysprep/sysprep.h"

#include <string.h>

#include "preflight-priv.h"

#define PROFILES_KEY "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\ProfileList"
#define STORE_KEY    "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Appx\\AppxAllUserStore"
#define USER_SID     "S-1-5-21-"

#define CONSEQUENCES                                                                               \
    ": its profile may lose data, or Sysprep may fail. Remove every local account and profile "    \
    "but one administrator"

/* Built in, and no trouble: administrator, guest, default account, Defender's utility account. */
static bool rid_is_built_in(uint32_t rid)
{
    return rid == 500 || rid == 501 || rid == 503 || rid == 504;
}

static bool sid_is_built_in(const char *sid)
{
    const char *dash = strrchr(sid, '-');
    uint64_t rid = 0;

    return dash && parse_u64(dash + 1, 0, UINT32_MAX, &rid) == 0 && rid_is_built_in((uint32_t)rid);
}

static void look_at_profile(struct win *w, const char *sid, struct preflight *p)
{
    _cleanup_free_ char *path = NULL;
    struct err e = { 0 };
    struct str key = STR_INIT(512);

    str_addf(&key, PROFILES_KEY "\\%s", sid);
    if (win_reg_text(w, str_text(&key), "ProfileImagePath", &path, &e) <= 0)
        path = NULL;
    preflight_add(p, PREFLIGHT_WARNING, "profile", "extra profile '%s' (%s)" CONSEQUENCES,
                  path ? path : "without a folder", sid);
    str_done(&key);
}

void preflight_accounts(struct win *w, struct preflight *p)
{
    _cleanup_free_ struct win_account *accounts = NULL;
    _cleanup_free_ struct win_name *profiles = NULL;
    struct err e = { 0 };
    size_t n = 0;

    if (w->accounts(w, &accounts, &n, &e) < 0)
        n = 0;
    for (size_t i = 0; i < n; i++)
        if (!rid_is_built_in(accounts[i].rid))
            preflight_add(p, PREFLIGHT_WARNING, "account", "extra local account '%s'" CONSEQUENCES,
                          accounts[i].name);
    err_clear(&e);
    n = 0;
    if (w->reg_keys(w, PROFILES_KEY, &profiles, &n, &e) < 0)
        n = 0;
    for (size_t i = 0; i < n; i++)
        if (str_starts(profiles[i].name, USER_SID) && !sid_is_built_in(profiles[i].name))
            look_at_profile(w, profiles[i].name, p);
}

/* The word behind `part` in a command, without its quotes; "" : none. */
static void word_behind(const char *path, const char *part, char *ret, size_t size)
{
    const char *at = strstr(path, part);
    bool quoted;
    size_t n;

    ret[0] = '\0';
    if (!at)
        return;
    at += strlen(part);
    at += strspn(at, " ");
    quoted = *at == '"';
    at += quoted;
    n = strcspn(at, quoted ? "\"" : " \"");
    if (n < size) {
        memcpy(ret, at, n);
        ret[n] = '\0';
    }
}

static void look_at_command(const struct xmlfile *answer, const char *part,
                            const struct win_account *accounts, size_t n, struct preflight *p)
{
    const struct xml_node *cmd = answer_command(answer, part);
    const struct xml_node *node = cmd ? xml_child(cmd, "Path") : NULL;
    _cleanup_free_ char *path = node ? xml_text(node) : NULL;
    const char *admin = "";
    char name[WIN_NAME_MAX];

    if (!path || strstr(path, "/add") || strstr(path, "/ADD")) /* it makes the account */
        return;
    word_behind(path, part, name, sizeof(name));
    for (size_t i = 0; i < n; i++) {
        if (str_eq_nocase(accounts[i].name, name))
            return;
        if (accounts[i].rid == 500)
            admin = accounts[i].name;
    }
    if (name[0] && name[0] != '/')
        preflight_add(p, PREFLIGHT_WARNING, "account",
                      "line %u of the answer file names account '%s', which is not there (the "
                      "built-in administrator is '%s'): in the first boot the password stays blank",
                      node->line, name, admin);
}

/* The commands that keep others from using the blank password of the first boot. */
void preflight_commands(struct win *w, const struct xmlfile *answer, struct preflight *p)
{
    static const char *const parts[] = { "net user ", "ScramblePassword.exe\" -u ",
                                         "ScramblePassword.exe -u ",
                                         "Randomize-LocalAdminPassword.ps1 " };
    _cleanup_free_ struct win_account *accounts = NULL;
    struct err e = { 0 };
    size_t n = 0;

    if (w->accounts(w, &accounts, &n, &e) < 0 || n == 0)
        return;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        look_at_command(answer, parts[i], accounts, n, p);
}

/* Libraries that come and go with the programs that use them; Sysprep does not mind. */
static bool is_framework(const char *package)
{
    static const char *const starts[] = {
        "Microsoft.VCLibs.",
        "Microsoft.NET.Native.",
        "Microsoft.UI.Xaml.",
        "Microsoft.WindowsAppRuntime.",
        "Microsoft.Services.Store.Engagement",
        "Microsoft.Advertising.Xaml",
    };

    for (size_t i = 0; i < ARRAY_LEN(starts); i++)
        if (str_starts(package, starts[i]))
            return true;
    return false;
}

/* Name_Version_Architecture_Resource_Publisher: the same family when name and publisher agree. */
static bool same_family(const char *a, const char *b)
{
    size_t na = strcspn(a, "_"), nb = strcspn(b, "_");
    const char *pa = strrchr(a, '_'), *pb = strrchr(b, '_');

    return na == nb && strncmp(a, b, na) == 0 && pa && pb && str_eq_nocase(pa, pb);
}

static bool in_family(const char *package, const struct win_name *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (same_family(package, list[i].name))
            return true;
    return false;
}

struct packages {
    struct win_name *all, *inbox;
    size_t all_n, inbox_n;
};

static void look_at_user_packages(struct win *w, const char *sid, const struct packages *k,
                                  struct preflight *p)
{
    _cleanup_free_ struct win_name *list = NULL;
    struct str key = STR_INIT(512);
    struct err e = { 0 };
    size_t n = 0;

    str_addf(&key, STORE_KEY "\\%s", sid);
    if (w->reg_keys(w, str_text(&key), &list, &n, &e) < 0)
        n = 0;
    str_done(&key);
    for (size_t i = 0; i < n; i++)
        if (strchr(list[i].name, '_') && !is_framework(list[i].name) &&
            !in_family(list[i].name, k->all, k->all_n) &&
            !in_family(list[i].name, k->inbox, k->inbox_n))
            preflight_add(p, PREFLIGHT_WARNING, "appx",
                          "package '%s' is installed for user %s but not provisioned for all "
                          "users: Sysprep fails over such packages. Remove it for that user or "
                          "provision it",
                          list[i].name, sid);
}

void preflight_packages(struct win *w, struct preflight *p)
{
    struct packages k = { 0 };
    struct win_name *users = NULL;
    struct err e = { 0 };
    size_t n = 0;

    if (w->reg_keys(w, STORE_KEY, &users, &n, &e) < 0)
        return;
    if (w->reg_keys(w, STORE_KEY "\\Applications", &k.all, &k.all_n, &e) == 0 &&
        w->reg_keys(w, STORE_KEY "\\InboxApplications", &k.inbox, &k.inbox_n, &e) == 0)
        for (size_t i = 0; i < n; i++)
            if (str_starts(users[i].name, USER_SID))
                look_at_user_packages(w, users[i].name, &k, p);
    free(users);
    free(k.all);
    free(k.inbox);
}
