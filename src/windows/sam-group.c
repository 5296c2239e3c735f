/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Local groups ("aliases") keep their members as SIDs in "C"; a reverse list says for each SID in
 * which aliases it is. All counters are types of unnamed values. */
#include "sam-priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "regf-priv.h"
#include "str.h"

#define ALIAS_HEAD 0x34U /* offsets in an alias' "C" are relative to here */
#define A_NAME     0x10U
#define A_COMMENT  0x1cU
#define A_MEMBERS  0x28U
#define A_COUNT    0x30U
#define GROUPS_MAX 65536U
#define C_MAX      MIB(1)

static const char *domain_path(bool builtin)
{
    return builtin ? SAM_BUILTIN "\\Aliases" : SAM_ACCOUNT "\\Aliases";
}

/* --- an alias' "C" --- */

struct alias {
    const uint8_t *members;
    uint32_t off, bytes, count;
};

static bool span(const struct regf_data *c, uint32_t at, struct regf_name *ret)
{
    uint32_t off = rd32(c->p + at), n = rd32(c->p + at + 4);

    if (n && (off > c->n - ALIAS_HEAD || n > c->n - ALIAS_HEAD - off))
        return false;
    *ret = (struct regf_name){ n ? c->p + ALIAS_HEAD + off : c->p, n & ~1U, true };
    return true;
}

static bool read_alias(const struct regf_data *c, struct alias *ret)
{
    uint64_t used = 0;

    if (c->n < ALIAS_HEAD)
        return false;
    ret->off = rd32(c->p + A_MEMBERS);
    ret->bytes = rd32(c->p + A_MEMBERS + 4);
    ret->count = rd32(c->p + A_COUNT);
    if (!ret->count)
        ret->bytes = 0;
    if (ret->bytes && (ret->off > c->n - ALIAS_HEAD || ret->bytes > c->n - ALIAS_HEAD - ret->off))
        return false;
    ret->members = ret->bytes ? c->p + ALIAS_HEAD + ret->off : c->p;
    for (uint32_t i = 0; i < ret->count; i++) {
        size_t n = sid_length(ret->members + used, ret->bytes - used);

        if (!n)
            return false;
        used += n;
    }
    ret->bytes = (uint32_t)used;
    return true;
}

/* Where a SID stands among the members; bytes when it is not there. */
static uint32_t find_member(const struct alias *a, const void *sid, size_t n)
{
    for (uint32_t at = 0; at < a->bytes;) {
        size_t len = sid_length(a->members + at, a->bytes - at);

        if (len == n && memcmp(a->members + at, sid, n) == 0)
            return at;
        at += (uint32_t)len;
    }
    return a->bytes;
}

/* The same "C" with these members: behind all other parts, as Windows has it. */
static int write_members(struct regf *sam, uint32_t key, const struct regf_data *c,
                         const struct alias *a, const uint8_t *members, uint32_t bytes,
                         uint32_t count, struct err *e)
{
    _cleanup_free_ uint8_t *out = NULL;
    uint32_t end =
        a->bytes && a->off + a->bytes == c->n - ALIAS_HEAD ? a->off : (uint32_t)c->n - ALIAS_HEAD;
    uint32_t off = (end + 3) & ~3U;

    out = calloc(1, ALIAS_HEAD + off + bytes);
    if (!out)
        return err_oom(e);
    memcpy(out, c->p, ALIAS_HEAD + end);
    memcpy(out + ALIAS_HEAD + off, members, bytes);
    wr32(out + A_MEMBERS, off);
    wr32(out + A_MEMBERS + 4, bytes);
    wr32(out + A_COUNT, count);
    return regf_set(sam, key, "C", c->type, out, ALIAS_HEAD + off + bytes, e);
}

static int load_alias(const struct regf *sam, uint32_t key, uint32_t rid, struct regf_data *c,
                      struct alias *ret, struct err *e)
{
    int r = regf_get(sam, key, "C", c, e);

    if (r < 0)
        return r;
    return c->n <= C_MAX && read_alias(c, ret) ? 0 : sam_corrupt(e, "the members", rid);
}

/* --- the reverse list: Members\<domain>\<RID>, data: the aliases --- */

static int member_path(const char *aliases, const void *sid, size_t n, char *domain, size_t cap,
                       char rid[9], struct err *e)
{
    char text[SID_TEXT_MAX];
    uint8_t up[SID_BYTES_MAX];

    if (n < 12 || n > SID_BYTES_MAX || sid_length(sid, n) != n)
        return err_set(e, EINVAL, ERR_INVALID, "a SID that cannot be a member");
    memcpy(up, sid, n);
    up[1]--;
    (void)sid_text(up, n - 4, text);
    (void)snprintf(domain, cap, "%s\\Members\\%s", aliases, text);
    (void)snprintf(rid, 9, "%08X", rd32((const uint8_t *)sid + n - 4));
    return 0;
}

static int make_counter(struct regf *sam, uint32_t parent, const char *name, uint32_t *ret,
                        struct err *e)
{
    int r = regf_key_create(sam, parent, name, ret, e);

    if (r == 0)
        r = regf_set(sam, *ret, "", 0, "", 0, e);
    return r < 0 ? r : sam_count(sam, parent, 1, e);
}

static int find_or_count(struct regf *sam, uint32_t parent, const char *name, uint32_t *ret,
                         struct err *e)
{
    *ret = regf_find(sam, parent, name);
    return *ret ? 0 : make_counter(sam, parent, name, ret, e);
}

static int reverse_add(struct regf *sam, const char *aliases, uint32_t alias, const void *sid,
                       size_t n, struct err *e)
{
    _cleanup_regf_data_ struct regf_data d = { 0 };
    _cleanup_free_ uint8_t *out = NULL;
    char domain[SID_TEXT_MAX + 64], rid[9];
    uint32_t members, dom, key;
    int r = member_path(aliases, sid, n, domain, sizeof domain, rid, e);

    if (r < 0)
        return r;
    *strrchr(domain, '\\') = '\0';
    r = regf_find_key(sam, 0, domain, &members, e);
    if (r == 0)
        r = find_or_count(sam, members, domain + strlen(domain) + 1, &dom, e);
    if (r == 0)
        r = find_or_count(sam, dom, rid, &key, e);
    if (r == 0)
        r = regf_get(sam, key, "", &d, e);
    if (r < 0)
        return r;
    out = malloc(d.n + 4);
    if (!out)
        return err_oom(e);
    if (d.n)
        memcpy(out, d.p, d.n);
    wr32(out + d.n, alias);
    return regf_set(sam, key, "", d.type + 1, out, d.n + 4, e);
}

/* A key that counts nothing any more goes, and is counted off. */
static int drop_key(struct regf *sam, uint32_t key, struct err *e)
{
    uint32_t parent = regf_parent(sam, key);
    int r = regf_key_delete(sam, key, e);

    return r < 0 ? r : sam_count(sam, parent, -1, e);
}

static int reverse_remove(struct regf *sam, const char *aliases, uint32_t alias, const void *sid,
                          size_t n, struct err *e)
{
    _cleanup_regf_data_ struct regf_data d = { 0 };
    _cleanup_free_ uint8_t *out = NULL;
    char domain[SID_TEXT_MAX + 64], rid[9];
    uint32_t dom, key, at = 0;
    int r = member_path(aliases, sid, n, domain, sizeof domain, rid, e);

    if (r < 0)
        return r;
    dom = regf_find(sam, 0, domain);
    key = dom ? regf_find(sam, dom, rid) : 0;
    if (!key)
        return 0; /* a reverse list that never had it */
    r = regf_get(sam, key, "", &d, e);
    if (r < 0)
        return r;
    while (at + 4 <= d.n && rd32(d.p + at) != alias)
        at += 4;
    if (at + 4 > d.n)
        return 0;
    out = malloc(d.n);
    if (!out)
        return err_oom(e);
    memcpy(out, d.p, at);
    memcpy(out + at, d.p + at + 4, d.n - at - 4);
    if (d.n >= 8)
        return regf_set(sam, key, "", d.type ? d.type - 1 : 0, out, d.n - 4, e);
    r = drop_key(sam, key, e);
    if (r == 0 && !regf_key_count(sam, dom))
        r = drop_key(sam, dom, e);
    return r;
}

/* --- by name --- */

int sam_find_group(const struct regf *sam, const char *name, uint32_t *ret_alias, bool *ret_builtin,
                   struct err *e)
{
    static const struct {
        const char *name;
        uint32_t rid;
    } english[] = {
        { "Administrators", SAM_ALIAS_ADMINISTRATORS },
        { "Users", SAM_ALIAS_USERS },
        { "Guests", 0x222 },
        { "Power Users", 0x223 },
        { "Backup Operators", 0x227 },
        { "Remote Desktop Users", SAM_ALIAS_REMOTE_DESKTOP },
        { "Network Configuration Operators", 0x22c },
        { "Performance Monitor Users", 0x22e },
        { "Performance Log Users", 0x22f },
        { "Distributed COM Users", 0x232 },
        { "Event Log Readers", 0x23d },
        { "Hyper-V Administrators", 0x242 },
        { "Remote Management Users", 0x244 },
    };
    struct err scratch = { 0 };
    uint32_t key;

    for (int builtin = 1; builtin >= 0 && *name && !strchr(name, '\\'); builtin--) {
        uint32_t aliases = regf_find(sam, 0, domain_path(builtin));
        uint32_t names = aliases ? regf_find(sam, aliases, "Names") : 0;

        key = names ? regf_find(sam, names, name) : 0;
        if (key && regf_value(sam, key, "")) {
            *ret_alias = regf_value_type(sam, regf_value(sam, key, ""));
            *ret_builtin = builtin;
            return 0;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(english); i++)
        if (str_eq_nocase(english[i].name, name) &&
            sam_rid_key(sam, domain_path(true), english[i].rid, &key, &scratch) == 0) {
            *ret_alias = english[i].rid;
            *ret_builtin = true;
            return 0;
        }
    return err_set(e, ENOENT, ERR_NOT_FOUND, "no local group '%.80s'", name);
}

/* --- members in and out --- */

int sam_group_add(struct regf *sam, bool builtin, uint32_t alias, const void *sid, size_t n,
                  struct err *e)
{
    _cleanup_regf_data_ struct regf_data c = { 0 };
    _cleanup_free_ uint8_t *all = NULL;
    struct alias a;
    uint32_t key;
    int r = sam_rid_key(sam, domain_path(builtin), alias, &key, e);

    if (r == 0)
        r = load_alias(sam, key, alias, &c, &a, e);
    if (r == 0 && (n < 12 || sid_length(sid, n) != n))
        r = err_set(e, EINVAL, ERR_INVALID, "a SID that cannot be a member");
    if (r < 0)
        return err_wrap(e, "add a member to group %u", alias);
    if (find_member(&a, sid, n) < a.bytes)
        return 0;
    all = malloc(a.bytes + n);
    if (!all)
        return err_oom(e);
    memcpy(all, a.members, a.bytes);
    memcpy(all + a.bytes, sid, n);
    r = reverse_add(sam, domain_path(builtin), alias, sid, n, e);
    if (r == 0)
        r = write_members(sam, key, &c, &a, all, a.bytes + (uint32_t)n, a.count + 1, e);
    return r < 0 ? regf_break(sam, err_wrap(e, "add a member to group %u", alias)) : 1;
}

int sam_group_remove(struct regf *sam, bool builtin, uint32_t alias, const void *sid, size_t n,
                     struct err *e)
{
    _cleanup_regf_data_ struct regf_data c = { 0 };
    _cleanup_free_ uint8_t *rest = NULL;
    struct alias a;
    uint32_t key, at;
    int r = sam_rid_key(sam, domain_path(builtin), alias, &key, e);

    if (r == 0)
        r = load_alias(sam, key, alias, &c, &a, e);
    if (r < 0)
        return err_wrap(e, "take a member out of group %u", alias);
    at = find_member(&a, sid, n);
    if (at == a.bytes)
        return 0;
    rest = malloc(a.bytes);
    if (!rest)
        return err_oom(e);
    memcpy(rest, a.members, at);
    memcpy(rest + at, a.members + at + n, a.bytes - at - n);
    r = write_members(sam, key, &c, &a, rest, a.bytes - (uint32_t)n, a.count - 1, e);
    if (r == 0)
        r = reverse_remove(sam, domain_path(builtin), alias, sid, n, e);
    return r < 0 ? regf_break(sam, err_wrap(e, "take a member out of group %u", alias)) : 1;
}

int sam_group_add_user(struct regf *sam, bool builtin, uint32_t alias, uint32_t rid, struct err *e)
{
    uint8_t sid[SID_MACHINE_BYTES + 4];
    int r = sam_account_sid(sam, rid, sid, e);

    return r < 0 ? r : sam_group_add(sam, builtin, alias, sid, sizeof sid, e);
}

/* --- lists of groups --- */

void sam_groups_free(struct sam_group *groups, size_t n)
{
    for (size_t i = 0; groups && i < n; i++) {
        free(groups[i].name);
        free(groups[i].comment);
        free(groups[i].members);
    }
    free(groups);
}

static char *span_text(const struct regf_name *t)
{
    size_t cap = (size_t)t->n * 2 + 1;
    char *out = malloc(cap);

    if (out)
        (void)regf_name_utf8(t, out, cap);
    return out;
}

static int fill_members(const struct alias *a, struct sam_group *g, struct err *e)
{
    uint32_t at = 0;

    g->members = calloc(a->count ? a->count : 1, sizeof *g->members);
    if (!g->members)
        return err_oom(e);
    for (; g->n_members < a->count; g->n_members++) {
        struct sam_member *m = &g->members[g->n_members];

        m->n = sid_length(a->members + at, a->bytes - at);
        memcpy(m->sid, a->members + at, m->n);
        at += (uint32_t)m->n;
    }
    return 0;
}

static int fill_group(const struct regf *sam, uint32_t key, struct sam_group *g, struct err *e)
{
    _cleanup_regf_data_ struct regf_data c = { 0 };
    struct regf_name name, comment;
    struct alias a;
    int r = load_alias(sam, key, g->rid, &c, &a, e);

    if (r < 0)
        return r;
    if (!span(&c, A_NAME, &name) || !span(&c, A_COMMENT, &comment))
        return sam_corrupt(e, "the name", g->rid);
    g->name = span_text(&name);
    g->comment = span_text(&comment);
    if (!g->name || !g->comment)
        return err_oom(e);
    return fill_members(&a, g, e);
}

static int add_groups(const struct regf *sam, bool builtin, struct sam_group **all, size_t *n,
                      struct err *e)
{
    struct regf_iter it = regf_subkeys(sam, regf_find(sam, 0, domain_path(builtin)));
    char name[REGF_NAME_BYTES];
    uint32_t key, rid;

    while ((key = regf_next_subkey(sam, &it))) {
        struct sam_group *more;
        int r;

        if (!sam_rid_of(regf_key_name(sam, key, name), &rid))
            continue;
        more = *n < GROUPS_MAX ? realloc(*all, (*n + 1) * sizeof *more) : NULL;
        if (!more)
            return err_oom(e);
        *all = more;
        more[*n] = (struct sam_group){ .rid = rid, .is_builtin = builtin };
        r = fill_group(sam, key, &more[(*n)++], e);
        if (r < 0)
            return r;
    }
    return 0;
}

int sam_groups(const struct regf *sam, struct sam_group **ret, size_t *ret_n, struct err *e)
{
    struct sam_group *all = NULL;
    size_t n = 0;
    int r = add_groups(sam, true, &all, &n, e);

    if (r == 0)
        r = add_groups(sam, false, &all, &n, e);
    if (r < 0) {
        sam_groups_free(all, n);
        return err_wrap(e, "list the groups");
    }
    *ret = all;
    *ret_n = n;
    return 0;
}

/* --- many at once --- */

/* Takes out what a question says yes to. */
static int remove_where(struct regf *sam, bool (*is_out)(const struct sam_member *, const void *),
                        const void *userdata, uint64_t *removed, struct err *e)
{
    struct sam_group *g = NULL;
    size_t n = 0;
    int r = sam_groups(sam, &g, &n, e);

    for (size_t i = 0; i < n && r >= 0; i++)
        for (size_t k = 0; k < g[i].n_members && r >= 0; k++)
            if (is_out(&g[i].members[k], userdata)) {
                r = sam_group_remove(sam, g[i].is_builtin, g[i].rid, g[i].members[k].sid,
                                     g[i].members[k].n, e);
                *removed += r > 0;
            }
    sam_groups_free(g, n);
    return r < 0 ? r : 0;
}

static bool is_same(const struct sam_member *m, const void *userdata)
{
    const struct sam_member *want = userdata;

    return m->n == want->n && memcmp(m->sid, want->sid, m->n) == 0;
}

static bool is_foreign(const struct sam_member *m, const void *userdata)
{
    static const uint8_t nt_21[] = { 0, 0, 0, 0, 0, 5, 21, 0, 0, 0 };

    return m->n >= 24 && memcmp(m->sid + 2, nt_21, sizeof nt_21) == 0 &&
           !sid_is_of(m->sid, m->n, userdata, NULL);
}

int sam_drop_foreign_members(struct regf *sam, uint64_t *ret_removed, struct err *e)
{
    uint8_t machine[SID_MACHINE_BYTES];
    int r = sam_machine_sid(sam, machine, e);

    return r < 0 ? r : remove_where(sam, is_foreign, machine, ret_removed, e);
}

int sam_leave_aliases(struct regf *sam, uint32_t rid, struct err *e)
{
    struct sam_member who = { .n = SID_MACHINE_BYTES + 4 };
    uint64_t removed = 0;
    int r = sam_account_sid(sam, rid, who.sid, e);

    return r < 0 ? r : remove_where(sam, is_same, &who, &removed, e);
}
