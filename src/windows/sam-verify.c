/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SAM says most things twice and counts them besides; here both are held against each other. Three
 * counters are left out, because hives that Windows wrote disagree with them: those of users and of
 * groups (5 of 6 and 23 of 24 on a Server 2016), and that of the domains of members (S-1-5 is not
 * counted). */
#include "sam-priv.h"

#include <stdio.h>
#include <string.h>

#include "regf-priv.h"

struct check {
    const struct regf *sam;
    struct sam_user *users;
    size_t n_users;
    struct sam_group *groups;
    size_t n_groups;
};

/* --- users --- */

static int check_names(const struct check *c, const char *path,
                       bool (*known)(const struct check *, uint32_t, bool), bool builtin,
                       size_t want, struct err *e)
{
    struct regf_iter it = regf_subkeys(c->sam, regf_find(c->sam, 0, path));
    uint32_t key;
    size_t n = 0;

    for (; (key = regf_next_subkey(c->sam, &it)); n++) {
        uint32_t rid = regf_value_type(c->sam, regf_value(c->sam, key, ""));

        if (!known(c, rid, builtin))
            return sam_corrupt(e, "a name without the rest", rid);
    }
    return n == want ? 0 : sam_corrupt(e, "the number of names", 0);
}

static bool is_user(const struct check *c, uint32_t rid, bool builtin)
{
    (void)builtin;
    for (size_t i = 0; i < c->n_users; i++)
        if (c->users[i].rid == rid)
            return true;
    return false;
}

static int check_users(const struct check *c, struct err *e)
{
    for (size_t i = 0; i < c->n_users; i++) {
        struct err scratch = { 0 };
        uint32_t rid = 0;

        if (sam_find_user(c->sam, c->users[i].name, &rid, &scratch) < 0 || rid != c->users[i].rid)
            return sam_corrupt(e, "the name", c->users[i].rid);
    }
    return check_names(c, SAM_ACCOUNT "\\Users\\Names", is_user, false, c->n_users, e);
}

/* --- groups --- */

static uint32_t counter(const struct regf *sam, uint32_t key)
{
    return regf_value_type(sam, regf_value(sam, key, ""));
}

static bool is_group(const struct check *c, uint32_t rid, bool builtin)
{
    for (size_t i = 0; i < c->n_groups; i++)
        if (c->groups[i].rid == rid && c->groups[i].is_builtin == builtin)
            return true;
    return false;
}

static size_t count_groups(const struct check *c, bool builtin)
{
    size_t n = 0;

    for (size_t i = 0; i < c->n_groups; i++)
        n += c->groups[i].is_builtin == builtin;
    return n;
}

static bool has_member(const struct check *c, uint32_t alias, bool builtin, const char *sid)
{
    char text[SID_TEXT_MAX];

    for (size_t i = 0; i < c->n_groups; i++) {
        const struct sam_group *g = &c->groups[i];

        for (size_t k = 0; k < g->n_members && g->rid == alias && g->is_builtin == builtin; k++)
            if (sid_text(g->members[k].sid, g->members[k].n, text) && strcmp(text, sid) == 0)
                return true;
    }
    return false;
}

/* One SID of the reverse list; *n: places it names. */
static int check_reverse(const struct check *c, uint32_t key, const char *domain, uint32_t rid,
                         bool builtin, size_t *n, struct err *e)
{
    _cleanup_regf_data_ struct regf_data d = { 0 };
    char sid[SID_TEXT_MAX];
    int r = regf_get(c->sam, key, "", &d, e);

    if (r < 0)
        return r;
    (void)snprintf(sid, sizeof sid, "%.150s-%u", domain, rid);
    if (d.type != d.n / 4 || d.n % 4 || !d.n)
        return sam_corrupt(e, "the count of groups", rid);
    for (size_t at = 0; at < d.n; at += 4, ++*n)
        if (!has_member(c, rd32(d.p + at), builtin, sid))
            return sam_corrupt(e, "a group that does not have it as a member, the place", rid);
    return 0;
}

static int check_domain(const struct check *c, uint32_t key, bool builtin, size_t *n, struct err *e)
{
    struct regf_iter it = regf_subkeys(c->sam, key);
    char domain[REGF_NAME_BYTES], name[REGF_NAME_BYTES];
    uint32_t child, rid, rids = 0;
    int r = 0;

    (void)regf_key_name(c->sam, key, domain);
    while (r == 0 && (child = regf_next_subkey(c->sam, &it))) {
        if (!sam_rid_of(regf_key_name(c->sam, child, name), &rid))
            return sam_corrupt(e, "the reverse list", 0);
        r = check_reverse(c, child, domain, rid, builtin, n, e);
        rids++;
    }
    if (r == 0 && counter(c->sam, key) != rids)
        r = sam_corrupt(e, "the count of the reverse list", rids);
    return r;
}

static int check_aliases(const struct check *c, bool builtin, struct err *e)
{
    const char *path = builtin ? SAM_BUILTIN "\\Aliases" : SAM_ACCOUNT "\\Aliases";
    uint32_t aliases = regf_find(c->sam, 0, path), domain;
    struct regf_iter it = regf_subkeys(c->sam, regf_find(c->sam, aliases, "Members"));
    size_t reversed = 0, members = 0;
    int r = 0;

    for (size_t i = 0; i < c->n_groups; i++)
        members += c->groups[i].is_builtin == builtin ? c->groups[i].n_members : 0;
    while (r == 0 && (domain = regf_next_subkey(c->sam, &it)))
        r = check_domain(c, domain, builtin, &reversed, e);
    if (r == 0 && reversed != members)
        r = sam_corrupt(e, "the reverse list of members", 0);
    return r < 0 ? r
                 : check_names(c,
                               builtin ? SAM_BUILTIN "\\Aliases\\Names"
                                       : SAM_ACCOUNT "\\Aliases\\Names",
                               is_group, builtin, count_groups(c, builtin), e);
}

static int check_none(const struct check *c, struct err *e)
{
    _cleanup_regf_data_ struct regf_data d = { 0 };
    const uint8_t *rids;
    uint32_t key, n;
    int r = sam_rid_key(c->sam, SAM_ACCOUNT "\\Groups", 0x201, &key, e);

    if (r == 0)
        r = regf_get(c->sam, key, "C", &d, e);
    if (r < 0)
        return r;
    if (sam_group_rids(&d, &rids, &n) < 0)
        return sam_corrupt(e, "the members", 0x201);
    for (uint32_t i = 0; i < n; i++)
        if (!is_user(c, rd32(rids + 4 * i), false))
            return sam_corrupt(e, "a member that is no account", rd32(rids + 4 * i));
    return n == c->n_users ? 0 : sam_corrupt(e, "the number of members", 0x201);
}

int sam_verify(const struct regf *sam, struct err *e)
{
    struct check c = { .sam = sam };
    int r = sam_users(sam, &c.users, &c.n_users, e);

    if (r == 0)
        r = sam_groups(sam, &c.groups, &c.n_groups, e);
    if (r == 0)
        r = check_users(&c, e);
    if (r == 0)
        r = check_aliases(&c, true, e);
    if (r == 0)
        r = check_aliases(&c, false, e);
    if (r == 0)
        r = check_none(&c, e);
    sam_users_free(c.users, c.n_users);
    sam_groups_free(c.groups, c.n_groups);
    return r;
}
