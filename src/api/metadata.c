/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "metadata.h"

#include <errno.h>
#include <string.h>

#include "parse.h"

const char *const api_http_tokens[] = { "optional", "required", NULL };
const char *const api_switch[] = { "enabled", "disabled", NULL };
const char *const api_switched_off[] = { "disabled", NULL };

void api_metadata_defaults(const struct image_rec *image, struct api_metadata *m)
{
    bool v2 = str_eq(image->imds_support, "v2.0");

    *m = (struct api_metadata){ .tokens_required = v2, .hop_limit = v2 ? 2 : 1 };
}

void api_metadata_read(const struct api_call *c, const char *at, struct api_metadata *m)
{
    _cleanup_free_ char *tokens = xasprintf("%sHttpTokens", at);
    _cleanup_free_ char *endpoint = xasprintf("%sHttpEndpoint", at);
    _cleanup_free_ char *hops = xasprintf("%sHttpPutResponseHopLimit", at);
    _cleanup_free_ char *tags = xasprintf("%sInstanceMetadataTags", at);

    if (api_has(c, tokens))
        m->tokens_required = str_eq(api_text(c, tokens), "required");
    if (api_has(c, endpoint))
        m->disabled = str_eq(api_text(c, endpoint), "disabled");
    if (api_has(c, tags))
        m->tags = str_eq(api_text(c, tags), "enabled");
    m->hop_limit = (uint32_t)api_int(c, hops, m->hop_limit);
}

void api_metadata_keep(const struct api_metadata *m, struct instance_rec *i)
{
    i->metadata_tokens_required = m->tokens_required;
    i->metadata_disabled = m->disabled;
    i->metadata_tags = m->tags;
    i->metadata_hop_limit = m->hop_limit;
}

int api_metadata_check_tags(struct api_call *c, const struct tag_list *tags, struct err *e)
{
    for (size_t i = 0; i < tags->n; i++) {
        const char *key = tags->v[i].key;
        char shown[140];

        if (!key[strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                             "-_+=,.@:")] &&
            !str_eq(key, ".") && !str_eq(key, "..") && !str_eq(key, "_index"))
            continue;
        return api_fail(c, e, "InvalidParameterValue",
                        "'%s' is not a valid tag key. Tag keys must match pattern "
                        "([0-9a-zA-Z\\-_+=,.@:]{1,255}), and must not be a reserved name ('.', "
                        "'..', '_index')",
                        str_show(key, shown, sizeof(shown)));
    }
    return 0;
}

void api_put_metadata(struct api_call *c, const struct instance_rec *i)
{
    xml_text(c->out, "state", "applied");
    xml_text(c->out, "httpTokens", i->metadata_tokens_required ? "required" : "optional");
    xml_uint(c->out, "httpPutResponseHopLimit", max_u64(i->metadata_hop_limit, 1));
    xml_text(c->out, "httpEndpoint", i->metadata_disabled ? "disabled" : "enabled");
    xml_text(c->out, "httpProtocolIpv6", "disabled");
    xml_text(c->out, "instanceMetadataTags", i->metadata_tags ? "enabled" : "disabled");
}

int api_user_data(struct api_call *c, const char *base64, void **ret, size_t *ret_n, struct err *e)
{
    _cleanup_free_ void *bytes = NULL;
    size_t n = 0;
    int r;

    if (!base64)
        return 0;
    r = base64_decode(base64, &bytes, &n);
    if (r == -EINVAL)
        return api_fail(c, e, "InvalidParameterValue", "Invalid BASE64 encoding of user data");
    if (r < 0)
        return err_oom(e);
    if (n > MODEL_USER_DATA_MAX)
        return api_fail(c, e, "InvalidParameterValue", "User data is limited to %d bytes",
                        MODEL_USER_DATA_MAX);
    *ret = TAKE_PTR(bytes);
    *ret_n = n;
    return 0;
}
