/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "key-pair.h"

static const struct api_param params[] = {
    { .name = "KeyName", .type = PARAM_TEXT },
    { .name = "KeyPairId", .type = PARAM_TEXT },
    { 0 },
};

static int delete_key_pair(struct api_call *c, struct err *e)
{
    const char *name = api_text(c, "KeyName"), *id = api_text(c, "KeyPairId");
    struct key_pair_rec rec = { 0 };
    bool mine;
    int r;

    if (name && id)
        return api_fail(c, e, "InvalidParameterCombination",
                        "The parameters KeyName and KeyPairId cannot be used together");
    if (!name && !id)
        return api_fail(c, e, "MissingParameter",
                        "The request must contain the parameter KeyName or KeyPairId");
    r = model_key_pair_get(c->model, c->region, name ? name : id, &rec, e);
    /* the model finds both by one text; a name that looks like an id must not hit another pair */
    mine = r == 0 && str_eq(name ? rec.name : rec.id, name ? name : id);
    if (mine)
        r = model_key_pair_delete(c->model, c->region, name ? name : id, e);
    key_pair_rec_done(&rec);
    if (r < 0 && e->kind != ERR_NOT_FOUND)
        return r;
    err_clear(e); /* what is gone already is fine */
    xml_return_true(c->out);
    xml_text(c->out, "keyPairId", mine ? rec.id : NULL);
    return 0;
}

const struct api_action api_delete_key_pair = {
    .name = "DeleteKeyPair",
    .resource = "key-pair",
    .flags = API_WRITES,
    .params = params,
    .handle = delete_key_pair,
    .summary = "Forgets a key pair; an unknown one is fine.",
};
