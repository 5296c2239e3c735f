/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Accounts, their groups and profiles: sections "users" and "groups". */
#include "inspect-priv.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "sam.h"

#define FILETIME_OF_1970 116444736000000000ULL
#define FILETIME_NEVER   0x7fffffffffffffffULL
#define PROFILE_LIST     NT_KEY "\\ProfileList"
#define PROFILES_MAX     10000

static void put_time(json_t *o, const char *key, uint64_t filetime)
{
    char text[CLOCK_ISO_MAX];

    if (filetime <= FILETIME_OF_1970 || filetime >= FILETIME_NEVER)
        return;
    clock_iso8601((filetime - FILETIME_OF_1970) / 10000, text);
    put_text(o, key, text);
}

static char *profile_of(const struct inspect *i, const char *sid)
{
    char path[sizeof PROFILE_LIST + SID_TEXT_MAX];

    (void)snprintf(path, sizeof path, PROFILE_LIST "\\%s", sid);
    return look_text(i->software, 0, path, "ProfileImagePath");
}

static bool is_member(const struct sam_group *g, const uint8_t *sid, size_t n)
{
    for (size_t k = 0; k < g->n_members; k++)
        if (g->members[k].n == n && memcmp(g->members[k].sid, sid, n) == 0)
            return true;
    return false;
}

/* The SID of an account: the machine's with one number more. */
static size_t account_sid(const uint8_t machine[SID_MACHINE_BYTES], uint32_t rid,
                          uint8_t out[SID_BYTES_MAX])
{
    memcpy(out, machine, SID_MACHINE_BYTES);
    out[1] = 5;
    for (unsigned k = 0; k < 4; k++)
        out[SID_MACHINE_BYTES + k] = (uint8_t)(rid >> 8 * k);
    return SID_MACHINE_BYTES + 4;
}

static json_t *user_json(struct inspect *i, const struct sam_user *u, const uint8_t *machine,
                         const struct sam_group *groups, size_t n_groups)
{
    json_t *o = json_object(), *list;
    uint8_t sid[SID_BYTES_MAX];
    char text[SID_TEXT_MAX] = "";
    size_t n = machine ? account_sid(machine, u->rid, sid) : 0;

    put_text(o, "name", u->name);
    put_uint(o, "rid", u->rid);
    if (n && sid_text(sid, n, text))
        put_text(o, "sid", text);
    put_bool(o, "builtin", u->rid < SAM_RID_FIRST_LOCAL);
    put_bool(o, "enabled", !(u->flags & SAM_DISABLED));
    put_bool(o, "locked", (u->flags & SAM_LOCKED) != 0);
    put_bool(o, "password_never_expires", (u->flags & SAM_NEVER_EXPIRES) != 0);
    put_bool(o, "blank_password", !u->has_password && !(u->flags & SAM_DISABLED));
    put_bool(o, "online_account", u->is_online);
    put_text(o, "full_name", *u->full_name ? u->full_name : NULL);
    put_text(o, "comment", *u->comment ? u->comment : NULL);
    put_time(o, "last_logon", u->last_logon);
    put_time(o, "password_set", u->password_set);
    put_uint(o, "logons", u->logons);
    list = put_array(o, "groups");
    for (size_t k = 0; n && k < n_groups; k++)
        if (is_member(&groups[k], sid, n))
            append_text(list, groups[k].name);
    if (text[0])
        put_take(o, "profile", profile_of(i, text));
    return o;
}

/* A member by its name where it is an account of this machine, else by its SID. */
static void add_member(json_t *list, const struct sam_member *m, const uint8_t *machine,
                       const struct sam_user *users, size_t n_users)
{
    char text[SID_TEXT_MAX];
    uint32_t rid = 0;

    if (machine && sid_is_of(m->sid, m->n, machine, &rid))
        for (size_t k = 0; k < n_users; k++)
            if (users[k].rid == rid) {
                append_text(list, users[k].name);
                return;
            }
    if (sid_text(m->sid, m->n, text))
        append_text(list, text);
}

static void put_groups(struct inspect *i, const struct sam_group *g, size_t n,
                       const uint8_t *machine, const struct sam_user *users, size_t n_users)
{
    json_t *list = put_array(i->doc, "groups");

    for (size_t k = 0; k < n; k++) {
        json_t *o = json_object(), *members;

        put_text(o, "name", g[k].name);
        put_uint(o, "rid", g[k].rid);
        put_bool(o, "builtin", g[k].is_builtin);
        put_text(o, "comment", *g[k].comment ? g[k].comment : NULL);
        members = put_array(o, "members");
        for (size_t m = 0; m < g[k].n_members; m++)
            add_member(members, &g[k].members[m], machine, users, n_users);
        (void)json_array_append_new(list, o);
    }
}

/* Profiles whose owner is nobody of this machine: domain users, deleted accounts. */
static void put_profiles(struct inspect *i, const uint8_t *machine)
{
    uint32_t base = i->software ? regf_find(i->software, 0, PROFILE_LIST) : 0, k;
    struct regf_iter it = base ? regf_subkeys(i->software, base) : (struct regf_iter){ 0 };
    json_t *list = NULL;
    char name[REGF_NAME_BYTES];

    for (unsigned n = 0; base && n < PROFILES_MAX && (k = regf_next_subkey(i->software, &it));
         n++) {
        const char *sid = regf_key_name(i->software, k, name);
        uint8_t bytes[SID_BYTES_MAX];
        struct err scratch = { 0 };
        size_t len;
        json_t *o;

        if (!str_starts(sid, "S-1-5-21-") || sid_parse(sid, bytes, &len, &scratch) < 0 ||
            (machine && sid_is_of(bytes, len, machine, NULL)))
            continue;
        list = list ? list : put_array(i->doc, "other_profiles");
        o = json_object();
        put_text(o, "sid", sid);
        put_take(o, "profile", regf_text(i->software, k, "ProfileImagePath"));
        (void)json_array_append_new(list, o);
    }
}

int inspect_users(struct inspect *i, struct err *e)
{
    struct err scratch = { 0 };
    struct sam_user *users = NULL;
    struct sam_group *groups = NULL;
    size_t n_users = 0, n_groups = 0;
    uint8_t sid[SID_MACHINE_BYTES];
    bool have_sid = i->sam && sam_machine_sid(i->sam, sid, &scratch) == 0;
    const uint8_t *machine = have_sid ? sid : NULL;
    json_t *list;

    (void)e;
    put_profiles(i, machine);
    if (!i->sam)
        return 0;
    scratch = (struct err){ 0 };
    if (sam_users(i->sam, &users, &n_users, &scratch) < 0 ||
        sam_groups(i->sam, &groups, &n_groups, &scratch) < 0)
        inspect_note(i, "SAM: %s", scratch.msg);
    list = put_array(i->doc, "users");
    for (size_t k = 0; k < n_users; k++)
        (void)json_array_append_new(list, user_json(i, &users[k], machine, groups, n_groups));
    put_groups(i, groups, n_groups, machine, users, n_users);
    sam_users_free(users, n_users);
    sam_groups_free(groups, n_groups);
    return 0;
}
