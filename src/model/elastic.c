/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Elastic addresses: an account has them until it gives them back, with an interface or without. */
#include "model-priv.h"

#include <errno.h>

#include "rules.h"
#include "str.h"

#define COPY(dst, src) (void)str_copy(dst, sizeof(dst), src)

static const struct col cols[] = {
    KEY_COL(address_rec, id),
    TEXT_COL(address_rec, region),
    TEXT_COL(address_rec, owner),
    TEXT_COL(address_rec, public_ip),
    TEXT_COL(address_rec, interface_id),
    TEXT_COL(address_rec, association_id),
    COL(address_rec, created_ms, COL_U64),
};
const struct table address_table =
    TABLE("addresses", address_rec, cols, "The allocation ID '", "' does not exist");

int public_elastic_of(struct model *m, const char *interface_id, struct address_rec *ret,
                      struct err *e)
{
    return row_one(m, &address_table, "WHERE interface_id = ?1", BINDS(T(interface_id)), ret, e);
}

/* ---- finding --------------------------------------------------------------------------------- */

int model_address_get(struct model *m, const char *region, const char *id, struct address_rec *ret,
                      struct err *e)
{
    return row_get(m, &address_table, region, id, ret, e);
}

int model_address_by_ip(struct model *m, const char *region, const char *ip,
                        struct address_rec *ret, struct err *e)
{
    int r = row_one(m, &address_table, "WHERE region = ?1 AND public_ip = ?2",
                    BINDS(T(region), T(ip)), ret, e);

    if (r == 0)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "Address '%s' not found.", ip);
    return r < 0 ? r : 0;
}

int model_address_by_association(struct model *m, const char *region, const char *association_id,
                                 struct address_rec *ret, struct err *e)
{
    int r = row_one(m, &address_table, "WHERE region = ?1 AND association_id = ?2",
                    BINDS(T(region), T(association_id)), ret, e);

    if (r == 0)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "The association ID '%s' does not exist",
                       association_id);
    return r < 0 ? r : 0;
}

int model_address_list(struct model *m, const char *region, struct address_rec **ret, size_t *ret_n,
                       struct err *e)
{
    void *v = NULL;
    int r = row_list(m, &address_table, "WHERE ?1 IS NULL OR region = ?1 ORDER BY created_ms, id",
                     BINDS(T(region)), &v, ret_n, e);

    if (r >= 0)
        *ret = v;
    return r;
}

/* ---- allocating and giving back -------------------------------------------------------------- */

static int check_count(struct model *m, const char *region, struct err *e)
{
    uint64_t n = 0;
    int r = db_u64(m, "SELECT count(*) FROM addresses WHERE region = ?1", BINDS(T(region)), &n, e);

    if (r >= 0 && n >= MODEL_ADDRESSES_MAX)
        return err_set(e, EDQUOT, ERR_LIMIT,
                       "The maximum number of addresses has been reached: %d in a region",
                       MODEL_ADDRESSES_MAX);
    return r < 0 ? r : 0;
}

static int check_wanted(struct model *m, const char *ip, struct err *e)
{
    uint64_t used = 0;
    int r;

    if (!public_in_range(m, ip))
        return err_set(e, ENOENT, ERR_NOT_FOUND, "Address '%s' not found: addresses are of %s", ip,
                       m->public_range);
    r = db_u64(m,
               "SELECT 1 FROM interfaces WHERE public_ip = ?1"
               " UNION SELECT 1 FROM addresses WHERE public_ip = ?1",
               BINDS(T(ip)), &used, e);
    if (r > 0)
        return err_set(e, EEXIST, ERR_EXISTS, "Address '%s' is in use", ip);
    return r;
}

static int allocate(struct model *m, const char *region, const char *wanted,
                    struct address_rec *rec, struct err *e)
{
    int r = check_count(m, region, e);

    if (r >= 0)
        r = wanted ? check_wanted(m, wanted, e) : public_choose(m, rec->public_ip, e);
    if (r < 0)
        return r;
    if (wanted)
        COPY(rec->public_ip, wanted);
    model_new_id("eipalloc", rec->id);
    COPY(rec->region, region);
    COPY(rec->owner, m->account);
    rec->created_ms = m->now_ms();
    r = row_insert(m, &address_table, rec, e);
    if (r >= 0)
        db_notice(m, "address allocated id=%s ip=%s", rec->id, rec->public_ip);
    return r;
}

int model_address_allocate(struct model *m, const char *region, const char *wanted,
                           struct address_rec *ret, struct err *e)
{
    struct address_rec rec = { 0 };
    int r;

    if (!m->public_range[0])
        return err_set(e, EOPNOTSUPP, ERR_DENIED, "This installation has no public addresses");
    r = model_begin(m, e);
    if (r >= 0)
        r = model_end(m, allocate(m, region, wanted, &rec, e), e);
    if (r >= 0)
        *ret = rec;
    return r;
}

static int release(struct model *m, const char *id, struct err *e)
{
    struct address_rec a;
    int r = model_address_get(m, NULL, id, &a, e);

    if (r >= 0 && a.interface_id[0])
        return err_set(e, EBUSY, ERR_CONFLICT, "Address %s is in use.", a.public_ip);
    if (r >= 0)
        r = tags_forget(m, id, e);
    if (r >= 0)
        r = db_exec(m, "DELETE FROM addresses WHERE id = ?1", BINDS(T(id)), e);
    if (r >= 0)
        db_notice(m, "address released id=%s ip=%s", a.id, a.public_ip);
    return r;
}

int model_address_release(struct model *m, const char *id, struct err *e)
{
    int r = model_begin(m, e);

    return r < 0 ? r : model_end(m, release(m, id, e), e);
}

/* ---- association ----------------------------------------------------------------------------- */

static int let_go(struct model *m, struct address_rec *a, struct err *e)
{
    a->interface_id[0] = a->association_id[0] = '\0';
    return row_save(m, &address_table, a, e);
}

static int refuse_taken(const struct address_rec *a, struct err *e)
{
    return err_set(e, EEXIST, ERR_EXISTS, "resource %s is already associated with associate-id %s",
                   a->id, a->association_id);
}

/* The interface's own address goes back; the row is read anew, it may be another's by now. */
static int take_own(struct model *m, const char *interface_id, struct err *e)
{
    return db_exec(m, "UPDATE interfaces SET public_ip = '' WHERE id = ?1", BINDS(T(interface_id)),
                   e);
}

static int associate(struct model *m, struct address_rec *a, const char *interface_id, bool move,
                     struct err *e)
{
    char before[MODEL_ID_MAX];
    struct address_rec other;
    int r;

    if (str_eq(a->interface_id, interface_id))
        return 0;
    r = public_elastic_of(m, interface_id, &other, e);
    if (r >= 0 && !move && (r > 0 || a->interface_id[0]))
        return refuse_taken(r > 0 ? &other : a, e);
    if (r > 0)
        r = let_go(m, &other, e);
    if (r >= 0)
        r = take_own(m, interface_id, e);
    if (r < 0)
        return r;
    COPY(before, a->interface_id);
    COPY(a->interface_id, interface_id);
    model_new_id("eipassoc", a->association_id);
    r = row_save(m, &address_table, a, e);
    if (r >= 0 && before[0])
        r = public_give_again(m, before, e);
    if (r >= 0)
        db_notice(m, "address associated id=%s ip=%s interface=%s", a->id, a->public_ip,
                  interface_id);
    return r;
}

int model_address_associate(struct model *m, const char *id, const char *interface_id, bool move,
                            struct address_rec *ret, struct err *e)
{
    struct interface_rec nic;
    struct address_rec a;
    int r = model_begin(m, e);

    if (r < 0)
        return r;
    r = model_address_get(m, NULL, id, &a, e);
    if (r >= 0)
        r = model_interface_get(m, a.region, interface_id, &nic, e);
    if (r >= 0)
        r = associate(m, &a, interface_id, move, e);
    r = model_end(m, r, e);
    if (r >= 0)
        *ret = a;
    return r;
}

static int disassociate(struct model *m, const char *id, struct err *e)
{
    char before[MODEL_ID_MAX];
    struct address_rec a;
    int r = model_address_get(m, NULL, id, &a, e);

    if (r < 0 || !a.interface_id[0])
        return r;
    COPY(before, a.interface_id);
    r = let_go(m, &a, e);
    if (r >= 0)
        r = public_give_again(m, before, e);
    if (r >= 0)
        db_notice(m, "address disassociated id=%s ip=%s interface=%s", a.id, a.public_ip, before);
    return r;
}

int model_address_disassociate(struct model *m, const char *id, struct err *e)
{
    int r = model_begin(m, e);

    return r < 0 ? r : model_end(m, disassociate(m, id, e), e);
}
