/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Users and profiles that must not be in an image with a new SID: their saved secrets and app
 * registrations hang on the old one. Built-in accounts stay. */
#include "work.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sam.h"

#define PROFILE_LIST NT_KEY "\\ProfileList"
#define CV           "Microsoft\\Windows\\CurrentVersion"
#define KEYS_MAX     2000

/* Keys whose subkeys are named by SIDs of users. */
static const char *const software_lists[] = {
    CV "\\Installer\\UserData",
    CV "\\Appx\\AppxAllUserStore",
    CV "\\Appx\\AppxAllUserStore\\EndOfLife",
    CV "\\Group Policy",
    CV "\\Group Policy\\State",
    CV "\\Group Policy\\DataStore",
    "Microsoft\\Windows Search\\CrawlScopeManager",
};
static const char *const system_lists[] = {
    "Services\\bam\\State\\UserSettings",
    "Services\\bam\\UserSettings",
    "Services\\lfsvc\\Migrated\\UserStore",
};

/* An account of a person: the machine's own from 1000 on, its built-in ones, or a domain's. */
static bool is_user_sid(const char *name)
{
    uint8_t sid[SID_BYTES_MAX];
    struct err scratch = { 0 };
    size_t n = 0;

    return str_starts(name, "S-1-5-21-") && sid_parse(name, sid, &n, &scratch) == 0 && n == 28;
}

static bool is_administrator(const char *sid, const uint8_t machine[SID_MACHINE_BYTES])
{
    uint8_t b[SID_BYTES_MAX];
    struct err scratch = { 0 };
    uint32_t rid = 0;
    size_t n = 0;

    return sid_parse(sid, b, &n, &scratch) == 0 && sid_is_of(b, n, machine, &rid) &&
           rid == SAM_RID_ADMINISTRATOR;
}

static int drop_sid_keys(struct work *k, struct regf *h, const char *hive, uint32_t base,
                         const char *path, struct err *e)
{
    _cleanup_free_ uint32_t *keys = NULL;
    _cleanup_free_ char *where = xasprintf("%s\\%s", hive, path);
    uint32_t key = regf_find(h, base, path);
    char name[REGF_NAME_BYTES];
    size_t n = 0, gone = 0;
    int r;

    if (!key)
        return 0;
    r = regf_children(h, key, &keys, &n, e);
    for (size_t i = 0; r == 0 && i < n; i++) {
        if (!is_user_sid(regf_key_name(h, keys[i], name)))
            continue;
        r = regf_key_delete(h, keys[i], e);
        gone++;
    }
    if (r < 0)
        return err_wrap(e, "clean '%s'", where);
    if (gone)
        win_plan_addf(k->p, WIN_ROW_DONE, "settings of users", where, NULL, "%zu keys deleted",
                      gone);
    return 0;
}

/* "C:\Users\x" or "%SystemDrive%\Users\x" as a path below Users; NULL for any other place. */
static char *profile_path(const char *text)
{
    char *out;

    if (strncasecmp(text, "%SystemDrive%\\", 14) == 0)
        text += 14;
    else if (text[0] && text[1] == ':' && text[2] == '\\')
        text += 3;
    else
        return NULL;
    if (strncasecmp(text, "Users\\", 6) != 0 || !text[6] || strchr(text + 6, '\\') ||
        strcmp(text + 6, "..") == 0 || strcmp(text + 6, ".") == 0)
        return NULL;
    out = xasprintf("Users/%s", text + 6);
    return out;
}

static int drop_profile(struct work *k, uint32_t key, const char *sid, struct err *e)
{
    _cleanup_free_ char *text = regf_text(k->software, key, "ProfileImagePath");
    _cleanup_free_ char *path = text ? profile_path(text) : NULL;
    uint64_t files = 0, bytes = 0;
    int r;

    if (path) {
        r = win_tree_delete(k->os, path, &files, &bytes, e);
        if (r < 0)
            return err_wrap(e, "delete the profile '%s'", path);
    } else if (text) {
        win_plan_add(k->p, WIN_ROW_WARNING, "profile", text, NULL,
                     "lies outside of Users; its files are left");
    }
    r = regf_key_delete(k->software, key, e);
    if (r < 0)
        return err_wrap(e, "delete the profile of %s", sid);
    win_plan_addf(k->p, WIN_ROW_DONE, "profile", path ? path : sid, sid,
                  "%llu files, %llu KiB deleted", (unsigned long long)files,
                  (unsigned long long)(bytes >> 10));
    return 0;
}

static int drop_profiles(struct work *k, const uint8_t machine[SID_MACHINE_BYTES],
                         bool keep_administrator, struct err *e)
{
    _cleanup_free_ uint32_t *keys = NULL;
    uint32_t list = regf_find(k->software, 0, PROFILE_LIST);
    char name[REGF_NAME_BYTES];
    size_t n = 0;
    int r;

    if (!list)
        return 0;
    r = regf_children(k->software, list, &keys, &n, e);
    for (size_t i = 0; r == 0 && i < n && i < KEYS_MAX; i++) {
        const char *sid = regf_key_name(k->software, keys[i], name);

        if (!is_user_sid(sid))
            continue;
        if (keep_administrator && is_administrator(sid, machine)) {
            win_plan_add(k->p, WIN_ROW_KEPT, "profile", "Users/Administrator", NULL,
                         "CopyProfile wants it: it gets the new SID");
            continue;
        }
        r = drop_profile(k, keys[i], sid, e);
    }
    return r;
}

static int drop_pictures(struct work *k, const char *user, struct err *e)
{
    static const char *const tails[] = { "dat", "bmp", "png" };
    int r = 0;

    for (size_t i = 0; r == 0 && i < ARRAY_LEN(tails); i++) {
        _cleanup_free_ char *path =
            xasprintf("ProgramData/Microsoft/User Account Pictures/%s.%s", user, tails[i]);

        /* A name of a hive never leads out of the directory. */
        if (!strpbrk(user, "/\\"))
            r = win_tree_delete(k->os, path, NULL, NULL, e);
    }
    return r;
}

static int drop_accounts(struct work *k, struct err *e)
{
    struct sam_user *users = NULL;
    size_t n = 0;
    int r = sam_users(k->sam, &users, &n, e);

    for (size_t i = 0; r == 0 && i < n; i++) {
        if (users[i].rid < SAM_RID_FIRST_LOCAL) {
            win_plan_addf(k->p, WIN_ROW_KEPT, "built-in account", "SAM", NULL, "%s (%u), %s",
                          users[i].name, users[i].rid,
                          users[i].flags & SAM_DISABLED ? "disabled" : "enabled");
            continue;
        }
        r = sam_delete_user(k->sam, users[i].rid, e);
        if (r == 0)
            r = drop_pictures(k, users[i].name, e);
        if (r == 0)
            win_plan_addf(k->p, WIN_ROW_DONE, "account", "SAM", users[i].name, "deleted (RID %u)",
                          users[i].rid);
    }
    sam_users_free(users, n);
    return r;
}

int drop_users(struct work *k, bool keep_administrator, struct err *e)
{
    uint8_t machine[SID_MACHINE_BYTES];
    char set[32];
    int r;

    r = sam_machine_sid(k->sam, machine, e);
    if (r == 0)
        r = drop_accounts(k, e);
    if (r == 0)
        r = drop_profiles(k, machine, keep_administrator, e);
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(software_lists); i++)
        r = drop_sid_keys(k, k->software, "SOFTWARE", 0, software_lists[i], e);
    for (size_t s = 0; r == 0 && s < k->sets->n; s++)
        for (size_t i = 0; r == 0 && i < ARRAY_LEN(system_lists); i++) {
            (void)snprintf(set, sizeof set, "SYSTEM\\ControlSet%03u", k->sets->no[s]);
            r = drop_sid_keys(k, k->system, set, k->sets->key[s], system_lists[i], e);
        }
    return r < 0 ? err_wrap(e, "delete users") : 0;
}
