/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VPCs, subnets, and the network interfaces of instances with their addresses. Each region has one
 * VPC, the default one, made when somebody first asks. */
#include "model-priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rules.h"
#include "str.h"

#define KEPT_FIRST  4  /* EC2 keeps these, and the last */
#define FIRST_GIVEN 10 /* below it is room for addresses that somebody asks for */
#define BLOCK_MAX   65536

static const struct col vpc_cols[] = {
    KEY_COL(vpc_rec, id),    TEXT_COL(vpc_rec, region),          TEXT_COL(vpc_rec, owner),
    TEXT_COL(vpc_rec, cidr), COL(vpc_rec, is_default, COL_BOOL), COL(vpc_rec, created_ms, COL_U64),
};
const struct table vpc_table = TABLE("vpcs", vpc_rec, vpc_cols, "The vpc ID '", "' does not exist");

static const struct col subnet_cols[] = {
    KEY_COL(subnet_rec, id),
    TEXT_COL(subnet_rec, region),
    TEXT_COL(subnet_rec, zone),
    TEXT_COL(subnet_rec, owner),
    TEXT_COL(subnet_rec, vpc_id),
    TEXT_COL(subnet_rec, cidr),
    COL(subnet_rec, default_for_az, COL_BOOL),
    COL(subnet_rec, created_ms, COL_U64),
    COL(subnet_rec, map_public, COL_BOOL),
};
const struct table subnet_table =
    TABLE("subnets", subnet_rec, subnet_cols, "The subnet ID '", "' does not exist");

static const struct col interface_cols[] = {
    KEY_COL(interface_rec, id),
    TEXT_COL(interface_rec, region),
    TEXT_COL(interface_rec, zone),
    TEXT_COL(interface_rec, owner),
    TEXT_COL(interface_rec, vpc_id),
    TEXT_COL(interface_rec, subnet_id),
    TEXT_COL(interface_rec, instance_id),
    TEXT_COL(interface_rec, attachment_id),
    TEXT_COL(interface_rec, mac),
    TEXT_COL(interface_rec, private_ip),
    TEXT_COL(interface_rec, description),
    COL(interface_rec, delete_on_termination, COL_BOOL),
    COL(interface_rec, created_ms, COL_U64),
    COL(interface_rec, wants_public, COL_BOOL),
    TEXT_COL(interface_rec, public_ip),
};
const struct table interface_table = TABLE("interfaces", interface_rec, interface_cols,
                                           "The networkInterface ID '", "' does not exist");

#define COPY(dst, src) (void)str_copy(dst, sizeof(dst), src)

/* ---- the default VPC ------------------------------------------------------------------------- */

static int make_subnet(struct model *m, const struct vpc_rec *vpc, unsigned k, struct err *e)
{
    struct subnet_rec s = { .default_for_az = true,
                            .map_public = true,
                            .created_ms = vpc->created_ms };
    int n = snprintf(s.zone, sizeof s.zone, "%s%c", vpc->region, (char)('a' + (int)k));

    if (n < 0 || (size_t)n >= sizeof s.zone)
        return err_set(e, EINVAL, ERR_INVALID, "the name of the region '%s' is too long",
                       vpc->region);
    model_new_id("subnet", s.id);
    COPY(s.region, vpc->region);
    COPY(s.owner, vpc->owner);
    COPY(s.vpc_id, vpc->id);
    (void)snprintf(s.cidr, sizeof s.cidr, "172.31.%u.0/20", k * 16);
    return row_insert(m, &subnet_table, &s, e);
}

static int make_default(struct model *m, const char *region, struct vpc_rec *vpc, struct err *e)
{
    int r;

    *vpc = (struct vpc_rec){ .is_default = true, .created_ms = m->now_ms() };
    model_new_id("vpc", vpc->id);
    COPY(vpc->region, region);
    COPY(vpc->owner, m->account);
    COPY(vpc->cidr, MODEL_VPC_CIDR);
    r = row_insert(m, &vpc_table, vpc, e);
    for (unsigned k = 0; k < 3 && r >= 0; k++)
        r = make_subnet(m, vpc, k, e);
    if (r >= 0)
        r = group_make_default(m, vpc, e);
    if (r >= 0)
        db_notice(m, "default VPC made id=%s region=%s", vpc->id, region);
    return r;
}

int model_vpc_default(struct model *m, const char *region, struct vpc_rec *ret, struct err *e)
{
    struct vpc_rec vpc;
    int r = row_one(m, &vpc_table, "WHERE region = ?1 AND is_default", BINDS(T(region)), &vpc, e);

    if (r == 0) {
        r = model_begin(m, e);
        if (r >= 0)
            r = model_end(m, make_default(m, region, &vpc, e), e);
    }
    if (r < 0)
        return err_wrap(e, "the default VPC of region '%s'", region);
    if (ret)
        *ret = vpc;
    return 0;
}

int model_vpc_get(struct model *m, const char *region, const char *id, struct vpc_rec *ret,
                  struct err *e)
{
    return row_get(m, &vpc_table, region, id, ret, e);
}

int model_vpc_list(struct model *m, const char *region, struct vpc_rec **ret, size_t *ret_n,
                   struct err *e)
{
    void *v = NULL;
    int r = row_list(m, &vpc_table, "WHERE ?1 IS NULL OR region = ?1 ORDER BY created_ms, id",
                     BINDS(T(region)), &v, ret_n, e);

    if (r >= 0)
        *ret = v;
    return r;
}

/* ---- subnets --------------------------------------------------------------------------------- */

int model_subnet_get(struct model *m, const char *region, const char *id, struct subnet_rec *ret,
                     struct err *e)
{
    return row_get(m, &subnet_table, region, id, ret, e);
}

int model_subnet_list(struct model *m, const char *region, struct subnet_rec **ret, size_t *ret_n,
                      struct err *e)
{
    void *v = NULL;
    int r = row_list(m, &subnet_table, "WHERE ?1 IS NULL OR region = ?1 ORDER BY region, zone, id",
                     BINDS(T(region)), &v, ret_n, e);

    if (r >= 0)
        *ret = v;
    return r;
}

int model_subnet_default(struct model *m, const char *region, const char *zone,
                         struct subnet_rec *ret, struct err *e)
{
    int r = model_vpc_default(m, region, NULL, e);

    if (r >= 0)
        r = row_one(m, &subnet_table, "WHERE region = ?1 AND zone = ?2 AND default_for_az",
                    BINDS(T(region), T(zone)), ret, e);
    if (r == 0)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "There is no default subnet in the zone '%s'",
                       zone);
    return r < 0 ? r : 0;
}

int model_subnet_save(struct model *m, const struct subnet_rec *rec, struct err *e)
{
    return row_save(m, &subnet_table, rec, e);
}

static int block_of(const struct subnet_rec *s, uint32_t *ret_first, uint64_t *ret_n, struct err *e)
{
    if (rules_ipv4_block(s->cidr, ret_first, ret_n) < 0 || *ret_n > BLOCK_MAX ||
        *ret_n <= KEPT_FIRST + 1)
        return err_set(e, EUCLEAN, ERR_CORRUPT, "database: the addresses '%s' of subnet '%s'",
                       s->cidr, s->id);
    return 0;
}

int model_subnet_free(struct model *m, const struct subnet_rec *s, uint64_t *ret, struct err *e)
{
    uint64_t n = 0, used = 0;
    uint32_t first = 0;
    int r = block_of(s, &first, &n, e);

    if (r >= 0)
        r = db_u64(m, "SELECT count(*) FROM interfaces WHERE subnet_id = ?1", BINDS(T(s->id)),
                   &used, e);
    if (r < 0)
        return r;
    *ret = n - KEPT_FIRST - 1 - min_u64(used, n - KEPT_FIRST - 1);
    return 0;
}

/* ---- addresses ------------------------------------------------------------------------------- */

/* used[k]: something has the k-th address of the subnet */
static int mark_used(struct model *m, const struct subnet_rec *s, uint32_t first, uint64_t n,
                     bool *used, struct err *e)
{
    _cleanup_statement_ sqlite3_stmt *st = NULL;
    int r =
        db_statement(m, NULL, SQL_PLAIN, "SELECT private_ip FROM interfaces WHERE subnet_id = ?1",
                     BINDS(T(s->id)), &st, e);

    while (r >= 0 && (r = db_step(m, st, e)) > 0) {
        const char *text = (const char *)sqlite3_column_text(st, 0);
        uint32_t ip = 0;

        if (!text || rules_ipv4(text, &ip) < 0 || ip < first || ip - first >= n)
            return err_set(e, EUCLEAN, ERR_CORRUPT, "database: the address '%s' in subnet '%s'",
                           text ? text : "", s->id);
        used[ip - first] = true;
    }
    return r;
}

static int choose_address(struct model *m, const struct subnet_rec *s, char ret[16], struct err *e)
{
    _cleanup_free_ bool *used = NULL;
    uint64_t n = 0, at = 0;
    uint32_t first = 0;
    int r = block_of(s, &first, &n, e);

    if (r < 0)
        return r;
    used = xcalloc(n, sizeof *used);
    r = mark_used(m, s, first, n, used, e);
    if (r < 0)
        return r;
    for (uint64_t k = min_u64(FIRST_GIVEN, n - 2); k < n - 1 && !at; k++)
        at = used[k] ? 0 : k;
    for (uint64_t k = KEPT_FIRST; k < n - 1 && !at; k++) /* those below, when all others are gone */
        at = used[k] ? 0 : k;
    if (!at)
        return err_set(e, ENOSPC, ERR_LIMIT,
                       "There are not enough free addresses in subnet '%s' to satisfy the "
                       "requested number of instances.",
                       s->id);
    rules_ipv4_text(first + (uint32_t)at, ret);
    return 0;
}

static int check_address(struct model *m, const struct subnet_rec *s, const char *text,
                         struct err *e)
{
    uint32_t first = 0, ip = 0;
    uint64_t n = 0, used = 0;
    int r = block_of(s, &first, &n, e);

    if (r < 0)
        return r;
    if (rules_ipv4(text, &ip) < 0)
        return err_set(e, EINVAL, ERR_INVALID,
                       "Invalid value '%s' for address. It is no IPv4 "
                       "address.",
                       text);
    if (ip < first || ip - first >= n)
        return err_set(e, ERANGE, ERR_INVALID,
                       "Address %s does not fall within the subnet's address range", text);
    if (ip - first < KEPT_FIRST || ip - first == n - 1)
        return err_set(e, ERANGE, ERR_INVALID, "Address %s is in subnet's reserved address range",
                       text);
    r = db_u64(m, "SELECT 1 FROM interfaces WHERE subnet_id = ?1 AND private_ip = ?2",
               BINDS(T(s->id), T(text)), &used, e);
    if (r > 0)
        return err_set(e, EEXIST, ERR_EXISTS, "Address %s is in use.", text);
    return r;
}

/* ---- interfaces ------------------------------------------------------------------------------ */

static int fill(struct model *m, struct interface_rec *rec, const struct subnet_rec *s,
                struct err *e)
{
    struct instance_rec i;
    int r = model_instance_get(m, NULL, rec->instance_id, &i, e);

    if (r >= 0)
        r = rec->private_ip[0] ? check_address(m, s, rec->private_ip, e)
                               : choose_address(m, s, rec->private_ip, e);
    if (r < 0)
        return r;
    model_new_id("eni", rec->id);
    model_new_id("eni-attach", rec->attachment_id);
    COPY(rec->region, s->region);
    COPY(rec->zone, s->zone);
    COPY(rec->owner, s->owner);
    COPY(rec->vpc_id, s->vpc_id);
    COPY(rec->mac, i.mac);
    rec->created_ms = m->now_ms();
    return 0;
}

static int insert(struct model *m, struct interface_rec *rec, const char *const *groups, size_t n,
                  struct err *e)
{
    struct group_rec fallback;
    const char *fallback_id = fallback.id;
    struct subnet_rec s;
    int r = model_subnet_get(m, NULL, rec->subnet_id, &s, e);

    if (r >= 0)
        r = fill(m, rec, &s, e);
    if (r >= 0)
        r = public_give(m, rec, e);
    if (r >= 0)
        r = row_insert(m, &interface_table, rec, e);
    if (r >= 0 && n == 0) {
        r = model_group_find(m, rec->vpc_id, "default", &fallback, e);
        groups = &fallback_id;
        n = 1;
    }
    if (r >= 0)
        r = model_interface_groups_set(m, rec->id, groups, n, e);
    if (r < 0)
        return r;
    return db_exec(m,
                   "UPDATE instances SET vpc_id = ?2, subnet_id = ?3, private_ip = ?4"
                   " WHERE id = ?1",
                   BINDS(T(rec->instance_id), T(rec->vpc_id), T(rec->subnet_id),
                         T(rec->private_ip)),
                   e);
}

int model_interface_insert(struct model *m, struct interface_rec *rec, const char *const *groups,
                           size_t n, struct err *e)
{
    struct interface_rec made = *rec;
    int r = model_begin(m, e);

    if (r < 0)
        return r;
    r = model_end(m, insert(m, &made, groups, n, e), e);
    if (r >= 0)
        *rec = made;
    return r;
}

int model_interface_get(struct model *m, const char *region, const char *id,
                        struct interface_rec *ret, struct err *e)
{
    return row_get(m, &interface_table, region, id, ret, e);
}

int model_interface_list(struct model *m, const char *region, struct interface_rec **ret,
                         size_t *ret_n, struct err *e)
{
    void *v = NULL;
    int r = row_list(m, &interface_table, "WHERE ?1 IS NULL OR region = ?1 ORDER BY created_ms, id",
                     BINDS(T(region)), &v, ret_n, e);

    if (r >= 0)
        *ret = v;
    return r;
}

int model_interface_of(struct model *m, const char *instance_id, struct interface_rec *ret,
                       struct err *e)
{
    int r = row_one(m, &interface_table, "WHERE instance_id = ?1", BINDS(T(instance_id)), ret, e);

    if (r == 0)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "The instance '%s' has no network interface",
                       instance_id);
    return r < 0 ? r : 0;
}

int interface_forget(struct model *m, const char *instance_id, struct err *e)
{
    int r = public_end(m, instance_id, e);

    if (r >= 0)
        r = db_exec(m,
                    "DELETE FROM tags WHERE resource_id IN"
                    " (SELECT id FROM interfaces WHERE instance_id = ?1)",
                    BINDS(T(instance_id)), e);
    if (r < 0)
        return r;
    return db_exec(m, "DELETE FROM interfaces WHERE instance_id = ?1", BINDS(T(instance_id)), e);
}

/* ---- older databases ------------------------------------------------------------------------- */

static int adopt_one(struct model *m, const struct instance_rec *i, struct err *e)
{
    struct interface_rec rec = { .delete_on_termination = true };
    struct subnet_rec s;
    struct err why = { 0 };
    char zone[MODEL_REGION_MAX + 1];
    int r = model_subnet_default(m, i->region, i->zone, &s, &why);

    if (r < 0 && why.kind == ERR_NOT_FOUND) { /* a zone that nobody has now */
        (void)snprintf(zone, sizeof zone, "%sa", i->region);
        r = model_subnet_default(m, i->region, zone, &s, e);
    } else if (r < 0) {
        *e = why;
    }
    if (r < 0)
        return r;
    COPY(rec.instance_id, i->id);
    COPY(rec.subnet_id, s.id);
    return model_interface_insert(m, &rec, NULL, 0, e);
}

static int adopt(struct model *m, struct err *e)
{
    struct instance_rec *v;
    void *list = NULL;
    size_t n = 0;
    int r =
        row_list(m, &instance_table,
                 "WHERE state <> 'terminated' AND id NOT IN (SELECT instance_id FROM interfaces)"
                 " ORDER BY launched_ms, launch_index, id",
                 NO_BINDS, &list, &n, e);

    v = list;
    for (size_t i = 0; i < n && r >= 0; i++) {
        r = adopt_one(m, &v[i], e);
        if (r < 0)
            (void)err_wrap(e, "give instance '%s' a network interface", v[i].id);
    }
    free(v);
    return r;
}

int network_adopt(struct model *m, struct err *e)
{
    int r = model_begin(m, e);

    if (r < 0)
        return r;
    return model_end(m, adopt(m, e), e);
}
