/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Security groups, their rules, their members. */
#include "model-priv.h"

#include <errno.h>
#include <stdio.h>

#include "rules.h"
#include "str.h"

static const struct col group_cols[] = {
    KEY_COL(group_rec, id),
    TEXT_COL(group_rec, region),
    TEXT_COL(group_rec, owner),
    TEXT_COL(group_rec, vpc_id),
    TEXT_COL(group_rec, name),
    TEXT_COL(group_rec, description),
    COL(group_rec, created_ms, COL_U64),
};
const struct table group_table =
    TABLE("security_groups", group_rec, group_cols, "The security group '", "' does not exist");

static const struct col rule_cols[] = {
    KEY_COL(rule_rec, id),
    TEXT_COL(rule_rec, region),
    TEXT_COL(rule_rec, group_id),
    COL(rule_rec, egress, COL_BOOL),
    TEXT_COL(rule_rec, protocol),
    COL(rule_rec, from_port, COL_INT),
    COL(rule_rec, to_port, COL_INT),
    TEXT_COL(rule_rec, cidr),
    TEXT_COL(rule_rec, source_group_id),
    TEXT_COL(rule_rec, description),
};
const struct table rule_table = TABLE("security_group_rules", rule_rec, rule_cols,
                                      "The security group rule ID '", "' does not exist");

#define COPY(dst, src) (void)str_copy(dst, sizeof(dst), src)

/* ---- groups ---------------------------------------------------------------------------------- */

static int open_everything(struct model *m, const struct group_rec *g, bool egress,
                           const char *cidr, const char *source, struct err *e)
{
    struct rule_rec rule = { .egress = egress, .from_port = -1, .to_port = -1 };

    model_new_id("sgr", rule.id);
    COPY(rule.region, g->region);
    COPY(rule.group_id, g->id);
    COPY(rule.protocol, "-1");
    COPY(rule.cidr, cidr);
    COPY(rule.source_group_id, source);
    return row_insert(m, &rule_table, &rule, e);
}

static int insert(struct model *m, const struct group_rec *rec, struct err *e)
{
    struct err plain = { 0 };
    int r = row_insert(m, &group_table, rec, &plain);

    if (r >= 0)
        return open_everything(m, rec, true, "0.0.0.0/0", "", e);
    if (plain.kind == ERR_EXISTS)
        return err_set(e, EEXIST, ERR_EXISTS, "The security group '%s' already exists for VPC '%s'",
                       rec->name, rec->vpc_id);
    *e = plain;
    return r;
}

int model_group_insert(struct model *m, const struct group_rec *rec, struct err *e)
{
    int r = model_begin(m, e);

    if (r < 0)
        return r;
    return model_end(m, insert(m, rec, e), e);
}

int group_make_default(struct model *m, const struct vpc_rec *vpc, struct err *e)
{
    struct group_rec g = { .created_ms = vpc->created_ms };
    int r;

    model_new_id("sg", g.id);
    COPY(g.region, vpc->region);
    COPY(g.owner, vpc->owner);
    COPY(g.vpc_id, vpc->id);
    COPY(g.name, "default");
    COPY(g.description, "default VPC security group");
    r = insert(m, &g, e);
    return r < 0 ? r : open_everything(m, &g, false, "", g.id, e);
}

int model_group_get(struct model *m, const char *region, const char *id, struct group_rec *ret,
                    struct err *e)
{
    return row_get(m, &group_table, region, id, ret, e);
}

int model_group_find(struct model *m, const char *vpc_id, const char *name, struct group_rec *ret,
                     struct err *e)
{
    char shown[80];
    int r = row_one(m, &group_table, "WHERE vpc_id = ?1 AND name = ?2", BINDS(T(vpc_id), T(name)),
                    ret, e);

    if (r == 0)
        return err_set(e, ENOENT, ERR_NOT_FOUND,
                       "The security group '%s' does not exist in VPC '%s'",
                       str_show(name, shown, sizeof shown), vpc_id);
    return r < 0 ? r : 0;
}

int model_group_list(struct model *m, const char *region, struct group_rec **ret, size_t *ret_n,
                     struct err *e)
{
    void *v = NULL;
    int r = row_list(m, &group_table, "WHERE ?1 IS NULL OR region = ?1 ORDER BY name, id",
                     BINDS(T(region)), &v, ret_n, e);

    if (r >= 0)
        *ret = v;
    return r;
}

static int check_unused(struct model *m, const char *id, struct err *e)
{
    uint64_t used = 0;
    int r = db_u64(m,
                   "SELECT EXISTS (SELECT 1 FROM interface_groups WHERE group_id = ?1)"
                   " OR EXISTS (SELECT 1 FROM security_group_rules"
                   "            WHERE source_group_id = ?1 AND group_id <> ?1)",
                   BINDS(T(id)), &used, e);

    if (r < 0)
        return r;
    return used ? err_set(e, EBUSY, ERR_CONFLICT, "resource %s has a dependent object", id) : 0;
}

static int delete_group(struct model *m, const char *id, struct err *e)
{
    struct group_rec g;
    int r = model_group_get(m, NULL, id, &g, e);

    if (r < 0)
        return r;
    if (str_eq(g.name, "default"))
        return err_set(e, EPERM, ERR_DENIED,
                       "the specified group: \"%s\" name: \"default\" cannot be deleted by a user",
                       id);
    r = check_unused(m, id, e);
    if (r >= 0)
        r = db_exec(m,
                    "DELETE FROM tags WHERE resource_id = ?1 OR resource_id IN"
                    " (SELECT id FROM security_group_rules WHERE group_id = ?1)",
                    BINDS(T(id)), e);
    return r < 0 ? r : db_exec(m, "DELETE FROM security_groups WHERE id = ?1", BINDS(T(id)), e);
}

int model_group_delete(struct model *m, const char *id, struct err *e)
{
    int r = model_begin(m, e);

    if (r < 0)
        return r;
    return model_end(m, delete_group(m, id, e), e);
}

/* ---- rules ----------------------------------------------------------------------------------- */

/* The sentence that clients know, e.g. "peer: 0.0.0.0/0, TCP, from port: 22, to port: 22, ALLOW".
 */
static int already_there(const struct rule_rec *r, struct err *e)
{
    const char *peer = r->cidr[0] ? r->cidr : r->source_group_id;
    char protocol[16];

    if (str_eq(r->protocol, "-1"))
        return err_set(e, EEXIST, ERR_EXISTS,
                       "the specified rule \"peer: %s, ALL, ALLOW\" already exists", peer);
    COPY(protocol, r->protocol);
    for (char *p = protocol; *p; p++)
        *p = *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
    if (str_starts(r->protocol, "icmp"))
        return err_set(e, EEXIST, ERR_EXISTS,
                       "the specified rule \"peer: %s, %s, type: %d, code: %d, ALLOW\" already "
                       "exists",
                       peer, protocol, r->from_port, r->to_port);
    return err_set(e, EEXIST, ERR_EXISTS,
                   "the specified rule \"peer: %s, %s, from port: %d, to port: %d, ALLOW\" already "
                   "exists",
                   peer, protocol, r->from_port, r->to_port);
}

static int insert_rule(struct model *m, const struct rule_rec *rec, struct err *e)
{
    struct err plain = { 0 };
    uint64_t n = 0;
    int r = row_insert(m, &rule_table, rec, &plain);

    if (r < 0 && plain.kind == ERR_EXISTS)
        return already_there(rec, e);
    if (r < 0) {
        *e = plain;
        return r;
    }
    r = db_u64(m, "SELECT count(*) FROM security_group_rules WHERE group_id = ?1 AND egress = ?2",
               BINDS(T(rec->group_id), U(rec->egress)), &n, e);
    if (r >= 0 && n > MODEL_RULES_MAX)
        return err_set(e, E2BIG, ERR_LIMIT,
                       "The maximum number of rules per security group has been reached: %d",
                       MODEL_RULES_MAX);
    return r < 0 ? r : 0;
}

int model_rule_insert(struct model *m, const struct rule_rec *rec, struct err *e)
{
    int r = model_begin(m, e);

    if (r < 0)
        return r;
    return model_end(m, insert_rule(m, rec, e), e);
}

int model_rule_get(struct model *m, const char *region, const char *id, struct rule_rec *ret,
                   struct err *e)
{
    return row_get(m, &rule_table, region, id, ret, e);
}

int model_rule_find(struct model *m, const struct rule_rec *like, struct rule_rec *ret,
                    struct err *e)
{
    int r = row_one(m, &rule_table,
                    "WHERE group_id = ?1 AND egress = ?2 AND protocol = ?3 AND from_port = ?4"
                    " AND to_port = ?5 AND cidr = ?6 AND source_group_id = ?7",
                    BINDS(T(like->group_id), U(like->egress), T(like->protocol),
                          U((int64_t)like->from_port), U((int64_t)like->to_port), T(like->cidr),
                          T(like->source_group_id)),
                    ret, e);

    if (r == 0)
        return err_set(e, ENOENT, ERR_NOT_FOUND,
                       "The specified rule does not exist in this security group.");
    return r < 0 ? r : 0;
}

int model_rule_list(struct model *m, const char *region, struct rule_rec **ret, size_t *ret_n,
                    struct err *e)
{
    void *v = NULL;
    int r = row_list(m, &rule_table, "WHERE ?1 IS NULL OR region = ?1 ORDER BY group_id, rowid",
                     BINDS(T(region)), &v, ret_n, e);

    if (r >= 0)
        *ret = v;
    return r;
}

int model_group_rules(struct model *m, const char *group_id, struct rule_rec **ret, size_t *ret_n,
                      struct err *e)
{
    void *v = NULL;
    int r = row_list(m, &rule_table, "WHERE group_id = ?1 ORDER BY egress, rowid",
                     BINDS(T(group_id)), &v, ret_n, e);

    if (r >= 0)
        *ret = v;
    return r;
}

static int delete_rule(struct model *m, const char *id, struct err *e)
{
    int r = tags_forget(m, id, e);

    if (r < 0)
        return r;
    return db_exec_on(m, &rule_table, id, "DELETE FROM security_group_rules WHERE id = ?1",
                      BINDS(T(id)), e);
}

int model_rule_delete(struct model *m, const char *id, struct err *e)
{
    int r = model_begin(m, e);

    if (r < 0)
        return r;
    return model_end(m, delete_rule(m, id, e), e);
}

/* ---- members --------------------------------------------------------------------------------- */

int model_interface_groups(struct model *m, const char *interface_id, struct group_rec **ret,
                           size_t *ret_n, struct err *e)
{
    void *v = NULL;
    int r = row_list(m, &group_table,
                     "WHERE id IN (SELECT group_id FROM interface_groups WHERE interface_id = ?1)"
                     " ORDER BY name, id",
                     BINDS(T(interface_id)), &v, ret_n, e);

    if (r >= 0)
        *ret = v;
    return r;
}

static int join(struct model *m, const struct interface_rec *nic, const char *group, struct err *e)
{
    struct group_rec g;
    int r = model_group_get(m, nic->region, group, &g, e);

    if (r < 0)
        return r;
    if (!str_eq(g.vpc_id, nic->vpc_id))
        return err_set(e, EXDEV, ERR_INVALID,
                       "The security group '%s' does not belong to the VPC '%s' of the subnet '%s'",
                       group, nic->vpc_id, nic->subnet_id);
    return db_exec(m,
                   "INSERT OR IGNORE INTO interface_groups (interface_id, group_id)"
                   " VALUES (?1, ?2)",
                   BINDS(T(nic->id), T(group)), e);
}

static int set_groups(struct model *m, const char *interface_id, const char *const *groups,
                      size_t n, struct err *e)
{
    struct interface_rec nic;
    int r = model_interface_get(m, NULL, interface_id, &nic, e);

    if (r >= 0)
        r = db_exec(m, "DELETE FROM interface_groups WHERE interface_id = ?1",
                    BINDS(T(interface_id)), e);
    for (size_t i = 0; i < n && r >= 0; i++)
        r = join(m, &nic, groups[i], e);
    return r;
}

int model_interface_groups_set(struct model *m, const char *interface_id, const char *const *groups,
                               size_t n, struct err *e)
{
    int r;

    if (n == 0 || n > MODEL_GROUPS_MAX)
        return err_set(e, E2BIG, ERR_INVALID,
                       "A network interface is a member of 1 to %d security groups, not of %zu",
                       MODEL_GROUPS_MAX, n);
    r = model_begin(m, e);
    if (r < 0)
        return r;
    return model_end(m, set_groups(m, interface_id, groups, n, e), e);
}
