/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "key-pair.h"

static void by_id(const void *record, struct filter_match *f)
{
    filter_offer(f, ((const struct key_pair_rec *)record)->id);
}

static void by_fingerprint(const void *record, struct filter_match *f)
{
    filter_offer(f, ((const struct key_pair_rec *)record)->fingerprint);
}

static void by_name(const void *record, struct filter_match *f)
{
    filter_offer(f, ((const struct key_pair_rec *)record)->name);
}

static const struct filter_def filters[] = {
    { "fingerprint", by_fingerprint },
    { "key-name", by_name },
    { "key-pair-id", by_id },
    { 0 },
};

static const struct api_param params[] = {
    { .name = "KeyName.N", .type = PARAM_TEXT },
    { .name = "KeyPairId.N", .type = PARAM_TEXT },
    { .name = "IncludePublicKey", .type = PARAM_BOOL },
    { 0 },
};

static const struct key_pair_rec *find(const struct key_pair_rec *v, size_t n, const char *name,
                                       bool by_pair_id)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(by_pair_id ? v[i].id : v[i].name, name))
            return &v[i];
    return NULL;
}

static int check_listed(struct api_call *c, const char *list, bool by_pair_id,
                        const struct key_pair_rec *v, size_t n, struct err *e)
{
    for (size_t i = 0; i < api_count(c, list); i++) {
        const char *name = api_item(c, list, i, "");
        char shown[300];

        if (!find(v, n, name, by_pair_id))
            return api_fail(c, e, "InvalidKeyPair.NotFound",
                            by_pair_id ? "The key pair ID '%s' does not exist"
                                       : "The key pair '%s' does not exist",
                            str_show(name, shown, sizeof(shown)));
    }
    return 0;
}

static bool is_listed(const struct api_call *c, const struct key_pair_rec *k)
{
    size_t names = api_count(c, "KeyName"), ids = api_count(c, "KeyPairId");

    for (size_t i = 0; i < names; i++)
        if (str_eq(api_item(c, "KeyName", i, ""), k->name))
            return true;
    for (size_t i = 0; i < ids; i++)
        if (str_eq(api_item(c, "KeyPairId", i, ""), k->id))
            return true;
    return names + ids == 0;
}

static int put(struct api_call *c, const struct key_pair_rec *k, struct err *e)
{
    _cleanup_(tag_list_done) struct tag_list tags = { 0 };
    int r = model_tags_get(c->model, k->id, &tags, e);

    if (r < 0)
        return r;
    if (!api_filters_pass(c, filters, k, &tags))
        return 0;
    xml_open(c->out, "item");
    put_key_pair(c->out, k, &tags);
    xml_text(c->out, "keyType", k->type);
    if (api_bool(c, "IncludePublicKey", false))
        xml_text(c->out, "publicKey", k->public_key);
    xml_time(c->out, "createTime", k->created_ms);
    xml_close(c->out, "item");
    return 0;
}

static int put_all(struct api_call *c, const struct key_pair_rec *v, size_t n, struct err *e)
{
    int r = check_listed(c, "KeyName", false, v, n, e);

    if (r == 0)
        r = check_listed(c, "KeyPairId", true, v, n, e);
    if (r < 0)
        return r;
    xml_open(c->out, "keySet");
    for (size_t i = 0; i < n && r == 0; i++)
        if (is_listed(c, &v[i]))
            r = put(c, &v[i], e);
    xml_close(c->out, "keySet");
    return r;
}

static int describe_key_pairs(struct api_call *c, struct err *e)
{
    struct key_pair_rec *v = NULL;
    size_t n = 0;
    int r = api_filters_check(c, filters, e);

    if (r == 0)
        r = model_key_pair_list(c->model, c->region, &v, &n, e);
    if (r < 0)
        return r;
    r = put_all(c, v, n, e);
    key_pair_list_free(v, n);
    return r;
}

const struct api_action api_describe_key_pairs = {
    .name = "DescribeKeyPairs",
    .resource = "key-pair",
    .flags = API_FILTERS,
    .params = params,
    .handle = describe_key_pairs,
    .summary = "Lists key pairs, with their public halves when asked.",
};
