/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values that several actions check in the same way. */
#include "find.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define AMAZON_ACCOUNT "801119661308" /* owns EC2's Windows images; clients know it as "amazon" */
#define OWNERS_MAX     100            /* each record is held against each */

bool api_zone(const struct api_call *c, const char *text, char ret[MODEL_REGION_MAX])
{
    size_t n = strlen(c->region);

    if (n + 2 > MODEL_REGION_MAX)
        return false;
    if (text && (strncmp(text, c->region, n) != 0 || text[n] < 'a' || text[n] > 'c' || text[n + 1]))
        return false;
    memcpy(ret, c->region, n);
    ret[n] = text ? text[n] : 'a';
    ret[n + 1] = 0;
    return true;
}

uint64_t api_snapshot_size(const char *snapshot_id, bool *ret_encrypted, void *userdata)
{
    struct api_call *c = userdata;
    struct snapshot_rec s;
    struct err e = { 0 };

    if (model_snapshot_get(c->model, c->region, snapshot_id, &s, &e) < 0)
        return 0;
    if (ret_encrypted)
        *ret_encrypted = s.encrypted;
    return s.volume_size_gib;
}

int api_mapping_check(struct api_call *c, const struct mapping_list *l, struct err *e)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct mapping *m = &l->v[i];
        struct snapshot_rec s;
        int r;

        if (!m->snapshot_id[0])
            continue;
        r = api_find_snapshot(c, m->snapshot_id, &s, e);
        if (r < 0)
            return r;
        if (s.state != SNAPSHOT_COMPLETED)
            return api_fail(c, e, "IncorrectState",
                            "The snapshot '%s' is in the state '%s', not 'completed'", s.id,
                            model_snapshot_state_name(s.state));
    }
    return 0;
}

int api_encrypted(struct api_call *c, bool asked, bool *ret, struct err *e)
{
    bool all = false;
    int r = asked ? 0 : model_region_encrypts(c->model, c->region, &all, e);

    if (r >= 0)
        *ret = asked || all;
    return r;
}

int api_mapping_refused(struct api_call *c, int r, struct err *e)
{
    static const struct {
        int no;
        const char *code;
    } codes[] = {
        { EDOM, "InvalidBlockDeviceMapping" },      { ENODATA, "MissingParameter" },
        { ENOTSUP, "InvalidParameterCombination" }, { EBADMSG, "InvalidRequest" },
        { EINVAL, "InvalidParameterValue" },
    };

    if (e->kind == ERR_NOT_FOUND)
        c->wire_code = "InvalidSnapshot.NotFound";
    for (size_t i = 0; i < ARRAY_LEN(codes) && e->kind == ERR_INVALID; i++)
        if (codes[i].no == e->no)
            c->wire_code = codes[i].code;
    return r;
}

int api_capacity(struct api_call *c, const struct instance_type *type, uint64_t need, uint64_t want,
                 uint64_t *ret_fit, struct err *e)
{
    uint64_t memory = 0, vcpus = 0, count = 0, limit = c->cfg->memory_limit_mib, fit = want;
    int r = model_instance_usage(c->model, &memory, &vcpus, &count, e);

    if (r < 0)
        return r;
    if (c->cfg->max_instances) {
        fit = count < c->cfg->max_instances ? min_u64(fit, c->cfg->max_instances - count) : 0;
        if (fit < need)
            return api_fail(c, e, "InstanceLimitExceeded",
                            "You have requested more instances (%ju) than your current limit of %u "
                            "allows: %ju are in use",
                            (uintmax_t)need, c->cfg->max_instances, (uintmax_t)count);
    }
    if (limit) {
        uint64_t left = memory < limit ? limit - memory : 0;

        fit = min_u64(fit, left / type->memory_mib);
        if (fit < need)
            return api_fail(
                c, e, "InsufficientInstanceCapacity",
                "There is not enough memory for %ju instance(s) of type %s: %ju MiB are "
                "needed, %ju MiB of %ju MiB are free",
                (uintmax_t)need, type->name, (uintmax_t)(need * type->memory_mib), (uintmax_t)left,
                (uintmax_t)limit);
    }
    if (ret_fit)
        *ret_fit = fit;
    return 0;
}

int api_tag(struct api_call *c, const char *id, const struct tag_list *tags, struct err *e)
{
    if (tags->n == 0)
        return 0;
    api_about(c, "tag");
    return model_tags_set(c->model, c->region, id, tags, e);
}

/* ---- owners ---------------------------------------------------------------------------------- */

const char *api_owner_alias(const char *owner)
{
    return str_eq(owner, AMAZON_ACCOUNT) ? "amazon" : "";
}

bool api_is_account(const char *text)
{
    size_t n = 0;

    while (isdigit((unsigned char)text[n]))
        n++;
    return n == 12 && !text[n];
}

bool api_owner_matches(const struct api_call *c, const char *list, const char *owner)
{
    size_t n = api_count(c, list);

    for (size_t i = 0; i < n; i++) {
        const char *o = api_item(c, list, i, "");

        if (str_eq(o, owner) || (str_eq(o, "self") && str_eq(owner, c->account)) ||
            (api_owner_alias(owner)[0] && str_eq(o, api_owner_alias(owner))))
            return true;
    }
    return n == 0;
}

int api_owners_check(struct api_call *c, const char *list, const char *const *words, struct err *e)
{
    size_t n = api_count(c, list);

    if (n > OWNERS_MAX)
        return api_fail(c, e, "InvalidParameterValue", "The request names %zu owners, at most %d",
                        n, OWNERS_MAX);
    for (size_t i = 0; i < n; i++) {
        const char *o = api_item(c, list, i, "");
        bool known = !o || api_is_account(o);

        for (size_t k = 0; !known && words[k]; k++)
            known = str_eq(o, words[k]);
        if (!known)
            return api_fail(c, e, "InvalidUserID.Malformed",
                            "Invalid user id: \"%s\" (expecting an account id, or a word such as "
                            "'%s')",
                            o, words[0]);
    }
    return 0;
}
