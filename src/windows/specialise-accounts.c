/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Accounts of "specialise": passwords of those that are there, and LocalAccounts of the answer file
 * made new, in their groups. Their profiles come at their first logon, as always. */
#include <errno.h>
#include <string.h>

#include "work.h"

#define GROUPS_MAX 32

struct group {
    uint32_t alias;
    bool builtin;
    char *name; /* as the answer file has it */
};

struct groups {
    struct group v[GROUPS_MAX];
    size_t n;
};

static void groups_done(struct groups *g)
{
    for (size_t i = 0; i < g->n; i++)
        free(g->v[i].name);
}

static int boot_key(struct work *k, uint8_t ret[SAM_BOOT_KEY_BYTES], struct err *e)
{
    return sam_boot_key(k->system, k->sets->current_key, ret, e);
}

/* ---- those that are there -------------------------------------------------------------------- */

static int set_password(struct work *k, uint32_t rid, const char *name, const char *password,
                        struct err *e)
{
    uint8_t key[SAM_BOOT_KEY_BYTES];
    int r = boot_key(k, key, e);

    if (r == 0)
        r = *password ? sam_set_password(k->sam, key, rid, password, e)
                      : sam_clear_password(k->sam, rid, e);
    explicit_bzero(key, sizeof key);
    if (r == 0)
        r = sam_enable_user(k->sam, rid, true, false, e);
    if (r < 0)
        return err_wrap(e, "set the password of '%s'", name);
    win_plan_add(k->p, WIN_ROW_DONE, "account", "SAM", name,
                 *password ? "enabled, password set" : "enabled, without a password");
    return 0;
}

static int set_option_user(struct work *k, struct err *e)
{
    uint32_t rid;
    int r = 0;

    if (!k->o->password || !k->o->user || str_eq_nocase(k->o->user, "Administrator"))
        return 0;
    r = sam_find_user(k->sam, k->o->user, &rid, e);
    if (r == -ENOENT)
        return err_wrap(e, "set a password (LocalAccounts of an answer file makes new accounts)");
    return r < 0 ? r : set_password(k, rid, k->o->user, k->o->password, e);
}

/* ---- new ones -------------------------------------------------------------------------------- */

static char *trimmed(char *s)
{
    size_t n;

    s += strspn(s, " \t\r\n");
    for (n = strlen(s); n && strchr(" \t\r\n", s[n - 1]); n--)
        s[n - 1] = '\0';
    return s;
}

/* "Administrators;Remote Desktop Users"; nothing: Users, as Windows does it. */
static int find_groups(struct work *k, const char *list, struct groups *ret, struct err *e)
{
    _cleanup_free_ char *copy = xstrdup(list && *list ? list : "Users");
    char *rest = copy, *one;
    int r = 0;

    while (r == 0 && (one = strsep(&rest, ";"))) {
        struct group *g = &ret->v[ret->n];

        one = trimmed(one);
        if (!*one)
            continue;
        if (ret->n == GROUPS_MAX)
            return err_set(e, E2BIG, ERR_LIMIT, "more than %u groups", GROUPS_MAX);
        r = sam_find_group(k->sam, one, &g->alias, &g->builtin, e);
        if (r == 0)
            g->name = xstrdup(one);
        ret->n += r == 0;
    }
    return r;
}

static int join(struct work *k, const char *account, uint32_t rid, const struct groups *g,
                struct err *e)
{
    int r = 0;

    for (size_t i = 0; i < g->n && r >= 0; i++) {
        r = sam_group_add_user(k->sam, g->v[i].builtin, g->v[i].alias, rid, e);
        if (r >= 0)
            win_plan_add(k->p, r ? WIN_ROW_DONE : WIN_ROW_KEPT, "member of a group", "SAM", account,
                         g->v[i].name);
    }
    return r < 0 ? r : 0;
}

static int create(struct work *k, const struct answer_account *a, const struct groups *g,
                  uint32_t *ret_rid, struct err *e)
{
    struct sam_new_user u = { .name = a->name,
                              .full_name = a->display ? a->display : a->name,
                              .comment = a->description,
                              .password = a->password };
    uint8_t key[SAM_BOOT_KEY_BYTES] = { 0 };
    int r = a->password && *a->password ? boot_key(k, key, e) : 0;

    for (size_t i = 0; i < g->n; i++)
        u.is_administrator =
            u.is_administrator || (g->v[i].builtin && g->v[i].alias == SAM_ALIAS_ADMINISTRATORS);
    if (r == 0)
        r = sam_create_user(k->sam, key, &u, ret_rid, e);
    explicit_bzero(key, sizeof key);
    if (r == 0)
        win_plan_addf(k->p, WIN_ROW_DONE, "new account", "SAM", NULL, "%s (RID %u), %s", a->name,
                      *ret_rid, u.password && *u.password ? "password set" : "without a password");
    return r;
}

/* One that is there already gets what the answer file says of it, as at the end of Setup. */
static int one_account(struct work *k, const struct answer_account *a, struct err *e)
{
    _cleanup_(groups_done) struct groups g = { 0 };
    struct err scratch = { 0 };
    uint32_t rid = 0;
    bool there = sam_find_user(k->sam, a->name, &rid, &scratch) == 0;
    int r;

    if (!there && a->password_scrubbed) { /* not an open door instead */
        win_plan_add(k->p, WIN_ROW_CANNOT, "new account", "SAM", a->name,
                     "Setup removed its password from this copy of the answer file");
        return 0;
    }
    r = find_groups(k, a->group, &g, e);
    if (r == 0 && there)
        r = a->password ? set_password(k, rid, a->name, a->password, e) : 0;
    else if (r == 0)
        r = create(k, a, &g, &rid, e);
    return r < 0 ? r : join(k, a->name, rid, &g, e);
}

int set_accounts(struct work *k, const struct answer_settings *s, struct err *e)
{
    int r = 0;

    if (s->admin_password)
        r = set_password(k, SAM_RID_ADMINISTRATOR, "Administrator", s->admin_password, e);
    else if (s->admin_password_scrubbed)
        win_plan_add(k->p, WIN_ROW_CANNOT, "password of Administrator", NULL, NULL,
                     "Setup removed it from this copy of the answer file");
    for (size_t i = 0; i < s->n_accounts && r == 0; i++) {
        r = s->accounts[i].name ? one_account(k, &s->accounts[i], e)
                                : err_set(e, EINVAL, ERR_INVALID, "it has no name");
        if (r < 0)
            (void)err_wrap(e, "LocalAccount %zu", i + 1);
    }
    return r < 0 ? r : set_option_user(k, e);
}
