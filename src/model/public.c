/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Public addresses: those that instances are given while they run, and elastic ones. One range, and
 * each address of it is at most once in both tables. The next one given is the one behind the last:
 * an address that was somebody's a moment ago is not another's at once. */
#include "model-priv.h"

#include <errno.h>
#include <string.h>

#include "rules.h"
#include "str.h"

#define KEPT_FIRST     2 /* the network's own, and the host's */
#define COPY(dst, src) (void)str_copy(dst, sizeof(dst), src)

/* ---- the range ------------------------------------------------------------------------------- */

static int meta_set(struct model *m, const char *name, const char *value, struct err *e)
{
    return db_exec(m,
                   "INSERT INTO meta (name, value) VALUES (?1, ?2)"
                   " ON CONFLICT DO UPDATE SET value = excluded.value",
                   BINDS(T(name), T(value)), e);
}

/* Does the range of now have it to give? */
bool public_in_range(const struct model *m, const char *ip)
{
    uint32_t first, a;
    uint64_t n;

    return m->public_range[0] && rules_ipv4_block(m->public_range, &first, &n) == 0 &&
           rules_ipv4(ip, &a) == 0 && a >= first + KEPT_FIRST && a - first < n - 1;
}

const char *model_public_range(const struct model *m)
{
    return m->public_range[0] ? m->public_range : NULL;
}

int model_public_range_before(struct model *m, char ret[MODEL_CIDR_MAX], struct err *e)
{
    return db_text(m, "SELECT value FROM meta WHERE name = 'public_range'", NO_BINDS, ret,
                   MODEL_CIDR_MAX, e);
}

static int mark_used(struct model *m, uint32_t first, uint64_t n, bool *used, struct err *e)
{
    _cleanup_statement_ sqlite3_stmt *st = NULL;
    int r = db_statement(m, NULL, SQL_PLAIN,
                         "SELECT public_ip FROM interfaces WHERE public_ip <> ''"
                         " UNION ALL SELECT public_ip FROM addresses",
                         NO_BINDS, &st, e);

    while (r >= 0 && (r = db_step(m, st, e)) > 0) {
        const char *text = (const char *)sqlite3_column_text(st, 0);
        uint32_t ip = 0;

        if (!text || rules_ipv4(text, &ip) < 0)
            return err_set(e, EUCLEAN, ERR_CORRUPT, "database: the public address '%s'",
                           text ? text : "");
        if (ip >= first && ip - first < n) /* those of an earlier range are in nobody's way */
            used[ip - first] = true;
    }
    return r;
}

/* Where the search begins: behind the one that was given last. */
static int last_given(struct model *m, uint32_t first, uint64_t n, uint64_t *ret, struct err *e)
{
    char text[16];
    uint32_t ip = 0;
    int r = db_text(m, "SELECT value FROM meta WHERE name = 'public_last'", NO_BINDS, text,
                    sizeof text, e);

    *ret = KEPT_FIRST - 1;
    if (r > 0 && rules_ipv4(text, &ip) == 0 && ip >= first + KEPT_FIRST && ip - first < n)
        *ret = ip - first;
    return r;
}

int public_choose(struct model *m, char ret[16], struct err *e)
{
    _cleanup_free_ bool *used = NULL;
    uint64_t n = 0, last = 0, room;
    uint32_t first = 0;
    int r;

    if (rules_ipv4_block(m->public_range, &first, &n) < 0 || n < 4)
        return err_set(e, EINVAL, ERR_INVALID, "'%s' has no public addresses", m->public_range);
    used = xcalloc(n, sizeof *used);
    r = mark_used(m, first, n, used, e);
    if (r >= 0)
        r = last_given(m, first, n, &last, e);
    if (r < 0)
        return r;
    room = n - KEPT_FIRST - 1;
    for (uint64_t k = 0; k < room; k++) {
        uint64_t at = KEPT_FIRST + (last + 1 - KEPT_FIRST + k) % room;

        if (used[at])
            continue;
        rules_ipv4_text(first + (uint32_t)at, ret);
        return meta_set(m, "public_last", ret, e);
    }
    return err_set(e, EADDRNOTAVAIL, ERR_LIMIT, "no public address of %s is free", m->public_range);
}

/* ---- what instances are given ---------------------------------------------------------------- */

int public_give(struct model *m, struct interface_rec *nic, struct err *e)
{
    struct address_rec a;
    int r;

    if (!m->public_range[0] || !nic->wants_public || public_in_range(m, nic->public_ip))
        return 0;
    r = public_elastic_of(m, nic->id, &a, e);
    return r != 0 ? r : public_choose(m, nic->public_ip, e);
}

static int give_and_save(struct model *m, struct interface_rec *nic, struct err *e)
{
    int r = public_give(m, nic, e);

    return r < 0 ? r : row_save(m, &interface_table, nic, e);
}

/* An instance of before networks were told has none. */
static int interface_of(struct model *m, const char *instance_id, struct interface_rec *ret,
                        struct err *e)
{
    return row_one(m, &interface_table, "WHERE instance_id = ?1", BINDS(T(instance_id)), ret, e);
}

int public_start(struct model *m, const char *instance_id, struct err *e)
{
    struct interface_rec nic;
    int r = interface_of(m, instance_id, &nic, e);

    return r <= 0 ? r : give_and_save(m, &nic, e);
}

int public_stop(struct model *m, const char *instance_id, struct err *e)
{
    return db_exec(m, "UPDATE interfaces SET public_ip = '' WHERE instance_id = ?1",
                   BINDS(T(instance_id)), e);
}

int public_end(struct model *m, const char *instance_id, struct err *e)
{
    return db_exec(m,
                   "UPDATE addresses SET interface_id = '', association_id = ''"
                   " WHERE interface_id IN (SELECT id FROM interfaces WHERE instance_id = ?1)",
                   BINDS(T(instance_id)), e);
}

static bool is_up(const struct instance_rec *i)
{
    return i->state == INSTANCE_PENDING || i->state == INSTANCE_RUNNING;
}

int public_give_again(struct model *m, const char *interface_id, struct err *e)
{
    struct interface_rec nic;
    struct instance_rec i;
    int r = row_get(m, &interface_table, NULL, interface_id, &nic, e);

    if (r >= 0)
        r = model_instance_get(m, NULL, nic.instance_id, &i, e);
    return r < 0 || !is_up(&i) ? r : give_and_save(m, &nic, e);
}

int model_public_of(struct model *m, const struct interface_rec *nic, struct public_view *ret,
                    struct err *e)
{
    struct public_view v = { 0 };
    struct address_rec a;
    int r = m->public_range[0] ? public_elastic_of(m, nic->id, &a, e) : 0;

    if (r < 0)
        return r;
    COPY(v.ip, r > 0 ? a.public_ip : nic->public_ip);
    if (r > 0) {
        COPY(v.allocation_id, a.id);
        COPY(v.association_id, a.association_id);
    }
    if (!public_in_range(m, v.ip))
        return 0;
    *ret = v;
    return 1;
}

/* ---- another range --------------------------------------------------------------------------- */

/* What they have of another range is nothing any more; who runs and wants one gets one. */
static int fit(struct model *m, struct interface_rec *nic, struct err *e)
{
    struct err why = { 0 };
    struct instance_rec i;
    int r;

    if (public_in_range(m, nic->public_ip) || (!nic->public_ip[0] && !nic->wants_public))
        return 0;
    nic->public_ip[0] = '\0';
    r = model_instance_get(m, NULL, nic->instance_id, &i, e);
    if (r >= 0 && is_up(&i) && (r = public_give(m, nic, &why)) < 0 && why.kind == ERR_LIMIT) {
        db_notice(m, "instance has no public address id=%s: %s", i.id, why.msg);
        r = 0;
    } else if (why.no) {
        *e = why;
    }
    return r < 0 ? r : row_save(m, &interface_table, nic, e);
}

static int set_range(struct model *m, struct err *e)
{
    _cleanup_free_ struct interface_rec *v = NULL;
    size_t n = 0;
    int r = model_interface_list(m, NULL, &v, &n, e);

    for (size_t i = 0; i < n && r >= 0; i++)
        r = fit(m, &v[i], e);
    if (r >= 0 && m->public_range[0])
        r = meta_set(m, "public_range", m->public_range, e);
    return r;
}

int model_public_range_set(struct model *m, const char *cidr, struct err *e)
{
    char before[MODEL_CIDR_MAX];
    int r;

    COPY(before, m->public_range);
    if (str_copy(m->public_range, sizeof m->public_range, cidr ? cidr : "") < 0)
        return err_set(e, EINVAL, ERR_INVALID, "'%s' is no range of addresses", cidr);
    r = model_begin(m, e);
    if (r >= 0)
        r = model_end(m, set_range(m, e), e);
    if (r < 0)
        COPY(m->public_range, before);
    return r;
}
